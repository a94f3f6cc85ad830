//! Whether the process lives and can serve: at both listeners, in the same words.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json as Reply, response::IntoResponse};
use futures_util::future::{BoxFuture, join_all};
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use visavis_domain::{
    Fault,
    contract::sight::{Able, Slot},
};
use visavis_platform::Lifecycle;

use crate::{guard::headers::NO_STORE, watching::Watching};

/// Whether something that is needed answers.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>;

/// What `/readyz` asks, by name.
pub type Checks = Arc<[(&'static str, Check)]>;

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(crate) struct HealthBody {
    alive: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Ready")]
pub(crate) struct ReadyBody {
    ready: bool,
    /// What was asked, and whether it answered. A role that is needed has the name of the role.
    checks: BTreeMap<&'static str, bool>,
    /// What is looked for in calls; not there when this place watches nothing, or while it isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    watching: Option<WatchingBody>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Watching")]
struct WatchingBody {
    on: Vec<Slot>,
    /// Nothing is noticed of these: there is no model (`cargo xtask models`). The server serves all the same.
    off: Vec<Slot>,
}

pub(crate) fn alive() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, NO_STORE)], Reply(HealthBody { alive: true }))
}

pub(crate) async fn ready(
    checks: &Checks,
    watching: &Watching,
    lifecycle: &Lifecycle,
) -> impl IntoResponse + use<> {
    let asked = checks.iter().map(|(name, check)| async move { (*name, check().await.is_ok()) });
    let mut checks: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
    checks.insert("open", !lifecycle.drain.is_cancelled());
    let ready = checks.values().all(|ok| *ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let watching = watching.able().map(|Able { on, off }| WatchingBody { on, off });
    (status, [(header::CACHE_CONTROL, NO_STORE)], Reply(ReadyBody { ready, checks, watching }))
}
