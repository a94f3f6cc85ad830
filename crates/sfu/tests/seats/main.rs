//! The rooms themselves let go of whoever has no seat there any more, whatever the edge believes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{net::UdpSocket, sync::Arc, time::Duration};

use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        rooms::{CreateGroup, Join, Joined, OpenGroup, Restrain, Rooms as _, Seat},
    },
    event::ServerEvent,
    id::{NodeId, RoomId, SocketId, UserId},
    room::{Settings, restraint::Restraint},
    wire::{Band, Card, LeftReason, Presence},
};
use visavis_platform::{
    Dials, Dice, Pages, Places, Seats,
    seats::{seat_key, session_key},
    session_log::SessionLog,
};
use visavis_sfu::{
    gate::Limits,
    media::{Ports, Reach},
    node::{Deps, Node, seats::Unfound},
};
use visavis_testkit::{Database, accounts::add_all, stores::Engine};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ROOM: RoomId = RoomId::from_bits(1);
const OTHER: RoomId = RoomId::from_bits(2);
const ADA: u128 = 11;
const BOB: u128 = 12;
/// A room is woken within five seconds of real time after its clock was turned.
const WOKEN: Duration = Duration::from_secs(20);

struct World {
    engine: Engine,
    log: SessionLog,
    node: Arc<Node>,
    cx: Caller,
    unfound: Unfound,
    _place: Database,
}

const fn seat(who: u128) -> Seat {
    Seat { room: ROOM, user: UserId::from_bits(who), session: SocketId::from_bits(who) }
}

impl World {
    async fn new(engine: Engine) -> Self {
        let place = Database::sqlite();
        let db = place.open().await;
        add_all(&db, [ADA, BOB]).await;
        let (kv, bus) = (engine.kv.clone(), engine.bus.clone());
        let log = SessionLog::new(kv.clone(), bus.clone());
        let deps = Deps {
            db,
            log: log.clone(),
            pages: Pages::new(kv.clone(), bus.clone()),
            dials: Dials::new(kv.clone()),
            seats: Seats::new(kv.clone()),
            bus,
            clock: engine.clock.clone(),
            dice: Dice::Secure,
            lifecycle: engine.lifecycle.clone(),
            node: NodeId::from_bits(1),
            places: Places::new(kv),
            settings: Settings::default(),
        };
        let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let here = vec![udp.local_addr().unwrap().ip()];
        let reach = Reach { advertised: here.clone(), own: here, limits: Limits::default(), h264: true };
        let node = Node::start_with(deps, vec![Ports { udp, tcp: None }], &reach).unwrap();
        let (cx, unfound) = (Caller::internal("test"), Unfound::default());
        let mut w = Self { engine, log, node, cx, unfound, _place: place };
        w.look().await;
        let owner = UserId::from_bits(ADA);
        let record = CreateGroup { room: ROOM, owner, name: None, limit: 10, locked: false };
        w.node.create(&w.cx, record).await.unwrap();
        w.node.open_group(&w.cx, OpenGroup { room: ROOM }).await.unwrap();
        w
    }

    /// Comes in, as the edge would have it.
    async fn join(&self, who: u128) {
        self.try_join(who).await.unwrap();
    }

    async fn try_join(&self, who: u128) -> Result<Joined, Fault> {
        let Seat { room, user, session } = seat(who);
        self.engine.kv.put(&session_key(session), String::new(), None).await.unwrap();
        self.sit(who, room).await;
        self.log.open(session).await.unwrap();
        let card = Card { id: user, display_name: who.to_string(), avatar_url: None, band: Band::Good };
        let (seen, life) = ([127, 0, 0, 1].into(), self.engine.kv.life());
        let join = Join { room, user, session, seen, card: Some(card), life, heard: None };
        self.node.join(&self.cx, join).await
    }

