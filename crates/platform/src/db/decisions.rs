//! What was decided about people.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{DecisionId, RoomId, UserId},
};

use super::{Db, Result, Tx, row};

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its name.
    pub id: DecisionId,
    /// About whom.
    pub user: UserId,
    /// Where.
    pub room: RoomId,
    /// When.
    pub at: Timestamp,
    /// What, from the closed list of `strikes::Action`.
    pub action: String,
    /// About what, from the closed list of `strikes::Concern`.
    pub concern: String,
    /// The rule.
    pub rule: String,
    /// Of which rules.
    pub version: String,
    /// Of a suspension: its end.
    pub until: Option<Timestamp>,
    /// No person had a part in it.
    pub automated: bool,
    /// Only written down.
    pub dry_run: bool,
    /// JSON.
    pub act: String,
    /// JSON.
    pub signals: String,
    /// When it was taken back.
    pub overturned_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, user_id, room_id, at, action, concern, rule, version, until, automated, dry_run, act, signals, \
         overturned_at"
    };
}

fn decision(row: &AnyRow) -> Result<Decision> {
    Ok(Decision {
        id: row::id(row, "id")?,
        user: row::id(row, "user_id")?,
        room: row::id(row, "room_id")?,
        at: row::time(row, "at")?,
        action: row::text(row, "action")?,
        concern: row::text(row, "concern")?,
        rule: row::text(row, "rule")?,
        version: row::text(row, "version")?,
        until: row::maybe_time(row, "until")?,
        automated: row::flag(row, "automated")?,
        dry_run: row::flag(row, "dry_run")?,
        act: row::text(row, "act")?,
        signals: row::text(row, "signals")?,
        overturned_at: row::maybe_time(row, "overturned_at")?,
    })
}

/// Keeps a decision. False when it was there already. [`super::Error::Missing`] when the person has no account.
pub async fn insert(tx: &mut Tx, new: &Decision) -> Result<bool> {
    let done = sqlx::query(concat!(
        "INSERT INTO decisions (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL) ON CONFLICT (id) DO NOTHING"
    ))
    .bind(new.id.to_string())
    .bind(new.user.to_string())
    .bind(new.room.to_string())
    .bind(new.at.as_millis())
    .bind(new.action.as_str())
    .bind(new.concern.as_str())
    .bind(new.rule.as_str())
    .bind(new.version.as_str())
    .bind(new.until.map(Timestamp::as_millis))
    .bind(i64::from(new.automated))
    .bind(i64::from(new.dry_run))
    .bind(new.act.as_str())
    .bind(new.signals.as_str())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was decided about somebody and done, newest first.
pub async fn of(db: &Db, user: UserId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND dry_run = 0 ORDER BY at DESC, id DESC LIMIT $2"
    ))
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(decision).collect()
}

/// Those since then that stand and took somebody out of a call or kept them away.
pub async fn strikes(db: &Db, user: UserId, since: Timestamp, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND at >= $2 AND dry_run = 0 AND overturned_at IS NULL \
         AND action IN ('remove', 'suspend') ORDER BY at DESC, id DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(decision).collect()
}
