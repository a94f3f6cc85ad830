//! What processes share: the database and the key of a place; beside them in memory when this one is alone, else on Redis.

use std::{path::PathBuf, time::Duration};

use visavis_platform::{
    Bus, Clock, Db, Dice, Kv, Lifecycle,
    redis_link::{Link, OpenError},
    secret::Secret,
};
use visavis_services::auth::keys;

use crate::{
    Failure,
    config::{Config, Hidden},
};

/// A Redis that is being started or is busy is asked again: a whole place that starts at once is no reason to end.
const TRIES: u32 = 8;
const AGAIN: Duration = Duration::from_millis(500);

/// A command is about a place that is there; it makes none.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no place in {data}: {file} is missing. --data (or data in the settings) names the folder that `visavis serve` runs with"
)]
pub struct NoPlace {
    data: PathBuf,
    file: PathBuf,
}

/// A database and a secret key that don't belong together. Served all the same, nobody could sign in.
#[derive(Debug, thiserror::Error)]
#[error(
    "this database was used with another secret key: what was sealed with that can't be opened. Put it back (secret_key, or \
     secret.key in the data folder; it is in the backup). If it is lost for good: visavis admin rotate-keys --lost"
)]
pub struct OtherSecret;

/// Looks whether they belong together.
pub async fn belong(db: &Db, secret: &Secret) -> Result<(), Failure> {
    if keys::foreign(db, secret).await?.is_empty() { Ok(()) } else { Err(OtherSecret.into()) }
}

/// The database and the secret key of a place that is there.
pub async fn place(config: &Config) -> Result<(Db, Secret), Failure> {
    if let Some(file) = Db::file(&config.database, &config.data)?
        && !file.exists()
    {
        return Err(NoPlace { data: config.data.clone(), file }.into());
    }
    let secret = Secret::load_made(config.secret_key.as_ref().map(Hidden::expose), &config.data)?;
    Ok((Db::open(&config.database, &config.data).await?, secret))
}

/// The secret key to serve with, made at the first start. A place that has a database had one, and what was sealed with it
/// can't be opened with another.
pub fn secret(config: &Config) -> Result<Secret, Failure> {
    let configured = config.secret_key.as_ref().map(Hidden::expose);
    let database = Db::file(&config.database, &config.data)?.filter(|_| config.needs_database());
    let used = database.is_some_and(|file| file.metadata().is_ok_and(|meta| meta.len() > 0));
    if used {
        return Ok(Secret::load_made(configured, &config.data)?);
    }
    Ok(Secret::load(configured, &config.data, &Dice::Secure)?)
}

/// The key-value store and the bus.
pub async fn open(
    config: &Config,
    clock: &Clock,
    dice: &Dice,
    lifecycle: &Lifecycle,
) -> Result<(Kv, Bus), Failure> {
    let settings = &config.redis;
    if settings.url.is_none() {
        return Ok((Kv::memory(clock.clone()), Bus::memory()));
    }
    for _ in 1..TRIES {
        match on_redis(config, clock, dice, lifecycle).await {
            Err(OpenError::Away { place, cause }) => {
                tracing::warn!(
                    redis.place = place,
                    redis.cause = cause,
                    "redis doesn't answer yet; it is asked again"
                );
                tokio::time::sleep(AGAIN).await;
            }
            other => return Ok(other?),
        }
    }
    Ok(on_redis(config, clock, dice, lifecycle).await?)
}

/// One try.
pub async fn on_redis(
    config: &Config,
    clock: &Clock,
    dice: &Dice,
    lifecycle: &Lifecycle,
) -> Result<(Kv, Bus), OpenError> {
    let settings = &config.redis;
    let link = Link::open(settings, dice.clone(), lifecycle).await?;
    let kv = Kv::redis(link.clone(), &settings.prefix, clock.clone());
    let bus = Bus::redis(link, &settings.prefix, dice.clone(), lifecycle).await?;
    Ok((kv, bus))
}
