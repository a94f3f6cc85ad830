//! Calls between roles of different processes: HTTP/2 on the private listener, `POST /rpc/{role}/{method}`, the encoded
//! request as body, the encoded reply or an encoded `Fault` back.
//!
//! Both sides prove that they hold the installation's `secret_key`, for every single call ([`seal`]); a call is believed
//! once, by the node it names, within [`CLOCK_SKEW`]. Every call has a deadline. What is not answered is asked again
//! only where the contract says that twice is once, and a node that doesn't answer is left alone for a while. Nothing
//! here knows a role or a method.

mod answer;
mod call;
mod link;
mod seal;
pub mod tls;
mod tunnel;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use moka::sync::Cache;
use tokio::sync::{Semaphore, oneshot};
use visavis_domain::{
    Fault,
    contract::{
        self, Caller, Dispatch, Transport,
        node::{Node, Record},
    },
    id::{NodeId, RoomId},
    replay::Replay,
};

use crate::{Clock, Dice, Lifecycle, Nodes, Places, patience, secret::Secret};

use link::Link;
use seal::Seal;

pub use tunnel::{Hop, Tunnel};

/// Clocks of two nodes may differ by this much. Within NTP's reach it is ample; each second more is a second in which
/// a captured call must be remembered.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10);
/// Calls remembered so that none is believed twice: 20 seconds of 25 000 a second, more than a node can answer.
const MAX_NONCES: usize = 500_000;
/// The largest request: a session description in JSON is at most 256 KiB.
const MAX_REQUEST: usize = 512 * 1024;
/// The largest reply: all that is held about somebody, ten thousand rows of each kind at most. Others are far smaller.
const MAX_REPLY: usize = 32 * 1024 * 1024;
/// Calls being answered at once; each may hold a database connection, so more would only wait. Beyond: `unavailable`.
const MAX_RUNNING: usize = 4_096;
/// Rooms whose node is remembered, so that not every signal asks `Kv`.
const MAX_PLACED: u64 = 100_000;
/// How long it is believed without asking again. A wrong belief is answered `not-in-room` by the node and forgotten.
const PLACED_FOR: Duration = Duration::from_mins(1);
/// Between two looks at a fixed list of peers.
const LOOK: Duration = Duration::from_secs(1);

/// The calls of this process, in both directions. Cheap to clone.
#[derive(Clone)]
pub struct Rpc(Arc<Inner>);

/// What calls stand on.
pub struct Deps {
    /// Shared by all nodes.
    pub secret: Secret,
    /// Who is there.
    pub nodes: Nodes,
    /// Who holds which room.
    pub places: Places,
    /// Time.
    pub clock: Clock,
    /// Nonces, and whom to ask first.
    pub dice: Dice,
    /// For connections and calls under way.
    pub lifecycle: Lifecycle,
    /// Certificates, if calls go over TLS.
    pub tls: Option<tls::Mutual>,
}

struct Inner {
    seal: Seal,
    nodes: Nodes,
    places: Places,
    clock: Clock,
    dice: Dice,
    lifecycle: Lifecycle,
    tls: Option<tls::Mutual>,
    /// The roles of this process.
    roles: RwLock<BTreeMap<&'static str, Arc<dyn Dispatch>>>,
    /// Connections, by address.
    links: Mutex<HashMap<String, Arc<Link>>>,
    replay: Mutex<Replay>,
    running: Arc<Semaphore>,
    turn: AtomicUsize,
    placed: Cache<RoomId, NodeId>,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc").field("nodes", &self.0.nodes).finish_non_exhaustive()
    }
}

impl Rpc {
    /// Calls from and to this process. It answers nothing but who it is until roles are served.
    pub fn new(deps: Deps) -> Self {
        let Deps { secret, nodes, places, clock, dice, lifecycle, tls } = deps;
        let rpc = Self(Arc::new(Inner {
            seal: Seal::new(&secret),
            nodes: nodes.clone(),
            places,
            clock,
            dice,
            lifecycle,
            tls,
            roles: RwLock::default(),
            links: Mutex::default(),
            replay: Mutex::new(Replay::new(CLOCK_SKEW, MAX_NONCES)),
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            turn: AtomicUsize::new(0),
            placed: Cache::builder().max_capacity(MAX_PLACED).time_to_live(PLACED_FOR).build(),
        }));
        rpc.serve(contract::node::serve(Arc::new(Myself(nodes))));
        rpc.forget_the_gone();
        rpc
    }

    /// From now on this process answers calls of that role.
    pub fn serve(&self, role: Arc<dyn Dispatch>) {
        self.0.roles.write().unwrap_or_else(PoisonError::into_inner).insert(role.role(), role);
    }

