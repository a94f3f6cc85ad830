//! Pictures of people, by their content.

use visavis_domain::{Timestamp, id::UserId};

use super::{Db, Result, Tx, row};

/// Pictures that one sweep looks at.
const SWEEP: i64 = 500;

/// Where the larger size of a picture is: what its people have in their account.
pub fn url(sha256: &str) -> String {
    format!("/api/avatars/{sha256}-256.webp")
}

/// Which picture that is.
pub fn sha256_of(url: &str) -> Option<&str> {
    url.strip_prefix("/api/avatars/")?.strip_suffix("-256.webp")
}

/// One size of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Pixels a side.
    pub side: u16,
    /// Base64.
    pub webp: String,
}

/// Keeps a picture. One that is there already stays, and whoever forgets it meanwhile waits.
pub async fn insert(tx: &mut Tx, sha256: &str, sizes: &[Sized]) -> Result<()> {
    for size in sizes {
        let keep = sqlx::query(
            "INSERT INTO avatars (sha256, side, webp) VALUES ($1, $2, $3) \
             ON CONFLICT (sha256, side) DO UPDATE SET webp = avatars.webp",
        );
        keep.bind(sha256).bind(i64::from(size.side)).bind(size.webp.as_str()).execute(tx.conn()).await?;
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

/// Forgets a picture that nobody has any more. True when it was so.
pub async fn forget(tx: &mut Tx, url: &str) -> Result<bool> {
    let Some(sha256) = sha256_of(url) else { return Ok(false) };
    // A write first: whoever just gives it to somebody comes before, and is seen by the next statement, or after.
    sqlx::query("UPDATE avatars SET side = side WHERE sha256 = $1").bind(sha256).execute(tx.conn()).await?;
    let done = sqlx::query(
        "DELETE FROM avatars WHERE sha256 = $1 AND NOT EXISTS (SELECT 1 FROM users WHERE avatar_url = $2)",
    )
    .bind(sha256)
    .bind(url)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Looks for pictures that nobody has, from another place each time: names are digests, so that all are looked at by and by.
pub(super) async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    // Multiples of the golden ratio leave no gap (Knuth, volume 3, 6.4).
    let from = now.as_millis().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut gone = 0;
    for from in [format!("{from:016x}"), String::new()] {
        let rows = sqlx::query(
            "SELECT sha256 FROM (SELECT sha256 FROM avatars WHERE sha256 > $1 ORDER BY sha256 LIMIT $2) AS counted \
             WHERE NOT EXISTS (SELECT 1 FROM users WHERE avatar_url = '/api/avatars/' || counted.sha256 || '-256.webp')",
        )
        .bind(from)
        .bind(SWEEP)
        .fetch_all(db.reads())
        .await?;
        for row in &rows {
            let mut tx = db.write().await?;
            gone += u64::from(forget(&mut tx, &url(&row::text(row, "sha256")?)).await?);
            tx.commit().await?;
        }
    }
    Ok(gone)
}
