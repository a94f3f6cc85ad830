//! Blocks and reports by their contracts.

use std::sync::Arc;

use crate::world::{DAY, MINUTE, SECOND, Way, World, heard, silent, ways};
use visavis_domain::{
    Code,
    contract::{
        friends::{self as friends_contract, Friends, Pair},
        moderation::{Report, ReportReason},
    },
    event::{Event, Topic},
    id::{NodeId, ParticipantId, RoomId, UserId},
    wire::Card,
};
use visavis_platform::db::{
    calls::{self, CallMember, CallOpened},
    visits::{self, Visit},
};
use visavis_services::friends;

const NOBODY: UserId = UserId::from_bits(404);
const ROOM: RoomId = RoomId::from_bits(1);

fn friends_of(w: &World, way: Way, max_blocks: u32) -> Arc<dyn Friends> {
    let settings = friends::Settings { max_blocks, ..friends::Settings::default() };
    let service = friends::Friends::new(crate::friends::deps_of(w, settings));
    way.reach(Arc::new(service), friends_contract::through)
}

async fn call(w: &World, room: RoomId, users: &[UserId]) {
    let member = |user: &UserId| CallMember {
        user: *user,
        participant: ParticipantId::from_bits(1),
        waited_ms: 0,
        ticket: None,
    };
    let call = CallOpened {
        room,
        kind: "random",
        node: NodeId::from_bits(1),
        opened_at: w.clock.now(),
        transport: "p2p",
        members: users.iter().map(member).collect(),
    };
    calls::open(&w.db, &call).await.unwrap();
    calls::started(&w.db, room, w.clock.now()).await.unwrap();
}

#[tokio::test]
async fn a_block_counts_for_both_and_only_its_owner_takes_it_back() {
    for way in ways() {
        let w = World::new(way).await;
        let friends = friends_of(&w, way, 10);
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        let mut people = w.bus.subscribe(Topic::People);
        friends.block(&w.cx, Pair { user: ada, other: bob }).await.unwrap();
        assert_eq!(heard(&mut people).await, Event::Blocked { user: ada, other: bob });
        w.clock.advance(MINUTE);
        friends.block(&w.cx, Pair { user: ada, other: eve }).await.unwrap();
        friends.block(&w.cx, Pair { user: ada, other: bob }).await.unwrap();
        let listed = friends.blocks(&w.cx, ada).await.unwrap();
        assert_eq!(
            listed.iter().map(|b| b.user.id).collect::<Vec<_>>(),
            [eve, bob],
            "newest first, each once"
        );
        assert_eq!(listed[1].since, w.clock.now() - MINUTE, "the first time counts");
        assert_eq!(listed[1].user, w.users.card(&w.cx, bob).await.unwrap());
        assert!(friends.blocks(&w.cx, bob).await.unwrap().is_empty(), "whom others block is not told");
        assert_eq!(friends.blocked_either_way(&w.cx, bob).await.unwrap(), [ada]);
        friends.unblock(&w.cx, Pair { user: bob, other: ada }).await.unwrap();
        assert_eq!(friends.blocked_either_way(&w.cx, bob).await.unwrap(), [ada]);
        friends.unblock(&w.cx, Pair { user: ada, other: bob }).await.unwrap();
        friends.unblock(&w.cx, Pair { user: ada, other: bob }).await.unwrap();
        assert!(friends.blocked_either_way(&w.cx, bob).await.unwrap().is_empty());
        assert_eq!(friends.blocked_either_way(&w.cx, ada).await.unwrap(), [eve]);
    }
}

