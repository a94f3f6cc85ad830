//! Accounts and the ledger that explains their reputation.

use sqlx::any::AnyRow;
use visavis_domain::{Timestamp, age::AgeClass, id::UserId, wire::Role};

use super::{Db, Result, Tx, row};

/// Entries a reader gets at most.
const LEDGER_PAGE: i64 = 100;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// Normalised, unique.
    pub email: String,
    /// Unique.
    pub private_id: String,
    /// What others see.
    pub display_name: String,
    /// About them.
    pub bio: String,
    /// Absent until set.
    pub avatar_url: Option<String>,
    /// BCP 47 primary tags.
    pub languages: Vec<String>,
    /// Lower-case words.
    pub interests: Vec<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Account role.
    pub role: Role,
    /// 0 to 100.
    pub reputation: u8,
    /// The 18+ declaration.
    pub age_declared_at: Option<Timestamp>,
    /// With whom they may be, once it is known.
    pub age_class: Option<AgeClass>,
    /// Never P2P.
    pub hide_ip: bool,
    /// No ringing.
    pub do_not_disturb: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One move of the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// By how much.
    pub delta: i32,
    /// Why, in words.
    pub reason: String,
    /// When a loss is forgiven.
    pub recover_by: Option<Timestamp>,
}

/// What a profile change sets; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What others see.
    pub display_name: Option<String>,
    /// About them.
    pub bio: Option<String>,
    /// BCP 47 primary tags.
    pub languages: Option<Vec<String>>,
    /// Lower-case words.
    pub interests: Option<Vec<String>>,
    /// `Some(None)` clears it.
    pub country: Option<Option<String>>,
    /// Never P2P.
    pub hide_ip: Option<bool>,
    /// No ringing.
    pub do_not_disturb: Option<bool>,
}

macro_rules! columns {
    () => {
        "id, email, private_id, display_name, bio, avatar_url, languages, interests, country, role, reputation, \
         age_declared_at, hide_ip, do_not_disturb, created_at, age_class"
    };
}

fn user(row: &AnyRow) -> Result<User> {
    Ok(User {
        id: row::id(row, "id")?,
        email: row::text(row, "email")?,
        private_id: row::text(row, "private_id")?,
        display_name: row::text(row, "display_name")?,
        bio: row::text(row, "bio")?,
        avatar_url: row::maybe_text(row, "avatar_url")?,
        languages: row::json(row, "languages")?,
        interests: row::json(row, "interests")?,
        country: row::maybe_text(row, "country")?,
        role: row::text(row, "role")?.parse().map_err(|_| row::broken("role"))?,
        reputation: score(row)?,
        age_declared_at: row::maybe_time(row, "age_declared_at")?,
        hide_ip: row::flag(row, "hide_ip")?,
        do_not_disturb: row::flag(row, "do_not_disturb")?,
        created_at: row::time(row, "created_at")?,
        age_class: row::maybe_text(row, "age_class")?
            .map(|c| c.parse().map_err(|()| row::broken("age_class")))
            .transpose()?,
    })
}

pub(super) fn score(row: &AnyRow) -> Result<u8> {
    u8::try_from(row::number(row, "reputation")?).map_err(|_| row::broken("reputation"))
}

/// Makes an account with the first entry of its ledger. False, and nothing written, when the address or the private
/// id is taken.
pub async fn insert(tx: &mut Tx, user: &User, first: &Entry) -> Result<bool> {
    let made = sqlx::query(concat!(
        "INSERT INTO users (",
        columns!(),
        ", ledger_length) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1) \
         ON CONFLICT DO NOTHING"
    ))
    .bind(user.id.to_string())
    .bind(user.email.as_str())
    .bind(user.private_id.as_str())
    .bind(user.display_name.as_str())
    .bind(user.bio.as_str())
    .bind(user.avatar_url.clone())
    .bind(row::list(&user.languages))
    .bind(row::list(&user.interests))
    .bind(user.country.clone())
    .bind(user.role.as_str())
    .bind(i64::from(user.reputation))
    .bind(user.age_declared_at.map(Timestamp::as_millis))
    .bind(i64::from(user.hide_ip))
    .bind(i64::from(user.do_not_disturb))
    .bind(user.created_at.as_millis())
    .bind(user.age_class.map(AgeClass::as_str))
    .execute(tx.conn())
    .await?
    .rows_affected();
    if made == 0 {
        return Ok(false);
    }
    insert_entry(tx, user.id, 1, first).await?;
    Ok(true)
}

