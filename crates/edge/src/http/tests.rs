//! The whole router without the roles behind it: every contract is away (`Remote` over a transport that reaches
//! nobody), so what is tested here is the guard, the shapes and the words. The roles themselves answer in `app`'s
//! tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    routing::get,
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;
use visavis_domain::{
    Code,
    contract::{
        Caller, Remote, Transport,
        sight::{Able, Slot},
    },
};
use visavis_platform::{Dice, Kv};

use super::*;
use crate::{
    Parts, Site,
    guard::{
        client::ProxyHeader,
        site::Hosts,
        tokens::tests::{SITE, bench, good, good_admins},
    },
    http::route::Access,
    settings::{Limit, Limits},
    watching::Watching,
};

/// Roles that can't be reached.
struct Away;

#[async_trait]
impl Transport for Away {
    async fn call(
        &self,
        _: visavis_domain::contract::Method,
        _: visavis_domain::contract::To,
        _: &Caller,
        _: Vec<u8>,
    ) -> Result<Vec<u8>, Fault> {
        Err(Fault::unavailable())
    }
}

fn edge(limits: Limits) -> Edge {
    let bench = bench();
    let db: crate::health::Check = Arc::new(|| Box::pin(async { Ok(()) }));
    Edge::new(Parts {
        auth: bench.signer,
        users: Arc::new(Remote(Away)),
        friends: Arc::new(Remote(Away)),
        moderation: Arc::new(Remote(Away)),
        analytics: Arc::new(Remote(Away)),
        rooms: Arc::new(Remote(Away)),
        kv: Kv::memory(bench.clock.clone()),
        clock: bench.clock,
        dice: Dice::seeded(1),
        lifecycle: bench.lifecycle,
        tokens: bench.tokens,
        site: Site {
            hosts: Hosts { public: SITE.parse().unwrap(), extra: vec!["old.example".parse().unwrap()] },
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            proxy_header: ProxyHeader::XForwardedFor,
            dev_outbox: None,
            limits,
        },
        studio: crate::picture::Studio::default(),
        checks: Arc::new([("db", db)]),
        watching: Watching::known(Able { on: vec![Slot::Hostile], off: vec![Slot::Nudity] }),
    })
}

fn roomy() -> Limits {
    let many = Limit { burst: 1_000_000, per_min: 1_000_000 };
    Limits {
        auth_per_ip: many,
        write_per_ip: many,
        read_per_ip: many,
        connect_per_ip: many,
        write_per_user: many,
        read_per_user: many,
        ..Limits::default()
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{:?}", self.body);
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["requestId"], self.headers["x-request-id"].to_str().unwrap());
        body["code"].as_str().unwrap().to_owned()
    }
}

async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    if !request.headers().contains_key(header::HOST) {
        request.headers_mut().insert(header::HOST, "meet.example".parse().unwrap());
    }
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>("203.0.113.7:5000".parse().unwrap()));
    }
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn ask(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

fn post(path: &str, body: &str) -> Request<Body> {
    let request = ask("POST", path).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}

fn empty(request: http::request::Builder) -> Request<Body> {
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_refusal_of_the_guard_and_of_the_shapes_is_a_problem_of_the_list() {
    let router = router(edge(roomy()));
    let large = format!("{{\"email\": \"{}\"}}", "a".repeat(70_000));
    let plain = ask("POST", "/api/auth/login").header(header::CONTENT_TYPE, "text/plain");
    let foreign = |origin: &str| ask("POST", "/api/auth/refresh").header(header::ORIGIN, origin);
    let token = |token: &str| ask("GET", "/api/users/me").header(header::AUTHORIZATION, token);
    let good = format!("Bearer {}", good());
    for (what, request, status, code) in [
        ("unknown route", empty(ask("GET", "/api/nothing")), 404, "not-found"),
        ("unknown route, posted", post("/api/nothing", "{}"), 404, "not-found"),
        ("a row of a later issue", empty(ask("GET", "/api/rooms/rm_1/broadcasts")), 404, "not-found"),
        ("wrong method", empty(ask("GET", "/api/auth/login")), 405, "bad-request"),
        ("preflight of another site", empty(ask("OPTIONS", "/api/auth/login")), 405, "bad-request"),
        ("no body", post("/api/auth/login", ""), 400, "bad-request"),
        ("wrong field", post("/api/auth/login", "{\"mail\": \"a\"}"), 400, "bad-request"),
        ("wrong type", post("/api/auth/login", "{\"email\": 5}"), 400, "bad-request"),
        ("not JSON by its header", plain.body(Body::from("{}")).unwrap(), 415, "unsupported-media-type"),
        ("too large", post("/api/auth/login", &large), 413, "payload-too-large"),
        ("no cookie", empty(ask("POST", "/api/auth/refresh")), 401, "unauthorized"),
        ("no token", empty(ask("GET", "/api/users/me")), 401, "unauthorized"),
        ("bad token", empty(token("Bearer a.b.c")), 401, "unauthorized"),
        ("another scheme", empty(token("Basic YTpi")), 401, "unauthorized"),
        ("foreign page", empty(foreign("https://evil.example")), 403, "forbidden"),
        ("page without origin", empty(foreign("null")), 403, "forbidden"),
        ("own page by TLS only", empty(foreign("http://meet.example")), 403, "forbidden"),
        (
            "another site by its fetch metadata",
            empty(ask("POST", "/api/auth/refresh").header("sec-fetch-site", "cross-site")),
            403,
            "forbidden",
        ),
        (
            "foreign page opens a socket",
            empty(
                ask("GET", "/socket.io/")
                    .header("upgrade", "websocket")
                    .header("origin", "https://evil.example"),
            ),
            403,
            "forbidden",
        ),
        ("other host", empty(ask("GET", "/").header(header::HOST, "evil.example")), 421, "wrong-host"),
        ("absolute other host", empty(ask("GET", "https://evil.example/api/info")), 421, "wrong-host"),
        ("role away", empty(token(&good)), 503, "unavailable"),
        (
            "an id that is none",
            empty(ask("GET", "/api/users/usr_1").header(header::AUTHORIZATION, &good)),
            404,
            "not-found",
        ),
        (
            "an id that is not UTF-8",
            empty(ask("PUT", "/api/blocks/%FF").header(header::AUTHORIZATION, &good)),
            404,
            "not-found",
        ),
    ] {
        let answer = send(&router, request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}");
        assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{what}");
        assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), status == 503, "{what}");
        assert_eq!(answer.headers.contains_key(header::ALLOW), status == 405, "{what}");
        assert!(answer.headers.contains_key(header::CONTENT_SECURITY_POLICY), "{what}");
    }
}

