//! Several nodes in one process, each with a listener of its own: what suites of calls stand on.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use visavis_domain::{
    Code, Fault,
    contract::{Caller, Dispatch, node::Record},
    id::{NodeId, RoomId},
};
use visavis_platform::{Bus, Clock, Dice, Kv, Lifecycle, Nodes, Places, Rpc, rpc, secret::Secret};

visavis_domain::contract! {
    /// Says back what it hears.
    "echo" => trait Echo {
        /// Who answers, and what was said.
        fn say(String) -> (NodeId, String) [idempotent, 1000 ms];
        /// The same, but once only.
        fn say_once(String) -> (NodeId, String) [once, 1000 ms];
        /// Says no.
        fn refuse(String) -> () [idempotent, 1000 ms];
        /// Takes so many milliseconds.
        fn slow(u64) -> u64 [idempotent, 600 ms];
        /// Opens a room.
        fn open(Room) -> NodeId [once, 1000 ms] opens room;
        /// Something in a room.
        fn inside(Room) -> NodeId [idempotent, 1000 ms] at room;
    }
}

/// Names a room.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Room {
    pub room: RoomId,
}

/// The role at one node.
pub struct Parrot {
    pub node: NodeId,
    pub heard: AtomicU32,
    pub finished: AtomicU32,
    pub remaining: AtomicU32,
    places: Places,
}

#[async_trait]
impl Echo for Parrot {
    async fn say(&self, cx: &Caller, text: String) -> Result<(NodeId, String), Fault> {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.remaining.store(u32::try_from(cx.remaining_ms).unwrap(), Ordering::SeqCst);
        Ok((self.node, text))
    }

    async fn say_once(&self, cx: &Caller, text: String) -> Result<(NodeId, String), Fault> {
        self.say(cx, text).await
    }

    async fn refuse(&self, _: &Caller, why: String) -> Result<(), Fault> {
        Err(Fault::new(Code::Conflict, why).retry_in(7))
    }

    async fn slow(&self, _: &Caller, millis: u64) -> Result<u64, Fault> {
        self.heard.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.finished.fetch_add(1, Ordering::SeqCst);
        Ok(millis)
    }

    async fn open(&self, _: &Caller, at: Room) -> Result<NodeId, Fault> {
        self.places.claim(at.room, self.node).await?;
        Ok(self.node)
    }

    async fn inside(&self, _: &Caller, at: Room) -> Result<NodeId, Fault> {
        if self.places.holder(at.room).await? == Some(self.node) {
            return Ok(self.node);
        }
        Err(Fault::new(Code::NotInRoom, "You are not in that room."))
    }
}

/// What the nodes share.
pub struct Town {
    pub kv: Kv,
    pub bus: Bus,
    pub secret: Secret,
    next: u128,
}

/// One of them.
pub struct Node {
    pub id: NodeId,
    pub address: String,
    pub rpc: Rpc,
    pub nodes: Nodes,
    pub parrot: Arc<Parrot>,
    pub lifecycle: Lifecycle,
}

impl Town {
    pub fn new() -> Self {
        let kv = Kv::memory(Clock::System);
        Self { kv, bus: Bus::memory(), secret: Secret::from_bytes([7; 32]), next: 1 }
    }

    /// A node with these roles that finds the others in the store.
    pub async fn node(&mut self, roles: &[&str]) -> Node {
        let node = self.alone(roles, self.secret.clone(), false).await;
        node.nodes.register(self.kv.clone(), self.bus.clone(), Arc::new(|| 0), &node.lifecycle).await;
        node
    }

    /// A node that knows nobody yet.
    pub async fn alone(&mut self, roles: &[&str], secret: Secret, listed: bool) -> Node {
        let id = NodeId::from_bits(self.next);
        self.next += 1;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let me = Record {
            id,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            address: address.clone(),
            media: Vec::new(),
            load: 0,
            open: true,
        };
        let (clock, lifecycle) = (Clock::System, Lifecycle::default());
        let nodes = Nodes::new(clock.clone(), me, listed);
        let places = Places::new(self.kv.clone());
        let rpc = Rpc::new(rpc::Deps {
            secret,
            nodes: nodes.clone(),
            places: places.clone(),
            clock,
            dice: Dice::Secure,
            lifecycle: lifecycle.clone(),
            tls: None,
        });
        let parrot = Arc::new(Parrot {
            node: id,
            heard: AtomicU32::new(0),
            finished: AtomicU32::new(0),
            remaining: AtomicU32::new(0),
            places,
        });
        let served: Arc<dyn Dispatch> = serve(Arc::clone(&parrot) as Arc<dyn Echo>);
        rpc.serve(served);
        listen(listener, rpc.clone(), &lifecycle);
        Node { id, address, rpc, nodes, parrot, lifecycle }
    }
}

/// Serves calls as the private listener does; its connections end with the node.
pub fn listen(listener: tokio::net::TcpListener, rpc: Rpc, lifecycle: &Lifecycle) {
    let inner = lifecycle.clone();
    lifecycle.spawn("listener", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let rpc = rpc.clone();
            inner.spawn("connection", async move {
                let answer = service_fn(|request| {
                    let rpc = rpc.clone();
                    async move { Ok::<_, std::convert::Infallible>(rpc.answer(request).await) }
                });
                let http = auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
}

impl Node {
    /// The role, wherever it is.
    pub fn echo(&self) -> Arc<dyn Echo> {
        remote(self.rpc.transport())
    }

    pub fn heard(&self) -> u32 {
        self.parrot.heard.load(Ordering::SeqCst)
    }

    /// Gone, as by a crash: nobody is told.
    pub async fn die(&self) {
        // Not `shut_down`, which says goodbye.
        self.lifecycle.stop.cancel();
        let address = self.address.trim_start_matches("http://");
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until this node sees so many that have the role.
    pub async fn sees(&self, role: &str, count: usize) {
        let mut changes = self.nodes.changes();
        let seen = changes.wait_for(|view| view.serving(role).len() == count);
        tokio::time::timeout(Duration::from_secs(15), seen).await.unwrap().unwrap();
    }
}

pub fn cx(remaining_ms: u64) -> Caller {
    Caller { request: "test".to_owned(), remaining_ms }
}
