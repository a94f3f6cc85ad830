//! The place itself: what it is, whether it lives, what it understands.

use axum::{Json as Reply, extract::State, response::IntoResponse};
use futures_util::future::join_all;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use super::route::{Route, get};
use crate::{Edge, guard::headers, openapi};

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
    /// Whether media can go through the server.
    sfu: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct HealthBody {
    alive: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Ready")]
struct ReadyBody {
    ready: bool,
    /// What was asked, and whether it answered.
    checks: BTreeMap<&'static str, bool>,
}

async fn info(State(edge): State<Edge>) -> Reply<InfoBody> {
    let dev_outbox = edge.site.dev_outbox.clone();
    Reply(InfoBody { name: "visavis", version: env!("CARGO_PKG_VERSION"), dev_outbox, sfu: false })
}

async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text())
}

async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, headers::NO_STORE)], Reply(HealthBody { alive: true }))
}

async fn readyz(State(edge): State<Edge>) -> impl IntoResponse {
    let asked = edge.checks.iter().map(|(name, check)| async move { (*name, check().await.is_ok()) });
    let mut checks: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
    checks.insert("open", !edge.lifecycle.drain.is_cancelled());
    let ready = checks.values().all(|ok| *ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, headers::NO_STORE)], Reply(ReadyBody { ready, checks }))
}