async fn insert_entry(tx: &mut Tx, user: UserId, n: i64, entry: &Entry) -> Result<()> {
    sqlx::query(
        "INSERT INTO reputation_entries (user_id, n, at, delta, reason, recover_by) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.to_string())
    .bind(n)
    .bind(entry.at.as_millis())
    .bind(i64::from(entry.delta))
    .bind(entry.reason.as_str())
    .bind(entry.recover_by.map(Timestamp::as_millis))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Moves the score by the entry's delta, within 0 to 100, and writes the entry. The new score, or `None` when there
/// is no such account.
pub async fn move_reputation(tx: &mut Tx, user: UserId, entry: &Entry) -> Result<Option<u8>> {
    let row = sqlx::query(
        "UPDATE users SET ledger_length = ledger_length + 1, reputation = CASE WHEN reputation + $2 < 0 THEN 0 \
         WHEN reputation + $2 > 100 THEN 100 ELSE reputation + $2 END WHERE id = $1 \
         RETURNING ledger_length, reputation",
    )
    .bind(user.to_string())
    .bind(i64::from(entry.delta))
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    insert_entry(tx, user, row::number(&row, "ledger_length")?, entry).await?;
    Ok(Some(score(&row)?))
}

/// The account with this id.
pub async fn by_id(db: &Db, id: UserId) -> Result<Option<User>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(user).transpose()
}

/// The account of this normalised address.
pub async fn by_email(db: &Db, email: &str) -> Result<Option<User>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE email = $1"))
        .bind(email)
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(user).transpose()
}

/// Whose private id that is.
pub async fn by_private_id(db: &Db, private_id: &str) -> Result<Option<User>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE private_id = $1"))
        .bind(private_id)
        .fetch_optional(db.reads())
        .await?;
    row.as_ref().map(user).transpose()
}

/// Gives an account another private id. The account afterwards, or `None` when there is none; [`super::Error::Conflict`]
/// when somebody has that id.
pub async fn set_private_id(tx: &mut Tx, id: UserId, private_id: &str) -> Result<Option<User>> {
    let row = sqlx::query(concat!("UPDATE users SET private_id = $2 WHERE id = $1 RETURNING ", columns!()))
        .bind(id.to_string())
        .bind(private_id)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(user).transpose()
}

/// Writes what a profile change sets, column by column, so that two changes at once don't undo each other. The
/// account afterwards, or `None` when there is none.
pub async fn update(tx: &mut Tx, id: UserId, changes: &Changes) -> Result<Option<User>> {
    let row = sqlx::query(concat!(
        "UPDATE users SET display_name = COALESCE($2, display_name), bio = COALESCE($3, bio), \
         languages = COALESCE($4, languages), interests = COALESCE($5, interests), \
         country = CASE WHEN $6 = 1 THEN $7 ELSE country END, hide_ip = COALESCE($8, hide_ip), \
         do_not_disturb = COALESCE($9, do_not_disturb) WHERE id = $1 RETURNING ",
        columns!()
    ))
    .bind(id.to_string())
    .bind(changes.display_name.clone())
    .bind(changes.bio.clone())
    .bind(changes.languages.as_deref().map(row::list))
    .bind(changes.interests.as_deref().map(row::list))
    .bind(i64::from(changes.country.is_some()))
    .bind(changes.country.clone().flatten())
    .bind(changes.hide_ip.map(i64::from))
    .bind(changes.do_not_disturb.map(i64::from))
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(user).transpose()
}

