//! `/socket.io` at a gateway that runs no signalling: the WebSocket is passed on to a node that does, byte by byte. The
//! client's address goes along under a seal, and the other side believes it from nobody else.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use visavis_platform::{Lifecycle, Rpc};

use crate::{guard::client::ClientAddr, problem::Problem, serve::FromNode};

/// The role whose nodes hold sockets.
const ROLE: &str = "signalling";
/// Bytes that are taken from one side at once. They lie on the stack: an idle socket holds no buffer.
const AT_ONCE: usize = 16 * 1024;
/// After one side has gone, the other has so long to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Passage {
    rpc: Rpc,
    lifecycle: Lifecycle,
}

/// The routes that pass sockets on; they belong inside the guard.
pub fn routes(rpc: Rpc, lifecycle: Lifecycle) -> Router {
    Router::new()
        .route("/socket.io/", any(pass_on))
        .route("/socket.io", any(pass_on))
        .with_state(Passage { rpc, lifecycle })
}

async fn pass_on(
    State(passage): State<Passage>,
    Extension(ClientAddr(client)): Extension<ClientAddr>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let tunnel = match passage.rpc.tunnel(ROLE, &parts, client).await {
        Ok(tunnel) => tunnel,
        Err(fault) => return Problem::from(fault).into_response(),
    };
    let (answer, body) = tunnel.response.into_parts();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = answer.status;
    let ours = |name: &header::HeaderName| {
        *name == header::CONNECTION
            || *name == header::UPGRADE
            || *name == header::CONTENT_TYPE
            || name.as_str().starts_with("sec-websocket-")
    };
    for (name, value) in answer.headers.iter().filter(|(name, _)| ours(name)) {
        response.headers_mut().append(name, value.clone());
    }
    let (Some(far), Some(near)) = (tunnel.upgraded, parts.extensions.remove::<hyper::upgrade::OnUpgrade>())
    else {
        return response;
    };
    passage.lifecycle.clone().spawn("passed-socket", async move {
        let passed = metrics::gauge!("visavis_passed_sockets");
        passed.increment(1.0);
        // The client may have gone before it read our answer.
        if let Ok(near) = near.await {
            join(TokioIo::new(near), TokioIo::new(far)).await;
        }
        passed.decrement(1.0);
    });
    response
}

/// Carries bytes both ways until one side ends; then the other gets a little time, and that is all.
async fn join<A, B>(near: A, far: B)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (near_in, near_out) = tokio::io::split(near);
    let (far_in, far_out) = tokio::io::split(far);
    let mut up = std::pin::pin!(carry(near_in, far_out));
    let mut down = std::pin::pin!(carry(far_in, near_out));
    tokio::select! {
        () = &mut up => { let _ = tokio::time::timeout(LAST_WORDS, down).await; }
        () = &mut down => { let _ = tokio::time::timeout(LAST_WORDS, up).await; }
    }
}

/// One direction to its end, which is passed on too.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut rest = Vec::new();
    // A broken wire is an end like another.
    let _ = poll_fn(|cx| poll_carry(cx, Pin::new(&mut from), Pin::new(&mut to), &mut rest)).await;
    let _ = to.shutdown().await;
}

/// Carries what is there. `rest` is what the other side couldn't take yet, and nothing is read while it holds something:
/// so a slow reader slows its sender.
fn poll_carry(
    cx: &mut Context<'_>,
    mut from: Pin<&mut (impl AsyncRead + ?Sized)>,
    mut to: Pin<&mut (impl AsyncWrite + ?Sized)>,
    rest: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        while !rest.is_empty() {
            let written = ready!(to.as_mut().poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..written);
        }
        *rest = Vec::new();
        let mut bytes = [MaybeUninit::uninit(); AT_ONCE];
        let mut read = ReadBuf::uninit(&mut bytes);
        match from.as_mut().poll_read(cx, &mut read) {
            Poll::Ready(result) => result?,
            Poll::Pending => {
                ready!(to.as_mut().poll_flush(cx))?;
                return Poll::Pending;
            }
        }
        let read = read.filled();
        if read.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let written = match to.as_mut().poll_write(cx, read) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        rest.extend_from_slice(&read[written..]);
    }
}

/// What stands before the sockets at the private listener: a node of ours, with the client's address.
pub fn admit(router: Router, rpc: Rpc) -> Router {
    router.layer(middleware::from_fn_with_state(rpc, hop))
}

async fn hop(State(rpc): State<Rpc>, mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/socket.io") {
        return next.run(request).await;
    }
    let path = request.uri().path_and_query().map_or("", http::uri::PathAndQuery::as_str).to_owned();
    let hop = rpc.hop(&path, request.headers());
    match hop.filter(|_| request.extensions().get::<FromNode>().is_some()) {
        Some(hop) => {
            request.extensions_mut().insert(ClientAddr(hop.client));
            next.run(request).await
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

#[cfg(test)]
mod tests;
