//! A circuit breaker: whoever fails again and again is left alone for a while, then tried with a single call. It spares
//! the callers the wait and the failing side the load.

use std::time::Duration;

use crate::Timestamp;

/// When it opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// The first rest; each one that ends with a failed trial is followed by one twice as long.
    pub rest: Duration,
    /// No rest is longer.
    pub longest_rest: Duration,
    /// A trial that says nothing for so long makes way for another.
    pub trial: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Fewer would open on a hiccup; each may cost a caller its whole deadline.
            failures: 5,
            rest: Duration::from_millis(500),
            // A node that comes back is found within the time that a person waits for a page.
            longest_rest: Duration::from_secs(5),
            trial: Duration::from_secs(5),
        }
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It was answered, with whatever.
    Succeeded,
    /// It was not answered.
    Failed,
    /// Nobody was there to take it: one such is as telling as many.
    Refused,
}

/// The breaker of one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    settings: Settings,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls go through.
    Closed { failures: u32 },
    /// Nothing goes through.
    Open { since: Timestamp, rest: Duration },
    /// One call goes through, and decides.
    HalfOpen { since: Timestamp, rest: Duration },
}

impl Breaker {
    /// A closed one.
    pub const fn new(settings: Settings) -> Self {
        Self { settings, state: State::Closed { failures: 0 } }
    }

    /// Whether a call would go through now. Changes nothing, so a choice among several can ask all.
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            State::Closed { .. } => false,
            State::Open { since, rest } => lasts(now, since, rest),
            State::HalfOpen { since, .. } => lasts(now, since, self.settings.trial),
        }
    }

    /// Whether this call goes through. After a rest it is the trial; its outcome must be told.
    pub fn admit(&mut self, now: Timestamp) -> bool {
        if self.is_open(now) {
            return false;
        }
        if let State::Open { rest, .. } | State::HalfOpen { rest, .. } = self.state {
            self.state = State::HalfOpen { since: now, rest };
        }
        true
    }

    /// Whether the call that was admitted last is the trial.
    pub const fn is_tried(&self) -> bool {
        matches!(self.state, State::HalfOpen { .. })
    }

    /// Takes the outcome of a call.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        let Settings { failures: most, rest: first, longest_rest, .. } = self.settings;
        self.state = match (input, self.state) {
            // Also that of a call from before the rest: it lives.
            (Input::Succeeded, _) => State::Closed { failures: 0 },
            (Input::Failed, State::Closed { failures }) if failures + 1 < most => {
                State::Closed { failures: failures + 1 }
            }
            (Input::Failed | Input::Refused, State::Closed { .. }) => State::Open { since: now, rest: first },
            (Input::Failed | Input::Refused, State::HalfOpen { rest, .. }) => {
                State::Open { since: now, rest: rest.saturating_mul(2).min(longest_rest) }
            }
            // A straggler of before says nothing new.
            (Input::Failed | Input::Refused, open @ State::Open { .. }) => open,
        };
    }
}

/// Whether what began at `since` still lasts. A clock that was set back ends it: else the wait could be any length.
fn lasts(now: Timestamp, since: Timestamp, time: Duration) -> bool {
    now >= since && now.since(since) < time
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: Settings = Settings {
        failures: 3,
        rest: Duration::from_millis(100),
        longest_rest: Duration::from_millis(400),
        trial: Duration::from_secs(1),
    };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(SETTINGS);
        for _ in 0..3 {
            assert!(breaker.admit(at(0)));
            breaker.handle(at(0), Input::Failed);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::new(SETTINGS);
        for input in [Input::Failed, Input::Failed, Input::Succeeded, Input::Failed, Input::Failed] {
            breaker.handle(at(0), input);
            assert!(breaker.admit(at(0)));
        }
        breaker.handle(at(0), Input::Failed);
        assert!(!breaker.admit(at(0)) && breaker.is_open(at(99)));
    }

    #[test]
    fn where_nobody_is_it_opens_at_once() {
        let mut breaker = Breaker::new(SETTINGS);
        breaker.handle(at(0), Input::Refused);
        assert!(!breaker.admit(at(99)) && breaker.admit(at(100)));
    }

    #[test]
    fn after_the_rest_one_trial_decides() {
        let mut breaker = opened();
        assert!(breaker.admit(at(100)), "the trial");
        assert!(!breaker.admit(at(100)), "one only");
        breaker.handle(at(150), Input::Succeeded);
        assert!(breaker.admit(at(150)) && breaker.admit(at(150)));
    }

    #[test]
    fn each_failed_trial_is_followed_by_a_longer_rest_up_to_the_longest() {
        let mut breaker = opened();
        let (mut now, mut rests) = (0, Vec::new());
        for _ in 0..4 {
            let begun = now;
            while !breaker.admit(at(now)) {
                now += 1;
            }
            rests.push(now - begun);
            breaker.handle(at(now), Input::Failed);
        }
        assert_eq!(rests, [100, 200, 400, 400]);
    }

    #[test]
    fn a_trial_that_is_never_heard_of_makes_way_for_another() {
        let mut breaker = opened();
        assert!(breaker.admit(at(100)));
        assert!(!breaker.admit(at(1_099)));
        assert!(breaker.admit(at(1_100)));
    }

    #[test]
    fn stragglers_from_before_neither_lengthen_a_rest_nor_hide_that_the_peer_lives() {
        let mut breaker = opened();
        breaker.handle(at(90), Input::Failed);
        assert!(breaker.clone().admit(at(100)));
        breaker.handle(at(95), Input::Succeeded);
        assert!(breaker.admit(at(95)));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out() {
        assert!(opened().admit(at(-3_600_000)));
    }

    proptest! {
        /// Whatever happens: it is never shut for longer than the longest rest or trial, it lets no second call pass
        /// while one is on trial, and it opens only after enough failures in a row.
        #[test]
        fn it_is_never_shut_for_long_and_never_without_cause(
            steps in prop::collection::vec((0_i64..300, prop::option::of(any::<bool>())), 1..200),
        ) {
            let mut breaker = Breaker::new(SETTINGS);
            let (mut now, mut row) = (0, 0);
            for (wait, outcome) in steps {
                now += wait;
                let was_closed = matches!(breaker.state, State::Closed { .. });
                let admitted = breaker.admit(at(now));
                prop_assert_eq!(was_closed && !admitted, false, "a closed one lets all pass");
                if admitted && !was_closed {
                    prop_assert!(!breaker.admit(at(now)), "a second trial");
                }
                match outcome {
                    Some(true) => { breaker.handle(at(now), Input::Succeeded); row = 0; }
                    Some(false) => { breaker.handle(at(now), Input::Failed); row += 1; }
                    None => {}
                }
                prop_assert!(row >= 3 || !breaker.is_open(at(now)) || !was_closed);
                prop_assert!(!breaker.is_open(at(now + 1_000)), "shut for more than a trial's time");
            }
        }
    }
}
