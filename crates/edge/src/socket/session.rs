//! One page's connection: connect, resume by the session log, delivery in order, the end.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::{SocketError, extract::SocketRef};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        matchmaking::Holder,
        rooms::{Heard, Seat as RoomSeat},
    },
    event::ServerEvent,
    id::{LoginId, RoomId, SocketId, UserId},
    room::sampling,
    wire::Path,
};

use super::{
    Hub,
    inbound::Inbox,
    payload,
    seat::{Holding, Seat},
};

/// Between two looks at a log that couldn't be read.
const DELIVER_AGAIN: Duration = Duration::from_millis(500);
/// Between two tries to let a dropped session go, and how many: after three minutes its record has ended by itself.
const LET_GO_AGAIN: Duration = Duration::from_secs(1);
const LET_GO_TRIES: u32 = 180;

/// The `auth` of a connection.
#[derive(Deserialize)]
pub(super) struct Hello {
    pub(super) token: String,
    #[serde(default)]
    resume: Option<Resume>,
}

/// Goes on with an earlier session.
#[derive(Debug, Clone, Deserialize)]
struct Resume {
    session: String,
    seq: u64,
}

impl Resume {
    fn heard(&self) -> Option<Heard> {
        self.session.parse().ok().map(|session| Heard { session, seq: self.seq })
    }
}

/// A connected page.
pub(super) struct Session {
    pub(super) id: SocketId,
    pub(super) user: UserId,
    pub(super) login: LoginId,
    pub(super) seen: IpAddr,
    pub(super) inbox: Inbox,
    socket: SocketRef,
    resumed: bool,
    /// What the page heard in a session that it couldn't go on with.
    pub(super) heard: Option<Heard>,
    /// The life of the store in which it began.
    life: u64,
    /// The call it is in, should the store forget.
    call: Mutex<Option<RoomId>>,
    /// The number of the last event sent on this connection.
    cursor: Mutex<u64>,
    /// Which connection of the session this is, once it is the session's one.
    connection: AtomicU64,
    /// After `welcome`; until then nothing is delivered.
    ready: AtomicBool,
    delivering: AtomicBool,
    /// News came while delivering: look once more.
    again: AtomicBool,
    /// Nobody looks at the page.
    away: AtomicBool,
    /// Until then they are suspended, in milliseconds.
    suspended_until: AtomicI64,
}

impl Session {
    /// Sends an event that isn't in the log: at once or never.
    pub(super) fn send_volatile(&self, event: &ServerEvent) {
        if let Some((name, data)) = payload::parts(event) {
            let _ = self.socket.emit(name.as_str(), &data);
        }
    }

