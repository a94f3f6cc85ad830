//! A durable row for every call: reports, re-match, history, reputation and analytics stand on it. Written by the
//! node that holds the room, and by nobody else while that node lives.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::{NodeId, ParticipantId, RoomId, TicketId, UserId},
};

use super::{Db, Result, Tx, row, users};

/// People that [`partners_since`] names at most: far more than anybody can meet within a re-match window.
const MAX_PARTNERS: i64 = 1_000;

/// Nodes that [`nodes_running`] names at most: many times a large cluster.
const MAX_NODES: i64 = 1_000;

/// A room that was opened.
#[derive(Debug, Clone)]
pub struct CallOpened<'a> {
    /// The room, that is the call.
    pub room: RoomId,
    /// `random` or `friends`.
    pub kind: &'a str,
    /// Who holds it.
    pub node: NodeId,
    /// When.
    pub opened_at: Timestamp,
    /// `p2p` or `sfu`.
    pub transport: &'a str,
    /// Everybody who was asked in.
    pub members: Vec<CallMember>,
}

/// Somebody of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMember {
    /// Who.
    pub user: UserId,
    /// As what.
    pub participant: ParticipantId,
    /// How long they had searched, in milliseconds.
    pub waited_ms: u64,
    /// By which ticket, if by one.
    pub ticket: Option<TicketId>,
}

/// What became of a call that was to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It is written.
    New,
    /// It was written before; nothing has changed.
    Known,
    /// Not written: one of the tickets was matched before.
    TicketUsed,
    /// Not written: these are in another call, as far as is known here.
    InCall(Vec<(UserId, RoomId)>),
}

/// Somebody who has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberLeft<'a> {
    /// Who.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// `left`, `lost`, `removed`, `safety`.
    pub reason: &'a str,
}

/// Writes the call and its members: all or nothing. A ticket opens one call, and nobody is in two.
pub async fn open(db: &Db, call: &CallOpened<'_>) -> Result<Opening> {
    let mut tx = db.write().await?;
    let new = sqlx::query(
        "INSERT INTO calls (room_id, kind, node_id, transport, opened_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (room_id) DO NOTHING",
    )
    .bind(call.room.to_string())
    .bind(call.kind)
    .bind(call.node.to_string())
    .bind(call.transport)
    .bind(call.opened_at.as_millis())
    .execute(tx.conn())
    .await?
    .rows_affected();
    if new == 0 {
        return Ok(Opening::Known);
    }
    // In one order: each waits for an erasure that is under way, and one for the other.
    let mut searchers: Vec<UserId> =
        call.members.iter().filter(|m| m.ticket.is_some()).map(|m| m.user).collect();
    searchers.sort_unstable();
    for user in searchers {
        if !users::hold(&mut tx, user).await? {
            // What is left of whoever is gone.
            return Ok(Opening::TicketUsed);
        }
    }
    if let Some(refused) = refused(&mut tx, &call.members).await? {
        return Ok(refused);
    }
    for member in &call.members {
        sqlx::query(
            "INSERT INTO call_members (room_id, user_id, participant_id, waited_ms, met_at, ticket_id) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(call.room.to_string())
        .bind(member.user.to_string())
        .bind(member.participant.to_string())
        .bind(i64::try_from(member.waited_ms).unwrap_or(i64::MAX))
        .bind(call.opened_at.as_millis())
        .bind(member.ticket.map(|ticket| ticket.to_string()))
        .execute(tx.conn())
        .await?;
    }
    tx.commit().await?;
    Ok(Opening::New)
}

/// A call between two who know one another.
#[derive(Debug, Clone, Copy)]
pub struct Dialled<'a> {
    /// The room, that is the call.
    pub room: RoomId,
    /// Who holds it.
    pub node: NodeId,
    /// When.
    pub at: Timestamp,
    /// `p2p` or `sfu`.
    pub transport: &'a str,
    /// Who calls, as what.
    pub caller: (UserId, ParticipantId),
    /// Whom, as what.
    pub callee: (UserId, ParticipantId),
}

/// Writes a call that begins to ring: the caller is in it, whoever is called isn't yet.
pub async fn dial(db: &Db, call: &Dialled<'_>) -> Result<Opening> {
    let mut tx = db.write().await?;
    let call = &those_who_are(&mut tx, call).await?;
    let (user, participant) = call.caller;
    let caller = CallMember { user, participant, waited_ms: 0, ticket: None };
    if !insert_dialled(&mut tx, call, None).await? {
        return Ok(Opening::Known);
    }
    if let Some(refused) = refused(&mut tx, &[caller]).await? {
        return Ok(refused);
    }
    insert_member(&mut tx, call, call.caller, None).await?;
    insert_member(&mut tx, call, call.callee, Some(call.at)).await?;
    tx.commit().await?;
    Ok(Opening::New)
}

