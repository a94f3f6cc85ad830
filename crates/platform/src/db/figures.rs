//! Figures of days. A day is counted from rows while it runs, and once more when it is over; that stays, though the rows are
//! forgotten one day and an erased account takes some of them along.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    cases::UNDO_WITHIN,
    figures::{Figures, MOST_DAYS, Spread},
};

use super::{Db, Result, row};

const DAY_MS: i64 = 86_400_000;
/// A day is counted for good so long after its end: what the database couldn't take in time is there by then.
const GRACE: Duration = Duration::from_hours(1);
/// Days that are kept: a few more than can be asked for.
const KEPT: i64 = 100;
/// Rules that are told of.
const RULES: i64 = 50;

/// The number of a day, in UTC.
pub const fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MS)
}

/// How many there are of each length of `each.ms`, by its first two digits; as `visavis_domain::figures::Spread` has them.
macro_rules! spread {
    ($each:expr) => {
        concat!(
            "SELECT CASE WHEN ms < 0 THEN 0 WHEN ms < 100 THEN ms WHEN ms < 1000 THEN ms / 10 * 10 \
             WHEN ms < 10000 THEN ms / 100 * 100 WHEN ms < 100000 THEN ms / 1000 * 1000 \
             WHEN ms < 1000000 THEN ms / 10000 * 10000 WHEN ms < 10000000 THEN ms / 100000 * 100000 \
             WHEN ms < 100000000 THEN ms / 1000000 * 1000000 WHEN ms < 1000000000 THEN ms / 10000000 * 10000000 \
             WHEN ms < 10000000000 THEN ms / 100000000 * 100000000 ELSE 10000000000 END AS low, COUNT(*) AS times FROM (",
            $each,
            ") each GROUP BY 1"
        )
    };
}

/// How calls and stays end that nobody meant to end.
macro_rules! abrupt {
    () => {
        "('lost', 'server-lost', 'media-failed', 'shutdown')"
    };
}

const CALLS: &str = concat!(
    "SELECT kind, COUNT(*) AS all_of_it, COUNT(CASE WHEN reason IN ",
    abrupt!(),
    " THEN 1 END) AS abrupt FROM calls WHERE ended_at >= $1 AND ended_at < $2 AND started_at IS NOT NULL GROUP BY kind"
);
const STAYS: &str = concat!(
    "SELECT COUNT(*) AS all_of_it, COUNT(CASE WHEN left_reason IN ",
    abrupt!(),
    " THEN 1 END) AS abrupt FROM visits WHERE left_at >= $1 AND left_at < $2"
);
const REPORTS: &str = "SELECT COUNT(*) AS all_of_it, COUNT(c.room_id) AS of_calls FROM reports r \
    LEFT JOIN calls c ON c.room_id = r.room_id WHERE r.at >= $1 AND r.at < $2";
const RATINGS: &str = "SELECT COUNT(*) AS all_of_it, CAST(COALESCE(SUM(stars), 0) AS BIGINT) AS stars FROM call_ratings \
    WHERE at >= $1 AND at < $2";
const DURATION: &str = spread!(
    "SELECT ended_at - started_at AS ms FROM calls WHERE ended_at >= $1 AND ended_at < $2 AND started_at IS NOT NULL"
);
const WAIT: &str = spread!(
    "SELECT m.waited_ms AS ms FROM calls c JOIN call_members m ON m.room_id = c.room_id \
     WHERE c.ended_at >= $1 AND c.ended_at < $2 AND c.kind = 'random'"
);
const BY_RULE: &str = spread!(
    "SELECT at - noticed_at AS ms FROM decisions WHERE at >= $1 AND at < $2 AND automated = 1 AND dry_run = 0 \
     AND noticed_at IS NOT NULL"
);
/// Whether a decision `d` by a person was taken back at once by whoever made it: neither by another decision nor on appeal.
macro_rules! undone {
    ($within:literal) => {
        concat!(
            "(d.overturned_at IS NOT NULL AND d.overturned_at - d.at <= ",
            $within,
            " AND d.overturned_by IS NULL AND NOT EXISTS \
             (SELECT 1 FROM appeals a WHERE a.decision_id = d.id AND a.state = 'overturned'))"
        )
    };
}

const BY_PEOPLE: &str = spread!(concat!(
    "SELECT d.at - c.opened_at AS ms FROM decisions d JOIN cases c ON c.id = d.case_id \
     WHERE d.at >= $1 AND d.at < $2 AND d.automated = 0 AND NOT ",
    undone!("$3")
));

/// Counts what has happened from then until then.
async fn count(db: &Db, from: Timestamp, until: Timestamp) -> Result<Figures> {
    let mut all = Figures::default();
    let between = |query: &'static str| sqlx::query(query).bind(from.as_millis()).bind(until.as_millis());
    for row in between(CALLS).fetch_all(db.reads()).await? {
        let calls = row::count(&row, "all_of_it")?;
        if row::text(&row, "kind")? == "random" {
            all.random += calls;
        } else {
            all.friends += calls;
        }
        all.abrupt += row::count(&row, "abrupt")?;
    }
    let stays = between(STAYS).fetch_one(db.reads()).await?;
    (all.stays, all.abrupt_stays) = (row::count(&stays, "all_of_it")?, row::count(&stays, "abrupt")?);
    let reports = between(REPORTS).fetch_one(db.reads()).await?;
    (all.reports, all.reports_of_calls) =
        (row::count(&reports, "all_of_it")?, row::count(&reports, "of_calls")?);
    let ratings = between(RATINGS).fetch_one(db.reads()).await?;
    (all.ratings, all.stars) = (row::count(&ratings, "all_of_it")?, row::count(&ratings, "stars")?);
    for (query, into) in
        [(DURATION, &mut all.duration), (WAIT, &mut all.wait), (BY_RULE, &mut all.acted_by_rule)]
    {
        spread(&between(query).fetch_all(db.reads()).await?, into)?;
    }
    let decided = between(BY_PEOPLE).bind(undo_ms()).fetch_all(db.reads()).await?;
    spread(&decided, &mut all.acted_by_people)?;
    Ok(all)
}

