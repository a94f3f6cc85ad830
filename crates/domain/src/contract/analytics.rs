//! Figures of a place for those who run it: of days, never of a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::Told;

crate::contract! {
    /// Counts what has happened.
    "analytics" => trait Analytics {
        /// All of these days together, and what became of each rule's decisions.
        fn summary(Span) -> Summary [idempotent, 5000 ms];
        /// Day by day.
        fn series(Span) -> Series [idempotent, 5000 ms];
    }
}

/// The last days, today among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// 1 to 90.
    pub days: u32,
}

/// All of some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The first day, `2026-11-29`, in UTC.
    pub from: String,
    /// The last one: today.
    pub to: String,
    /// What happened on them.
    #[serde(flatten)]
    pub told: Told,
    /// What was decided on them, by rule: the most frequent first, at most fifty.
    pub rules: Vec<Rule>,
}

/// A rule, and how often it was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name; `terms-…` where people decided.
    pub rule: String,
    /// Decisions of those days.
    pub decisions: u64,
    /// Those of them that have been taken back since then.
    pub taken_back: u64,
}

/// Day by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Each day, the earliest first, without a gap.
    pub days: Vec<Day>,
}

/// A day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Day {
    /// `2026-11-29`, in UTC.
    pub day: String,
    /// It is over: its figures stay as they are.
    pub over: bool,
    /// What happened on it.
    #[serde(flatten)]
    pub told: Told,
}
