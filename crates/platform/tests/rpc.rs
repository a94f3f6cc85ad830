//! Calls between nodes over real sockets: who is asked, how long is waited, what is asked again; and what becomes of
//! callers and answers that are not what they say.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "these tests measure real time")]

mod town;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use town::{Node, Room, Town, cx};
use visavis_domain::{
    Code,
    contract::node::Record,
    id::{NodeId, RoomId},
};
use visavis_platform::secret::Secret;

#[tokio::test]
async fn a_call_reaches_whoever_has_the_role_and_its_answer_comes_back() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let there = town.node(&["echo"]).await;
    here.sees("echo", 1).await;
    let text = "ü".repeat(100_000);
    let answer = here.echo().say(&cx(5_000), text.clone()).await.unwrap();
    assert_eq!(answer, (there.id, text));
    let remaining = there.parrot.remaining.load(Ordering::SeqCst);
    assert!((1..=1_000).contains(&remaining), "the deadline travels: {remaining} ms");
    let fault = here.echo().refuse(&cx(5_000), "No.".to_owned()).await.unwrap_err();
    assert_eq!((fault.code, fault.detail.as_str(), fault.retry_after_ms), (Code::Conflict, "No.", Some(7)));
}

#[tokio::test]
async fn several_nodes_of_a_role_take_turns() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let (a, b) = (town.node(&["echo"]).await, town.node(&["echo"]).await);
    here.sees("echo", 2).await;
    for _ in 0..10 {
        here.echo().say(&cx(5_000), String::new()).await.unwrap();
    }
    assert_eq!((a.heard(), b.heard()), (5, 5));
}

