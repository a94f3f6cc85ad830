//! What is kept of a session in `Kv`, so that whichever node its page comes back to can go on with it.
//!
//! The record says which node holds the session and by the how-manieth connection; it moves by compare-and-set only. So
//! of two nodes that both think a page is theirs the later one has it, and the earlier one, when it notices, neither
//! parks the seat nor lets the log go. Everything has an end of life that its node puts off: what a dead node leaves
//! behind is parked by the living, or ends by itself.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join, stream};
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault,
    event::Event,
    id::{LoginId, NodeId, SocketId, UserId},
};
use visavis_platform::{
    pages::sessions_key as user_key,
    seats::{seat_key, session_key as record_key},
    session_log::RESUME_WINDOW,
};

use super::{
    Hub,
    seat::{MAX_RACES, SEAT_LIFE},
    session::Session,
};

/// A connected session's record and log live so long without their node's word.
const LIFE: Duration = Duration::from_mins(3);
/// How often their node gives it.
const RENEW: Duration = Duration::from_mins(1);
/// How often one session is looked at, to notice a store that has forgotten everything.
const SAMPLE: Duration = Duration::from_secs(3);
/// Pages whose sessions a store has forgotten come back within so many milliseconds, and not all at once.
const ANEW_WITHIN_MS: u64 = 1_000;
/// The lists of a user's and of a node's sessions.
const LIST_LIFE: Duration = Duration::from_hours(24);
/// Sessions that are looked after at once.
const AT_ONCE: usize = 64;

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) user: UserId,
    pub(super) login: LoginId,
    /// Who holds it; nobody while its page is away.
    pub(super) node: Option<NodeId>,
    /// How many connections it had.
    pub(super) connection: u64,
    /// Of the store, when the session began.
    #[serde(default)]
    pub(super) life: u64,
}

fn node_key(node: NodeId) -> String {
    format!("sockets/{node}")
}

impl Hub {
    /// A session that no connection holds yet; it ends by itself when none comes.
    pub(super) async fn open_record(
        &self,
        user: UserId,
        login: LoginId,
        life: u64,
    ) -> Result<SocketId, Fault> {
        let id = self.dice.id(&self.clock);
        self.count_in(user, id).await?;
        let record = Record { user, login, node: None, connection: 0, life };
        let text = serde_json::to_string(&record).map_err(|_| Fault::internal())?;
        self.kv.put(&record_key(id), text, Some(RESUME_WINDOW)).await?;
        self.log.open(id).await?;
        self.log.expire(id).await?;
        Ok(id)
    }

    /// Counts a session among its user's, over all nodes; refuses one too many.
    async fn count_in(&self, user: UserId, session: SocketId) -> Result<(), Fault> {
        let key = user_key(user);
        let most = self.settings.sockets_per_user;
        let count = self.kv.set_add(&key, &session.to_string()).await?;
        self.kv.expire(&key, Some(LIST_LIFE)).await?;
        if count <= most {
            return Ok(());
        }
        // Some may have died with their node.
        let mut alive = 0;
        for member in self.kv.set_members(&key).await? {
            let known = member.parse::<SocketId>().ok();
            let gone = match known {
                Some(id) if id != session => !self.kv.exists(&record_key(id)).await?,
                Some(_) => false,
                None => true,
            };
            if gone {
                self.kv.set_remove(&key, &member).await?;
            } else {
                alive += 1;
            }
        }
        if alive <= most {
            return Ok(());
        }
        self.kv.set_remove(&key, &session.to_string()).await?;
        Err(Fault::rate_limited(5_000))
    }

    pub(super) async fn record(&self, session: SocketId) -> Result<Option<(Record, String)>, Fault> {
        let Some(text) = self.kv.get(&record_key(session)).await? else { return Ok(None) };
        let record = serde_json::from_str(&text).map_err(|_| Fault::internal())?;
        Ok(Some((record, text)))
    }

    /// Whether the session has a socket, here or elsewhere.
    pub(super) async fn is_connected(&self, session: SocketId) -> Result<bool, Fault> {
        if self.is_live(session) {
            return Ok(true);
        }
        Ok(self.record(session).await?.is_some_and(|(record, _)| record.node.is_some()))
    }

    /// Makes this connection the session's one; earlier ones are cut wherever they are. False when the session is over.
    pub(super) async fn take_over(&self, session: &Session) -> Result<bool, Fault> {
        for _ in 0..MAX_RACES {
            let Some((record, was)) = self.record(session.id).await? else { return Ok(false) };
            let connection = record.connection + 1;
            let mine = Record { node: Some(self.node), connection, ..record };
            let text = serde_json::to_string(&mine).map_err(|_| Fault::internal())?;
            if !self.kv.swap(&record_key(session.id), Some(&was), Some(text), Some(LIFE)).await? {
                continue;
            }
            session.set_connection(connection);
            let (user, node) = (user_key(session.user), node_key(self.node));
            let id = session.id.to_string();
            let (kept, listed) = join(self.log.keep_for(session.id, LIFE), async {
                self.kv.set_add(&user, &id).await?;
                self.kv.set_add(&node, &id).await
            })
            .await;
            listed?;
            if connection > 1 {
                self.bus.publish(Event::SessionMoved { session: session.id, connection }).await;
            }
            return kept;
        }
        Err(Fault::unavailable())
    }

