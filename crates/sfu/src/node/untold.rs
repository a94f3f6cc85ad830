//! What people and roles are still to be told, because the store or the bus was away when it happened, or had forgotten who
//! listens. A page that was told "yes" must be able to rely on the other one hearing of it, and in the order in which it
//! happened.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use visavis_domain::{
    Code, Fault, Timestamp,
    event::{Event, ServerEvent},
    id::SocketId,
};
use visavis_platform::session_log::RESUME_WINDOW;

use super::Node;

/// Between two tries.
const TELL_AGAIN: Duration = Duration::from_millis(500);
/// Events of one session that wait; a log holds 256, and nobody who missed more can go on.
const MAX_EVENTS: usize = 256;
/// Sessions with such events, and news for roles: as many as a node with 100 000 rooms makes in some seconds. What is beyond
/// is lost, as it would be with the node.
const MAX_SESSIONS: usize = 50_000;
const MAX_NEWS: usize = 50_000;

#[derive(Debug, Default)]
pub(super) struct Untold {
    sessions: HashMap<SocketId, VecDeque<Told>>,
    news: VecDeque<Event>,
    /// In which life of the store the session of somebody in a room began.
    lives: HashMap<SocketId, u64>,
}

/// An event, and what it is known by if it was told already.
#[derive(Debug, Clone)]
struct Told {
    event: ServerEvent,
    mark: String,
    at: Timestamp,
}

impl Untold {
    /// Whether something waits for this session, or its log is of a life that is over: then its page begins a new session
    /// in a moment, and hears nothing before.
    fn must_wait(&self, session: SocketId, life: u64) -> bool {
        self.sessions.contains_key(&session) || !self.hears(session, life)
    }

    fn hears(&self, session: SocketId, life: u64) -> bool {
        self.lives.get(&session).is_none_or(|began| *began == life)
    }

    /// Behind what waits for this session.
    fn wait(&mut self, to: SocketId, told: Told) {
        let (room, waits) = (self.sessions.len() < MAX_SESSIONS, self.sessions.get(&to).map(VecDeque::len));
        if waits.is_none() && !room || waits.is_some_and(|events| events >= MAX_EVENTS) {
            metrics::counter!("visavis_rooms_untold_total", "what" => "event").increment(1);
            return;
        }
        self.sessions.entry(to).or_default().push_back(told);
    }

    /// Somebody goes on in another session. What they see when they join needs no telling; what was said to them does.
    fn go_on(&mut self, before: SocketId, session: SocketId) {
        self.lives.remove(&before);
        for told in self.sessions.remove(&before).unwrap_or_default() {
            if is_said(&told.event) {
                self.wait(session, told);
            }
        }
    }

    fn next(&mut self, session: SocketId, life: u64, too_old: Timestamp) -> Option<Told> {
        let hears = self.hears(session, life);
        let waiting = self.sessions.get_mut(&session)?;
        while waiting.front().is_some_and(|told| !hears && told.at < too_old) {
            waiting.pop_front();
        }
        if let Some(told) = waiting.front() {
            return hears.then(|| told.clone());
        }
        // From here on events go straight to the log again.
        self.sessions.remove(&session);
        None
    }
}

const fn is_said(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::ChatMessage { .. }
            | ServerEvent::Offer { .. }
            | ServerEvent::Answer { .. }
            | ServerEvent::IceCandidate { .. }
    )
}

