//! How long one request waits for the shared store in all. Each command has a deadline of its own, but a request asks many
//! things one after the other: a store that answers each of them just in time would let a person wait for the sum.

use std::{cell::Cell, time::Duration};

tokio::task_local! {
    static SPENT: Cell<Duration>;
}

/// Within this work all waits for the store together are bounded: to one and a half times the wait for a single answer.
/// After that the store counts as away. Work that nobody waits for has no such bound.
pub async fn bounded<F: Future>(work: F) -> F::Output {
    SPENT.scope(Cell::default(), work).await
}

/// How long the next answer may take.
fn left(single: Duration) -> Duration {
    let spent = SPENT.try_with(Cell::get).unwrap_or_default();
    single.min((single + single / 2).saturating_sub(spent))
}

/// The answer, or nothing when it took too long.
#[expect(clippy::disallowed_methods, reason = "the length of a wait is no time of the machines")]
pub(crate) async fn wait<F: Future>(single: Duration, answer: F) -> Option<F::Output> {
    let most = left(single);
    if most.is_zero() {
        return None;
    }
    let began = tokio::time::Instant::now();
    let answer = tokio::time::timeout(most, answer).await.ok();
    // Outside of such work nobody counts.
    let _ = SPENT.try_with(|spent| spent.set(spent.get() + began.elapsed()));
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
            assert_eq!(request().await, [true, false, false], "400 + 350 ms, and then none");
        }
        assert_eq!([slow().await, slow().await, slow().await], [true; 3], "nobody waits for this");
    }
}
