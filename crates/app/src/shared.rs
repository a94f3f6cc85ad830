//! What processes share beside the database: in memory when this one is alone, else on Redis.

use visavis_platform::{Bus, Clock, Dice, Kv, Lifecycle, redis_link::Link};

use crate::{Failure, config::Config};

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
    let link = Link::open(settings, dice.clone(), lifecycle).await?;
    let kv = Kv::redis(link.clone(), &settings.prefix, clock.clone());
    let bus = Bus::redis(link, &settings.prefix, dice.clone(), lifecycle).await?;
    Ok((kv, bus))
}
