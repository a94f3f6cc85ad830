//! Where people come from, as MACs; and the devices and networks of whoever is suspended.

use visavis_domain::{
    Timestamp,
    id::{DecisionId, UserId},
};

use super::{Db, Result, Tx, row};

/// Rows that are forgotten in one statement.
const SWEPT: i64 = 1_000;
/// Who signed in from where is remembered for so long, in milliseconds.
const REMEMBERED_MS: i64 = 90 * 24 * 3_600_000;
/// Days of exposure that are remembered.
const EXPOSURE_DAYS: i64 = 90;

/// `device`: a random token of the browser's. `network`: a /24 or /48.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// Which of the two.
    pub kind: &'static str,
    /// Under the secret key.
    pub mac: String,
}

/// Somebody signed in from there.
pub async fn saw(tx: &mut Tx, user: UserId, from: &From, at: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO seen_from (user_id, kind, mac, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id, kind, mac) DO UPDATE SET at = excluded.at",
    )
    .bind(user.to_string())
    .bind(from.kind)
    .bind(from.mac.as_str())
    .bind(at.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Others who signed in from there since then and aren't suspended, counted up to `most`.
pub async fn others(
    db: &Db,
    user: UserId,
    mac: &str,
    (since, now): (Timestamp, Timestamp),
    most: i64,
) -> Result<u64> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM seen_from s WHERE s.mac = $1 AND s.at >= $2 AND s.user_id <> $3 \
         AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.user_id = s.user_id AND d.action = 'suspend' \
         AND d.dry_run = 0 AND d.overturned_at IS NULL AND d.until > $5) LIMIT $4) AS counted",
    )
    .bind(mac)
    .bind(since.as_millis())
    .bind(user.to_string())
    .bind(most)
    .bind(now.as_millis())
    .fetch_one(db.reads())
    .await?;
    row::count(&row, "n")
}

/// Networks that are held of one person, those they used last: at home, at work, on the way. Whoever went from one to the next
/// before they were suspended would close all of them to newcomers.
const NETWORKS: i64 = 3;

/// Somebody is suspended: so are all devices that are remembered of them, until the same end, and, for less long, the networks
/// they used last, if since then.
pub async fn hold(
    tx: &mut Tx,
    (decision, at): (DecisionId, Timestamp),
    user: UserId,
    since: Timestamp,
    (devices_until, networks_until): (Timestamp, Timestamp),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO bans (decision_id, kind, mac, until, since) \
         SELECT $1, kind, mac, CASE WHEN kind = 'device' THEN CAST($4 AS BIGINT) ELSE CAST($5 AS BIGINT) END, \
         CAST($6 AS BIGINT) FROM seen_from WHERE user_id = $2 AND (kind = 'device' OR (at >= $3 AND mac IN \
         (SELECT mac FROM seen_from WHERE user_id = $2 AND kind <> 'device' ORDER BY at DESC, mac LIMIT $7))) \
         ON CONFLICT (decision_id, kind, mac) DO NOTHING",
    )
    .bind(decision.to_string())
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(devices_until.as_millis())
    .bind(networks_until.as_millis())
    .bind(at.as_millis())
    .bind(NETWORKS)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A suspension is taken back: nothing of it holds.
pub async fn let_go(tx: &mut Tx, decision: DecisionId) -> Result<()> {
    sqlx::query("DELETE FROM bans WHERE decision_id = $1")
        .bind(decision.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A ban that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// The suspension.
    pub decision: DecisionId,
    /// When it was decided.
    pub since: Timestamp,
    /// The ban's end.
    pub until: Timestamp,
}

/// The ban on this device or network, of somebody else or of an account that is gone, that runs longest.
pub async fn running(db: &Db, user: UserId, mac: &str, now: Timestamp) -> Result<Option<Ban>> {
    let row = sqlx::query(
        "SELECT b.decision_id, b.until, b.since FROM bans b LEFT JOIN decisions d ON d.id = b.decision_id \
         WHERE b.mac = $1 AND b.until > $2 AND b.since IS NOT NULL \
         AND (d.id IS NULL OR (d.user_id <> $3 AND d.overturned_at IS NULL)) ORDER BY b.until DESC LIMIT 1",
    )
    .bind(mac)
    .bind(now.as_millis())
    .bind(user.to_string())
    .fetch_optional(db.reads())
    .await?;
    let ban = |row| {
        Ok(Ban {
            decision: row::id(row, "decision_id")?,
            since: row::time(row, "since")?,
            until: row::time(row, "until")?,
        })
    };
    row.as_ref().map(ban).transpose()
}

/// Adds to the seconds that a moderator has looked at pictures on a day; how many they are now.
pub async fn exposed(tx: &mut Tx, moderator: UserId, day: i64, seconds: u32) -> Result<u64> {
    let row = sqlx::query(
        "INSERT INTO exposure (moderator_id, day, seconds) VALUES ($1, $2, $3) ON CONFLICT (moderator_id, day) \
         DO UPDATE SET seconds = exposure.seconds + excluded.seconds RETURNING seconds",
    )
    .bind(moderator.to_string())
    .bind(day)
    .bind(i64::from(seconds))
    .fetch_one(tx.conn())
    .await?;
    row::count(&row, "seconds")
}

/// How many seconds they are.
pub async fn exposure(db: &Db, moderator: UserId, day: i64) -> Result<u64> {
    let row = sqlx::query("SELECT seconds FROM exposure WHERE moderator_id = $1 AND day = $2")
        .bind(moderator.to_string())
        .bind(day)
        .fetch_optional(db.reads())
        .await?;
    row.map_or(Ok(0), |row| row::count(&row, "seconds"))
}

/// Forgets what has ended.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut gone = 0;
    let mut tx = db.write().await?;
    let day = now.as_millis().div_euclid(24 * 3_600_000);
    for (statement, bound) in [
        (
            "DELETE FROM bans WHERE until <= $1 AND decision_id IN \
          (SELECT decision_id FROM bans WHERE until <= $1 LIMIT $2)",
            now.as_millis(),
        ),
        (
            "DELETE FROM seen_from WHERE at < $1 AND user_id IN \
          (SELECT user_id FROM seen_from WHERE at < $1 LIMIT $2)",
            now.as_millis() - REMEMBERED_MS,
        ),
        (
            "DELETE FROM exposure WHERE day < $1 AND moderator_id IN \
          (SELECT moderator_id FROM exposure WHERE day < $1 LIMIT $2)",
            day - EXPOSURE_DAYS,
        ),
    ] {
        let done = sqlx::query(statement).bind(bound).bind(SWEPT).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    tx.commit().await?;
    Ok(gone)
}
