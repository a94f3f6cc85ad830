//! What is counted of a day, so that days can be added up: counts, and spreads of how long things took. It names nobody.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days that can be asked for.
pub const MOST_DAYS: u32 = 90;
/// Of fewer values than this no percentile is told: it would be somebody's own.
pub const FEWEST: u64 = 5;

/// How long things took, in milliseconds. A value counts by its first two digits (123 456 as 120 000): so a spread stays small,
/// two of them can be added, and what is read off is at most a twentieth off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spread(BTreeMap<u64, u64>);

impl Spread {
    /// `times` more of this value.
    pub fn add(&mut self, ms: u64, times: u64) {
        if times > 0 {
            *self.0.entry(first_digits(ms)).or_default() += times;
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The value below which so many of a hundred are (nearest rank), if there are enough to tell.
    pub fn percentile(&self, of_hundred: u64) -> Option<u64> {
        let count = self.count();
        if count < FEWEST {
            return None;
        }
        let rank = (count * of_hundred).div_ceil(100).max(1);
        let mut so_far = 0;
        self.0.iter().find_map(|(low, times)| {
            so_far += times;
            (so_far >= rank).then(|| low + width(*low) / 2)
        })
    }

    fn merge(&mut self, other: &Self) {
        for (low, times) in &other.0 {
            *self.0.entry(*low).or_default() += times;
        }
    }
}

/// How far apart values are that count as different ones.
const fn width(ms: u64) -> u64 {
    let mut width = 1;
    while ms / width >= 100 {
        width *= 10;
    }
    width
}

const fn first_digits(ms: u64) -> u64 {
    ms - ms % width(ms)
}

/// All that is counted of a day, or of many.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Calls of strangers that came about, by the day on which they ended.
    pub random: u64,
    /// The same among friends.
    pub friends: u64,
    /// Of both: those that nobody meant to end.
    pub abrupt: u64,
    /// How long both took.
    pub duration: Spread,
    /// Stays in rooms of groups that have ended.
    pub stays: u64,
    /// Of them: those that nobody meant to end.
    pub abrupt_stays: u64,
    /// Reports.
    pub reports: u64,
    /// Of them: those about a call.
    pub reports_of_calls: u64,
    /// How long people had searched who were matched.
    pub wait: Spread,
    /// From what was noticed first to what a rule did about it.
    pub acted_by_rule: Spread,
    /// From the opening of a case to a person's decision.
    pub acted_by_people: Spread,
    /// Ratings of calls.
    pub ratings: u64,
    /// Their stars, added up.
    pub stars: u64,
}

impl Figures {
    /// Adds another day.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            random,
            friends,
            abrupt,
            duration,
            stays,
            abrupt_stays,
            reports,
            reports_of_calls,
            wait,
            acted_by_rule,
            acted_by_people,
            ratings,
            stars,
        } = other;
        for (mine, theirs) in [
            (&mut self.random, random),
            (&mut self.friends, friends),
            (&mut self.abrupt, abrupt),
            (&mut self.stays, stays),
            (&mut self.abrupt_stays, abrupt_stays),
            (&mut self.reports, reports),
            (&mut self.reports_of_calls, reports_of_calls),
            (&mut self.ratings, ratings),
            (&mut self.stars, stars),
        ] {
            *mine += theirs;
        }
        for (mine, theirs) in [
            (&mut self.duration, duration),
            (&mut self.wait, wait),
            (&mut self.acted_by_rule, acted_by_rule),
            (&mut self.acted_by_people, acted_by_people),
        ] {
            mine.merge(theirs);
        }
    }
}

/// Figures as they are told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Calls of two in which both were, by the day on which they ended.
    pub calls: Calls,
    /// How long they took, in milliseconds.
    pub duration_ms: Percentiles,
    /// Calls that ended because a connection, a process or the media was lost, or the server was stopped.
    pub abrupt: u64,
    /// Stays in rooms of groups that have ended.
    pub group_stays: u64,
    /// Of them: those that ended as an abrupt call does.
    pub abrupt_group_stays: u64,
    /// Reports.
    pub reports: u64,
    /// Of them: those about a call of two.
    pub reports_of_calls: u64,
    /// 1000 × `reportsOfCalls` ÷ calls, to a tenth; absent without a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports_per_thousand_calls: Option<f64>,
    /// How long those had searched who were matched, in milliseconds: each of the two counts.
    pub match_wait_ms: Percentiles,
    /// How long it took until something was done, in milliseconds.
    pub action_ms: Actions,
    /// What people thought of their calls.
    pub ratings: Ratings,
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calls {
    /// Of strangers.
    pub random: u64,
    /// Among friends.
    pub friends: u64,
}

