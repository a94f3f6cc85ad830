//! The durable truth: one SQL text over sqlx's `Any` driver, on `SQLite` or Postgres. "Acknowledged" means: a row is in
//! here.
//!
//! Rules of this layer: not found is `Ok(None)`; binds are `$1`; ids are TEXT, times BIGINT milliseconds, flags
//! BIGINT 0/1, JSON TEXT (what both engines and `Any` agree on); whatever counts and then writes does so in a [`Tx`]
//! under a row it has updated first, so that the rule also holds where transactions run side by side; a statement that
//! fails ends its transaction. It never logs a value of a row and knows no business rule.
//!
//! Migrations go forward only, and an older build may run on a newer schema while a cluster is upgraded. So a migration
//! adds: tables, indexes, columns that may be NULL or have a default. What is to go is first no longer used (one
//! release), and removed by a migration of a later one.

pub mod appeals;
pub mod audit;
pub mod avatars;
pub mod bans;
pub mod belongings;
pub mod blocks;
pub mod calls;
pub mod cases;
pub mod codes;
pub mod decisions;
mod error;
pub mod evidence;
pub mod figures;
pub mod friendships;
pub mod history;
mod inspect;
pub mod jobs;
pub mod keys;
pub mod logins;
mod open;
pub mod overview;
pub mod pools;
pub mod reports;
pub mod retention;
pub mod rooms;
mod row;
pub mod standing;
mod statement;
pub mod users;
pub mod visits;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use visavis_domain::cases::LAPSES_AFTER;

use crate::Hidden;

use statement::{Place, Source};

pub use error::{Error, Result};
pub use inspect::Inspected;
pub use open::OpenError;
pub use statement::Tx;

/// Where the database is and how it is used.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Not set: `visavis.db` in the data folder.
    pub url: Option<Hidden>,
    /// Connections for reading that `SQLite` has, beside the one for writing.
    #[schemars(range(min = 1, max = 64))]
    pub readers: u32,
    /// Connections of this process to Postgres. All processes together must stay below its `max_connections`.
    #[schemars(range(min = 1, max = 1_000))]
    pub connections: u32,
    /// Longest wait for a connection or for another writer, in milliseconds; after it the request is answered
    /// `unavailable`.
    #[schemars(range(min = 10, max = 60_000))]
    pub timeout_ms: u64,
    /// Longest time for one statement on Postgres, in milliseconds.
    #[schemars(range(min = 10, max = 600_000))]
    pub statement_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: None, readers: 4, connections: 16, timeout_ms: 800, statement_ms: 3_000 }
    }
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db(Arc<Source>);

/// What differs between engines. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// How a writing transaction begins. `SQLite` takes the write lock at once: one that reads first and writes later
    /// would fail when another process (`visavis admin`) wrote in between. Postgres: statements see what was committed
    /// before each of them, whatever its own default is; rows that are updated first are the locks.
    const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }
}

impl Db {
    /// Begins a writing transaction. Waits at most the configured time.
    pub async fn write(&self) -> Result<Tx> {
        Ok(self.0.begin().await?)
    }

    /// Whether the database answers, and, after a file couldn't be written, whether it can be again.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.reads()).await?;
        self.0.has_room().await
    }

    /// Leaves nothing of what was erased in the file's journal. Done when nobody reads at that moment; else it is tried again
    /// by whoever asked. Postgres looks after its own.
    pub async fn forget_journal(&self) -> Result<bool> {
        if self.0.engine() != Engine::Sqlite {
            return Ok(true);
        }
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.0.pools().writer).await?;
        Ok(row::number(&row, "busy")? == 0)
    }

    /// Closes every connection; what was committed is checkpointed.
    pub async fn close(&self) {
        let pools = self.0.pools();
        pools.readers.close().await;
        pools.writer.close().await;
    }

    fn reads(&self) -> Place<'_> {
        Place::Alone(&self.0)
    }
}

impl Db {
    /// Counts the days that are over, and forgets what is past its retention: a bounded number of rows a call. True when there
    /// may be more.
    pub async fn sweep(
        &self,
        now: visavis_domain::Timestamp,
        retention: &retention::Retention,
    ) -> Result<bool> {
        // What goes is counted before.
        let gone = figures::keep(self, now).await?
            + codes::sweep(self, now).await?
            + logins::sweep(self, now).await?
            + jobs::sweep(self, now).await?
            + rooms::sweep(self, now).await?
            + friendships::sweep(self, now).await?
            + belongings::sweep(self, now).await?
            + cases::lapse(self, now - LAPSES_AFTER).await?
            + bans::sweep(self, now).await?
            + avatars::sweep(self, now).await?
            + retention::sweep(self, now, retention).await?;
        Ok(gone > 0)
    }
}
