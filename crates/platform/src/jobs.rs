//! Jobs: what a request wants done and needn't wait for. A job is a row of the request's own transaction, so it is never
//! lost and never done for something that was rolled back. Workers of any process claim it by compare-and-set for a
//! while; it is done at least once, so effects are idempotent by the job's id. A failed one is tried again after longer
//! and longer waits and parked after the last try; one that killed its worker counts as a try, too.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::Semaphore;
use visavis_domain::{
    Timestamp,
    event::{Event, Topic},
};

use crate::{
    Bus, Clock, Db, Dice, Lifecycle,
    db::{self, jobs},
};

pub use jobs::Claim;

/// Tries before a job is parked.
pub const TRIES: u32 = 5;
/// How long a claim lasts. A worker that dies leaves its jobs for so long.
const CLAIM: Duration = Duration::from_mins(1);
/// How long an effect may take: well below the claim, so that no two workers ever do one claim.
const EFFECT: Duration = Duration::from_secs(45);
/// The wait after the first failure; each further one is four times as long. All together a minute and a half.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Effects of one kind at once in a process.
const AT_ONCE: usize = 32;
/// The longest time without a look: a nudge may be lost.
const POLL: Duration = Duration::from_secs(5);
/// Due jobs that are looked at together. Workers take one at random, so that they rarely meet.
const LOOK: i64 = 16;

/// What there is to do. A closed list: a build does only the kinds it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mail is to be sent.
    Mail,
    /// What is left of somebody outside the database is to be forgotten.
    Forget,
}

impl Kind {
    /// As it is in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Forget => "forget",
        }
    }
}

/// What came of one try. The words are for the operator and from closed lists: nothing of what the job holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It needn't be done any more.
    Done(&'static str),
    /// Trying again may help.
    Again(&'static str),
    /// It never will, and somebody should look at it.
    Hopeless(&'static str),
}

/// Does a job. Idempotent by the claim's id.
pub type Effect = Arc<dyn Fn(Claim) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// What a worker stands on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Where the jobs are.
    pub db: Db,
    /// For the nudges.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Names of claims, jitter.
    pub dice: Dice,
    /// Its tasks.
    pub lifecycle: Lifecycle,
}

/// Does the jobs of one kind.
#[derive(Clone)]
pub struct Worker {
    deps: Deps,
    kind: Kind,
    effect: Effect,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Whoever has added a job, after its transaction: workers look at once.
pub async fn nudge(bus: &Bus) {
    bus.publish(Event::JobAdded).await;
}

impl Worker {
    /// A worker that doesn't work by itself yet.
    pub fn new(deps: Deps, kind: Kind, effect: Effect) -> Self {
        Self { deps, kind, effect }
    }

    /// Works until the process drains.
    pub fn start(self) {
        let lifecycle = self.deps.lifecycle.clone();
        lifecycle.clone().keep("jobs", async move {
            tokio::select! {
                () = self.work() => {}
                () = lifecycle.drain.cancelled() => {}
            }
        });
    }

    async fn work(self) {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        let mut nudges = self.deps.bus.subscribe(Topic::Jobs);
        loop {
            let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
            match self.claim().await {
                Ok(Some(claim)) => {
                    let worker = self.clone();
                    self.deps.lifecycle.spawn("job", async move {
                        worker.carry_out(claim).await;
                        drop(permit);
                    });
                }
                found => {
                    drop(permit);
                    let wait = match found {
                        Ok(_) => self.until_next().await,
                        // The cause is in the log already.
                        Err(_) => POLL,
                    };
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        news = nudges.next() => if news.is_none() { return },
                    }
                }
            }
        }
    }

    /// Until the next job is due, as far as it is known; with a jitter, since every process waits for the same one.
    async fn until_next(&self) -> Duration {
        let next = jobs::next(&self.deps.db, self.kind.as_str()).await.ok().flatten();
        let wait = next.map_or(POLL, |next| next.since(self.deps.clock.now()).min(POLL));
        wait + Duration::from_millis(self.deps.dice.below(100))
    }

    /// Claims a job that is due, if there is one.
    pub async fn claim(&self) -> db::Result<Option<Claim>> {
        let Deps { db, dice, clock, .. } = &self.deps;
        let now = clock.now();
        let mut due = jobs::due(db, self.kind.as_str(), now, LOOK).await?;
        while !due.is_empty() {
            let at = usize::try_from(dice.below(due.len() as u64)).unwrap_or(0);
            let by = format!("{:016x}", dice.u64());
            if let Some(claim) = jobs::claim(db, due.swap_remove(at), &by, now, now + CLAIM).await? {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// Does what was claimed and writes down what came of it.
    pub async fn carry_out(&self, claim: Claim) {
        let outcome = self.outcome(&claim).await;
        let written = self.write_down(&claim, outcome).await;
        let (kind, id) = (self.kind.as_str(), claim.id);
        let word = match outcome {
            Outcome::Done(word) | Outcome::Again(word) | Outcome::Hopeless(word) => word,
        };
        metrics::counter!("visavis_jobs_total", "kind" => kind, "outcome" => word).increment(1);
        match (written, outcome) {
            (Ok(true), Outcome::Done(_)) => tracing::debug!(job.id = %id, job.kind = kind, "a job is done"),
            (Ok(true), _) => {
                tracing::warn!(job.id = %id, job.kind = kind, job.tries = claim.tries, job.error = word, "a job failed");
            }
            (Ok(false), _) => {
                tracing::warn!(job.id = %id, job.kind = kind, "a job's claim ended before the job");
            }
            // The claim ends by itself, and the job is done once more.
            (Err(_), _) => {
                tracing::warn!(job.id = %id, job.kind = kind, "what came of a job can't be written");
            }
        }
    }

    async fn outcome(&self, claim: &Claim) -> Outcome {
        if claim.expires_at.is_some_and(|end| self.deps.clock.now() >= end) {
            return Outcome::Done("expired");
        }
        // Its worker died each time before it could write anything down.
        if claim.tries > TRIES {
            return Outcome::Hopeless("crashed");
        }
        let effect = std::panic::AssertUnwindSafe((self.effect)(claim.clone())).catch_unwind();
        match tokio::time::timeout(EFFECT, effect).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Again("panicked"),
            Err(_) => Outcome::Again("timeout"),
        }
    }

    async fn write_down(&self, claim: &Claim, outcome: Outcome) -> db::Result<bool> {
        let Deps { db, clock, .. } = &self.deps;
        match outcome {
            Outcome::Done(_) => jobs::done(db, claim).await,
            Outcome::Again(error) if claim.tries < TRIES => {
                jobs::again(db, claim, self.next_try(clock.now(), claim.tries), error).await
            }
            Outcome::Again(error) | Outcome::Hopeless(error) => {
                tracing::error!(
                    job.id = %claim.id,
                    job.error = error,
                    "a job is parked: see `visavis admin jobs list`"
                );
                jobs::park(db, claim, clock.now(), error).await
            }
        }
    }

    /// Between half of the wait and the whole, so that what failed together isn't tried again together.
    fn next_try(&self, now: Timestamp, tries: u32) -> Timestamp {
        let wait = FIRST_WAIT * 4_u32.saturating_pow(tries.saturating_sub(1).min(8));
        let half = u64::try_from(wait.as_millis() / 2).unwrap_or(u64::MAX);
        now + Duration::from_millis(half + self.deps.dice.below(half + 1))
    }
}
