//! Start and end of a process: a soft token (drain), a hard token (stop), a tracker that waits for every task.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handed to everything that runs in the background.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Cancelled first: take nothing new, tell clients to reconnect.
    pub drain: CancellationToken,
    /// Cancelled next: stop now.
    pub stop: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Runs `task` until it ends or the process stops. The only way to spawn.
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

    /// Stops everything; waits for the tasks at most `patience`. True when all have ended.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.drain.cancel();
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
