//! The outermost frame: request id in and out, log span, metrics, security headers, and the body of every refusal.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};
use tracing::Instrument;
use visavis_domain::{Timestamp, contract::Caller};
use visavis_platform::{Clock, patience};

use crate::{Edge, guard::headers, problem::Problem};

/// The id of a request and how long its answer is wanted.
#[derive(Debug, Clone)]
pub(crate) struct RequestCx {
    id: String,
    deadline: Timestamp,
}

impl RequestCx {
    /// For a contract call made now.
    pub(crate) fn caller(&self, clock: &Clock) -> Caller {
        let left = self.deadline.since(clock.now());
        Caller { request: self.id.clone(), remaining_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX) }
    }
}

pub(super) async fn frame(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = edge.clock.now();
    // Ours, never the client's: it is in the log.
    let id = format!("{:020x}", u128::from_be_bytes(edge.dice.bytes()) >> 48);
    let cx = RequestCx { id: id.clone(), deadline: started + edge.site.limits.request() };
    request.extensions_mut().insert(cx);
    let is_api = request.uri().path().starts_with("/api/");
    let is_socket = request.uri().path().starts_with("/socket.io/");
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or(if is_socket { "socket" } else { "other" }, MatchedPath::as_str).to_owned();
    let span =
        tracing::info_span!("request", request.id = id, http.method = %request.method(), http.route = route);

    let mut response = patience::bounded(next.run(request)).instrument(span.clone()).await;
    if let Some(problem) = problem_of(&mut response, is_api) {
        response = problem.render(&id, response);
    }
    finish(&edge, &id, is_api, &mut response);
    let took = edge.clock.now().since(started);
    span.in_scope(|| record(route, response.status(), took));
    response
}

/// The problem behind a response, also when the framework refused by itself.
fn problem_of(response: &mut Response, is_api: bool) -> Option<Problem> {
    let status = response.status();
    let made = response.extensions_mut().remove::<Problem>();
    let is_error = status.is_client_error() || status.is_server_error();
    made.or_else(|| (is_api && is_error).then(|| Problem::of_status(status)))
}

fn finish(edge: &Edge, id: &str, is_api: bool, response: &mut Response) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id);
    }
    if is_api {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    headers::secure(headers, &edge.site.hosts.public, is_api);
}

fn record(route: String, status: http::StatusCode, took: Duration) {
    let class = match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("visavis_http_requests_total", "route" => route.clone(), "status" => class)
        .increment(1);
    metrics::histogram!("visavis_http_request_seconds", "route" => route).record(took.as_secs_f64());
    if status.is_server_error() {
        tracing::warn!(http.status = status.as_u16(), duration_ms = took.as_millis(), "request failed");
    } else {
        tracing::debug!(http.status = status.as_u16(), duration_ms = took.as_millis(), "request answered");
    }
}
