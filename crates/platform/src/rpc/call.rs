//! The calling side: whom to ask, how long to wait, whether to ask again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method as HttpMethod, Request, StatusCode};
use http_body_util::Full;
use tokio::sync::oneshot;
use visavis_domain::{
    Code, Fault,
    breaker::Input,
    contract::{self, Caller, Class, Method, To, Transport, node::Record},
    id::{NodeId, RoomId},
};

use super::{
    MAX_REQUEST, Rpc, Told,
    link::{Answer, Link, Lost},
    seal::{Head, Kind},
};
use crate::patience;

/// Times a call is asked again, at most.
const MAX_RETRIES: usize = 2;
/// Before each of them, up to this long: so that the callers of a node that just died don't all come at once.
const JITTER_MS: u64 = 20;

/// Nodes that are asked for a room of which the store knows nothing.
const MAX_SEARCHED: usize = 8;

/// What an attempt ended with.
type Attempt = Result<Told, Lost>;

/// What an outcome says of the node.
pub(super) const fn judge<T>(outcome: &Result<T, Lost>) -> Input {
    match outcome {
        Ok(_) => Input::Succeeded,
        Err(Lost::Unsent) => Input::Refused,
        Err(Lost::Unanswered) => Input::Failed,
    }
}

/// Whether a node says that it hasn't got the room.
fn is_not_there(to: To, reply: &Result<Vec<u8>, Fault>) -> bool {
    matches!((to, reply), (To::Holder(_), Err(fault)) if fault.code == Code::NotInRoom)
}

#[async_trait]
impl Transport for Rpc {
    async fn call(&self, method: Method, to: To, cx: &Caller, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        if body.len() > MAX_REQUEST {
            return Err(Fault::new(Code::PayloadTooLarge, "The request is too large."));
        }
        let budget = Duration::from_millis(method.deadline_ms.min(cx.remaining_ms));
        let begun = self.0.clock.now();
        let reply = self.attempts(method, to, cx, Bytes::from(body), budget).await;
        let took = self.0.clock.now().since(begun);
        metrics::histogram!("visavis_rpc_seconds", "role" => method.role).record(took.as_secs_f64());
        reply
    }
}

impl Rpc {
    async fn attempts(
        &self,
        method: Method,
        to: To,
        cx: &Caller,
        body: Bytes,
        budget: Duration,
    ) -> Result<Vec<u8>, Fault> {
        let ends = self.0.clock.now() + budget;
        let (mut tried, mut unanswered) = (Vec::new(), 0);
        loop {
            let left = ends.since(self.0.clock.now()).min(budget);
            if left.is_zero() {
                break;
            }
            let chosen = tokio::time::timeout(left, self.choose(method.role, to, &tried)).await;
            let Some((node, holds)) = chosen.map_err(|_| Fault::unavailable())?? else { break };
            // Somebody else may be asked when this one is silent: then not all the time is for this one.
            let again = unanswered == 0 && method.class == Class::Idempotent;
            let wait = if again { left / 2 } else { left };
            match self.attempt(&node, method, cx, body.clone(), wait).await {
                Ok(Told { reply, waited }) => {
                    patience::spend(waited);
                    self.forget_if_not_there(to, &reply);
                    let elsewhere = !holds && is_not_there(to, &reply) && tried.len() + 1 < MAX_SEARCHED;
                    if !elsewhere || !self.is_another(method.role, &node, &tried) {
                        return reply;
                    }
                }
                // What was never sent can't have been done, so it may go to the next; once everybody was tried, no more.
                Err(Lost::Unsent) if tried.contains(&node.id) => break,
                Err(Lost::Unsent) => {}
                Err(Lost::Unanswered) => {
                    metrics::counter!("visavis_rpc_lost_total", "role" => method.role).increment(1);
                    unanswered += 1;
                    if method.class == Class::Once || unanswered > MAX_RETRIES {
                        break;
                    }
                    let jitter = Duration::from_millis(self.0.dice.below(JITTER_MS) + 1);
                    tokio::time::sleep(jitter.min(left)).await;
                }
            }
            tried.push(node.id);
        }
        Err(Fault::unavailable())
    }

