//! Drives one pool's [`Leader`]: carries its questions to store, database and rooms, and its news to the bus. It decides
//! nothing about who leads or who meets whom.

use std::{future::pending, sync::Arc};

use tokio::sync::mpsc;
use visavis_domain::{
    Fault, Timestamp,
    event::{Event, ServerEvent, Topic},
    id::RoomId,
    pool::{Answer, Input, Leader, Lease, Op, Output, Pairing},
    queue::Pool,
};
use visavis_platform::{bus::News, db::pools};

use super::{
    Deps,
    batch::{self, Batch},
    opening,
    store::{Claim, Store},
};

/// Answers that wait for the leader: more than it ever has questions under way, so that no answer waits itself.
const MAX_ANSWERS: usize = 1_024;

/// Answers by the number of their question, on the way to the leader.
type Answers = (mpsc::Sender<(u64, Answer)>, mpsc::Receiver<(u64, Answer)>);

pub(super) struct Driver {
    deps: Arc<Deps>,
    pool: Pool,
    store: Store,
    leader: Leader,
    wake: Option<Timestamp>,
    answers: Answers,
    claims: Batch<(Lease, Claim)>,
    forgets: Batch<RoomId>,
}

impl Driver {
    pub(super) fn new(deps: Arc<Deps>, pool: Pool) -> Self {
        let leader = Leader::new(deps.clock.now(), deps.node, deps.settings.clone());
        let store = Store::new(deps.kv.clone(), pool);
        let answers: Answers = mpsc::channel(MAX_ANSWERS);
        let claims = batch::claims(&deps, &store, answers.0.clone());
        let forgets = batch::forgets(&deps, &store, answers.0.clone());
        Self { deps, pool, store, leader, wake: None, answers, claims, forgets }
    }

    pub(super) async fn run(mut self) {
        let (mut people, mut pools) =
            (self.deps.bus.subscribe(Topic::People), self.deps.bus.subscribe(Topic::Pools));
        let drain = self.deps.lifecycle.drain.clone();
        let mut retired = false;
        self.carry().await;
        loop {
            let wake = self.wake.map(|at| at.since(self.deps.clock.now()));
            let input = tokio::select! {
                Some((number, answer)) = self.answers.1.recv() => Input::Answer(number, answer),
                () = async { match wake { Some(after) => tokio::time::sleep(after).await, None => pending().await } } => {
                    self.wake = None;
                    Input::Tick
                }
                Some(news) = pools.next() => match news {
                    News::Event(Event::PoolGrew { pool }) if pool != self.pool => continue,
                    _ => Input::Nudge,
                },
                Some(news) = people.next() => match news {
                    News::Event(Event::Blocked { user, other }) => Input::Block { a: user, b: other },
                    _ => continue,
                },
                () = drain.cancelled(), if !retired => {
                    retired = true;
                    Input::Retire
                }
            };
            self.leader.handle(self.deps.clock.now(), input);
            self.carry().await;
        }
    }

    async fn carry(&mut self) {
        while let Some(output) = self.leader.poll() {
            match output {
                Output::Ask(number, op) => self.ask(number, op),
                Output::Waiting { session, ticket, waited, widened } => {
                    let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                    let event = ServerEvent::MatchWaiting { ticket_id: ticket, waited_ms, widened };
                    // Volatile: it goes to the bus, which never fails.
                    let _ = self.deps.log.emit(session, event).await;
                }
                Output::Ended { user, ticket } => {
                    self.deps.bus.publish(Event::TicketEnded { user, ticket }).await;
                }
                Output::Leads(leads) => {
                    tracing::info!(pool = self.pool.as_str(), leads, "the lead of a pool has changed");
                    metrics::gauge!("visavis_queue_leads", "pool" => self.pool.as_str()).set(if leads {
                        1.0
                    } else {
                        0.0
                    });
                }
                Output::WakeAt(at) => self.wake = Some(at),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("visavis_queue_waiting", "pool" => self.pool.as_str())
            .set(self.leader.waiting() as f64);
    }

    /// Each question in a task of its own or in a batch, so that the leader goes on while others work. How many are under way
    /// is bounded by the leader.
    fn ask(&self, number: u64, op: Op) {
        let op = match op {
            Op::Claim { lease, texts, pairing } => {
                let (room, at) = (self.deps.dice.id(&self.deps.clock), self.deps.clock.now());
                let pairing =
                    Pairing { room, guests: pairing.guests, common_interests: pairing.common_interests, at };
                return self.claims.ask(number, (lease, Claim { texts, pairing }));
            }
            Op::Forget(room) => return self.forgets.ask(number, room),
            op => op,
        };
        let (deps, store, answers) = (Arc::clone(&self.deps), self.store.clone(), self.answers.0.clone());
        let pool = self.pool;
        self.deps.lifecycle.spawn("matchmaking-op", async move {
            let answer = answer(&deps, &store, pool, op).await.unwrap_or_else(|fault| {
                tracing::warn!(fault.code = %fault.code, "a step of matchmaking failed; it is tried again");
                Answer::Failed
            });
            let _ = answers.send((number, answer)).await;
        });
    }
}

async fn answer(deps: &Deps, store: &Store, pool: Pool, op: Op) -> Result<Answer, Fault> {
    let yes = |is| if is { Answer::Yes } else { Answer::No };
    Ok(match op {
        Op::IsLed => yes(store.is_led().await?),
        Op::NextEpoch => Answer::Epoch(pools::next_epoch(&deps.db, pool.as_str()).await?),
        Op::Take(lease) => yes(store.take_lease(lease).await?),
        Op::Renew(lease) => yes(store.renew(lease).await?),
        Op::Release(lease) => yes(store.release(lease).await?),
        Op::ReadAll => {
            let (entries, pairings) = store.read_all().await?;
            Answer::All { entries, pairings }
        }
        Op::ReadChanges(most) => {
            let (entries, more) = store.read_changes(most).await?;
            Answer::Changed { entries, more }
        }
        Op::Read(users) => {
            let users = users.iter().map(ToString::to_string).collect();
            Answer::Changed { entries: store.read(users).await?, more: false }
        }
        Op::Open(pairing) => opening::open(deps, &pairing).await?,
        Op::GiveUp(pairing) => {
            opening::give_up(deps, &pairing).await?;
            store.forget(&[pairing.room]).await?;
            Answer::Yes
        }
        Op::Expire { lease, user, text } => yes(store.expire(lease, user, &text).await?),
        // They go in batches.
        Op::Claim { .. } | Op::Forget(_) => return Err(Fault::internal()),
    })
}
