//! The log is the transport: whoever has something for a page appends it to its session's bounded stream, which
//! gives it a `seq`; the bus message is only a nudge. Delivery, resume and fail-over are one path.

use std::time::Duration;

use visavis_domain::{
    Fault,
    event::{Event, ServerEvent},
    id::SocketId,
};

use crate::{Bus, Kv};

/// Events kept per session. A call makes a few dozen in a minute (candidates, chat), so this holds a dropout of well
/// over the resume window; a session that fell behind further is told `resumed: false`.
pub const LOG_LENGTH: usize = 256;

/// A larger event is a session description with more than browsers of two strangers write.
const LARGE: usize = 16 * 1024;
/// Events kept once a large one comes, itself included: a log holds at most so many large ones, which bounds it to some
/// 6 MiB where [`LOG_LENGTH`] alone would let a hostile partner fill it with 32.
const KEPT_WITH_LARGE: usize = 16;

/// How long a session can be resumed after its socket dropped: four times the seat's grace.
pub const RESUME_WINDOW: Duration = Duration::from_mins(1);

/// Appends to and reads from session logs.
#[derive(Debug, Clone)]
pub struct SessionLog {
    kv: Kv,
    bus: Bus,
}

/// One logged event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the session's order, from 1.
    pub seq: u64,
    /// What happened.
    pub event: ServerEvent,
}

fn key(session: SocketId) -> String {
    format!("log/{session}")
}

/// How many entries are kept when this one comes.
const fn kept_with(text: &str) -> usize {
    if text.len() > LARGE { KEPT_WITH_LARGE } else { LOG_LENGTH }
}

/// The event with a field that readers don't know. No text of a person can look like it: their quotes are escaped.
fn marked(event: &ServerEvent, mark: &str) -> Result<String, Fault> {
    let text = serde_json::to_string(event).map_err(|_| Fault::internal())?;
    let open = text.strip_suffix('}').ok_or_else(Fault::internal)?;
    Ok(format!("{open},{}}}", in_json(mark)))
}

fn in_json(mark: &str) -> String {
    format!("\"mark\":\"{mark}\"")
}

impl SessionLog {
    /// A log over these stores.
    pub const fn new(kv: Kv, bus: Bus) -> Self {
        Self { kv, bus }
    }

    /// The life of the store, as [`Kv::life`]: logs of an earlier one are read no more.
    pub fn life(&self) -> u64 {
        self.kv.life()
    }

    /// Starts an empty log. Until then, and after [`Self::close`], events for the session are dropped.
    pub async fn open(&self, session: SocketId) -> Result<(), Fault> {
        self.kv.stream_open(&key(session)).await
    }

    /// Whoever emits: a volatile event goes out at once or never, any other is logged and the node nudged.
    pub async fn emit(&self, session: SocketId, event: ServerEvent) -> Result<(), Fault> {
        if event.is_volatile() {
            self.bus.publish(Event::Volatile { session, event }).await;
            return Ok(());
        }
        let text = serde_json::to_string(&event).map_err(|_| Fault::internal())?;
        self.append(session, text).await.map(drop)
    }

    /// The same for somebody who may have to do it once more by [`Self::emit_again`], with the same mark: one of its own,
    /// of letters and digits. Its place in the session's order, or `None` if there was no log: the session is over, or the store
    /// has just forgotten it.
    pub async fn emit_marked(
        &self,
        session: SocketId,
        event: &ServerEvent,
        mark: &str,
    ) -> Result<Option<u64>, Fault> {
        self.append(session, marked(event, mark)?).await
    }

    async fn append(&self, session: SocketId, text: String) -> Result<Option<u64>, Fault> {
        let keep = kept_with(&text);
        let logged = self.kv.stream_append(&key(session), text, keep).await?;
        if logged.is_some() {
            self.bus.publish(Event::LogGrew { session }).await;
        }
        Ok(logged)
    }

    /// Logs an event unless the log has one with this mark, for whoever doesn't know whether an earlier attempt was carried
    /// out. Its place, if it is new.
    pub async fn emit_again(
        &self,
        session: SocketId,
        event: &ServerEvent,
        mark: &str,
    ) -> Result<Option<u64>, Fault> {
        let (text, unless) = (marked(event, mark)?, in_json(mark));
        let keep = kept_with(&text);
        let logged = self.kv.stream_append_once(&key(session), text, keep, (&unless, LOG_LENGTH)).await?;
        if logged.is_some() {
            self.bus.publish(Event::LogGrew { session }).await;
        }
        Ok(logged)
    }

