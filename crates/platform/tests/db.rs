//! One suite for every database engine: what is written is there, and what two writers do at once stays right.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::{ChallengeId, Id, LoginId, NodeId, ParticipantId, ReportId, RoomId, TicketId, UserId},
};
use visavis_platform::db::retention::Retention;
use visavis_platform::db::{
    Error, blocks,
    calls::{self, CallMember, CallOpened, MemberLeft, Opening},
    codes::{self, Challenge},
    keys, logins, pools, reports, users,
};
use visavis_testkit::{
    Database,
    accounts::{account, add, add_all},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

fn entry(delta: i32) -> users::Entry {
    users::Entry {
        at: NOW,
        delta,
        reason: format!("moved by {delta}"),
        recover_by: (delta < 0).then_some(NOW + DAY),
    }
}

#[tokio::test]
async fn a_taken_address_or_private_id_makes_no_account_and_no_ledger() {
    for place in Database::all().await {
        let db = place.open().await;
        add(&db, 1).await;
        let same_email = users::User { email: account(1).email, ..account(2) };
        let same_id = users::User { private_id: account(1).private_id, ..account(2) };
        for user in [same_email, same_id] {
            let mut tx = db.write().await.unwrap();
            assert!(!users::insert(&mut tx, &user, &entry(70)).await.unwrap());
            tx.commit().await.unwrap();
            assert!(users::ledger(&db, user.id).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    for place in Database::all().await {
        let db = place.open().await;
        let mut tx = db.write().await.unwrap();
        users::insert(&mut tx, &account(1), &entry(70)).await.unwrap();
        drop(tx);
        assert_eq!(users::by_id(&db, UserId::from_bits(1)).await.unwrap(), None);
        add(&db, 1).await;
    }
}

#[tokio::test]
async fn what_comes_after_a_failed_statement_is_not_done_either() {
    for place in Database::all().await {
        let db = place.open().await;
        add(&db, 1).await;
        let mut tx = db.write().await.unwrap();
        assert!(users::insert(&mut tx, &account(2), &entry(70)).await.unwrap());
        let nobody = UserId::from_bits(99);
        assert_eq!(blocks::insert(&mut tx, UserId::from_bits(1), nobody, NOW).await, Err(Error::Missing));
        let after = blocks::insert(&mut tx, UserId::from_bits(1), UserId::from_bits(2), NOW).await;
        assert_eq!(after, Err(Error::Internal), "{}", place.name);
        assert_eq!(tx.commit().await, Err(Error::Internal));
        assert_eq!(users::by_id(&db, UserId::from_bits(2)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    for place in Database::all().await {
        let db = place.open().await;
        let id = add(&db, 1).await;
        let change = |changes| {
            let db = db.clone();
            async move {
                let mut tx = db.write().await.unwrap();
                let user = users::update(&mut tx, id, &changes).await.unwrap();
                tx.commit().await.unwrap();
                user.unwrap()
            }
        };
        let set = users::Changes {
            country: Some(Some("DE".to_owned())),
            hide_ip: Some(true),
            ..Default::default()
        };
        let expected = users::User { country: Some("DE".to_owned()), hide_ip: true, ..account(1) };
        assert_eq!(change(set).await, expected);
        assert_eq!(change(users::Changes::default()).await, expected);
        let cleared =
            change(users::Changes { country: Some(None), bio: Some("hi".to_owned()), ..Default::default() })
                .await;
        assert_eq!(cleared, users::User { country: None, bio: "hi".to_owned(), ..expected });
        let mut tx = db.write().await.unwrap();
        assert_eq!(
            users::update(&mut tx, UserId::from_bits(9), &users::Changes::default()).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn the_score_stays_between_0_and_100_and_the_ledger_explains_it() {
    for place in Database::all().await {
        let db = place.open().await;
        let id = add(&db, 1).await;
        for (delta, score) in [(-15, 55), (-80, 0), (30, 30), (90, 100)] {
            let mut tx = db.write().await.unwrap();
            assert_eq!(users::move_reputation(&mut tx, id, &entry(delta)).await.unwrap(), Some(score));
            tx.commit().await.unwrap();
        }
        let deltas: Vec<_> = users::ledger(&db, id).await.unwrap().iter().map(|e| e.delta).collect();
        assert_eq!(deltas, [90, 30, -80, -15, 70]);
        let mut tx = db.write().await.unwrap();
        assert_eq!(users::move_reputation(&mut tx, UserId::from_bits(9), &entry(1)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn blocks_count_in_both_directions_and_need_accounts() {
    for place in Database::all().await {
        let db = place.open().await;
        let (a, b, c) = (add(&db, 1).await, add(&db, 2).await, add(&db, 3).await);
        let mut tx = db.write().await.unwrap();
        assert!(blocks::insert(&mut tx, a, b, NOW).await.unwrap().new);
        assert!(!blocks::insert(&mut tx, a, b, NOW + MINUTE).await.unwrap().new);
        assert!(blocks::insert(&mut tx, b, a, NOW).await.unwrap().new);
        assert!(blocks::insert(&mut tx, c, a, NOW).await.unwrap().new);
        assert_eq!(blocks::count_locked(&mut tx, a, 10).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(blocks::either_way(&db, a).await.unwrap(), [b, c]);
        assert_eq!(blocks::either_way(&db, b).await.unwrap(), [a]);
        let listed = blocks::of(&db, a, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].user, listed[0].at, listed[0].reputation), (1, b, NOW, 70));
        let mut tx = db.write().await.unwrap();
        assert!(blocks::delete(&mut tx, a, b).await.unwrap());
        assert!(!blocks::delete(&mut tx, a, b).await.unwrap());
        assert_eq!(blocks::insert(&mut tx, a, UserId::from_bits(99), NOW).await, Err(Error::Missing));
    }
}

#[tokio::test]
async fn the_same_report_twice_is_one() {
    for place in Database::all().await {
        let db = place.open().await;
        let (a, b) = (add(&db, 1).await, add(&db, 2).await);
        let report = |id| reports::Report {
            id: ReportId::from_bits(id),
            reporter: a,
            room: RoomId::from_bits(5),
            reported: b,
            reason: "spam",
            note: None,
            at: NOW,
        };
        let mut tx = db.write().await.unwrap();
        let first = reports::insert(&mut tx, &report(1)).await.unwrap();
        assert_eq!(reports::insert(&mut tx, &report(2)).await.unwrap(), first);
        let elsewhere = reports::Report { room: RoomId::from_bits(6), ..report(3) };
        assert_ne!(reports::insert(&mut tx, &elsewhere).await.unwrap(), first);
        let graver = reports::Report { reason: "minor", ..report(4) };
        assert_eq!(
            reports::insert(&mut tx, &graver).await.unwrap(),
            graver.id,
            "what else they say counts, too"
        );
        let tomorrow = reports::Report { at: NOW + Duration::from_hours(25), ..report(5) };
        assert_eq!(reports::insert(&mut tx, &tomorrow).await.unwrap(), tomorrow.id, "it happened again");
    }
}

fn call(room: u128, at: Timestamp, users: &[u128]) -> CallOpened<'static> {
    let member = |n: &u128| CallMember {
        user: UserId::from_bits(*n),
        participant: ParticipantId::from_bits(*n),
        waited_ms: 1_500,
        ticket: Some(TicketId::from_bits(room * 1_000 + *n)),
    };
    CallOpened {
        room: RoomId::from_bits(room),
        kind: "random",
        node: NodeId::from_bits(room % 2),
        opened_at: at,
        transport: "p2p",
        members: users.iter().map(member).collect(),
    }
}

#[tokio::test]
async fn the_first_end_of_a_call_wins() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..20).await;
        let (room, ada, bob) = (RoomId::from_bits(1), UserId::from_bits(10), UserId::from_bits(11));
        assert_eq!(calls::open(&db, &call(1, NOW, &[10, 11])).await.unwrap(), Opening::New);
        assert_eq!(calls::open(&db, &call(1, NOW + MINUTE, &[12, 13])).await.unwrap(), Opening::Known);
        calls::started(&db, room, NOW + MINUTE).await.unwrap();
        calls::started(&db, room, NOW + 2 * MINUTE).await.unwrap();
        let left = [MemberLeft { user: ada, at: NOW + 3 * MINUTE, reason: "left" }];
        calls::ended(&db, room, NOW + 4 * MINUTE, "left", &left).await.unwrap();
        calls::ended(&db, room, NOW + 9 * MINUTE, "server-lost", &[]).await.unwrap();
        let row = calls::by_room(&db, room).await.unwrap().unwrap();
        assert_eq!(
            (row.opened_at, row.started_at, row.ended_at),
            (NOW, Some(NOW + MINUTE), Some(NOW + 4 * MINUTE))
        );
        assert_eq!(row.reason.as_deref(), Some("left"));
        let left = |user, at, reason: &str| (user, 1_500, Some(at), Some(reason.to_owned()));
        assert_eq!(row.members, [left(ada, NOW + 3 * MINUTE, "left"), left(bob, NOW + 4 * MINUTE, "left")]);
        assert_eq!(calls::by_room(&db, RoomId::from_bits(2)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_ticket_opens_one_call_and_nobody_is_in_two() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..20).await;
        assert_eq!(calls::open(&db, &call(1, NOW, &[10, 11])).await.unwrap(), Opening::New);
        let (ada, room) = (UserId::from_bits(10), RoomId::from_bits(1));
        // Another call for one who is in a call: not written at all, and the one in the way is named.
        assert_eq!(
            calls::open(&db, &call(2, NOW, &[12, 10])).await.unwrap(),
            Opening::InCall(vec![(ada, room)])
        );
        assert_eq!(calls::by_room(&db, RoomId::from_bits(2)).await.unwrap(), None);
        assert_eq!(calls::room_of(&db, ada).await.unwrap(), Some(room));
        calls::left(&db, room, &MemberLeft { user: ada, at: NOW + MINUTE, reason: "left" }).await.unwrap();
        assert_eq!(calls::room_of(&db, ada).await.unwrap(), None);
        assert_eq!(calls::open(&db, &call(2, NOW, &[12, 10])).await.unwrap(), Opening::New);
        // The very ticket of the first call, though its owner is free: used up.
        calls::ended(&db, room, NOW + MINUTE, "left", &[]).await.unwrap();
        let mut again = call(3, NOW, &[11, 14]);
        again.members[0].ticket = Some(TicketId::from_bits(1_011));
        assert_eq!(calls::open(&db, &again).await.unwrap(), Opening::TicketUsed);
        assert_eq!(calls::open(&db, &call(3, NOW, &[11, 14])).await.unwrap(), Opening::New);
        assert_eq!(calls::open(&db, &call(4, NOW, &[15])).await.unwrap(), Opening::New);
    }
}

#[tokio::test]
async fn each_epoch_of_a_pool_is_handed_out_once() {
    for place in Database::all().await {
        let db = place.open().await;
        let next = async || pools::next_epoch(&db, "adult").await.unwrap();
        let mut epochs: [u64; 5] = tokio::join!(next(), next(), next(), next(), next()).into();
        epochs.sort_unstable();
        assert_eq!(epochs, [1, 2, 3, 4, 5]);
        assert_eq!(pools::next_epoch(&db, "other").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn partners_are_newest_first_and_a_long_call_counts_from_its_end() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..20).await;
        for (room, partner, minute) in [(1, 11, 0), (3, 11, 2), (4, 13, 3), (2, 12, 4)] {
            let at = NOW + MINUTE * minute;
            calls::open(&db, &call(room, at, &[10, partner])).await.unwrap();
            if room != 2 {
                calls::ended(&db, RoomId::from_bits(room), at, "left", &[]).await.unwrap();
            }
        }
        let me = UserId::from_bits(10);
        let of = |since| {
            let db = db.clone();
            async move { calls::partners_since(&db, me, since).await.unwrap() }
        };
        let met = |n: u128, minute: u32| (UserId::from_bits(n), NOW + MINUTE * minute);
        assert_eq!(of(NOW).await, [met(12, 4), met(13, 3), met(11, 2)]);
        assert_eq!(of(NOW + MINUTE * 3).await, [met(12, 4), met(13, 3)]);
        calls::ended(&db, RoomId::from_bits(2), NOW + MINUTE * 40, "left", &[]).await.unwrap();
        assert_eq!(of(NOW + MINUTE * 10).await, [met(12, 40)]);
        assert!(calls::partners_since(&db, UserId::from_bits(77), NOW).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn two_have_met_while_the_call_runs_and_for_the_asked_time_after_its_end() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..20).await;
        let (room, ada, bob, eve) =
            (RoomId::from_bits(1), UserId::from_bits(10), UserId::from_bits(11), UserId::from_bits(12));
        calls::open(&db, &call(1, NOW, &[10, 11])).await.unwrap();
        assert!(!calls::met(&db, room, ada, bob, NOW).await.unwrap(), "they aren't in yet");
        calls::started(&db, room, NOW).await.unwrap();
        assert!(calls::met(&db, room, ada, bob, NOW + DAY).await.unwrap(), "it still runs");
        calls::ended(&db, room, NOW + MINUTE, "left", &[]).await.unwrap();
        assert!(calls::met(&db, room, bob, ada, NOW + MINUTE).await.unwrap());
        assert!(!calls::met(&db, room, bob, ada, NOW + MINUTE + Duration::from_millis(1)).await.unwrap());
        assert!(!calls::met(&db, room, ada, eve, NOW).await.unwrap());
        assert!(!calls::met(&db, room, ada, ada, NOW).await.unwrap());
        assert!(!calls::met(&db, RoomId::from_bits(2), ada, bob, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn only_calls_of_a_useful_length_through_the_server_are_clean() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..62).await;
        for (room, transport, started, length, reason) in [
            (1, "sfu", true, MINUTE, "left"),
            (2, "sfu", true, Duration::from_secs(59), "left"),
            (3, "p2p", true, 9 * MINUTE, "left"),
            (4, "sfu", true, 9 * MINUTE, "safety"),
            (5, "sfu", false, 9 * MINUTE, "never-joined"),
            (6, "sfu", true, 9 * MINUTE, "lost"),
        ] {
            let opened = CallOpened {
                transport,
                ..call(room, NOW + MINUTE * 20 * u32::try_from(room).unwrap(), &[10, room * 10 + 1])
            };
            assert_eq!(calls::open(&db, &opened).await.unwrap(), Opening::New);
            let (room, began) = (RoomId::from_bits(room), opened.opened_at + MINUTE);
            if started {
                calls::started(&db, room, began).await.unwrap();
            }
            calls::ended(&db, room, began + length, reason, &[]).await.unwrap();
        }
        let ada = UserId::from_bits(10);
        assert_eq!(calls::clean(&db, ada, MINUTE, 9).await.unwrap(), 2);
        assert_eq!(calls::clean(&db, ada, Duration::ZERO, 9).await.unwrap(), 3);
        assert_eq!(calls::clean(&db, ada, MINUTE, 1).await.unwrap(), 1, "counted up to a bound");
    }
}

#[tokio::test]
async fn dangling_calls_are_closed_by_node_or_all_and_only_once() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 10..62).await;
        for room in 1..=5 {
            calls::open(&db, &call(room, NOW, &[room * 10, room * 10 + 1])).await.unwrap();
        }
        calls::ended(&db, RoomId::from_bits(1), NOW, "left", &[]).await.unwrap();
        let mut nodes = calls::nodes_running(&db).await.unwrap();
        nodes.sort();
        assert_eq!(nodes, [NodeId::from_bits(0), NodeId::from_bits(1)]);
        let running = calls::running_on(&db, NodeId::from_bits(1)).await.unwrap();
        assert_eq!(running.len(), 2);
        assert!(running.iter().all(|(room, users)| users.len() == 2 && users[0].bits() == room.bits() * 10));
        let one = Some(NodeId::from_bits(1));
        assert_eq!(calls::close_dangling(&db, one, NOW + MINUTE, "server-lost").await.unwrap(), 2);
        assert_eq!(calls::close_dangling(&db, one, NOW + MINUTE, "server-lost").await.unwrap(), 0);
        assert_eq!(calls::nodes_running(&db).await.unwrap(), [NodeId::from_bits(0)]);
        assert_eq!(calls::close_dangling(&db, None, NOW + MINUTE, "server-lost").await.unwrap(), 2);
        let row = calls::by_room(&db, RoomId::from_bits(3)).await.unwrap().unwrap();
        assert_eq!((row.ended_at, row.reason.as_deref()), (Some(NOW + MINUTE), Some("server-lost")));
        assert!(row.members.iter().all(|m| m.3.as_deref() == Some("server-lost")));
        let left_before = calls::by_room(&db, RoomId::from_bits(1)).await.unwrap().unwrap();
        assert_eq!(left_before.reason.as_deref(), Some("left"));
    }
}

fn challenge(n: u128, at: Timestamp) -> Challenge {
    Challenge {
        id: ChallengeId::from_bits(n),
        email: "a@x.example".to_owned(),
        salt: "salt".to_owned(),
        code_mac: format!("mac{n}"),
        link_hash: format!("hash{n}"),
        tries: 0,
        created_at: at,
        expires_at: at + 5 * MINUTE,
        used_at: None,
        held: false,
    }
}

#[tokio::test]
async fn a_challenge_is_traded_once_and_only_while_it_lives() {
    for place in Database::all().await {
        let db = place.open().await;
        let mut tx = db.write().await.unwrap();
        codes::insert(&mut tx, &challenge(1, NOW)).await.unwrap();
        codes::insert(&mut tx, &challenge(2, NOW)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.write().await.unwrap();
        let same_link = Challenge { id: Id::from_bits(3), ..challenge(1, NOW) };
        assert_eq!(codes::insert(&mut tx, &same_link).await, Err(Error::Conflict));
        drop(tx);
        let mut tx = db.write().await.unwrap();
        assert!(codes::use_up(&mut tx, Id::from_bits(1), NOW + MINUTE).await.unwrap());
        assert!(!codes::use_up(&mut tx, Id::from_bits(1), NOW + MINUTE).await.unwrap());
        assert!(!codes::use_up(&mut tx, Id::from_bits(2), NOW + 5 * MINUTE).await.unwrap());
        tx.commit().await.unwrap();
        let used = codes::by_link(&db, "hash1").await.unwrap().unwrap();
        assert_eq!(used.used_at, Some(NOW + MINUTE));
        assert_eq!(codes::by_link(&db, "hash9").await.unwrap(), None);
    }
}

#[tokio::test]
async fn tries_and_failures_are_counted_within_their_window() {
    for place in Database::all().await {
        let db = place.open().await;
        let mut tx = db.write().await.unwrap();
        let one = challenge(1, NOW);
        codes::insert(&mut tx, &one).await.unwrap();
        for n in 1..=3 {
            assert_eq!(codes::count_try(&mut tx, one.id).await.unwrap(), n);
            codes::add_failure(&mut tx, &one, n, NOW + MINUTE * n).await.unwrap();
        }
        assert_eq!(codes::by_id_locked(&mut tx, one.id, NOW).await.unwrap().unwrap().tries, 3);
        assert_eq!(codes::failures(&mut tx, &one.email, NOW, 20).await.unwrap(), 3);
        assert_eq!(codes::failures(&mut tx, &one.email, NOW + MINUTE * 2, 20).await.unwrap(), 1);
        assert_eq!(codes::failures(&mut tx, &one.email, NOW, 2).await.unwrap(), 2, "counted up to a bound");
        assert_eq!(codes::failures(&mut tx, "b@x.example", NOW, 20).await.unwrap(), 0);
        assert_eq!(codes::of_address(&mut tx, &one.email, NOW).await.unwrap().len(), 1);
        assert!(codes::of_address(&mut tx, &one.email, NOW + MINUTE).await.unwrap().is_empty());
        assert_eq!(codes::by_id_locked(&mut tx, codes::NOBODYS, NOW).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_sweep_forgets_what_no_rule_looks_at_and_keeps_the_rest() {
    for place in Database::all().await {
        let db = place.open().await;
        let user = add(&db, 1).await;
        let mut tx = db.write().await.unwrap();
        for n in 1..=600 {
            codes::insert(&mut tx, &challenge(n, NOW)).await.unwrap();
        }
        codes::insert(&mut tx, &challenge(601, NOW + DAY)).await.unwrap();
        codes::add_failure(&mut tx, &challenge(1, NOW), 1, NOW).await.unwrap();
        codes::lock_address(&mut tx, "a@x.example", NOW).await.unwrap();
        logins::insert(&mut tx, &login(1, user, NOW)).await.unwrap();
        logins::insert(&mut tx, &login(2, user, NOW)).await.unwrap();
        logins::end(&mut tx, LoginId::from_bits(1), NOW, "logout").await.unwrap();
        tx.commit().await.unwrap();
        let later = NOW + DAY + 6 * MINUTE;
        assert!(db.sweep(later, &Retention::default()).await.unwrap());
        assert!(codes::by_link(&db, "hash600").await.unwrap().is_some(), "one sweep is bounded");
        assert!(db.sweep(later, &Retention::default()).await.unwrap());
        assert!(!db.sweep(later, &Retention::default()).await.unwrap());
        assert!(codes::by_link(&db, "hash600").await.unwrap().is_none());
        assert!(codes::by_link(&db, "hash601").await.unwrap().is_some());
        assert!(logins::by_id(&db, LoginId::from_bits(1)).await.unwrap().is_none());
        assert!(logins::by_id(&db, LoginId::from_bits(2)).await.unwrap().is_some());
        assert!(db.sweep(NOW + 32 * DAY, &Retention::default()).await.unwrap());
        assert!(logins::by_id(&db, LoginId::from_bits(2)).await.unwrap().is_none());
    }
}

fn login(n: u128, user: UserId, at: Timestamp) -> logins::Login {
    logins::Login {
        id: LoginId::from_bits(n),
        user,
        user_agent: "Firefox".to_owned(),
        created_at: at,
        last_used_at: at,
        expires_at: at + 30 * DAY,
        ended_at: None,
        current_hash: format!("t0 of {n}"),
        previous_hash: None,
        rotated_at: None,
        successor: None,
    }
}

#[tokio::test]
async fn of_many_racing_rotations_exactly_one_wins() {
    for place in Database::all().await {
        let db = place.open().await;
        let user = add(&db, 1).await;
        let mut tx = db.write().await.unwrap();
        logins::insert(&mut tx, &login(1, user, NOW)).await.unwrap();
        tx.commit().await.unwrap();
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..10 {
            let db = db.clone();
            racing.spawn(async move {
                let mut tx = db.write().await.unwrap();
                let rotation = logins::Rotation {
                    id: LoginId::from_bits(1),
                    old: "t0 of 1",
                    new: &format!("t1 by {n}"),
                    successor: "sealed",
                    now: NOW + MINUTE,
                    expires_at: NOW + MINUTE + 30 * DAY,
                };
                let owner = logins::rotate(&mut tx, &rotation).await.unwrap();
                tx.commit().await.unwrap();
                owner.map(|owner| (owner, n))
            });
        }
        let won: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        let row = logins::by_id(&db, LoginId::from_bits(1)).await.unwrap().unwrap();
        assert_eq!((won[0].0, row.current_hash), (user, format!("t1 by {}", won[0].1)));
        assert_eq!((row.previous_hash.as_deref(), row.rotated_at), (Some("t0 of 1"), Some(NOW + MINUTE)));
    }
}

#[tokio::test]
async fn the_least_recently_used_sessions_are_ended_first() {
    for place in Database::all().await {
        let db = place.open().await;
        let (user, other) = (add(&db, 1).await, add(&db, 2).await);
        let mut tx = db.write().await.unwrap();
        for n in 1..=5u32 {
            logins::insert(&mut tx, &login(u128::from(n), user, NOW + MINUTE * n)).await.unwrap();
        }
        logins::insert(&mut tx, &login(9, other, NOW)).await.unwrap();
        let mut ended = logins::end_surplus(&mut tx, user, 3, NOW + DAY).await.unwrap();
        ended.sort();
        assert_eq!(ended, [LoginId::from_bits(1), LoginId::from_bits(2)]);
        assert!(logins::end_surplus(&mut tx, user, 3, NOW + DAY).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        let live: Vec<_> =
            logins::live(&db, user, NOW + DAY).await.unwrap().iter().map(|l| l.id.bits()).collect();
        assert_eq!(live, [5, 4, 3]);
        assert_eq!(logins::live(&db, other, NOW + DAY).await.unwrap().len(), 1);
        assert!(logins::live(&db, user, NOW + 40 * DAY).await.unwrap().is_empty());
        assert!(logins::by_id(&db, LoginId::from_bits(1)).await.unwrap().unwrap().ended_at.is_some());
    }
}

#[tokio::test]
async fn signing_keys_come_newest_first() {
    for place in Database::all().await {
        let db = place.open().await;
        let mut tx = db.write().await.unwrap();
        for (kid, minute) in [("a", 1), ("c", 3), ("b", 2)] {
            let key = keys::SigningKey {
                kid: kid.to_owned(),
                public_key: "p".to_owned(),
                private_wrapped: "w".to_owned(),
                use_from: NOW + MINUTE * minute,
            };
            keys::insert(&mut tx, &key).await.unwrap();
        }
        keys::delete(&mut tx, "a").await.unwrap();
        tx.commit().await.unwrap();
        let kids: Vec<_> = keys::all(&db).await.unwrap().into_iter().map(|k| k.kid).collect();
        assert_eq!(kids, ["c", "b"]);
    }
}