/// Notes the declaration, of which the first stays, and the class. False when there is no such account.
pub async fn declare_age(tx: &mut Tx, id: UserId, class: AgeClass, at: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET age_declared_at = COALESCE(age_declared_at, $2), age_class = $3 WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(at.as_millis())
    .bind(class.as_str())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets declaration and class. False when there was neither.
pub async fn withdraw_age(tx: &mut Tx, id: UserId) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET age_declared_at = NULL, age_class = NULL WHERE id = $1 AND age_declared_at IS NOT NULL",
    )
    .bind(id.to_string())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds an account until the transaction ends, also against its erasure. False when there is none.
pub async fn hold(tx: &mut Tx, id: UserId) -> Result<bool> {
    let held =
        sqlx::query("UPDATE users SET id = id WHERE id = $1").bind(id.to_string()).execute(tx.conn()).await?;
    Ok(held.rows_affected() == 1)
}

/// Whether these two may be strangers to one another: both have said how old they are, and are of one class. What isn't known,
/// because an account is gone, speaks against nothing.
pub async fn may_meet(db: &Db, users: [UserId; 2]) -> Result<bool> {
    let rows = sqlx::query("SELECT COALESCE(age_class, 'adult') AS class, age_declared_at FROM users WHERE id IN ($1, $2) LIMIT 2")
        .bind(users[0].to_string())
        .bind(users[1].to_string())
        .fetch_all(db.reads())
        .await?;
    let mut classes = Vec::with_capacity(2);
    for row in &rows {
        classes.push((row::maybe_time(row, "age_declared_at")?.is_some(), row::text(row, "class")?));
    }
    Ok(classes.iter().all(|class| class.0 && *class == classes[0]))
}

/// Whether one of these hides their address.
pub async fn any_hides(db: &Db, users: [UserId; 2]) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM users WHERE id IN ($1, $2) AND hide_ip = 1 LIMIT 1")
        .bind(users[0].to_string())
        .bind(users[1].to_string())
        .fetch_optional(db.reads())
        .await?;
    Ok(row.is_some())
}

/// The role of an account, which stays so until the transaction ends. `None` when there is no such account.
pub async fn lock_role(tx: &mut Tx, id: UserId) -> Result<Option<Role>> {
    let row = sqlx::query("UPDATE users SET id = id WHERE id = $1 RETURNING role")
        .bind(id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    row.map(|row| row::text(&row, "role")?.parse().map_err(|_| row::broken("role"))).transpose()
}

/// Admins that are looked at.
const ADMINS: i64 = 1_000;

/// Whether there are no other admins than this one; they all stay what they are until the transaction ends.
pub async fn is_last_admin(tx: &mut Tx, id: UserId) -> Result<bool> {
    let rows = sqlx::query("SELECT id FROM users WHERE role = 'admin' ORDER BY id LIMIT $1")
        .bind(ADMINS)
        .fetch_all(tx.conn())
        .await?;
    let mut admins = rows.iter().map(|row| row::id(row, "id")).collect::<Result<Vec<UserId>>>()?;
    if !admins.contains(&id) {
        return Ok(false);
    }
    // In the order in which roles are changed, so that of two who go at once one comes first.
    admins.sort_unstable();
    let (mut is_one, mut others) = (false, false);
    for admin in admins {
        let still = lock_role(tx, admin).await? == Some(Role::Admin);
        if admin == id {
            is_one = still;
        } else {
            others |= still;
        }
    }
    Ok(is_one && !others)
}

/// Sets the role of an account.
pub async fn set_role(tx: &mut Tx, id: UserId, role: Role) -> Result<()> {
    sqlx::query("UPDATE users SET role = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(role.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The ledger, newest first, at most 100 entries.
pub async fn ledger(db: &Db, id: UserId) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "SELECT at, delta, reason, recover_by FROM reputation_entries WHERE user_id = $1 ORDER BY n DESC LIMIT $2",
    )
    .bind(id.to_string())
    .bind(LEDGER_PAGE)
    .fetch_all(db.reads())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                at: row::time(row, "at")?,
                delta: i32::try_from(row::number(row, "delta")?).map_err(|_| row::broken("delta"))?,
                reason: row::text(row, "reason")?,
                recover_by: row::maybe_time(row, "recover_by")?,
            })
        })
        .collect()
}
