//! Who did what with evidence, cases and roles, and who looked somebody up. Rows are only added; each has a MAC over itself and the row before.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sqlx::any::AnyRow;
use visavis_domain::Timestamp;

use crate::secret::Secret;

use super::{Db, Result, Tx, row};

/// In the log: everything of a case went with its person's account.
pub const FORGOTTEN: &str = "forget";

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

/// What is about to be done; see [`Entry`].
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: &'a str,
    /// What.
    pub act: &'a str,
    /// With what.
    pub object: &'a str,
    /// Why.
    pub reason: &'a str,
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

/// Adds an entry: number and MAC are found here, one after the other.
async fn append(tx: &mut Tx, secret: &Secret, new: &Entry) -> Result<()> {
    let head = sqlx::query("UPDATE audit_head SET n = n + 1 WHERE id = 1 RETURNING n, mac")
        .fetch_one(tx.conn())
        .await?;
    let mut new = Entry { n: row::count(&head, "n")?, ..new.clone() };
    new.mac = mac(secret, &row::text(&head, "mac")?, &new);
    let seal = end(secret, new.n, &new.mac);
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
    sqlx::query("UPDATE audit_head SET mac = $1, seal = $2 WHERE id = 1")
        .bind(new.mac)
        .bind(seal)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The MAC that says that the log ends there.
pub fn end(secret: &Secret, n: u64, mac: &str) -> String {
    let n = n.to_string();
    BASE64_URL_SAFE_NO_PAD.encode(secret.mac("audit end", &[n.as_bytes(), mac.as_bytes()]))
}

/// Writes what is about to be done into the log.
pub async fn write(tx: &mut Tx, secret: &Secret, new: &Deed<'_>) -> Result<()> {
    let entry = Entry {
        n: 0,
        at: new.at,
        actor: new.actor.to_owned(),
        act: new.act.to_owned(),
        object: new.object.to_owned(),
        reason: new.reason.to_owned(),
        mac: String::new(),
    };
    append(tx, secret, &entry).await
}

/// The MAC of an entry and all before it.
pub fn mac(secret: &Secret, before: &str, entry: &Entry) -> String {
    let (n, at) = (entry.n.to_string(), entry.at.as_millis().to_string());
    let parts: [&str; 7] = [before, &n, &at, &entry.actor, &entry.act, &entry.object, &entry.reason];
    BASE64_URL_SAFE_NO_PAD.encode(secret.mac("audit", &parts.map(str::as_bytes)))
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

/// Where the log ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// How many entries there are.
    pub n: u64,
    /// The last one's MAC.
    pub mac: String,
    /// [`end`] of both; of a log without an entry, or from before there was one, there is none.
    pub seal: Option<String>,
}

/// Where the log ends.
pub async fn head(db: &Db) -> Result<Option<Head>> {
    let row =
        sqlx::query("SELECT n, mac, seal FROM audit_head WHERE id = 1").fetch_optional(db.reads()).await?;
    let head = |row| {
        Ok(Head {
            n: row::count(&row, "n")?,
            mac: row::text(&row, "mac")?,
            seal: row::maybe_text(&row, "seal")?,
        })
    };
    row.map(head).transpose()
}

/// Entries with a number that no entry has: written by somebody else.
pub async fn strays(db: &Db) -> Result<u64> {
    let row = sqlx::query("SELECT COUNT(*) AS n FROM audit WHERE n < 1").fetch_one(db.reads()).await?;
    row::count(&row, "n")
}
