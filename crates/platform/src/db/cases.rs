//! What people have to decide about people. The open case of a person is one row, whoever comes first.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    cases::{Decided, Flow, Lease, State},
    id::{CaseId, UserId},
};

use super::{Db, Result, Tx, row};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub id: CaseId,
    /// About whom.
    pub user: UserId,
    /// Where it stands, who has it, who decided.
    pub flow: Flow,
    /// How soon it is looked at.
    pub priority: u32,
    /// People reported it.
    pub reported: bool,
    /// Models noticed it.
    pub noticed: bool,
    /// Somebody seems to be under 18.
    pub minor: bool,
    /// When.
    pub opened_at: Timestamp,
    /// Something came in, or was decided.
    pub changed_at: Timestamp,
    /// Nothing of it is deleted, for this reason.
    pub held_for: Option<String>,
}

impl Case {
    /// In the queue: the gravest and then the oldest first, as text that sorts.
    fn place(&self) -> String {
        let rest = 99_999_u32.saturating_sub(self.priority);
        format!("{rest:05} {:015} {}", self.opened_at.as_millis().max(0), self.id)
    }
}

macro_rules! columns {
    () => {
        "id, user_id, state, priority, reported, noticed, minor, opened_at, changed_at, leased_by, leased_until, decided_by, \
         decided_at, held_for"
    };
}

fn maybe_id(row: &AnyRow, column: &str) -> Result<Option<UserId>> {
    let text = row::maybe_text(row, column)?;
    text.map(|text| text.parse().map_err(|_| row::broken(column))).transpose()
}

fn case(row: &AnyRow) -> Result<Case> {
    let state: State = row::text(row, "state")?.parse().map_err(|()| row::broken("state"))?;
    let lease = maybe_id(row, "leased_by")?.zip(row::maybe_time(row, "leased_until")?);
    let decided = maybe_id(row, "decided_by")?.zip(row::maybe_time(row, "decided_at")?);
    Ok(Case {
        id: row::id(row, "id")?,
        user: row::id(row, "user_id")?,
        flow: Flow {
            state,
            lease: lease.map(|(by, until)| Lease { by, until }),
            decided: decided.map(|(by, at)| Decided { by, at }),
        },
        priority: u32::try_from(row::number(row, "priority")?).map_err(|_| row::broken("priority"))?,
        reported: row::flag(row, "reported")?,
        noticed: row::flag(row, "noticed")?,
        minor: row::flag(row, "minor")?,
        opened_at: row::time(row, "opened_at")?,
        changed_at: row::time(row, "changed_at")?,
        held_for: row::maybe_text(row, "held_for")?,
    })
}

/// The person's open case, locked; a new one of this name when there is none.
pub async fn open_or_join(tx: &mut Tx, new: CaseId, user: UserId, at: Timestamp) -> Result<Case> {
    let fresh = Case {
        id: new,
        user,
        flow: Flow::OPEN,
        priority: 0,
        reported: false,
        noticed: false,
        minor: false,
        opened_at: at,
        changed_at: at,
        held_for: None,
    };
    // The update changes nothing; it makes the row that is there come back, and is its lock.
    let row = sqlx::query(concat!(
        "INSERT INTO cases (id, user_id, state, place, priority, reported, noticed, minor, opened_at, changed_at) \
         VALUES ($1, $2, 'open', $3, 0, 0, 0, 0, $4, $4) ON CONFLICT (user_id) WHERE state = 'open' \
         DO UPDATE SET user_id = cases.user_id RETURNING ",
        columns!()
    ))
    .bind(new.to_string())
    .bind(user.to_string())
    .bind(fresh.place())
    .bind(at.as_millis())
    .fetch_one(tx.conn())
    .await?;
    case(&row)
}

/// The case, locked.
pub async fn lock(tx: &mut Tx, id: CaseId) -> Result<Option<Case>> {
    let row = sqlx::query(concat!("UPDATE cases SET id = id WHERE id = $1 RETURNING ", columns!()))
        .bind(id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(case).transpose()
}

/// Writes what can change of a case that was locked. [`super::Error::Conflict`] when it is opened again while there is
/// another open one of the same person.
pub async fn write(tx: &mut Tx, case: &Case) -> Result<()> {
    let Case { flow, .. } = case;
    sqlx::query(
        "UPDATE cases SET state = $2, place = $3, priority = $4, reported = $5, noticed = $6, minor = $7, changed_at = $8, \
         leased_by = $9, leased_until = $10, decided_by = $11, decided_at = $12, held_for = $13 WHERE id = $1",
    )
    .bind(case.id.to_string())
    .bind(flow.state.as_str())
    .bind(case.place())
    .bind(i64::from(case.priority))
    .bind(i64::from(case.reported))
    .bind(i64::from(case.noticed))
    .bind(i64::from(case.minor))
    .bind(case.changed_at.as_millis())
    .bind(flow.lease.map(|lease| lease.by.to_string()))
    .bind(flow.lease.map(|lease| lease.until.as_millis()))
    .bind(flow.decided.map(|decided| decided.by.to_string()))
    .bind(flow.decided.map(|decided| decided.at.as_millis()))
    .bind(case.held_for.clone())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The case.
pub async fn by_id(db: &Db, id: CaseId) -> Result<Option<Case>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM cases WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(case).transpose()
}

/// The person's open case, locked, if there is one.
pub async fn open_of(tx: &mut Tx, user: UserId) -> Result<Option<Case>> {
    let row = sqlx::query(concat!(
        "UPDATE cases SET id = id WHERE user_id = $1 AND state = 'open' RETURNING ",
        columns!()
    ))
    .bind(user.to_string())
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(case).transpose()
}

/// Why a case isn't for a moderator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// They reported the person, or are their friend.
    Part,
    /// It is about a moderator or an admin, and they are no admin.
    Below,
}

