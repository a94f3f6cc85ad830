//! What moderators do, and appeals of those they decide about.

use axum::{
    Json as Reply,
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault,
    cases::{State as CaseState, measure::Measure},
    contract::moderation::{
        Appeal, AppealList, AppealPage, CaseKind, CaseList, CasePage, CaseView, Decide, Decided,
        EvidenceKind, Exposed, Exposure, Judge, Judged, LookAtCase, ReadEvidence, Undo,
    },
    id::{AppealId, CaseId, DecisionId, EvidenceId, UserId, kind},
    strikes::Concern,
};

use super::route::{Route, delete, get, post};
use crate::{
    Edge,
    guard::extract::{Cx, Json, Moderator, PathId, Query, Signed},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/moderation/cases", cases, "The next cases, the gravest and oldest first (moderators).")
            .signed()
            .answers::<CasePage>(200),
        get("/api/moderation/cases/{id}", case, "All of a case. An open one is mine for ten minutes.")
            .signed()
            .answers::<CaseView>(200),
        delete("/api/moderation/cases/{id}/lease", give_back, "I don't need a case any longer.").signed(),
        get(
            "/api/moderation/cases/{id}/snapshot",
            snapshot,
            "A blurred picture of a case, as WebP. Needs ?reason=, which is written down before.",
        )
        .signed(),
        get(
            "/api/moderation/cases/{id}/transcript",
            transcript,
            "What was understood and written, as text. Needs ?reason=, which is written down before.",
        )
        .signed(),
        post("/api/moderation/cases/{id}/decision", decide, "Decides a case.")
            .signed()
            .takes::<DecisionBody>()
            .answers::<Decided>(200),
        post(
            "/api/moderation/cases/{id}/decision/preview",
            preview,
            "What whom a decision is about would read. Nothing is done.",
        )
        .signed()
        .takes::<DecisionBody>()
        .answers::<Decided>(200),
        post("/api/moderation/cases/{id}/decision/undo", undo, "Takes my decision back, within two minutes.")
            .signed(),
        post("/api/moderation/exposure", exposed, "I looked at pictures for so long.")
            .signed()
            .takes::<ExposureBody>()
            .answers::<Exposure>(200),
        get("/api/moderation/appeals", appeals, "Open appeals, the oldest first, but for those against me.")
            .signed()
            .answers::<AppealPage>(200),
        post("/api/moderation/appeals/{id}/decision", judge, "Judges an appeal.")
            .signed()
            .takes::<JudgeBody>()
            .answers::<Judged>(200),
        post("/api/appeals", appeal, "Appeals against a decision about me: once, at no cost.")
            .signed()
            .takes::<AppealBody>()
            .answers::<AppealedBody>(201),
    ]
}