#[tokio::test]
async fn a_node_that_died_is_stepped_over_at_once() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let (dead, alive) = (town.node(&["echo"]).await, town.node(&["echo"]).await);
    here.sees("echo", 2).await;
    dead.die().await;
    for _ in 0..20 {
        let begun = Instant::now();
        // Also what must not be sent twice: to a node that isn't there it was never sent.
        let (node, _) = here.echo().say_once(&cx(5_000), String::new()).await.unwrap();
        assert_eq!(node, alive.id);
        assert!(begun.elapsed() < Duration::from_millis(700), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_at_once() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let begun = Instant::now();
    let fault = here.echo().say(&cx(5_000), String::new()).await.unwrap_err();
    assert_eq!(fault.code, Code::Unavailable);
    let dead = town.node(&["echo"]).await;
    here.sees("echo", 1).await;
    dead.die().await;
    let fault = here.echo().say(&cx(5_000), String::new()).await.unwrap_err();
    assert_eq!(fault.code, Code::Unavailable, "connection refused");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_slow_node_costs_no_more_than_the_deadline_and_finishes_what_it_began() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let slow = town.node(&["echo"]).await;
    here.sees("echo", 1).await;
    for remaining in [200, 60_000] {
        let begun = Instant::now();
        let fault = here.echo().slow(&cx(remaining), 1_500).await.unwrap_err();
        assert_eq!(fault.code, Code::Unavailable);
        let longest = Duration::from_millis(remaining.min(600) + 250);
        assert!(begun.elapsed() < longest, "{:?} of {longest:?}", begun.elapsed());
    }
    assert_eq!(here.echo().slow(&cx(0), 0).await.unwrap_err().code, Code::Unavailable, "no time, no call");
    let begun = slow.heard();
    for _ in 0..300 {
        if slow.parrot.finished.load(Ordering::SeqCst) == begun {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("calls that were begun ended half-way");
}

/// Stands in for a node: takes connections, counts the requests on them, and hangs up without an answer.
async fn mute(count: Arc<AtomicU32>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |_| {
                    count.fetch_add(1, Ordering::SeqCst);
                    async { Err::<http::Response<Full<Bytes>>, _>(std::io::Error::other("gone")) }
                });
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

fn listed(address: &str, id: u128) -> Record {
    let roles = vec!["echo".to_owned()];
    Record {
        id: NodeId::from_bits(id),
        roles,
        address: address.to_owned(),
        media: vec![],
        load: 0,
        open: true,
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_only_where_twice_is_once() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let asked = Arc::new(AtomicU32::new(0));
    let address = mute(Arc::clone(&asked)).await;
    here.nodes.found(vec![listed(&address, 99)]);
    assert!(here.echo().say_once(&cx(5_000), String::new()).await.is_err());
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1, "once is once");
    assert!(here.echo().say(&cx(5_000), String::new()).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 3, "two more times");
    // With somebody else there, the second try goes to them.
    let other = town.alone(&["echo"], town.secret.clone(), true).await;
    here.nodes.found(vec![listed(&address, 99), listed(&other.address, other.id.bits())]);
    for _ in 0..4 {
        assert_eq!(here.echo().say(&cx(5_000), String::new()).await.unwrap().0, other.id);
    }
}

#[tokio::test]
async fn a_node_that_fails_again_and_again_is_left_alone_for_a_while() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let asked = Arc::new(AtomicU32::new(0));
    let address = mute(Arc::clone(&asked)).await;
    here.nodes.found(vec![listed(&address, 99)]);
    for _ in 0..20 {
        assert!(here.echo().say_once(&cx(5_000), String::new()).await.is_err());
    }
    assert!(asked.load(Ordering::SeqCst) <= 8, "{} of 20 calls came through", asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_node_that_answers_again_is_found_also_by_callers_who_ask_two_things_at_once() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let there = town.node(&["echo"]).await;
    here.sees("echo", 1).await;
    for _ in 0..8 {
        // Nothing of it is answered in time.
        assert!(here.echo().slow(&cx(60_000), 1_000).await.is_err());
    }
    let both = async || {
        let (echo, cx) = (here.echo(), cx(5_000));
        tokio::try_join!(echo.say(&cx, "a".to_owned()), echo.say(&cx, "b".to_owned()))
    };
    assert!(both().await.is_err(), "left alone at first");
    let begun = Instant::now();
    while both().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(7), "{} came through", there.heard());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_connection_that_went_silent_is_noticed_without_a_call_on_it() {
    // A wire that swallows everything after the first answer, as a machine does that lost its power.
    let mut town = Town::new();
    let (here, there) = (
        town.alone(&["gateway"], town.secret.clone(), true).await,
        town.alone(&["echo"], town.secret.clone(), true).await,
    );
    let wire = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", wire.local_addr().unwrap());
    let cut = Arc::new(AtomicU32::new(0));
    let (is_cut, target) = (Arc::clone(&cut), there.address.trim_start_matches("http://").to_owned());
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = wire.accept().await {
            let (is_cut, target) = (Arc::clone(&is_cut), target.clone());
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut far = TcpStream::connect(target).await.unwrap();
                let (mut up, mut down) = ([0; 4096], [0; 4096]);
                loop {
                    if is_cut.load(Ordering::SeqCst) == 1 {
                        return std::future::pending::<()>().await;
                    }
                    tokio::select! {
                        read = near.read(&mut up) => match read {
                            Ok(n @ 1..) => far.write_all(&up[..n]).await.unwrap(),
                            _ => return,
                        },
                        read = far.read(&mut down) => match read {
                            Ok(n @ 1..) => if near.write_all(&down[..n]).await.is_err() { return },
                            _ => return,
                        },
                        () = tokio::time::sleep(Duration::from_millis(50)) => {}
                    }
                }
            });
        }
    });
    here.nodes.found(vec![listed(&address, there.id.bits())]);
    here.echo().say(&cx(5_000), String::new()).await.unwrap();
    cut.store(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(6)).await;
    cut.store(0, Ordering::SeqCst);
    let begun = Instant::now();
    here.echo().say(&cx(5_000), String::new()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(400), "on a new connection: {:?}", begun.elapsed());
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_room_is_opened_somewhere_and_all_its_calls_go_there() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let nodes = [town.node(&["echo"]).await, town.node(&["echo"]).await, town.node(&["echo"]).await];
    here.sees("echo", 3).await;
    let mut holders = HashSet::new();
    for n in 0..20 {
        let room = Room { room: RoomId::from_bits(n) };
        let holder = here.echo().open(&cx(5_000), room).await.unwrap();
        assert_eq!(here.echo().open(&cx(5_000), room).await.unwrap(), holder, "again it is the same one");
        for _ in 0..3 {
            assert_eq!(here.echo().inside(&cx(5_000), room).await.unwrap(), holder);
        }
        // Whoever runs the role itself is sent there too.
        for node in &nodes {
            assert_eq!(node.echo().inside(&cx(5_000), room).await.unwrap(), holder);
        }
        holders.insert(holder);
    }
    assert!(holders.len() > 1, "rooms are spread");
}

