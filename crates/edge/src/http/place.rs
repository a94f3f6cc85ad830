//! The place itself: what it is, whether it lives, what it understands.

use axum::{Json as Reply, extract::State, response::IntoResponse};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;

use super::route::{Route, get};
use crate::{
    Edge,
    health::{self, HealthBody, ReadyBody},
    openapi,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/info", info, "What this place is.").answers::<InfoBody>(200),
        get("/api/openapi.json", document, "This document.").answers::<serde_json::Value>(200),
        get("/healthz", healthz, "Whether the process lives.").answers::<HealthBody>(200),
        get("/readyz", readyz, "Whether it can serve; 503 when it can't.").answers::<ReadyBody>(200),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Info")]
struct InfoBody {
    name: &'static str,
    version: &'static str,
    /// Where mails can be read; only on a developer's machine.
    dev_outbox: Option<String>,
    /// Programs of this place look at calls that run through the server, and at what is written in all calls of strangers.
    /// False as well while there are no models to look with.
    watched: bool,
    /// In direct calls between strangers pages send in what they show now and then (`sample`), and programs look at it.
    sampled: bool,
    /// Whether media can go through the server.
    sfu: bool,
}

async fn info(State(edge): State<Edge>) -> Reply<InfoBody> {
    let dev_outbox = edge.site.dev_outbox.clone();
    Reply(InfoBody {
        name: "visavis",
        version: env!("CARGO_PKG_VERSION"),
        dev_outbox,
        watched: edge.watching.is_on(),
        sampled: edge.watching.samples(),
        sfu: true,
    })
}

async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text())
}

async fn healthz() -> impl IntoResponse {
    health::alive()
}

async fn readyz(State(edge): State<Edge>) -> impl IntoResponse {
    health::ready(&edge.checks, &edge.watching, &edge.lifecycle).await
}
