//! What tests of several crates share: the real servers, a proxy that makes them fail.
//!
//! The servers are those of `cargo xtask services up`, which `cargo xtask test` starts by itself. Without them a suite runs
//! on the embedded engines only, and says so where nothing captures it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this is part of tests")]

use std::time::Duration;

pub mod accounts;
pub mod databases;
pub mod decisions;
pub mod link;
pub mod own_redis;
pub mod proxy;
pub mod stores;

pub use databases::Database;
pub use proxy::{Mode, Proxy};

/// Longer than anything that is waited for takes, on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until it is so, half a minute at most.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "not within {} s: {what}", PATIENCE.as_secs());
}
