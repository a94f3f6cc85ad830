//! Rate limits: the generic cell rate algorithm in its virtual scheduling form (ITU-T I.371, annex A; ATM Forum
//! Traffic Management 4.0, section 4.4.2). One number per key, so the same arithmetic runs over memory and Redis.

use std::{collections::VecDeque, time::Duration};

use crate::Timestamp;

/// `burst` events at once, and one more every `interval_us` microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    burst: u32,
    interval_us: i64,
}

/// The outcome of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it conforms.
    pub allowed: bool,
    /// The theoretical arrival time to store, in microseconds since the epoch; as before when refused.
    pub new_tat: i64,
    /// When the next event would conform; zero when this one did.
    pub retry_after: Duration,
}

impl Rule {
    /// `burst` at once (at least 1) and `count` per `period` on average.
    pub fn new(burst: u32, count: u32, period: Duration) -> Self {
        let period = i64::try_from(period.as_micros()).unwrap_or(i64::MAX);
        // Rounded up: a rate that doesn't divide the period comes out a little lower, never higher.
        let count = i64::from(count.max(1));
        Self { burst: burst.max(1), interval_us: (period / count + i64::from(period % count != 0)).max(1) }
    }

    /// `burst` at once and `count` per second on average.
    pub fn per_second(burst: u32, count: u32) -> Self {
        Self::new(burst, count, Duration::from_secs(1))
    }

    /// `burst` at once and `count` per minute on average.
    pub fn per_minute(burst: u32, count: u32) -> Self {
        Self::new(burst, count, Duration::from_mins(1))
    }

    /// `burst` at once and `count` per hour on average.
    pub fn per_hour(burst: u32, count: u32) -> Self {
        Self::new(burst, count, Duration::from_hours(1))
    }

    /// Events that may come at once.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Microseconds from one event to the next, on average.
    pub const fn interval_us(&self) -> i64 {
        self.interval_us
    }

    /// Judges an event at `now`, given the stored theoretical arrival time.
    pub fn decide(&self, now: Timestamp, tat: Option<i64>) -> Decision {
        let now = now.as_millis().saturating_mul(1_000);
        let tolerance = self.interval_us.saturating_mul(i64::from(self.burst) - 1);
        // No later than all at once would make it: a clock that was set back keeps nobody waiting for longer.
        let latest = now.saturating_add(self.interval_us.saturating_mul(i64::from(self.burst)));
        let tat = tat.unwrap_or(now).clamp(now, latest);
        let early = tat.saturating_sub(tolerance).saturating_sub(now);
        if early > 0 {
            let retry_after = Duration::from_micros(early.unsigned_abs());
            return Decision { allowed: false, new_tat: tat, retry_after };
        }
        Decision { allowed: true, new_tat: tat.saturating_add(self.interval_us), retry_after: Duration::ZERO }
    }
}

/// A limit with its state: for one socket, where no store is needed.
#[derive(Debug, Clone)]
pub struct LocalLimiter {
    rule: Rule,
    tat: Option<i64>,
}

impl LocalLimiter {
    /// Nothing counted yet.
    pub const fn new(rule: Rule) -> Self {
        Self { rule, tat: None }
    }

    /// Counts one event.
    pub fn decide(&mut self, now: Timestamp) -> Decision {
        let decision = self.rule.decide(now, self.tat);
        self.tat = Some(decision.new_tat);
        decision
    }
}

/// Tells a clumsy client from a flooder: so many refusals within a window cut it off.
#[derive(Debug, Clone)]
pub struct Flood {
    most: u32,
    window: Duration,
    refused: VecDeque<Timestamp>,
}

impl Flood {
    /// The `most`-th refusal within `window` is one too many.
    pub const fn new(most: u32, window: Duration) -> Self {
        Self { most, window, refused: VecDeque::new() }
    }

    /// Counts a refusal; true when it is one too many.
    pub fn refused(&mut self, now: Timestamp) -> bool {
        self.refused.push_back(now);
        while self.refused.front().is_some_and(|first| now.since(*first) >= self.window) {
            self.refused.pop_front();
        }
        if self.refused.len() < self.most as usize {
            return false;
        }
        // Bounded: the verdict stands, and the count needs no more memory.
        self.refused.pop_front();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T0: i64 = 1_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(T0 + ms)
    }