    async fn sit(&self, who: u128, room: RoomId) {
        let text = format!(r#"{{"session":"x","wishes":{{}},"holding":{{"room":{{"room":"{room}"}}}}}}"#);
        self.engine.kv.put(&seat_key(UserId::from_bits(who)), text, None).await.unwrap();
    }

    async fn look(&mut self) {
        self.node.look_for_seats(&mut self.unfound, true).await;
    }

    async fn is_in(&self, who: u128) -> bool {
        self.node.seated(&self.cx, seat(who)).await.unwrap()
    }

    /// What Ada's page has heard.
    async fn heard(&self) -> Vec<ServerEvent> {
        let logged = self.log.after(SocketId::from_bits(ADA), 0).await.unwrap().unwrap();
        logged.into_iter().map(|entry| entry.event).collect()
    }

    /// Whether others see that somebody may be gone.
    async fn is_away(&self, who: u128) -> bool {
        let mut away = false;
        for event in self.heard().await {
            if let ServerEvent::ParticipantState { participant, .. } = event
                && participant.user_id == UserId::from_bits(who)
            {
                away = participant.state == Presence::Reconnecting;
            }
        }
        away
    }

    fn grace_passes(&self) {
        self.engine.clock.advance(Duration::from_secs(16));
    }

    async fn goes(&self, who: u128) {
        let gone = async {
            while self.is_in(who).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(WOKEN, gone).await.expect("somebody without a seat stays in");
        let lost = |event: &ServerEvent| {
            matches!(event, ServerEvent::ParticipantLeft { participant, reason: LeftReason::Lost, .. }
                if participant.user_id == UserId::from_bits(who))
        };
        assert!(self.heard().await.iter().any(lost));
    }
}

async fn worlds() -> Vec<World> {
    let mut worlds = vec![World::new(Engine::embedded(START)).await];
    if let Some(engine) = Engine::redis(START).await {
        worlds.push(World::new(engine).await);
    }
    worlds
}

#[tokio::test]
async fn whose_seat_is_in_another_room_goes_after_the_grace_and_nobody_else() {
    for mut w in worlds().await {
        w.join(ADA).await;
        w.join(BOB).await;
        w.look().await;
        w.sit(BOB, OTHER).await;
        w.look().await;
        assert!(!w.is_away(BOB).await, "a seat may just be moving");
        w.look().await;
        assert!(w.is_away(BOB).await && w.is_in(BOB).await, "the grace of a dropped socket");
        w.grace_passes();
        w.goes(BOB).await;
        assert!(w.is_in(ADA).await);
        w.look().await;
        assert!(w.is_in(ADA).await && !w.is_away(ADA).await);
    }
}

#[tokio::test]
async fn whom_safety_removed_stays_out_of_the_room_that_is_opened_again_for_a_day() {
    for w in worlds().await {
        w.join(ADA).await;
        w.join(BOB).await;
        let joined = w.try_join(BOB).await.unwrap();
        let restrain =
            Restrain { room: ROOM, participant: joined.me, restraint: Restraint::Remove, notice: None };
        w.node.restrain(&w.cx, restrain).await.unwrap();
        w.node.leave(&w.cx, seat(ADA)).await.unwrap();
        let fault = w.try_join(BOB).await.unwrap_err();
        assert_eq!(fault.code, Code::Removed, "while the live room lives");
        w.grace_passes();
        w.grace_passes();
        let ended = async {
            while w.node.load() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(WOKEN, ended).await.expect("an empty room stays");
        w.node.open_group(&w.cx, OpenGroup { room: ROOM }).await.unwrap();
        let fault = w.try_join(BOB).await.unwrap_err();
        assert_eq!((fault.code, fault.detail.contains("safety")), (Code::Removed, true));
        w.join(ADA).await;
        let kept = format!("safety/{ROOM}/{}", UserId::from_bits(BOB));
        assert!(w.engine.kv.delete(&kept).await.unwrap());
        w.join(BOB).await;
    }
}

#[tokio::test]
async fn whose_session_has_ended_goes_though_the_seat_says_otherwise() {
    for mut w in worlds().await {
        w.join(ADA).await;
        w.join(BOB).await;
        w.engine.kv.delete(&session_key(SocketId::from_bits(BOB))).await.unwrap();
        w.look().await;
        w.look().await;
        w.grace_passes();
        w.goes(BOB).await;
        assert!(w.is_in(ADA).await);
    }
}

#[tokio::test]
async fn whose_seat_comes_back_within_the_grace_stays() {
    for mut w in worlds().await {
        w.join(ADA).await;
        w.join(BOB).await;
        w.engine.kv.delete(&seat_key(UserId::from_bits(BOB))).await.unwrap();
        w.look().await;
        w.look().await;
        assert!(w.is_away(BOB).await);
        w.sit(BOB, ROOM).await;
        w.look().await;
        assert!(!w.is_away(BOB).await);
        w.grace_passes();
        w.look().await;
        assert!(w.is_in(BOB).await);
    }
}

#[tokio::test]
async fn a_store_that_was_started_again_empty_takes_nobody_out_of_their_call() {
    for mut w in worlds().await {
        w.join(ADA).await;
        w.join(BOB).await;
        w.look().await;
        w.engine.kv.delete(&format!("seats-of/{}", NodeId::from_bits(1))).await.unwrap();
        for who in [ADA, BOB] {
            w.engine.kv.delete(&seat_key(UserId::from_bits(who))).await.unwrap();
            w.engine.kv.delete(&session_key(SocketId::from_bits(who))).await.unwrap();
        }
        for _ in 0..4 {
            w.look().await;
        }
        w.grace_passes();
        w.look().await;
        assert!(!w.is_away(BOB).await && w.is_in(BOB).await && w.is_in(ADA).await);
        // Known again, it counts again.
        w.engine.kv.put(&session_key(SocketId::from_bits(BOB)), String::new(), None).await.unwrap();
        w.sit(BOB, ROOM).await;
        w.look().await;
        w.sit(BOB, OTHER).await;
        w.look().await;
        w.look().await;
        w.grace_passes();
        w.goes(BOB).await;
        assert!(w.is_in(ADA).await);
    }
}

#[tokio::test]
async fn without_media_the_process_ends() {
    for w in worlds().await {
        w.join(ADA).await;
        w.node.media().unwrap().end_thread(0);
        tokio::time::timeout(WOKEN, w.engine.lifecycle.failed())
            .await
            .expect("a process without media goes on");
    }
}
