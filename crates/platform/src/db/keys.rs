//! Signing keys: the public half in the clear, the private half wrapped. Their states are derived from times by auth.

use visavis_domain::Timestamp;

use super::{Db, Result, Tx, row};

/// Keys that may exist at once: rotations further apart than a token's life leave two or three.
const MAX_KEYS: i64 = 16;

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name in the header of tokens.
    pub kid: String,
    /// base64url.
    pub public_key: String,
    /// Sealed by the secret key.
    pub private_wrapped: String,
    /// First second of its use.
    pub use_from: Timestamp,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("use_from", &self.use_from)
            .finish_non_exhaustive()
    }
}

/// Adds a key.
pub async fn insert(tx: &mut Tx, key: &SigningKey) -> Result<()> {
    sqlx::query(
        "INSERT INTO signing_keys (kid, public_key, private_wrapped, use_from) VALUES ($1, $2, $3, $4)",
    )
    .bind(key.kid.as_str())
    .bind(key.public_key.as_str())
    .bind(key.private_wrapped.as_str())
    .bind(key.use_from.as_millis())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All keys, the one that is used last first; at most 16.
pub async fn all(db: &Db) -> Result<Vec<SigningKey>> {
    let rows = sqlx::query(
        "SELECT kid, public_key, private_wrapped, use_from FROM signing_keys ORDER BY use_from DESC, kid DESC LIMIT $1",
    )
    .bind(MAX_KEYS)
    .fetch_all(db.reads())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SigningKey {
                kid: row::text(row, "kid")?,
                public_key: row::text(row, "public_key")?,
                private_wrapped: row::text(row, "private_wrapped")?,
                use_from: row::time(row, "use_from")?,
            })
        })
        .collect()
}

/// Removes a key whose last token has ended.
pub async fn delete(tx: &mut Tx, kid: &str) -> Result<()> {
    sqlx::query("DELETE FROM signing_keys WHERE kid = $1").bind(kid).execute(tx.conn()).await?;
    Ok(())
}
