//! Requests and friendships: one row a pair. Whoever changes a bond locks both accounts first, reads it, lets the
//! machine of `domain` decide, and writes it back.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    friendship::{Bond, Request, Side, Tie},
    id::{RequestId, UserId},
};

use super::{Db, Result, Tx, row, users};

/// Rows that one sweep deletes at most.
const SWEEP: i64 = 500;

/// Somebody on a list, with what a card shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub display_name: String,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// 0 to 100.
    pub reputation: u8,
}

/// A friend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub other: Other,
    /// Since when.
    pub since: Timestamp,
    /// They don't want to be disturbed, or seen.
    pub hidden: bool,
}

/// A request as one of the two sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub id: RequestId,
    /// The other one.
    pub other: Other,
    /// Whether it is from this person.
    pub mine: bool,
    /// When it was made.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// Rows a person is in, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Friends.
    pub friends: u64,
    /// Their own requests that nobody answered.
    pub asked: u64,
    /// Requests to them that they see.
    pub asking: u64,
}

/// The pair in the order of the table, and which of the two `user` is.
fn ordered(user: UserId, other: UserId) -> (UserId, UserId, Side) {
    if user < other { (user, other, Side::First) } else { (other, user, Side::Second) }
}

/// Locks both accounts, always in the same order. False when one of them is no account.
pub async fn lock_pair(tx: &mut Tx, user: UserId, other: UserId) -> Result<bool> {
    let (low, high, _) = ordered(user, other);
    for id in [low, high] {
        let locked = sqlx::query("UPDATE users SET id = id WHERE id = $1")
            .bind(id.to_string())
            .execute(tx.conn())
            .await?
            .rows_affected();
        if locked == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is between the two, and which of them `user` is.
pub async fn bond(tx: &mut Tx, user: UserId, other: UserId) -> Result<(Bond, Side)> {
    let (low, high, side) = ordered(user, other);
    let tie = sqlx::query(
        "SELECT request_id, asked_by, asked_at, expires_at, declined, withdrawn, since FROM friendships \
         WHERE low_id = $1 AND high_id = $2",
    )
    .bind(low.to_string())
    .bind(high.to_string())
    .fetch_optional(tx.conn())
    .await?;
    let tie = tie.as_ref().map_or(Ok(Tie::Nothing), |row| tie_of(row, low))?;
    let mut blocks = [false; 2];
    for (n, (from, to)) in [(low, high), (high, low)].into_iter().enumerate() {
        let block = sqlx::query("SELECT at FROM blocks WHERE user_id = $1 AND other_id = $2")
            .bind(from.to_string())
            .bind(to.to_string())
            .fetch_optional(tx.conn())
            .await?;
        blocks[n] = block.is_some();
    }
    Ok((Bond::new(tie, blocks), side))
}

fn tie_of(row: &AnyRow, low: UserId) -> Result<Tie> {
    let by: UserId = row::id(row, "asked_by")?;
    let request = Request {
        id: row::id(row, "request_id")?,
        by: if by == low { Side::First } else { Side::Second },
        at: row::time(row, "asked_at")?,
        until: row::time(row, "expires_at")?,
        declined: row::flag(row, "declined")?,
        withdrawn: row::flag(row, "withdrawn")?,
    };
    Ok(match row::maybe_time(row, "since")? {
        Some(since) => Tie::Friends { request, since },
        None => Tie::Asked(request),
    })
}

/// Writes what is between the two now.
pub async fn write(tx: &mut Tx, user: UserId, other: UserId, tie: Tie) -> Result<()> {
    let (low, high, _) = ordered(user, other);
    let (request, since) = match tie {
        Tie::Nothing => {
            sqlx::query("DELETE FROM friendships WHERE low_id = $1 AND high_id = $2")
                .bind(low.to_string())
                .bind(high.to_string())
                .execute(tx.conn())
                .await?;
            return Ok(());
        }
        Tie::Asked(request) => (request, None),
        Tie::Friends { request, since } => (request, Some(since)),
    };
    let by = if request.by == Side::First { low } else { high };
    sqlx::query(
        "INSERT INTO friendships (low_id, high_id, request_id, asked_by, asked_at, expires_at, declined, withdrawn, \
         since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (low_id, high_id) DO UPDATE SET \
         request_id = $3, asked_by = $4, asked_at = $5, expires_at = $6, declined = $7, withdrawn = $8, since = $9",
    )
    .bind(low.to_string())
    .bind(high.to_string())
    .bind(request.id.to_string())
    .bind(by.to_string())
    .bind(request.at.as_millis())
    .bind(request.until.as_millis())
    .bind(i64::from(request.declined))
    .bind(i64::from(request.withdrawn))
    .bind(since.map(Timestamp::as_millis))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Between whom a request is.
pub async fn pair_of(db: &Db, request: RequestId) -> Result<Option<(UserId, UserId)>> {
    let row = sqlx::query("SELECT low_id, high_id FROM friendships WHERE request_id = $1")
        .bind(request.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.map(|row| Ok((row::id(&row, "low_id")?, row::id(&row, "high_id")?))).transpose()
}

/// How many friends and requests a person has.
pub async fn counts(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Counts> {
    let row = sqlx::query(
        "SELECT COALESCE(SUM(CASE WHEN since IS NOT NULL THEN 1 ELSE 0 END), 0) AS friends, \
         COALESCE(SUM(CASE WHEN since IS NULL AND expires_at > $2 AND asked_by = $1 AND withdrawn = 0 THEN 1 ELSE 0 \
         END), 0) AS asked, \
         COALESCE(SUM(CASE WHEN since IS NULL AND expires_at > $2 AND asked_by <> $1 AND declined = 0 THEN 1 ELSE 0 \
         END), 0) AS asking \
         FROM (SELECT since, expires_at, asked_by, withdrawn, declined FROM friendships WHERE low_id = $1 UNION ALL \
         SELECT since, expires_at, asked_by, withdrawn, declined FROM friendships WHERE high_id = $1) AS counted",
    )
    .bind(user.to_string())
    .bind(now.as_millis())
    .fetch_one(tx.conn())
    .await?;
    Ok(Counts {
        friends: row::count(&row, "friends")?,
        asked: row::count(&row, "asked")?,
        asking: row::count(&row, "asking")?,
    })
}

/// A person's friends, by name, at most `most`.
pub async fn of(db: &Db, user: UserId, most: i64) -> Result<Vec<Friend>> {
    let rows = sqlx::query(
        "SELECT u.id, u.display_name, u.avatar_url, u.reputation, u.do_not_disturb, f.since FROM \
         (SELECT high_id AS other_id, since FROM friendships WHERE low_id = $1 AND since IS NOT NULL UNION ALL \
         SELECT low_id AS other_id, since FROM friendships WHERE high_id = $1 AND since IS NOT NULL) AS f \
         JOIN users u ON u.id = f.other_id ORDER BY u.display_name, u.id LIMIT $2",
    )
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter()
        .map(|row| {
            let (since, hidden) = (row::time(row, "since")?, row::flag(row, "do_not_disturb")?);
            Ok(Friend { other: other(row)?, since, hidden })
        })
        .collect()
}

/// Whether two are friends.
pub async fn are_friends(db: &Db, user: UserId, other: UserId) -> Result<bool> {
    let (low, high, _) = ordered(user, other);
    let row =
        sqlx::query("SELECT since FROM friendships WHERE low_id = $1 AND high_id = $2 AND since IS NOT NULL")
            .bind(low.to_string())
            .bind(high.to_string())
            .fetch_optional(db.reads())
            .await?;
    Ok(row.is_some())
}

/// The requests that a person sees, newest first, at most `most`.
pub async fn requests(db: &Db, user: UserId, now: Timestamp, most: i64) -> Result<Vec<Open>> {
    let rows = sqlx::query(
        "SELECT u.id, u.display_name, u.avatar_url, u.reputation, f.request_id, f.asked_by, f.asked_at, f.expires_at \
         FROM (SELECT high_id AS other_id, request_id, asked_by, asked_at, expires_at, declined FROM friendships \
         WHERE low_id = $1 AND since IS NULL AND withdrawn = 0 UNION ALL \
         SELECT low_id AS other_id, request_id, asked_by, asked_at, expires_at, declined FROM friendships \
         WHERE high_id = $1 AND since IS NULL AND withdrawn = 0) AS f JOIN users u ON u.id = f.other_id \
         WHERE f.expires_at > $2 AND (f.asked_by = $1 OR f.declined = 0) \
         ORDER BY f.asked_at DESC, f.request_id DESC LIMIT $3",
    )
    .bind(user.to_string())
    .bind(now.as_millis())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Open {
                id: row::id(row, "request_id")?,
                other: other(row)?,
                mine: row::id::<visavis_domain::id::kind::User>(row, "asked_by")? == user,
                at: row::time(row, "asked_at")?,
                until: row::time(row, "expires_at")?,
            })
        })
        .collect()
}

/// Whether the two were in a call together since then: both had come.
pub async fn met(db: &Db, user: UserId, other: UserId, since: Timestamp) -> Result<bool> {
    let row = sqlx::query(
        "SELECT mine.room_id FROM call_members mine JOIN call_members theirs ON theirs.room_id = mine.room_id \
         AND theirs.user_id = $2 JOIN calls c ON c.room_id = mine.room_id AND c.started_at IS NOT NULL \
         WHERE mine.user_id = $1 AND mine.met_at >= $3 LIMIT 1",
    )
    .bind(user.to_string())
    .bind(other.to_string())
    .bind(since.as_millis())
    .fetch_optional(db.reads())
    .await?;
    Ok(user != other && row.is_some())
}

/// Forgets requests that have ended. (One that becomes another meanwhile has another name.)
pub(super) async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let gone = sqlx::query(
        "DELETE FROM friendships WHERE request_id IN (SELECT request_id FROM friendships \
         WHERE since IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind(now.as_millis())
    .bind(SWEEP)
    .execute(tx.conn())
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(gone)
}

fn other(row: &AnyRow) -> Result<Other> {
    Ok(Other {
        user: row::id(row, "id")?,
        display_name: row::text(row, "display_name")?,
        avatar_url: row::maybe_text(row, "avatar_url")?,
        reputation: users::score(row)?,
    })
}
