//! Calls among friends by the contracts: who may call whom, and what each of the two remembers.

use std::time::Duration;

use visavis_domain::{
    Code,
    contract::{
        friends::{Ask, Asked, Pair, Whom},
        rooms::RoomKind,
        users::PastCall,
    },
    id::{NodeId, ParticipantId, RoomId, UserId},
};
use visavis_platform::db::{
    self,
    calls::{self, CallMember, CallOpened, Dialled, MemberLeft, Opening},
    visits::{self, Visit},
};

use crate::{
    friends::{Suite, generous},
    world::{MINUTE, SECOND, World, ways},
};

const NODE: NodeId = NodeId::from_bits(1);

fn dialled(w: &World, room: u128, from: UserId, to: UserId) -> Dialled<'static> {
    Dialled {
        room: RoomId::from_bits(room),
        node: NODE,
        at: w.clock.now(),
        transport: "p2p",
        caller: (from, ParticipantId::from_bits(1)),
        callee: (to, ParticipantId::from_bits(2)),
    }
}

async fn befriend(s: &Suite, a: UserId, b: UserId) {
    for (from, to) in [(a, b), (b, a)] {
        let private_id = s.w.users.me(&s.w.cx, to).await.unwrap().private_id;
        let asked = s.friends.ask(&s.w.cx, Ask { user: from, whom: Whom::PrivateId(private_id) }).await;
        assert_eq!(matches!(asked.unwrap(), Asked::Friends(_)), from == b);
    }
}

async fn history(s: &Suite, user: UserId) -> Vec<PastCall> {
    s.w.users.calls(&s.w.cx, user).await.unwrap()
}

#[tokio::test]
async fn only_friends_call_one_another_and_a_block_is_not_told() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let may = async |user, other| {
            s.friends
                .may_call(&s.w.cx, Pair { user, other })
                .await
                .map_err(|fault| (fault.code, fault.detail))
        };
        let stranger = may(ada, bob).await.unwrap_err();
        assert_eq!(stranger.0, Code::Forbidden);
        assert_eq!(may(ada, UserId::from_bits(404)).await.unwrap_err(), stranger);
        assert_eq!(may(ada, ada).await.unwrap_err().0, Code::BadRequest);
        befriend(&s, ada, bob).await;
        may(ada, bob).await.unwrap();
        may(bob, ada).await.unwrap();
        s.friends.block(&s.w.cx, Pair { user: bob, other: ada }).await.unwrap();
        assert_eq!(may(ada, bob).await.unwrap_err(), stranger);
        assert_eq!(may(bob, ada).await.unwrap_err(), stranger);
    }
}

#[tokio::test]
async fn each_remembers_the_same_call_from_their_side() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let call = dialled(&s.w, 1, ada, bob);
        assert_eq!(calls::dial(&s.w.db, &call).await.unwrap(), Opening::New);
        assert_eq!(calls::dial(&s.w.db, &call).await.unwrap(), Opening::Known);
        let running = history(&s, bob).await.remove(0);
        assert!(!running.missed && running.ended_at.is_none(), "it still rings");
        calls::answered(&s.w.db, call.room, bob).await.unwrap();
        calls::started(&s.w.db, call.room, s.w.clock.now()).await.unwrap();
        s.w.clock.advance(MINUTE);
        calls::ended(&s.w.db, call.room, s.w.clock.now(), "left", &[]).await.unwrap();
        let [mine, theirs] = [history(&s, ada).await.remove(0), history(&s, bob).await.remove(0)];
        assert_eq!((mine.kind, mine.incoming, mine.missed), (RoomKind::Friends, Some(false), false));
        assert_eq!((theirs.incoming, theirs.missed, theirs.duration_ms), (Some(true), false, 60_000));
        assert_eq!(theirs.people, [s.w.users.card(&s.w.cx, ada).await.unwrap()]);
        for (room, reason, missed) in
            [(2, "busy", true), (3, "offline", true), (4, "declined", false), (5, "timeout", true)]
        {
            s.w.clock.advance(SECOND);
            let call = dialled(&s.w, room, ada, bob);
            calls::missed(&s.w.db, &call, reason, true).await.unwrap();
            calls::missed(&s.w.db, &call, "timeout", true).await.unwrap();
            let last = history(&s, bob).await.remove(0);
            assert_eq!((last.room_id, last.missed), (call.room, missed), "{reason}");
            assert_eq!(last.reason.as_deref(), Some(reason), "the first word counts");
            assert!(!history(&s, ada).await[0].missed, "who called missed nothing");
        }
    }
}

