//! Who else is there. Every node keeps a lease in `Kv` with what others need to know of it, and looks at those of the
//! others; or it asks a fixed list of addresses. Either way the result is a [`View`] that costs nothing to read.
//!
//! A node says when it takes new work (`open`), and when it is about to end; one that died is gone when its lease is
//! over. While `Kv` is away nothing changes: who lived then is believed to live.

mod table;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use visavis_domain::{
    Fault,
    contract::node::Record,
    event::{Event, Topic},
    id::NodeId,
};

use crate::{Bus, Clock, Kv, Lifecycle, bus::News};

use table::Table;
pub use table::View;

/// A node that says nothing for so long is gone.
pub const LEASE: Duration = Duration::from_secs(10);
/// How often the lease is renewed: two may get lost.
const RENEW: Duration = Duration::from_secs(3);
/// How often the others are looked at when no news comes.
const LOOK: Duration = Duration::from_secs(1);
/// After a renewal that failed.
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// After the store was away or forgot everybody: time for all to find it (up to two seconds between two attempts) and to
/// write themselves down again.
const DISTRUST: Duration = Duration::from_secs(8);
/// Without leases: three looks.
const GRACE: Duration = Duration::from_secs(3);
/// The set of those that are or were there.
const INDEX: &str = "nodes";

/// How much this node carries.
pub type Load = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The nodes of this place. Cheap to clone.
#[derive(Clone)]
pub struct Nodes(Arc<Inner>);

struct Inner {
    clock: Clock,
    me: Mutex<Record>,
    table: Mutex<Table>,
    view: watch::Sender<Arc<View>>,
    /// This node's own record has changed: others want to know.
    changed: Notify,
}

impl std::fmt::Debug for Nodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nodes").field("me", &self.me().id).finish_non_exhaustive()
    }
}

fn key(id: &str) -> String {
    format!("node/{id}")
}

impl Nodes {
    /// Nobody but this node, until [`Self::register`] or [`Self::found`]. `listed`: others are asked, not looked up.
    pub fn new(clock: Clock, me: Record, listed: bool) -> Self {
        let grace = if listed { GRACE } else { Duration::ZERO };
        let table = Table::new(clock.now(), &me, grace, DISTRUST);
        let view = watch::Sender::new(Arc::new(table.view()));
        Self(Arc::new(Inner {
            clock,
            me: Mutex::new(me),
            table: Mutex::new(table),
            view,
            changed: Notify::new(),
        }))
    }

    /// Writes this node down, and goes on looking for others until the process stops.
    pub async fn register(&self, kv: Kv, bus: Bus, load: Load, lifecycle: &Lifecycle) {
        let life = Arc::new(AtomicU64::new(kv.life()));
        let registry = Registry { nodes: self.clone(), kv, bus, load, life };
        // Kv may be away at the start: the tasks go on trying.
        let _ = registry.renew_and_tell().await;
        registry.look_and_tell().await;
        let renewing = registry.clone();
        lifecycle.keep("node-lease", async move {
            let mut renewed = true;
            loop {
                tokio::time::sleep(if renewed { RENEW } else { RENEW_AGAIN }).await;
                renewed = renewing.renew_and_tell().await;
            }
        });
        let changing = registry.clone();
        lifecycle.keep("node-changes", async move { changing.tell_changes().await });
        lifecycle.keep("node-watch", registry.watch());
    }

    /// Takes what a look at a fixed list found.
    pub fn found(&self, mut records: Vec<Record>) {
        records.push(self.me());
        self.looked(records);
    }

    fn doubt(&self) {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner).doubt(self.0.clock.now());
    }

    fn looked(&self, records: Vec<Record>) {
        let view = {
            let mut table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.handle(self.0.clock.now(), records);
            table.view()
        };
        self.0.view.send_replace(Arc::new(view));
    }

    /// This node, as others see it.
    pub fn me(&self) -> Record {
        self.0.me.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This node's id.
    pub fn id(&self) -> NodeId {
        self.0.me.lock().unwrap_or_else(PoisonError::into_inner).id
    }

    /// Who lives now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.0.view.borrow())
    }

    /// The view as it changes.
    pub fn changes(&self) -> watch::Receiver<Arc<View>> {
        self.0.view.subscribe()
    }

    /// Whether somebody has this role.
    pub fn has(&self, role: &str) -> bool {
        !self.view().serving(role).is_empty()
    }

    /// From now on this node takes new work, or doesn't any more.
    pub fn open(&self, open: bool) {
        self.change_me(|me| me.open = open);
        self.0.changed.notify_one();
    }

    fn change_me(&self, change: impl FnOnce(&mut Record)) -> Record {
        let me = {
            let mut me = self.0.me.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut me);
            me.clone()
        };
        let view = {
            let mut table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.myself(self.0.clock.now(), me.clone());
            table.view()
        };
        self.0.view.send_replace(Arc::new(view));
        me
    }
}

/// The leases in `Kv`.
#[derive(Clone)]
struct Registry {
    nodes: Nodes,
    kv: Kv,
    bus: Bus,
    load: Load,
    /// Of the store, at the last look.
    life: Arc<AtomicU64>,
}

