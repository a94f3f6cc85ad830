//! Start and end of a process: a soft token (drain), a hard token (stop), a tracker that waits for every task. And the end that
//! nobody asked for: a process of which a part is gone that the others need ends, loudly, instead of living on as half of itself.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handed to everything that runs in the background.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Cancelled first: take nothing new, tell clients to reconnect.
    pub drain: CancellationToken,
    /// Cancelled next: stop now.
    pub stop: CancellationToken,
    failed: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Runs `task` until it ends or the process stops. The only way to spawn, with [`Self::keep`]. A panic ends the task alone:
    /// for what belongs to one connection or one request.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => tracing::trace!(task = name, "task stopped"),
                () = task => {}
            }
        })
    }

    /// Runs a task that others count on for as long as the process lives: a panic in it ends the process.
    pub fn keep<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let inner = self.clone();
        self.spawn(name, async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task that must go on has panicked");
                inner.fail(name);
            }
        })
    }

    /// The process is of no use any more: it is to end, and be started anew.
    pub fn fail(&self, what: &'static str) {
        if !self.failed.is_cancelled() {
            tracing::error!(what, "this process can't go on and ends");
            self.failed.cancel();
        }
    }

    /// When the process is of no use any more.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Stops everything; waits for the tasks at most `patience`. True when all have ended.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.drain.cancel();
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn falls() {
        tokio::task::yield_now().await;
        panic!("on purpose");
    }

    #[tokio::test]
    async fn a_task_that_must_go_on_ends_the_process_with_its_panic() {
        let lifecycle = Lifecycle::default();
        lifecycle.keep("vital", falls()).await.unwrap();
        lifecycle.failed().await;
    }

    #[tokio::test]
    async fn the_panic_of_any_other_task_and_an_end_in_order_end_nothing() {
        let lifecycle = Lifecycle::default();
        assert!(lifecycle.spawn("one request", falls()).await.unwrap_err().is_panic());
        lifecycle.keep("vital", async {}).await.unwrap();
        assert!(lifecycle.failed().now_or_never().is_none());
    }
}
