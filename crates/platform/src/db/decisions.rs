//! What was decided about people.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{CaseId, DecisionId, Id, Kind, RoomId, UserId},
};

use crate::secret::Secret;

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
    /// Of which case.
    pub case: Option<CaseId>,
    /// The person who decided.
    pub decided_by: Option<UserId>,
    /// In their words.
    pub note: Option<String>,
    /// Reports that were looked at.
    pub reports: u32,
    /// The suspension that was evaded.
    pub because_of: Option<DecisionId>,
    /// When it was taken back.
    pub overturned_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, user_id, room_id, at, action, concern, rule, version, until, automated, dry_run, act, signals, \
         case_id, decided_by, note, reports, because_of, overturned_at"
    };
}

fn maybe_id<K: Kind>(row: &AnyRow, column: &str) -> Result<Option<Id<K>>> {
    let text = row::maybe_text(row, column)?;
    text.map(|text| text.parse().map_err(|_| row::broken(column))).transpose()
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
        case: maybe_id(row, "case_id")?,
        decided_by: maybe_id(row, "decided_by")?,
        note: row::maybe_text(row, "note")?,
        because_of: maybe_id(row, "because_of")?,
        reports: u32::try_from(row::number(row, "reports")?).map_err(|_| row::broken("reports"))?,
        overturned_at: row::maybe_time(row, "overturned_at")?,
    })
}

/// The MAC over what doesn't change any more: all but of which case it is, and whether it was taken back.
pub fn mac(secret: &Secret, of: &Decision) -> String {
    let millis = |at: Timestamp| at.as_millis().to_string();
    let (id, user, room, at) = (of.id.to_string(), of.user.to_string(), of.room.to_string(), millis(of.at));
    let until = of.until.map(millis).unwrap_or_default();
    let (automated, dry_run) = (of.automated.to_string(), of.dry_run.to_string());
    let by = of.decided_by.map(|by| by.to_string()).unwrap_or_default();
    let because_of = of.because_of.map(|of| of.to_string()).unwrap_or_default();
    let (note, reports) = (of.note.clone().unwrap_or_default(), of.reports.to_string());
    let parts: [&str; 17] = [
        &id,
        &user,
        &room,
        &at,
        &of.action,
        &of.concern,
        &of.rule,
        &of.version,
        &until,
        &automated,
        &dry_run,
        &of.act,
        &of.signals,
        &by,
        &note,
        &reports,
        &because_of,
    ];
    BASE64_URL_SAFE_NO_PAD.encode(secret.mac("decision", &parts.map(str::as_bytes)))
}

/// Keeps a decision. False when it was there already. [`super::Error::Missing`] when the person has no account.
pub async fn insert(tx: &mut Tx, secret: &Secret, new: &Decision) -> Result<bool> {
    let done = sqlx::query(concat!(
        "INSERT INTO decisions (",
        columns!(),
        ", mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, NULL, $19) \
         ON CONFLICT (id) DO NOTHING"
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
    .bind(new.case.map(|case| case.to_string()))
    .bind(new.decided_by.map(|by| by.to_string()))
    .bind(new.note.clone())
    .bind(i64::from(new.reports))
    .bind(new.because_of.map(|of| of.to_string()))
    .bind(mac(secret, new))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// When the first of what a decision rests on was noticed.
pub async fn noticed(tx: &mut Tx, id: DecisionId, at: Timestamp) -> Result<()> {
    sqlx::query("UPDATE decisions SET noticed_at = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(at.as_millis())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What was decided about somebody and done, newest first.
pub async fn of(db: &Db, user: UserId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND dry_run = 0 AND action <> 'none' ORDER BY at DESC, id DESC LIMIT $2"
    ))
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(decision).collect()
}

/// Those since then that stand and took somebody out of a call or kept them away.
pub async fn strikes(db: &Db, user: UserId, since: Timestamp, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(STRIKES)
        .bind(user.to_string())
        .bind(since.as_millis())
        .bind(most)
        .fetch_all(db.reads())
        .await?;
    rows.iter().map(decision).collect()
}

/// The same as the transaction sees it.
pub async fn strikes_in(tx: &mut Tx, user: UserId, since: Timestamp, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(STRIKES)
        .bind(user.to_string())
        .bind(since.as_millis())
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(decision).collect()
}

const STRIKES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM decisions WHERE user_id = $1 AND at >= $2 AND dry_run = 0 AND overturned_at IS NULL \
     AND action IN ('remove', 'suspend') ORDER BY at DESC, id DESC LIMIT $3"
);

/// Those that took somebody out of a call or kept them away, oldest first, also if they were taken back.
pub async fn all_strikes(db: &Db, user: UserId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND dry_run = 0 AND action IN ('remove', 'suspend') \
         ORDER BY at DESC, id DESC LIMIT $2"
    ))
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().rev().map(decision).collect()
}

