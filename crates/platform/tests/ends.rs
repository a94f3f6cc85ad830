//! How calls end that nobody answered, or that a block ended: who has met whom, and what is kept.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::{NodeId, ParticipantId, RoomId, UserId},
};
use visavis_platform::db::calls::{self, CallMember, CallOpened};
use visavis_testkit::{Database, accounts::add};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn of_a_call_that_nobody_answered_only_who_heard_it_ring_has_met_the_other() {
    for place in Database::all().await {
        let db = place.open().await;
        let (ada, bob) = (add(&db, 10).await, add(&db, 11).await);
        let dialled = |room| calls::Dialled {
            room: RoomId::from_bits(room),
            node: NodeId::from_bits(1),
            at: NOW,
            transport: "p2p",
            caller: (ada, ParticipantId::from_bits(room * 2)),
            callee: (bob, ParticipantId::from_bits(room * 2 + 1)),
        };
        let met = async |room, a, b| calls::met(&db, RoomId::from_bits(room), a, b, NOW).await.unwrap();
        calls::dial(&db, &dialled(1)).await.unwrap();
        assert!(met(1, bob, ada).await && !met(1, ada, bob).await, "it rings");
        for (room, reason, rang) in
            [(2, "offline", false), (3, "busy", false), (4, "timeout", true), (5, "cancelled", true)]
        {
            calls::missed(&db, &dialled(room), reason, true).await.unwrap();
            assert_eq!((met(room, bob, ada).await, met(room, ada, bob).await), (rang, false), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_call_that_a_block_has_ended_is_kept_as_what_it_looks_like_and_is_not_clean() {
    for place in Database::all().await {
        let db = place.open().await;
        let (ada, bob) = (UserId::from_bits(10), UserId::from_bits(11));
        for room in [1, 2] {
            let member = |user| CallMember {
                user,
                participant: ParticipantId::from_bits(user.bits()),
                waited_ms: 0,
                ticket: None,
            };
            let opened = CallOpened {
                room: RoomId::from_bits(room),
                kind: "random",
                node: NodeId::from_bits(1),
                opened_at: NOW,
                transport: "sfu",
                members: vec![member(ada), member(bob)],
            };
            calls::open(&db, &opened).await.unwrap();
            let (room, left) =
                (RoomId::from_bits(room), calls::MemberLeft { user: ada, at: NOW + MINUTE, reason: "left" });
            calls::started(&db, room, NOW).await.unwrap();
            if room == RoomId::from_bits(1) {
                calls::ended(&db, room, NOW + MINUTE, "left", &[left]).await.unwrap();
            } else {
                calls::blocked(&db, room, NOW + MINUTE, "left", &[left]).await.unwrap();
                calls::blocked(&db, room, NOW + 2 * MINUTE, "lost", &[]).await.unwrap();
            }
        }
        let kept = async |room| calls::by_room(&db, RoomId::from_bits(room)).await.unwrap();
        assert_eq!(kept(1).await, kept(2).await, "nothing that either is told differs");
        for user in [ada, bob] {
            assert_eq!(calls::clean(&db, user, MINUTE, 9).await.unwrap(), 1);
        }
    }
}
