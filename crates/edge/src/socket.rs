//! Signalling over Socket.IO: who is connected, in which order their events are taken, how theirs reach them.
//!
//! It holds sockets and no truth: seats and logs are in `Kv`, rooms and tickets behind their contracts. One file per
//! subject: `session` (connect, resume, delivery), `record` (what other nodes know of it), `inbound` (order, limits), `seat`, `entry`, `matching`, `calls`, `room`, `sample`, `payload`.

mod calls;
mod entry;
mod inbound;
mod matching;
mod payload;
mod people;
mod record;
mod room;
mod sample;
mod seat;
mod session;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use socketioxide::layer::SocketIoLayer;
use socketioxide::{
    SocketIoBuilder, TransportType,
    extract::{SocketRef, State, TryData},
    handler::ConnectHandler,
};
use visavis_domain::{
    Code,
    contract::{
        friends::Friends, matchmaking::Matchmaking, moderation::Moderation, rooms::Rooms, users::Users,
    },
    event::{Event, ServerEvent, Topic},
    id::{LoginId, NodeId, SocketId},
    wire::{IceServer, Path},
};
use visavis_platform::{
    Board, Bus, Clock, Dials, Dice, Kv, Lifecycle, Pages, bus::News, session_log::SessionLog,
};

use crate::{
    guard::{client::ClientAddr, tokens::Tokens},
    watching::Watching,
};
use session::{Hello, Session};

/// The largest Socket.IO packet taken (protocol section 3).
const MAX_PACKET: usize = 160 * 1024;
/// Messages that wait for a slow client before its socket is cut; it resumes from the log.
const MAX_OUTGOING: usize = 256;
/// Sessions that are let go of at once when the process ends.
const CLOSED_AT_ONCE: usize = 64;
/// A page must name itself this fast after the WebSocket is open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of signalling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sockets a user may have at once.
    pub sockets_per_user: usize,
    /// Events a socket may send in a burst. A call's start is an offer and some forty candidates.
    pub event_burst: u32,
    /// Events a socket may send per second on average.
    pub events_per_s: u32,
    /// Refused events within ten seconds that cut a socket off.
    pub flood_refusals: u32,
    /// Searches (`find-match`, `next`) a user may start per minute.
    pub searches_per_min: u32,
    /// Session descriptions (`offer`, `answer`) a user may send per minute: one a search, and some to restart ICE.
    pub descriptions_per_min: u32,
    /// Chat messages a user may send per minute.
    pub chats_per_min: u32,
    /// Calls a user may begin per minute, and people they may call into one.
    pub calls_per_min: u32,
    /// Seconds between two pings.
    pub ping_interval_s: u64,
    /// Seconds a ping may stay unanswered.
    pub ping_timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sockets_per_user: 8,
            event_burst: 150,
            events_per_s: 25,
            flood_refusals: 200,
            searches_per_min: 40,
            descriptions_per_min: 60,
            chats_per_min: 60,
            calls_per_min: 12,
            ping_interval_s: 10,
            ping_timeout_s: 8,
        }
    }
}

/// What signalling stands on.
#[derive(Clone)]
pub struct Deps {
    /// The person's own account, for `welcome`.
    pub users: Arc<dyn Users>,
    /// Who is to hear where a person is.
    pub friends: Arc<dyn Friends>,
    /// Searches.
    pub matchmaking: Arc<dyn Matchmaking>,
    /// Calls.
    pub rooms: Arc<dyn Rooms>,
    /// Who is kept away.
    pub moderation: Arc<dyn Moderation>,
    /// Checks access tokens.
    pub tokens: Tokens,
    /// Seats and sessions.
    pub kv: Kv,
    /// Events to pages.
    pub log: SessionLog,
    /// News from other roles.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub dice: Dice,
    /// This process.
    pub node: NodeId,
    /// For tasks.
    pub lifecycle: Lifecycle,
    /// STUN and TURN for a way of media.
    pub ice: Arc<dyn Fn(Path) -> Vec<IceServer> + Send + Sync>,
    /// Whether calls are listened to.
    pub watching: Watching,
    /// Seconds a dropped seat is kept, as told in `welcome`.
    pub seat_grace_s: u64,
    /// Limits.
    pub settings: Settings,
}

