//! Accounts and roles, for admins. What is looked for is in the body: an address has no place in an address.

use axum::{Json as Reply, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use visavis_domain::{
    contract::users::{Account, Find, SetRole},
    id::kind,
    wire::Role,
};

use super::route::{Route, post, put};
use crate::{
    Edge,
    guard::extract::{Admin, Cx, Json, PathId},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/admin/users/find", find, "Looks somebody up, which is written down before (admins).")
            .signed()
            .takes::<FindBody>()
            .answers::<Account>(200),
        put(
            "/api/admin/users/{id}/role",
            set_role,
            "Gives somebody a role: at once, and not oneself (admins).",
        )
        .signed()
        .takes::<RoleBody>()
        .answers::<Account>(200),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FindAccount")]
pub(super) struct FindBody {
    /// An address, a private id or an id, all of it.
    who: String,
    /// Why, in 3 to 200 characters.
    reason: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AccountRole")]
pub(super) struct RoleBody {
    /// From now on.
    role: Role,
    /// Why, in 3 to 200 characters.
    reason: String,
}

async fn find(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Admin(me): Admin,
    Json(body): Json<FindBody>,
) -> Result<Reply<Account>, Problem> {
    let FindBody { who, reason } = body;
    Ok(Reply(edge.users.find(&cx, Find { admin: me.user, who, reason }).await?))
}

async fn set_role(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Admin(me): Admin,
    PathId(user): PathId<kind::User>,
    Json(body): Json<RoleBody>,
) -> Result<Reply<Account>, Problem> {
    let RoleBody { role, reason } = body;
    Ok(Reply(edge.users.set_role(&cx, SetRole { admin: me.user, user, role, reason }).await?))
}
