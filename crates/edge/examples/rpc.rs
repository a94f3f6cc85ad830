//! Both ends of a call between two processes, for `cargo xtask bench rpc`. `rpc answer` is the node that is called: the
//! very listener that serves calls in the product. `rpc ask` reads `hop N`, `direct N` and `wait N` and answers `done …`.

use std::{
    io::{BufRead as _, Write as _},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use visavis_domain::{
    Fault,
    contract::{Caller, node::Record, rooms::Seat},
    id::{NodeId, RoomId, SocketId, UserId},
};
use visavis_edge::{
    private::{self, PrivateDeps},
    serve::{Front, serve as listen},
    settings::Limits,
};
use visavis_platform::{Clock, Dice, Kv, Lifecycle, Nodes, Places, Rpc, rpc, secret::Secret};

visavis_domain::contract! {
    /// As small as most calls are: three ids there, one bit back.
    "bench" => trait Bench {
        /// Whether it is even.
        fn even(Seat) -> bool [idempotent, 5000 ms];
    }
}

/// Calls under way at once, as from a busy gateway.
const AT_ONCE: usize = 64;

struct Parity;

#[async_trait]
impl Bench for Parity {
    async fn even(&self, _: &Caller, seat: Seat) -> Result<bool, Fault> {
        Ok(seat.room.bits().is_multiple_of(2))
    }
}

/// A process of a place.
fn node(id: u128, role: &str, address: &str) -> (Rpc, Nodes, Lifecycle) {
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let me = Record {
        id: NodeId::from_bits(id),
        roles: vec![role.to_owned()],
        address: address.to_owned(),
        media: Vec::new(),
        load: 0,
        open: true,
    };
    let nodes = Nodes::new(clock.clone(), me, true);
    let deps = rpc::Deps {
        secret: Secret::from_bytes([1; 32]),
        nodes: nodes.clone(),
        places: Places::new(Kv::memory(clock.clone())),
        clock,
        dice: Dice::Secure,
        lifecycle: lifecycle.clone(),
        tls: None,
    };
    (Rpc::new(deps), nodes, lifecycle)
}

async fn answer() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let (rpc, _, lifecycle) = node(1, "bench", &address);
    rpc.serve(serve(Arc::new(Parity)));
    let metrics = Arc::new(String::new);
    let private = private::router(PrivateDeps {
        metrics,
        rpc,
        checks: Arc::new([]),
        watching: visavis_edge::watching::Watching::default(),
        lifecycle: lifecycle.clone(),
        outbox: None,
        dev: false,
    });
    println!("answering at {address}");
    std::io::stdout().flush()?;
    listen(listener, private, Front::Private(None), &Limits::default(), lifecycle).await
}

/// Makes so many calls, so many at once. How many went wrong.
async fn calls(role: &Arc<dyn Bench>, count: u128, at_once: usize) -> usize {
    let seat =
        |n| Seat { room: RoomId::from_bits(n), user: UserId::from_bits(n), session: SocketId::from_bits(n) };
    let call = |n| {
        let role = Arc::clone(role);
        async move {
            let cx = Caller { request: "0123456789abcdef0123".to_owned(), remaining_ms: 5_000 };
            role.even(&cx, seat(n)).await != Ok(n.is_multiple_of(2))
        }
    };
    stream::iter(0..count)
        .map(call)
        .buffer_unordered(at_once)
        .filter(|wrong| std::future::ready(*wrong))
        .count()
        .await
}

async fn ask(address: &str) -> std::io::Result<()> {
    let (rpc, nodes, _lifecycle) = node(2, "asker", "http://127.0.0.1:1");
    rpc.watch(vec![address.to_owned()]).await;
    assert!(nodes.has("bench"), "nobody answers at {address}");
    let there = remote(rpc.transport());
    let here: Arc<dyn Bench> = Arc::new(Parity);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (what, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count = count.parse().unwrap_or(0);
        let clock = Clock::System;
        let begun = clock.now();
        let wrong = match what {
            "hop" => calls(&there, count, AT_ONCE).await,
            "wait" => calls(&there, count, 1).await,
            _ => calls(&here, count, AT_ONCE).await,
        };
        let took = clock.now().since(begun);
        if wrong > 0 {
            println!("failed {wrong} of {count} calls");
        } else {
            println!("done ms={}", took.as_secs_f64() * 1e3);
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = match (args.next().as_deref(), args.next()) {
        (Some("answer"), _) => runtime.block_on(answer()),
        (Some("ask"), Some(address)) => runtime.block_on(ask(&address)),
        _ => Err(std::io::Error::other("rpc answer, or rpc ask ADDRESS")),
    };
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}