#[tokio::test]
async fn a_block_is_told_by_nothing_that_is_remembered() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, cy) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("cy").await);
        for (room, start, reason, missed) in
            [(1, true, "left", false), (2, false, "declined", false), (3, false, "cancelled", true)]
        {
            let told = async |n: u128, blocked: bool| {
                let call = dialled(&s.w, n, ada, bob);
                calls::dial(&s.w.db, &call).await.unwrap();
                if start {
                    calls::answered(&s.w.db, call.room, bob).await.unwrap();
                    calls::started(&s.w.db, call.room, s.w.clock.now()).await.unwrap();
                }
                let left = MemberLeft { user: ada, at: s.w.clock.now(), reason: "left" };
                let left: &[_] = if reason == "declined" { &[] } else { &[left] };
                if blocked {
                    calls::blocked(&s.w.db, call.room, s.w.clock.now(), reason, left).await.unwrap();
                } else {
                    calls::ended(&s.w.db, call.room, s.w.clock.now(), reason, left).await.unwrap();
                }
                let mut told = Vec::new();
                for user in [ada, bob] {
                    let past =
                        history(&s, user).await.into_iter().find(|past| past.room_id == call.room).unwrap();
                    let held = s.w.users.held(&s.w.cx, user).await.unwrap();
                    let rows = held["tables"]["calls"].as_array().unwrap().clone();
                    let row = rows.into_iter().find(|row| row["room_id"] == call.room.to_string()).unwrap();
                    told.push((
                        PastCall { room_id: RoomId::from_bits(0), ..past },
                        row["reason"].clone(),
                        row["left_reason"].clone(),
                    ));
                }
                told
            };
            let (blocked, real) = (told(room * 2, true).await, told(room * 2 + 1, false).await);
            assert_eq!(blocked, real, "{reason}");
            assert_eq!((blocked[0].0.missed, blocked[1].0.missed), (false, missed), "{reason}");
        }
        // Nor is whoever blocks seen any more, nor who was kept apart.
        assert!(history(&s, ada).await.iter().all(|past| past.people.len() == 1));
        for (n, user) in [(30, ada), (31, cy)] {
            let participant = ParticipantId::from_bits(n);
            let visit =
                Visit { participant, room: RoomId::from_bits(9), user, node: NODE, came_at: s.w.clock.now() };
            let apart: &[_] = if user == cy { &[ParticipantId::from_bits(30)] } else { &[] };
            visits::came_apart(&s.w.db, &visit, apart).await.unwrap();
        }
        s.friends.block(&s.w.cx, Pair { user: bob, other: ada }).await.unwrap();
        for user in [ada, bob, cy] {
            let calls = history(&s, user).await;
            assert!(!calls.is_empty() && calls.iter().all(|past| past.people.is_empty()), "{calls:?}");
        }
    }
}

#[tokio::test]
async fn nobody_is_in_two_calls_of_two_and_who_is_called_is_in_none_before_they_answer() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, cy) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("cy").await);
        let first = dialled(&s.w, 1, ada, bob);
        calls::dial(&s.w.db, &first).await.unwrap();
        let in_call = Opening::InCall(vec![(ada, first.room)]);
        assert_eq!(calls::dial(&s.w.db, &dialled(&s.w, 2, ada, cy)).await.unwrap(), in_call);
        let second = dialled(&s.w, 3, bob, cy);
        assert_eq!(calls::dial(&s.w.db, &second).await.unwrap(), Opening::New, "Bob hasn't answered");
        let answered = calls::answered(&s.w.db, first.room, bob).await;
        assert_eq!(answered, Err(db::Error::Conflict), "Bob calls somebody himself");
        calls::ended(&s.w.db, second.room, s.w.clock.now(), "cancelled", &[]).await.unwrap();
        calls::answered(&s.w.db, first.room, bob).await.unwrap();
    }
}

