//! Tells a message that is new from one that was heard before: by its time, which must be near ours, and its nonce,
//! which is remembered as long as its time could still pass.

use std::{collections::HashSet, time::Duration};

use crate::Timestamp;

/// What to think of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Never heard before.
    Fresh,
    /// Too old, from the future, or heard before.
    Stale,
    /// Too many to remember: it can't be told, so it must not be believed.
    Full,
}

/// The nonces heard of late. Only those of messages that are otherwise genuine may come here: nobody else can fill it.
#[derive(Debug, Clone)]
pub struct Replay {
    skew: Duration,
    most: usize,
    begun: Timestamp,
    young: HashSet<u128>,
    old: HashSet<u128>,
}

impl Replay {
    /// Clocks may differ by `skew`; at most `most` nonces are kept, twice.
    pub fn new(skew: Duration, most: usize) -> Self {
        let (young, old) = (HashSet::new(), HashSet::new());
        Self { skew, most, begun: Timestamp::default(), young, old }
    }

    /// Judges a message that was made at `at` and arrives now. A fresh one is remembered.
    pub fn handle(&mut self, now: Timestamp, at: Timestamp, nonce: u128) -> Verdict {
        if !self.is_timely(now, at) {
            return Verdict::Stale;
        }
        self.turn(now);
        if self.young.contains(&nonce) || self.old.contains(&nonce) {
            return Verdict::Stale;
        }
        if self.young.len() >= self.most {
            return Verdict::Full;
        }
        self.young.insert(nonce);
        Verdict::Fresh
    }

    /// Whether a message of this time could be fresh: a cheap look before the costly ones.
    pub fn is_timely(&self, now: Timestamp, at: Timestamp) -> bool {
        now.since(at) <= self.skew && at.since(now) <= self.skew
    }

    /// A message first passes at the earliest `skew` before its own time and for the last time `skew` after it. So a
    /// generation that has lasted twice that, once it is followed by another as long, holds nothing that could pass.
    fn turn(&mut self, now: Timestamp) {
        // Set back: what is remembered stays so, and its time begins again.
        self.begun = self.begun.min(now);
        let generation = self.skew * 2;
        if now.since(self.begun) < generation {
            return;
        }
        let idle = now.since(self.begun) >= generation * 2;
        self.old = std::mem::take(&mut self.young);
        if idle {
            self.old.clear();
        }
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SKEW: i64 = 1_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + ms)
    }

    fn replay(most: usize) -> Replay {
        Replay::new(Duration::from_millis(SKEW.unsigned_abs()), most)
    }

    #[test]
    fn a_message_passes_once() {
        let mut replay = replay(10);
        assert_eq!(replay.handle(at(0), at(0), 1), Verdict::Fresh);
        assert_eq!(replay.handle(at(0), at(0), 1), Verdict::Stale);
        assert_eq!(replay.handle(at(0), at(0), 2), Verdict::Fresh);
    }

    #[test]
    fn clocks_may_differ_by_the_skew_and_no_more() {
        let mut replay = replay(10);
        for (nonce, made, verdict) in [
            (1, -SKEW, Verdict::Fresh),
            (2, -SKEW - 1, Verdict::Stale),
            (3, SKEW, Verdict::Fresh),
            (4, SKEW + 1, Verdict::Stale),
        ] {
            assert_eq!(replay.handle(at(0), at(made), nonce), verdict, "made at {made}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let mut replay = replay(2);
        for nonce in 1..=2 {
            assert_eq!(replay.handle(at(3_600_000), at(3_600_000), nonce), Verdict::Fresh);
        }
        assert_eq!(replay.handle(at(0), at(0), 3), Verdict::Full, "what is remembered stays so for a while");
        for n in 1..20 {
            let now = at(n * 2 * SKEW);
            let verdict = replay.handle(now, now, 3 + u128::try_from(n).unwrap());
            assert!(verdict == Verdict::Fresh, "{n}: {verdict:?}");
        }
    }

    #[test]
    fn what_cannot_be_remembered_is_not_believed_and_memory_is_freed_with_time() {
        let mut replay = replay(2);
        assert_eq!(replay.handle(at(0), at(0), 1), Verdict::Fresh);
        assert_eq!(replay.handle(at(0), at(0), 2), Verdict::Fresh);
        assert_eq!(replay.handle(at(0), at(0), 3), Verdict::Full);
        assert_eq!(replay.handle(at(2 * SKEW), at(2 * SKEW), 3), Verdict::Fresh);
        assert!(replay.young.len() + replay.old.len() <= 4);
    }

    proptest! {
        /// However time passes and whatever is sent again: nothing passes twice, and what is timely and new passes.
        #[test]
        fn nothing_passes_twice(
            steps in prop::collection::vec((0_i64..SKEW, -2 * SKEW..2 * SKEW, 0_usize..20), 1..300),
        ) {
            let mut replay = replay(1_000);
            let (mut now, mut sent, mut passed) = (0, Vec::new(), HashSet::new());
            for (wait, offset, again) in steps {
                now += wait;
                let nonce = sent.len() as u128;
                sent.push((nonce, now + offset));
                let (nonce, made) = sent[sent.len().saturating_sub(again + 1)];
                let verdict = replay.handle(at(now), at(made), nonce);
                let timely = (now - made).abs() <= SKEW;
                let new = !passed.contains(&nonce);
                prop_assert_eq!(verdict == Verdict::Fresh, timely && new);
                if verdict == Verdict::Fresh {
                    passed.insert(nonce);
                }
            }
        }
    }
}
