//! Client events in the order they were sent, one at a time per socket, under the socket's limits.
//!
//! Socket.IO would run each event in a task of its own, in any order. So the extractor, which runs in the order of
//! arrival, queues the event; the handler that follows drains the queue.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use socketioxide::{
    adapter::LocalAdapter,
    extract::{AckSender, State},
    handler::{FromMessageParts, Value as Raw},
    socket::Socket,
};
use visavis_domain::{
    Fault,
    contract::Caller,
    limit::{Flood, LocalLimiter, Rule},
};
use visavis_platform::{Clock, patience};

use super::{Hub, Settings, payload::ClientEvent, session::Session};

/// Events that wait for the one before; a burst of candidates fits. More are refused as `rate-limited`.
const MAX_WAITING: usize = 128;
/// Within this time the refusals of a flooder are counted.
const FLOOD_WINDOW: Duration = Duration::from_secs(10);

/// One queued event.
struct Waiting {
    event: Result<ClientEvent, Fault>,
    ack: AckSender<LocalAdapter>,
}

/// A socket's queue and limits.
pub(super) struct Inbox {
    waiting: Mutex<VecDeque<Waiting>>,
    working: AtomicBool,
    limits: Mutex<(LocalLimiter, Flood)>,
}

impl Inbox {
    pub(super) fn new(settings: &Settings) -> Self {
        let rule = Rule::per_second(settings.event_burst, settings.events_per_s);
        let flood = Flood::new(settings.flood_refusals, FLOOD_WINDOW);
        Self {
            waiting: Mutex::default(),
            working: AtomicBool::new(false),
            limits: Mutex::new((LocalLimiter::new(rule), flood)),
        }
    }

    /// Counts an event. `Err(_, true)`: this one floods and is to be cut.
    fn admit(&self, clock: &Clock) -> Result<(), (Fault, bool)> {
        let now = clock.now();
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let decision = limits.0.decide(now);
        if decision.allowed {
            return Ok(());
        }
        let flooder = limits.1.refused(now);
        let millis = u64::try_from(decision.retry_after.as_millis()).unwrap_or(u64::MAX);
        Err((Fault::rate_limited(millis.max(1)), flooder))
    }

    fn pop(&self) -> Option<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Queues; gives the event back when the queue is full.
    fn push(&self, waiting: Waiting) -> Option<Waiting> {
        let mut queue = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MAX_WAITING {
            return Some(waiting);
        }
        queue.push_back(waiting);
        None
    }
}

/// What the extractor hands on: a socket whose queue nobody drains yet.
pub(super) struct Turn(Arc<Session>);

/// The event was answered or queued behind others; there is nothing to run.
#[derive(Debug, thiserror::Error)]
#[error("the event is queued or answered")]
pub(super) struct Taken;

impl FromMessageParts<LocalAdapter> for Turn {
    type Error = Taken;

    fn from_message_parts(
        s: &Arc<Socket<LocalAdapter>>,
        raw: &mut Raw,
        id: &Option<i64>,
    ) -> Result<Self, Taken> {
        let Ok(ack) = AckSender::from_message_parts(s, raw, id);
        let session = s.extensions.get::<Arc<Session>>().ok_or(Taken)?;
        let Ok(State(hub)) = State::<Hub>::from_message_parts(s, raw, id).map_err(|_| Taken) else {
            return Err(Taken);
        };
        if let Err((fault, flooder)) = session.inbox.admit(&hub.clock) {
            metrics::counter!("visavis_socket_events_refused_total").increment(1);
            answer(ack, &Err(fault));
            if flooder {
                tracing::warn!("a flooding socket was cut");
                session.cut();
            }
            return Err(Taken);
        }
        let event = read(raw);
        if let Some(full) = session.inbox.push(Waiting { event, ack }) {
            answer(full.ack, &Err(Fault::rate_limited(1_000)));
            return Err(Taken);
        }
        if session.inbox.working.swap(true, Ordering::SeqCst) { Err(Taken) } else { Ok(Self(session)) }
    }
}

/// The packet's payload is the JSON array of the event's name and its arguments.
fn read(raw: &Raw) -> Result<ClientEvent, Fault> {
    let wrong = || Fault::bad_request("The event has the wrong shape.");
    match raw {
        Raw::Str(text, None) => read_text(text),
        Raw::Str(text, Some(attached)) if attached.len() == 1 => {
            let (name, data) = split(text)?;
            ClientEvent::read_attached(&name, text.len(), data, &attached[0])
        }
        _ => Err(wrong()),
    }
}

/// The text of a packet, as an event.
pub(super) fn read_text(text: &str) -> Result<ClientEvent, Fault> {
    let (name, data) = split(text)?;
    ClientEvent::read(&name, text.len(), data)
}

/// Its name and what comes with it.
fn split(text: &str) -> Result<(String, Value), Fault> {
    let wrong = || Fault::bad_request("The event has the wrong shape.");
    let mut parts: Vec<Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let data = if parts.len() == 2 { parts.pop().unwrap_or_default() } else { Value::Null };
    match parts.pop() {
        Some(Value::String(name)) if parts.is_empty() => Ok((name, data)),
        _ => Err(wrong()),
    }
}

