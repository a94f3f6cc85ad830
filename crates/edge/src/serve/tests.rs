//! Real sockets: what a client can hold, how an upgrade and TLS go, how it ends.

use axum::routing::get;
use http::{StatusCode, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::*;
use crate::tls::Files;

/// No wait of these tests may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    addr: SocketAddr,
    lifecycle: Lifecycle,
    ended: tokio::task::JoinHandle<()>,
}

fn limits() -> Limits {
    Limits { header_ms: 200, header_bytes: 8_192, connections: 4, ..Limits::default() }
}

fn start(router: Router, tls: Option<Tls>, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let lifecycle = Lifecycle::default();
    let inner = lifecycle.clone();
    let ended = lifecycle.spawn("serve", async move {
        serve(listener, router, Front::Public(tls), &limits, inner).await.unwrap();
    });
    Running { addr, lifecycle, ended }
}

fn whoami() -> Router {
    Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

/// Everything until the server closes.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    // A reset after the answer is an end too.
    let _ = within(stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

const CLOSE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_handler_knows_the_address_of_its_client() {
    let server = start(whoami(), None, limits());
    let mut client = TcpStream::connect(server.addr).await.unwrap();
    let own = client.local_addr().unwrap().to_string();
    client.write_all(CLOSE.as_bytes()).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&own), "{answer}");
}

#[tokio::test]
async fn who_sends_no_whole_head_is_cut_off() {
    let server = start(whoami(), None, limits());
    for start in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut client = TcpStream::connect(server.addr).await.unwrap();
        client.write_all(start.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        assert!(!answer.contains("200"), "{start}: {answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = start(whoami(), None, limits());
    let mut client = TcpStream::connect(server.addr).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(40_000));
    let _ = client.write_all(head.as_bytes()).await;
    let answer = rest(&mut client).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_for_a_place() {
    let server = start(whoami(), None, Limits { connections: 1, header_ms: 60_000, ..limits() });
    let first = TcpStream::connect(server.addr).await.unwrap();
    let mut second = TcpStream::connect(server.addr).await.unwrap();
    second.write_all(CLOSE.as_bytes()).await.unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), second.read(&mut byte)).await;
    assert!(early.is_err(), "answered beyond the limit");
    drop(first);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place_and_carries_bytes_both_ways() {
    let lifecycle = Lifecycle::default();
    let echo = lifecycle.clone();
    let upgrade = get(async move |request: axum::extract::Request| {
        echo.spawn("echo", async move {
            let stream = hyper::upgrade::on(request).await.unwrap();
            let (mut from, mut to) = tokio::io::split(TokioIo::new(stream));
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")])
    });
    let router = whoami().route("/up", upgrade);
    let server = start(router, None, Limits { connections: 1, ..limits() });
    let mut client = TcpStream::connect(server.addr).await.unwrap();
    let head = "GET /up HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(within(client.read_u8()).await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    client.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    within(client.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, b"hello");

    let mut second = TcpStream::connect(server.addr).await.unwrap();
    second.write_all(CLOSE.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.read(&mut back)).await;
    assert!(early.is_err(), "the upgraded connection still counts");
    drop(client);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_address_cannot_take_every_place() {
    let server = start(
        whoami(),
        None,
        Limits { connections: 8, connections_per_ip: 2, header_ms: 60_000, ..limits() },
    );
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(within(TcpStream::connect(server.addr)).await.unwrap());
    }
    let mut third = within(TcpStream::connect(server.addr)).await.unwrap();
    let _ = third.write_all(CLOSE.as_bytes()).await;
    assert_eq!(rest(&mut third).await, "", "closed without a word");
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = within(other.connect(server.addr)).await.unwrap();
    other.write_all(CLOSE.as_bytes()).await.unwrap();
    assert!(rest(&mut other).await.contains("127.0.0.2:"), "another address has its own");
    drop(held.pop());
    // The place is free once the server has noticed.
    let again = async {
        loop {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            let _ = stream.write_all(CLOSE.as_bytes()).await;
            if rest(&mut stream).await.contains("200 OK") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(again).await;
    server.lifecycle.stop.cancel();
}

#[tokio::test]
async fn draining_ends_idle_connections_and_lets_a_running_request_finish() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (asked.clone(), go.clone());
    let slow = get(async move || {
        tell.notify_one();
        wait.notified().await;
        "done"
    });
    let server = start(whoami().route("/slow", slow), None, Limits { header_ms: 60_000, ..limits() });
    let mut idle = TcpStream::connect(server.addr).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    within(idle.read_exact(&mut answer)).await.unwrap();
    let mut busy = TcpStream::connect(server.addr).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    within(asked.notified()).await;

    server.lifecycle.drain.cancel();
    within(server.ended).await.unwrap();
    rest(&mut idle).await;
    assert!(TcpStream::connect(server.addr).await.is_err(), "nothing new is taken");
    go.notify_one();
    assert!(rest(&mut busy).await.ends_with("done"));
    assert!(server.lifecycle.shut_down(PATIENCE).await);
}

#[tokio::test]
async fn over_tls_both_versions_of_http_are_spoken_and_a_silent_handshake_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::load(files, &Lifecycle::default()).unwrap();
    let server = start(whoami(), Some(tls), limits());

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap();
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(protocol));
        if protocol == b"h2" {
            // RFC 9113 section 3.4: the server begins with SETTINGS (type 4 in the fourth byte).
            client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
            let mut frame = [0; 9];
            within(client.read_exact(&mut frame)).await.unwrap();
            assert_eq!(frame[3], 4);
        } else {
            client.write_all(CLOSE.as_bytes()).await.unwrap();
            assert!(rest(&mut client).await.starts_with("HTTP/1.1 200"));
        }
    }
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
}
