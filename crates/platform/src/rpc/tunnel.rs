//! Passes an upgraded connection on to a node of a role: HTTP/1.1 to its private listener, with the client's address
//! under a seal, then bytes both ways.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use visavis_domain::{Fault, contract::node::Record, replay::Verdict};

use super::{
    Rpc,
    call::judge,
    link::{Link, Lost},
    seal::{AT, CLIENT, Head, Kind, MAC, NONCE, PATIENCE, REMAINING, TO},
};

/// From the connection to the node's `101`.
const ANSWER: Duration = Duration::from_secs(5);
/// Nodes that may keep silent before the client is told to come back; where nobody listens costs nothing.
const MAX_TRIES: usize = 2;
/// The body of a refusal; it's one line.
const MAX_REFUSAL: usize = 16 * 1024;
/// What the client sent of these is between it and us.
const NOT_PASSED_ON: [header::HeaderName; 5] =
    [header::HOST, header::COOKIE, header::AUTHORIZATION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// The other end of a passed-on connection.
pub struct Tunnel {
    /// The node's answer, for the client; with a body when it didn't upgrade.
    pub response: Response<Bytes>,
    /// The bytes after it; none when the node didn't upgrade.
    pub upgraded: Option<Upgraded>,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("status", &self.response.status()).finish_non_exhaustive()
    }
}

/// What a passed-on request says under its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The client's address, as the first node saw it.
    pub client: IpAddr,
}

impl Rpc {
    /// Passes an upgrade on to a node that has the role.
    pub async fn tunnel(&self, role: &str, request: &Parts, client: IpAddr) -> Result<Tunnel, Fault> {
        let mut tried = Vec::new();
        let mut unanswered = 0;
        while unanswered < MAX_TRIES {
            let Some(node) = self.any(role, &tried).filter(|node| !tried.contains(&node.id)) else { break };
            let link = self.link(&node.address);
            if link.admit(self.0.clock.now()) {
                let opened = tokio::time::timeout(ANSWER, self.open(&link, &node, request, client)).await;
                let opened = opened.unwrap_or(Err(Lost::Unanswered));
                link.tell(self.0.clock.now(), judge(&opened));
                match opened {
                    Ok(tunnel) => return Ok(tunnel),
                    Err(Lost::Unanswered) => unanswered += 1,
                    Err(Lost::Unsent) => {}
                }
            }
            tried.push(node.id);
        }
        Err(Fault::unavailable())
    }

    async fn open(
        &self,
        link: &Link,
        node: &Record,
        request: &Parts,
        client: IpAddr,
    ) -> Result<Tunnel, Lost> {
        let stream = link.connect(b"http/1.1").await.ok_or(Lost::Unsent)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| Lost::Unsent)?;
        self.0.lifecycle.spawn("tunnel", async move {
            // How it ends shows at the upgraded ends.
            let _ = connection.with_upgrades().await;
        });
        let passed = self.passed_on(link, node, request, client).ok_or(Lost::Unsent)?;
        let mut response = sender.send_request(passed).await.map_err(|_| Lost::Unanswered)?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::MISDIRECTED_REQUEST {
            tracing::warn!(http.status = status.as_u16(), "a node refused a socket that was passed on to it");
            return Err(Lost::Unsent);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let upgraded = hyper::upgrade::on(&mut response).await.map_err(|_| Lost::Unanswered)?;
            return Ok(Tunnel { response: response.map(|_| Bytes::new()), upgraded: Some(upgraded) });
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_REFUSAL).collect().await.map_err(|_| Lost::Unanswered)?;
        Ok(Tunnel { response: Response::from_parts(parts, body.to_bytes()), upgraded: None })
    }

    fn passed_on(
        &self,
        link: &Link,
        node: &Record,
        request: &Parts,
        client: IpAddr,
    ) -> Option<Request<Empty<Bytes>>> {
        let path = request.uri.path_and_query()?.as_str();
        let mut passed =
            Request::builder().method(request.method.clone()).uri(path).body(Empty::new()).ok()?;
        let headers = passed.headers_mut();
        headers.clone_from(&request.headers);
        // What a client writes into our own headers is nothing.
        for name in NOT_PASSED_ON.iter().chain([&TO, &CLIENT, &REMAINING, &PATIENCE, &AT, &NONCE, &MAC]) {
            headers.remove(name);
        }
        let authority = link.address.parse::<http::Uri>().ok()?.authority()?.as_str().parse().ok()?;
        headers.insert(header::HOST, authority);
        let head = Head {
            to: node.id.to_string(),
            about: client.to_string(),
            remaining_ms: 0,
            patience_ms: None,
            at: self.0.clock.now(),
            nonce: u128::from_be_bytes(self.0.dice.bytes()),
        };
        self.0.seal.write(headers, Kind::Socket, path, &head, b"")?;
        Some(passed)
    }

    /// Whether a request was passed on by a node of ours to this one, and whose it is. Believed once.
    pub fn hop(&self, path_and_query: &str, headers: &HeaderMap) -> Option<Hop> {
        let head = Head::read(headers, Kind::Socket)?;
        let genuine = self.is_timely(&head)
            && self.0.seal.is_genuine(headers, Kind::Socket, path_and_query, &head, b"")
            && head.to == self.0.nodes.id().to_string()
            && self.is_first(&head) == Verdict::Fresh;
        if !genuine {
            metrics::counter!("visavis_rpc_refused_total").increment(1);
            return None;
        }
        Some(Hop { client: head.about.parse().ok()? })
    }
}
