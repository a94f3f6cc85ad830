//! What is forgotten after its time.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::{NodeId, ParticipantId, ReportId, RoomId, TicketId, UserId},
};
use visavis_platform::{
    Db,
    db::{
        belongings,
        calls::{self, CallMember, CallOpened, MemberLeft},
        reports,
        retention::Retention,
    },
};
use visavis_testkit::{Database, accounts::add};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn calls_and_reports_are_forgotten_after_their_time_and_one_that_runs_is_not() {
    for place in Database::all().await {
        let db = place.open().await;
        let (ada, bob) = (add(&db, 1).await, add(&db, 2).await);
        for n in 1..=2_u128 {
            let member = |user: UserId| CallMember {
                user,
                participant: ParticipantId::from_bits(n * 10 + user.bits()),
                waited_ms: 0,
                ticket: Some(TicketId::from_bits(n * 10 + user.bits())),
            };
            let call = CallOpened {
                room: RoomId::from_bits(n),
                kind: "random",
                node: NodeId::from_bits(1),
                opened_at: NOW,
                transport: "p2p",
                members: vec![member(ada), member(bob)],
            };
            calls::open(&db, &call).await.unwrap();
            if n == 1 {
                let left = [ada, bob].map(|user| MemberLeft { user, at: NOW, reason: "left" });
                calls::ended(&db, RoomId::from_bits(n), NOW, "left", &left).await.unwrap();
            }
        }
        let held = |db: Db| async move {
            let held = belongings::held(&db, ada, NOW).await.unwrap();
            (held["calls"].as_array().unwrap().len(), held["reportsByMe"].as_array().unwrap().len())
        };
        let report = reports::Report {
            id: ReportId::from_bits(1),
            reporter: ada,
            room: RoomId::from_bits(1),
            reported: bob,
            reason: "spam",
            note: None,
            at: NOW,
        };
        let mut tx = db.write().await.unwrap();
        reports::insert(&mut tx, &report).await.unwrap();
        tx.commit().await.unwrap();
        let retention = Retention { calls_days: 10, reports_days: 30 };
        db.sweep(NOW + 10 * DAY, &retention).await.unwrap();
        assert_eq!(held(db.clone()).await, (2, 1), "on the last day");
        db.sweep(NOW + 10 * DAY + MINUTE, &retention).await.unwrap();
        assert_eq!(held(db.clone()).await, (1, 1), "the call that runs stays");
        db.sweep(NOW + 30 * DAY + MINUTE, &retention).await.unwrap();
        assert_eq!(held(db.clone()).await, (1, 0));
    }
}
