//! Reports of people by people.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    cases::voices::{NEW, Voice},
    id::{CaseId, ReportId, RoomId, UserId},
    reputation::settle::{Reporter, credibility},
};

use super::{Db, Result, Tx, row, users};

/// Reports of one person are counted over so long, in milliseconds.
const LATELY: i64 = 30 * 24 * 3_600_000;

/// A report to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The report.
    pub id: ReportId,
    /// Who reports.
    pub reporter: UserId,
    /// Where they met.
    pub room: RoomId,
    /// Who is reported.
    pub reported: UserId,
    /// From the closed list of the contract.
    pub reason: &'static str,
    /// In the reporter's words.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How many reports of a case are by somebody for one reason; and the newest of them.
pub async fn alike(tx: &mut Tx, case: CaseId, new: &Report) -> Result<(u64, Option<ReportId>)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n, MAX(id) AS newest FROM reports WHERE case_id = $1 AND reporter_id = $2 AND reason = $3",
    )
    .bind(case.to_string())
    .bind(new.reporter.to_string())
    .bind(new.reason)
    .fetch_one(tx.conn())
    .await?;
    let newest = row::maybe_text(&row, "newest")?;
    let newest = newest.map(|id| id.parse().map_err(|_| row::broken("newest"))).transpose()?;
    Ok((row::count(&row, "n")?, newest))
}

