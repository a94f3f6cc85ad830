//! What processes share beside the database: in memory when this one is alone, else on Redis.

use std::time::Duration;

use visavis_platform::{
    Bus, Clock, Dice, Kv, Lifecycle,
    redis_link::{Link, OpenError},
};

use crate::{Failure, config::Config};

/// A Redis that is being started or is busy is asked again: a whole place that starts at once is no reason to end.
const TRIES: u32 = 8;
const AGAIN: Duration = Duration::from_millis(500);

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

async fn on_redis(
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
