//! All that is held of a person, table by table: to be taken along, and to be erased. The lists below name every table with
//! people in it; a test compares them with the tables that there are.

use serde_json::{Map, Value};
use sqlx::{Column as _, Row as _, ValueRef as _, any::AnyRow};
use visavis_domain::{
    Timestamp,
    id::{LoginId, RequestId, UserId},
};

use crate::secret::Secret;

use super::{
    Db, Result, Tx,
    audit::{self, Deed, FORGOTTEN},
    avatars, row,
};

/// Rows of one table that are given: more than anybody has who doesn't try.
const MOST: i64 = 10_000;

/// What is given, each as a table and a query of everything in it about a person. Not given: what would let somebody in
/// (hashes of tokens and codes), and who reported them. A report is told by its day, and what it moved stands in the ledger:
/// the moment, or the move's cause, would say who it was.
const HELD: [(&str, &str); 19] = [
    ("account", "SELECT * FROM users WHERE id = $1 LIMIT $2"),
    (
        "logins",
        "SELECT id, user_agent, created_at, last_used_at, expires_at, ended_at, end_reason FROM logins \
         WHERE user_id = $1 ORDER BY last_used_at DESC LIMIT $2",
    ),
    (
        "reputation",
        "SELECT at, delta, reason, recover_by FROM reputation_entries WHERE user_id = $1 \
         ORDER BY at DESC, delta LIMIT $2",
    ),
    (
        "reputationMoves",
        "SELECT kind, at, delta, recover_by FROM reputation_moves WHERE user_id = $1 \
         AND kind IN ('clean-call', 'faded', 'decided', 'overturned') AND delta <> 0 ORDER BY at DESC LIMIT $2",
    ),
    ("ratings", "SELECT room_id, stars, at FROM call_ratings WHERE user_id = $1 LIMIT $2"),
    (
        "blocks",
        "SELECT other_id, at FROM blocks WHERE user_id = $1 UNION ALL \
         SELECT other_id, at FROM blocks_of_nobody WHERE user_id = $1 ORDER BY at DESC LIMIT $2",
    ),
    (
        "friendsAndRequests",
        "SELECT low_id, high_id, asked_by, asked_at, expires_at, since FROM friendships WHERE low_id = $1 \
         AND (withdrawn = 0 OR asked_by <> $1) LIMIT $2",
    ),
    (
        "friendsAndRequestsToo",
        "SELECT low_id, high_id, asked_by, asked_at, expires_at, since FROM friendships WHERE high_id = $1 \
         AND (withdrawn = 0 OR asked_by <> $1) LIMIT $2",
    ),
    (
        "reportsByMe",
        "SELECT id, room_id, reported_id, reason, note, at FROM reports WHERE reporter_id = $1 LIMIT $2",
    ),
    (
        "reportsAboutMe",
        "SELECT reason, at - at % 86400000 AS at FROM reports WHERE reported_id = $1 ORDER BY 2 DESC, reason LIMIT $2",
    ),
    (
        "calls",
        "SELECT m.room_id, m.participant_id, m.waited_ms, m.met_at, m.left_at, m.left_reason, c.kind, c.transport, \
         c.opened_at, c.started_at, c.ended_at, c.reason FROM call_members m JOIN calls c ON c.room_id = m.room_id \
         WHERE m.user_id = $1 AND m.unheard = 0 ORDER BY m.met_at DESC LIMIT $2",
    ),
    (
        "groups",
        "SELECT participant_id, room_id, came_at, left_at, left_reason FROM visits WHERE user_id = $1 \
         ORDER BY came_at DESC LIMIT $2",
    ),
    (
        "rooms",
        "SELECT id, name, seats, locked, created_at, expires_at FROM group_rooms WHERE owner_id = $1 LIMIT $2",
    ),
    (
        "decisions",
        "SELECT id, room_id, at, action, concern, rule, version, until, automated, signals, note, reports, overturned_at \
         FROM decisions WHERE user_id = $1 AND dry_run = 0 ORDER BY at DESC LIMIT $2",
    ),
    // A case is opened by a report: the moment would say whose.
    (
        "casesAboutMe",
        "SELECT state, opened_at - opened_at % 86400000 AS opened_at, held_for FROM cases WHERE user_id = $1 LIMIT $2",
    ),
    (
        "keptOfMe",
        "SELECT kind, at - at % 86400000 AS at, expires_at - expires_at % 86400000 AS expires_at, held FROM evidence \
         WHERE user_id = $1 LIMIT $2",
    ),
    (
        "appeals",
        "SELECT id, decision_id, text, at, state, judged_at, note FROM appeals WHERE user_id = $1 LIMIT $2",
    ),
    ("seenFrom", "SELECT kind, at FROM seen_from WHERE user_id = $1 LIMIT $2"),
    (
        "signIns",
        "SELECT c.created_at, c.expires_at, c.used_at, c.tries FROM challenges c JOIN users u ON u.email = c.email \
         WHERE u.id = $1 LIMIT $2",
    ),
];

