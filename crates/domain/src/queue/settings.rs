//! What is asked of a partner, and how that gives way with waiting.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Widened;

/// Rules of matching. Of two people the one who has waited longer decides how much has given way where waiting `…_max_s`
/// is named; where `…_s` is named both must have waited so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Reputation points that two people may be apart at first.
    pub start_gap: u8,
    /// Points that are added for each second of waiting.
    pub gap_per_s: u8,
    /// Seconds after which two people need no shared interest.
    pub interests_s: u64,
    /// Seconds after which one of the two needs no shared interest.
    pub interests_max_s: u64,
    /// Seconds after which two people need no shared language.
    pub languages_s: u64,
    /// Seconds after which one of the two needs no shared language.
    pub languages_max_s: u64,
    /// Seconds after which somebody counts as waiting long: every newcomer looks at them first.
    pub patience_s: u64,
    /// Seconds within which two people don't meet again.
    pub rematch_window_s: u64,
    /// Seconds after which two people who met before may meet again, if nobody else is there for either.
    pub rematch_after_s: u64,
    /// Seconds that a dropped socket's place is kept.
    pub park_grace_s: u64,
    /// Seconds between two notices to somebody who waits.
    pub notice_every_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start_gap: 10,
            gap_per_s: 4,
            interests_s: 2,
            interests_max_s: 5,
            languages_s: 5,
            languages_max_s: 12,
            patience_s: 8,
            rematch_window_s: 1_800,
            rematch_after_s: 60,
            park_grace_s: 15,
            notice_every_s: 2,
        }
    }
}

/// Points per band of the index.
pub(super) const BAND: u8 = 10;
/// The highest band: a score of 100 alone.
const TOP_BAND: u8 = 10;

impl Settings {
    /// Points that two people may be apart when the longer wait is `longest`.
    pub(super) fn gap(&self, longest: Duration) -> u64 {
        u64::from(self.start_gap) + u64::from(self.gap_per_s) * longest.as_secs()
    }

    /// The bands where somebody may stand, the nearest first.
    pub(super) fn bands(&self, reputation: u8, waited: Duration) -> impl Iterator<Item = u8> + use<> {
        let own = reputation.min(100) / BAND;
        // A point into a neighbouring band is enough to look there; the exact distance is judged per person.
        let reach = u8::try_from(self.gap(waited).div_ceil(u64::from(BAND)).min(u64::from(TOP_BAND)))
            .unwrap_or(TOP_BAND);
        (0..=reach).flat_map(move |d| {
            let up = Some(own + d).filter(|b| *b <= TOP_BAND);
            let down = own.checked_sub(d).filter(|_| d > 0);
            [down, up].into_iter().flatten()
        })
    }

    pub(super) fn is_relaxed_interests(&self, waited: Duration) -> bool {
        waited.as_secs() >= self.interests_s
    }

    pub(super) fn is_relaxed_languages(&self, waited: Duration) -> bool {
        waited.as_secs() >= self.languages_s
    }

    pub(super) fn interests_free(&self, shortest: Duration, longest: Duration) -> bool {
        self.is_relaxed_interests(shortest) || longest.as_secs() >= self.interests_max_s
    }

    pub(super) fn languages_free(&self, shortest: Duration, longest: Duration) -> bool {
        self.is_relaxed_languages(shortest) || longest.as_secs() >= self.languages_max_s
    }

    pub(super) fn rematch_free(&self, shortest: Duration) -> bool {
        shortest.as_secs() >= self.rematch_after_s
    }

    /// What is no longer asked for after `waited`.
    pub(super) fn widened(&self, waited: Duration) -> Vec<Widened> {
        let reputation = (self.gap_per_s > 0 && waited.as_secs() > 0).then_some(Widened::Reputation);
        let languages = self.is_relaxed_languages(waited).then_some(Widened::Languages);
        let interests = self.is_relaxed_interests(waited).then_some(Widened::Interests);
        let rematch = self.rematch_free(waited).then_some(Widened::Rematch);
        [reputation, languages, interests, rematch].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_looked_through_from_the_nearest_each_once() {
        let rules = Settings::default();
        let bands =
            |reputation, seconds| rules.bands(reputation, Duration::from_secs(seconds)).collect::<Vec<_>>();
        assert_eq!(bands(75, 0), [7, 6, 8]);
        assert_eq!(bands(75, 1), [7, 6, 8, 5, 9], "14 points reach into the second band");
        assert_eq!(bands(3, 0), [0, 1]);
        assert_eq!(bands(100, 0), [10, 9]);
        assert_eq!(bands(255, 0), bands(100, 0));
        assert_eq!(bands(50, 60), [5, 4, 6, 3, 7, 2, 8, 1, 9, 0, 10]);
    }

    #[test]
    fn what_has_given_way_is_told_from_the_second_on_in_which_it_does() {
        let rules = Settings::default();
        let at = |seconds| rules.widened(Duration::from_secs(seconds));
        let (reputation, interests) = (Widened::Reputation, Widened::Interests);
        assert_eq!(at(0), []);
        assert_eq!(at(1), [reputation]);
        assert_eq!(at(2), [reputation, interests]);
        assert_eq!(at(5), [reputation, Widened::Languages, interests]);
        assert_eq!(at(60), [reputation, Widened::Languages, interests, Widened::Rematch]);
        let strict = Settings { gap_per_s: 0, ..rules.clone() };
        assert_eq!(strict.widened(Duration::from_secs(2)), [interests], "reputation never gives way");
    }
}