/// All sockets of this process.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    deps: Deps,
    pages: Pages,
    board: Board,
    dials: Dials,
    live: Mutex<Live>,
}

/// The sessions that have a socket here.
#[derive(Default)]
struct Live {
    by_id: HashMap<SocketId, Arc<Session>>,
}

impl Live {
    /// Takes the place of an older connection of the same session, which is returned.
    fn insert(&mut self, session: Arc<Session>) -> Option<Arc<Session>> {
        self.by_id.insert(session.id, session)
    }

    fn remove(&mut self, session: &Session) {
        self.by_id.remove(&session.id);
    }
}

impl std::ops::Deref for Hub {
    type Target = Deps;
    fn deref(&self) -> &Deps {
        &self.0.deps
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("live", &self.live().by_id.len()).finish_non_exhaustive()
    }
}

/// The Socket.IO layer to put over the router, and the hub behind it with its tasks running.
pub fn layer(deps: Deps) -> (SocketIoLayer, Hub) {
    let pages = Pages::new(deps.kv.clone(), deps.bus.clone());
    let board = Board::new(deps.kv.clone(), deps.clock.clone());
    let dials = Dials::new(deps.kv.clone());
    let hub = Hub(Arc::new(Inner { deps, pages, board, dials, live: Mutex::default() }));
    let (layer, io) = SocketIoBuilder::new()
        .transports([TransportType::Websocket])
        .max_payload(MAX_PACKET as u64)
        .ws_max_message_size(MAX_PACKET)
        .ws_max_frame_size(MAX_PACKET)
        .max_buffer_size(MAX_OUTGOING)
        // An idle page needs no large buffer; a session description makes it grow.
        .ws_read_buffer_size(1024)
        .connect_timeout(CONNECT_TIMEOUT)
        .ping_interval(Duration::from_secs(hub.settings.ping_interval_s))
        .ping_timeout(Duration::from_secs(hub.settings.ping_timeout_s))
        .with_parser(socketioxide::ParserConfig::common().max_incoming_binaries(1))
        .with_state(hub.clone())
        .build_layer();
    io.ns("/", on_connect.with(admit));
    hub.lifecycle.keep("socket-sessions", hub.clone().hear_sessions());
    hub.lifecycle.keep("socket-seats", hub.clone().hear_seats());
    hub.lifecycle.keep("socket-logins", hub.clone().hear_logins());
    hub.lifecycle.keep("socket-people", hub.clone().hear_people());
    hub.lifecycle.keep("socket-records", hub.clone().keep_alive());
    hub.lifecycle.spawn("socket-drain", hub.clone().announce_drain());
    (layer, hub)
}

/// The event in a packet, in words, as sockets read it: the door of `fuzzing`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_event(packet: &str) -> Result<String, visavis_domain::Fault> {
    inbound::read_text(packet).map(|event| format!("{event:?}"))
}

/// Why a socket isn't let in; its text is the message of `connect_error`.
struct Refused(Code);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Who is it? Runs before the socket exists; nothing is kept for somebody who isn't let in.
async fn admit(
    socket: SocketRef,
    State(hub): State<Hub>,
    TryData(hello): TryData<Hello>,
) -> Result<(), Refused> {
    let hello = hello.map_err(|_| Refused(Code::Unauthorized))?;
    let access = hub.tokens.verify(&hello.token).await.map_err(|fault| {
        metrics::counter!("visavis_sockets_refused_total", "code" => fault.code.as_str()).increment(1);
        Refused(if fault.code == Code::Unavailable { Code::Unavailable } else { Code::Unauthorized })
    })?;
    let Some(ClientAddr(seen)) = socket.req_parts().extensions.get::<ClientAddr>().copied() else {
        tracing::error!("the guard left no client address");
        return Err(Refused(Code::Internal));
    };
    let session =
        hub.admit(&socket, &hello, access.user, access.login, seen).await.map_err(|f| Refused(f.code))?;
    socket.extensions.insert(session);
    Ok(())
}

