//! Pending sign-ins: what was mailed to an address, tries and failures. Holds no code and no token, only a MAC of
//! the one and a hash of the other.

use std::time::Duration;

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{ChallengeId, Id},
};

use super::{Db, Result, Tx, row};

/// Challenges and failures are forgotten after this time: the longest window that a rule looks back on.
pub const KEPT: Duration = Duration::from_hours(24);
/// Rows that one sweep deletes per table, so that it holds the write lock for milliseconds only.
const SWEEP: i64 = 500;
/// Challenges of one address that a rule looks at: many times what the rules let through in a day.
const MAX_OF_ADDRESS: i64 = 512;

/// One pending sign-in.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its public name.
    pub id: ChallengeId,
    /// Normalised.
    pub email: String,
    /// Makes equal codes look different.
    pub salt: String,
    /// MAC of the code.
    pub code_mac: String,
    /// Hash of the link's token.
    pub link_hash: String,
    /// Codes tried so far.
    pub tries: u32,
    /// When it was mailed.
    pub created_at: Timestamp,
    /// End of its life.
    pub expires_at: Timestamp,
    /// When it was traded for a session.
    pub used_at: Option<Timestamp>,
    /// Nothing was mailed: it only stands where one that was would.
    pub held: bool,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge").field("id", &self.id).field("tries", &self.tries).finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, email, salt, code_mac, link_hash, tries, created_at, expires_at, used_at, held"
    };
}

fn challenge(row: &AnyRow) -> Result<Challenge> {
    Ok(Challenge {
        id: row::id(row, "id")?,
        email: row::text(row, "email")?,
        salt: row::text(row, "salt")?,
        code_mac: row::text(row, "code_mac")?,
        link_hash: row::text(row, "link_hash")?,
        tries: u32::try_from(row::number(row, "tries")?).map_err(|_| row::broken("tries"))?,
        created_at: row::time(row, "created_at")?,
        expires_at: row::time(row, "expires_at")?,
        used_at: row::maybe_time(row, "used_at")?,
        held: row::flag(row, "held")?,
    })
}

/// Takes the address' lock until the transaction ends: what is counted after it can't change under it.
pub async fn lock_address(tx: &mut Tx, email: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO sign_in_addresses (email, used_at) VALUES ($1, $2) \
         ON CONFLICT (email) DO UPDATE SET used_at = excluded.used_at",
    )
    .bind(email)
    .bind(now.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The address' challenges made since then, newest first.
pub async fn of_address(tx: &mut Tx, email: &str, since: Timestamp) -> Result<Vec<Challenge>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM challenges WHERE email = $1 AND created_at >= $2 ORDER BY created_at DESC LIMIT $3"
    ))
    .bind(email)
    .bind(since.as_millis())
    .bind(MAX_OF_ADDRESS)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(challenge).collect()
}

/// How many wrong codes the address has had after that time, counted up to `most`.
pub async fn failures(tx: &mut Tx, email: &str, since: Timestamp, most: u32) -> Result<u32> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM code_failures WHERE email = $1 AND at > $2 LIMIT $3) AS counted",
    )
    .bind(email)
    .bind(since.as_millis())
    .bind(i64::from(most))
    .fetch_one(tx.conn())
    .await?;
    Ok(u32::try_from(row::count(&row, "n")?).unwrap_or(u32::MAX))
}

/// Notes a wrong code, the `n`th of its challenge.
pub async fn add_failure(tx: &mut Tx, of: &Challenge, n: u32, at: Timestamp) -> Result<()> {
    sqlx::query("INSERT INTO code_failures (challenge_id, n, email, at) VALUES ($1, $2, $3, $4)")
        .bind(of.id.to_string())
        .bind(i64::from(n))
        .bind(of.email.as_str())
        .bind(at.as_millis())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Adds a challenge.
pub async fn insert(tx: &mut Tx, challenge: &Challenge) -> Result<()> {
    sqlx::query(concat!(
        "INSERT INTO challenges (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, $9)"
    ))
    .bind(challenge.id.to_string())
    .bind(challenge.email.as_str())
    .bind(challenge.salt.as_str())
    .bind(challenge.code_mac.as_str())
    .bind(challenge.link_hash.as_str())
    .bind(i64::from(challenge.tries))
    .bind(challenge.created_at.as_millis())
    .bind(challenge.expires_at.as_millis())
    .bind(i64::from(challenge.held))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The challenge with this id, under the address' lock.
pub async fn by_id_locked(tx: &mut Tx, id: ChallengeId, now: Timestamp) -> Result<Option<Challenge>> {
    let select = concat!("SELECT ", columns!(), " FROM challenges WHERE id = $1");
    let Some(row) = sqlx::query(select).bind(id.to_string()).fetch_optional(tx.conn()).await? else {
        return Ok(None);
    };
    lock_address(tx, &row::text(&row, "email")?, now).await?;
    let row = sqlx::query(select).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(challenge).transpose()
}

/// The challenge whose link has this hash.
pub async fn by_link(db: &Db, link_hash: &str) -> Result<Option<Challenge>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM challenges WHERE link_hash = $1"))
        .bind(link_hash)
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(challenge).transpose()
}

/// Counts a try. The number of tries afterwards.
pub async fn count_try(tx: &mut Tx, id: ChallengeId) -> Result<u32> {
    let row = sqlx::query("UPDATE challenges SET tries = tries + 1 WHERE id = $1 RETURNING tries")
        .bind(id.to_string())
        .fetch_one(tx.conn())
        .await?;
    u32::try_from(row::number(&row, "tries")?).map_err(|_| row::broken("tries"))
}

/// Trades the challenge: true for exactly one caller, and only while it lives.
pub async fn use_up(tx: &mut Tx, id: ChallengeId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE challenges SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2",
    )
    .bind(id.to_string())
    .bind(now.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what no rule looks at any more, a bounded number of rows. How many went.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let mut gone = 0;
    for statement in [
        "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM code_failures WHERE challenge_id IN \
         (SELECT challenge_id FROM code_failures WHERE at < $1 LIMIT $2) AND at < $1",
        "DELETE FROM sign_in_addresses WHERE email IN \
         (SELECT email FROM sign_in_addresses WHERE used_at < $1 LIMIT $2) AND used_at < $1",
    ] {
        let done =
            sqlx::query(statement).bind((now - KEPT).as_millis()).bind(SWEEP).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    tx.commit().await?;
    Ok(gone)
}

/// An id that no challenge has: what a malformed one is taken for, so that both cost the same.
pub const NOBODYS: ChallengeId = Id::from_bits(0);