/// What goes with the account by itself (its references say so), beside what [`erase`] names.
pub const CASCADES: [&str; 10] = [
    "logins",
    "reputation_entries",
    "reputation_moves",
    "call_ratings",
    "blocks",
    "blocks_of_nobody",
    "friendships",
    "decisions",
    "appeals",
    "seen_from",
];
/// What [`erase`] names.
pub const ERASED: [&str; 13] = [
    "users",
    "reports",
    "challenges",
    "code_failures",
    "sign_in_addresses",
    "jobs",
    "call_members",
    "calls",
    "visits",
    "group_rooms",
    "cases",
    "evidence",
    "exposure",
];
/// What holds nothing of people: keys, the queue's epochs, pictures by their content (forgotten when nobody has them any
/// more), MACs of what must stay away, who looked at what by ids that mean nothing without their account, stays by names of
/// their own, counts of days.
pub const NOBODYS: [&str; 11] = [
    "signing_keys",
    "pools",
    "avatars",
    "kept_suspensions",
    "bans",
    "evidence_keys",
    "audit",
    "audit_head",
    "kept_apart",
    "daily_figures",
    "figures_head",
];

/// What may come of a report, and the column that says when: the moment would say whose.
const OF_REPORTS: [(&str, &str); 3] =
    [("reportsAboutMe", "at"), ("casesAboutMe", "opened_at"), ("keptOfMe", "at")];

/// All that is held of somebody, as JSON: by table, rows as they are, but for what may come of a report: that is told when its
/// day is over. Nothing when there is no such account.
pub async fn held(db: &Db, user: UserId, now: Timestamp) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for (name, query) in HELD {
        let rows = sqlx::query(query).bind(user.to_string()).bind(MOST).fetch_all(db.reads()).await?;
        let mut rows = rows.iter().map(object).collect::<Result<Vec<_>>>()?;
        if let Some((_, column)) = OF_REPORTS.iter().find(|(table, _)| *table == name) {
            rows.retain(|row| row[column].as_i64().is_some_and(|at| at < now.day().as_millis()));
        }
        all.insert(name.to_owned(), rows.into());
    }
    Ok(all)
}

/// A row by its columns. There are only two types of them (and nothing).
fn object(row: &AnyRow) -> Result<Value> {
    let mut object = Map::new();
    for column in row.columns() {
        let name = column.name();
        let value = if row.try_get_raw(column.ordinal())?.is_null() {
            Value::Null
        } else if let Ok(number) = row.try_get::<i64, _>(column.ordinal()) {
            number.into()
        } else {
            row::text(row, name)?.into()
        };
        object.insert(name.to_owned(), value);
    }
    Ok(Value::Object(object))
}

/// Somebody who is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Their address.
    pub email: String,
    /// Their login sessions that hadn't ended.
    pub logins: Vec<LoginId>,
    /// Their friends, and who had asked or was asked, each with the request that it began with.
    pub friends: Vec<(UserId, RequestId)>,
    /// Pictures and words of them that are under legal hold, and stay.
    pub held: u64,
}

