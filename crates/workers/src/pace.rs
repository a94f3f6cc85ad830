//! How often pictures are asked for when those who look can't keep up: less often, of everybody alike. Pure.

use std::time::Duration;

use visavis_domain::Timestamp;

/// A piece that is looked at so late shows that too much is asked for.
const LATE: Duration = Duration::from_secs(3);
/// And when none was so late for this long, more can be.
const CALM: Duration = Duration::from_secs(30);
/// Rarest: two pictures that agree must come within the minute in which rules take them together.
const MOST: Duration = Duration::from_secs(30);

/// The machine.
#[derive(Debug)]
pub struct Pace {
    /// As the operator wants it.
    least: Duration,
    every: Duration,
    changed: Timestamp,
    late: Timestamp,
}

impl Pace {
    /// One picture of each camera so often.
    pub const fn new(now: Timestamp, every: Duration) -> Self {
        Self { least: every, every, changed: now, late: now }
    }

    /// How often now.
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// Whether those who look can't keep up.
    pub fn is_behind(&self) -> bool {
        self.every > self.least
    }

    /// A piece that could be had from `came` on is looked at now. Sound began long before that. True when it is another pace from now on.
    pub fn looked(&mut self, now: Timestamp, came: Timestamp) -> bool {
        let before = self.every;
        // One change at a time: what was asked for before it still comes.
        if now.since(came) >= LATE {
            self.late = now;
            if now.since(self.changed) >= self.every {
                self.every = (self.every * 2).min(MOST.max(self.least));
            }
        } else if now.since(self.late) >= CALM && now.since(self.changed) >= CALM {
            self.every = (self.every / 2).max(self.least);
        }
        let other = self.every != before;
        if other {
            self.changed = now;
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn it_halves_with_what_is_late_and_comes_back_when_nothing_is() {
        let at = |s: u64| Timestamp::from_millis(1_000_000) + Duration::from_secs(s);
        let mut pace = Pace::new(at(0), 5 * S);
        assert!(!pace.looked(at(6), at(4)));
        assert!(pace.looked(at(7), at(3)) && pace.every() == 10 * S);
        assert!(!pace.looked(at(8), at(3)), "what was asked for before still comes");
        for s in 9..300 {
            pace.looked(at(s), at(s - 4));
        }
        assert_eq!(pace.every(), 30 * S);
        assert!(pace.is_behind());
        let mut seen = vec![pace.every()];
        for s in 300..600 {
            if pace.looked(at(s), at(s)) {
                seen.push(pace.every());
            }
        }
        assert!(!pace.is_behind());
        assert_eq!(seen, [30_000, 15_000, 7_500, 5_000].map(Duration::from_millis));
    }
}
