//! When which room wants to be woken.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use visavis_domain::{Timestamp, id::RoomId};
use visavis_platform::Clock;

/// The longest sleep: after it the clock is read again, in case it was set.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Timer {
    wakes: Mutex<BTreeSet<(Timestamp, RoomId)>>,
    earlier: Notify,
}

impl Timer {
    pub(super) fn set(&self, at: Timestamp, room: RoomId) {
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        let first = wakes.first().is_none_or(|(first, _)| at < *first);
        wakes.insert((at, room));
        if first {
            self.earlier.notify_one();
        }
    }

    /// Sleeps until something may be due.
    pub(super) async fn wait(&self, clock: &Clock) {
        let first = self.wakes.lock().unwrap_or_else(PoisonError::into_inner).first().map(|(at, _)| *at);
        let sleep = first.map_or(LONGEST_SLEEP, |at| at.since(clock.now()).min(LONGEST_SLEEP));
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = self.earlier.notified() => {}
        }
    }

    /// Takes out whatever is due at `now`.
    pub(super) fn due(&self, now: Timestamp) -> Vec<RoomId> {
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        while let Some((at, _)) = wakes.first() {
            if *at > now {
                break;
            }
            due.extend(wakes.pop_first().map(|(_, room)| room));
        }
        due
    }
}