/// A spread in two figures, each at most 5 % off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// Of how many values.
    pub count: u64,
    /// Half of them are below; absent for fewer than five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<u64>,
    /// 95 of 100 are below; absent for fewer than five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<u64>,
}

/// Time to action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Actions {
    /// Of rules: from the first picture, sound or words that a decision rests on to the decision.
    pub rules: Percentiles,
    /// Of people: from the opening of a case to a decision that wasn't taken back at once.
    pub people: Percentiles,
}

/// Stars.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ratings {
    /// How many have rated a call.
    pub count: u64,
    /// 1 to 5, to a tenth; absent for fewer than five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
}

impl From<&Spread> for Percentiles {
    fn from(spread: &Spread) -> Self {
        Self { count: spread.count(), p50: spread.percentile(50), p95: spread.percentile(95) }
    }
}

impl From<&Figures> for Told {
    fn from(all: &Figures) -> Self {
        let calls = all.random + all.friends;
        Self {
            calls: Calls { random: all.random, friends: all.friends },
            duration_ms: (&all.duration).into(),
            abrupt: all.abrupt,
            group_stays: all.stays,
            abrupt_group_stays: all.abrupt_stays,
            reports: all.reports,
            reports_of_calls: all.reports_of_calls,
            reports_per_thousand_calls: tenths(all.reports_of_calls * 10_000, calls).filter(|_| calls > 0),
            match_wait_ms: (&all.wait).into(),
            action_ms: Actions { rules: (&all.acted_by_rule).into(), people: (&all.acted_by_people).into() },
            ratings: Ratings {
                count: all.ratings,
                average: tenths(all.stars * 10, all.ratings).filter(|_| all.ratings >= FEWEST),
            },
        }
    }
}

/// `of` tenths, divided and rounded.
fn tenths(of: u64, by: u64) -> Option<f64> {
    let rounded = (of + by / 2).checked_div(by)?;
    u32::try_from(rounded).ok().map(|tenths| f64::from(tenths) / 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Spread {
        let mut spread = Spread::default();
        values.into_iter().for_each(|ms| spread.add(ms, 1));
        spread
    }

    #[test]
    fn few_values_tell_nothing_of_anybody() {
        assert_eq!((of([]).percentile(50), of([1, 2, 3, 4]).percentile(50)), (None, None));
        assert_eq!(of([1, 2, 3, 4, 5]).percentile(50), Some(3));
        assert_eq!(of([1, 2, 3, 4, 5]).percentile(95), Some(5));
    }

    #[test]
    fn days_are_added_up_and_survive_being_kept() {
        let day = Figures {
            random: 3,
            reports_of_calls: 1,
            ratings: 5,
            stars: 22,
            duration: of(1..=9),
            ..Figures::default()
        };
        let mut all = Figures::default();
        all.merge(&day);
        all.merge(&Figures { friends: 1, ..day.clone() });
        assert_eq!((all.random, all.friends, all.duration.count()), (6, 1, 18));
        let kept: Figures = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
        assert_eq!(kept, all);
        // A row of a build that counted less.
        assert_eq!(serde_json::from_str::<Figures>("{\"random\": 6}").unwrap().random, 6);
        let told = Told::from(&all);
        assert_eq!(told.reports_per_thousand_calls, Some(285.7));
        assert_eq!(told.ratings, Ratings { count: 10, average: Some(4.4) });
        assert_eq!(Told::from(&Figures::default()).reports_per_thousand_calls, None);
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_a_twentieth_off(mut values in proptest::collection::vec(0_u64..10_000_000_000, 5..60), p in 1_u64..=100) {
            let told = of(values.clone()).percentile(p).unwrap();
            values.sort_unstable();
            let rank = (u64::try_from(values.len()).unwrap() * p).div_ceil(100).max(1);
            let exact = values[usize::try_from(rank - 1).unwrap()];
            prop_assert!(told.abs_diff(exact) * 20 <= exact.max(20), "{told} for {exact}");
        }

        #[test]
        fn two_spreads_added_are_the_spread_of_all(a in proptest::collection::vec(0_u64..1_000_000, 0..30), b in proptest::collection::vec(0_u64..1_000_000, 0..30)) {
            let mut sum = of(a.clone());
            sum.merge(&of(b.clone()));
            prop_assert_eq!(sum, of(a.into_iter().chain(b)));
        }
    }
}