/// Those by rule since then that were done, also if they were taken back, oldest first.
pub async fn by_rule(db: &Db, user: UserId, since: Timestamp, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND at >= $2 AND automated = 1 AND dry_run = 0 \
         ORDER BY at DESC, id DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().rev().map(decision).collect()
}

/// The suspension that ends last of those that run, however long ago it was decided.
pub async fn running(db: &Db, user: UserId, now: Timestamp) -> Result<Option<Decision>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE user_id = $1 AND action = 'suspend' AND dry_run = 0 AND overturned_at IS NULL \
         AND until > $2 ORDER BY until DESC LIMIT 1"
    ))
    .bind(user.to_string())
    .bind(now.as_millis())
    .fetch_optional(db.reads())
    .await?;
    row.as_ref().map(decision).transpose()
}

/// One.
pub async fn by_id(db: &Db, id: DecisionId) -> Result<Option<Decision>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM decisions WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(decision).transpose()
}

/// The newest of a case, oldest first.
pub async fn of_case(db: &Db, case: CaseId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(OF_CASE).bind(case.to_string()).bind(most).fetch_all(db.reads()).await?;
    rows.iter().rev().map(decision).collect()
}

/// The same in a transaction that has locked the case.
pub async fn of_case_in(tx: &mut Tx, case: CaseId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(OF_CASE).bind(case.to_string()).bind(most).fetch_all(tx.conn()).await?;
    rows.iter().rev().map(decision).collect()
}

const OF_CASE: &str =
    concat!("SELECT ", columns!(), " FROM decisions WHERE case_id = $1 ORDER BY at DESC, id DESC LIMIT $2");

/// Takes one back; by which other decision, if by one. False when it is taken back already.
pub async fn overturn(tx: &mut Tx, id: DecisionId, at: Timestamp, by: Option<DecisionId>) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE decisions SET overturned_at = $2, overturned_by = $3 WHERE id = $1 AND overturned_at IS NULL",
    )
    .bind(id.to_string())
    .bind(at.as_millis())
    .bind(by.map(|by| by.to_string()))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those that stand because of that suspension.
pub async fn because_of(tx: &mut Tx, id: DecisionId, most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE because_of = $1 AND overturned_at IS NULL LIMIT $2"
    ))
    .bind(id.to_string())
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(decision).collect()
}

/// It belongs to that case, if to none yet.
pub async fn join(tx: &mut Tx, id: DecisionId, case: CaseId) -> Result<()> {
    sqlx::query("UPDATE decisions SET case_id = $2 WHERE id = $1 AND case_id IS NULL")
        .bind(id.to_string())
        .bind(case.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What that decision took back stands again, of whomever.
pub async fn restore(tx: &mut Tx, by: DecisionId) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "UPDATE decisions SET overturned_at = NULL, overturned_by = NULL WHERE overturned_by = $1 RETURNING ",
        columns!()
    ))
    .bind(by.to_string())
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(decision).collect()
}

/// The suspensions for whose evasion somebody was ever suspended, also if that was taken back.
pub async fn evaded(tx: &mut Tx, user: UserId, most: i64) -> Result<Vec<DecisionId>> {
    let rows = sqlx::query(
        "SELECT because_of FROM decisions WHERE user_id = $1 AND because_of IS NOT NULL ORDER BY at DESC LIMIT $2",
    )
    .bind(user.to_string())
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| row::id(row, "because_of")).collect()
}

/// The suspension that one was itself for evading, if it was.
pub async fn evades(tx: &mut Tx, id: DecisionId) -> Result<Option<DecisionId>> {
    let row = sqlx::query("SELECT because_of FROM decisions WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map_or(Ok(None), |row| maybe_id(row, "because_of"))
}

/// All of a case belong to another one from now on.
pub async fn move_to(tx: &mut Tx, from: CaseId, to: CaseId) -> Result<()> {
    sqlx::query("UPDATE decisions SET case_id = $2 WHERE case_id = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// All that were done, in order, behind that one: for the export.
pub async fn all_after(db: &Db, after: (Timestamp, &str), most: i64) -> Result<Vec<Decision>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM decisions WHERE (at, id) > ($1, $2) AND dry_run = 0 AND action <> 'none' ORDER BY at, id LIMIT $3"
    ))
    .bind(after.0.as_millis())
    .bind(after.1)
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(decision).collect()
}

/// All there are, by name, behind that one, each with its MAC if it has one: for checking.
pub async fn sealed_after(
    db: &Db,
    after: &str,
    most: i64,
) -> Result<Vec<(String, Option<Decision>, Option<String>)>> {
    let rows = sqlx::query(concat!(
        "SELECT mac, ",
        columns!(),
        " FROM decisions WHERE id > $1 ORDER BY id LIMIT $2"
    ))
    .bind(after)
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    let one = |row: &AnyRow| Ok((row::text(row, "id")?, decision(row).ok(), row::maybe_text(row, "mac")?));
    rows.iter().map(one).collect()
}
