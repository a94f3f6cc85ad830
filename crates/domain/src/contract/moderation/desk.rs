//! What moderators work with, and what those they decide about can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReportReason, Words};
use crate::{
    Timestamp,
    cases::{State, measure::Measure},
    id::{AppealId, CaseId, DecisionId, EvidenceId, ReportId, RoomId, SignalId, UserId},
    strikes::{Concern, Modality},
};

/// Where somebody signed in from, as the edge saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// The random token of their browser.
    pub device: Option<String>,
    /// The /24 or /48 of their address, as text. None of this machine's own.
    pub network: Option<String>,
}

/// Which cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// That people reported.
    Reported,
    /// That models noticed.
    Noticed,
    /// About somebody who seems to be under 18.
    Minor,
}

/// A look at a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseList {
    /// Who looks. What others have isn't shown.
    pub moderator: UserId,
    /// In which state.
    pub state: State,
    /// Of one kind only.
    #[serde(default)]
    pub kind: Option<CaseKind>,
    /// Where the page before ended.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page of a queue: the gravest and then the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CasePage {
    /// At most fifty.
    pub cases: Vec<CaseRow>,
    /// For the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How long I looked at pictures today.
    pub exposure: Exposure,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of the protocol")]
pub struct CaseRow {
    /// The case.
    pub id: CaseId,
    /// About whom.
    pub user_id: UserId,
    /// Where it stands.
    pub state: State,
    /// 0 to 99 999: the larger, the sooner.
    pub priority: u32,
    /// People reported it.
    pub reported: bool,
    /// Models noticed it.
    pub noticed: bool,
    /// Somebody seems to be under 18.
    pub minor: bool,
    /// When.
    #[schemars(with = "String")]
    pub opened_at: Timestamp,
    /// It is mine until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub mine_until: Option<Timestamp>,
    /// Under legal hold.
    pub held: bool,
}

/// Asks for a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookAtCase {
    /// Who.
    pub moderator: UserId,
    /// Which.
    pub case: CaseId,
}

/// All of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseView {
    /// As in the list.
    pub case: CaseRow,
    /// What was noticed, oldest first.
    pub signals: Vec<SignalRow>,
    /// What was decided, oldest first.
    pub decisions: Vec<DecisionRow>,
    /// What people said, oldest first.
    pub reports: Vec<ReportRow>,
    /// What is kept, without itself.
    pub evidence: Vec<EvidenceRow>,
    /// Appeals.
    pub appeals: Vec<AppealView>,
    /// Earlier decisions that took them out or kept them away, and stand.
    pub earlier: Vec<DecisionRow>,
    /// Many who belong together report this person.
    pub brigade: bool,
    /// Whoever reports had something decided about themselves in the same call.
    pub baiting: bool,
    /// Until then my decision can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub undo_until: Option<Timestamp>,
    /// Hours of a suspension, unless others are named.
    pub suggested_hours: u32,
    /// How long I looked at pictures today.
    pub exposure: Exposure,
}

/// Something that was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignalRow {
    /// Named by decisions.
    pub id: SignalId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// About what.
    pub concern: Concern,
    /// How.
    pub modality: Modality,
    /// In thousandths.
    pub score: u16,
    /// What each model said.
    pub scores: Vec<(String, u16)>,
    /// The server received it itself.
    pub server: bool,
}

/// A decision, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRow {
    /// The decision.
    pub id: DecisionId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// `none`, or what was done.
    pub action: String,
    /// About what.
    pub concern: Concern,
    /// The rule.
    pub rule: String,
    /// Of which version.
    pub version: String,
    /// No person had a part in it.
    pub automated: bool,
    /// Nothing was done: it is only written down.
    pub dry_run: bool,
    /// I decided.
    pub mine: bool,
    /// What it rests on.
    pub facts: Vec<SignalId>,
    /// Of a suspension: its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// In the words of whoever decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// It was taken back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub overturned_at: Option<Timestamp>,
}

/// A report, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// The report.
    pub id: ReportId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Why.
    pub reason: ReportReason,
    /// In the reporter's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where they met.
    pub room_id: RoomId,
    /// By whom.
    pub reporter_id: UserId,
    /// How far they are believed, 0 to 100.
    pub credibility: u8,
    /// Their reports that came to nothing.
    pub unfounded: u32,
    /// Their reports that came to something.
    pub founded: u32,
    /// Something was decided about themselves in that call.
    pub provoked: bool,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRow {
    /// The piece.
    pub id: EvidenceId,
    /// Which kind.
    pub kind: EvidenceKind,
    /// The decision or report that it belongs to.
    pub source: String,
    /// When it came.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Nobody can read it from then on, unless it is held.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// Under legal hold.
    pub held: bool,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A blurred picture.
    Picture,
    /// Words.
    Transcript,
}

impl EvidenceKind {
    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Transcript => "transcript",
        }
    }
}

/// Reads a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadEvidence {
    /// Who.
    pub moderator: UserId,
    /// Of which case.
    pub case: CaseId,
    /// Which kind.
    pub kind: EvidenceKind,
    /// Which piece; else the newest.
    #[serde(default)]
    pub evidence: Option<EvidenceId>,
    /// Why, 3 to 200 characters.
    pub reason: String,
}

/// Decides a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// Who.
    pub moderator: UserId,
    /// Which.
    pub case: CaseId,
    /// What.
    pub action: Measure,
    /// About what.
    pub reason: Concern,
    /// Of a suspension; else the next step of the ladder.
    #[serde(default)]
    pub hours: Option<u32>,
    /// For whom it is about, at most 1000 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// Nothing is done: what would they read?
    #[serde(default)]
    pub preview: bool,
}

/// What was decided, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The decision; absent of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<DecisionId>,
    /// What whom it is about reads; absent when nothing is held against them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Words>,
    /// Of a suspension: its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// It can be taken back until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub undo_until: Option<Timestamp>,
}

/// Takes one's own decision back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Who.
    pub moderator: UserId,
    /// Of which case.
    pub case: CaseId,
}

/// Looked at pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// Who.
    pub moderator: UserId,
    /// For how long, at most a minute at a time.
    pub seconds: u32,
}

/// How long somebody looked at pictures today (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// So far.
    pub seconds: u64,
    /// Then it is enough for today.
    pub limit_seconds: u64,
}

/// Appeals against a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    /// Whom it is about.
    pub user: UserId,
    /// Against what.
    pub decision: DecisionId,
    /// Why, at most 2000 characters.
    pub text: String,
}

/// An appeal, as whoever made it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppealState {
    /// The appeal.
    pub id: AppealId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// `open`, `upheld` (the decision stands) or `overturned`.
    pub state: String,
    /// When it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub judged_at: Option<Timestamp>,
    /// In the words of whoever judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Asks for appeals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppealList {
    /// Who asks. What is against their own decisions isn't shown.
    pub moderator: UserId,
    /// Where the page before ended.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Open appeals, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppealPage {
    /// At most fifty.
    pub appeals: Vec<AppealView>,
    /// For the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An appeal, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppealView {
    /// The appeal, and what came of it.
    pub appeal: AppealState,
    /// Of which case.
    pub case_id: CaseId,
    /// By whom.
    pub user_id: UserId,
    /// In their words.
    pub text: String,
    /// Against what.
    pub decision: DecisionRow,
}

/// Judges an appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    /// Who.
    pub moderator: UserId,
    /// Which.
    pub appeal: AppealId,
    /// The decision is taken back; else it stands.
    pub overturn: bool,
    /// For whoever appealed, at most 1000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The decision that it was against.
    pub decision_id: DecisionId,
    /// It is taken back.
    pub overturned: bool,
}
