//! Jobs as rows: inserted in the transaction of the request that wants them, claimed by compare-and-set, gone when done.
//! Whatever a worker does to its claim, it does only if the claim is still its own.

use std::time::Duration;

use sqlx::any::AnyRow;
use visavis_domain::{Timestamp, id::JobId};

use super::{Db, Result, Tx, row};

/// Parked jobs are kept for this long, for the operator.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// Rows that one sweep deletes.
const SWEEP: i64 = 500;

/// A job to be done.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Its name.
    pub id: JobId,
    /// What kind of thing.
    pub kind: &'a str,
    /// The same key twice is one job.
    pub key: &'a str,
    /// Sealed by the caller.
    pub payload: &'a str,
    /// When it was asked for; it isn't done before.
    pub created_at: Timestamp,
    /// After which it is of no use.
    pub expires_at: Option<Timestamp>,
}

/// A job in the hands of a worker.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub id: JobId,
    /// As it was inserted.
    pub payload: String,
    /// The how-manieth try this is.
    pub tries: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// After which it is of no use.
    pub expires_at: Option<Timestamp>,
    by: String,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("id", &self.id).field("tries", &self.tries).finish_non_exhaustive()
    }
}

/// A job as an operator sees it: nothing of what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: JobId,
    /// What kind of thing.
    pub kind: String,
    /// `waiting`, `running`, `parked`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Waiting: not before. Running: the end of the claim. Parked: since when.
    pub run_after: Timestamp,
    /// What came of the last try.
    pub last_error: Option<String>,
}

fn tries(row: &AnyRow) -> Result<u32> {
    u32::try_from(row::number(row, "tries")?).map_err(|_| row::broken("tries"))
}

/// Adds a job. False when there is one with this key.
pub async fn insert(tx: &mut Tx, job: &NewJob<'_>) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO jobs (id, kind, key, payload, state, run_after, tries, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, 'waiting', $5, 0, $5, $6) ON CONFLICT (key) DO NOTHING",
    )
    .bind(job.id.to_string())
    .bind(job.kind)
    .bind(job.key)
    .bind(job.payload)
    .bind(job.created_at.as_millis())
    .bind(job.expires_at.map(Timestamp::as_millis))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many jobs of the kind are still to be done, counted up to `most`.
pub async fn waiting(tx: &mut Tx, kind: &str, most: i64) -> Result<u64> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM jobs WHERE kind = $1 AND state <> 'parked' LIMIT $2) AS counted",
    )
    .bind(kind)
    .bind(most)
    .fetch_one(tx.conn())
    .await?;
    row::count(&row, "n")
}

/// Jobs that somebody could do now, longest overdue first, at most `most`.
pub async fn due(db: &Db, kind: &str, now: Timestamp, most: i64) -> Result<Vec<JobId>> {
    let rows = sqlx::query(
        "SELECT id FROM jobs WHERE kind = $1 AND state <> 'parked' AND run_after <= $2 ORDER BY run_after LIMIT $3",
    )
    .bind(kind)
    .bind(now.as_millis())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(|row| row::id(row, "id")).collect()
}

/// When the next job of the kind can be done, if there is any.
pub async fn next(db: &Db, kind: &str) -> Result<Option<Timestamp>> {
    let row = sqlx::query(
        "SELECT run_after FROM jobs WHERE kind = $1 AND state <> 'parked' ORDER BY run_after LIMIT 1",
    )
    .bind(kind)
    .fetch_optional(db.reads())
    .await?;
    row.as_ref().map(|row| row::time(row, "run_after")).transpose()
}

/// Takes a due job until then. `None` when another worker was faster.
pub async fn claim(db: &Db, id: JobId, by: &str, now: Timestamp, until: Timestamp) -> Result<Option<Claim>> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "UPDATE jobs SET state = 'running', claimed_by = $2, run_after = $4, tries = tries + 1 \
         WHERE id = $1 AND state <> 'parked' AND run_after <= $3 RETURNING payload, tries, created_at, expires_at",
    )
    .bind(id.to_string())
    .bind(by)
    .bind(now.as_millis())
    .bind(until.as_millis())
    .fetch_optional(tx.conn())
    .await?;
    let claim = |row: &AnyRow| -> Result<Claim> {
        Ok(Claim {
            id,
            payload: row::text(row, "payload")?,
            tries: tries(row)?,
            created_at: row::time(row, "created_at")?,
            expires_at: row::maybe_time(row, "expires_at")?,
            by: by.to_owned(),
        })
    };
    let claim = row.as_ref().map(claim).transpose()?;
    tx.commit().await?;
    Ok(claim)
}

/// It is done. False when the claim had ended and somebody else has it.
pub async fn done(db: &Db, claim: &Claim) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("DELETE FROM jobs WHERE id = $1 AND claimed_by = $2 AND tries = $3")
        .bind(claim.id.to_string())
        .bind(claim.by.as_str())
        .bind(i64::from(claim.tries))
        .execute(tx.conn())
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// It failed: to be tried again then. False when somebody else has it.
pub async fn again(db: &Db, claim: &Claim, run_after: Timestamp, error: &str) -> Result<bool> {
    give_back(db, claim, "waiting", run_after, error).await
}

/// It failed for the last time: left for the operator. False when somebody else has it.
pub async fn park(db: &Db, claim: &Claim, now: Timestamp, error: &str) -> Result<bool> {
    give_back(db, claim, "parked", now, error).await
}

async fn give_back(db: &Db, claim: &Claim, state: &str, run_after: Timestamp, error: &str) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE jobs SET state = $4, run_after = $5, last_error = $6, claimed_by = NULL \
         WHERE id = $1 AND claimed_by = $2 AND tries = $3",
    )
    .bind(claim.id.to_string())
    .bind(claim.by.as_str())
    .bind(i64::from(claim.tries))
    .bind(state)
    .bind(run_after.as_millis())
    .bind(error)
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// The newest jobs, at most `most`.
pub async fn list(db: &Db, most: i64) -> Result<Vec<Listed>> {
    let rows = sqlx::query(
        "SELECT id, kind, state, tries, created_at, run_after, last_error FROM jobs ORDER BY id DESC LIMIT $1",
    )
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: row::id(row, "id")?,
                kind: row::text(row, "kind")?,
                state: row::text(row, "state")?,
                tries: tries(row)?,
                created_at: row::time(row, "created_at")?,
                run_after: row::time(row, "run_after")?,
                last_error: row::maybe_text(row, "last_error")?,
            })
        })
        .collect()
}

/// Lets a parked or waiting job be done now, with all its tries. False when there is none such.
pub async fn retry(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE jobs SET state = 'waiting', run_after = $2, tries = 0, claimed_by = NULL \
         WHERE id = $1 AND state <> 'running'",
    )
    .bind(id.to_string())
    .bind(now.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a job, whatever its state. False when there is none.
pub async fn delete(tx: &mut Tx, id: JobId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM jobs WHERE id = $1").bind(id.to_string()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a job by its key, if nobody has begun it. False when somebody has, or there is none.
pub async fn take_back(tx: &mut Tx, key: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM jobs WHERE key = $1 AND state = 'waiting' AND tries = 0")
        .bind(key)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what was parked long ago, a bounded number. How many went.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = 'parked' AND run_after < $1 LIMIT $2)",
    )
    .bind((now - KEPT).as_millis())
    .bind(SWEEP)
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