async fn on_connect(socket: SocketRef, State(hub): State<Hub>) {
    let Some(session) = socket.extensions.get::<Arc<Session>>() else { return };
    socket.on_fallback(inbound::work);
    socket.on_disconnect(async |socket: SocketRef, State(hub): State<Hub>| {
        if let Some(session) = socket.extensions.get::<Arc<Session>>() {
            hub.dropped(&session).await;
        }
    });
    hub.welcome(&session).await;
}

impl Hub {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> Vec<Arc<Session>> {
        self.live().by_id.values().cloned().collect()
    }

    fn session(&self, id: SocketId) -> Option<Arc<Session>> {
        self.live().by_id.get(&id).cloned()
    }

    /// Nudges and volatile events for the sockets of this process.
    async fn hear_sessions(self) {
        let mut news = self.bus.subscribe(Topic::Sessions);
        while let Some(next) = news.next().await {
            match next {
                News::Event(Event::LogGrew { session }) => {
                    if let Some(session) = self.session(session) {
                        self.deliver(session);
                    }
                }
                News::Event(Event::Volatile { session, event }) => {
                    if let Some(session) = self.session(session) {
                        session.send_volatile(&event);
                    }
                }
                News::Event(Event::SessionMoved { session, connection }) => self.moved(session, connection),
                News::Event(_) => {}
                News::Missed => self.catch_up(),
            }
        }
    }

    async fn hear_seats(self) {
        let mut news = self.bus.subscribe(Topic::Seats);
        while let Some(next) = news.next().await {
            // Each in a task of its own: one slow room must not hold up the others.
            let hub = self.clone();
            match next {
                News::Event(event) => {
                    self.lifecycle.spawn("seat-news", async move { hub.on_seat_news(event).await });
                }
                News::Missed => {
                    self.lifecycle.spawn("search-anew", async move { hub.search_anew().await });
                }
            }
        }
    }

    /// A login that has ended takes its sockets with it.
    async fn hear_logins(self) {
        let mut news = self.bus.subscribe(Topic::Logins);
        while let Some(next) = news.next().await {
            match next {
                News::Event(Event::LoginRevoked { login }) => self.end_login(login).await,
                News::Event(_) => {}
                News::Missed => self.end_revoked().await,
            }
        }
    }

    async fn end_login(&self, login: LoginId) {
        let ended: Vec<_> = self.live().by_id.values().filter(|s| s.login == login).cloned().collect();
        for session in ended {
            self.end(&session).await;
        }
    }

    /// News of revocations may have been missed: asks about every login that has a socket here.
    async fn end_revoked(&self) {
        let logins: HashSet<_> = self.live().by_id.values().map(|session| session.login).collect();
        for login in logins {
            if self.tokens.is_revoked(login).await {
                self.end_login(login).await;
            }
        }
    }

    /// Lets go of every session, so that pages can go on elsewhere: for the end of the process.
    pub async fn close(&self) {
        let all: Vec<_> = self.live().by_id.values().cloned().collect();
        stream::iter(all)
            .for_each_concurrent(CLOSED_AT_ONCE, |session| async move {
                self.dropped(&session).await;
            })
            .await;
    }

    /// Before a shutdown every page is told when to come back, spread so that they don't come at once.
    async fn announce_drain(self) {
        self.lifecycle.drain.cancelled().await;
        for session in self.sessions() {
            let reconnect_in_ms = 500 + self.dice.below(2_500);
            session.send_volatile(&ServerEvent::ServerDraining { reconnect_in_ms });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn gauge(&self) {
        metrics::gauge!("visavis_sockets").set(self.live().by_id.len() as f64);
    }

    /// How many sockets there are here.
    pub fn load(&self) -> u64 {
        self.live().by_id.len() as u64
    }

    /// Whether this login has a socket here, for tests of revocation.
    pub fn has_login(&self, login: LoginId) -> bool {
        self.live().by_id.values().any(|s| s.login == login)
    }
}
