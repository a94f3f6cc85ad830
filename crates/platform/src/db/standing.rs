//! What a person's reputation stands on: their calls, reports about them, what has moved it; and what they thought of calls.

use std::time::Duration;

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{RoomId, UserId},
    reputation::settle::{Facts, Report, Reporter, Ruling, Step, cost, credibility},
    strikes::Action,
};

use super::{
    Db, Result, Tx, row,
    users::{self, Entry},
};

/// Facts and moves that are looked at once: more than a month of somebody who does nothing else.
const MOST: i64 = 2_000;
/// Reports of one person are counted over so long, in milliseconds.
const LATELY: i64 = 30 * 24 * 3_600_000;

/// Score, and until when it takes everything into account.
pub async fn score(db: &Db, user: UserId) -> Result<Option<(u8, Timestamp)>> {
    let row = sqlx::query("SELECT reputation, reputation_at FROM users WHERE id = $1")
        .bind(user.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.map(|row| Ok((users::score(&row)?, row::time(&row, "reputation_at")?))).transpose()
}

/// The score, under a lock of the account.
pub async fn lock(tx: &mut Tx, user: UserId) -> Result<Option<u8>> {
    let row = sqlx::query("UPDATE users SET id = id WHERE id = $1 RETURNING reputation")
        .bind(user.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(users::score).transpose()
}

/// What has happened since then: calls with strangers that both were in for `long_enough`, that weren't ended for safety and
/// that no report is about; and reports.
pub async fn facts(db: &Db, user: UserId, since: Timestamp, long_enough: Duration) -> Result<Facts> {
    let good = sqlx::query(
        "SELECT c.room_id, c.ended_at, c.blocked FROM call_members m JOIN calls c ON c.room_id = m.room_id \
         WHERE m.user_id = $1 AND m.met_at > $2 AND c.kind = 'random' AND c.ended_at - c.started_at >= $3 \
         AND c.reason <> 'safety' AND NOT EXISTS \
         (SELECT r.id FROM reports r WHERE r.reported_id = $1 AND r.room_id = c.room_id) ORDER BY m.met_at LIMIT $4",
    )
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(i64::try_from(long_enough.as_millis()).unwrap_or(i64::MAX))
    .bind(MOST)
    .fetch_all(db.reads())
    .await?;
    let reports = sqlx::query(
        "SELECT r.id, r.reporter_id, r.at, u.reputation, u.created_at, (SELECT COUNT(DISTINCT o.room_id || o.reported_id) FROM reports o \
         WHERE o.reporter_id = r.reporter_id AND o.at > r.at - $3 AND o.at <= r.at) AS lately \
         FROM reports r JOIN users u ON u.id = r.reporter_id WHERE r.reported_id = $1 AND r.at > $2 \
         ORDER BY r.at LIMIT $4",
    )
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(LATELY)
    .bind(MOST)
    .fetch_all(db.reads())
    .await?;
    let cleared = sqlx::query(
        "SELECT reporter_id, id, cleared_at FROM reports WHERE reported_id = $1 AND cleared_at > $2 ORDER BY at LIMIT $3",
    )
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(MOST)
    .fetch_all(db.reads())
    .await?;
    let rulings = sqlx::query(
        "SELECT id, at, action, automated, overturned_at FROM decisions WHERE user_id = $1 AND dry_run = 0 \
         AND action <> 'none' AND (at > $2 OR overturned_at > $2) ORDER BY at LIMIT $3",
    )
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(MOST)
    .fetch_all(db.reads())
    .await?;
    let nothing = |row| {
        let source = format!("{} {}", row::text(row, "reporter_id")?, row::text(row, "id")?);
        Ok((source, row::time(row, "cleared_at")?))
    };
    let (mut clean, mut blocked) = (vec![], vec![]);
    for row in &good {
        let kind = if row::flag(row, "blocked")? { &mut blocked } else { &mut clean };
        kind.push((row::text(row, "room_id")?, row::time(row, "ended_at")?));
    }
    Ok(Facts {
        clean,
        blocked,
        reports: reports.iter().map(report).collect::<Result<_>>()?,
        cleared: cleared.iter().map(nothing).collect::<Result<_>>()?,
        rulings: rulings.iter().map(ruling).collect::<Result<_>>()?,
    })
}

fn ruling(row: &AnyRow) -> Result<Ruling> {
    let action = serde_json::from_value(row::text(row, "action")?.into());
    let action: Action = action.map_err(|_| row::broken("action"))?;
    Ok(Ruling {
        id: row::text(row, "id")?,
        at: row::time(row, "at")?,
        points: cost(action, row::flag(row, "automated")?),
        overturned_at: row::maybe_time(row, "overturned_at")?,
    })
}

fn report(row: &AnyRow) -> Result<Report> {
    let at = row::time(row, "at")?;
    let age = at.since(row::time(row, "created_at")?);
    let reporter = Reporter { score: users::score(row)?, age, lately: row::count(row, "lately")? };
    Ok(Report {
        id: row::text(row, "id")?,
        reporter: row::text(row, "reporter_id")?,
        at,
        credibility: credibility(&reporter),
    })
}

/// What has moved the score, oldest first.
pub async fn moves(db: &Db, user: UserId) -> Result<Vec<Step>> {
    let rows = sqlx::query(MOVES).bind(user.to_string()).bind(MOST).fetch_all(db.reads()).await?;
    steps(&rows)
}

/// The same under the account's lock.
pub async fn moves_locked(tx: &mut Tx, user: UserId) -> Result<Vec<Step>> {
    let rows = sqlx::query(MOVES).bind(user.to_string()).bind(MOST).fetch_all(tx.conn()).await?;
    steps(&rows)
}

const MOVES: &str = "SELECT kind, source, at, delta, recover_by FROM reputation_moves WHERE user_id = $1 \
                     ORDER BY at DESC LIMIT $2";

fn steps(rows: &[AnyRow]) -> Result<Vec<Step>> {
    let step = |row| {
        Ok(Step {
            kind: row::text(row, "kind")?.parse().map_err(|()| row::broken("kind"))?,
            source: row::text(row, "source")?,
            at: row::time(row, "at")?,
            delta: i32::try_from(row::number(row, "delta")?).map_err(|_| row::broken("delta"))?,
            recover_by: row::maybe_time(row, "recover_by")?,
        })
    };
    rows.iter().rev().map(step).collect()
}

/// Moves the score; moves of no points only show that their cause was looked at, and aren't in the ledger.
pub async fn write(tx: &mut Tx, user: UserId, step: &Step) -> Result<()> {
    sqlx::query(
        "INSERT INTO reputation_moves (user_id, kind, source, at, delta, recover_by) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.to_string())
    .bind(step.kind.as_str())
    .bind(step.source.as_str())
    .bind(step.at.as_millis())
    .bind(i64::from(step.delta))
    .bind(step.recover_by.map(Timestamp::as_millis))
    .execute(tx.conn())
    .await?;
    if step.delta != 0 {
        let reason = step.kind.reason().to_owned();
        let entry = Entry { at: step.at, delta: step.delta, reason, recover_by: step.recover_by };
        users::move_reputation(tx, user, &entry).await?;
    }
    Ok(())
}

/// Everything until then is taken into account.
pub async fn settled(tx: &mut Tx, user: UserId, at: Timestamp) -> Result<()> {
    sqlx::query("UPDATE users SET reputation_at = $2 WHERE id = $1")
        .bind(user.to_string())
        .bind(at.as_millis())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether the person was in that call, or group, and it ended, or still runs, since then.
pub async fn was_in(db: &Db, user: UserId, room: RoomId, since: Timestamp) -> Result<bool> {
    for query in [
        "SELECT m.room_id FROM call_members m JOIN calls c ON c.room_id = m.room_id WHERE m.room_id = $1 \
         AND m.user_id = $2 AND c.started_at IS NOT NULL AND m.met_at >= $3 LIMIT 1",
        "SELECT room_id FROM visits WHERE room_id = $1 AND user_id = $2 AND (left_at IS NULL OR left_at >= $3) LIMIT 1",
    ] {
        let row = sqlx::query(query)
            .bind(room.to_string())
            .bind(user.to_string())
            .bind(since.as_millis())
            .fetch_optional(db.reads())
            .await?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps what somebody thought of a call; the last word counts.
pub async fn rate(db: &Db, user: UserId, room: RoomId, stars: u8, at: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO call_ratings (room_id, user_id, stars, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (room_id, user_id) DO UPDATE SET stars = $3, at = $4",
    )
    .bind(room.to_string())
    .bind(user.to_string())
    .bind(i64::from(stars))
    .bind(at.as_millis())
    .execute(tx.conn())
    .await?;
    tx.commit().await
}
