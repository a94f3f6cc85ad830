//! What tests of several crates share: the real servers, a proxy that makes them fail.
//!
//! The servers are those of `cargo xtask services up`, which `cargo xtask test` starts by itself. Without them a suite runs
//! on the embedded engines only, and says so where nothing captures it.

#![expect(clippy::unwrap_used, reason = "this is part of tests")]

pub mod proxy;
pub mod stores;

pub use proxy::{Mode, Proxy};
