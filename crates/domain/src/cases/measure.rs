//! What a person may decide, and how long somebody stays away who does it again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, contract::moderation::ReportReason, strikes::Action, strikes::Concern};

/// Hours away for the first, second … suspension that stands, when a person names none.
const LADDER_H: [u32; 5] = [24, 72, 7 * 24, 30 * 24, 365 * 24];
/// The longest that a decision keeps somebody away; then a person decides again.
pub const MAX_HOURS: u32 = 365 * 24;
/// The rules that people decide by: the terms of the place.
pub const TERMS: &str = "terms-1";

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Nothing against the rules: what was done about it is taken back.
    None,
    /// A warning.
    Warn,
    /// They had to leave that call: what a rule did stands.
    Remove,
    /// They stay away for a time.
    Suspend,
}

impl Measure {
    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warn => "warn",
            Self::Remove => "remove",
            Self::Suspend => "suspend",
        }
    }

    /// What it does.
    pub const fn action(self) -> Option<Action> {
        match self {
            Self::None => None,
            Self::Warn => Some(Action::Warn),
            Self::Remove => Some(Action::Remove),
            Self::Suspend => Some(Action::Suspend),
        }
    }
}

/// Hours of a suspension: those that were named, else by how many stand already. Whoever seems to be under 18 stays away until
/// an appeal clears it up.
pub fn hours(named: Option<u32>, about: Concern, standing: usize) -> u32 {
    if named.is_none() && about == Concern::Minor {
        return MAX_HOURS;
    }
    let step = standing.min(LADDER_H.len() - 1);
    named.unwrap_or_else(|| LADDER_H.get(step).copied().unwrap_or(MAX_HOURS)).clamp(1, MAX_HOURS)
}

/// Until then what shows it is kept: the end of a day (UTC), so that one key can be destroyed for all of that day; never less
/// than a week, never more than fifteen days.
pub fn kept_until(at: Timestamp, keep_days: u8) -> Timestamp {
    const DAY_MS: i64 = 24 * 3_600_000;
    let keep = i64::from(keep_days.clamp(7, 15));
    let end = (at.as_millis() + keep * DAY_MS + DAY_MS - 1).div_euclid(DAY_MS) * DAY_MS;
    let latest = at.as_millis() + 15 * DAY_MS;
    Timestamp::from_millis(if end > latest { end - DAY_MS } else { end })
}

/// How long a report's attachments are kept, by what it is about.
pub const fn keep_days(reason: ReportReason) -> u8 {
    match reason {
        ReportReason::Minor | ReportReason::Violence => 15,
        ReportReason::Nudity | ReportReason::Harassment => 10,
        ReportReason::Spam | ReportReason::Other => 7,
    }
}

/// What a report is about.
pub const fn concern(reason: ReportReason) -> Concern {
    match reason {
        ReportReason::Nudity => Concern::Nudity,
        ReportReason::Violence => Concern::Violence,
        ReportReason::Harassment => Concern::Harassment,
        ReportReason::Minor => Concern::Minor,
        ReportReason::Spam => Concern::Spam,
        ReportReason::Other => Concern::Other,
    }
}

/// How long the network somebody used stays suspicious: addresses change hands.
pub const NETWORK_FADES: Duration = Duration::from_hours(72);
/// Other people seen in a network from which on it is shared, and nobody is held back for it.
pub const SHARED_BY: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whoever_does_it_again_stays_away_longer() {
        assert_eq!(
            (0..7).map(|n| hours(None, Concern::Spam, n)).collect::<Vec<_>>(),
            [24, 72, 168, 720, 8_760, 8_760, 8_760]
        );
        let named = |hours_| hours(Some(hours_), Concern::Minor, 0);
        assert_eq!([named(5), named(0), named(u32::MAX)], [5, 1, MAX_HOURS]);
        assert_eq!(hours(None, Concern::Minor, 0), MAX_HOURS, "until an appeal clears it up");
    }

    proptest! {
        #[test]
        fn what_shows_it_is_kept_a_week_to_fifteen_days_and_ends_with_a_day(
            at in 0_i64..4_000_000_000_000, days: u8,
        ) {
            const DAY_MS: i64 = 24 * 3_600_000;
            let end = kept_until(Timestamp::from_millis(at), days).as_millis();
            prop_assert_eq!(end % DAY_MS, 0);
            prop_assert!((7 * DAY_MS..=15 * DAY_MS).contains(&(end - at)), "{} days", (end - at) / DAY_MS);
        }
    }
}
