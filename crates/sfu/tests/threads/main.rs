//! Media threads that end: their rooms go on by the others, and nobody is placed on them any more.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{net::UdpSocket, sync::Arc, time::Duration};

use tokio::time::timeout;
use visavis_domain::{
    Code, Fault,
    id::{ParticipantId, RoomId},
};
use visavis_platform::{Clock, Dice, Lifecycle};
use visavis_sfu::{
    gate::Limits,
    guest::{Guest, Plan},
    media::{Join, Ports, Reach, Shards},
    udp::Report,
};

const ONE: RoomId = RoomId::from_bits(1);
const TWO: RoomId = RoomId::from_bits(2);
/// On a busy machine a thread that is well may wait long for its turn.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

fn media(threads: usize) -> Arc<Shards> {
    let lifecycle = Lifecycle::default();
    let ports = (0..threads).map(|_| {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        Ports { udp, tcp: None }
    });
    let here = vec![[127, 0, 0, 1].into()];
    let reach = Reach { advertised: here.clone(), own: here, limits: Limits::default(), h264: true };
    let (shards, mut reports) =
        Shards::start(ports.collect(), &reach, &Clock::System, &Dice::Secure, &lifecycle).unwrap();
    let shards = Arc::new(shards);
    let carrier = Arc::clone(&shards);
    lifecycle.spawn("reports", async move {
        while let Some(report) = reports.recv().await {
            if let Report::Answered(ticket, answer) = report {
                carrier.answered(ticket, answer);
            }
        }
    });
    shards
}

fn offer() -> String {
    let plan = Plan { limit: 10, camera: vec![], voice: true, number: 1 };
    Guest::new(Clock::System.instant(), ([127, 0, 0, 1], 9).into(), &plan).unwrap().1
}

async fn join(shards: &Shards, room: RoomId) -> Result<String, Fault> {
    join_by(shards, room, offer()).await
}

async fn join_by(shards: &Shards, room: RoomId, offer: String) -> Result<String, Fault> {
    let participant = ParticipantId::from_bits(7);
    shards.join(Join { room, participant, offer, media: None, apart: vec![], limit: 10 }).await
}

/// Looks as often as it takes.
async fn lost(shards: &Shards) -> Vec<RoomId> {
    let looking = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let rooms = shards.look_after();
            if !rooms.is_empty() {
                return rooms;
            }
        }
    };
    timeout(PATIENCE, looking).await.unwrap()
}

#[tokio::test]
async fn the_rooms_of_a_thread_that_ended_go_on_by_another() {
    let shards = media(2);
    for room in [ONE, TWO] {
        join(&shards, room).await.unwrap();
    }
    for _ in 0..8 {
        tokio::time::sleep(LOOK_EVERY).await;
        assert_eq!(shards.look_after(), []);
    }
    shards.end_thread(0);
    assert_eq!(lost(&shards).await, [ONE]);
    assert!(!shards.is_lost());
    for room in [ONE, TWO, RoomId::from_bits(3)] {
        join(&shards, room).await.unwrap();
    }
}

#[tokio::test]
async fn without_any_thread_nobody_is_answered_and_it_is_known() {
    let shards = media(1);
    join(&shards, ONE).await.unwrap();
    shards.end_thread(0);
    assert_eq!(lost(&shards).await, [ONE]);
    assert!(shards.is_lost());
    assert_eq!(join(&shards, ONE).await.unwrap_err().code, Code::Unavailable);
}

#[tokio::test]
async fn a_thread_that_hung_comes_back_without_those_who_went_elsewhere() {
    let shards = media(1);
    let offer = offer();
    let before = join_by(&shards, ONE, offer.clone()).await.unwrap();
    assert_eq!(
        join_by(&shards, ONE, offer.clone()).await.unwrap(),
        before,
        "an offer again is answered the same"
    );
    shards.hold_thread(0, Duration::from_secs(4));
    assert_eq!(lost(&shards).await, [ONE]);
    let back = async {
        while shards.is_lost() {
            tokio::time::sleep(LOOK_EVERY).await;
            assert_eq!(shards.look_after(), []);
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    assert_ne!(join_by(&shards, ONE, offer).await.unwrap(), before, "it is a new connection");
}