    /// The connection is over: the session waits for another. False when another has it already, or it is over: then
    /// what it holds is no more this connection's business.
    pub(super) async fn let_go(&self, session: &Session) -> Result<bool, Fault> {
        self.unlist(session.user, self.node, session.id).await?;
        let Some((record, was)) = self.record(session.id).await? else { return Ok(false) };
        if record.node != Some(self.node) || record.connection != session.connection() {
            return Ok(false);
        }
        self.park_record(session.id, record, &was).await
    }

    async fn park_record(&self, id: SocketId, record: Record, was: &str) -> Result<bool, Fault> {
        let parked = Record { node: None, ..record };
        let text = serde_json::to_string(&parked).map_err(|_| Fault::internal())?;
        let parked = self.kv.swap(&record_key(id), Some(was), Some(text), Some(RESUME_WINDOW)).await?;
        if parked {
            self.log.expire(id).await?;
        }
        Ok(parked)
    }

    async fn unlist(&self, user: UserId, node: NodeId, id: SocketId) -> Result<(), Fault> {
        let id = id.to_string();
        self.kv.set_remove(&user_key(user), &id).await?;
        self.kv.set_remove(&node_key(node), &id).await
    }

    /// The session is over for good.
    pub(super) async fn forget(&self, session: &Session) {
        let _ = self.log.close(session.id).await;
        let _ = self.kv.delete(&record_key(session.id)).await;
        let _ = self.unlist(session.user, self.node, session.id).await;
    }

    /// Its page begins a new session, wherever it is, and asks again for what it wants.
    pub(super) async fn ask_anew(&self, session: SocketId) {
        if let Some(session) = self.session(session) {
            self.end(&session).await;
            return;
        }
        let _ = self.log.close(session).await;
        let _ = self.kv.delete(&record_key(session)).await;
        self.bus.publish(Event::LogGrew { session }).await;
    }

    /// Parks the sessions of a node that died, as it would have done itself.
    pub async fn bury(&self, node: NodeId) {
        let sessions = match self.kv.set_members(&node_key(node)).await {
            Ok(sessions) => sessions,
            Err(fault) => {
                tracing::warn!(fault.code = %fault.code, "the sessions of a dead node could not be looked up");
                return;
            }
        };
        let ids = sessions.iter().filter_map(|id| id.parse::<SocketId>().ok());
        stream::iter(ids)
            .for_each_concurrent(AT_ONCE, |id| async move {
                if let Err(fault) = self.bury_one(node, id).await {
                    tracing::warn!(fault.code = %fault.code, "a session of a dead node could not be parked");
                }
            })
            .await;
        tracing::info!(node.id = %node, sessions = sessions.len(), "a node is gone, its sessions were parked");
    }

    async fn bury_one(&self, node: NodeId, id: SocketId) -> Result<(), Fault> {
        if let Some((record, was)) = self.record(id).await?
            && record.node == Some(node)
        {
            let user = record.user;
            // One of the living does it; a page that came back meanwhile has its session.
            if self.park_record(id, record, &was).await? {
                self.unlist(user, node, id).await?;
                self.departed(user, id).await;
                self.park(user, id).await;
            }
        }
        self.kv.set_remove(&node_key(node), &id.to_string()).await
    }

    /// After news may have been missed: looks what the sockets of this node still have to hear. Those whose session began in
    /// another life of the store begin anew: whatever they were told or promised since may be forgotten there, and only
    /// their pages know what they want.
    pub(super) fn catch_up(&self) {
        let life = self.kv.life();
        for session in self.sessions() {
            if session.life() == life {
                self.deliver(session);
            } else {
                let hub = self.clone();
                self.lifecycle.spawn("begin-anew", async move { hub.begin_anew(&session).await });
            }
        }
    }

    async fn begin_anew(&self, session: &Arc<Session>) {
        // Not all at once.
        tokio::time::sleep(Duration::from_millis(self.dice.below(ANEW_WITHIN_MS))).await;
        // Should the page not come back, what it held is kept for the usual grace and no longer.
        self.park(session.user, session.id).await;
        self.park_call(session).await;
        self.forget(session).await;
        session.cut();
    }

    /// Puts off the end of everything that sockets of this node stand on.
    pub(super) async fn keep_alive(self) {
        let mut samples = 0_u64;
        loop {
            tokio::time::sleep(SAMPLE).await;
            samples += 1;
            let all: Vec<_> = self.live().by_id.values().cloned().collect();
            let due = samples.is_multiple_of(RENEW.as_secs() / SAMPLE.as_secs());
            let forgotten =
                match all.get(usize::try_from(self.dice.below(all.len().max(1) as u64)).unwrap_or(0)) {
                    Some(sample) => {
                        sample.life() != self.kv.life() || matches!(self.record(sample.id).await, Ok(None))
                    }
                    None => false,
                };
            if due || forgotten {
                stream::iter(all).for_each_concurrent(AT_ONCE, |session| self.renew(session)).await;
                let _ = self.kv.expire(&node_key(self.node), Some(LIST_LIFE)).await;
            }
        }
    }

    async fn renew(&self, session: Arc<Session>) {
        let renewed: Result<bool, Fault> = async {
            self.kv.expire(&record_key(session.id), Some(LIFE)).await?;
            self.kv.expire(&seat_key(session.user), Some(SEAT_LIFE)).await?;
            self.still_here(&session).await?;
            let kept = self.log.keep_for(session.id, LIFE).await?;
            Ok(kept && self.kv.exists(&record_key(session.id)).await?)
        }
        .await;
        // A session without record or log hears nothing any more; its page comes back and begins anew.
        if matches!(renewed, Ok(false)) || session.life() != self.kv.life() {
            self.begin_anew(&session).await;
        }
    }
}
