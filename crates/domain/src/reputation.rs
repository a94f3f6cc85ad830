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

/// The ledger's first entry, in the person's words.
pub const STARTED: &str = "Welcome! Everybody starts here.";

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
    use Band::{Good, Low, New, Trusted};

    #[test]
    fn bands_begin_where_the_documentation_says() {
        let bands = [0, 39, 40, 70, 74, 75, 89, 90, 100].map(band);
        assert_eq!(bands, [Low, Low, New, New, New, Good, Good, Trusted, Trusted]);
    }
}