    /// The way to roles of other processes; for rooms, also to those of this one.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// Asks these addresses, every second, who they are: instead of looking into `Kv`.
    pub async fn watch(&self, peers: Vec<String>) {
        let links: Vec<_> = peers.into_iter().map(|address| self.link(&address)).collect();
        let rpc = self.clone();
        let look = async move || {
            let asked = links.iter().map(|link| rpc.describe(link));
            let found = join_all(asked).await.into_iter().flatten();
            let me = rpc.0.nodes.id();
            rpc.0.nodes.found(found.filter(|record| record.id != me).collect());
        };
        look().await;
        self.0.lifecycle.keep("peers", async move {
            loop {
                tokio::time::sleep(LOOK).await;
                look().await;
            }
        });
    }

    /// Whether somebody of the role answers now.
    pub async fn reaches(&self, role: &str) -> bool {
        let view = self.0.nodes.view();
        let mut asked: FuturesUnordered<_> = view
            .serving(role)
            .iter()
            .map(|node| async {
                let record = self.describe(&self.link(&node.address)).await;
                record.is_some_and(|record| record.id == node.id)
            })
            .collect();
        while let Some(answers) = asked.next().await {
            if answers {
                return true;
            }
        }
        false
    }

    /// Takes new work once somebody of each of these roles answers, and none from the moment that the process drains. So
    /// a place that starts fills from the ground up, and nobody is sent to a node that could only say no.
    pub async fn open_with(&self, needed: &[&str]) {
        let Inner { nodes, lifecycle, .. } = &*self.0;
        let mut changes = nodes.changes();
        for role in needed {
            while !lifecycle.drain.is_cancelled() && !self.reaches(role).await {
                let _ = tokio::time::timeout(LOOK, changes.changed()).await;
            }
        }
        nodes.open(true);
        lifecycle.drain.cancelled().await;
        nodes.open(false);
    }

    fn role(&self, name: &str) -> Option<Arc<dyn Dispatch>> {
        self.0.roles.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn link(&self, address: &str) -> Arc<Link> {
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(address) {
            return Arc::clone(link);
        }
        let link = Arc::new(Link::new(address, self.0.tls.clone(), self.0.lifecycle.clone()));
        links.insert(address.to_owned(), Arc::clone(&link));
        link
    }

    /// Closes the connections to nodes that are no more.
    fn forget_the_gone(&self) {
        let mut changes = self.0.nodes.changes();
        let weak = Arc::downgrade(&self.0);
        self.0.lifecycle.keep("rpc-links", async move {
            while changes.changed().await.is_ok() {
                let view = Arc::clone(&changes.borrow_and_update());
                let Some(inner) = weak.upgrade() else { return };
                let mut links = inner.links.lock().unwrap_or_else(PoisonError::into_inner);
                links.retain(|address, link| {
                    Arc::strong_count(link) > 1 || view.all().any(|node| node.address == *address)
                });
            }
        });
    }

    /// Runs a call to its end, whatever becomes of the caller: half a change would be worse than a change whose answer
    /// nobody hears. `None` when too much is running already.
    fn run(
        &self,
        role: Arc<dyn Dispatch>,
        method: String,
        cx: Caller,
        left: Option<Duration>,
        body: Vec<u8>,
    ) -> Option<Running> {
        let permit = Arc::clone(&self.0.running).try_acquire_owned().ok()?;
        let (tell, told) = oneshot::channel();
        self.0.lifecycle.spawn("rpc-call", async move {
            let (reply, waited) = patience::going_on(left, role.dispatch(&method, &cx, &body)).await;
            drop(permit);
            // Nobody may wait for it any more.
            let _ = tell.send(Told { reply, waited });
        });
        Some(told)
    }

    fn next_turn(&self) -> usize {
        self.0.turn.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a call was answered, and how long it waited for stores.
#[derive(Debug)]
struct Told {
    reply: Result<Vec<u8>, Fault>,
    waited: Duration,
}

/// A call under way.
type Running = oneshot::Receiver<Told>;

impl Told {
    const fn at_once(reply: Result<Vec<u8>, Fault>) -> Self {
        Self { reply, waited: Duration::ZERO }
    }

    async fn within(wait: Duration, running: Running) -> Self {
        match tokio::time::timeout(wait, running).await {
            Ok(Ok(told)) => told,
            _ => Self::at_once(Err(Fault::unavailable())),
        }
    }
}

/// What this node answers to who asks who it is.
struct Myself(Nodes);

#[async_trait]
impl Node for Myself {
    async fn describe(&self, _cx: &Caller, (): ()) -> Result<Record, Fault> {
        Ok(self.0.me())
    }
}
