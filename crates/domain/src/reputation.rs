//! Reputation: a number from 0 to 100 that matchmaking and transport look at. Every move has words for the person it
//! is about; others see a band, never the number.

pub mod settle;

use crate::wire::Band;

/// Where everybody starts.
pub const START: u8 = 70;
/// The highest score.
pub const MAX: u8 = 100;
/// Points that clean calls may add in a day: trust takes a week of good company, not an afternoon of many calls.
pub const DAILY_GAIN: u8 = 3;
/// Points that one report takes: a hint, not a judgement.
pub const REPORT_LOSS: u8 = 2;
/// Points that reports may take in a day, however many come: friends who collude can't bring an honest person from
/// [`START`] below the low band in less than a week, and decisions are made before that.
pub const DAILY_LOSS: u8 = 4;

/// Why a score moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The account was made.
    Started,
    /// A call of a useful length without a report; `gained_today` points came that way today.
    CleanCall {
        /// Points of clean calls so far today.
        gained_today: u8,
    },
    /// A person who was in a call with this one reported it; reports took `lost_today` points so far today.
    Reported {
        /// Points of reports so far today.
        lost_today: u8,
    },
}

/// A move as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The score afterwards.
    pub score: u8,
    /// By how much it moved.
    pub delta: i32,
    /// Why, in the person's words.
    pub reason: &'static str,
}

/// Applies a move.
pub fn apply(score: u8, step: Move) -> Entry {
    match step {
        Move::Started => {
            Entry { score: START, delta: i32::from(START), reason: "Welcome! Everybody starts here." }
        }
        Move::CleanCall { gained_today } => {
            let room = DAILY_GAIN.saturating_sub(gained_today).min(MAX.saturating_sub(score)).min(1);
            Entry { score: score + room, delta: i32::from(room), reason: "A good call without complaints." }
        }
        Move::Reported { lost_today } => {
            let loss = DAILY_LOSS.saturating_sub(lost_today).min(REPORT_LOSS).min(score);
            Entry {
                score: score - loss,
                delta: -i32::from(loss),
                reason: "Somebody you met reported a call with you.",
            }
        }
    }
}

/// What others see of a score.
pub const fn band(score: u8) -> Band {
    match score {
        0..40 => Band::Low,
        40..75 => Band::New,
        75..90 => Band::Good,
        _ => Band::Trusted,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Band::{Good, Low, New, Trusted};

    #[test]
    fn bands_begin_where_the_documentation_says() {
        let bands = [0, 39, 40, 70, 74, 75, 89, 90, 100].map(band);
        assert_eq!(bands, [Low, Low, New, New, New, Good, Good, Trusted, Trusted]);
    }

    #[test]
    fn clean_calls_add_a_point_each_up_to_the_daily_cap() {
        assert_eq!(apply(70, Move::CleanCall { gained_today: 0 }).delta, 1);
        assert_eq!(apply(70, Move::CleanCall { gained_today: 2 }).score, 71);
        assert_eq!(apply(70, Move::CleanCall { gained_today: 3 }).delta, 0);
        assert_eq!(
            apply(100, Move::CleanCall { gained_today: 0 }),
            Entry { score: 100, delta: 0, reason: "A good call without complaints." }
        );
    }

    #[test]
    fn everybody_starts_the_same() {
        assert_eq!(apply(3, Move::Started).score, START);
    }

    #[test]
    fn reports_take_little_and_no_more_a_day_than_the_cap() {
        assert_eq!(apply(70, Move::Reported { lost_today: 0 }).delta, -2);
        assert_eq!(apply(70, Move::Reported { lost_today: 3 }).score, 69);
        assert_eq!(apply(70, Move::Reported { lost_today: 4 }).delta, 0);
        assert_eq!(apply(1, Move::Reported { lost_today: 0 }).score, 0);
    }

    #[test]
    fn a_week_of_collusion_does_not_bring_an_honest_person_into_the_low_band() {
        let after_a_day = |score| {
            let reports = (0..20).scan((score, 0), |(score, lost), _| {
                let entry = apply(*score, Move::Reported { lost_today: *lost });
                *lost += score.saturating_sub(entry.score);
                *score = entry.score;
                Some(*score)
            });
            reports.last().unwrap_or(score)
        };
        let after_a_week = (0..7).fold(START, |score, _| after_a_day(score));
        assert_eq!((after_a_week, band(after_a_week)), (42, New));
    }

    proptest! {
        #[test]
        fn every_move_stays_in_bounds_and_says_by_how_much(score in 0u8..=100, today: u8, kind in 0..3) {
            let step = match kind {
                0 => Move::Started,
                1 => Move::CleanCall { gained_today: today },
                _ => Move::Reported { lost_today: today },
            };
            let entry = apply(score, step);
            prop_assert!(entry.score <= MAX);
            let before = if kind == 0 { 0 } else { i32::from(score) };
            prop_assert_eq!(i32::from(entry.score) - before, entry.delta);
        }
    }
}
