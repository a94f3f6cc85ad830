//! Whom I never want to meet again.

use axum::{Json as Reply, extract::State};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use visavis_domain::{
    contract::friends::{Block, Pair},
    id::kind,
};

use super::route::{Route, delete, get, put};
use crate::{
    Edge,
    guard::extract::{Cx, PathId, Signed},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/blocks", blocks, "Whom I blocked, newest first.").signed().answers::<BlocksBody>(200),
        put("/api/blocks/{userId}", block, "Blocks a person: the two never meet again.").signed(),
        delete("/api/blocks/{userId}", unblock, "Takes my block back.").signed(),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Blocks")]
struct BlocksBody {
    blocks: Vec<Block>,
}

async fn blocks(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<BlocksBody>, Problem> {
    Ok(Reply(BlocksBody { blocks: edge.friends.blocks(&cx, me.user).await? }))
}

async fn block(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(other): PathId<kind::User>,
) -> Result<StatusCode, Problem> {
    edge.friends.block(&cx, Pair { user: me.user, other }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unblock(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(other): PathId<kind::User>,
) -> Result<StatusCode, Problem> {
    edge.friends.unblock(&cx, Pair { user: me.user, other }).await?;
    Ok(StatusCode::NO_CONTENT)
}
