//! Trust and safety: for now the intake of reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ReportId, RoomId, UserId};

crate::contract! {
    /// Takes reports; cases and decisions come with the moderation pipeline.
    "moderation" => trait Moderation {
        /// Stores a report about somebody met within 24 hours and blocks that person, in one transaction.
        fn report(Report) -> ReportId [once, 5000 ms];
    }
}

/// A report of a person by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who reports.
    pub reporter: UserId,
    /// Who is reported.
    pub reported: UserId,
    /// Where they met.
    pub room: RoomId,
    /// Why.
    pub reason: ReportReason,
    /// In the reporter's words, at most 1000 characters.
    pub note: Option<String>,
}

/// The closed list of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportReason {
    /// Nudity or sexual acts.
    Nudity,
    /// Violence or weapons.
    Violence,
    /// Insults, threats, hate.
    Harassment,
    /// Seems to be under 18. Goes to the top of the queue.
    Minor,
    /// Advertising or fraud.
    Spam,
    /// Something else.
    Other,
}

impl ReportReason {
    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nudity => "nudity",
            Self::Violence => "violence",
            Self::Harassment => "harassment",
            Self::Minor => "minor",
            Self::Spam => "spam",
            Self::Other => "other",
        }
    }
}