#[tokio::test]
async fn a_room_whose_node_is_gone_is_answered_by_the_living() {
    let mut town = Town::new();
    let here = town.node(&["gateway"]).await;
    let first = town.node(&["echo"]).await;
    here.sees("echo", 1).await;
    let room = Room { room: RoomId::from_bits(5) };
    assert_eq!(here.echo().open(&cx(5_000), room).await.unwrap(), first.id);
    let _second = town.node(&["echo"]).await;
    here.sees("echo", 2).await;
    first.die().await;
    let begun = Instant::now();
    let fault = here.echo().inside(&cx(5_000), room).await.unwrap_err();
    assert_eq!(fault.code, Code::Unavailable, "its death isn't known yet");
    assert!(begun.elapsed() < Duration::from_secs(1));
    here.sees("echo", 1).await;
    let fault = here.echo().inside(&cx(5_000), room).await.unwrap_err();
    assert_eq!(fault.code, Code::NotInRoom);
    let unknown = Room { room: RoomId::from_bits(6) };
    assert_eq!(here.echo().inside(&cx(5_000), unknown).await.unwrap_err().code, Code::NotInRoom);
}

#[tokio::test]
async fn a_fixed_list_of_addresses_does_instead_of_the_store() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let there = town.alone(&["echo"], town.secret.clone(), true).await;
    here.rpc.watch(vec![there.address.clone(), "http://127.0.0.1:1".to_owned()]).await;
    here.sees("echo", 1).await;
    assert_eq!(here.echo().say(&cx(5_000), String::new()).await.unwrap().0, there.id);
    there.die().await;
    here.sees("echo", 0).await;
}

#[tokio::test]
async fn a_node_takes_work_once_those_it_needs_answer_and_until_it_drains() {
    let mut town = Town::new();
    let (here, there) = (town.node(&["gateway"]).await, town.node(&["echo"]).await);
    let dead = town.node(&["users"]).await;
    there.sees("users", 1).await;
    dead.die().await;
    there.nodes.open(false);
    here.sees("echo", 0).await;
    let (rpc, opening) = (there.rpc.clone(), there.lifecycle.clone());
    opening.spawn("open", async move { rpc.open_with(&["users"]).await });
    assert!(!there.rpc.reaches("users").await, "its lease lives, but it doesn't answer");
    let _users = town.node(&["users"]).await;
    here.sees("echo", 1).await;
    there.lifecycle.drain.cancel();
    here.sees("echo", 0).await;
}

#[tokio::test]
async fn a_node_with_another_secret_is_not_heard_and_not_believed() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let stranger = town.alone(&["echo"], Secret::from_bytes([8; 32]), true).await;
    here.nodes.found(vec![listed(&stranger.address, stranger.id.bits())]);
    assert_eq!(here.echo().say(&cx(5_000), String::new()).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(stranger.heard(), 0);
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    here.rpc.watch(vec![stranger.address.clone()]).await;
    assert!(!here.nodes.has("echo"), "a stranger's word of who it is counts for nothing");
}

#[tokio::test]
async fn a_call_for_the_process_before_is_not_done_by_the_one_after() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let after = town.alone(&["echo"], town.secret.clone(), true).await;
    here.nodes.found(vec![listed(&after.address, 12_345)]);
    assert_eq!(here.echo().say_once(&cx(5_000), String::new()).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(after.heard(), 0);
}

type Raw = Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

