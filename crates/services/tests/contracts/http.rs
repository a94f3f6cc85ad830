//! A role at another node: a listener on a free port, and calls to it as one node makes them to another.

use std::{convert::Infallible, sync::Arc};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use visavis_domain::{
    contract::{Dispatch, Transport, node::Record},
    id::NodeId,
};
use visavis_platform::{Clock, Dice, Kv, Lifecycle, Nodes, Places, Rpc, rpc, secret::Secret};

/// A process of the place. Its clock is the machine's: what is judged by it is the time between two nodes.
fn node(id: u128, roles: Vec<String>, address: String) -> (Rpc, Nodes, Record, Lifecycle) {
    let me = Record { id: NodeId::from_bits(id), roles, address, media: Vec::new(), load: 0, open: true };
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let nodes = Nodes::new(clock.clone(), me.clone(), true);
    let deps = rpc::Deps {
        secret: Secret::from_bytes([5; 32]),
        nodes: nodes.clone(),
        places: Places::new(Kv::memory(clock.clone())),
        clock,
        dice: Dice::Secure,
        lifecycle: lifecycle.clone(),
        tls: None,
    };
    (Rpc::new(deps), nodes, me, lifecycle)
}

/// As a [`visavis_domain::contract::Link`].
pub fn link(role: Arc<dyn Dispatch>) -> Arc<dyn Transport> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (there, _, record, lifecycle) = node(1, vec![role.role().to_owned()], address);
    there.serve(role);
    let inner = lifecycle.clone();
    lifecycle.spawn("listener", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let there = there.clone();
            inner.spawn("connection", async move {
                let answer = service_fn(|request| {
                    let there = there.clone();
                    async move { Ok::<_, Infallible>(there.answer(request).await) }
                });
                let http = auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    let (here, nodes, _, _) = node(2, Vec::new(), "http://127.0.0.1:1".to_owned());
    nodes.found(vec![record]);
    here.transport()
}
