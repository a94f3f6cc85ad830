//! Who never wants to meet whom.

use std::collections::HashSet;

use visavis_domain::{
    Timestamp,
    friendship::{Act, Change},
    id::{RequestId, UserId},
    reputation,
};

use super::{Db, Result, Tx, friendships, row, users};

/// Somebody who is blocked, with what a card shows. Whoever blocks back looks as if there were nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub user: UserId,
    /// Their name; empty of nobody.
    pub display_name: String,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// 0 to 100.
    pub reputation: u8,
    /// Since when.
    pub at: Timestamp,
}

/// What a block has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// It wasn't there before.
    pub new: bool,
    /// The friendship or request, known by its request, that ended with it.
    pub parted: Option<RequestId>,
}

/// Writes a block, and ends what is between the two: whoever blocks can't forget to. [`super::Error::Missing`] when one of
/// the two has no account.
pub async fn insert(tx: &mut Tx, user: UserId, other: UserId, at: Timestamp) -> Result<Written> {
    // Who isn't there fails the insert.
    friendships::lock_pair(tx, user, other).await?;
    let done = sqlx::query(
        "INSERT INTO blocks (user_id, other_id, at) VALUES ($1, $2, $3) ON CONFLICT (user_id, other_id) DO NOTHING",
    )
    .bind(user.to_string())
    .bind(other.to_string())
    .bind(at.as_millis())
    .execute(tx.conn())
    .await?;
    let (before, side) = friendships::bond(tx, user, other).await?;
    let mut after = before;
    // A block is never refused.
    let parted = matches!(after.handle(at, side, Act::Block), Ok(Change::Parted));
    if after.tie() != before.tie() {
        friendships::write(tx, user, other, after.tie()).await?;
    }
    Ok(Written { new: done.rows_affected() == 1, parted: if parted { before.request() } else { None } })
}

/// Writes a block of an id that nobody has. True when it wasn't there before. [`super::Error::Missing`] when whoever blocks
/// has no account.
pub async fn insert_of_nobody(tx: &mut Tx, user: UserId, other: UserId, at: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO blocks_of_nobody (user_id, other_id, at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, other_id) DO NOTHING",
    )
    .bind(user.to_string())
    .bind(other.to_string())
    .bind(at.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a block back. True when there was one.
pub async fn delete(tx: &mut Tx, user: UserId, other: UserId) -> Result<bool> {
    let mut gone = 0;
    for statement in [
        "DELETE FROM blocks WHERE user_id = $1 AND other_id = $2",
        "DELETE FROM blocks_of_nobody WHERE user_id = $1 AND other_id = $2",
    ] {
        let done =
            sqlx::query(statement).bind(user.to_string()).bind(other.to_string()).execute(tx.conn()).await?;
        gone += done.rows_affected();
    }
    Ok(gone > 0)
}

/// How many people this one blocks, counted up to `most`, under a lock on the account: nobody can slip one in
/// between counting and writing.
pub async fn count_locked(tx: &mut Tx, user: UserId, most: i64) -> Result<u64> {
    sqlx::query("UPDATE users SET id = id WHERE id = $1").bind(user.to_string()).execute(tx.conn()).await?;
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM blocks WHERE user_id = $1 UNION ALL \
         SELECT 1 FROM blocks_of_nobody WHERE user_id = $1 LIMIT $2) AS counted",
    )
    .bind(user.to_string())
    .bind(most)
    .fetch_one(tx.conn())
    .await?;
    row::count(&row, "n")
}

/// Whom this person blocks, newest first, at most `most`.
pub async fn of(db: &Db, user: UserId, most: i64) -> Result<Vec<Blocked>> {
    let back = sqlx::query("SELECT user_id FROM blocks WHERE other_id = $1")
        .bind(user.to_string())
        .fetch_all(db.reads())
        .await?;
    let back = back.iter().map(|row| row::id(row, "user_id")).collect::<Result<HashSet<UserId>>>()?;
    let rows = sqlx::query(
        "SELECT u.id, u.display_name, u.avatar_url, u.reputation, b.at FROM blocks b JOIN users u ON u.id = b.other_id \
         WHERE b.user_id = $1 ORDER BY b.at DESC, b.other_id LIMIT $2",
    )
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    let of_nobody = sqlx::query(
        "SELECT other_id AS id, at FROM blocks_of_nobody WHERE user_id = $1 ORDER BY at DESC, other_id LIMIT $2",
    )
    .bind(user.to_string())
    .bind(most)
    .fetch_all(db.reads())
    .await?;
    let nobody = |row| -> Result<Blocked> {
        let (user, at) = (row::id(row, "id")?, row::time(row, "at")?);
        Ok(Blocked { user, display_name: String::new(), avatar_url: None, reputation: reputation::START, at })
    };
    let somebody = |row| {
        let blocked = nobody(row)?;
        if back.contains(&blocked.user) {
            return Ok(blocked);
        }
        let (display_name, reputation) = (row::text(row, "display_name")?, users::score(row)?);
        Ok(Blocked { display_name, avatar_url: row::maybe_text(row, "avatar_url")?, reputation, ..blocked })
    };
    let mut all: Vec<_> =
        rows.iter().map(somebody).chain(of_nobody.iter().map(nobody)).collect::<Result<_>>()?;
    all.sort_by_key(|blocked| (std::cmp::Reverse(blocked.at), blocked.user));
    all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(all)
}

/// Whether this person has blocked that id, whoever it is of.
pub async fn has(db: &Db, user: UserId, other: UserId) -> Result<bool> {
    let row = sqlx::query(
        "SELECT at FROM blocks WHERE user_id = $1 AND other_id = $2 UNION ALL \
         SELECT at FROM blocks_of_nobody WHERE user_id = $1 AND other_id = $2 LIMIT 1",
    )
    .bind(user.to_string())
    .bind(other.to_string())
    .fetch_optional(db.reads())
    .await?;
    Ok(row.is_some())
}

/// Everybody with a block between them and this person, in either direction, each once.
pub async fn either_way(db: &Db, user: UserId) -> Result<Vec<UserId>> {
    let rows = sqlx::query(
        "SELECT other_id AS id FROM blocks WHERE user_id = $1 UNION SELECT user_id FROM blocks WHERE other_id = $1 \
         ORDER BY id",
    )
    .bind(user.to_string())
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(|row| row::id(row, "id")).collect()
}
