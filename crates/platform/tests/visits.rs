//! Stays in groups' rooms, on every database engine: who met whom there, and what a dead node leaves behind.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::{NodeId, ParticipantId, RoomId, UserId},
};
use visavis_platform::db::visits::{self, Visit};
use visavis_testkit::{Database, accounts::add_all};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

fn visit(n: u128, user: u128, came_at: Timestamp) -> Visit {
    let (participant, user) = (ParticipantId::from_bits(n), UserId::from_bits(user));
    Visit { participant, room: RoomId::from_bits(1), user, node: NodeId::from_bits(n % 2), came_at }
}

#[tokio::test]
async fn two_have_met_in_a_group_when_their_stays_overlapped_and_not_too_long_ago() {
    for place in Database::all().await {
        let db = place.open().await;
        let room = RoomId::from_bits(1);
        add_all(&db, 10..14).await;
        let [ada, bob, eve, dan] = [10, 11, 12, 13].map(UserId::from_bits);
        for stay in [visit(1, 10, NOW), visit(2, 11, NOW + MINUTE), visit(3, 12, NOW + 5 * MINUTE)] {
            visits::came(&db, &stay).await.unwrap();
        }
        let met = async |a, b, since| visits::met(&db, room, a, b, since).await.unwrap();
        assert!(met(ada, bob, NOW + DAY).await, "both are still there");
        visits::left(&db, ParticipantId::from_bits(1), NOW + 4 * MINUTE, "left").await.unwrap();
        visits::left(&db, ParticipantId::from_bits(1), NOW + 9 * MINUTE, "lost").await.unwrap();
        assert!(met(bob, ada, NOW + 4 * MINUTE).await, "until the first of them left");
        assert!(!met(bob, ada, NOW + 5 * MINUTE).await, "the first end counts");
        assert!(!met(ada, eve, NOW).await, "one left before the other came");
        // Back again: another stay of the same person.
        visits::came(&db, &visit(4, 10, NOW + 6 * MINUTE)).await.unwrap();
        assert!(met(ada, eve, NOW + DAY).await);
        assert!(!met(ada, dan, NOW).await && !met(ada, ada, NOW).await);
        assert!(!visits::met(&db, RoomId::from_bits(2), ada, bob, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn two_who_were_kept_apart_have_not_met_until_they_come_again_without() {
    for place in Database::all().await {
        let db = place.open().await;
        let room = RoomId::from_bits(1);
        add_all(&db, 10..13).await;
        let [ada, bob, eve] = [10, 11, 12].map(UserId::from_bits);
        visits::came(&db, &visit(1, 10, NOW)).await.unwrap();
        visits::came(&db, &visit(2, 12, NOW)).await.unwrap();
        for _ in 0..2 {
            let apart = [ParticipantId::from_bits(1)];
            visits::came_apart(&db, &visit(3, 11, NOW + MINUTE), &apart).await.unwrap();
        }
        let met = async |a, b| visits::met(&db, room, a, b, NOW).await.unwrap();
        assert!(!met(ada, bob).await && !met(bob, ada).await);
        assert!(met(eve, bob).await && met(bob, eve).await && met(ada, eve).await);
        visits::left(&db, ParticipantId::from_bits(3), NOW + 2 * MINUTE, "left").await.unwrap();
        visits::came(&db, &visit(4, 11, NOW + 3 * MINUTE)).await.unwrap();
        assert!(met(ada, bob).await && met(bob, ada).await);
    }
}

#[tokio::test]
async fn stays_at_a_dead_node_are_named_and_ended_once() {
    for place in Database::all().await {
        let db = place.open().await;
        add_all(&db, 1..5).await;
        for n in 1..=4 {
            visits::came(&db, &visit(n, n, NOW)).await.unwrap();
        }
        visits::left(&db, ParticipantId::from_bits(4), NOW, "left").await.unwrap();
        let mut nodes = visits::nodes_running(&db).await.unwrap();
        nodes.sort();
        assert_eq!(nodes, [NodeId::from_bits(0), NodeId::from_bits(1)]);
        let dead = NodeId::from_bits(1);
        let mut running = visits::running_on(&db, dead).await.unwrap();
        for (_, users) in &mut running {
            users.sort();
        }
        assert_eq!(running, [(RoomId::from_bits(1), vec![UserId::from_bits(1), UserId::from_bits(3)])]);
        assert_eq!(visits::close_dangling(&db, dead, NOW + MINUTE, "server-lost").await.unwrap(), 2);
        assert_eq!(visits::close_dangling(&db, dead, NOW + MINUTE, "server-lost").await.unwrap(), 0);
        assert_eq!(visits::nodes_running(&db).await.unwrap(), [NodeId::from_bits(0)]);
    }
}
