//! Records of groups' rooms. What is live in a room is at the node that holds it, never here.

use sqlx::any::AnyRow;
use visavis_domain::{
    Timestamp,
    id::{RoomId, UserId},
};

use super::{Db, Result, row, users};

/// Rows that one sweep deletes at most.
const SWEEP: i64 = 500;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRoom {
    /// The room.
    pub id: RoomId,
    /// Who made it.
    pub owner: UserId,
    /// What it is called.
    pub name: Option<String>,
    /// Most people.
    pub seats: u64,
    /// Nobody but the owner comes in.
    pub locked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
}

/// Writes the record; one that is there stays as it is. Nothing is written of somebody who is gone.
pub async fn insert(db: &Db, room: &GroupRoom) -> Result<()> {
    let mut tx = db.write().await?;
    if !users::hold(&mut tx, room.owner).await? {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO group_rooms (id, owner_id, name, seats, locked, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
    )
    .bind(room.id.to_string())
    .bind(room.owner.to_string())
    .bind(room.name.clone())
    .bind(i64::try_from(room.seats).unwrap_or(0))
    .bind(i64::from(room.locked))
    .bind(room.created_at.as_millis())
    .bind(room.expires_at.as_millis())
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// The record, if it hasn't ended by `now`.
pub async fn by_id(db: &Db, id: RoomId, now: Timestamp) -> Result<Option<GroupRoom>> {
    let row = sqlx::query(
        "SELECT id, owner_id, name, seats, locked, created_at, expires_at FROM group_rooms \
         WHERE id = $1 AND expires_at > $2",
    )
    .bind(id.to_string())
    .bind(now.as_millis())
    .fetch_optional(db.reads())
    .await?;
    row.as_ref().map(read).transpose()
}

/// It was used: it lives on until `expires_at`.
pub async fn used(db: &Db, id: RoomId, expires_at: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE group_rooms SET expires_at = $2 WHERE id = $1 AND expires_at < $2")
        .bind(id.to_string())
        .bind(expires_at.as_millis())
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// Keeps whether it is locked.
pub async fn set_locked(db: &Db, id: RoomId, locked: bool) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE group_rooms SET locked = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(i64::from(locked))
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// Deletes the record.
pub async fn delete(db: &Db, id: RoomId) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM group_rooms WHERE id = $1").bind(id.to_string()).execute(tx.conn()).await?;
    tx.commit().await
}

/// Forgets records that have ended.
pub(super) async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let gone = sqlx::query(
        "DELETE FROM group_rooms WHERE id IN \
         (SELECT id FROM group_rooms WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind(now.as_millis())
    .bind(SWEEP)
    .execute(tx.conn())
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(gone)
}

fn read(row: &AnyRow) -> Result<GroupRoom> {
    Ok(GroupRoom {
        id: row::id(row, "id")?,
        owner: row::id(row, "owner_id")?,
        name: row::maybe_text(row, "name")?,
        seats: row::count(row, "seats")?,
        locked: row::flag(row, "locked")?,
        created_at: row::time(row, "created_at")?,
        expires_at: row::time(row, "expires_at")?,
    })
}