fn raw() -> Raw {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

/// What a listener in the middle would see of one good call: its headers, by recording them on the way.
async fn recorded(here: &Node, there: &Node) -> (http::HeaderMap, Vec<u8>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let record = move |request: axum::extract::Request| {
        let tell = Arc::clone(&tell);
        async move {
            let (mut parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            // Of the connection, not of the call.
            parts.headers.remove("content-length");
            if let Some(tell) = tell.lock().unwrap().take() {
                tell.send((parts.headers, body)).unwrap();
            }
            http::StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(record);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    here.nodes.found(vec![listed(&address, there.id.bits())]);
    let _ = here.echo().say_once(&cx(5_000), "hello".to_owned()).await;
    told.await.unwrap()
}

async fn send(node: &Node, path: &str, headers: http::HeaderMap, body: Vec<u8>) -> (u16, Vec<u8>, bool) {
    let mut request =
        http::Request::post(format!("{}{path}", node.address)).body(Full::new(Bytes::from(body))).unwrap();
    *request.headers_mut() = headers;
    let response = raw().request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let sealed = parts.headers.contains_key("x-rpc-mac");
    (parts.status.as_u16(), body.collect().await.unwrap().to_bytes().to_vec(), sealed)
}

#[tokio::test]
async fn who_cannot_show_the_seal_is_told_nothing() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let there = town.alone(&["echo"], town.secret.clone(), true).await;
    let (headers, body) = recorded(&here, &there).await;
    let path = "/rpc/echo/say_once";
    let nothing = (401, Vec::new(), false);

    let mut bare = headers.clone();
    bare.remove("x-rpc-mac");
    assert_eq!(send(&there, path, bare, body.clone()).await, nothing, "no seal");
    assert_eq!(send(&there, path, http::HeaderMap::new(), body.clone()).await, nothing, "no headers");
    for name in ["x-rpc-to", "x-rpc-request", "x-rpc-remaining-ms", "x-rpc-at", "x-rpc-nonce", "x-rpc-mac"] {
        let mut wrong = headers.clone();
        let text = wrong[name].to_str().unwrap().to_owned();
        let last = text.chars().last().unwrap();
        let other = if last == '1' { '2' } else { '1' };
        wrong.insert(name, format!("{}{other}", &text[..text.len() - 1]).parse().unwrap());
        assert_eq!(send(&there, path, wrong, body.clone()).await, nothing, "{name} changed");
    }
    assert_eq!(send(&there, path, headers.clone(), b"\"hellp\"".to_vec()).await, nothing, "another body");
    assert_eq!(send(&there, "/rpc/echo/say", headers.clone(), body.clone()).await, nothing, "another method");
    assert_eq!(there.heard(), 0);

    // And the very same bytes as they were made: once.
    let (status, answer, sealed) = send(&there, path, headers.clone(), body.clone()).await;
    assert_eq!((status, sealed), (200, true), "{}", String::from_utf8_lossy(&answer));
    for _ in 0..3 {
        assert_eq!(send(&there, path, headers.clone(), body.clone()).await, nothing, "a replay");
    }
    assert_eq!(there.heard(), 1);
    let other = town.alone(&["echo"], town.secret.clone(), true).await;
    let (status, answer, _) = send(&other, path, headers, body).await;
    assert_eq!((status, answer.len(), other.heard()), (421, 0, 0), "at a node it wasn't for");
}

#[tokio::test]
async fn an_old_call_is_not_believed() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let there = town.alone(&["echo"], town.secret.clone(), true).await;
    let (mut headers, body) = recorded(&here, &there).await;
    let at: i64 = headers["x-rpc-at"].to_str().unwrap().parse().unwrap();
    for shift in [-11_000, 11_000] {
        headers.insert("x-rpc-at", (at + shift).to_string().parse().unwrap());
        assert_eq!(send(&there, "/rpc/echo/say_once", headers.clone(), body.clone()).await.0, 401);
    }
}

#[tokio::test]
async fn a_huge_body_is_not_taken_and_a_huge_request_not_sent() {
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let there = town.alone(&["echo"], town.secret.clone(), true).await;
    let (headers, _) = recorded(&here, &there).await;
    let (status, answer, _) = send(&there, "/rpc/echo/say_once", headers, vec![b'x'; 2_000_000]).await;
    assert_eq!((status, answer.len()), (413, 0));
    here.nodes.found(vec![listed(&there.address, there.id.bits())]);
    let fault = here.echo().say(&cx(5_000), "x".repeat(600_000)).await.unwrap_err();
    assert_eq!(fault.code, Code::PayloadTooLarge);
    assert_eq!(there.heard(), 0);
}

#[tokio::test]
async fn a_role_or_method_that_is_not_there_is_not_found() {
    use visavis_domain::contract::{Class, Method, To, Transport as _};
    let mut town = Town::new();
    let here = town.alone(&["gateway"], town.secret.clone(), true).await;
    let there = town.alone(&["echo", "elsewhere"], town.secret.clone(), true).await;
    let record =
        Record { roles: vec!["echo".into(), "elsewhere".into()], ..listed(&there.address, there.id.bits()) };
    here.nodes.found(vec![record]);
    for (role, name) in
        [("elsewhere", "say"), ("echo", "sing"), ("echo", "../node/describe"), ("echo", "say/x")]
    {
        let method = Method { role, name, class: Class::Once, deadline_ms: 1_000 };
        let fault = here.rpc.call(method, To::Any, &cx(1_000), b"\"x\"".to_vec()).await.unwrap_err();
        assert!(matches!(fault.code, Code::NotFound | Code::Unavailable), "{role}/{name}: {fault}");
    }
    let method = Method { role: "echo", name: "say", class: Class::Once, deadline_ms: 1_000 };
    let fault = here.rpc.call(method, To::Any, &cx(1_000), b"{".to_vec()).await.unwrap_err();
    assert_eq!(fault.code, Code::BadRequest, "a shape this build doesn't know");
}