fn spread(rows: &[sqlx::any::AnyRow], into: &mut Spread) -> Result<()> {
    for row in rows {
        into.add(row::count(row, "low")?, row::count(row, "times")?);
    }
    Ok(())
}

fn undo_ms() -> i64 {
    i64::try_from(UNDO_WITHIN.as_millis()).unwrap_or(i64::MAX)
}

const fn beginning(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY_MS)
}

/// The first day that isn't counted for good.
async fn head(db: &Db) -> Result<i64> {
    let row = sqlx::query("SELECT next_day FROM figures_head WHERE id = 1").fetch_one(db.reads()).await?;
    row::number(&row, "next_day")
}

/// Counts for good what is over, at most ninety days a time. Of many who do it at once each day is written by one; whoever
/// comes back from here knows that all of them are, by whomever.
pub(super) async fn keep(db: &Db, now: Timestamp) -> Result<u64> {
    let end = day(now - GRACE);
    let mut written = 0;
    loop {
        let one = head(db).await?.max(end - i64::from(MOST_DAYS));
        if one >= end {
            return Ok(written);
        }
        let figures = count(db, beginning(one), beginning(one + 1)).await?;
        let mut tx = db.write().await?;
        let moved = sqlx::query("UPDATE figures_head SET next_day = $1 WHERE id = 1 AND next_day <= $2")
            .bind(one + 1)
            .bind(one)
            .execute(tx.conn())
            .await?;
        if moved.rows_affected() == 0 {
            // Somebody else was faster.
            continue;
        }
        if figures != Figures::default() {
            sqlx::query("INSERT INTO daily_figures (day, figures) VALUES ($1, $2)")
                .bind(one)
                .bind(serde_json::to_string(&figures).map_err(|_| row::broken("figures"))?)
                .execute(tx.conn())
                .await?;
        }
        sqlx::query("DELETE FROM daily_figures WHERE day < $1").bind(one - KEPT).execute(tx.conn()).await?;
        tx.commit().await?;
        written += 1;
    }
}

/// A day's figures, and whether they stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfDay {
    /// When it began.
    pub day: Timestamp,
    /// It is counted for good.
    pub over: bool,
    /// What happened on it.
    pub figures: Figures,
}

/// The last `days` days, the earliest first, without a gap: what is over from what was kept, the rest from rows.
pub async fn of_days(db: &Db, now: Timestamp, days: u32) -> Result<Vec<OfDay>> {
    let today = day(now);
    let first = today - i64::from(days.clamp(1, MOST_DAYS)) + 1;
    let next = head(db).await?;
    let rows =
        sqlx::query("SELECT day, figures FROM daily_figures WHERE day >= $1 AND day <= $2 ORDER BY day")
            .bind(first)
            .bind(today)
            .fetch_all(db.reads())
            .await?;
    let mut kept = Vec::with_capacity(rows.len());
    for row in &rows {
        kept.push((row::number(row, "day")?, row::json::<Figures>(row, "figures")?));
    }
    let mut all = Vec::new();
    for one in first..=today {
        let figures = if one < next {
            kept.iter().find(|(day, _)| *day == one).map(|(_, figures)| figures.clone()).unwrap_or_default()
        } else {
            count(db, beginning(one), beginning(one + 1)).await?
        };
        all.push(OfDay { day: beginning(one), over: one < next, figures });
    }
    Ok(all)
}

/// A rule's decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfRule {
    /// Its name.
    pub rule: String,
    /// How many were done.
    pub decisions: u64,
    /// How many of them were taken back, later than at once.
    pub taken_back: u64,
}

/// What was decided since then and done, by rule: the most frequent first, at most fifty.
pub async fn of_rules(db: &Db, since: Timestamp) -> Result<Vec<OfRule>> {
    let rows = sqlx::query(concat!(
        "SELECT d.rule, COUNT(*) AS decisions, COUNT(d.overturned_at) AS taken_back FROM decisions d WHERE d.at >= $1 \
         AND d.dry_run = 0 AND d.action <> 'none' AND (d.automated = 1 OR NOT ",
        undone!("$2"),
        ") GROUP BY d.rule ORDER BY 2 DESC, d.rule LIMIT $3"
    ))
    .bind(since.as_millis())
    .bind(undo_ms())
    .bind(RULES)
    .fetch_all(db.reads())
    .await?;
    let rule = |row| {
        Ok(OfRule {
            rule: row::text(row, "rule")?,
            decisions: row::count(row, "decisions")?,
            taken_back: row::count(row, "taken_back")?,
        })
    };
    rows.iter().map(rule).collect()
}
