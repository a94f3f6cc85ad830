//! A person's last calls, of any kind, with whoever else was in them.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{RoomId, UserId},
};

use super::{Db, Result, blocks, friendships::Other, row, users};

/// Stays that are read for one list: whoever goes in and out of one room has fewer rooms on it.
const MAX_STAYS: i64 = 200;
/// Other people that one list names at most: ten a room, and some that come and go.
const MAX_PEOPLE: i64 = 1_000;

/// A call as one person remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The room.
    pub room: RoomId,
    /// `random`, `friends` or `group`.
    pub kind: String,
    /// When it was opened, or they came.
    pub at: Timestamp,
    /// When more than one was in.
    pub started_at: Option<Timestamp>,
    /// When it was over, or they went.
    pub ended_at: Option<Timestamp>,
    /// Why it was over.
    pub reason: Option<String>,
    /// Who called, if somebody did.
    pub caller: Option<UserId>,
    /// Who else was in it, or was to be.
    pub people: Vec<Other>,
}

/// A person's last calls, newest first, at most `most`.
pub async fn of(db: &Db, user: UserId, most: usize) -> Result<Vec<Past>> {
    let mut calls = pairs(db, user, most).await?;
    for stay in stays(db, user).await? {
        match calls.iter_mut().find(|call| call.room == stay.room) {
            // A call that became a group, or a group they came into again.
            Some(call) => {
                call.at = call.at.min(stay.at);
                call.started_at = call.started_at.min(stay.started_at).or(stay.started_at);
                call.ended_at = call.ended_at.zip(stay.ended_at).map(|(a, b)| a.max(b));
                call.reason = stay.reason;
            }
            None => calls.push(stay),
        }
    }
    calls.sort_by_key(|call| (std::cmp::Reverse(call.at), call.room));
    calls.truncate(most);
    let mut people = people(db, user, &calls).await?;
    for call in &mut calls {
        call.people = people.remove(&call.room).unwrap_or_default();
    }
    Ok(calls)
}

async fn pairs(db: &Db, user: UserId, most: usize) -> Result<Vec<Past>> {
    let rows = sqlx::query(
        "SELECT c.room_id, c.kind, c.opened_at, c.started_at, c.ended_at, c.reason, c.caller_id \
         FROM call_members m JOIN calls c ON c.room_id = m.room_id \
         WHERE m.user_id = $1 AND m.unheard = 0 AND (c.kind <> 'random' OR c.started_at IS NOT NULL) \
         ORDER BY m.met_at DESC LIMIT $2",
    )
    .bind(user.to_string())
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(db.reads())
    .await?;
    let past = |row| {
        Ok(Past {
            room: row::id(row, "room_id")?,
            kind: row::text(row, "kind")?,
            at: row::time(row, "opened_at")?,
            started_at: row::maybe_time(row, "started_at")?,
            ended_at: row::maybe_time(row, "ended_at")?,
            reason: row::maybe_text(row, "reason")?,
            caller: row::maybe_text(row, "caller_id")?.and_then(|id| id.parse().ok()),
            people: Vec::new(),
        })
    };
    rows.iter().map(past).collect()
}

async fn stays(db: &Db, user: UserId) -> Result<Vec<Past>> {
    let rows = sqlx::query(
        "SELECT room_id, came_at, left_at, left_reason FROM visits WHERE user_id = $1 \
         ORDER BY came_at DESC LIMIT $2",
    )
    .bind(user.to_string())
    .bind(MAX_STAYS)
    .fetch_all(db.reads())
    .await?;
    let past = |row| {
        let at = row::time(row, "came_at")?;
        Ok(Past {
            room: row::id(row, "room_id")?,
            kind: "group".to_owned(),
            at,
            started_at: Some(at),
            ended_at: row::maybe_time(row, "left_at")?,
            reason: row::maybe_text(row, "left_reason")?,
            caller: None,
            people: Vec::new(),
        })
    };
    rows.iter().map(past).collect()
}

/// Who else was in these, each once a room: neither whom this person never saw there, nor anybody with a block between the two,
/// whose card isn't theirs to see any more.
async fn people(db: &Db, user: UserId, calls: &[Past]) -> Result<HashMap<RoomId, Vec<Other>>> {
    let Some(since) = calls.iter().map(|call| call.at).min() else { return Ok(HashMap::new()) };
    let of_pairs = sqlx::query(
        "SELECT mine.room_id, u.id, u.display_name, u.avatar_url, u.reputation FROM call_members mine \
         JOIN call_members theirs ON theirs.room_id = mine.room_id AND theirs.user_id <> mine.user_id \
         JOIN users u ON u.id = theirs.user_id WHERE mine.user_id = $1 AND mine.met_at >= $2 LIMIT $3",
    );
    let of_groups = sqlx::query(
        "SELECT mine.room_id, u.id, u.display_name, u.avatar_url, u.reputation FROM visits mine \
         JOIN visits theirs ON theirs.room_id = mine.room_id AND theirs.user_id <> mine.user_id \
         AND (theirs.left_at IS NULL OR theirs.left_at >= mine.came_at) \
         AND (mine.left_at IS NULL OR mine.left_at >= theirs.came_at) \
         AND NOT EXISTS (SELECT 1 FROM kept_apart k \
         WHERE k.participant_id = mine.participant_id AND k.apart_from = theirs.participant_id) \
         JOIN users u ON u.id = theirs.user_id WHERE mine.user_id = $1 AND mine.came_at >= $2 LIMIT $3",
    );
    let blocked = blocks::either_way(db, user).await?;
    let mut people: HashMap<RoomId, Vec<Other>> = HashMap::new();
    for query in [of_pairs, of_groups] {
        let rows = query
            .bind(user.to_string())
            .bind(since.as_millis())
            .bind(MAX_PEOPLE)
            .fetch_all(db.reads())
            .await?;
        for row in &rows {
            let there = people.entry(row::id(row, "room_id")?).or_default();
            let other = other(row)?;
            let known = there.iter().any(|known| known.user == other.user);
            if !known && !blocked.contains(&other.user) {
                there.push(other);
            }
        }
    }
    Ok(people)
}

fn other(row: &AnyRow) -> Result<Other> {
    Ok(Other {
        user: row::id(row, "id")?,
        display_name: row::text(row, "display_name")?,
        avatar_url: row::maybe_text(row, "avatar_url")?,
        reputation: users::score(row)?,
    })
}
