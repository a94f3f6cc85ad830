//! What waits for people to decide, as those who run a place see it: without anybody's words.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    cases::State,
    id::{CaseId, UserId},
};

use super::{Db, Result, row};

/// What waits for people to decide: cases in a state, or appeals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many.
    pub number: u64,
    /// Since when the one that has waited longest.
    pub oldest: Option<Timestamp>,
}

/// Open cases, appealed ones, and appeals.
pub async fn waiting(db: &Db) -> Result<[Waiting; 3]> {
    let mut all = [Waiting::default(); 3];
    for (query, into) in [
        "SELECT COUNT(*) AS waiting, MIN(opened_at) AS oldest FROM cases WHERE state = 'open'",
        "SELECT COUNT(*) AS waiting, MIN((SELECT MIN(a.at) FROM appeals a WHERE a.case_id = c.id AND a.state = 'open')) \
         AS oldest FROM cases c WHERE c.state = 'appealed'",
        "SELECT COUNT(*) AS waiting, MIN(at) AS oldest FROM appeals WHERE state = 'open'",
    ]
    .into_iter()
    .zip(&mut all)
    {
        let row = sqlx::query(query).fetch_one(db.reads()).await?;
        *into = Waiting { number: row::count(&row, "waiting")?, oldest: row::maybe_time(&row, "oldest")? };
    }
    Ok(all)
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: CaseId,
    /// About whom.
    pub user: UserId,
    /// In which state.
    pub state: String,
    /// How soon it is looked at.
    pub priority: u64,
    /// Since when.
    pub opened_at: Timestamp,
    /// Nothing of it is deleted.
    pub held: bool,
    /// Reports in it.
    pub reports: u64,
    /// Decisions in it, those by rule as well.
    pub decisions: u64,
    /// Pieces that show it.
    pub pieces: u64,
}

/// Cases in a state, in the order of the queue.
pub async fn cases(db: &Db, state: State, most: i64) -> Result<Vec<Listed>> {
    let rows = sqlx::query(
        "SELECT c.id, c.user_id, c.state, c.priority, c.opened_at, c.held_for, \
         (SELECT COUNT(*) FROM reports r WHERE r.case_id = c.id) AS reports, \
         (SELECT COUNT(*) FROM decisions d WHERE d.case_id = c.id) AS decisions, \
         (SELECT COUNT(*) FROM evidence e WHERE e.case_id = c.id) AS pieces \
         FROM cases c WHERE c.state = $1 ORDER BY c.place LIMIT $2",
    )
    .bind(state.as_str())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &AnyRow) -> Result<Listed> {
    Ok(Listed {
        id: row::id(row, "id")?,
        user: row::id(row, "user_id")?,
        state: row::text(row, "state")?,
        priority: row::count(row, "priority")?,
        opened_at: row::time(row, "opened_at")?,
        held: row::maybe_text(row, "held_for")?.is_some(),
        reports: row::count(row, "reports")?,
        decisions: row::count(row, "decisions")?,
        pieces: row::count(row, "pieces")?,
    })
}
