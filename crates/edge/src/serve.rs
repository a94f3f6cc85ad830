//! The accept loop: TCP, optional TLS, HTTP/1.1 (with upgrades for WebSockets) and HTTP/2: for strangers over TLS, for
//! other nodes also without. Everything a client can hold is bounded: connections, the time for a handshake and for a
//! request's head, the size of that head, streams of a connection.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request,
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use visavis_platform::{Lifecycle, rpc::tls::Mutual};

use crate::{guard::client, settings::Limits, tls::Tls};

/// Requests a browser sends at once over one HTTP/2 connection; more wait.
const MAX_STREAMS: u32 = 64;
/// Calls of another node at once over its one connection; more wait.
const MAX_CALLS: u32 = 1_024;
/// Calls that a node gave up before they were looked at: as many as there can be. Nodes are no flooders.
const MAX_GIVEN_UP: usize = 1_024;
/// What a node may send of one call, and of all, before we have read it: some session descriptions.
const CALL_WINDOW: u32 = 512 * 1024;
const NODE_WINDOW: u32 = 4 * 1024 * 1024;
/// How a client of HTTP/2 begins, when nothing was agreed on before (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI";
/// Between two looks at the first bytes, when only one or two have come.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// After an error of the listener itself (no file descriptors left): long enough for some to be freed.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Who is served.
#[derive(Debug, Clone)]
pub enum Front {
    /// Strangers.
    Public(Option<Tls>),
    /// Other nodes, and whoever looks after this one.
    Private(Option<Mutual>),
}

/// The connection is one that a node may call over: TLS between nodes is off, or it showed a good certificate.
#[derive(Debug, Clone, Copy)]
pub struct FromNode;

/// Serves `router` on `listener` until the process drains; then takes nothing new, and lets what runs finish until
/// the process stops. Every request has `ConnectInfo<SocketAddr>` in its extensions.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    front: Front,
    limits: &Limits,
    lifecycle: Lifecycle,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(limits.connections));
    let most = match front {
        Front::Public(_) => limits.connections_per_ip,
        Front::Private(_) => limits.connections,
    };
    let crowds = Arc::new(Crowds { most, open: Mutex::default() });
    let shared = Arc::new(Shared { router, front, limits: limits.clone(), lifecycle: lifecycle.clone() });
    loop {
        // Full: the kernel's queue holds newcomers until somebody leaves.
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = lifecycle.drain.cancelled() => return Ok(()),
            accepted = accepted => accepted,
        };
        match (place, accepted) {
            (Ok(permit), Ok((stream, peer))) => {
                let Some(counted) = crowds.enter(peer.ip()) else {
                    metrics::counter!("visavis_connections_refused_total").increment(1);
                    continue;
                };
                let place = Place { _permit: permit, _counted: counted };
                let shared = shared.clone();
                lifecycle.spawn("connection", async move { shared.connection(stream, peer, place).await });
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_ERROR).await;
            }
            (Err(_), _) => return Ok(()),
        }
    }
}

/// A connection's place among all, and among those of its address.
struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// Connections by address: nobody takes every place. Holds an entry for each address that has one open.
struct Crowds {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Crowds {
    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Counted> {
        let network = client::network(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Counted { crowds: Arc::clone(self), network })
    }
}

/// Counts for as long as it lives.
struct Counted {
    crowds: Arc<Crowds>,
    network: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.crowds.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

struct Shared {
    router: Router,
    front: Front,
    limits: Limits,
    lifecycle: Lifecycle,
}

/// What is known of a connection before its first request.
#[derive(Clone, Copy)]
struct Known {
    peer: SocketAddr,
    h2: bool,
    node: bool,
}

impl Shared {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        // Small messages to and fro: waiting to fill a packet would only add delay.
        let _ = stream.set_nodelay(true);
        let patience = Duration::from_millis(self.limits.header_ms);
        let (config, node) = match &self.front {
            Front::Public(Some(tls)) => (tls.config(), false),
            Front::Private(Some(mutual)) => (mutual.server(), true),
            Front::Public(None) => {
                let known = Known { peer, h2: false, node: false };
                return self.http(Held { inner: stream, _place: place }, known).await;
            }
            Front::Private(None) => {
                let Ok(h2) = tokio::time::timeout(patience, begins_h2(&stream)).await else { return };
                let known = Known { peer, h2, node: true };
                return self.http(Held { inner: stream, _place: place }, known).await;
            }
        };
        let handshake = TlsAcceptor::from(config).accept(stream);
        if let Ok(Ok(stream)) = tokio::time::timeout(patience, handshake).await {
            let tls = stream.get_ref().1;
            let h2 = tls.alpn_protocol() == Some(b"h2");
            let node = node && tls.peer_certificates().is_some();
            self.http(Held { inner: stream, _place: place }, Known { peer, h2, node }).await;
        }
    }

    async fn http<S>(&self, stream: Held<S>, known: Known)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(known.peer));
            if known.node {
                request.extensions_mut().insert(FromNode);
            }
            router.clone().oneshot(request)
        });
        // The protocol is known before the first byte, so no byte is waited for without a time limit (hyper-util's
        // automatic builder would wait for ever to find it out).
        let io = TokioIo::new(stream);
        if known.h2 {
            let mut connection = pin!(self.http2().serve_connection(io, service));
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.lifecycle.drain.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        } else {
            let mut connection = pin!(self.http1().serve_connection(io, service).with_upgrades());
            // How a connection ends is the client's business; errors of requests are told where they arise.
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.lifecycle.drain.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(self.limits.header_ms))
            .max_buf_size(self.limits.header_bytes);
        builder
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let patience = Duration::from_millis(self.limits.header_ms);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(patience)
            .keep_alive_timeout(patience)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX));
        if matches!(self.front, Front::Private(_)) {
            builder
                .max_concurrent_streams(MAX_CALLS)
                .max_pending_accept_reset_streams(MAX_GIVEN_UP)
                .initial_stream_window_size(CALL_WINDOW)
                .initial_connection_window_size(NODE_WINDOW);
        }
        builder
    }
}

/// Whether a connection without TLS speaks HTTP/2: no method of HTTP/1.1 that is answered begins as its preface does.
async fn begins_h2(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(0) | Err(_) => return false,
            Ok(n) if first[..n] != PREFACE[..n] => return false,
            Ok(n) if n == PREFACE.len() => return true,
            Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// A stream that holds its place among the connections for as long as it lives, also as a WebSocket.
struct Held<S> {
    inner: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