    async fn attempt(
        &self,
        node: &Record,
        method: Method,
        cx: &Caller,
        body: Bytes,
        wait: Duration,
    ) -> Attempt {
        let remaining_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let patience = patience::left();
        if node.id == self.0.nodes.id() {
            let cx = Caller { request: cx.request.clone(), remaining_ms };
            return Ok(self.here(method, cx, patience, body, wait).await);
        }
        let link = self.link(&node.address);
        if !link.admit(self.0.clock.now()) {
            return Err(Lost::Unsent);
        }
        let is_trial = link.is_tried();
        let patience_ms = patience.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let head = self.head(node.id.to_string(), cx.request.clone(), remaining_ms, patience_ms);
        let rpc = self.clone();
        let call = async move {
            let outcome = tokio::time::timeout(wait, rpc.ask(&link, method, head, body)).await;
            let outcome = outcome.unwrap_or(Err(Lost::Unanswered));
            link.tell(rpc.0.clock.now(), judge(&outcome));
            outcome
        };
        if !is_trial {
            return call.await;
        }
        // All others wait for how a trial ends, so it comes to its end even if its own caller goes away: who asks two things at
        // once does so as soon as the other one is refused.
        let (tell, told) = oneshot::channel();
        self.0.lifecycle.spawn("rpc-trial", async move {
            let _ = tell.send(call.await);
        });
        told.await.unwrap_or(Err(Lost::Unanswered))
    }

    /// A call to a role of this very process.
    async fn here(
        &self,
        method: Method,
        cx: Caller,
        patience: Option<Duration>,
        body: Bytes,
        wait: Duration,
    ) -> Told {
        let running = self
            .role(method.role)
            .and_then(|role| self.run(role, method.name.to_owned(), cx, patience, body.into()));
        match running {
            Some(running) => Told::within(wait, running).await,
            None => Told::at_once(Err(Fault::unavailable())),
        }
    }

    fn head(&self, to: String, about: String, remaining_ms: u64, patience_ms: Option<u64>) -> Head {
        let nonce = u128::from_be_bytes(self.0.dice.bytes());
        Head { to, about, remaining_ms, patience_ms, at: self.0.clock.now(), nonce }
    }

    /// One request and its answer.
    async fn ask(&self, link: &Link, method: Method, head: Head, body: Bytes) -> Attempt {
        let path = format!("/rpc/{}/{}", method.role, method.name);
        let request = Request::builder().method(HttpMethod::POST).uri(format!("{}{path}", link.address));
        let Ok(mut request) = request.body(Full::new(body.clone())) else { return Err(Lost::Unsent) };
        let written = self.0.seal.write(request.headers_mut(), Kind::Call, &path, &head, &body);
        if written.is_none() {
            tracing::error!("a call has a request id that can't be sent");
            return Ok(Told::at_once(Err(Fault::internal())));
        }
        self.read(head.nonce, link.send(request).await?)
    }

    /// Believes an answer only under its seal.
    fn read(&self, nonce: u128, answer: Answer) -> Attempt {
        let Answer { status, headers, body } = answer;
        let Some(waited_ms) = self.0.seal.read_reply(&headers, nonce, status.as_u16(), &body) else {
            if status == StatusCode::UNAUTHORIZED {
                tracing::warn!("a node refused a call: its secret_key or its clock differs from ours");
            } else {
                tracing::warn!(
                    http.status = status.as_u16(),
                    "an answer without a good seal was thrown away"
                );
            }
            return Err(Lost::Unanswered);
        };
        let told = |reply| Told { reply, waited: Duration::from_millis(waited_ms) };
        match status {
            StatusCode::OK => Ok(told(Ok(body.into()))),
            // Another process answers at that address by now: it did nothing.
            StatusCode::MISDIRECTED_REQUEST => Err(Lost::Unsent),
            _ => Ok(told(Err(contract::decode(&body).unwrap_or_else(|_| Fault::internal())))),
        }
    }

    /// Whether there is somebody of the role who was not asked yet.
    fn is_another(&self, role: &str, asked: &Record, tried: &[NodeId]) -> bool {
        let view = self.0.nodes.view();
        view.serving(role).iter().any(|node| node.id != asked.id && !tried.contains(&node.id))
    }

