//! Reports of a person by a person. A report also blocks.

use axum::{Json as Reply, extract::State, response::IntoResponse};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    contract::moderation::{Report, ReportReason},
    id::{ReportId, RoomId, UserId},
};

use super::route::{Route, post};
use crate::{
    Edge,
    guard::extract::{Cx, Json, Signed},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/reports", report, "Reports somebody met within the last 24 hours, and blocks them.")
            .signed()
            .takes::<ReportBody>()
            .answers::<ReportedBody>(201),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Report")]
pub(super) struct ReportBody {
    /// Where the two met.
    room_id: RoomId,
    /// Who is reported.
    user_id: UserId,
    /// Why.
    reason: ReportReason,
    /// In my own words, at most 1000 characters.
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Reported")]
struct ReportedBody {
    report_id: ReportId,
}

async fn report(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    Json(body): Json<ReportBody>,
) -> Result<impl IntoResponse, Problem> {
    let ReportBody { room_id: room, user_id: reported, reason, note } = body;
    // What the server saw of them is added by whoever saw it.
    let report = Report { reporter: me.user, reported, room, reason, note };
    let report_id = edge.moderation.report(&cx, report).await?;
    Ok((StatusCode::CREATED, Reply(ReportedBody { report_id })))
}
