//! Pictures of people, by their content.

use visavis_domain::id::UserId;

use super::{Db, Result, Tx, row};

/// One size of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Pixels a side.
    pub side: u16,
    /// Base64.
    pub webp: String,
}

/// Keeps a picture. One that is there already stays.
pub async fn insert(tx: &mut Tx, sha256: &str, sizes: &[Sized]) -> Result<()> {
    for size in sizes {
        sqlx::query("INSERT INTO avatars (sha256, side, webp) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(sha256)
            .bind(i64::from(size.side))
            .bind(size.webp.as_str())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// One size of a picture, in base64.
pub async fn get(db: &Db, sha256: &str, side: u16) -> Result<Option<String>> {
    let row = sqlx::query("SELECT webp FROM avatars WHERE sha256 = $1 AND side = $2")
        .bind(sha256)
        .bind(i64::from(side))
        .fetch_optional(db.reads())
        .await?;
    row.map(|row| row::text(&row, "webp")).transpose()
}

/// Gives a person this picture, or none. What they had before, or `None` when there is no such account.
pub async fn set(tx: &mut Tx, user: UserId, url: Option<&str>) -> Result<Option<Option<String>>> {
    // A write first: it holds the account, so that two changes at once come one after the other.
    let row = sqlx::query("UPDATE users SET id = id WHERE id = $1 RETURNING avatar_url")
        .bind(user.to_string())
        .fetch_optional(tx.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    sqlx::query("UPDATE users SET avatar_url = $2 WHERE id = $1")
        .bind(user.to_string())
        .bind(url)
        .execute(tx.conn())
        .await?;
    Ok(Some(row::maybe_text(&row, "avatar_url")?))
}

/// Forgets a picture that nobody has any more.
pub async fn forget(tx: &mut Tx, sha256: &str, url: &str) -> Result<()> {
    sqlx::query(
        "DELETE FROM avatars WHERE sha256 = $1 AND NOT EXISTS (SELECT 1 FROM users WHERE avatar_url = $2)",
    )
    .bind(sha256)
    .bind(url)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The same, by the address that accounts name.
pub async fn forget_at(tx: &mut Tx, url: &str) -> Result<()> {
    let sha256 =
        url.strip_prefix("/api/avatars/").and_then(|rest| rest.split('-').next()).unwrap_or_default();
    forget(tx, sha256, url).await
}