#[tokio::test]
async fn nobody_blocks_themselves_or_a_stranger_to_the_house() {
    for way in ways() {
        let w = World::new(way).await;
        let friends = friends_of(&w, way, 10);
        let ada = w.person("ada").await;
        let mut people = w.bus.subscribe(Topic::People);
        let block = |other| friends.block(&w.cx, Pair { user: ada, other });
        assert_eq!(block(ada).await.unwrap_err().code, Code::BadRequest);
        let gone = Pair { user: NOBODY, other: ada };
        assert_eq!(
            friends.block(&w.cx, gone).await.unwrap_err().code,
            Code::NotFound,
            "there is no such blocker"
        );
        silent(&w.bus, &mut people, Topic::People).await;
        assert!(friends.blocked_either_way(&w.cx, ada).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_block_of_whoever_blocks_me_looks_like_one_of_nobody_in_every_answer() {
    for way in ways() {
        let w = World::new(way).await;
        let friends = friends_of(&w, way, 2);
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        friends.block(&w.cx, Pair { user: bob, other: ada }).await.unwrap();
        for other in [bob, NOBODY] {
            let pair = Pair { user: ada, other };
            friends.remove(&w.cx, pair).await.unwrap();
            friends.block(&w.cx, pair).await.unwrap();
            friends.block(&w.cx, pair).await.unwrap();
        }
        let listed = friends.blocks(&w.cx, ada).await.unwrap();
        let [one, two] = &listed[..] else { panic!("{listed:?}") };
        let mut ids = [one.user.id, two.user.id];
        ids.sort();
        let mut both = [bob, NOBODY];
        both.sort();
        assert_eq!(ids, both);
        assert_eq!(Card { id: bob, ..one.user.clone() }, Card { id: bob, ..two.user.clone() });
        assert_eq!((one.user.display_name.as_str(), one.since), ("", two.since));
        let held = w.users.held(&w.cx, ada).await.unwrap();
        assert_eq!(held["tables"]["blocks"].as_array().unwrap().len(), 2);
        // Both count, and both are taken back.
        assert_eq!(
            friends.block(&w.cx, Pair { user: ada, other: eve }).await.unwrap_err().code,
            Code::Conflict
        );
        for other in [bob, NOBODY] {
            friends.unblock(&w.cx, Pair { user: ada, other }).await.unwrap();
        }
        assert!(friends.blocks(&w.cx, ada).await.unwrap().is_empty());
        // Mine held, and it holds on when the other one is no more or less than that.
        friends.block(&w.cx, Pair { user: ada, other: bob }).await.unwrap();
        friends.unblock(&w.cx, Pair { user: bob, other: ada }).await.unwrap();
        assert_eq!(friends.blocked_either_way(&w.cx, bob).await.unwrap(), [ada]);
        assert_eq!(
            friends.blocks(&w.cx, ada).await.unwrap()[0].user,
            w.users.card(&w.cx, bob).await.unwrap()
        );
    }
}

#[tokio::test]
async fn the_number_of_blocks_is_bounded_even_for_many_at_once() {
    for way in ways() {
        let w = World::new(way).await;
        let friends = friends_of(&w, way, 3);
        let ada = w.person("ada").await;
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..6 {
            let pair = Pair { user: ada, other: w.person(&format!("p{n}")).await };
            let (friends, cx) = (friends.clone(), w.cx.clone());
            racing.spawn(async move { friends.block(&cx, pair).await.map_err(|f| f.code) });
        }
        let done = racing.join_all().await;
        assert_eq!(done.iter().filter(|d| d.is_ok()).count(), 3);
        assert!(done.iter().all(|d| matches!(d, Ok(()) | Err(Code::Conflict))));
        let listed = friends.blocks(&w.cx, ada).await.unwrap();
        assert_eq!(listed.len(), 3);
        friends.block(&w.cx, Pair { user: ada, other: listed[0].user.id }).await.unwrap();
        friends.unblock(&w.cx, Pair { user: ada, other: listed[0].user.id }).await.unwrap();
        friends.block(&w.cx, Pair { user: ada, other: w.person("late").await }).await.unwrap();
    }
}

fn report(by: UserId, of: UserId, note: Option<&str>) -> Report {
    Report {
        reporter: by,
        reported: of,
        room: ROOM,
        reason: ReportReason::Harassment,
        note: note.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_report_is_kept_once_and_blocks() {
    for way in ways() {
        let w = World::new(way).await;
        let (moderation, friends) = (w.moderation(way).await, friends_of(&w, way, 10));
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        call(&w, ROOM, &[ada, bob]).await;
        let mut people = w.bus.subscribe(Topic::People);
        let first = moderation.report(&w.cx, report(ada, bob, Some("  rude\nvery "))).await.unwrap();
        assert_eq!(heard(&mut people).await, Event::Blocked { user: ada, other: bob });
        assert_eq!(friends.blocked_either_way(&w.cx, bob).await.unwrap(), [ada]);
        assert_eq!(moderation.report(&w.cx, report(ada, bob, None)).await.unwrap(), first);
        let back = moderation.report(&w.cx, report(bob, ada, None)).await.unwrap();
        assert_ne!(back, first);
    }
}

#[tokio::test]
async fn only_somebody_met_there_within_a_day_can_be_reported() {
    for way in ways() {
        let w = World::new(way).await;
        let (moderation, friends) = (w.moderation(way).await, friends_of(&w, way, 10));
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        call(&w, ROOM, &[ada, bob]).await;
        call(&w, RoomId::from_bits(2), &[eve, bob]).await;
        let mut people = w.bus.subscribe(Topic::People);
        let code = |report| async { moderation.report(&w.cx, report).await.map(|_| ()).map_err(|f| f.code) };
        assert_eq!(code(report(ada, eve, None)).await, Err(Code::NotFound));
        assert_eq!(code(report(eve, bob, None)).await, Err(Code::NotFound), "they met elsewhere");
        assert_eq!(code(report(ada, ada, None)).await, Err(Code::NotFound));
        assert_eq!(code(report(ada, NOBODY, None)).await, Err(Code::NotFound));
        calls::ended(&w.db, ROOM, w.clock.now(), "left", &[]).await.unwrap();
        w.clock.advance(DAY + SECOND);
        assert_eq!(code(report(ada, bob, None)).await, Err(Code::NotFound), "too long ago");
        silent(&w.bus, &mut people, Topic::People).await;
        assert!(friends.blocked_either_way(&w.cx, ada).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn whoever_was_in_a_group_at_the_same_time_can_be_reported_for_a_day() {
    for way in ways() {
        let w = World::new(way).await;
        let (moderation, friends) = (w.moderation(way).await, friends_of(&w, way, 10));
        let (ada, bob, eve) = (w.person("ada").await, w.person("bob").await, w.person("eve").await);
        let stay = |n, user| Visit {
            participant: ParticipantId::from_bits(n),
            room: ROOM,
            user,
            node: NodeId::from_bits(1),
            came_at: w.clock.now(),
        };
        visits::came(&w.db, &stay(1, ada)).await.unwrap();
        visits::came(&w.db, &stay(2, bob)).await.unwrap();
        let mut people = w.bus.subscribe(Topic::People);
        let code = |report| async { moderation.report(&w.cx, report).await.map(|_| ()).map_err(|f| f.code) };
        assert_eq!(code(report(ada, eve, None)).await, Err(Code::NotFound));
        assert_eq!(code(report(ada, bob, None)).await, Ok(()));
        assert_eq!(heard(&mut people).await, Event::Blocked { user: ada, other: bob });
        let told = heard(&mut people).await;
        assert!(matches!(told, Event::Reported { user, room, .. } if (user, room) == (bob, ROOM)));
        assert_eq!(friends.blocked_either_way(&w.cx, bob).await.unwrap(), [ada]);
        visits::left(&w.db, ParticipantId::from_bits(1), w.clock.now(), "left").await.unwrap();
        w.clock.advance(MINUTE);
        visits::came(&w.db, &stay(3, eve)).await.unwrap();
        assert_eq!(code(report(eve, ada, None)).await, Err(Code::NotFound), "she had left before");
        assert_eq!(code(report(bob, ada, None)).await, Ok(()));
        w.clock.advance(DAY);
        let again = Report { reason: ReportReason::Spam, ..report(ada, bob, None) };
        assert_eq!(code(again).await, Err(Code::NotFound), "too long ago");
    }
}

#[tokio::test]
async fn nobody_is_reported_by_whom_they_never_were_with() {
    for way in ways() {
        let w = World::new(way).await;
        let moderation = w.moderation(way).await;
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        let met = |room| Report { room: RoomId::from_bits(room), ..report(ada, bob, None) };
        let code = |report| async { moderation.report(&w.cx, report).await.map(|_| ()).map_err(|f| f.code) };
        // Matched, and neither came.
        let member =
            |user| CallMember { user, participant: ParticipantId::from_bits(1), waited_ms: 0, ticket: None };
        let matched = CallOpened {
            room: RoomId::from_bits(1),
            kind: "random",
            node: NodeId::from_bits(1),
            opened_at: w.clock.now(),
            transport: "p2p",
            members: vec![member(ada), member(bob)],
        };
        calls::open(&w.db, &matched).await.unwrap();
        assert_eq!(code(met(1)).await, Err(Code::NotFound));
        calls::ended(&w.db, matched.room, w.clock.now(), "never-joined", &[]).await.unwrap();
        assert_eq!(code(met(1)).await, Err(Code::NotFound));
        // Called, and they weren't there to hear it; then they were, and didn't answer.
        let dialled = |room| calls::Dialled {
            room: RoomId::from_bits(room),
            node: NodeId::from_bits(1),
            at: w.clock.now(),
            transport: "p2p",
            caller: (ada, ParticipantId::from_bits(2)),
            callee: (bob, ParticipantId::from_bits(3)),
        };
        calls::missed(&w.db, &dialled(2), "offline", true).await.unwrap();
        let back = Report { room: RoomId::from_bits(2), ..report(bob, ada, None) };
        assert_eq!((code(met(2)).await, code(back).await), (Err(Code::NotFound), Err(Code::NotFound)));
        calls::dial(&w.db, &dialled(3)).await.unwrap();
        assert_eq!(code(met(3)).await, Err(Code::NotFound), "who calls");
        let stay = |n, user| Visit {
            participant: ParticipantId::from_bits(n),
            room: RoomId::from_bits(4),
            user,
            node: NodeId::from_bits(1),
            came_at: w.clock.now(),
        };
        visits::came(&w.db, &stay(4, bob)).await.unwrap();
        visits::came_apart(&w.db, &stay(5, ada), &[ParticipantId::from_bits(4)]).await.unwrap();
        assert_eq!(code(met(4)).await, Err(Code::NotFound), "kept apart");
        let ringing = Report { room: RoomId::from_bits(3), ..report(bob, ada, None) };
        assert_eq!(code(ringing).await, Ok(()), "whose page rang");
    }
}

#[tokio::test]
async fn a_day_after_the_end_a_report_still_counts_and_a_note_has_a_length() {
    for way in ways() {
        let w = World::new(way).await;
        let moderation = w.moderation(way).await;
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        call(&w, ROOM, &[ada, bob]).await;
        calls::ended(&w.db, ROOM, w.clock.now(), "left", &[]).await.unwrap();
        w.clock.advance(DAY);
        for note in ["é".repeat(1_001), "a\0b".to_owned()] {
            let fault = moderation.report(&w.cx, report(ada, bob, Some(&note))).await.unwrap_err();
            assert_eq!((fault.code, fault.fields[0].field.as_str()), (Code::BadRequest, "note"));
        }
        moderation.report(&w.cx, report(ada, bob, Some(&"é".repeat(1_000)))).await.unwrap();
    }
}