/// Erases a person from every table. Where others were with them, a name that means nothing stands in their place: calls are
/// counted, and others' own history stays. `None` when there is no such account.
pub async fn erase(
    tx: &mut Tx,
    (secret, now): (&Secret, Timestamp),
    user: UserId,
    in_place: UserId,
) -> Result<Option<Gone>> {
    // A write first: whoever else changes the account comes before or after.
    let row = sqlx::query("UPDATE users SET id = id WHERE id = $1 RETURNING email, avatar_url")
        .bind(user.to_string())
        .fetch_optional(tx.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (email, picture) = (row::text(&row, "email")?, row::maybe_text(&row, "avatar_url")?);
    let logins = sqlx::query("SELECT id FROM logins WHERE user_id = $1 AND ended_at IS NULL")
        .bind(user.to_string())
        .fetch_all(tx.conn())
        .await?;
    let logins = logins.iter().map(|row| row::id(row, "id")).collect::<Result<Vec<_>>>()?;
    let friends = sqlx::query(
        "SELECT high_id AS other, request_id FROM friendships WHERE low_id = $1 \
         UNION ALL SELECT low_id, request_id FROM friendships WHERE high_id = $1",
    )
    .bind(user.to_string())
    .fetch_all(tx.conn())
    .await?;
    let friend = |row: &AnyRow| Ok((row::id(row, "other")?, row::id(row, "request_id")?));
    let friends = friends.iter().map(friend).collect::<Result<Vec<_>>>()?;
    for statement in [
        "DELETE FROM jobs WHERE key IN (SELECT 'sign-in/' || id FROM challenges WHERE email = $1)",
        "DELETE FROM challenges WHERE email = $1",
        "DELETE FROM code_failures WHERE email = $1",
        "DELETE FROM sign_in_addresses WHERE email = $1",
    ] {
        sqlx::query(statement).bind(email.as_str()).execute(tx.conn()).await?;
    }
    let mut held = 0;
    for statement in [
        "UPDATE calls SET caller_id = $2 WHERE caller_id = $1 AND room_id IN \
         (SELECT room_id FROM call_members WHERE user_id = $1)",
        "UPDATE call_members SET user_id = $2 WHERE user_id = $1",
        "UPDATE visits SET user_id = $2 WHERE user_id = $1",
        // What is under legal hold stays, without a name.
        "UPDATE cases SET user_id = $2, state = 'final' WHERE user_id = $1 AND held_for IS NOT NULL",
        "UPDATE evidence SET user_id = $2 WHERE user_id = $1 AND held = 1",
    ] {
        let done = sqlx::query(statement)
            .bind(user.to_string())
            .bind(in_place.to_string())
            .execute(tx.conn())
            .await?;
        // Of the last of them.
        held = done.rows_affected();
    }
    let cases = sqlx::query("DELETE FROM cases WHERE user_id = $1 RETURNING id")
        .bind(user.to_string())
        .fetch_all(tx.conn())
        .await?;
    for case in &cases {
        // What shows it is gone before its day, and nobody is to look for it.
        let object = row::text(case, "id")?;
        let deed = Deed { at: now, actor: "erasure", act: FORGOTTEN, object: &object, reason: "" };
        audit::write(tx, secret, &deed).await?;
    }
    for statement in [
        // To those who had blocked them it must not look different from being blocked back.
        "INSERT INTO blocks_of_nobody (user_id, other_id, at) SELECT user_id, other_id, at FROM blocks \
         WHERE other_id = $1 ON CONFLICT (user_id, other_id) DO NOTHING",
        "DELETE FROM reports WHERE reporter_id = $1",
        "DELETE FROM reports WHERE reported_id = $1",
        "DELETE FROM group_rooms WHERE owner_id = $1",
        "DELETE FROM evidence WHERE user_id = $1",
        "DELETE FROM exposure WHERE moderator_id = $1",
        "DELETE FROM users WHERE id = $1",
    ] {
        sqlx::query(statement).bind(user.to_string()).execute(tx.conn()).await?;
    }
    if let Some(url) = picture {
        avatars::forget(tx, &url).await?;
    }
    Ok(Some(Gone { email, logins, friends, held }))
}

/// A suspension that outlives its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAway {
    /// Its end.
    pub until: Timestamp,
    /// About what, from the closed list of `strikes::Concern`.
    pub concern: String,
}

/// Remembers that an address stays away, by its MAC.
pub async fn keep_away(tx: &mut Tx, email_mac: &str, kept: &KeptAway) -> Result<()> {
    sqlx::query(
        "INSERT INTO kept_suspensions (email_mac, until, concern) VALUES ($1, $2, $3) \
         ON CONFLICT (email_mac) DO UPDATE SET until = excluded.until, concern = excluded.concern",
    )
    .bind(email_mac)
    .bind(kept.until.as_millis())
    .bind(kept.concern.as_str())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How an address stays away, and it is forgotten: its new account remembers from now on.
pub async fn take_away(tx: &mut Tx, email_mac: &str) -> Result<Option<KeptAway>> {
    let row = sqlx::query("DELETE FROM kept_suspensions WHERE email_mac = $1 RETURNING until, concern")
        .bind(email_mac)
        .fetch_optional(tx.conn())
        .await?;
    let kept =
        |row: &AnyRow| Ok(KeptAway { until: row::time(row, "until")?, concern: row::text(row, "concern")? });
    row.as_ref().map(kept).transpose()
}

/// Forgets those who may come again.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.write().await?;
    let done = sqlx::query("DELETE FROM kept_suspensions WHERE until < $1")
        .bind(now.as_millis())
        .execute(tx.conn())
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
