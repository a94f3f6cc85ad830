//! Reports of people by people.

use visavis_domain::{
    Timestamp,
    id::{ReportId, RoomId, UserId},
};

use super::{Result, Tx, row};

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

/// Writes the report; of the same person, in the same room, by the same person there is one only, and its id comes
/// back. [`super::Error::Missing`] when one of the two has no account.
pub async fn insert(tx: &mut Tx, report: &Report) -> Result<ReportId> {
    // The update changes nothing; it makes the row that is there come back.
    let row = sqlx::query(
        "INSERT INTO reports (id, reporter_id, room_id, reported_id, reason, note, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (reporter_id, room_id, reported_id) DO UPDATE SET reason = reports.reason RETURNING id",
    )
    .bind(report.id.to_string())
    .bind(report.reporter.to_string())
    .bind(report.room.to_string())
    .bind(report.reported.to_string())
    .bind(report.reason)
    .bind(report.note.clone())
    .bind(report.at.as_millis())
    .fetch_one(tx.conn())
    .await?;
    row::id(&row, "id")
}