#[tokio::test]
async fn our_own_page_and_programs_come_through() {
    let router = router(edge(roomy()));
    for origin in [Some(SITE), Some("https://old.example"), None] {
        let mut request = ask("POST", "/api/auth/logout");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin).header("sec-fetch-site", "same-origin");
        }
        let answer = send(&router, empty(request)).await;
        assert_eq!(answer.status, 204, "{origin:?}");
        assert_eq!(
            answer.headers[header::SET_COOKIE],
            "refresh=; HttpOnly; SameSite=Strict; Path=/api/auth; Max-Age=0; Secure"
        );
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn a_request_id_is_ours_and_never_the_same() {
    let router = router(edge(roomy()));
    let id = async || {
        let request = empty(ask("GET", "/api/info").header("x-request-id", "theirs"));
        send(&router, request).await.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    let (first, second) = (id().await, id().await);
    assert!(first.len() == 20 && first != second && first != "theirs");
}

#[tokio::test]
async fn probes_are_answered_for_every_host_and_draining_is_not_ready() {
    let edge = edge(roomy());
    let router = router(edge.clone());
    let probe = async |path: &str| {
        let answer = send(&router, empty(ask("GET", path).header(header::HOST, "10.1.2.3:8080"))).await;
        (answer.status.as_u16(), answer.json())
    };
    assert_eq!(probe("/healthz").await, (200, json!({ "alive": true })));
    assert_eq!(
        probe("/readyz").await,
        (
            200,
            json!({ "ready": true, "checks": { "db": true, "open": true }, "watching": { "on": ["hostile"], "off": ["nudity"] } })
        )
    );
    edge.lifecycle.drain.cancel();
    assert_eq!(probe("/readyz").await.0, 503);
    assert_eq!(probe("/healthz").await.0, 200);
}

#[tokio::test]
async fn an_address_has_its_limit_and_so_has_a_person() {
    let few = Limit { burst: 3, per_min: 60 };
    let router = router(edge(Limits { read_per_ip: few, write_per_user: few, ..roomy() }));
    let from = |peer: &str, forwarded: &str| {
        let mut request = ask("GET", "/api/info");
        if !forwarded.is_empty() {
            request = request.header("x-forwarded-for", forwarded);
        }
        let mut request = empty(request);
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        request
    };
    for _ in 0..3 {
        assert_eq!(send(&router, from("203.0.113.7:1", "")).await.status, 200);
    }
    let refused = send(&router, from("203.0.113.7:2", "")).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "rate-limited"));
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    // A header of somebody we don't know helps nobody; behind our own proxy each client has a limit of its own.
    assert_eq!(send(&router, from("203.0.113.7:3", "198.51.100.1")).await.status, 429);
    assert_eq!(send(&router, from("10.0.0.1:3", "203.0.113.7")).await.status, 429);
    assert_eq!(send(&router, from("10.0.0.1:3", "198.51.100.1")).await.status, 200);

    let write = async |peer: &str| {
        let request = ask("DELETE", "/api/blocks/usr_00000000000000000000000001");
        let mut request = empty(request.header(header::AUTHORIZATION, format!("Bearer {}", good())));
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        send(&router, request).await.status.as_u16()
    };
    for n in 1..=3 {
        assert_eq!(write(&format!("198.51.100.{n}:1")).await, 503, "counted, then the role is away");
    }
    assert_eq!(write("198.51.100.9:1").await, 429, "from whatever address");
}