    /// Everything after `seq`, in order; `None` when some of it is no longer kept or the log is gone.
    pub async fn after(&self, session: SocketId, seq: u64) -> Result<Option<Vec<Logged>>, Fault> {
        let Some(entries) = self.kv.stream_after(&key(session), seq).await? else { return Ok(None) };
        let logged = entries.into_iter().map(|(seq, text)| {
            let event = serde_json::from_str(&text).map_err(|_| Fault::internal())?;
            Ok(Logged { seq, event })
        });
        logged.collect::<Result<Vec<_>, Fault>>().map(Some)
    }

    /// The socket dropped: forget the log unless somebody resumes within the window.
    pub async fn expire(&self, session: SocketId) -> Result<(), Fault> {
        self.kv.expire(&key(session), Some(RESUME_WINDOW)).await
    }

    /// Somebody listens: keep the log so long. False when it was gone already.
    pub async fn keep_for(&self, session: SocketId, life: Duration) -> Result<bool, Fault> {
        self.kv.expire(&key(session), Some(life)).await?;
        self.kv.exists(&key(session)).await
    }

    /// The session is over.
    pub async fn close(&self, session: SocketId) -> Result<(), Fault> {
        self.kv.delete(&key(session)).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use visavis_domain::{
        Timestamp,
        id::{ParticipantId, RoomId},
    };

    use super::*;
    use crate::Clock;

    fn offer(bytes: usize) -> ServerEvent {
        ServerEvent::Offer {
            room_id: RoomId::from_bits(1),
            from: ParticipantId::from_bits(2),
            sdp: "x".repeat(bytes),
        }
    }

    #[tokio::test]
    async fn a_hostile_partner_cannot_fill_a_log_with_large_descriptions() {
        let kv = Kv::memory(Clock::manual(Timestamp::from_millis(1_000)));
        let (log, session) = (SessionLog::new(kv, Bus::memory()), SocketId::from_bits(3));
        log.open(session).await.unwrap();
        for i in 0..1_000_u64 {
            let event = offer(if i % 3 == 0 { 128 * 1024 } else { LARGE / 2 });
            match i % 2 {
                0 => log.emit(session, event).await.unwrap(),
                _ => assert!(log.emit_marked(session, &event, &format!("m{i}")).await.unwrap().is_some()),
            }
            let kept = log.kv.stream_after(&key(session), i.saturating_sub(15)).await.unwrap();
            assert!(kept.is_some(), "the last few are always there");
        }
        let mut bytes = 0;
        for back in (1..=LOG_LENGTH as u64).rev() {
            if let Some(all) = log.after(session, 1_000 - back).await.unwrap() {
                bytes = all.iter().map(|logged| serde_json::to_string(&logged.event).unwrap().len()).sum();
                break;
            }
        }
        assert!((1..6 << 20).contains(&bytes), "{bytes} bytes are kept");
    }

    #[tokio::test]
    async fn small_events_are_kept_as_ever() {
        let kv = Kv::memory(Clock::manual(Timestamp::from_millis(1_000)));
        let (log, session) = (SessionLog::new(kv, Bus::memory()), SocketId::from_bits(3));
        log.open(session).await.unwrap();
        for _ in 0..LOG_LENGTH {
            log.emit(session, offer(LARGE / 2)).await.unwrap();
        }
        assert_eq!(log.after(session, 0).await.unwrap().map(|all| all.len()), Some(LOG_LENGTH));
    }

    #[tokio::test]
    async fn an_event_that_is_told_again_is_there_once_and_reads_as_it_was() {
        let log = SessionLog::new(Kv::memory(Clock::System), Bus::memory());
        let session = SocketId::from_bits(1);
        let event = |ms| ServerEvent::ServerDraining { reconnect_in_ms: ms };
        let taken = ServerEvent::SeatTaken { room_id: None };
        log.emit_again(session, &taken, "early").await.unwrap();
        assert_eq!(log.emit_marked(session, &taken, "early").await.unwrap(), None, "there is no log yet");
        log.open(session).await.unwrap();
        log.emit_marked(session, &taken, "a").await.unwrap();
        log.emit_again(session, &taken, "a").await.unwrap();
        log.emit_again(session, &event(1), "b").await.unwrap();
        log.emit_again(session, &event(1), "b").await.unwrap();
        log.emit_again(session, &taken, "a").await.unwrap();
        let there = log.after(session, 0).await.unwrap().unwrap();
        let events: Vec<_> = there.into_iter().map(|logged| logged.event).collect();
        assert_eq!(events, [taken, event(1)], "nothing before the log was open, nothing twice");
    }
}
