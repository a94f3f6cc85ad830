//! What comes one by one and is done together: while one batch is on its way the next one gathers. The busier the pool is, the
//! fewer questions the store is asked for each pairing.

use std::sync::Arc;

use tokio::sync::mpsc;
use visavis_domain::{
    Fault,
    id::RoomId,
    pool::{Answer, Lease},
};
use visavis_platform::Lifecycle;

use super::{
    Deps,
    store::{Claim, Store},
};

/// Of one batch: a script that runs longer would hold up everybody else who asks the store.
const MOST: usize = 64;
/// That wait for one: more than a leader ever has under way.
const MAX_WAITING: usize = 1_024;

/// Where answers go, with the number of their question.
pub(super) type Tell = mpsc::Sender<(u64, Answer)>;

/// Questions of one kind on their way to the store.
pub(super) struct Batch<T> {
    questions: mpsc::Sender<(u64, T)>,
    tell: Tell,
}

impl<T: Send + 'static> Batch<T> {
    fn start<F>(lifecycle: &Lifecycle, tell: Tell, work: impl Fn(Vec<T>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Answer>, Fault>> + Send,
    {
        let (questions, mut waiting) = mpsc::channel(MAX_WAITING);
        let answers = tell.clone();
        lifecycle.keep("matchmaking-batch", async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, MOST).await > 0 {
                let (numbers, asked): (Vec<u64>, Vec<T>) = batch.drain(..).unzip();
                let mut done = work(asked).await.unwrap_or_else(|fault| {
                    tracing::warn!(fault.code = %fault.code, "a step of matchmaking failed; it is tried again");
                    Vec::new()
                });
                done.resize_with(numbers.len(), || Answer::Failed);
                for told in numbers.into_iter().zip(done) {
                    let _ = answers.send(told).await;
                }
            }
        });
        Self { questions, tell }
    }

    pub(super) fn ask(&self, number: u64, question: T) {
        if self.questions.try_send((number, question)).is_err() {
            let _ = self.tell.try_send((number, Answer::Failed));
        }
    }
}

/// Pairings that are claimed, with the lease under which they are.
pub(super) fn claims(deps: &Arc<Deps>, store: &Store, tell: Tell) -> Batch<(Lease, Claim)> {
    let store = store.clone();
    Batch::start(&deps.lifecycle, tell, move |asked: Vec<(Lease, Claim)>| {
        let store = store.clone();
        async move { claim(&store, asked).await }
    })
}

async fn claim(store: &Store, asked: Vec<(Lease, Claim)>) -> Result<Vec<Answer>, Fault> {
    let (leases, claims): (Vec<Lease>, Vec<Claim>) = asked.into_iter().unzip();
    let mut done = Vec::with_capacity(claims.len());
    // The lease may have been lost and taken anew in between.
    for same in leases.chunk_by(|a, b| a == b) {
        let from = done.len();
        done.extend(store.claim(same[0], &claims[from..from + same.len()]).await?);
    }
    let answer = |(claim, done): (Claim, bool)| {
        if done { Answer::Claimed(Box::new(claim.pairing)) } else { Answer::No }
    };
    Ok(claims.into_iter().zip(done).map(answer).collect())
}

/// Pairings whose room is told of.
pub(super) fn forgets(deps: &Arc<Deps>, store: &Store, tell: Tell) -> Batch<RoomId> {
    let store = store.clone();
    Batch::start(&deps.lifecycle, tell, move |rooms: Vec<RoomId>| {
        let store = store.clone();
        async move {
            store.forget(&rooms).await?;
            Ok(rooms.iter().map(|_| Answer::Yes).collect())
        }
    })
}