#[derive(Debug, Deserialize)]
struct CasesQuery {
    state: Option<CaseState>,
    kind: Option<CaseKind>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CursorQuery {
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EvidenceQuery {
    #[serde(default)]
    reason: String,
    evidence: Option<EvidenceId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CaseDecision")]
pub(super) struct DecisionBody {
    /// What.
    action: Measure,
    /// About what.
    reason: Concern,
    /// Of a suspension; else the next step of the ladder.
    #[serde(default)]
    hours: Option<u32>,
    /// For whom it is about, at most 1000 characters.
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Appeal")]
pub(super) struct AppealBody {
    /// Against what.
    decision_id: DecisionId,
    /// Why, at most 2000 characters.
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Appealed")]
struct AppealedBody {
    appeal_id: AppealId,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AppealDecision")]
pub(super) struct JudgeBody {
    /// The decision is taken back; else it stands.
    overturn: bool,
    /// For whoever appealed, at most 1000 characters.
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExposureSeconds")]
pub(super) struct ExposureBody {
    /// 1 to 60.
    #[schemars(range(min = 1, max = 60))]
    seconds: u32,
}

async fn cases(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    Query(asked): Query<CasesQuery>,
) -> Result<Reply<CasePage>, Problem> {
    let CasesQuery { state, kind, cursor } = asked;
    let list = CaseList { moderator: me.user, state: state.unwrap_or(CaseState::Open), kind, cursor };
    Ok(Reply(edge.moderation.cases(&cx, list).await?))
}

async fn case(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
) -> Result<Reply<CaseView>, Problem> {
    Ok(Reply(edge.moderation.case(&cx, LookAtCase { moderator: me.user, case }).await?))
}

async fn give_back(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
) -> Result<StatusCode, Problem> {
    edge.moderation.give_back(&cx, LookAtCase { moderator: me.user, case }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn snapshot(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
    Query(asked): Query<EvidenceQuery>,
) -> Result<Response, Problem> {
    let EvidenceQuery { reason, evidence } = asked;
    let read = ReadEvidence { moderator: me.user, case, kind: EvidenceKind::Picture, evidence, reason };
    sent(&edge.moderation.evidence(&cx, read).await?, "image/webp")
}

async fn transcript(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
    Query(asked): Query<EvidenceQuery>,
) -> Result<Response, Problem> {
    let EvidenceQuery { reason, evidence } = asked;
    let read = ReadEvidence { moderator: me.user, case, kind: EvidenceKind::Transcript, evidence, reason };
    sent(&edge.moderation.evidence(&cx, read).await?, "text/plain; charset=utf-8")
}

fn sent(base64: &str, kind: &'static str) -> Result<Response, Problem> {
    let bytes = BASE64_STANDARD.decode(base64).map_err(|_| Fault::internal())?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
    ];
    Ok((headers, bytes).into_response())
}

fn of_body(body: DecisionBody, moderator: UserId, case: CaseId, preview: bool) -> Decide {
    let DecisionBody { action, reason, hours, note } = body;
    Decide { moderator, case, action, reason, hours, note, preview }
}

async fn decide(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
    Json(body): Json<DecisionBody>,
) -> Result<Reply<Decided>, Problem> {
    Ok(Reply(edge.moderation.decide(&cx, of_body(body, me.user, case, false)).await?))
}

async fn preview(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
    Json(body): Json<DecisionBody>,
) -> Result<Reply<Decided>, Problem> {
    Ok(Reply(edge.moderation.decide(&cx, of_body(body, me.user, case, true)).await?))
}

async fn undo(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(case): PathId<kind::Case>,
) -> Result<StatusCode, Problem> {
    edge.moderation.undo(&cx, Undo { moderator: me.user, case }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn exposed(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    Json(body): Json<ExposureBody>,
) -> Result<Reply<Exposure>, Problem> {
    let exposed = Exposed { moderator: me.user, seconds: body.seconds };
    Ok(Reply(edge.moderation.exposed(&cx, exposed).await?))
}

async fn appeals(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    Query(asked): Query<CursorQuery>,
) -> Result<Reply<AppealPage>, Problem> {
    let list = AppealList { moderator: me.user, cursor: asked.cursor };
    Ok(Reply(edge.moderation.appeals(&cx, list).await?))
}

async fn judge(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Moderator(me): Moderator,
    PathId(appeal): PathId<kind::Appeal>,
    Json(body): Json<JudgeBody>,
) -> Result<Reply<Judged>, Problem> {
    let JudgeBody { overturn, note } = body;
    let judged = edge.moderation.judge(&cx, Judge { moderator: me.user, appeal, overturn, note }).await?;
    Ok(Reply(judged))
}

async fn appeal(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    Json(body): Json<AppealBody>,
) -> Result<(StatusCode, Reply<AppealedBody>), Problem> {
    let AppealBody { decision_id: decision, text } = body;
    let appeal_id = edge.moderation.appeal(&cx, Appeal { user: me.user, decision, text }).await?;
    Ok((StatusCode::CREATED, Reply(AppealedBody { appeal_id })))
}
