//! The private listener: metrics, calls of other nodes, and with `--dev` the mails that were written to files. Nothing
//! here is for the public; the developer page is not even there for anybody who doesn't sit at this machine.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Json as Reply, Router,
    extract::{ConnectInfo, Request, State},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use http::{HeaderMap, StatusCode, header};

use visavis_platform::{Lifecycle, Rpc};

use crate::{
    health::{self, Checks},
    outbox,
    serve::FromNode,
    watching::Watching,
};

/// What the private listener stands on.
#[derive(Clone)]
pub struct PrivateDeps {
    /// Renders the metrics (Prometheus text format).
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Answers calls of other nodes.
    pub rpc: Rpc,
    /// What `/readyz` asks.
    pub checks: Checks,
    /// What is looked for in calls.
    pub watching: Watching,
    /// Whether the process drains.
    pub lifecycle: Lifecycle,
    /// Where mails are written as files, if they are.
    pub outbox: Option<PathBuf>,
    /// Whether this is a developer's machine (`--dev`).
    pub dev: bool,
}

/// `/metrics`, `/healthz`, `/readyz`, `/rpc/…`, and with `dev` and an outbox `/dev/outbox` and `/dev/outbox.json`.
pub fn router(deps: PrivateDeps) -> Router {
    let mut router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || health::alive()))
        .route("/readyz", get(readyz))
        .route("/rpc/{role}/{method}", any(call));
    if deps.dev && deps.outbox.is_some() {
        let pages = Router::new()
            .route("/dev/outbox", get(page))
            .route("/dev/outbox.json", get(list))
            .route("/dev/outbox.css", get(style))
            .layer(middleware::from_fn(at_this_machine));
        router = router.merge(pages);
    }
    router.with_state(deps)
}

async fn metrics(State(deps): State<PrivateDeps>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (deps.metrics)())
}

async fn readyz(State(deps): State<PrivateDeps>) -> impl IntoResponse {
    health::ready(&deps.checks, &deps.watching, &deps.lifecycle).await
}

async fn call(State(deps): State<PrivateDeps>, request: Request) -> Response {
    if request.extensions().get::<FromNode>().is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    deps.rpc.answer(request).await.into_response()
}

/// Sign-in codes are shown here: only to a browser on this machine that asked for this machine, straight.
async fn at_this_machine(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let near = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    if near && names_loopback(request.headers()) && !was_forwarded(request.headers()) {
        return next.run(request).await;
    }
    StatusCode::NOT_FOUND.into_response()
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<http::uri::Authority>().ok())
    else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let loopback = name.parse::<std::net::IpAddr>().is_ok_and(|addr| addr.is_loopback());
    !authority.as_str().contains('@') && (name.eq_ignore_ascii_case("localhost") || loopback)
}

