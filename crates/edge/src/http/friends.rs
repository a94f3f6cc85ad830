//! Friends, requests, and finding somebody by their private id.

use axum::{Json as Reply, extract::State, response::IntoResponse};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault,
    contract::friends::{Answer, Ask, Asked, Find, Friend, FriendRequest, Pair, Requests, Whom},
    id::{UserId, kind},
    wire::Card,
};

use super::route::{Route, delete, get, post};
use crate::{
    Edge,
    guard::extract::{Cx, Json, PathId, PathText, Signed, Welcome},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/friends", friends, "My friends, by name.").signed().answers::<Vec<Friend>>(200),
        delete("/api/friends/{userId}", remove, "Ends a friendship.").signed(),
        get("/api/friends/lookup/{privateId}", lookup, "Whose private id that is. Few may be tried.")
            .signed()
            .answers::<Card>(200),
        get("/api/friends/requests", requests, "Requests to me and of mine, newest first.")
            .signed()
            .answers::<Requests>(200),
        post(
            "/api/friends/requests",
            ask,
            "Asks somebody to be friends, by their private id or because we met within 24 hours.",
        )
        .signed()
        .takes::<AskBody>()
        .answers::<AskedBody>(201),
        post("/api/friends/requests/{id}/accept", accept, "Says yes to a request.")
            .signed()
            .answers::<Friend>(200),
        post(
            "/api/friends/requests/{id}/decline",
            decline,
            "Hides a request to me; whoever asked isn't told.",
        )
        .signed(),
        delete("/api/friends/requests/{id}", withdraw, "Takes my request back.").signed(),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewFriendRequest")]
pub(super) struct AskBody {
    /// Their private id.
    #[serde(default)]
    private_id: Option<String>,
    /// Somebody I met.
    #[serde(default)]
    user_id: Option<UserId>,
}

/// One of the two.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FriendRequested")]
struct AskedBody {
    /// They are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<FriendRequest>,
    /// They had asked me: we are friends.
    #[serde(skip_serializing_if = "Option::is_none")]
    friend: Option<Friend>,
}

async fn friends(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<Vec<Friend>>, Problem> {
    Ok(Reply(edge.friends.friends(&cx, me.user).await?))
}

async fn remove(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(other): PathId<kind::User>,
) -> Result<StatusCode, Problem> {
    edge.friends.remove(&cx, Pair { user: me.user, other }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lookup(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathText(private_id): PathText,
) -> Result<Reply<Card>, Problem> {
    Ok(Reply(edge.friends.find(&cx, Find { user: me.user, private_id }).await?))
}

async fn requests(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<Requests>, Problem> {
    Ok(Reply(edge.friends.requests(&cx, me.user).await?))
}

async fn ask(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Welcome(me): Welcome,
    Json(body): Json<AskBody>,
) -> Result<impl IntoResponse, Problem> {
    let whom = match (body.private_id, body.user_id) {
        (Some(private_id), None) => Whom::PrivateId(private_id),
        (None, Some(user)) => Whom::Met(user),
        _ => return Err(Fault::field("privateId", "either this or userId must be there").into()),
    };
    let body = match edge.friends.ask(&cx, Ask { user: me.user, whom }).await? {
        Asked::Waiting(request) => AskedBody { request: Some(request), friend: None },
        Asked::Friends(friend) => AskedBody { request: None, friend: Some(friend) },
    };
    Ok((StatusCode::CREATED, Reply(body)))
}

async fn accept(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Welcome(me): Welcome,
    PathId(request): PathId<kind::Request>,
) -> Result<Reply<Friend>, Problem> {
    Ok(Reply(edge.friends.accept(&cx, Answer { user: me.user, request }).await?))
}

async fn decline(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(request): PathId<kind::Request>,
) -> Result<StatusCode, Problem> {
    edge.friends.decline(&cx, Answer { user: me.user, request }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn withdraw(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(request): PathId<kind::Request>,
) -> Result<StatusCode, Problem> {
    edge.friends.withdraw(&cx, Answer { user: me.user, request }).await?;
    Ok(StatusCode::NO_CONTENT)
}