/// Drains a socket's queue, one event after the other.
pub(super) async fn work(Turn(session): Turn, State(hub): State<Hub>) {
    loop {
        while let Some(Waiting { event, ack }) = session.inbox.pop() {
            let result = match event {
                Ok(event) => Box::pin(patience::bounded(hub.take(&session, event))).await,
                Err(fault) => Err(fault),
            };
            answer(ack, &result);
        }
        session.inbox.working.store(false, Ordering::SeqCst);
        // Somebody may have queued between the last look and the line above.
        let empty = session.inbox.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if empty || session.inbox.working.swap(true, Ordering::SeqCst) {
            return;
        }
    }
}

/// Sends the acknowledgement: `{ok: true, …}` or `{ok: false, error: {code, message, retryAfterMs?, until?, decisionId?}}`.
fn answer(ack: AckSender<LocalAdapter>, result: &Result<Value, Fault>) {
    let body = match result {
        Ok(value) => value.clone(),
        Err(fault) => {
            metrics::counter!("visavis_socket_faults_total", "code" => fault.code.as_str()).increment(1);
            let mut error = json!({"code": fault.code, "message": fault.detail});
            if let (Some(millis), Some(fields)) = (fault.retry_after_ms, error.as_object_mut()) {
                fields.insert("retryAfterMs".to_owned(), millis.into());
            }
            if let (Some(suspended), Some(fields)) = (&fault.suspended, error.as_object_mut()) {
                fields.insert("until".to_owned(), json!(suspended.until));
                fields.insert("decisionId".to_owned(), json!(suspended.decision_id));
            }
            json!({"ok": false, "error": error})
        }
    };
    // The socket may be gone by now; then nobody waits for the answer.
    let _ = ack.send(&body);
}

impl Hub {
    async fn take(&self, session: &Arc<Session>, event: ClientEvent) -> Result<Value, Fault> {
        let cx = Caller { request: self.dice.u64().to_string(), remaining_ms: 5_000 };
        match event {
            ClientEvent::FindMatch(wishes) => self.on_find_match(&cx, session, wishes).await,
            ClientEvent::CancelMatch => self.on_cancel_match(&cx, session).await,
            ClientEvent::Next(wishes) => self.on_next(&cx, session, wishes).await,
            ClientEvent::JoinRoom(at) => self.on_join_room(&cx, session, at).await,
            ClientEvent::LeaveRoom(at) => self.on_leave_room(&cx, session, at).await,
            ClientEvent::Offer(offer) => self.on_offer(&cx, session, offer).await,
            ClientEvent::Answer(answer) => self.on_answer(&cx, session, answer).await,
            ClientEvent::IceCandidate(trickled) => self.on_candidate(&cx, session, trickled).await,
            ClientEvent::LinkState(linked) => self.on_link_state(&cx, session, &linked).await,
            ClientEvent::MediaState(tracks) => self.on_media_state(&cx, session, &tracks).await,
            ClientEvent::ChatMessage(message) => self.on_chat(&cx, session, message).await,
            ClientEvent::View(viewed) => self.on_view(&cx, session, viewed).await,
            ClientEvent::Hand(raised) => self.on_hand(&cx, session, &raised).await,
            ClientEvent::Reaction(reacted) => self.on_reaction(&cx, session, &reacted).await,
            ClientEvent::Captions(read) => self.on_captions(&cx, session, &read).await,
            ClientEvent::Sample(sample) => self.on_sample(&cx, session, sample).await,
            ClientEvent::ModerateRoom(moderated) => self.on_moderate(&cx, session, &moderated).await,
            ClientEvent::Presence(looked) => self.on_presence(session, &looked).await,
            ClientEvent::CallUser(dialled) => self.on_call_user(&cx, session, &dialled).await,
            ClientEvent::CallAccept(at) => self.on_call_accept(&cx, session, at).await,
            ClientEvent::CallDecline(at) => self.on_call_decline(&cx, session, &at).await,
            ClientEvent::CallCancel(off) => self.on_call_cancel(&cx, session, &off).await,
            ClientEvent::AddToCall(added) => self.on_add_to_call(&cx, session, &added).await,
        }
    }

    /// Counts against a limit that holds over all of a user's sockets.
    pub(super) async fn limit(&self, what: &str, session: &Session, per_minute: u32) -> Result<(), Fault> {
        let rule = Rule::per_minute(per_minute, per_minute);
        let decision = self.kv.gcra(&format!("limit/{what}/{}", session.user), &rule).await?;
        if decision.allowed {
            return Ok(());
        }
        Err(Fault::rate_limited(u64::try_from(decision.retry_after.as_millis()).unwrap_or(u64::MAX).max(1)))
    }
}

/// An acknowledgement that says no more than yes.
pub(super) fn done() -> Value {
    json!({"ok": true})
}
