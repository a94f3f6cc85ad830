//! The durable truth: one SQL text over sqlx's `Any` driver, here on `SQLite`. "Acknowledged" means: a row is in here.
//!
//! Rules of this layer: not found is `Ok(None)`; binds are `$1`; ids are TEXT, times BIGINT milliseconds, flags
//! BIGINT 0/1, JSON TEXT (what both engines and `Any` agree on); whatever counts and then writes does so in a [`Tx`]
//! under a row it has updated first, so that the rule also holds where transactions run side by side. It never logs
//! a value of a row and knows no business rule.

pub mod blocks;
pub mod calls;
pub mod codes;
mod error;
pub mod keys;
pub mod logins;
mod open;
pub mod reports;
mod row;
pub mod users;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{Any, AnyConnection, AnyPool, Transaction};

pub use error::{Error, Result};
pub use open::OpenError;

/// Where the database is and how it is used.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://PATH`. Absent: `visavis.db` in the data folder.
    pub url: Option<String>,
    /// Connections for reading (`SQLite` has one more, for writing).
    pub readers: u32,
    /// Longest wait for a connection or for another writer, in milliseconds; after it the request is answered
    /// `unavailable`.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: None, readers: 4, timeout_ms: 2_000 }
    }
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    engine: Engine,
    writer: AnyPool,
    readers: AnyPool,
}

/// What differs between engines. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
}

impl Engine {
    /// How a writing transaction begins. `SQLite` takes the write lock at once: one that reads first and writes later
    /// would fail when another process (`visavis admin`) wrote in between.
    const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
        }
    }
}

/// A writing transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Any>);

impl Tx {
    /// Makes it durable: after `Ok` it survives a crash.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }

    fn conn(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

impl Db {
    /// Begins a writing transaction. Waits at most the configured time.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx(self.0.writer.begin_with(self.0.engine.begin()).await?))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.reads()).await?;
        Ok(())
    }

    /// Closes every connection; what was committed is checkpointed.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    fn reads(&self) -> &AnyPool {
        &self.0.readers
    }
}

impl Db {
    /// Forgets what is past its retention: a bounded number of rows a call. True when there may be more.
    pub async fn sweep(&self, now: visavis_domain::Timestamp) -> Result<bool> {
        let gone = codes::sweep(self, now).await? + logins::sweep(self, now).await?;
        Ok(gone > 0)
    }
}
