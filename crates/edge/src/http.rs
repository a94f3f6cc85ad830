//! The HTTP API: one table of routes, from which the router and the OpenAPI document are both made, so that neither
//! knows a route that the other doesn't. One endpoint is one short function: guard, contract call, map.

mod admin;
mod analytics;
mod auth;
mod avatars;
mod blocks;
mod friends;
mod moderation;
mod place;
mod reports;
mod rooms;
pub(crate) mod route;
mod users;

use axum::{Router, response::IntoResponse};
use http::Uri;
use visavis_domain::Fault;

use crate::{Edge, guard, problem::Problem, web};
use route::Route;

/// Every route of the public listener but the page's.
pub(crate) fn table() -> Vec<Route> {
    [
        auth::routes(),
        users::routes(),
        avatars::routes(),
        blocks::routes(),
        friends::routes(),
        reports::routes(),
        moderation::routes(),
        analytics::routes(),
        admin::routes(),
        rooms::routes(),
        place::routes(),
    ]
    .concat()
}

/// The routes without the guard, for `app` to put the socket layer inside: `guard::wrap(routes(edge).layer(…), edge)`.
pub fn routes(edge: Edge) -> Router {
    let mut router = Router::new();
    for route in table() {
        router = router.route(route.path, route.handler);
    }
    router
        .route("/api/{*rest}", axum::routing::any(unknown))
        .merge(web::routes())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(edge)
}

/// The whole public listener, but for signalling.
pub fn router(edge: Edge) -> Router {
    guard::wrap(routes(edge.clone()), edge)
}

/// No such route.
async fn unknown(_: Uri) -> impl IntoResponse {
    Problem::from(Fault::not_found("This address"))
}

/// What every body that a route takes makes of these bytes: the door of `fuzzing`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_bodies(bytes: &[u8]) -> [Result<String, Fault>; 13] {
    use visavis_domain::contract::users::Patch;
    fn read<T: serde::de::DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) -> Result<String, Fault> {
        guard::extract::read_json::<T>(bytes).map(|body| format!("{body:?}"))
    }
    [
        read::<auth::LoginBody>(bytes),
        read::<auth::VerifyBody>(bytes),
        read::<auth::MagicBody>(bytes),
        read::<reports::ReportBody>(bytes),
        read::<users::AgeBody>(bytes),
        read::<Patch>(bytes),
        read::<friends::AskBody>(bytes),
        read::<moderation::DecisionBody>(bytes),
        read::<moderation::AppealBody>(bytes),
        read::<moderation::JudgeBody>(bytes),
        read::<moderation::ExposureBody>(bytes),
        read::<admin::FindBody>(bytes),
        read::<admin::RoleBody>(bytes),
    ]
}

#[cfg(test)]
mod tests;
