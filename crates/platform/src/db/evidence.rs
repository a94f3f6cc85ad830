//! What shows what was decided or reported: sealed, for a few days. The keys aren't here.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{CaseId, EvidenceId, UserId},
};

use super::{Db, Result, Tx, row};

/// Rows that are forgotten in one statement.
const SWEPT: i64 = 500;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its name.
    pub id: EvidenceId,
    /// Of which case.
    pub case: CaseId,
    /// About whom.
    pub user: UserId,
    /// The decision or report it belongs to.
    pub source: String,
    /// `picture` or `transcript`.
    pub kind: String,
    /// When it came.
    pub at: Timestamp,
    /// Nobody can read it from then on, unless it is held.
    pub expires_at: Timestamp,
    /// Under legal hold.
    pub held: bool,
    /// Its key, wrapped.
    pub wrapped: String,
    /// Itself, sealed with that key.
    pub sealed: String,
    /// Over all of it.
    pub mac: String,
}

macro_rules! columns {
    () => {
        "id, case_id, user_id, source, kind, at, expires_at, held, wrapped, sealed, mac"
    };
}

fn evidence(row: &AnyRow) -> Result<Evidence> {
    Ok(Evidence {
        id: row::id(row, "id")?,
        case: row::id(row, "case_id")?,
        user: row::id(row, "user_id")?,
        source: row::text(row, "source")?,
        kind: row::text(row, "kind")?,
        at: row::time(row, "at")?,
        expires_at: row::time(row, "expires_at")?,
        held: row::flag(row, "held")?,
        wrapped: row::text(row, "wrapped")?,
        sealed: row::text(row, "sealed")?,
        mac: row::text(row, "mac")?,
    })
}

/// Keeps it. False when there is one of its kind of that decision or report already.
pub async fn insert(tx: &mut Tx, new: &Evidence) -> Result<bool> {
    let done = sqlx::query(concat!(
        "INSERT INTO evidence (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (source, kind) DO NOTHING"
    ))
    .bind(new.id.to_string())
    .bind(new.case.to_string())
    .bind(new.user.to_string())
    .bind(new.source.as_str())
    .bind(new.kind.as_str())
    .bind(new.at.as_millis())
    .bind(new.expires_at.as_millis())
    .bind(i64::from(new.held))
    .bind(new.wrapped.as_str())
    .bind(new.sealed.as_str())
    .bind(new.mac.as_str())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The newest of a case, oldest first.
pub async fn of_case(db: &Db, case: CaseId, most: i64) -> Result<Vec<Evidence>> {
    let rows = sqlx::query(OF_CASE).bind(case.to_string()).bind(most).fetch_all(db.reads()).await?;
    rows.iter().rev().map(evidence).collect()
}

/// The same in a transaction that has locked the case.
pub async fn of_case_in(tx: &mut Tx, case: CaseId, most: i64) -> Result<Vec<Evidence>> {
    let rows = sqlx::query(OF_CASE).bind(case.to_string()).bind(most).fetch_all(tx.conn()).await?;
    rows.iter().rev().map(evidence).collect()
}

const OF_CASE: &str =
    concat!("SELECT ", columns!(), " FROM evidence WHERE case_id = $1 ORDER BY at DESC, id DESC LIMIT $2");

/// Cases under hold of which a piece isn't yet.
pub async fn unheld(db: &Db, now: Timestamp, most: i64) -> Result<Vec<CaseId>> {
    let rows = sqlx::query(
        "SELECT DISTINCT e.case_id FROM evidence e JOIN cases c ON c.id = e.case_id \
         WHERE e.held = 0 AND e.expires_at > $1 AND c.held_for IS NOT NULL LIMIT $2",
    )
    .bind(now.as_millis())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(|row| row::id(row, "case_id")).collect()
}

/// It belongs to another case from now on.
pub async fn move_to(tx: &mut Tx, moved: &Evidence) -> Result<()> {
    sqlx::query("UPDATE evidence SET case_id = $2, mac = $3 WHERE id = $1")
        .bind(moved.id.to_string())
        .bind(moved.case.to_string())
        .bind(moved.mac.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// All that there is, by name, behind that one: for checking.
pub async fn all_after(db: &Db, after: &str, most: i64) -> Result<Vec<(String, Option<Evidence>)>> {
    let rows =
        sqlx::query(concat!("SELECT ", columns!(), " FROM evidence WHERE id > $1 ORDER BY id LIMIT $2"))
            .bind(after)
            .bind(most)
            .fetch_all(db.reads())
            .await?;
    rows.iter().map(|row| Ok((row::text(row, "id")?, evidence(row).ok()))).collect()
}

/// Its key is wrapped otherwise from now on: under hold, or no longer.
pub async fn rewrap(tx: &mut Tx, changed: &Evidence) -> Result<()> {
    sqlx::query("UPDATE evidence SET held = $2, wrapped = $3, mac = $4 WHERE id = $1")
        .bind(changed.id.to_string())
        .bind(i64::from(changed.held))
        .bind(changed.wrapped.as_str())
        .bind(changed.mac.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Deletes one.
pub async fn delete(tx: &mut Tx, id: EvidenceId) -> Result<()> {
    sqlx::query("DELETE FROM evidence WHERE id = $1").bind(id.to_string()).execute(tx.conn()).await?;
    Ok(())
}

/// Deletes what has ended; and what ends later than anything that was kept under a clock that goes right.
pub async fn sweep(db: &Db, now: Timestamp, latest: Timestamp) -> Result<u64> {
    let mut gone = 0;
    let mut tx = db.write().await?;
    for (statement, bound) in [
        (
            "DELETE FROM evidence WHERE id IN (SELECT id FROM evidence WHERE held = 0 AND expires_at <= $1 LIMIT $2)",
            now,
        ),
        (
            "DELETE FROM evidence WHERE id IN (SELECT id FROM evidence WHERE held = 0 AND expires_at > $1 LIMIT $2)",
            latest,
        ),
    ] {
        let done = sqlx::query(statement).bind(bound.as_millis()).bind(SWEPT).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    tx.commit().await?;
    Ok(gone)
}

/// A key by its name: only in the database of keys.
pub async fn key(db: &Db, name: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT wrapped FROM evidence_keys WHERE name = $1")
        .bind(name)
        .fetch_optional(db.reads())
        .await?;
    row.map(|row| row::text(&row, "wrapped")).transpose()
}

/// Keeps a key; whoever was first has made it, and it comes back.
pub async fn keep_key(db: &Db, name: &str, wrapped: &str) -> Result<String> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "INSERT INTO evidence_keys (name, wrapped) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET name = evidence_keys.name RETURNING wrapped",
    )
    .bind(name)
    .bind(wrapped)
    .fetch_one(tx.conn())
    .await?;
    let kept = row::text(&row, "wrapped")?;
    tx.commit().await?;
    Ok(kept)
}

/// Destroys a key.
pub async fn destroy_key(db: &Db, name: &str) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("DELETE FROM evidence_keys WHERE name = $1").bind(name).execute(tx.conn()).await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// The names of all keys: one a day, and one for each case under hold.
pub async fn key_names(db: &Db, most: i64) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT name FROM evidence_keys WHERE name > '' ORDER BY name LIMIT $1")
        .bind(most)
        .fetch_all(db.reads())
        .await?;
    rows.iter().map(|row| row::text(row, "name")).collect()
}
