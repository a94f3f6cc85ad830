//! Epochs of the leaders of pools: each is handed out once, whatever the store that holds the leases has forgotten.

use super::{Db, Result, row};

/// The next epoch of that pool.
pub async fn next_epoch(db: &Db, pool: &str) -> Result<u64> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "INSERT INTO pools (name, epoch) VALUES ($1, 1) \
         ON CONFLICT (name) DO UPDATE SET epoch = pools.epoch + 1 RETURNING epoch",
    )
    .bind(pool)
    .fetch_one(tx.conn())
    .await?;
    let epoch = row::count(&row, "epoch")?;
    tx.commit().await?;
    Ok(epoch)
}