/// Writes a call that came to nothing before it rang. Again changes nothing. One that wasn't heard is in the history of whoever
/// called alone.
pub async fn missed(db: &Db, call: &Dialled<'_>, reason: &str, heard: bool) -> Result<()> {
    let mut tx = db.write().await?;
    let call = &those_who_are(&mut tx, call).await?;
    if insert_dialled(&mut tx, call, Some(reason)).await? {
        insert_member(&mut tx, call, call.caller, Some(call.at)).await?;
        insert_member(&mut tx, call, call.callee, Some(call.at)).await?;
        if !heard {
            sqlx::query("UPDATE call_members SET unheard = 1 WHERE room_id = $1 AND user_id = $2")
                .bind(call.room.to_string())
                .bind(call.callee.0.to_string())
                .execute(tx.conn())
                .await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Whoever was called has come. [`super::Error::Conflict`]: they are in another call.
pub async fn answered(db: &Db, room: RoomId, user: UserId) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE call_members SET left_at = NULL WHERE room_id = $1 AND user_id = $2")
        .bind(room.to_string())
        .bind(user.to_string())
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// The call with a name that means nothing in the place of whoever has no account any more, as an erasure would leave it: what
/// is told late must not bring them back.
async fn those_who_are<'a>(tx: &mut Tx, call: &Dialled<'a>) -> Result<Dialled<'a>> {
    let mut named = *call;
    let mut both = [&mut named.caller, &mut named.callee];
    // In one order, whoever calls whom: each waits for an erasure that is under way, and one for the other.
    both.sort_by_key(|(user, _)| *user);
    for (user, participant) in both {
        if !users::hold(tx, *user).await? {
            *user = UserId::from_bits(participant.bits());
        }
    }
    Ok(named)
}

async fn insert_dialled(tx: &mut Tx, call: &Dialled<'_>, over: Option<&str>) -> Result<bool> {
    let new = sqlx::query(
        "INSERT INTO calls (room_id, kind, node_id, transport, opened_at, caller_id, ended_at, reason) \
         VALUES ($1, 'friends', $2, $3, $4, $5, $6, $7) ON CONFLICT (room_id) DO NOTHING",
    )
    .bind(call.room.to_string())
    .bind(call.node.to_string())
    .bind(call.transport)
    .bind(call.at.as_millis())
    .bind(call.caller.0.to_string())
    .bind(over.map(|_| call.at.as_millis()))
    .bind(over)
    .execute(tx.conn())
    .await?
    .rows_affected();
    Ok(new == 1)
}

async fn insert_member(
    tx: &mut Tx,
    call: &Dialled<'_>,
    (user, participant): (UserId, ParticipantId),
    left_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO call_members (room_id, user_id, participant_id, waited_ms, met_at, left_at) \
         VALUES ($1, $2, $3, 0, $4, $5)",
    )
    .bind(call.room.to_string())
    .bind(user.to_string())
    .bind(participant.to_string())
    .bind(call.at.as_millis())
    .bind(left_at.map(Timestamp::as_millis))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Why these can't be in a new call. The unique indexes hold it too; this tells which of them would.
async fn refused(tx: &mut Tx, members: &[CallMember]) -> Result<Option<Opening>> {
    let mut in_call = Vec::new();
    for member in members {
        let used = sqlx::query("SELECT room_id FROM call_members WHERE ticket_id = $1")
            .bind(member.ticket.map(|ticket| ticket.to_string()))
            .fetch_optional(tx.conn())
            .await?;
        if used.is_some() {
            return Ok(Some(Opening::TicketUsed));
        }
        let seated = sqlx::query("SELECT room_id FROM call_members WHERE user_id = $1 AND left_at IS NULL")
            .bind(member.user.to_string())
            .fetch_optional(tx.conn())
            .await?;
        if let Some(row) = seated {
            in_call.push((member.user, row::id(&row, "room_id")?));
        }
    }
    Ok((!in_call.is_empty()).then_some(Opening::InCall(in_call)))
}

/// In which call somebody is.
pub async fn room_of(db: &Db, user: UserId) -> Result<Option<RoomId>> {
    let row = sqlx::query("SELECT room_id FROM call_members WHERE user_id = $1 AND left_at IS NULL")
        .bind(user.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.map(|row| row::id(&row, "room_id")).transpose()
}

/// Somebody is no longer in that call, though the call may go on. The first end wins.
pub async fn left(db: &Db, room: RoomId, member: &MemberLeft<'_>) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE call_members SET met_at = $3, left_at = $3, left_reason = $4 \
         WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL",
    )
    .bind(room.to_string())
    .bind(member.user.to_string())
    .bind(member.at.as_millis())
    .bind(member.reason)
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// Both have joined; the first time counts.
pub async fn started(db: &Db, room: RoomId, at: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE calls SET started_at = COALESCE(started_at, $2) WHERE room_id = $1")
        .bind(room.to_string())
        .bind(at.as_millis())
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// The call is over. The first end wins: again changes nothing.
pub async fn ended(
    db: &Db,
    room: RoomId,
    at: Timestamp,
    reason: &str,
    members: &[MemberLeft<'_>],
) -> Result<()> {
    let mut tx = db.write().await?;
    if over(&mut tx, room, at, reason, members).await? { tx.commit().await } else { Ok(()) }
}

/// The same because one has blocked the other. `reason` is what it looks like: whoever remembers the call is told no more.
pub async fn blocked(
    db: &Db,
    room: RoomId,
    at: Timestamp,
    reason: &str,
    members: &[MemberLeft<'_>],
) -> Result<()> {
    let mut tx = db.write().await?;
    if !over(&mut tx, room, at, reason, members).await? {
        return Ok(());
    }
    sqlx::query("UPDATE calls SET blocked = 1 WHERE room_id = $1")
        .bind(room.to_string())
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// Writes the end. False when there was one.
async fn over(
    tx: &mut Tx,
    room: RoomId,
    at: Timestamp,
    reason: &str,
    members: &[MemberLeft<'_>],
) -> Result<bool> {
    let first =
        sqlx::query("UPDATE calls SET ended_at = $2, reason = $3 WHERE room_id = $1 AND ended_at IS NULL")
            .bind(room.to_string())
            .bind(at.as_millis())
            .bind(reason)
            .execute(tx.conn())
            .await?
            .rows_affected();
    if first == 0 {
        return Ok(false);
    }
    for member in members {
        sqlx::query(
            "UPDATE call_members SET left_at = $3, left_reason = $4 WHERE room_id = $1 AND user_id = $2",
        )
        .bind(room.to_string())
        .bind(member.user.to_string())
        .bind(member.at.as_millis())
        .bind(member.reason)
        .execute(tx.conn())
        .await?;
    }
    sqlx::query(
        "UPDATE call_members SET met_at = $2, left_at = COALESCE(left_at, $2), \
         left_reason = COALESCE(left_reason, $3) WHERE room_id = $1",
    )
    .bind(room.to_string())
    .bind(at.as_millis())
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(true)
}

/// Nodes that hold running calls, at most 1000. In a cluster, whoever looks for calls that nobody holds any more asks
/// this first and then which of these nodes are there: a node is known before it opens its first call.
pub async fn nodes_running(db: &Db) -> Result<Vec<NodeId>> {
    let rows = sqlx::query("SELECT DISTINCT node_id FROM calls WHERE ended_at IS NULL LIMIT $1")
        .bind(MAX_NODES)
        .fetch_all(db.reads())
        .await?;
    rows.iter().map(|row| row::id(row, "node_id")).collect()
}

/// The running calls of a node, and who is in them.
pub async fn running_on(db: &Db, node: NodeId) -> Result<Vec<(RoomId, Vec<UserId>)>> {
    let rows = sqlx::query(
        "SELECT c.room_id, m.user_id FROM calls c JOIN call_members m ON m.room_id = c.room_id \
         WHERE c.node_id = $1 AND c.ended_at IS NULL ORDER BY c.room_id",
    )
    .bind(node.to_string())
    .fetch_all(db.reads())
    .await?;
    let mut calls: Vec<(RoomId, Vec<UserId>)> = Vec::new();
    for row in &rows {
        let (room, user) = (row::id(row, "room_id")?, row::id(row, "user_id")?);
        match calls.last_mut() {
            Some((last, users)) if *last == room => users.push(user),
            _ => calls.push((room, vec![user])),
        }
    }
    Ok(calls)
}

/// Ends every running call of a node that is gone, or, of a process alone on its database, of all: after a crash nobody
/// else will. How many there were.
pub async fn close_dangling(db: &Db, node: Option<NodeId>, at: Timestamp, reason: &str) -> Result<u64> {
    let mut tx = db.write().await?;
    let node = node.map(|node| node.to_string());
    sqlx::query(
        "UPDATE call_members SET met_at = $2, left_at = COALESCE(left_at, $2), \
         left_reason = COALESCE(left_reason, $3) WHERE room_id IN \
         (SELECT room_id FROM calls WHERE ended_at IS NULL AND node_id = COALESCE($1, node_id))",
    )
    .bind(node.clone())
    .bind(at.as_millis())
    .bind(reason)
    .execute(tx.conn())
    .await?;
    let closed = sqlx::query(
        "UPDATE calls SET ended_at = $2, reason = $3 WHERE ended_at IS NULL AND node_id = COALESCE($1, node_id)",
    )
    .bind(node)
    .bind(at.as_millis())
    .bind(reason)
    .execute(tx.conn())
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(closed)
}

/// Whom this person met since then, newest first, at most 1000. The time is the end of the last call, or, of one that
/// runs, its opening.
pub async fn partners_since(db: &Db, user: UserId, since: Timestamp) -> Result<Vec<(UserId, Timestamp)>> {
    let rows = sqlx::query(
        "SELECT other.user_id AS partner, MAX(mine.met_at) AS met FROM call_members mine \
         JOIN call_members other ON other.room_id = mine.room_id AND other.user_id <> mine.user_id \
         WHERE mine.user_id = $1 AND mine.met_at >= $2 GROUP BY other.user_id ORDER BY met DESC LIMIT $3",
    )
    .bind(user.to_string())
    .bind(since.as_millis())
    .bind(MAX_PARTNERS)
    .fetch_all(db.reads())
    .await?;
    rows.iter().map(|row| Ok((row::id(row, "partner")?, row::time(row, "met")?))).collect()
}

/// Calls of a user with strangers, through the server, that both were in for `long_enough` and that nobody had to end; counted up to `most`.
pub async fn clean(db: &Db, user: UserId, long_enough: Duration, most: u32) -> Result<u32> {
    let rows = sqlx::query(
        "SELECT c.room_id FROM call_members m JOIN calls c ON c.room_id = m.room_id \
         WHERE m.user_id = $1 AND c.kind = 'random' AND c.transport = 'sfu' AND c.ended_at - c.started_at >= $2 \
         AND c.reason <> 'safety' AND c.blocked = 0 LIMIT $3",
    )
    .bind(user.to_string())
    .bind(i64::try_from(long_enough.as_millis()).unwrap_or(i64::MAX))
    .bind(i64::from(most))
    .fetch_all(db.reads())
    .await?;
    Ok(u32::try_from(rows.len()).unwrap_or(most))
}

/// Whether `a` had to do with `b` in this room, and it still runs or ended since then: both were in, or it rang at `a`'s because
/// `b` called.
pub async fn met(db: &Db, room: RoomId, a: UserId, b: UserId, since: Timestamp) -> Result<bool> {
    let row = sqlx::query(
        "SELECT c.room_id FROM calls c \
         JOIN call_members one ON one.room_id = c.room_id AND one.user_id = $2 \
         JOIN call_members two ON two.room_id = c.room_id AND two.user_id = $3 \
         WHERE c.room_id = $1 AND (c.ended_at IS NULL OR c.ended_at >= $4) \
         AND (c.started_at IS NOT NULL OR (c.caller_id = $3 AND COALESCE(c.reason, '') NOT IN ('busy', 'offline')))",
    )
    .bind(room.to_string())
    .bind(a.to_string())
    .bind(b.to_string())
    .bind(since.as_millis())
    .fetch_optional(db.reads())
    .await?;
    Ok(a != b && row.is_some())
}

/// One call, for tests, history and analytics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When both were in.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// `p2p` or `sfu`.
    pub transport: String,
    /// User, waiting time in milliseconds, when they left and why; in order of user id.
    pub members: Vec<(UserId, u64, Option<Timestamp>, Option<String>)>,
}

/// The call of a room.
pub async fn by_room(db: &Db, room: RoomId) -> Result<Option<Call>> {
    let call = sqlx::query(
        "SELECT opened_at, started_at, ended_at, reason, transport FROM calls WHERE room_id = $1",
    )
    .bind(room.to_string())
    .fetch_optional(db.reads())
    .await?;
    let Some(call) = call else { return Ok(None) };
    let members = sqlx::query(
        "SELECT user_id, waited_ms, left_at, left_reason FROM call_members WHERE room_id = $1 ORDER BY user_id",
    )
    .bind(room.to_string())
    .fetch_all(db.reads())
    .await?;
    let member = |row| {
        Ok((
            row::id(row, "user_id")?,
            row::count(row, "waited_ms")?,
            row::maybe_time(row, "left_at")?,
            row::maybe_text(row, "left_reason")?,
        ))
    };
    Ok(Some(Call {
        opened_at: row::time(&call, "opened_at")?,
        started_at: row::maybe_time(&call, "started_at")?,
        ended_at: row::maybe_time(&call, "ended_at")?,
        reason: row::maybe_text(&call, "reason")?,
        transport: row::text(&call, "transport")?,
        members: members.iter().map(member).collect::<Result<_>>()?,
    }))
}
