//! Looks after what dead nodes leave behind: calls that nobody will end, sessions that nobody will park. Every node that
//! can does it; what is done twice is done once.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use visavis_domain::{Fault, Timestamp, event::Event, id::NodeId};
use visavis_edge::socket::Hub;
use visavis_platform::{
    db::{calls, visits},
    nodes::LEASE,
};

use crate::wire::Ground;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Starts looking. `hub`: the sockets of this process, if it has any.
pub fn start(ground: &Ground, hub: Option<Hub>) {
    // Where this process is alone, whatever else seems to run died with the one before.
    let grace = if ground.is_alone() { Duration::ZERO } else { LEASE };
    let mut undertaker =
        Undertaker { ground: ground.clone(), hub, grace, seen: HashSet::new(), strange: HashMap::new() };
    ground.lifecycle.keep("undertaker", async move {
        loop {
            if let Err(fault) = undertaker.look().await {
                tracing::debug!(fault.code = %fault.code, "the dead could not be looked after");
            }
            tokio::time::sleep(LOOK).await;
        }
    });
}

struct Undertaker {
    ground: Ground,
    hub: Option<Hub>,
    /// A node that was never seen alive may only not have been seen yet: it gets so long.
    grace: Duration,
    /// Nodes that were there and are not buried.
    seen: HashSet<NodeId>,
    /// Nodes that calls speak of and that were never seen, since when.
    strange: HashMap<NodeId, Timestamp>,
}

impl Undertaker {
    async fn look(&mut self) -> Result<(), Fault> {
        // Without the store nobody's absence means anything.
        self.ground.kv.ping().await?;
        let view = self.ground.nodes.view();
        self.seen.extend(view.all().map(|node| node.id));
        let gone: Vec<_> = self.seen.iter().filter(|id| view.get(**id).is_none()).copied().collect();
        let strangers = self.strangers().await?;
        for node in gone.into_iter().chain(strangers) {
            self.bury(node).await?;
            self.seen.remove(&node);
            self.strange.remove(&node);
        }
        Ok(())
    }

    /// Nodes of running calls that have been missing for long enough.
    async fn strangers(&mut self) -> Result<Vec<NodeId>, Fault> {
        let Some(db) = &self.ground.db else { return Ok(Vec::new()) };
        let now = self.ground.clock.now();
        let with_calls = [calls::nodes_running(db).await?, visits::nodes_running(db).await?].concat();
        let known = |id: &NodeId| self.seen.contains(id);
        self.strange.retain(|id, _| with_calls.contains(id) && !known(id));
        for id in with_calls.into_iter().filter(|id| !known(id)) {
            self.strange.entry(id).or_insert(now);
        }
        let due = |since: &Timestamp| now.since(*since) >= self.grace;
        Ok(self.strange.iter().filter(|(_, since)| due(since)).map(|(id, _)| *id).collect())
    }

    async fn bury(&self, node: NodeId) -> Result<(), Fault> {
        if let Some(db) = &self.ground.db {
            let pairs = calls::running_on(db, node).await?;
            for (room, users) in pairs.into_iter().chain(visits::running_on(db, node).await?) {
                self.ground.bus.publish(Event::RoomLost { room, users }).await;
            }
            let now = self.ground.clock.now();
            let closed = calls::close_dangling(db, Some(node), now, "server-lost").await?;
            let stays = visits::close_dangling(db, node, now, "server-lost").await?;
            if closed + stays > 0 {
                tracing::info!(node.id = %node, calls = closed, stays, "a node is gone, its calls were closed");
            }
        }
        if let Some(hub) = &self.hub {
            hub.bury(node).await;
        }
        Ok(())
    }
}
