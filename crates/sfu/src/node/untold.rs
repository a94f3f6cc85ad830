//! What people and roles are still to be told, because the store or the bus was away when it happened, or had forgotten who
//! listens, or forgot what it was told before the listener's page had fetched it. A page that was told "yes" must be able to
//! rely on the other one hearing of it, and in the order in which it happened.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use visavis_domain::{
    Code, Fault, Timestamp,
    contract::rooms::Heard,
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
/// What was said to one session and may have to be said again: more than people say in the minute in which that counts.
const MAX_SAID: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Untold {
    sessions: HashMap<SocketId, VecDeque<Told>>,
    news: VecDeque<Event>,
    /// The sessions of the people in rooms.
    listeners: HashMap<SocketId, Listener>,
}

/// A session of somebody in a room.
#[derive(Debug, Default)]
struct Listener {
    /// The life of the store in which it began.
    life: u64,
    /// What was said to it lately, with its number in the session's log: in the store's memory alone unless it is here.
    said: VecDeque<(u64, Told)>,
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
        self.listeners.get(&session).is_none_or(|listener| listener.life == life)
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

    /// It lies in the session's log.
    fn logged(&mut self, session: SocketId, seq: u64, told: Told) {
        let Some(listener) = self.listeners.get_mut(&session).filter(|_| is_said(&told.event)) else {
            return;
        };
        let too_old = told.at - RESUME_WINDOW;
        listener.said.push_back((seq, told));
        while listener.said.len() > MAX_SAID
            || listener.said.front().is_some_and(|(_, told)| told.at < too_old)
        {
            listener.said.pop_front();
        }
    }

    /// Somebody goes on in another session. What they see when they join needs no telling; what was said to them does: what
    /// their page didn't fetch while it could, if it says what it fetched, and then what waited.
    fn go_on(&mut self, before: SocketId, session: SocketId, heard: Option<u64>, too_old: Timestamp) {
        let said = self.listeners.remove(&before).unwrap_or_default().said;
        let missed = said
            .into_iter()
            .filter(|(seq, told)| heard.is_some_and(|heard| *seq > heard) && told.at >= too_old);
        for (_, told) in missed {
            self.wait(session, told);
        }
        for told in self.sessions.remove(&before).unwrap_or_default() {
            if is_said(&told.event) {
                self.wait(session, told);
            }
        }
    }

    /// That one needn't wait any more, wherever it waits by now.
    fn done(&mut self, session: SocketId, mark: &str, logged: Option<u64>) {
        let Some(waiting) = self.sessions.get_mut(&session) else { return };
        if waiting.front().is_none_or(|told| told.mark != mark) {
            return;
        }
        if let (Some(told), Some(seq)) = (waiting.pop_front(), logged) {
            self.logged(session, seq, told);
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
            Ok(Some(seq)) if untold.hears(to, self.deps.log.life()) => untold.logged(to, seq, told),
            Ok(_) => untold.wait(to, told),
            Err(fault) if passes(&fault) => untold.wait(to, told),
            Err(fault) => tracing::warn!(fault.code = %fault.code, "an event was not logged"),
        }
    }

    /// From now on this session, which began in that life of the store, hears what happens in its room.
    pub(super) fn hears_now(
        &self,
        before: Option<SocketId>,
        session: SocketId,
        life: u64,
        heard: Option<Heard>,
    ) {
        let too_old = self.deps.clock.now() - RESUME_WINDOW;
        let mut untold = self.untold();
        untold.listeners.entry(session).or_default().life = life;
        if let Some(before) = before.filter(|before| *before != session) {
            let heard = heard.filter(|heard| heard.session == before).map(|heard| heard.seq);
            untold.go_on(before, session, heard, too_old);
        }
    }

    pub(super) fn hears_no_more(&self, session: SocketId) {
        self.untold().listeners.remove(&session);
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
            let logged = match self.deps.log.emit_again(session, &event, &mark).await {
                Err(fault) if passes(&fault) => return false,
                Err(fault) => {
                    tracing::warn!(fault.code = %fault.code, "an event was not logged");
                    None
                }
                Ok(logged) => logged,
            };
            self.untold().done(session, &mark, logged);
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
            held: None,
            at: Timestamp::from_millis(at),
        };
        Told { event, mark: number.to_string(), at: Timestamp::from_millis(at) }
    }

    fn heard_in(life: u64) -> Untold {
        let mut untold = Untold::default();
        untold.listeners.entry(OLD).or_default().life = life;
        untold
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
        let mut untold = heard_in(7);
        assert!(!untold.must_wait(OLD, 7) && untold.must_wait(OLD, 8));
        untold.wait(OLD, told(1, 2_000));
        let event = ServerEvent::RoomClosed { room_id: RoomId::from_bits(1), reason: CloseReason::Left };
        untold.wait(OLD, Told { event, ..told(2, 2_000) });
        untold.wait(OLD, told(3, 2_000));
        assert_eq!(next(&mut untold, OLD, 8), None, "nobody reads that log");
        untold.listeners.entry(NEW).or_default().life = 8;
        untold.go_on(OLD, NEW, None, Timestamp::from_millis(1_000));
        assert!(untold.must_wait(NEW, 8), "what comes now comes behind");
        assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some("1"));
        assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some("3"), "only what was said");
        assert_eq!(next(&mut untold, NEW, 8), None);
        assert!(!untold.must_wait(NEW, 8));
        assert!(untold.sessions.is_empty() && untold.listeners.len() == 1);
    }

    #[test]
    fn what_the_store_forgot_before_the_page_fetched_it_is_said_again_and_only_that() {
        for (heard, again) in
            [(Some(4), ["3", "4"].as_slice()), (Some(2), &["2", "3", "4"]), (Some(9), &["4"]), (None, &["4"])]
        {
            let mut untold = heard_in(7);
            let too_old = Timestamp::from_millis(1_000);
            untold.logged(OLD, 2, told(1, 0));
            untold.logged(OLD, 4, told(2, 2_000));
            untold.logged(OLD, 5, told(3, 2_000));
            let event = ServerEvent::ServerDraining { reconnect_in_ms: 1 };
            untold.logged(OLD, 6, Told { event, ..told(9, 2_000) });
            untold.wait(OLD, told(4, 2_000));
            untold.listeners.entry(NEW).or_default().life = 8;
            untold.go_on(OLD, NEW, heard, too_old);
            for mark in again {
                assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some(*mark));
            }
            assert_eq!(next(&mut untold, NEW, 8), None);
        }
    }

    #[test]
    fn what_waited_and_was_logged_may_have_to_be_said_again_as_well() {
        let mut untold = heard_in(7);
        untold.wait(OLD, told(1, 2_000));
        untold.done(OLD, "another", Some(3));
        untold.done(OLD, "1", Some(3));
        untold.go_on(OLD, NEW, Some(2), Timestamp::from_millis(1_000));
        assert_eq!(next(&mut untold, NEW, 8).as_deref(), Some("1"));
    }

    #[test]
    fn what_was_said_long_ago_is_kept_no_longer_than_it_counts() {
        let mut untold = heard_in(7);
        for seq in 0..2 * MAX_SAID as u64 {
            untold.logged(OLD, seq, told(u128::from(seq), 0));
        }
        assert_eq!(untold.listeners[&OLD].said.len(), MAX_SAID);
        untold.logged(OLD, 1_000, told(1, i64::try_from(RESUME_WINDOW.as_millis()).unwrap() + 1));
        assert_eq!(untold.listeners[&OLD].said.len(), 1);
    }

    #[test]
    fn what_nobody_came_back_to_hear_is_forgotten() {
        let mut untold = heard_in(7);
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