/// Whether there is such a tie between them.
pub async fn tie(db: &Db, case: &Case, moderator: UserId) -> Result<Option<Tie>> {
    let (about, by) = (case.user.to_string(), moderator.to_string());
    let reported = sqlx::query("SELECT COUNT(*) AS n FROM reports WHERE case_id = $1 AND reporter_id = $2")
        .bind(case.id.to_string())
        .bind(by.as_str())
        .fetch_one(db.reads())
        .await?;
    let friends = sqlx::query(
        "SELECT COUNT(*) AS n FROM friendships WHERE low_id = $1 AND high_id = $2 AND since IS NOT NULL",
    )
    .bind(about.as_str().min(&by))
    .bind(about.as_str().max(&by))
    .fetch_one(db.reads())
    .await?;
    let roles = sqlx::query("SELECT id, role FROM users WHERE id IN ($1, $2)")
        .bind(about.as_str())
        .bind(by.as_str())
        .fetch_all(db.reads())
        .await?;
    if row::count(&reported, "n")? > 0 || row::count(&friends, "n")? > 0 {
        return Ok(Some(Tie::Part));
    }
    let (mut governs, mut is_admin) = (false, false);
    for row in &roles {
        let (id, role) = (row::text(row, "id")?, row::text(row, "role")?);
        governs |= id == about && role != "user";
        is_admin |= id == by && role == "admin";
    }
    Ok((governs && !is_admin).then_some(Tie::Below))
}

/// What is asked for of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// In which state.
    pub state: State,
    /// People reported it.
    pub reported: bool,
    /// Models noticed it.
    pub noticed: bool,
    /// Somebody seems to be under 18.
    pub minor: bool,
    /// Behind this place in the queue; empty for its beginning.
    pub after: &'a str,
    /// Not what others have, nor what they have a part in, nor, unless they are an admin, what is about those who govern.
    pub for_whom: UserId,
    /// Now.
    pub now: Timestamp,
}

/// The next cases of a queue, each with its place.
pub async fn page(db: &Db, wanted: &Wanted<'_>, most: i64) -> Result<Vec<(Case, String)>> {
    let rows = sqlx::query(concat!(
        "SELECT place, ",
        columns!(),
        " FROM cases WHERE state = $1 AND place > $2 AND reported >= $3 AND noticed >= $4 AND minor >= $5 \
         AND (leased_until IS NULL OR leased_until <= $6 OR leased_by = $7) AND user_id <> $7 \
         AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.case_id = cases.id AND r.reporter_id = $7) \
         AND NOT EXISTS (SELECT 1 FROM friendships f WHERE f.since IS NOT NULL \
         AND ((f.low_id = $7 AND f.high_id = cases.user_id) OR (f.high_id = $7 AND f.low_id = cases.user_id))) \
         AND (EXISTS (SELECT 1 FROM users a WHERE a.id = $7 AND a.role = 'admin') \
         OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = cases.user_id AND u.role <> 'user')) \
         ORDER BY place LIMIT $8"
    ))
    .bind(wanted.state.as_str())
    .bind(wanted.after)
    .bind(i64::from(wanted.reported))
    .bind(i64::from(wanted.noticed))
    .bind(i64::from(wanted.minor))
    .bind(wanted.now.as_millis())
    .bind(wanted.for_whom.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(|row| Ok((case(row)?, row::text(row, "place")?))).collect()
}

/// Cases of one person, newest first.
pub async fn of(db: &Db, user: UserId, most: i64) -> Result<Vec<Case>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM cases WHERE user_id = $1 ORDER BY opened_at DESC LIMIT $2"
    ))
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(case).collect()
}

/// What only models noticed, and nobody looked at for so long, is over; but what somebody waits to hear about isn't.
pub async fn lapse(db: &Db, before: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE cases SET state = 'final' WHERE state = 'open' AND reported = 0 AND changed_at < $1 AND held_for IS NULL \
         AND NOT EXISTS (SELECT 1 FROM appeals WHERE case_id = cases.id AND appeals.state = 'open')",
    )
    .bind(before.as_millis())
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
