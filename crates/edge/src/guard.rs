//! What stands before every route: whose host is it, who asks, from which page, how often; and the frame that gives
//! every answer its request id, its headers and, when it is a refusal, its body.
//!
//! A guard never looks into a body and never asks a role, but for the token.

pub mod client;
pub mod device;
pub mod extract;
mod frame;
pub mod headers;
pub mod site;
pub mod tokens;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{Method, header};
use tower_http::catch_panic::CatchPanicLayer;
use visavis_domain::{Code, Fault, id::UserId};

use crate::{Edge, guard::client::ClientAddr, problem::Problem, settings::Limit};

/// Puts everything in `router` behind the guard: routes, `/socket.io`, the page. Applied once, outermost.
pub fn wrap(router: Router, edge: Edge) -> Router {
    router
        .layer(middleware::from_fn_with_state(edge.clone(), timeout))
        .layer(middleware::from_fn_with_state(edge.clone(), enter))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(edge, frame::frame))
}

/// What a request is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Sign-in: what guesses and mails.
    Auth,
    /// Changes something.
    Write,
    /// Reads something.
    Read,
    /// A new socket.
    Connect,
    /// Embedded files: not counted, they cost less than counting.
    Free,
}

impl Class {
    fn of(method: &Method, path: &str) -> Self {
        const SIGN_IN: [&str; 4] =
            ["/api/auth/login", "/api/auth/verify", "/api/auth/magic", "/api/auth/magic/peek"];
        match path {
            path if SIGN_IN.contains(&path) => Self::Auth,
            path if path.starts_with("/socket.io") => Self::Connect,
            path if path.starts_with("/api/") || path.starts_with("/.well-known/") => {
                if method.is_safe() {
                    Self::Read
                } else {
                    Self::Write
                }
            }
            _ => Self::Free,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Write => "write",
            Self::Read => "read",
            Self::Connect => "connect",
            Self::Free => "free",
        }
    }
}

/// Probes come by address, from the machine that runs the containers; they learn nothing.
fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

async fn enter(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    match admit(&edge, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admit(edge: &Edge, request: &mut Request) -> Result<(), Problem> {
    let client = client_of(edge, request);
    request.extensions_mut().insert(ClientAddr(client));
    let (method, path) = (request.method(), request.uri().path());
    if is_probe(path) {
        return Ok(());
    }
    let authority = authority(request);
    if !authority.is_some_and(|authority| edge.site.hosts.is_ours(authority)) {
        return Err(Fault::new(Code::WrongHost, "This place has another address.").into());
    }
    let socket = request.headers().contains_key(header::UPGRADE);
    if (!method.is_safe() || socket) && !is_from_own_page(edge, request) {
        return Err(Fault::new(Code::Forbidden, "Another site's page may not do that here.").into());
    }
    let limits = &edge.site.limits;
    let class = Class::of(method, path);
    let limit = match class {
        Class::Auth => limits.auth_per_ip,
        Class::Write => limits.write_per_ip,
        Class::Read => limits.read_per_ip,
        Class::Connect => limits.connect_per_ip,
        Class::Free => return Ok(()),
    };
    count(edge, class, limit, &format!("ip/{}", client::prefix(client))).await
}

/// The address of the client; that of the peer unless a trusted proxy says otherwise.
fn client_of(edge: &Edge, request: &Request) -> IpAddr {
    // Without a connection (a test that calls the router itself) it is nobody's address.
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    client::address(peer, request.headers(), &edge.site.trusted_proxies, edge.site.proxy_header)
}

/// The one host the request is for: `:authority`, an absolute URI, or exactly one `Host`.
fn authority(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let only = hosts.next()?;
    hosts.next().is_none().then_some(only)?.to_str().ok()
}

/// Browsers say which page asks; who says nothing isn't a page and holds no cookies of others.
fn is_from_own_page(edge: &Edge, request: &Request) -> bool {
    let (asked, headers) = (authority(request), request.headers());
    let own = |origin: &http::HeaderValue| {
        origin.to_str().is_ok_and(|text| edge.site.hosts.is_own_origin(text, asked))
    };
    let same_site = |value: &http::HeaderValue| value == "same-origin" || value == "none";
    // WebSockets of some browsers say nothing of the site, but all say the origin; two contradicting ones don't pass.
    headers.get_all(header::ORIGIN).iter().all(own) && headers.get_all("sec-fetch-site").iter().all(same_site)
}

/// Counts one request; the name of the limit is in the metric, never who it was.
async fn count(edge: &Edge, class: Class, limit: Limit, who: &str) -> Result<(), Problem> {
    let name = class.name();
    let decision = edge.kv.gcra(&format!("limit/{name}/{who}"), &limit.rule()).await?;
    if decision.allowed {
        return Ok(());
    }
    metrics::counter!("visavis_http_rate_limited_total", "class" => name).increment(1);
    let millis = decision.retry_after.as_micros().div_ceil(1_000);
    Err(Fault::rate_limited(u64::try_from(millis).unwrap_or(u64::MAX)).into())
}

/// Counts one request of a person, beside the count of their address.
pub(crate) async fn count_user(edge: &Edge, method: &Method, user: UserId) -> Result<(), Problem> {
    let limits = &edge.site.limits;
    let (class, limit) = if method.is_safe() {
        (Class::Read, limits.read_per_user)
    } else {
        (Class::Write, limits.write_per_user)
    };
    count(edge, class, limit, &user.to_string()).await
}

/// No request takes longer than its limit. An upgraded connection isn't one any more.
async fn timeout(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(edge.site.limits.request(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(Fault::unavailable()).into_response(),
    }
}

/// The message of a panic may hold anything, so it goes to the log of the panic hook and nowhere else.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::from(Fault::internal()).into_response()
}
