//! One page's connection: connect, resume by the session log, delivery in order, the end.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::{SocketError, extract::SocketRef};
use visavis_domain::{
    Code, Fault,
    contract::{Caller, matchmaking::Holder, rooms::Seat as RoomSeat},
    event::ServerEvent,
    id::{LoginId, SocketId, UserId},
};
use visavis_platform::session_log::RESUME_WINDOW;

use super::{
    Hub,
    inbound::Inbox,
    payload,
    seat::{Holding, Seat},
};

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

/// What is kept of a session so that it can be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    user: UserId,
    login: LoginId,
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
    /// The number of the last event sent on this connection.
    cursor: Mutex<u64>,
    /// After `welcome`; until then nothing is delivered.
    ready: AtomicBool,
    delivering: AtomicBool,
    /// News came while delivering: look once more.
    again: AtomicBool,
}

fn record_key(session: SocketId) -> String {
    format!("session/{session}")
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

    /// Cuts the socket; the page may resume.
    pub(super) fn cut(&self) {
        let _ = self.socket.clone().disconnect();
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
        let record = Record { user, login };
        let resumed = match &hello.resume {
            Some(resume) => self.resumable(resume, &record).await?,
            None => None,
        };
        if resumed.is_none() && self.sockets_of(user) >= self.settings.sockets_per_user {
            return Err(Fault::rate_limited(5_000));
        }
        let (id, cursor) = match resumed {
            Some(found) => found,
            None => (self.open_session(&record).await?, 0),
        };
        Ok(Arc::new(Session {
            id,
            user,
            login,
            seen,
            inbox: Inbox::new(&self.settings),
            socket: socket.clone(),
            resumed: resumed.is_some(),
            cursor: Mutex::new(cursor),
            ready: AtomicBool::new(false),
            delivering: AtomicBool::new(false),
            again: AtomicBool::new(false),
        }))
    }

    async fn open_session(&self, record: &Record) -> Result<SocketId, Fault> {
        let id = self.dice.id(&self.clock);
        let text = serde_json::to_string(record).map_err(|_| Fault::internal())?;
        // Until `welcome` lifts it, the record ends by itself: a handshake may break off here.
        self.kv.put(&record_key(id), text, Some(RESUME_WINDOW)).await?;
        self.log.open(id).await?;
        self.log.expire(id).await?;
        Ok(id)
    }

    /// The session and cursor to go on from, if it is this person's and nothing in between is lost.
    async fn resumable(&self, resume: &Resume, mine: &Record) -> Result<Option<(SocketId, u64)>, Fault> {
        let Ok(id) = resume.session.parse::<SocketId>() else { return Ok(None) };
        let Some(text) = self.kv.get(&record_key(id)).await? else { return Ok(None) };
        let theirs: Record = serde_json::from_str(&text).map_err(|_| Fault::internal())?;
        if theirs != *mine || self.log.after(id, resume.seq).await?.is_none() {
            return Ok(None);
        }
        Ok(Some((id, resume.seq)))
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
                self.deliver(Arc::clone(session));
                if session.resumed {
                    self.unpark(session).await;
                }
            }
            Err(fault) => {
                tracing::warn!(fault.code = %fault.code, "a socket could not be welcomed");
                session.cut();
            }
        }
    }

    async fn greeting(&self, session: &Session) -> Result<Value, Fault> {
        let kept = self.log.keep(session.id).await?;
        self.kv.expire(&record_key(session.id), None).await?;
        if !kept {
            return Err(Fault::unavailable());
        }
        let user = self.users.me(&Caller::internal("welcome"), session.user).await?;
        Ok(json!({
            "session": session.id,
            "seq": session.cursor(),
            "resumed": session.resumed,
            "user": user,
            "iceServers": (self.ice)(session.user),
            "limits": {
                "sdpBytes": payload::MAX_SDP,
                "chatChars": payload::MAX_CHAT_CHARS,
                "sampleBytes": payload::MAX_SAMPLE,
                "sampleEveryMs": payload::SAMPLE_EVERY_MS,
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
        let _ = self.log.expire(session.id).await;
        let _ = self.kv.expire(&record_key(session.id), Some(RESUME_WINDOW)).await;
        self.park(session).await;
    }

    /// The login has ended: nothing of the session stays.
    pub(super) async fn end(&self, session: &Arc<Session>) {
        let _ = self.log.close(session.id).await;
        let _ = self.kv.delete(&record_key(session.id)).await;
        if let Err(fault) = self.vacate(session).await {
            tracing::warn!(fault.code = %fault.code, "a seat was not vacated");
        }
        session.cut();
    }

    async fn park(&self, session: &Session) {
        let cx = Caller::internal("park");
        match self.seat_held_by(session).await {
            Some(Holding::Ticket { .. }) => {
                let holder = Holder { user: session.user, session: session.id };
                let _ = self.matchmaking.park(&cx, holder).await;
            }
            Some(Holding::Room { room }) => {
                let seat = RoomSeat { room, user: session.user, session: session.id };
                let _ = self.rooms.park(&cx, seat).await;
            }
            None => {}
        }
    }

    async fn unpark(&self, session: &Session) {
        let cx = Caller::internal("unpark");
        match self.seat_held_by(session).await {
            Some(Holding::Ticket { .. }) => {
                let holder = Holder { user: session.user, session: session.id };
                let _ = self.matchmaking.unpark(&cx, holder).await;
            }
            Some(Holding::Room { room }) => {
                let seat = RoomSeat { room, user: session.user, session: session.id };
                let _ = self.rooms.unpark(&cx, seat).await;
            }
            None => {}
        }
    }

    async fn seat_held_by(&self, session: &Session) -> Option<Holding> {
        let (seat, _) = self.seat(session.user).await.ok()??;
        let Seat { session: holder, holding, .. } = seat;
        (holder == session.id).then_some(holding)
    }

    /// Whether a session has a socket here.
    pub(super) fn is_live(&self, session: SocketId) -> bool {
        self.live().by_id.contains_key(&session)
    }
}
