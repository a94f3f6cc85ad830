//! The way to one address: one HTTP/2 connection, made when it is needed and again when it broke, and the breaker that
//! says whether to try at all.

use std::{
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use visavis_domain::{
    Timestamp,
    breaker::{self, Breaker},
};

use super::{MAX_REPLY, tls::Mutual};
use crate::Lifecycle;

/// A node of the same network answers a connection within milliseconds, or is not there.
const CONNECT: Duration = Duration::from_secs(1);
/// A connection on which nothing came for so long is asked whether it lives, and given up after as long again.
const PING: Duration = Duration::from_secs(2);
/// What may be under way without the other side's word: a burst of session descriptions.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lost {
    /// It was never sent.
    #[error("not sent")]
    Unsent,
    /// It was sent, and whether it was done is unknown.
    #[error("not answered")]
    Unanswered,
}

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The way to one address.
pub(super) struct Link {
    pub(super) address: String,
    tls: Option<Mutual>,
    lifecycle: Lifecycle,
    sender: tokio::sync::Mutex<Option<SendRequest<Full<Bytes>>>>,
    breaker: Mutex<Breaker>,
    under_way: AtomicU64,
}

/// A connection with or without TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    pub(super) fn new(address: &str, tls: Option<Mutual>, lifecycle: Lifecycle) -> Self {
        Self {
            address: address.to_owned(),
            tls,
            lifecycle,
            sender: tokio::sync::Mutex::default(),
            breaker: Mutex::new(Breaker::new(breaker::Settings::default())),
            under_way: AtomicU64::new(0),
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is being left alone.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.breaker().is_open(now)
    }

    /// Whether it may be tried now; then [`Self::tell`] has to be called.
    pub(super) fn admit(&self, now: Timestamp) -> bool {
        self.breaker().admit(now)
    }

    /// Whether what was admitted last decides for all others.
    pub(super) fn is_tried(&self) -> bool {
        self.breaker().is_tried()
    }

    pub(super) fn tell(&self, now: Timestamp, input: breaker::Input) {
        self.breaker().handle(now, input);
    }

    /// Calls that wait for an answer.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
        let _counted = Counted::new(&self.under_way);
        let mut sender = self.sender().await?;
        let response = match sender.try_send_request(request).await {
            Ok(response) => response,
            Err(error) if error.message().is_some() => return Err(Lost::Unsent),
            Err(_) => return Err(Lost::Unanswered),
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_REPLY).collect().await.map_err(|_| Lost::Unanswered)?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The connection; one caller makes it while the others wait.
    async fn sender(&self) -> Result<SendRequest<Full<Bytes>>, Lost> {
        let mut kept = self.sender.lock().await;
        if let Some(sender) = kept.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let made = tokio::time::timeout(CONNECT, self.handshake()).await;
        let sender = made.ok().flatten().ok_or(Lost::Unsent)?;
        *kept = Some(sender.clone());
        Ok(sender)
    }

    async fn handshake(&self) -> Option<SendRequest<Full<Bytes>>> {
        let stream = self.connect(b"h2").await?;
        let (sender, connection) = http2::Builder::new(Tasks(self.lifecycle.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await
            .ok()?;
        self.lifecycle.spawn("rpc-connection", async move {
            // How it ends shows in the calls on it.
            let _ = connection.await;
        });
        Some(sender)
    }

    /// A fresh connection to the address, not yet HTTP.
    pub(super) async fn connect(&self, protocol: &[u8]) -> Option<Stream> {
        let uri: Uri = self.address.parse().ok()?;
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((host, uri.port_u16()?)).await.ok()?;
        tcp.set_nodelay(true).ok()?;
        match (uri.scheme_str(), &self.tls) {
            (Some("https"), Some(tls)) => {
                let stream = tls.connect(host, tcp, protocol).await?;
                Some(Stream::Tls(Box::new(stream)))
            }
            // Certificates that are configured are not done without, whatever the address says.
            (Some("http"), None) => Some(Stream::Plain(tcp)),
            _ => {
                tracing::warn!(
                    "the address of a node is http where this one speaks https, or the other way round"
                );
                None
            }
        }
    }
}

/// Counts a call for as long as it lives.
struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs what a connection needs beside itself.
#[derive(Clone)]
pub(super) struct Tasks(pub(super) Lifecycle);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn("rpc-stream", async move {
            task.await;
        });
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
