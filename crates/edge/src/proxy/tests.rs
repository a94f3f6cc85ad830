//! Sockets that are passed on, over real connections: a gateway, a node with a fake signalling behind the private door.

use std::net::SocketAddr;

use axum::routing::get;
use tokio::{io::AsyncReadExt, net::TcpStream};
use visavis_domain::{contract::node::Record, id::NodeId};
use visavis_platform::{Clock, Dice, Kv, Nodes, Places, rpc, secret::Secret};

use super::*;
use crate::{
    serve::{Front, serve},
    settings::Limits,
};

const SECRET: [u8; 32] = [3; 32];
/// No wait of these tests may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node of the place, and where its listener is.
struct Node {
    nodes: Nodes,
    addr: SocketAddr,
    lifecycle: Lifecycle,
}

impl Node {
    fn record(&self) -> Record {
        self.nodes.me()
    }
}

/// One with this role; `make` gives the router on the node's calls.
fn node(id: u128, role: &str, secret: [u8; 32], make: impl FnOnce(Rpc, Lifecycle) -> Router) -> Node {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let me = Record {
        id: NodeId::from_bits(id),
        roles: vec![role.to_owned()],
        address: format!("http://{addr}"),
        media: Vec::new(),
        load: 0,
        open: true,
    };
    let nodes = Nodes::new(clock.clone(), me, true);
    let rpc = Rpc::new(rpc::Deps {
        secret: Secret::from_bytes(secret),
        nodes: nodes.clone(),
        places: Places::new(Kv::memory(clock.clone())),
        clock,
        dice: Dice::Secure,
        lifecycle: lifecycle.clone(),
        tls: None,
    });
    let router = make(rpc, lifecycle.clone());
    let front = if role == ROLE { Front::Private(None) } else { Front::Public(None) };
    let inner = lifecycle.clone();
    lifecycle.spawn("serve", async move {
        let _ = serve(listener, router, front, &Limits::default(), inner).await;
    });
    Node { nodes, addr, lifecycle }
}

/// What is said to who doesn't upgrade.
const REFUSAL: &str = "{\"code\":0}";

/// Answers every upgrade, says whose socket it is, and then says back what it hears.
fn echoing(rpc: Rpc, lifecycle: Lifecycle) -> Router {
    let upgrade = move |Extension(ClientAddr(client)): Extension<ClientAddr>, mut request: Request| {
        let lifecycle = lifecycle.clone();
        async move {
            if !request.headers().contains_key(header::UPGRADE) {
                return (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], REFUSAL)
                    .into_response();
            }
            let upgrade = hyper::upgrade::on(&mut request);
            lifecycle.spawn("echo", async move {
                let mut socket = TokioIo::new(upgrade.await.unwrap());
                let _ = socket.write_all(format!("{client}\n").as_bytes()).await;
                let (mut read, mut write) = tokio::io::split(socket);
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
            let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")];
            (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
        }
    };
    admit(Router::new().route("/socket.io/", get(upgrade)), rpc)
}

fn signalling(id: u128) -> Node {
    node(id, ROLE, SECRET, echoing)
}

/// A gateway that knows these, and believes of each client that its address is the one that the header says.
fn gateway(others: &[&Node]) -> Node {
    let gateway = node(1, "gateway", SECRET, |rpc, lifecycle| {
        let seen = async |mut request: Request, next: Next| {
            let addr = request.headers()["x-seen"].to_str().unwrap().parse().unwrap();
            request.extensions_mut().insert(ClientAddr(addr));
            next.run(request).await
        };
        routes(rpc, lifecycle).layer(middleware::from_fn(seen))
    });
    gateway.nodes.found(others.iter().map(|node| node.record()).collect());
    gateway
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

const ASK: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: meet.example\r\nconnection: upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\nx-seen: 203.0.113.9\r\n";

/// A client whose upgrade was answered; the head of the answer and the first line after it.
async fn connected(addr: SocketAddr, more: &str) -> (TcpStream, String, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(format!("{ASK}{more}\r\n").as_bytes()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    let first = if head.contains(" 101 ") { until(&mut stream, "\n").await } else { String::new() };
    (stream, head, first)
}

async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        match within(stream.read_u8()).await {
            Ok(byte) => text.push(char::from(byte)),
            Err(_) => break,
        }
    }
    text
}

#[tokio::test]
async fn a_socket_is_passed_on_with_its_clients_address_and_carries_bytes_both_ways() {
    let there = signalling(2);
    let here = gateway(&[&there]);
    // What a client writes into our own headers counts for nothing.
    let forged = "x-rpc-client: 6.6.6.6\r\nx-rpc-mac: AAAA\r\nx-forwarded-for: 6.6.6.6\r\n";
    let (mut stream, head, first) = connected(here.addr, forged).await;
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("upgrade: websocket"), "{head}");
    assert_eq!(first, "203.0.113.9\n");
    let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut back = vec![0; sent.len()];
    let (mut near, mut far) = stream.split();
    let (said, got) = within(async { tokio::join!(far.write_all(&sent), near.read_exact(&mut back)) }).await;
    said.unwrap();
    got.unwrap();
    assert!(back == sent, "byte by byte");
}

#[tokio::test]
async fn when_either_side_goes_the_other_goes_too() {
    let there = signalling(2);
    let here = gateway(&[&there]);
    let (mut client, ..) = connected(here.addr, "").await;
    client.shutdown().await.unwrap();
    assert_eq!(
        within(client.read_to_end(&mut Vec::new())).await.unwrap(),
        0,
        "the echo ended, and so did we"
    );
    let (mut client, ..) = connected(here.addr, "").await;
    there.lifecycle.stop.cancel();
    let _ = within(client.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_node_that_is_gone_is_stepped_over_and_with_none_left_it_is_unavailable() {
    let (dead, alive) = (signalling(2), signalling(3));
    let here = gateway(&[&dead, &alive]);
    dead.lifecycle.stop.cancel();
    while TcpStream::connect(dead.addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    for _ in 0..6 {
        assert!(connected(here.addr, "").await.1.starts_with("HTTP/1.1 101"));
    }
    let (_, head, _) = connected(gateway(&[]).addr, "").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
}

#[tokio::test]
async fn a_refusal_comes_back_as_it_is() {
    let there = signalling(2);
    let here = gateway(&[&there]);
    let mut stream = TcpStream::connect(here.addr).await.unwrap();
    let ask = "GET /socket.io/?transport=polling HTTP/1.1\r\nhost: x\r\nx-seen: 1.1.1.1\r\nconnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let answer = until(&mut stream, "never").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("application/json"), "{answer}");
    assert!(answer.ends_with(REFUSAL), "{answer}");
}

#[tokio::test]
async fn at_the_private_door_nobody_else_is_believed() {
    let there = signalling(2);
    let (_, head, _) = connected(there.addr, "").await;
    assert!(head.starts_with("HTTP/1.1 401"), "without a seal: {head}");
    let claim =
        "x-rpc-client: 6.6.6.6\r\nx-rpc-to: x\r\nx-rpc-at: 1\r\nx-rpc-remaining-ms: 0\r\nx-rpc-nonce: 1\r\n";
    let (_, head, _) = connected(there.addr, claim).await;
    assert!(head.starts_with("HTTP/1.1 401"), "with a made-up one: {head}");
    // A node with another secret.
    let stranger = node(5, "gateway", [4; 32], |rpc, lifecycle| {
        routes(rpc, lifecycle).layer(Extension(ClientAddr("6.6.6.6".parse().unwrap())))
    });
    stranger.nodes.found(vec![there.record()]);
    let (_, head, _) = connected(stranger.addr, "").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
}
