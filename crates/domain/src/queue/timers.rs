//! When to look at which ticket again. There are few kinds of waiting, each of one length, so what is set last is due last:
//! a line for each kind does what a heap would, without the climbing through memory.

use std::{collections::VecDeque, time::Duration};

use super::index::Key;
use crate::Timestamp;

/// Why a ticket is looked at again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Somebody who came lately is searched for.
    Fresh,
    /// Somebody who has waited for long is.
    Slow,
    /// The grace of a parked place is over.
    Parked,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    lines: [VecDeque<(Timestamp, Key)>; 3],
}

impl Timers {
    pub(super) fn set(&mut self, kind: Kind, now: Timestamp, wait: Duration, key: Key) {
        self.set_at(kind, now + wait, key);
    }

    pub(super) fn set_at(&mut self, kind: Kind, at: Timestamp, key: Key) {
        let line = &mut self.lines[kind as usize];
        if line.back().is_none_or(|(last, _)| *last <= at) {
            line.push_back((at, key));
        } else {
            // A clock that was set back: rare enough to move the others.
            let place = line.partition_point(|(other, _)| *other <= at);
            line.insert(place, (at, key));
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.front()).map(|(at, _)| *at).min()
    }

    /// Takes the earliest, if it is due.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Key> {
        let first = |line: &&mut VecDeque<(Timestamp, Key)>| line.front().map(|(at, _)| *at);
        let line = self.lines.iter_mut().filter(|line| first(line).is_some()).min_by_key(first)?;
        line.pop_front_if(|(at, _)| *at <= now).map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: u32) -> Key {
        Key { slot, generation: 0 }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn what_is_due_comes_in_the_order_of_time_whatever_its_kind() {
        let mut timers = Timers::default();
        timers.set_at(Kind::Slow, at(20), key(2));
        timers.set_at(Kind::Fresh, at(10), key(1));
        timers.set_at(Kind::Parked, at(30), key(3));
        timers.set_at(Kind::Fresh, at(40), key(4));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.due(at(9)), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.due(at(30))).map(|key| key.slot).collect();
        assert_eq!(due, [1, 2, 3]);
        assert_eq!(timers.next(), Some(at(40)));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nobody() {
        let mut timers = Timers::default();
        timers.set(Kind::Fresh, at(100_000), Duration::from_secs(1), key(1));
        timers.set(Kind::Fresh, at(5_000), Duration::from_secs(1), key(2));
        assert_eq!(timers.due(at(6_000)), Some(key(2)));
        assert_eq!(timers.due(at(6_000)), None);
        assert_eq!(timers.due(at(101_000)), Some(key(1)));
        assert_eq!(timers.next(), None);
    }
}
