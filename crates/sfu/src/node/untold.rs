//! What people and roles are still to be told, because the store or the bus was away when it happened. A page that was told
//! "yes" must be able to rely on the other one hearing of it, and in the order in which it happened.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use visavis_domain::{
    Code, Fault,
    event::{Event, ServerEvent},
    id::SocketId,
};

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
}

/// An event, and what it is known by if it was told already.
#[derive(Debug, Clone)]
struct Told {
    event: ServerEvent,
    mark: String,
}

impl Untold {
    /// Behind what waits for this session. Gives it back when nothing does.
    fn queue(&mut self, to: SocketId, told: Told) -> Option<Told> {
        match self.sessions.get_mut(&to) {
            None => Some(told),
            Some(waiting) => {
                if waiting.len() < MAX_EVENTS {
                    waiting.push_back(told);
                } else {
                    lost("event");
                }
                None
            }
        }
    }

    fn begin(&mut self, to: SocketId, told: Told) {
        if self.sessions.len() < MAX_SESSIONS {
            self.sessions.entry(to).or_default().push_back(told);
        } else {
            lost("event");
        }
    }
}

fn lost(what: &'static str) {
    metrics::counter!("visavis_rooms_untold_total", "what" => what).increment(1);
}

impl Node {
    fn untold(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends to a session's log, now or as soon as that can be.
    pub(super) async fn emit(&self, to: SocketId, event: ServerEvent) {
        if event.is_volatile() {
            let _ = self.deps.log.emit(to, event).await;
            return;
        }
        let mark = format!("{:016x}", self.deps.dice.u64());
        let Some(told) = self.untold().queue(to, Told { event, mark }) else { return };
        match self.deps.log.emit_marked(to, &told.event, &told.mark).await {
            Ok(()) => {}
            Err(fault) if passes(&fault) => self.untold().begin(to, told),
            Err(fault) => tracing::warn!(fault.code = %fault.code, "an event was not logged"),
        }
    }

    /// Tells roles, now or as soon as that can be. They may hear it twice.
    pub(super) async fn tell(&self, event: Event) {
        if !self.deps.bus.tell(&event).await {
            let mut untold = self.untold();
            if untold.news.len() < MAX_NEWS {
                untold.news.push_back(event);
            } else {
                lost("news");
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
            let next = {
                let mut untold = self.untold();
                let next = untold.sessions.get(&session).and_then(VecDeque::front).cloned();
                if next.is_none() {
                    // From here on events go straight to the log again.
                    untold.sessions.remove(&session);
                }
                next
            };
            let Some(Told { event, mark }) = next else { return true };
            match self.deps.log.emit_again(session, &event, &mark).await {
                Err(fault) if passes(&fault) => return false,
                told => {
                    if let Err(fault) = told {
                        tracing::warn!(fault.code = %fault.code, "an event was not logged");
                    }
                    if let Some(waiting) = self.untold().sessions.get_mut(&session) {
                        waiting.pop_front();
                    }
                }
            }
        }
    }
}

/// Whether it may go better in a moment.
fn passes(fault: &Fault) -> bool {
    fault.code == Code::Unavailable
}