    /// Whom to ask, and whether it is known to hold the room; `None` when there is nobody (left).
    async fn choose(
        &self,
        role: &str,
        to: To,
        tried: &[NodeId],
    ) -> Result<Option<(Arc<Record>, bool)>, Fault> {
        let holder = match to {
            To::Any => None,
            To::Holder(room) | To::Opener(room) => self.holder(room).await?,
        };
        // A room of which the store knows nothing is asked of one after the other: the store may have forgotten, and is told
        // anew in a moment. If it isn't anywhere the last one says so in the contract's own words.
        Ok(match (holder, to) {
            (Some(holder), _) => Some((holder, true)),
            (None, To::Opener(_)) => self.lightest(role, tried).map(|node| (node, false)),
            (None, _) => self.any(role, tried).map(|node| (node, false)),
        })
    }

    /// The living node that holds a room.
    async fn holder(&self, room: RoomId) -> Result<Option<Arc<Record>>, Fault> {
        let view = self.0.nodes.view();
        if let Some(node) = self.0.placed.get(&room).and_then(|id| view.get(id).cloned()) {
            return Ok(Some(node));
        }
        let Some(id) = self.0.places.holder(room).await? else { return Ok(None) };
        let node = self.0.nodes.view().get(id).cloned();
        if node.is_some() {
            self.0.placed.insert(room, id);
        }
        Ok(node)
    }

    fn forget_if_not_there(&self, to: To, reply: &Result<Vec<u8>, Fault>) {
        if let To::Holder(room) = to
            && is_not_there(to, reply)
        {
            self.0.placed.invalidate(&room);
        }
    }

    /// In turn, those first that weren't tried and answer of late.
    pub(super) fn any(&self, role: &str, tried: &[NodeId]) -> Option<Arc<Record>> {
        let view = self.0.nodes.view();
        let all = view.serving(role);
        let start = self.next_turn();
        let in_turn = (0..all.len()).map(|i| &all[(start + i) % all.len()]);
        let now = self.0.clock.now();
        let rank = |node: &Record| (tried.contains(&node.id), self.is_left_alone(node, now));
        // The first of the best: `min_by_key` keeps the order of turns.
        in_turn.min_by_key(|node| rank(node)).cloned()
    }

    /// The lighter of two at random: close to the lightest of all, without everybody choosing the same one until its
    /// word of how much it carries comes round again.
    fn lightest(&self, role: &str, tried: &[NodeId]) -> Option<Arc<Record>> {
        let view = self.0.nodes.view();
        let all = view.serving(role);
        let now = self.0.clock.now();
        let good: Vec<_> =
            all.iter().filter(|node| !tried.contains(&node.id) && !self.is_left_alone(node, now)).collect();
        if good.is_empty() {
            return self.any(role, tried);
        }
        let pick = || good[usize::try_from(self.0.dice.below(good.len() as u64)).unwrap_or(0)];
        let (one, two) = (pick(), pick());
        let weight = |node: &Record| node.load + self.link(&node.address).under_way();
        Some(Arc::clone(if weight(two) < weight(one) { two } else { one }))
    }

    fn is_left_alone(&self, node: &Record, now: visavis_domain::Timestamp) -> bool {
        node.id != self.0.nodes.id() && self.link(&node.address).is_open(now)
    }

    /// Asks an address who is there.
    pub(super) async fn describe(&self, link: &Link) -> Option<Record> {
        let method = Method { role: "node", name: "describe", class: Class::Idempotent, deadline_ms: 1_000 };
        let body = contract::encode(&()).ok()?;
        let head = self.head(String::new(), "peers".to_owned(), method.deadline_ms, None);
        let asked = self.ask(link, method, head, body.into());
        let reply = tokio::time::timeout(Duration::from_millis(method.deadline_ms), asked).await.ok()?;
        let record: Record = contract::decode(&reply.ok()?.reply.ok()?).ok()?;
        // It is called where it was found: it may not know under which address that is.
        Some(Record { address: link.address.clone(), ..record })
    }
}
