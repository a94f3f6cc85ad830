//! My account, and the public cards of others.

use axum::{
    Json as Reply,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use visavis_domain::{
    Fault,
    contract::{
        Caller,
        auth::{Erase, Erased},
        moderation::Decision,
        users::{PastCall, Patch, Rate, ReputationView, Update},
    },
    id::{UserId, kind},
    limit::Rule,
    wire::{Card, Me},
};

use super::route::{self, Route, get, post, put};
use crate::{
    Edge,
    guard::extract::{Cx, Json, PathId, Signed},
    problem::Problem,
};

/// All that is held may be some thousands of rows.
const EXPORT_MS: u64 = 20_000;

/// An id that no account has.
const NOBODYS: UserId = UserId::from_bits(0);

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/users/me", me, "My account.").signed().answers::<Me>(200),
        route::patch("/api/users/me", update, "Changes my profile; what is absent stays.")
            .signed()
            .takes::<Patch>()
            .answers::<Me>(200),
        put("/api/users/me/age", declare_age, "Declares that I am 18 or older.").signed().takes::<AgeBody>(),
        post("/api/users/me/private-id", rotate, "Gives me another private id; the one before finds nobody.")
            .signed()
            .answers::<Me>(200),
        get("/api/users/me/reputation", reputation, "My reputation and what moved it.")
            .signed()
            .answers::<ReputationView>(200),
        get("/api/users/me/calls", calls, "My last 20 calls, missed ones too, newest first.")
            .signed()
            .answers::<CallsBody>(200),
        get("/api/users/me/export", export, "All that is held of me, as a file.")
            .signed()
            .answers::<Value>(200),
        route::delete(
            "/api/users/me",
            erase,
            "Erases my account. Asked of a login that is at most ten minutes old.",
        )
        .signed()
        .answers::<Erased>(200),
        get(
            "/api/users/me/decisions",
            decisions,
            "What was decided about me, and what each rests on, newest first.",
        )
        .signed()
        .answers::<DecisionsBody>(200),
        post("/api/calls/{roomId}/rating", rate, "What I thought of a call of mine, within a day.")
            .signed()
            .takes::<RatingBody>(),
        get("/api/users/{id}", card, "What everybody may see of a person.").signed().answers::<Card>(200),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Age")]
pub(super) struct AgeBody {
    /// Only `true` can be declared.
    adult: bool,
}

async fn me(State(edge): State<Edge>, Cx(cx): Cx, Signed(me): Signed) -> Result<Reply<Me>, Problem> {
    Ok(Reply(edge.users.me(&cx, me.user).await?))
}

async fn update(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    Json(patch): Json<Patch>,
) -> Result<Reply<Me>, Problem> {
    let seen_otherwise = patch.do_not_disturb.is_some();
    let changed = edge.users.update(&cx, Update { user: me.user, patch }).await?;
    if seen_otherwise && let Err(fault) = edge.friends.look(&cx, me.user).await {
        tracing::warn!(fault.code = %fault.code, "friends could not be told that somebody hides");
    }
    Ok(Reply(changed))
}

async fn declare_age(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    Json(body): Json<AgeBody>,
) -> Result<StatusCode, Problem> {
    if !body.adult {
        return Err(Fault::field("adult", "must be true: this place is for adults").into());
    }
    edge.users.declare_age(&cx, me.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(State(edge): State<Edge>, Cx(cx): Cx, Signed(me): Signed) -> Result<Reply<Me>, Problem> {
    Ok(Reply(edge.users.rotate_private_id(&cx, me.user).await?))
}

async fn reputation(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<ReputationView>, Problem> {
    Ok(Reply(edge.users.reputation(&cx, me.user).await?))
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PastCalls")]
struct CallsBody {
    calls: Vec<PastCall>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rating")]
pub(super) struct RatingBody {
    /// 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
}

async fn rate(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(room): PathId<kind::Room>,
    Json(body): Json<RatingBody>,
) -> Result<StatusCode, Problem> {
    edge.users.rate(&cx, Rate { user: me.user, room, stars: body.stars }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn calls(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<CallsBody>, Problem> {
    Ok(Reply(CallsBody { calls: edge.users.calls(&cx, me.user).await? }))
}

/// It reads every table: a few in a row, and twenty an hour.
async fn count_export(edge: &Edge, user: UserId) -> Result<(), Problem> {
    let decision = edge.kv.gcra(&format!("limit/export/{user}"), &Rule::per_hour(5, 20)).await?;
    if decision.allowed {
        return Ok(());
    }
    let millis = u64::try_from(decision.retry_after.as_millis()).unwrap_or(u64::MAX);
    Err(Fault::rate_limited(millis.max(1)).into())
}

async fn export(State(edge): State<Edge>, Cx(cx): Cx, Signed(me): Signed) -> Result<Response, Problem> {
    count_export(&edge, me.user).await?;
    // The whole of it takes longer than other questions.
    let cx = Caller { remaining_ms: EXPORT_MS, ..cx };
    let held = edge.users.held(&cx, me.user).await?;
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"visavis-export.json\"");
    Ok(([name], Reply(held)).into_response())
}

async fn erase(State(edge): State<Edge>, Cx(cx): Cx, Signed(me): Signed) -> Result<Reply<Erased>, Problem> {
    Ok(Reply(edge.auth.erase(&cx, Erase { user: me.user, login: me.login }).await?))
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Decisions")]
pub(super) struct DecisionsBody {
    /// At most a hundred.
    decisions: Vec<Decision>,
}

async fn decisions(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<DecisionsBody>, Problem> {
    Ok(Reply(DecisionsBody { decisions: edge.moderation.decisions(&cx, me.user).await? }))
}

async fn card(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(user): PathId<kind::User>,
) -> Result<Reply<Card>, Problem> {
    let blocked = edge.friends.blocked_either_way(&cx, me.user).await?;
    // Of whom I share a block with is said, to the letter, what is said of an id that nobody has.
    let user = if blocked.contains(&user) { NOBODYS } else { user };
    Ok(Reply(edge.users.card(&cx, user).await?))
}
