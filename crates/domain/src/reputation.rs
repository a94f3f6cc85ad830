//! Reputation: a number from 0 to 100 that matchmaking and transport look at. Every move has words for the person it
//! is about; others see a band, never the number.

use crate::wire::Band;

/// Where everybody starts.
pub const START: u8 = 70;
/// The highest score.
pub const MAX: u8 = 100;
/// Points that clean calls may add in a day: trust takes a week of good company, not an afternoon of many calls.
pub const DAILY_GAIN: u8 = 3;

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
        Move::Started => Entry { score: START, delta: i32::from(START), reason: "Welcome! Everybody starts here." },
        Move::CleanCall { gained_today } => {
            let room = DAILY_GAIN.saturating_sub(gained_today).min(MAX.saturating_sub(score)).min(1);
            Entry { score: score + room, delta: i32::from(room), reason: "A good call without complaints." }
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
    use super::*;

    #[test]
    fn bands_begin_where_the_documentation_says() {
        let bands = [0, 39, 40, 70, 74, 75, 89, 90, 100].map(band);
        use Band::{Good, Low, New, Trusted};
        assert_eq!(bands, [Low, Low, New, New, New, Good, Good, Trusted, Trusted]);
    }

    #[test]
    fn clean_calls_add_a_point_each_up_to_the_daily_cap() {
        assert_eq!(apply(70, Move::CleanCall { gained_today: 0 }).delta, 1);
        assert_eq!(apply(70, Move::CleanCall { gained_today: 2 }).score, 71);
        assert_eq!(apply(70, Move::CleanCall { gained_today: 3 }).delta, 0);
        assert_eq!(apply(100, Move::CleanCall { gained_today: 0 }), Entry {
            score: 100,
            delta: 0,
            reason: "A good call without complaints."
        });
    }

    #[test]
    fn everybody_starts_the_same() {
        assert_eq!(apply(3, Move::Started).score, START);
    }
}