#[tokio::test]
async fn the_last_twenty_calls_of_every_kind_are_remembered_each_once() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob, cy) = (s.w.person("ada").await, s.w.person("bob").await, s.w.person("cy").await);
        let member = |user, n| CallMember {
            user,
            participant: ParticipantId::from_bits(n),
            waited_ms: 0,
            ticket: None,
        };
        for n in 0..15_u128 {
            s.w.clock.advance(SECOND);
            let call = CallOpened {
                room: RoomId::from_bits(100 + n),
                kind: "random",
                node: NODE,
                opened_at: s.w.clock.now(),
                transport: "sfu",
                members: vec![member(ada, n), member(bob, n)],
            };
            calls::open(&s.w.db, &call).await.unwrap();
            if n > 0 {
                calls::started(&s.w.db, call.room, s.w.clock.now()).await.unwrap();
            }
            s.w.clock.advance(SECOND);
            calls::ended(&s.w.db, call.room, s.w.clock.now(), "left", &[]).await.unwrap();
        }
        assert_eq!(history(&s, ada).await.len(), 14, "the one that nobody came to isn't one");
        // A call of two that became a group, and groups entered again and again.
        let grown = dialled(&s.w, 200, ada, bob);
        calls::dial(&s.w.db, &grown).await.unwrap();
        calls::started(&s.w.db, grown.room, s.w.clock.now()).await.unwrap();
        s.w.clock.advance(SECOND);
        calls::ended(&s.w.db, grown.room, s.w.clock.now(), "grown", &[]).await.unwrap();
        for n in 0..12_u128 {
            let room = if n < 2 { grown.room } else { RoomId::from_bits(300 + n) };
            for (k, user) in [ada, cy].into_iter().enumerate() {
                let participant = ParticipantId::from_bits(1_000 + 10 * n + k as u128);
                let visit = Visit { participant, room, user, node: NODE, came_at: s.w.clock.now() };
                visits::came(&s.w.db, &visit).await.unwrap();
                let later = s.w.clock.now() + Duration::from_secs(5);
                visits::left(&s.w.db, participant, later, "left").await.unwrap();
            }
            s.w.clock.advance(MINUTE);
        }
        let calls = history(&s, ada).await;
        assert_eq!(calls.len(), 20);
        let mut rooms: Vec<_> = calls.iter().map(|call| call.room_id).collect();
        rooms.sort();
        rooms.dedup();
        assert_eq!(rooms.len(), 20, "each once");
        assert!(calls.windows(2).all(|two| two[0].at >= two[1].at), "newest first");
        let call = calls.iter().find(|call| call.room_id == grown.room).unwrap();
        assert_eq!((call.kind, call.people.len(), call.missed), (RoomKind::Friends, 2, false));
        assert!(calls.iter().filter(|call| call.kind == RoomKind::Group).all(|call| call.people.len() == 1));
    }
}

#[tokio::test]
async fn a_call_that_was_missed_is_no_meeting() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        let call = dialled(&s.w, 1, ada, bob);
        calls::missed(&s.w.db, &call, "offline", true).await.unwrap();
        let ask = Ask { user: ada, whom: Whom::Met(bob) };
        assert_eq!(s.friends.ask(&s.w.cx, ask).await.unwrap_err().code, Code::NotFound);
    }
}

#[tokio::test]
async fn what_is_told_of_a_call_late_names_nobody_whose_account_is_gone() {
    for way in ways() {
        let s = Suite::new(way, generous()).await;
        let (ada, gone) = (s.w.person("ada").await, UserId::from_bits(404));
        let call = |room: u128, from, to| Dialled {
            caller: (from, ParticipantId::from_bits(10 * room)),
            callee: (to, ParticipantId::from_bits(10 * room + 1)),
            ..dialled(&s.w, room, from, to)
        };
        for missed in [call(1, gone, ada), call(2, ada, gone)] {
            calls::missed(&s.w.db, &missed, "cancelled", true).await.unwrap();
            calls::missed(&s.w.db, &missed, "cancelled", true).await.unwrap();
        }
        assert_eq!(calls::dial(&s.w.db, &call(3, gone, ada)).await.unwrap(), Opening::New);
        for room in [1, 2, 3] {
            let call = calls::by_room(&s.w.db, RoomId::from_bits(room)).await.unwrap().unwrap();
            let users: Vec<_> = call.members.iter().map(|(user, ..)| *user).collect();
            assert_eq!(users.len(), 2, "calls are counted");
            assert!(users.contains(&ada) && !users.contains(&gone), "{users:?}");
        }
        assert_eq!(calls::room_of(&s.w.db, gone).await.unwrap(), None);
        let mut past = history(&s, ada).await;
        past.sort_by_key(|call| call.room_id);
        assert_eq!((past[0].incoming, past[0].missed, past[0].people.len()), (Some(true), true, 0));
        assert_eq!((past[1].incoming, past[1].people.len()), (Some(false), 0));
        assert!(!format!("{past:?}").contains(&gone.to_string()));
    }
}
