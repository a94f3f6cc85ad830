//! Login sessions, each a family of refresh tokens: the current one and its immediate predecessor, as hashes. Every
//! change is one compare-and-set, so that racing requests on several nodes agree on who was first.

use std::time::Duration;

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{LoginId, UserId},
    wire::Role,
};

use super::{Db, Result, Tx, row};

/// Ended sessions are kept this long, for support ("why was I signed out?").
const KEPT: Duration = Duration::from_hours(24);
/// Rows that one sweep deletes.
const SWEEP: i64 = 500;
/// Sessions that a list shows; the service keeps fewer alive.
const PAGE: i64 = 200;

/// One login session.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The session.
    pub id: LoginId,
    /// Whose.
    pub user: UserId,
    /// The browser's own words.
    pub user_agent: String,
    /// First sign-in.
    pub created_at: Timestamp,
    /// Last refresh.
    pub last_used_at: Timestamp,
    /// End of its life unless it is used again.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Hash of the token that works.
    pub current_hash: String,
    /// Hash of the token before it.
    pub previous_hash: Option<String>,
    /// When the one became the other.
    pub rotated_at: Option<Timestamp>,
    /// The current token, sealed with a key that only a holder of the previous one can derive.
    pub successor: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, user_id, user_agent, created_at, last_used_at, expires_at, ended_at, current_hash, previous_hash, \
         rotated_at, successor"
    };
}

fn login(row: &AnyRow) -> Result<Login> {
    Ok(Login {
        id: row::id(row, "id")?,
        user: row::id(row, "user_id")?,
        user_agent: row::text(row, "user_agent")?,
        created_at: row::time(row, "created_at")?,
        last_used_at: row::time(row, "last_used_at")?,
        expires_at: row::time(row, "expires_at")?,
        ended_at: row::maybe_time(row, "ended_at")?,
        current_hash: row::text(row, "current_hash")?,
        previous_hash: row::maybe_text(row, "previous_hash")?,
        rotated_at: row::maybe_time(row, "rotated_at")?,
        successor: row::maybe_text(row, "successor")?,
    })
}

/// Adds a session. [`super::Error::Missing`] when the account is gone.
pub async fn insert(tx: &mut Tx, login: &Login) -> Result<()> {
    sqlx::query(
        "INSERT INTO logins (id, user_id, user_agent, created_at, last_used_at, expires_at, current_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(login.id.to_string())
    .bind(login.user.to_string())
    .bind(login.user_agent.as_str())
    .bind(login.created_at.as_millis())
    .bind(login.last_used_at.as_millis())
    .bind(login.expires_at.as_millis())
    .bind(login.current_hash.as_str())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One rotation: `old` becomes the predecessor of `new`.
pub struct Rotation<'a> {
    /// The session.
    pub id: LoginId,
    /// Hash of the presented token.
    pub old: &'a str,
    /// Hash of its successor.
    pub new: &'a str,
    /// The successor, sealed for a holder of the old token.
    pub successor: &'a str,
    /// When.
    pub now: Timestamp,
    /// The session's new end.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Rotates if `old` is still the current token and the session lives: its owner for exactly one caller, else `None`.
pub async fn rotate(tx: &mut Tx, rotation: &Rotation<'_>) -> Result<Option<UserId>> {
    let row = sqlx::query(
        "UPDATE logins SET previous_hash = current_hash, current_hash = $3, successor = $4, rotated_at = $5, \
         last_used_at = $5, expires_at = $6 \
         WHERE id = $1 AND current_hash = $2 AND ended_at IS NULL AND expires_at > $5 RETURNING user_id",
    )
    .bind(rotation.id.to_string())
    .bind(rotation.old)
    .bind(rotation.new)
    .bind(rotation.successor)
    .bind(rotation.now.as_millis())
    .bind(rotation.expires_at.as_millis())
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(|row| row::id(row, "user_id")).transpose()
}

/// Ends a session. True for exactly one caller, and only if it lived.
pub async fn end(tx: &mut Tx, id: LoginId, now: Timestamp, reason: &str) -> Result<bool> {
    let done =
        sqlx::query("UPDATE logins SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
            .bind(id.to_string())
            .bind(now.as_millis())
            .bind(reason)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all but the `keep` most recently used live sessions of a person. Which ones.
pub async fn end_surplus(tx: &mut Tx, user: UserId, keep: u32, now: Timestamp) -> Result<Vec<LoginId>> {
    // Under the account's lock: two sign-ins at once would each see the other's session missing.
    sqlx::query("UPDATE users SET id = id WHERE id = $1").bind(user.to_string()).execute(tx.conn()).await?;
    let rows = sqlx::query(
        "UPDATE logins SET ended_at = $3, end_reason = 'surplus' WHERE id IN (SELECT id FROM logins \
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $3 \
         ORDER BY last_used_at DESC, id DESC LIMIT $4 OFFSET $2) RETURNING id",
    )
    .bind(user.to_string())
    .bind(i64::from(keep))
    .bind(now.as_millis())
    .bind(PAGE)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| row::id(row, "id")).collect()
}

/// The session with this id, in the transaction's view.
pub async fn by_id_in(tx: &mut Tx, id: LoginId) -> Result<Option<Login>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM logins WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(login).transpose()
}

/// The session with this id.
pub async fn by_id(db: &Db, id: LoginId) -> Result<Option<Login>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM logins WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(login).transpose()
}

/// The role of whoever has this session, while it lives.
pub async fn role_of(db: &Db, id: LoginId, now: Timestamp) -> Result<Option<Role>> {
    let row = sqlx::query(
        "SELECT u.role FROM logins l JOIN users u ON u.id = l.user_id \
         WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2",
    )
    .bind(id.to_string())
    .bind(now.as_millis())
    .fetch_optional(db.reads())
    .await?;
    row.map(|row| row::text(&row, "role")?.parse().map_err(|_| row::broken("role"))).transpose()
}

/// The person's live sessions, most recently used first.
pub async fn live(db: &Db, user: UserId, now: Timestamp) -> Result<Vec<Login>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM logins WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 \
          ORDER BY last_used_at DESC, id DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(now.as_millis())
    .bind(PAGE)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(login).collect()
}

/// Forgets sessions that ended long ago, a bounded number. How many went.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let mut gone = 0;
    for statement in [
        "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE ended_at IS NOT NULL AND ended_at < $1 LIMIT $2)",
        "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE expires_at < $1 LIMIT $2)",
    ] {
        let done =
            sqlx::query(statement).bind((now - KEPT).as_millis()).bind(SWEEP).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    tx.commit().await?;
    Ok(gone)
}
