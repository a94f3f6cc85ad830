//! How long it is remembered who met whom, and who was reported.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::Timestamp;

use super::{Db, Result};

/// Rows of one table that go at once.
const SWEEP: i64 = 500;
const DAY: Duration = Duration::from_hours(24);

/// Days after which things are forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Calls and stays in groups: who, when, how they ended.
    #[schemars(range(min = 2, max = 3_650))]
    pub calls_days: u32,
    /// Reports, with their notes. What they moved of a reputation stays as long as that counts.
    #[schemars(range(min = 30, max = 3_650))]
    pub reports_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { calls_days: 365, reports_days: 365 }
    }
}

/// Forgets a bounded number of what is older. A call that runs is never old.
pub(super) async fn sweep(db: &Db, now: Timestamp, retention: &Retention) -> Result<u64> {
    let mut tx = db.write().await?;
    let mut gone = 0;
    let (calls, reports) = (now - DAY * retention.calls_days, now - DAY * retention.reports_days);
    for (statement, before) in [
        (
            "DELETE FROM calls WHERE room_id IN \
             (SELECT room_id FROM calls WHERE opened_at < $1 AND ended_at IS NOT NULL LIMIT $2)",
            calls,
        ),
        (
            "DELETE FROM visits WHERE participant_id IN \
             (SELECT participant_id FROM visits WHERE came_at < $1 AND left_at IS NOT NULL LIMIT $2)",
            calls,
        ),
        (
            "DELETE FROM kept_apart WHERE participant_id IN \
             (SELECT participant_id FROM kept_apart WHERE at < $1 LIMIT $2)",
            calls,
        ),
        ("DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE at < $1 LIMIT $2)", reports),
    ] {
        let done = sqlx::query(statement).bind(before.as_millis()).bind(SWEEP).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    tx.commit().await?;
    Ok(gone)
}