impl Registry {
    async fn renew_and_tell(&self) -> bool {
        let renewed = self.renew().await;
        if let Err(fault) = &renewed {
            tracing::warn!(fault.code = %fault.code, "this node's lease could not be renewed");
        }
        renewed.is_ok()
    }

    async fn renew(&self) -> Result<(), Fault> {
        let load = (self.load)();
        let me = self.nodes.change_me(|me| me.load = load);
        let text = serde_json::to_string(&me).map_err(|_| Fault::internal())?;
        let id = me.id.to_string();
        self.kv.put(&key(&id), text, Some(LEASE)).await?;
        self.kv.set_add(INDEX, &id).await.map(drop)
    }

    async fn tell_changes(&self) {
        loop {
            self.nodes.0.changed.notified().await;
            let _ = self.renew_and_tell().await;
            self.bus.publish(Event::NodesChanged).await;
        }
    }

    async fn watch(self) {
        self.bus.publish(Event::NodesChanged).await;
        let mut news = self.bus.subscribe(Topic::Nodes);
        loop {
            // News or not: what was missed is found at the next look.
            let news = tokio::time::timeout(LOOK, news.next()).await;
            if matches!(news, Ok(Some(News::Missed))) {
                // The store may have forgotten us: others want to know that we live.
                self.nodes.0.changed.notify_one();
            }
            self.look_and_tell().await;
        }
    }

    async fn look_and_tell(&self) {
        let found = self.look().await;
        let life = self.kv.life();
        if found.is_err() || self.life.swap(life, Ordering::SeqCst) != life {
            self.nodes.doubt();
        }
        match found {
            Ok(found) => self.nodes.looked(found),
            Err(fault) => tracing::debug!(fault.code = %fault.code, "the nodes could not be looked up"),
        }
    }

    async fn look(&self) -> Result<Vec<Record>, Fault> {
        let ids = self.kv.set_members(INDEX).await?;
        let looks = ids.into_iter().map(|id| async move {
            if let Some(text) = self.kv.get(&key(&id)).await? {
                return Ok(serde_json::from_str::<Record>(&text).ok());
            }
            // Its lease is over. Should it live after all, it writes itself down again.
            self.kv.set_remove(INDEX, &id).await?;
            Ok(None)
        });
        let found: Result<Vec<_>, Fault> = join_all(looks).await.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u128, role: &str) -> Record {
        let address = format!("http://127.0.0.1:{id}");
        let (media, roles) = (Vec::new(), vec![role.to_owned()]);
        Record { id: NodeId::from_bits(id), roles, address, media, load: 0, open: true }
    }

    async fn until(nodes: &Nodes, what: impl Fn(&View) -> bool) {
        let mut changes = nodes.changes();
        let seen = tokio::time::timeout(Duration::from_secs(5), changes.wait_for(|view| what(view))).await;
        assert!(seen.is_ok(), "the view came to be as expected");
    }

    #[tokio::test]
    async fn nodes_find_each_other_and_hear_at_once_of_one_that_leaves() {
        let kv = Kv::memory(Clock::System);
        let bus = Bus::memory();
        let (one, two) = (Lifecycle::default(), Lifecycle::default());
        let a = Nodes::new(Clock::System, record(1, "gateway"), false);
        let b = Nodes::new(Clock::System, record(2, "users"), false);
        a.register(kv.clone(), bus.clone(), Arc::new(|| 7), &one).await;
        b.register(kv.clone(), bus.clone(), Arc::new(|| 9), &two).await;
        until(&a, |view| view.serving("users").first().is_some_and(|b| b.load == 9)).await;
        assert!(b.has("gateway"));
        b.open(false);
        until(&a, |view| view.serving("users").is_empty()).await;
        assert!(
            a.view().get(NodeId::from_bits(2)).is_some_and(|b| !b.open),
            "it still answers what it holds"
        );
        one.shut_down(Duration::from_secs(1)).await;
        two.shut_down(Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn a_node_that_died_is_gone_when_its_lease_is_over() {
        let clock = Clock::manual(visavis_domain::Timestamp::from_millis(1_800_000_000_000));
        let (kv, bus) = (Kv::memory(clock.clone()), Bus::memory());
        let lifecycle = Lifecycle::default();
        let a = Nodes::new(clock.clone(), record(1, "gateway"), false);
        let dead = serde_json::to_string(&record(2, "users")).unwrap();
        // Written five seconds ago; ours is fresh.
        kv.put(&key(&NodeId::from_bits(2).to_string()), dead, Some(LEASE / 2)).await.unwrap();
        kv.set_add(INDEX, &NodeId::from_bits(2).to_string()).await.unwrap();
        a.register(kv.clone(), bus, Arc::new(|| 0), &lifecycle).await;
        assert!(a.has("users"));
        clock.advance(LEASE / 2);
        until(&a, |view| view.serving("users").is_empty()).await;
        lifecycle.shut_down(Duration::from_secs(1)).await;
    }
}