impl Node {
    fn untold(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends to a session's log, now or as soon as that can be.
    pub(super) async fn emit(&self, to: SocketId, event: ServerEvent) {
        if event.is_volatile() {
            self.deps.bus.publish(Event::Volatile { session: to, event }).await;
            return;
        }
        let mark = format!("{:016x}", self.deps.dice.u64());
        let told = Told { event, mark, at: self.deps.clock.now() };
        {
            let mut untold = self.untold();
            if untold.must_wait(to, self.deps.log.life()) {
                untold.wait(to, told);
                return;
            }
        }
        let logged = self.deps.log.emit_marked(to, &told.event, &told.mark).await;
        let mut untold = self.untold();
        match logged {
            // Into a log that may be forgotten already; or there is none, and whether the store has forgotten it or the session
            // is over is known in a moment.
            Ok(logged) if !logged || !untold.hears(to, self.deps.log.life()) => untold.wait(to, told),
            Ok(_) => {}
            Err(fault) if passes(&fault) => untold.wait(to, told),
            Err(fault) => tracing::warn!(fault.code = %fault.code, "an event was not logged"),
        }
    }

    /// From now on this session, which began in that life of the store, hears what happens in its room.
    pub(super) fn hears_now(&self, before: Option<SocketId>, session: SocketId, life: u64) {
        let mut untold = self.untold();
        untold.lives.insert(session, life);
        if let Some(before) = before.filter(|before| *before != session) {
            untold.go_on(before, session);
        }
    }

    pub(super) fn hears_no_more(&self, session: SocketId) {
        self.untold().lives.remove(&session);
    }

    /// Tells roles, now or as soon as that can be. They may hear it twice.
    pub(super) async fn tell(&self, event: Event) {
        if !self.deps.bus.tell(&event).await {
            let mut untold = self.untold();
            if untold.news.len() < MAX_NEWS {
                untold.news.push_back(event);
            } else {
                metrics::counter!("visavis_rooms_untold_total", "what" => "news").increment(1);
            }
        }
    }

    pub(super) async fn tell_again(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TELL_AGAIN).await;
            let sessions: Vec<_> = self.untold().sessions.keys().copied().collect();
            for session in sessions {
                if !self.emit_again(session).await {
                    break;
                }
            }
            while let Some(event) = { self.untold().news.front().cloned() } {
                if !self.deps.bus.tell(&event).await {
                    break;
                }
                self.untold().news.pop_front();
            }
        }
    }

    /// Everything that waits for a session. False when the store is still away.
    async fn emit_again(&self, session: SocketId) -> bool {
        loop {
            let too_old = self.deps.clock.now() - RESUME_WINDOW;
            let next = self.untold().next(session, self.deps.log.life(), too_old);
            let Some(Told { event, mark, .. }) = next else { return true };
            match self.deps.log.emit_again(session, &event, &mark).await {
                Err(fault) if passes(&fault) => return false,
                told => {
                    if let Err(fault) = told {
                        tracing::warn!(fault.code = %fault.code, "an event was not logged");
                    }
                    self.done(session, &mark);
                }
            }
        }
    }

    /// That one needn't wait any more, wherever it waits by now.
    fn done(&self, session: SocketId, mark: &str) {
        if let Some(waiting) = self.untold().sessions.get_mut(&session)
            && waiting.front().is_some_and(|told| told.mark == mark)
        {
            waiting.pop_front();
        }
    }
}

/// Whether it may go better in a moment.
fn passes(fault: &Fault) -> bool {
    fault.code == Code::Unavailable
}

#[cfg(test)]
mod tests {
    use visavis_domain::event::CloseReason;
    use visavis_domain::id::{MessageId, ParticipantId, RoomId};

    use super::*;

    const OLD: SocketId = SocketId::from_bits(1);
    const NEW: SocketId = SocketId::from_bits(2);

    fn told(number: u128, at: i64) -> Told {
        let event = ServerEvent::ChatMessage {
            room_id: RoomId::from_bits(1),
            id: MessageId::from_bits(number),
            from: ParticipantId::from_bits(1),
            text: "hello".to_owned(),
            at: Timestamp::from_millis(at),
        };
        Told { event, mark: number.to_string(), at: Timestamp::from_millis(at) }
    }

    fn next(untold: &mut Untold, session: SocketId, life: u64) -> Option<String> {
        let next = untold.next(session, life, Timestamp::from_millis(1_000)).map(|told| told.mark);
        if next.is_some() {
            untold.sessions.get_mut(&session).unwrap().pop_front();
        }
        next
    }

    #[test]
    fn what_is_said_to_a_session_of_a_life_that_is_over_is_heard_by_the_one_that_follows() {
        let mut untold = Untold::default();
        untold.lives.insert(OLD, 7);
        assert!(!untold.must_wait(OLD, 7) && untold.must_wait(OLD, 8));
        untold.wait(OLD, told(1, 2_000));
        let event = ServerEvent::RoomClosed { room_id: RoomId::from_bits(1), reason: CloseReason::Left };
        untold.wait(OLD, Told { event, ..told(2, 2_000) });
        untold.wait(OLD, told(3, 2_000));
        assert_eq!(next(&mut untold, OLD, 8), None, "nobody reads that log");
        untold.lives.insert(NEW, 8);
        untold.go_on(OLD, NEW);
        assert!(untold.must_wait(NEW, 8), "what comes now comes behind");
        assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some("1"));
        assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some("3"), "only what was said");
        assert_eq!(next(&mut untold, NEW, 8), None);
        assert!(!untold.must_wait(NEW, 8));
        assert!(untold.sessions.is_empty() && untold.lives.len() == 1);
    }

    #[test]
    fn what_nobody_came_back_to_hear_is_forgotten() {
        let mut untold = Untold::default();
        untold.lives.insert(OLD, 7);
        untold.wait(OLD, told(1, 0));
        assert_eq!(next(&mut untold, OLD, 8), None);
        assert!(untold.sessions.is_empty());
    }

    #[test]
    fn too_much_is_refused() {
        let mut untold = Untold::default();
        for number in 0..2 * MAX_EVENTS as u128 {
            untold.wait(OLD, told(number, 0));
        }
        assert_eq!(untold.sessions[&OLD].len(), MAX_EVENTS);
    }
}
