//! How long one request waits for the shared stores in all, in however many processes. Each question to a store has a deadline
//! of its own, but a request asks many things one after the other, here and in the processes that it calls: a store that
//! answers each of them just in time would let a person wait for the sum.

use std::{cell::Cell, time::Duration};

/// Whoever can't be served is told so within a second; this leaves a tenth for all the rest.
const MOST: Duration = Duration::from_millis(900);

tokio::task_local! {
    static LEFT: Cell<Duration>;
}

/// Within this work all waits for the stores together are bounded. After that the stores count as away. Work that nobody
/// waits for has no such bound.
pub async fn bounded<F: Future>(work: F) -> F::Output {
    going_on(None, work).await.0
}

/// The same for work that began in another process, where so much was left; and how long it waited here.
pub(crate) async fn going_on<F: Future>(left: Option<Duration>, work: F) -> (F::Output, Duration) {
    let left = left.unwrap_or(MOST).min(MOST);
    let work = async {
        let done = work.await;
        (done, left.saturating_sub(LEFT.with(Cell::get)))
    };
    LEFT.scope(Cell::new(left), work).await
}

/// How long this request may still wait; `None` when nobody waits for this work.
pub(crate) fn left() -> Option<Duration> {
    LEFT.try_with(Cell::get).ok()
}

/// It waited so long.
pub(crate) fn spend(waited: Duration) {
    // Outside of such work nobody counts.
    let _ = LEFT.try_with(|left| left.set(left.get().saturating_sub(waited)));
}

/// The answer, or nothing when it took too long.
#[expect(clippy::disallowed_methods, reason = "the length of a wait is no time of the machines")]
pub(crate) async fn wait<F: Future>(single: Duration, answer: F) -> Option<F::Output> {
    let most = left().map_or(single, |left| left.min(single));
    if most.is_zero() {
        return None;
    }
    let began = tokio::time::Instant::now();
    let answer = tokio::time::timeout(most, answer).await.ok();
    spend(began.elapsed());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINGLE: Duration = Duration::from_millis(500);

    async fn slow() -> bool {
        wait(SINGLE, tokio::time::sleep(Duration::from_millis(400))).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_waits_of_one_request_are_bounded_together_and_those_of_another_are_not_counted() {
        let request = || bounded(async { [slow().await, slow().await, slow().await] });
        for _ in 0..2 {
            assert_eq!(
                request().await,
                [true, true, false],
                "400 + 400 ms, and then not all of the 100 that are left"
            );
        }
        assert_eq!([slow().await, slow().await, slow().await], [true; 3], "nobody waits for this");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_elsewhere_counts() {
        bounded(async {
            assert!(slow().await);
            // Another process does its part, and says how long it waited.
            let mut there = tokio::task::JoinSet::new();
            there.spawn(going_on(left(), async { [slow().await, slow().await] }));
            let (done, waited) = there.join_next().await.unwrap().unwrap();
            assert_eq!((done, waited), ([true, false], Duration::from_millis(500)));
            spend(waited);
            assert!(!slow().await, "all is spent");
        })
        .await;
        let (done, _) =
            going_on(Some(Duration::from_hours(1)), async { [slow().await, slow().await, slow().await] })
                .await;
        assert_eq!(done, [true, true, false], "nobody gets more than anybody");
    }
}
