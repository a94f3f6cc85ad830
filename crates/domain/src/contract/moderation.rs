//! Trust and safety: reports by people, and what was decided about whom.

mod desk;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::fault::Suspended;
pub use desk::{
    Appeal, AppealList, AppealPage, AppealState, AppealView, CaseKind, CaseList, CasePage, CaseRow, CaseView,
    Decide, Decided, DecisionRow, EvidenceKind, EvidenceRow, Exposed, Exposure, Judge, Judged, LookAtCase,
    ReadEvidence, ReportRow, Seen, SignalRow, Undo,
};

use super::sight::Score;
use crate::{
    Timestamp,
    id::{AppealId, DecisionId, ReportId, RoomId, SignalId, UserId},
    statement::Statement,
    strikes::{Act, Action, Concern, Modality, Signal},
};

crate::contract! {
    /// Takes reports, and keeps what was decided.
    "moderation" => trait Moderation {
        /// Stores a report about somebody met within 24 hours and blocks that person, in one transaction.
        fn report(Report) -> ReportId [once, 5000 ms];
        /// Adds what the server saw of whom a report is about. The same report twice is one.
        fn attach(Attach) -> () [idempotent, 5000 ms];
        /// Keeps what the rules did about somebody, with what it rests on. The same id twice is one.
        fn record(Record) -> () [idempotent, 5000 ms];
        /// What holds for a person.
        fn standing(UserId) -> Standing [idempotent, 2000 ms];
        /// What was decided about me, newest first, at most a hundred.
        fn decisions(UserId) -> Vec<Decision> [idempotent, 2000 ms];
        /// Somebody has signed in from there. Whoever comes back that way in spite of a suspension stays away, too.
        fn seen(Seen) -> () [idempotent, 2000 ms];
        /// The next cases of a queue.
        fn cases(CaseList) -> CasePage [idempotent, 3000 ms];
        /// All of a case. An open one is that moderator's for a while.
        fn case(LookAtCase) -> CaseView [idempotent, 3000 ms];
        /// It needn't be that moderator's any longer.
        fn give_back(LookAtCase) -> () [idempotent, 3000 ms];
        /// A piece of evidence, in base64; written into the audit log before.
        fn evidence(ReadEvidence) -> String [idempotent, 5000 ms];
        /// Decides a case, or only says what whom it is about would read.
        fn decide(Decide) -> Decided [once, 5000 ms];
        /// Takes one's own decision back.
        fn undo(Undo) -> () [once, 5000 ms];
        /// A moderator looked at pictures for so long.
        fn exposed(Exposed) -> Exposure [once, 1000 ms];
        /// Appeals against a decision about me.
        fn appeal(Appeal) -> AppealId [idempotent, 5000 ms];
        /// Appeals, the oldest first.
        fn appeals(AppealList) -> AppealPage [idempotent, 3000 ms];
        /// Judges an appeal.
        fn judge(Judge) -> Judged [once, 5000 ms];
    }
}

/// A decision by rule, as the process that looked tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Told to the person already.
    pub id: DecisionId,
    /// Where.
    pub room: RoomId,
    /// About whom.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// What, by which rule.
    pub act: Act,
    /// All that was noticed of them lately, so that the decision can be recomputed.
    pub signals: Vec<Noticed>,
    /// The picture that it rests on, blurred, as WebP; never the picture itself.
    #[serde(default, with = "super::sight::maybe_bytes")]
    pub picture: Option<Vec<u8>>,
    /// What was understood or written in the 30 seconds before, at most 4000 characters.
    #[serde(default)]
    pub transcript: Option<String>,
}

/// A signal, and what each model said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// As the rules saw it.
    pub signal: Signal,
    /// `nudity.nsfwjs` and a score in thousandths.
    pub scores: Vec<(String, Score)>,
}

/// What holds for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// When the strikes were that count: two signals that agreed.
    pub strikes: Vec<Timestamp>,
    /// What was noticed of them within the last minutes, wherever that was, and wasn't settled.
    #[serde(default)]
    pub noticed: Vec<Noticed>,
    /// What decisions of the last minutes rest on that were taken back since.
    #[serde(default)]
    pub nothing: Vec<SignalId>,
    /// They stay away until then.
    #[serde(default)]
    pub suspended: Option<Suspended>,
}

/// What was decided about somebody, as they read it: a statement of reasons (Regulation (EU) 2022/2065, article 17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Named in an appeal.
    #[schemars(with = "String")]
    pub id: DecisionId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was done.
    pub action: Action,
    /// About what.
    pub concern: Concern,
    /// The rule, and of which version.
    pub rule: String,
    /// Of the rules.
    pub version: String,
    /// No person had a part in it.
    pub automated: bool,
    /// What it rests on: when something was noticed, how, and how sure the models were.
    pub facts: Vec<Fact>,
    /// Of a suspension: its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// It was taken back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub overturned_at: Option<Timestamp>,
    /// The statement of reasons, in words.
    #[serde(default)]
    pub statement: Words,
    /// An appeal is possible until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub appeal_until: Option<Timestamp>,
    /// The appeal against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeal: Option<AppealState>,
}

/// The same in every language that there are words in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Words {
    /// English.
    pub en: Statement,
    /// German.
    pub de: Statement,
}

/// Something that was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How.
    pub modality: Modality,
    /// In thousandths.
    pub score: u16,
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

/// What the server saw of somebody who was reported, in the call that the report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// The report.
    pub report: ReportId,
    /// Whom it is about.
    pub user: UserId,
    /// The last picture of them, blurred, as WebP; never the picture itself.
    #[serde(default, with = "super::sight::maybe_bytes")]
    pub picture: Option<Vec<u8>>,
    /// What was understood or written in the 30 seconds before, at most 4000 characters.
    #[serde(default)]
    pub transcript: Option<String>,
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
