//! Questions to a service of the operator's: a signed POST, a deadline, a bounded answer. No redirects, no other hosts, TLS
//! unless it is this very machine.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::{Clock, Hidden};

/// The longest answer.
const MAX_ANSWER: usize = 16 * 1024;

/// Where and how to ask.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secret: Hidden,
    within: Duration,
    tls: TlsConnector,
    clock: Clock,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// The address can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https address (http only for this machine), without a name and password in it")]
pub struct BadAddress;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It can't be reached, or speaks another language.
    #[error("it can't be reached")]
    Unreachable,
    /// It took too long.
    #[error("it took too long")]
    Late,
    /// It said no.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// Its answer is too long.
    #[error("its answer is too long")]
    TooLong,
}

impl Webhook {
    /// Asks there, with at most so long for an answer.
    ///
    /// # Errors
    /// When the address can't be used.
    pub fn new(url: &str, secret: Hidden, within: Duration, clock: Clock) -> Result<Self, BadAddress> {
        let url: Url = url.parse().map_err(|_| BadAddress)?;
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err(BadAddress),
        };
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
        if !scheme || !url.username().is_empty() || url.password().is_some() {
            return Err(BadAddress);
        }
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| BadAddress)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { url, secret, within, tls: TlsConnector::from(Arc::new(config)), clock })
    }

    /// Posts `body` (JSON) and gives the answer's. The header `visavis-signature` is `t=SECONDS,v1=HEX`: the HMAC-SHA256 of
    /// `SECONDS.BODY` under the secret, so that whoever receives it knows who asks, and when.
    ///
    /// # Errors
    /// When there is no good answer in time.
    pub async fn post(&self, body: String) -> Result<Bytes, NoAnswer> {
        tokio::time::timeout(self.within, self.ask(body)).await.unwrap_or(Err(NoAnswer::Late))
    }

    async fn ask(&self, body: String) -> Result<Bytes, NoAnswer> {
        let unreachable = |_| NoAnswer::Unreachable;
        let host = self.url.host_str().unwrap_or_default();
        let name = host.trim_matches(['[', ']']).to_owned();
        let port = self.url.port_or_known_default().unwrap_or(443);
        let stream = TcpStream::connect((name.as_str(), port)).await.map_err(|_| NoAnswer::Unreachable)?;
        if self.url.scheme() == "https" {
            let server = ServerName::try_from(name).map_err(|_| NoAnswer::Unreachable)?;
            let stream = self.tls.connect(server, stream).await.map_err(|_| NoAnswer::Unreachable)?;
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
            self.exchange(sender, connection, body).await
        } else {
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
            self.exchange(sender, connection, body).await
        }
    }

    async fn exchange(
        &self,
        mut sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
        connection: impl Future<Output = Result<(), hyper::Error>>,
        body: String,
    ) -> Result<Bytes, NoAnswer> {
        let answer = async {
            let request = self.request(body)?;
            let response = sender.send_request(request).await.map_err(|_| NoAnswer::Unreachable)?;
            if response.status() != StatusCode::OK {
                return Err(NoAnswer::Refused(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            body.map(http_body_util::Collected::to_bytes).map_err(|_| NoAnswer::TooLong)
        };
        // The connection is driven as long as its answer is awaited, and no longer.
        tokio::pin!(connection);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            _ = &mut connection => answer.await,
        }
    }

    fn request(&self, body: String) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let at = self.clock.now().as_secs();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose().as_bytes());
        let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
        let signature = hex(tag.as_ref());
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        Request::post(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header("visavis-signature", format!("t={at},v1={signature}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| NoAnswer::Unreachable)
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use visavis_domain::Timestamp;

    use super::*;

    /// A service that answers once with these bytes, and gives what it was asked.
    async fn asked(answer: &str, within: Duration) -> (Result<Bytes, NoAnswer>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/age?x=1", listener.local_addr().unwrap());
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let webhook = Webhook::new(&url, Hidden::from("secret".to_owned()), within, clock).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 4_096];
            let mut read = 0;
            while !String::from_utf8_lossy(&seen[..read]).ends_with("{}") {
                read += stream.read(&mut seen[read..]).await.unwrap();
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = tokio::time::timeout(within, stream.read(&mut [0; 1])).await;
            String::from_utf8_lossy(&seen[..read]).into_owned()
        };
        tokio::join!(webhook.post("{}".to_owned()), serve)
    }

    #[tokio::test]
    async fn a_question_is_signed_and_its_answer_bounded_in_size_and_time() {
        let second = Duration::from_secs(1);
        let (answer, asked_for) = asked("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", second).await;
        assert_eq!(answer.unwrap(), "ok");
        assert!(asked_for.starts_with("POST /age?x=1 HTTP/1.1\r\n"), "{asked_for}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let tag: String = hmac::sign(&key, b"1800000000.{}")
            .as_ref()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .concat();
        assert!(asked_for.contains(&format!("visavis-signature: t=1800000000,v1={tag}\r\n")), "{asked_for}");
        let (answer, _) =
            asked("HTTP/1.1 302 Found\r\nlocation: http://x/\r\ncontent-length: 0\r\n\r\n", second).await;
        assert_eq!(answer, Err(NoAnswer::Refused(StatusCode::FOUND)), "it follows nobody");
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MAX_ANSWER + 1));
        let (answer, _) = asked(&long, second).await;
        assert_eq!(answer, Err(NoAnswer::TooLong));
        assert_eq!(asked("", Duration::from_millis(100)).await.0, Err(NoAnswer::Late));
        assert_eq!(asked("nonsense\r\n\r\n", second).await.0, Err(NoAnswer::Unreachable));
    }

    #[test]
    fn only_tls_or_this_machine_is_asked() {
        let new =
            |url: &str| Webhook::new(url, Hidden::from(String::new()), Duration::ZERO, Clock::System).is_ok();
        assert!(new("https://age.example/check") && new("http://127.0.0.1:9/x") && new("http://[::1]/"));
        for bad in ["http://age.example/", "ftp://x/", "https://", "nonsense", "https://a:b@age.example/"] {
            assert!(!new(bad), "{bad}");
        }
    }
}