/// All of a case belong to another one from now on.
pub async fn move_to(tx: &mut Tx, from: CaseId, to: CaseId) -> Result<()> {
    sqlx::query("UPDATE reports SET case_id = $2 WHERE case_id = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What somebody says twice about a person, in one room and for one reason, is one report: until it is decided, and for a day in
/// any case.
const SAID_TWICE: i64 = 24 * 3_600_000;

/// Writes the report; when the same was said before, its id comes back. The two accounts must be locked, or two who write at once
/// write two. [`super::Error::Missing`] when one of the two has no account.
pub async fn insert(tx: &mut Tx, report: &Report) -> Result<ReportId> {
    let known = sqlx::query(
        "SELECT id FROM reports WHERE reporter_id = $1 AND room_id = $2 AND reported_id = $3 AND reason = $4 AND (at > $5 \
         OR EXISTS (SELECT 1 FROM cases c WHERE c.id = reports.case_id AND c.state = 'open')) ORDER BY at DESC LIMIT 1",
    )
    .bind(report.reporter.to_string())
    .bind(report.room.to_string())
    .bind(report.reported.to_string())
    .bind(report.reason)
    .bind(report.at.as_millis() - SAID_TWICE)
    .fetch_optional(tx.conn())
    .await?;
    if let Some(known) = known {
        return row::id(&known, "id");
    }
    sqlx::query(
        "INSERT INTO reports (id, reporter_id, room_id, reported_id, reason, note, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(report.id.to_string())
    .bind(report.reporter.to_string())
    .bind(report.room.to_string())
    .bind(report.reported.to_string())
    .bind(report.reason)
    .bind(report.note.clone())
    .bind(report.at.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(report.id)
}

/// The report belongs to that case, if to none yet. False when it did before.
pub async fn join(tx: &mut Tx, id: ReportId, case: CaseId) -> Result<bool> {
    let done = sqlx::query("UPDATE reports SET case_id = $2 WHERE id = $1 AND case_id IS NULL")
        .bind(id.to_string())
        .bind(case.to_string())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The case of a report about somebody, and why it was made. None when there is no such report any more.
pub async fn case_of(tx: &mut Tx, id: ReportId, about: UserId) -> Result<Option<(CaseId, String)>> {
    let query =
        "SELECT case_id, reason FROM reports WHERE id = $1 AND reported_id = $2 AND case_id IS NOT NULL";
    let row =
        sqlx::query(query).bind(id.to_string()).bind(about.to_string()).fetch_optional(tx.conn()).await?;
    row.map(|row| Ok((row::id(&row, "case_id")?, row::text(&row, "reason")?))).transpose()
}

/// A report of a case, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The report.
    pub id: ReportId,
    /// Where they met.
    pub room: RoomId,
    /// From the closed list of the contract.
    pub reason: String,
    /// In the reporter's words.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Who says it, and how far they are believed.
    pub voice: Voice,
}

/// The reports of a case, oldest first, in a transaction that has locked the case: of each person the newest for each reason, so
/// that nobody can bury what others say; what says that somebody is under 18 before all others, then the newest.
pub async fn of_case_in(tx: &mut Tx, case: CaseId, most: i64) -> Result<Vec<Heard>> {
    let rows =
        sqlx::query(OF_CASE).bind(case.to_string()).bind(LATELY).bind(most).fetch_all(tx.conn()).await?;
    in_order(&rows)
}

/// The same, to be shown.
pub async fn of_case(db: &Db, case: CaseId, most: i64) -> Result<Vec<Heard>> {
    let rows =
        sqlx::query(OF_CASE).bind(case.to_string()).bind(LATELY).bind(most).fetch_all(db.reads()).await?;
    in_order(&rows)
}

const OF_CASE: &str = "SELECT r.id, r.room_id, r.reporter_id, r.reason, r.note, r.at, u.reputation, u.created_at, \
    (SELECT COUNT(DISTINCT o.room_id || o.reported_id) FROM reports o WHERE o.reporter_id = r.reporter_id AND o.at > r.at - $2 AND o.at <= r.at) AS lately, \
    (SELECT COUNT(DISTINCT o.case_id) FROM reports o WHERE o.reporter_id = r.reporter_id AND o.cleared_at IS NOT NULL) AS unfounded, \
    (SELECT COUNT(DISTINCT o.case_id) FROM reports o WHERE o.reporter_id = r.reporter_id AND o.founded = 1) AS founded, \
    (SELECT COUNT(*) FROM decisions d WHERE d.user_id = r.reporter_id AND d.room_id = r.room_id AND d.dry_run = 0 \
     AND d.overturned_at IS NULL AND d.action <> 'none') AS against \
    FROM reports r JOIN users u ON u.id = r.reporter_id WHERE r.case_id = $1 AND NOT EXISTS (SELECT 1 FROM reports n \
    WHERE n.case_id = r.case_id AND n.reporter_id = r.reporter_id AND n.reason = r.reason AND n.id > r.id) \
    ORDER BY CASE WHEN r.reason = 'minor' THEN 0 ELSE 1 END, r.at DESC, r.id DESC LIMIT $3";

fn in_order(rows: &[AnyRow]) -> Result<Vec<Heard>> {
    let mut all = rows.iter().map(heard).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|one| (one.at, one.id));
    Ok(all)
}

fn heard(row: &AnyRow) -> Result<Heard> {
    let at = row::time(row, "at")?;
    let age = at.since(row::time(row, "created_at")?);
    let reporter = Reporter { score: users::score(row)?, age, lately: row::count(row, "lately")? };
    let few = |column| Ok::<_, super::Error>(u32::try_from(row::count(row, column)?).unwrap_or(u32::MAX));
    Ok(Heard {
        id: row::id(row, "id")?,
        room: row::id(row, "room_id")?,
        reason: row::text(row, "reason")?,
        note: row::maybe_text(row, "note")?,
        at,
        voice: Voice {
            who: row::id(row, "reporter_id")?,
            credibility: credibility(&reporter),
            is_new: age < NEW,
            provoked: row::count(row, "against")? > 0,
            unfounded: few("unfounded")?,
            founded: few("founded")?,
        },
    })
}

/// Pairs of a case's reporters who belong together: friends, and those who sign in with the same device.
pub async fn ties(tx: &mut Tx, case: CaseId, most: i64) -> Result<Vec<(UserId, UserId)>> {
    let mut all = Vec::new();
    for query in [
        "SELECT DISTINCT f.low_id AS one, f.high_id AS other FROM reports a JOIN friendships f ON f.low_id = a.reporter_id \
         JOIN reports b ON b.reporter_id = f.high_id AND b.case_id = a.case_id \
         WHERE a.case_id = $1 AND f.since IS NOT NULL LIMIT $2",
        "SELECT DISTINCT s.user_id AS one, t.user_id AS other FROM reports a JOIN seen_from s ON s.user_id = a.reporter_id \
         JOIN seen_from t ON t.mac = s.mac AND t.user_id > s.user_id \
         JOIN reports b ON b.reporter_id = t.user_id AND b.case_id = a.case_id \
         WHERE a.case_id = $1 AND s.kind = 'device' LIMIT $2",
    ] {
        let rows = sqlx::query(query).bind(case.to_string()).bind(most).fetch_all(tx.conn()).await?;
        for row in &rows {
            all.push((row::id(row, "one")?, row::id(row, "other")?));
        }
    }
    Ok(all)
}

/// What came of the reports of a case: at that time it was found that they came to nothing, or that there was something.
pub async fn found(tx: &mut Tx, case: CaseId, at: Timestamp, founded: bool) -> Result<()> {
    let query = if founded {
        "UPDATE reports SET founded = 1, cleared_at = NULL WHERE case_id = $1 AND at <= $2"
    } else {
        "UPDATE reports SET founded = 0, cleared_at = $2 WHERE case_id = $1"
    };
    sqlx::query(query).bind(case.to_string()).bind(at.as_millis()).execute(tx.conn()).await?;
    Ok(())
}

/// That was taken back: nothing is known of them again.
pub async fn unfound(tx: &mut Tx, case: CaseId) -> Result<()> {
    sqlx::query("UPDATE reports SET founded = 0, cleared_at = NULL WHERE case_id = $1")
        .bind(case.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}
