//! Who did what with evidence and cases. Rows are only added; each has a MAC over itself and the row before.

use sqlx::any::AnyRow;
use visavis_domain::Timestamp;

use super::{Db, Result, Tx, row};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1 without a gap.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// By whom: an id, or a word for what isn't a person.
    pub actor: String,
    /// What, from a closed list.
    pub act: String,
    /// With what: an id.
    pub object: String,
    /// Why.
    pub reason: String,
    /// Over all of it and the MAC before.
    pub mac: String,
}

fn entry(row: &AnyRow) -> Result<Entry> {
    Ok(Entry {
        n: row::count(row, "n")?,
        at: row::time(row, "at")?,
        actor: row::text(row, "actor")?,
        act: row::text(row, "act")?,
        object: row::text(row, "object")?,
        reason: row::text(row, "reason")?,
        mac: row::text(row, "mac")?,
    })
}

/// Adds an entry: number and MAC are found here, one after the other. `seal` makes the MAC from the one before.
pub async fn append(tx: &mut Tx, new: &Entry, seal: impl Fn(&str, &Entry) -> String + Send) -> Result<()> {
    let head = sqlx::query("UPDATE audit_head SET n = n + 1 WHERE id = 1 RETURNING n, mac")
        .fetch_one(tx.conn())
        .await?;
    let mut new = Entry { n: row::count(&head, "n")?, ..new.clone() };
    new.mac = seal(&row::text(&head, "mac")?, &new);
    sqlx::query(
        "INSERT INTO audit (n, at, actor, act, object, reason, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(i64::try_from(new.n).unwrap_or(i64::MAX))
    .bind(new.at.as_millis())
    .bind(new.actor.as_str())
    .bind(new.act.as_str())
    .bind(new.object.as_str())
    .bind(new.reason.as_str())
    .bind(new.mac.as_str())
    .execute(tx.conn())
    .await?;
    sqlx::query("UPDATE audit_head SET mac = $1 WHERE id = 1").bind(new.mac).execute(tx.conn()).await?;
    Ok(())
}

/// Entries behind that number, in order.
pub async fn after(db: &Db, n: u64, most: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "SELECT n, at, actor, act, object, reason, mac FROM audit WHERE n > $1 ORDER BY n LIMIT $2",
    )
    .bind(i64::try_from(n).unwrap_or(i64::MAX))
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(entry).collect()
}

/// How many there are, and the last one's MAC.
pub async fn head(db: &Db) -> Result<(u64, String)> {
    let row = sqlx::query("SELECT n, mac FROM audit_head WHERE id = 1").fetch_one(db.reads()).await?;
    Ok((row::count(&row, "n")?, row::text(&row, "mac")?))
}