    #[test]
    fn a_rule_tells_what_a_store_elsewhere_must_know_to_judge_alike() {
        let told = |rule: Rule| (rule.burst(), rule.interval_us());
        assert_eq!(told(Rule::per_second(5, 4)), (5, 250_000));
        assert_eq!(told(Rule::per_minute(7, 60)), (7, 1_000_000));
        assert_eq!(told(Rule::per_hour(0, 0)), (1, 3_600_000_000));
        assert_eq!(told(Rule::per_second(1, 3)), (1, 333_334), "rounded up: never more than asked for");
    }

    #[test]
    fn a_burst_passes_and_the_next_waits_exactly_one_interval() {
        let mut limiter = LocalLimiter::new(Rule::per_second(3, 2));
        assert!((0..3).all(|_| limiter.decide(at(0)).allowed));
        let refused = limiter.decide(at(0));
        assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_millis(500)));
        assert!(!limiter.decide(at(499)).allowed);
        assert!(limiter.decide(at(500)).allowed);
        assert!(!limiter.decide(at(500)).allowed);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_waiting_for_longer() {
        let mut limiter = LocalLimiter::new(Rule::per_second(3, 2));
        assert!((0..3).all(|_| limiter.decide(at(3_600_000)).allowed));
        let refused = limiter.decide(at(0));
        assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_millis(500)));
        assert!(limiter.decide(at(500)).allowed);
    }

    #[test]
    fn refusals_cost_nothing() {
        let mut limiter = LocalLimiter::new(Rule::per_second(1, 1));
        assert!(limiter.decide(at(0)).allowed);
        for ms in 0..999 {
            assert!(!limiter.decide(at(ms)).allowed);
        }
        assert!(limiter.decide(at(1_000)).allowed);
    }

    #[test]
    fn units_are_what_they_say() {
        assert_eq!(Rule::per_minute(1, 60), Rule::per_second(1, 1));
        assert_eq!(Rule::per_hour(1, 3_600), Rule::per_second(1, 1));
        assert_eq!(Rule::per_second(1, 3), Rule { burst: 1, interval_us: 333_334 });
        assert_eq!(Rule::new(0, 0, Duration::ZERO), Rule { burst: 1, interval_us: 1 });
    }

    #[test]
    fn a_flooder_is_found_at_the_limit_and_only_within_the_window() {
        let mut flood = Flood::new(3, Duration::from_secs(10));
        assert!(!flood.refused(at(0)));
        assert!(!flood.refused(at(1)));
        assert!(!flood.refused(at(10_000)), "the first is ten seconds old");
        assert!(flood.refused(at(10_000)));
        assert!(flood.refused(at(10_000)));
        assert!(!flood.refused(at(30_000)));
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_burst_and_rate_allow(
            burst in 1u32..20, rate in 1u32..50, gaps in prop::collection::vec(0i64..200, 1..200),
        ) {
            let mut limiter = LocalLimiter::new(Rule::per_second(burst, rate));
            let mut now = 0;
            let mut passed = Vec::new();
            for gap in gaps {
                now += gap;
                if limiter.decide(at(now)).allowed {
                    passed.push(now);
                }
            }
            for (i, from) in passed.iter().enumerate() {
                for (j, to) in passed.iter().enumerate().skip(i) {
                    // In thousandths of an event, so that nothing is rounded: burst + rate·time.
                    let most = i64::from(burst) * 1_000 + i64::from(rate) * (to - from);
                    prop_assert!(i64::try_from(j - i + 1).unwrap() * 1_000 <= most);
                }
            }
        }

        #[test]
        fn after_retry_after_it_passes(burst in 1u32..5, rate in 1u32..50, events in 1usize..30) {
            let mut limiter = LocalLimiter::new(Rule::per_second(burst, rate));
            for _ in 0..events {
                let decision = limiter.decide(at(0));
                if !decision.allowed {
                    let wait = i64::try_from(decision.retry_after.as_micros().div_ceil(1_000)).unwrap();
                    prop_assert!(limiter.clone().decide(at(wait)).allowed);
                }
            }
        }
    }
}
