//! A durable row for each stay in a group's room: reports about people met there stand on it. Written by the node that holds
//! the room, and by nobody else while that node lives.

use visavis_domain::{
    Timestamp,
    id::{NodeId, ParticipantId, RoomId, UserId},
};

use super::{Db, Result, row, users};

/// Nodes that [`nodes_running`] names at most: many times a large cluster.
const MAX_NODES: i64 = 1_000;

/// A stay that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// As what: a stay is named by it.
    pub participant: ParticipantId,
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Who holds the room.
    pub node: NodeId,
    /// Since when.
    pub came_at: Timestamp,
}

/// Writes a stay; one that is there stays as it is.
pub async fn came(db: &Db, visit: &Visit) -> Result<()> {
    came_apart(db, visit, &[]).await
}

/// The same, of somebody who is kept apart from these stays from the first moment on.
pub async fn came_apart(db: &Db, visit: &Visit, apart: &[ParticipantId]) -> Result<()> {
    let mut tx = db.write().await?;
    // Who is gone isn't brought back by what is told late: a name that means nothing stands there, as after an erasure.
    let user = if users::hold(&mut tx, visit.user).await? {
        visit.user
    } else {
        UserId::from_bits(visit.participant.bits())
    };
    for other in apart {
        for (one, other) in [(visit.participant, *other), (*other, visit.participant)] {
            sqlx::query(
                "INSERT INTO kept_apart (participant_id, apart_from, at) VALUES ($1, $2, $3) \
                 ON CONFLICT (participant_id, apart_from) DO NOTHING",
            )
            .bind(one.to_string())
            .bind(other.to_string())
            .bind(visit.came_at.as_millis())
            .execute(tx.conn())
            .await?;
        }
    }
    sqlx::query(
        "INSERT INTO visits (participant_id, room_id, user_id, node_id, came_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (participant_id) DO NOTHING",
    )
    .bind(visit.participant.to_string())
    .bind(visit.room.to_string())
    .bind(user.to_string())
    .bind(visit.node.to_string())
    .bind(visit.came_at.as_millis())
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// It is over; the first end wins. `reason`: `left`, `lost`, `removed`, `safety`, or why the room was closed.
pub async fn left(db: &Db, participant: ParticipantId, at: Timestamp, reason: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE visits SET left_at = $2, left_reason = $3 WHERE participant_id = $1 AND left_at IS NULL",
    )
    .bind(participant.to_string())
    .bind(at.as_millis())
    .bind(reason)
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// Whether the two were in this room at the same time and not kept apart, and still are or were since then.
pub async fn met(db: &Db, room: RoomId, a: UserId, b: UserId, since: Timestamp) -> Result<bool> {
    let row = sqlx::query(
        "SELECT one.participant_id FROM visits one \
         JOIN visits two ON two.room_id = one.room_id AND two.user_id = $3 \
         AND (two.left_at IS NULL OR two.left_at >= one.came_at) \
         AND (one.left_at IS NULL OR one.left_at >= two.came_at) \
         WHERE one.room_id = $1 AND one.user_id = $2 AND NOT EXISTS (SELECT 1 FROM kept_apart k \
         WHERE k.participant_id = one.participant_id AND k.apart_from = two.participant_id) \
         AND (one.left_at IS NULL OR one.left_at >= $4) AND (two.left_at IS NULL OR two.left_at >= $4) LIMIT 1",
    )
    .bind(room.to_string())
    .bind(a.to_string())
    .bind(b.to_string())
    .bind(since.as_millis())
    .fetch_optional(db.reads())
    .await?;
    Ok(a != b && row.is_some())
}

/// Nodes in whose rooms somebody is, at most 1000.
pub async fn nodes_running(db: &Db) -> Result<Vec<NodeId>> {
    let rows = sqlx::query("SELECT DISTINCT node_id FROM visits WHERE left_at IS NULL LIMIT $1")
        .bind(MAX_NODES)
        .fetch_all(db.reads())
        .await?;
    rows.iter().map(|row| row::id(row, "node_id")).collect()
}

/// The rooms of a node in which somebody is, and who.
pub async fn running_on(db: &Db, node: NodeId) -> Result<Vec<(RoomId, Vec<UserId>)>> {
    let rows = sqlx::query(
        "SELECT room_id, user_id FROM visits WHERE node_id = $1 AND left_at IS NULL ORDER BY room_id",
    )
    .bind(node.to_string())
    .fetch_all(db.reads())
    .await?;
    let mut rooms: Vec<(RoomId, Vec<UserId>)> = Vec::new();
    for row in &rows {
        let (room, user) = (row::id(row, "room_id")?, row::id(row, "user_id")?);
        match rooms.last_mut() {
            Some((last, users)) if *last == room => users.push(user),
            _ => rooms.push((room, vec![user])),
        }
    }
    Ok(rooms)
}

/// Ends every stay at a node that is gone: after a crash nobody else will. How many there were.
pub async fn close_dangling(db: &Db, node: NodeId, at: Timestamp, reason: &str) -> Result<u64> {
    let mut tx = db.write().await?;
    let closed = sqlx::query(
        "UPDATE visits SET left_at = $2, left_reason = $3 WHERE left_at IS NULL AND node_id = $1",
    )
    .bind(node.to_string())
    .bind(at.as_millis())
    .bind(reason)
    .execute(tx.conn())
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(closed)
}