#[tokio::test]
async fn a_panic_and_an_endless_handler_tell_nothing_of_the_inside() {
    let edge = edge(Limits { request_ms: 50, ..roomy() });
    let inside = Router::new()
        .route("/api/panic", get(async || panic!("secret of the inside") as StatusCode))
        .route("/api/endless", get(std::future::pending::<StatusCode>));
    let router = guard::wrap(inside, edge);
    let answer = send(&router, empty(ask("GET", "/api/panic"))).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (500, "internal"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    let answer =
        tokio::time::timeout(Duration::from_secs(5), send(&router, empty(ask("GET", "/api/endless")))).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"));
}

/// The path of a route with something in its braces.
fn filled(path: &str) -> String {
    let path = path.replace("/cases/{id}", "/cases/cas_00000000000000000000000001");
    let path = path.replace("/appeals/{id}", "/appeals/apl_00000000000000000000000001");
    path.replace("{id}", "usr_00000000000000000000000001")
        .replace("{userId}", "usr_00000000000000000000000001")
        .replace("{roomId}", "rm_00000000000000000000000001")
        .replace("{privateId}", "0000-0000-0")
}

#[tokio::test]
async fn every_route_of_the_table_is_served_and_refuses_strangers_where_it_must() {
    let router = router(edge(roomy()));
    let table = table();
    assert!(table.len() > 20);
    for route in table {
        let request = ask(route.method.as_str(), &filled(route.path));
        let answer = send(&router, empty(request)).await;
        assert_ne!(answer.status, 405, "{route:?}");
        assert!(answer.status != 404 || route.path.contains('{'), "{route:?}");
        match route.access {
            Access::Signed => assert_eq!(answer.code(), "unauthorized", "{route:?}"),
            Access::Cookie => assert!(answer.status == 401 || answer.status == 204, "{route:?}"),
            Access::Public => assert_ne!(answer.status, 401, "{route:?}"),
        }
        if route.body.is_some() {
            assert!(answer.status.is_client_error(), "{route:?}");
        }
    }
}

/// JSON of every kind, some of it with the names that our bodies have.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("email"),
        Just("code"),
        Just("challengeId"),
        Just("token"),
        Just("adult"),
        Just("roomId"),
        Just("userId"),
        Just("privateId"),
        Just("reason"),
        Just("note"),
        Just("action"),
        Just("hours"),
        Just("overturn"),
        Just("decisionId"),
        Just("text"),
        Just("seconds"),
        Just("displayName"),
        Just("languages"),
        Just("country"),
        Just("who"),
        Just("role"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("rm_00000000000000000000000001")),
        Just(Value::from("usr_00000000000000000000000001")),
        Just(Value::from("spam")),
        Just(Value::from("suspend")),
        Just(Value::from("dec_00000000000000000000000001")),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_json_whatever_is_our_fault(bodies in proptest::collection::vec(any_json(), 8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // The contract for sign-in of this test answers `internal`; routes of the others are away.
            let router = router(edge(roomy()));
            for route in table().into_iter().filter(|route| route.body.is_some() && route.access == Access::Signed) {
                for body in &bodies {
                    let request = ask(route.method.as_str(), &filled(route.path))
                        .header(header::CONTENT_TYPE, "application/json")
                        .header(header::AUTHORIZATION, format!("Bearer {}", good_admins()));
                    let answer = send(&router, request.body(Body::from(body.to_string())).unwrap()).await;
                    let code = answer.code();
                    assert!(
                        code == Code::BadRequest.as_str() || code == Code::Unavailable.as_str(),
                        "{route:?} {body}: {code}"
                    );
                }
            }
        });
    }

    #[test]
    fn no_path_or_header_whatever_is_our_fault(path in "/[ -~]{3,40}", host in "[ -~]{0,20}", forwarded in "\\PC{0,30}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let router = router(edge(roomy()));
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let request = ask(method.as_str(), &path)
                    .header(header::HOST, &host)
                    .header("x-forwarded-for", &forwarded)
                    .header(header::ORIGIN, &host)
                    .header(header::COOKIE, &host)
                    .header(header::AUTHORIZATION, format!("Bearer {host}"));
                if let Ok(request) = request.body(Body::empty()) {
                    let status = send(&router, request).await.status;
                    assert!(status.is_client_error() || status.is_success(), "{path} {host}: {status}");
                }
            }
        });
    }
}
