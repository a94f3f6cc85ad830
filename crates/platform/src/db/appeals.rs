//! Appeals against decisions: one for each decision.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{AppealId, CaseId, DecisionId, UserId},
};

use super::{Db, Result, Tx, row};

/// An appeal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appeal {
    /// Its name.
    pub id: AppealId,
    /// Against what.
    pub decision: DecisionId,
    /// Of which case.
    pub case: CaseId,
    /// By whom: whom the decision is about.
    pub user: UserId,
    /// In their words.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// `open`, `upheld` or `overturned`.
    pub state: String,
    /// When it was judged.
    pub judged_at: Option<Timestamp>,
    /// In the words of whoever judged.
    pub note: Option<String>,
}

macro_rules! columns {
    () => {
        "id, decision_id, case_id, user_id, text, at, state, judged_at, note"
    };
}

fn appeal(row: &AnyRow) -> Result<Appeal> {
    Ok(Appeal {
        id: row::id(row, "id")?,
        decision: row::id(row, "decision_id")?,
        case: row::id(row, "case_id")?,
        user: row::id(row, "user_id")?,
        text: row::text(row, "text")?,
        at: row::time(row, "at")?,
        state: row::text(row, "state")?,
        judged_at: row::maybe_time(row, "judged_at")?,
        note: row::maybe_text(row, "note")?,
    })
}

/// Keeps it. The one that is there comes back when the decision has one.
pub async fn insert(tx: &mut Tx, new: &Appeal) -> Result<AppealId> {
    let row = sqlx::query(concat!(
        "INSERT INTO appeals (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, 'open', NULL, NULL) \
         ON CONFLICT (decision_id) DO UPDATE SET state = appeals.state RETURNING id"
    ))
    .bind(new.id.to_string())
    .bind(new.decision.to_string())
    .bind(new.case.to_string())
    .bind(new.user.to_string())
    .bind(new.text.as_str())
    .bind(new.at.as_millis())
    .fetch_one(tx.conn())
    .await?;
    row::id(&row, "id")
}

/// One, locked.
pub async fn lock(tx: &mut Tx, id: AppealId) -> Result<Option<Appeal>> {
    let row = sqlx::query(concat!("UPDATE appeals SET id = id WHERE id = $1 RETURNING ", columns!()))
        .bind(id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(appeal).transpose()
}

/// One.
pub async fn by_id(db: &Db, id: AppealId) -> Result<Option<Appeal>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM appeals WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(appeal).transpose()
}

/// Somebody has judged.
pub async fn judged(tx: &mut Tx, judged: &Appeal, by: UserId) -> Result<()> {
    sqlx::query("UPDATE appeals SET state = $2, judged_by = $3, judged_at = $4, note = $5 WHERE id = $1")
        .bind(judged.id.to_string())
        .bind(judged.state.as_str())
        .bind(by.to_string())
        .bind(judged.judged_at.map(Timestamp::as_millis))
        .bind(judged.note.clone())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Those of a case that somebody has answered at that moment are open again.
pub async fn reopen(tx: &mut Tx, case: CaseId, by: UserId, at: Timestamp) -> Result<Vec<AppealId>> {
    let rows = sqlx::query(
        "UPDATE appeals SET state = 'open', judged_by = NULL, judged_at = NULL, note = NULL \
         WHERE case_id = $1 AND judged_by = $2 AND judged_at = $3 RETURNING id",
    )
    .bind(case.to_string())
    .bind(by.to_string())
    .bind(at.as_millis())
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| row::id(row, "id")).collect()
}

/// All of a case belong to another one from now on.
pub async fn move_to(tx: &mut Tx, from: CaseId, to: CaseId) -> Result<()> {
    sqlx::query("UPDATE appeals SET case_id = $2 WHERE case_id = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Of one state, the oldest first, behind that one.
pub async fn page(db: &Db, state: &str, after: (Timestamp, &str), most: i64) -> Result<Vec<Appeal>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM appeals WHERE state = $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4"
    ))
    .bind(state)
    .bind(after.0.as_millis())
    .bind(after.1)
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(appeal).collect()
}

/// Of one case, oldest first.
pub async fn of_case(db: &Db, case: CaseId, most: i64) -> Result<Vec<Appeal>> {
    let rows =
        sqlx::query(concat!("SELECT ", columns!(), " FROM appeals WHERE case_id = $1 ORDER BY at LIMIT $2"))
            .bind(case.to_string())
            .bind(most)
            .fetch_all(db.reads())
            .await?;
    rows.iter().map(appeal).collect()
}

/// Open ones of one case, in a transaction that has locked the case.
pub async fn open_in(tx: &mut Tx, case: CaseId, most: i64) -> Result<Vec<Appeal>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM appeals WHERE case_id = $1 AND state = 'open' ORDER BY at LIMIT $2"
    ))
    .bind(case.to_string())
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(appeal).collect()
}

/// Of one person, newest first.
pub async fn of_user(db: &Db, user: UserId, most: i64) -> Result<Vec<Appeal>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM appeals WHERE user_id = $1 ORDER BY at DESC LIMIT $2"
    ))
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(appeal).collect()
}