    fn cursor(&self) -> u64 {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn life(&self) -> u64 {
        self.life
    }

    /// The call it is in, as far as is known here.
    pub(super) fn call(&self) -> Option<RoomId> {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_call(&self, room: Option<RoomId>) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = room;
    }

    /// Cuts the socket; the page may resume.
    pub(super) fn cut(&self) {
        let _ = self.socket.clone().disconnect();
    }

    pub(super) fn connection(&self) -> u64 {
        self.connection.load(Ordering::SeqCst)
    }

    pub(super) fn set_connection(&self, number: u64) {
        self.connection.store(number, Ordering::SeqCst);
    }

    pub(super) fn suspended_until(&self) -> Timestamp {
        Timestamp::from_millis(self.suspended_until.load(Ordering::SeqCst))
    }

    pub(super) fn suspend(&self, until: Timestamp) {
        self.suspended_until.store(until.as_millis(), Ordering::SeqCst);
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// What it was before.
    pub(super) fn set_away(&self, away: bool) -> bool {
        self.away.swap(away, Ordering::SeqCst)
    }

    fn is_same_connection(&self, other: &Self) -> bool {
        self.socket.id == other.socket.id
    }
}

impl Hub {
    /// Makes or resumes the session of a socket that showed a valid token.
    pub(super) async fn admit(
        &self,
        socket: &SocketRef,
        hello: &Hello,
        user: UserId,
        login: LoginId,
        seen: IpAddr,
    ) -> Result<Arc<Session>, Fault> {
        // Looked at first: should it end meanwhile, the session began in the one that is over.
        let life = self.kv.life();
        let resumed = match &hello.resume {
            Some(resume) => self.resumable(resume, user, login).await?,
            None => None,
        };
        let (id, cursor) = match resumed {
            Some(found) => found,
            None => (self.open_record(user, login, life).await?, 0),
        };
        Ok(Arc::new(Session {
            id,
            user,
            login,
            seen,
            inbox: Inbox::new(&self.settings),
            socket: socket.clone(),
            resumed: resumed.is_some(),
            heard: hello.resume.as_ref().and_then(Resume::heard),
            life,
            call: Mutex::default(),
            cursor: Mutex::new(cursor),
            connection: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            delivering: AtomicBool::new(false),
            again: AtomicBool::new(false),
            away: AtomicBool::new(false),
            suspended_until: AtomicI64::new(0),
        }))
    }

    /// The session and cursor to go on from, if it is this person's and nothing in between is lost.
    async fn resumable(
        &self,
        resume: &Resume,
        user: UserId,
        login: LoginId,
    ) -> Result<Option<(SocketId, u64)>, Fault> {
        let Some(Heard { session: id, seq }) = resume.heard() else { return Ok(None) };
        let Some((record, _)) = self.record(id).await? else { return Ok(None) };
        // A log that was set back would give its numbers a second time.
        let mine = record.user == user && record.login == login && record.life == self.kv.life();
        if !mine || self.log.after(id, seq).await?.is_none() {
            return Ok(None);
        }
        Ok(Some((id, seq)))
    }

    /// The socket is open: takes the session over and tells the page where it stands.
    pub(super) async fn welcome(&self, session: &Arc<Session>) {
        let old = self.live().insert(Arc::clone(session));
        if let Some(old) = old {
            // The page was faster than our notice of its broken connection.
            old.cut();
        }
        self.gauge();
        metrics::counter!("visavis_sockets_opened_total", "resumed" => if session.resumed { "yes" } else { "no" })
            .increment(1);
        match self.greeting(session).await {
            Ok(greeting) => {
                let _ = session.socket.emit("welcome", &greeting);
                session.ready.store(true, Ordering::SeqCst);
                self.arrived(session);
                self.deliver(Arc::clone(session));
                if session.resumed {
                    self.unpark(session.user, session.id).await;
                }
            }
            Err(fault) => {
                tracing::warn!(fault.code = %fault.code, "a socket could not be welcomed");
                session.cut();
            }
        }
    }

    async fn greeting(&self, session: &Session) -> Result<Value, Fault> {
        if !self.take_over(session).await? {
            return Err(Fault::unavailable());
        }
        let user = self.users.me(&Caller::internal("welcome"), session.user).await?;
        Ok(json!({
            "session": session.id,
            "seq": session.cursor(),
            "resumed": session.resumed,
            "user": user,
            "iceServers": (self.ice)(Path::P2p),
            "limits": {
                "sdpBytes": payload::MAX_SDP,
                "chatChars": payload::MAX_CHAT_CHARS,
                "sampleBytes": payload::MAX_SAMPLE,
                "sampleEveryMs": sampling::SAMPLE_EVERY.as_millis(),
                "seatGraceMs": self.seat_grace_s * 1_000,
            },
        }))
    }

    /// Sends what the log holds beyond the cursor. One delivery runs per session; a nudge meanwhile makes it look
    /// once more.
    pub(super) fn deliver(&self, session: Arc<Session>) {
        session.again.store(true, Ordering::SeqCst);
        if !session.ready.load(Ordering::SeqCst) || session.delivering.swap(true, Ordering::SeqCst) {
            return;
        }
        let hub = self.clone();
        self.lifecycle.spawn("deliver", async move {
            loop {
                while session.again.swap(false, Ordering::SeqCst) {
                    if let Err(fault) = hub.deliver_once(&session).await {
                        if fault.code == Code::Unavailable && hub.is_current(&session) {
                            // The store is away for a moment: nobody could come back to it either.
                            tokio::time::sleep(DELIVER_AGAIN).await;
                            session.again.store(true, Ordering::SeqCst);
                            continue;
                        }
                        tracing::debug!(fault.code = %fault.code, "delivery broke off; the page will resume");
                        session.cut();
                        return;
                    }
                }
                session.delivering.store(false, Ordering::SeqCst);
                // A nudge between the last look and the line above found `delivering` still set.
                if !session.again.load(Ordering::SeqCst) || session.delivering.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    async fn deliver_once(&self, session: &Session) -> Result<(), Fault> {
        let Some(logged) = self.log.after(session.id, session.cursor()).await? else {
            return Err(Fault::new(Code::Conflict, "The session's log has moved on."));
        };
        for entry in logged {
            let Some((name, mut data)) = payload::parts(&entry.event) else { continue };
            if let Value::Object(fields) = &mut data {
                fields.insert("seq".to_owned(), entry.seq.into());
            }
            match session.socket.emit(name.as_str(), &data) {
                Ok(()) => *session.cursor.lock().unwrap_or_else(PoisonError::into_inner) = entry.seq,
                Err(socketioxide::SendError::Socket(SocketError::Closed)) => return Ok(()),
                Err(_) => return Err(Fault::rate_limited(0)),
            }
        }
        Ok(())
    }

    /// The connection broke: keeps the seat for its grace and the log for the resume window.
    pub(super) async fn dropped(&self, session: &Arc<Session>) {
        {
            let mut live = self.live();
            // A resumed session lives on in its new connection.
            if !live.by_id.get(&session.id).is_some_and(|current| current.is_same_connection(session)) {
                return;
            }
            live.remove(session);
        }
        self.gauge();
        for tries in 1.. {
            match self.let_go(session).await {
                Ok(true) => {
                    self.departed(session.user, session.id).await;
                    self.park(session.user, session.id).await;
                }
                Ok(false) => {}
                // Whoever is talking with this one is to hear that it has gone, as soon as that can be told.
                Err(fault) if fault.code == Code::Unavailable && self.may_try_again(tries) => {
                    tokio::time::sleep(LET_GO_AGAIN).await;
                    continue;
                }
                Err(fault) => {
                    tracing::warn!(fault.code = %fault.code, "a dropped socket's session could not be parked");
                }
            }
            return;
        }
    }

    fn may_try_again(&self, tries: u32) -> bool {
        tries < LET_GO_TRIES && !self.lifecycle.drain.is_cancelled()
    }

    /// Keeps the place in the call that this socket is in, when the store doesn't know any more that it is.
    pub(super) async fn park_call(&self, session: &Session) {
        if let Some(room) = session.call() {
            let seat = RoomSeat { room, user: session.user, session: session.id };
            let _ = self.rooms.park(&Caller::internal("park"), seat).await;
        }
    }

    /// The session goes on in a later connection at another node: this one ends without a trace.
    pub(super) fn moved(&self, id: SocketId, connection: u64) {
        // One without a number yet is only just taking over, and will have the last word.
        let is_earlier = |own: u64| own != 0 && own < connection;
        let earlier = self.session(id).filter(|session| is_earlier(session.connection()));
        if let Some(session) = earlier {
            self.live().remove(&session);
            self.gauge();
            session.cut();
        }
    }

    /// The login has ended: nothing of the session stays.
    pub(super) async fn end(&self, session: &Arc<Session>) {
        self.forget(session).await;
        self.gone(session.user, session.id).await;
        if let Err(fault) = self.vacate(session).await {
            tracing::warn!(fault.code = %fault.code, "a seat was not vacated");
        }
        session.cut();
    }

    /// Keeps the seat of a session whose page is away, for its grace.
    pub(super) async fn park(&self, user: UserId, session: SocketId) {
        let cx = Caller::internal("park");
        match self.seat_held_by(user, session).await {
            Some(Holding::Ticket { .. }) => {
                let _ = self.matchmaking.park(&cx, Holder { user, session }).await;
            }
            Some(Holding::Room { room }) => {
                let _ = self.rooms.park(&cx, RoomSeat { room, user, session }).await;
            }
            None => {}
        }
    }

    async fn unpark(&self, user: UserId, session: SocketId) {
        let cx = Caller::internal("unpark");
        match self.seat_held_by(user, session).await {
            Some(Holding::Ticket { .. }) => {
                let _ = self.matchmaking.unpark(&cx, Holder { user, session }).await;
            }
            Some(Holding::Room { room }) => {
                let unparked = self.rooms.unpark(&cx, RoomSeat { room, user, session }).await;
                if unparked.is_err_and(|fault| fault.code == Code::NotInRoom) {
                    // It was lost while the page was away.
                    let _ = self.on_room_lost(room, user).await;
                }
            }
            None => {}
        }
    }

    async fn seat_held_by(&self, user: UserId, session: SocketId) -> Option<Holding> {
        let (seat, _) = self.seat(user).await.ok()??;
        let Seat { session: holder, holding, .. } = seat;
        (holder == session).then_some(holding)
    }

    /// Whether this is the connection that its session has here.
    fn is_current(&self, session: &Session) -> bool {
        self.live().by_id.get(&session.id).is_some_and(|current| current.is_same_connection(session))
    }

    /// Whether a session has a socket here.
    pub(super) fn is_live(&self, session: SocketId) -> bool {
        self.live().by_id.contains_key(&session)
    }
}