fn was_forwarded(headers: &HeaderMap) -> bool {
    const SIGNS: [&str; 3] = ["forwarded", "x-real-ip", "via"];
    headers.keys().any(|name| SIGNS.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded"))
}

async fn page(State(deps): State<PrivateDeps>) -> Response {
    let policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mails = outbox::newest(deps.outbox).await;
    (headers, Html(outbox::html(&mails))).into_response()
}

async fn list(State(deps): State<PrivateDeps>) -> impl IntoResponse {
    let mails = outbox::newest(deps.outbox).await;
    ([(header::CACHE_CONTROL, "no-store")], Reply(serde_json::json!({ "mails": mails })))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], outbox::STYLE)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use visavis_domain::{contract::node::Record, id::NodeId};
    use visavis_platform::{Clock, Dice, Kv, Nodes, Places, rpc, secret::Secret};

    use super::*;

    fn deps(dev: bool, outbox: Option<PathBuf>) -> PrivateDeps {
        let (clock, lifecycle) = (Clock::System, Lifecycle::default());
        let me = Record {
            id: NodeId::from_bits(1),
            roles: Vec::new(),
            address: "http://127.0.0.1:8081".to_owned(),
            media: Vec::new(),
            load: 0,
            open: true,
        };
        let rpc = Rpc::new(rpc::Deps {
            secret: Secret::from_bytes([1; 32]),
            nodes: Nodes::new(clock.clone(), me, false),
            places: Places::new(Kv::memory(clock.clone())),
            clock,
            dice: Dice::Secure,
            lifecycle: lifecycle.clone(),
            tls: None,
        });
        let checks = Arc::new([]);
        let (metrics, watching) = (Arc::new(|| "up 1\n".to_owned()), Watching::default());
        PrivateDeps { metrics, rpc, checks, watching, lifecycle, outbox, dev }
    }

    async fn ask(
        deps: PrivateDeps,
        path: &str,
        peer: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, String) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        let response = router(deps).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const NEAR: &str = "127.0.0.1:50000";

    #[tokio::test]
    async fn the_newest_mail_comes_first_with_its_code_and_link_and_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let mail = |to: &str, code: &str| {
            format!(
                "From: visavis@localhost\r\nTo: {to}\r\nSubject: Your code\r\nContent-Type: text/plain\r\n\r\n\
                 Hello <script>\r\n\r\n{code}\r\n\r\nhttp://127.0.0.1:8080/login/magic#token=ab&c\r\n"
            )
        };
        std::fs::write(folder.path().join("0001.eml"), mail("old@example.com", "111111")).unwrap();
        let newer = folder.path().join("0002.eml");
        std::fs::write(&newer, mail("<b>new</b>@example.com", "222222")).unwrap();
        let later =
            std::fs::metadata(&newer).unwrap().modified().unwrap() + std::time::Duration::from_secs(5);
        std::fs::File::options().write(true).open(&newer).unwrap().set_modified(later).unwrap();
        let deps = deps(true, Some(folder.path().to_owned()));

        let (status, html) = ask(deps.clone(), "/dev/outbox", NEAR, &[("host", "localhost:8081")]).await;
        assert_eq!(status, 200);
        assert!(html.find("222222").unwrap() < html.find("111111").unwrap());
        assert!(html.contains("href=\"http://127.0.0.1:8080/login/magic#token=ab&amp;c\""), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>new"), "{html}");

        let (_, json) = ask(deps, "/dev/outbox.json", NEAR, &[("host", "[::1]:8081")]).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["mails"][0]["code"], "222222");
        assert_eq!(json["mails"][1]["to"], "old@example.com");
        assert_eq!(json["mails"][1]["link"], "http://127.0.0.1:8080/login/magic#token=ab&c");
    }

    #[tokio::test]
    async fn nobody_from_elsewhere_sees_that_there_is_an_outbox() {
        let folder = tempfile::tempdir().unwrap();
        let dev = deps(true, Some(folder.path().to_owned()));
        let local = ("host", "127.0.0.1:8081");
        for path in ["/dev/outbox", "/dev/outbox.json", "/dev/outbox.css"] {
            assert_eq!(ask(dev.clone(), path, NEAR, &[local]).await.0, 200, "{path}");
            let refused: [(&str, &[(&str, &str)]); 11] = [
                ("10.0.0.9:5000", &[local]),
                (NEAR, &[]),
                (NEAR, &[local, local]),
                (NEAR, &[("host", "meet.example")]),
                (NEAR, &[("host", "127.0.0.1.evil.example")]),
                (NEAR, &[("host", "localhost@evil.example")]),
                (NEAR, &[local, ("forwarded", "for=1.1.1.1")]),
                (NEAR, &[local, ("x-forwarded-for", "1.1.1.1")]),
                (NEAR, &[local, ("x-forwarded-proto", "https")]),
                (NEAR, &[local, ("x-real-ip", "1.1.1.1")]),
                (NEAR, &[local, ("via", "1.1 proxy")]),
            ];
            for (peer, headers) in refused {
                assert_eq!(ask(dev.clone(), path, peer, headers).await.0, 404, "{path} {peer} {headers:?}");
            }
            let not_dev = deps(false, Some(folder.path().to_owned()));
            assert_eq!(ask(not_dev, path, NEAR, &[local]).await.0, 404);
            assert_eq!(ask(deps(true, None), path, NEAR, &[local]).await.0, 404);
        }
    }

    #[tokio::test]
    async fn metrics_are_rendered_when_asked() {
        let (status, text) = ask(deps(false, None), "/metrics", "10.0.0.9:5000", &[]).await;
        assert_eq!((status.as_u16(), text.as_str()), (200, "up 1\n"));
    }
}
