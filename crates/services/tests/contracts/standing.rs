//! Reputation and ratings by their contract.

use visavis_domain::{
    Code,
    contract::{
        moderation::{Report, ReportReason},
        users::Rate,
    },
    id::{NodeId, ParticipantId, RoomId, UserId},
    reputation::{START, settle::Kind},
    wire::Band,
};
use visavis_platform::db::calls::{self, CallMember, CallOpened};

use crate::world::{DAY, MINUTE, SECOND, Way, World, ways};

async fn talk(w: &World, room: u128, both: [UserId; 2]) -> RoomId {
    let call = begin(w, room, both).await;
    calls::ended(&w.db, call, w.clock.now(), "left", &[]).await.unwrap();
    call
}

/// The same, and one of them blocks the other at the end.
async fn blocked(w: &World, room: u128, both: [UserId; 2]) {
    let call = begin(w, room, both).await;
    calls::blocked(&w.db, call, w.clock.now(), "left", &[]).await.unwrap();
}

async fn begin(w: &World, room: u128, both: [UserId; 2]) -> RoomId {
    let member =
        |user| CallMember { user, participant: ParticipantId::from_bits(room), waited_ms: 0, ticket: None };
    let call = CallOpened {
        room: RoomId::from_bits(room),
        kind: "random",
        node: NodeId::from_bits(1),
        opened_at: w.clock.now(),
        transport: "sfu",
        members: both.map(member).into(),
    };
    calls::open(&w.db, &call).await.unwrap();
    calls::started(&w.db, call.room, w.clock.now()).await.unwrap();
    w.clock.advance(MINUTE);
    call.room
}

async fn report(w: &World, way: Way, room: RoomId, by: UserId, about: UserId) {
    let moderation = w.moderation(way).await;
    let (reason, note) = (ReportReason::Spam, None);
    let report = Report { reporter: by, reported: about, room, reason, note };
    moderation.report(&w.cx, report).await.unwrap();
}

#[tokio::test]
async fn good_calls_raise_and_reports_lower_it_in_words_and_a_month_later_a_report_is_forgiven() {
    for way in ways() {
        let w = World::new(way).await;
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        w.clock.advance(DAY * 2);
        for n in 1..=4 {
            talk(&w, n, [ada, bob]).await;
        }
        let of = async |user| w.users.reputation(&w.cx, user).await.unwrap();
        assert_eq!(of(ada).await.score, START, "it counts when the day is over");
        w.clock.advance(DAY);
        assert_eq!(of(ada).await.score, START + 3, "three points a day");
        assert_eq!(of(ada).await.entries.len(), 4, "looking again moves nothing");
        assert_eq!(w.users.seeker(&w.cx, bob).await.unwrap().reputation, START + 3, "what matchmaking sees");
        let room = talk(&w, 5, [ada, bob]).await;
        report(&w, way, room, ada, bob).await;
        assert_eq!(of(bob).await.score, START + 3, "nor a report");
        w.clock.advance(DAY);
        let after = of(bob).await;
        assert_eq!((after.score, after.entries[0].delta), (START + 2, -1), "a call with a report isn't good");
        assert_eq!(after.entries[0].kind, Some(Kind::Reported));
        assert!(after.entries[0].reason.contains("reported") && after.entries[0].recover_by.is_some());
        assert_eq!((after.band, of(ada).await.score), (Band::New, START + 4));
        w.clock.advance(DAY * 30 + SECOND);
        let later = of(bob).await;
        assert!(later.entries.iter().any(|entry| entry.delta == 1 && entry.reason.contains("forgiven")));
        assert_eq!(w.users.me(&w.cx, bob).await.unwrap().reputation, later.score);
        let sum: i32 = later.entries.iter().map(|entry| entry.delta).sum();
        assert_eq!(sum, i32::from(later.score), "the ledger explains every point");
    }
}

#[tokio::test]
async fn what_a_report_has_done_counts_when_its_day_is_over_and_nothing_says_who_it_was() {
    for way in ways() {
        let w = World::new(way).await;
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        w.clock.advance(DAY * 2 + MINUTE * 7);
        let room = talk(&w, 1, [ada, bob]).await;
        w.clock.advance(SECOND);
        let ledger = async || w.users.reputation(&w.cx, bob).await.unwrap();
        let held = async || w.users.held(&w.cx, bob).await.unwrap();
        let before = (ledger().await, held().await["tables"].clone());
        report(&w, way, room, ada, bob).await;
        assert_eq!((ledger().await, held().await["tables"].clone()), before, "nothing is told meanwhile");
        let reported = w.clock.now();
        w.clock.advance(MINUTE);
        talk(&w, 2, [ada, bob]).await;
        w.clock.advance(DAY);
        let entries = ledger().await.entries;
        let (day, told) = (reported.day(), reported.day() + DAY);
        assert_eq!((entries[0].at, entries[0].delta), (told, 1), "by size, not by time");
        assert_eq!((entries[1].at, entries[1].delta), (told, -1));
        assert_eq!(entries[1].recover_by, Some(told + 30 * DAY));
        let held = held().await;
        assert_eq!(held["tables"]["reportsAboutMe"][0]["at"], day.as_millis());
        let text = held.to_string();
        for clue in [ada.to_string(), "rpt_".to_owned(), reported.as_millis().to_string()] {
            assert!(!text.contains(&clue), "{clue} in {text}");
        }
        w.clock.advance(DAY * 31);
        let entries = ledger().await.entries;
        let forgiven =
            entries.iter().find(|entry| entry.reason.starts_with("Something is forgiven")).unwrap();
        assert_eq!(forgiven.at, forgiven.at.day());
    }
}

#[tokio::test]
async fn one_block_in_a_day_takes_no_point_and_so_tells_nobody_and_several_do() {
    for way in ways() {
        let w = World::new(way).await;
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        w.clock.advance(DAY * 2);
        blocked(&w, 1, [ada, bob]).await;
        w.clock.advance(DAY);
        let score = async |user| w.users.reputation(&w.cx, user).await.unwrap().score;
        assert_eq!((score(ada).await, score(bob).await), (START + 1, START + 1));
        blocked(&w, 2, [ada, bob]).await;
        blocked(&w, 3, [ada, eve]).await;
        w.clock.advance(DAY);
        assert_eq!((score(ada).await, score(bob).await, score(eve).await), (START + 1, START + 2, START + 1));
    }
}

#[tokio::test]
async fn a_call_of_mine_can_be_rated_for_a_day() {
    for way in ways() {
        let w = World::new(way).await;
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        let room = talk(&w, 1, [ada, bob]).await;
        let rate = async |user, room, stars| {
            w.users.rate(&w.cx, Rate { user, room, stars }).await.map_err(|fault| fault.code)
        };
        rate(ada, room, 5).await.unwrap();
        rate(ada, room, 1).await.unwrap();
        for stars in [0, 6] {
            assert_eq!(rate(ada, room, stars).await, Err(Code::BadRequest));
        }
        assert_eq!(rate(eve, room, 5).await, Err(Code::NotFound));
        assert_eq!(rate(ada, RoomId::from_bits(9), 5).await, Err(Code::NotFound));
        w.clock.advance(DAY + SECOND);
        assert_eq!(rate(bob, room, 5).await, Err(Code::NotFound));
    }
}
