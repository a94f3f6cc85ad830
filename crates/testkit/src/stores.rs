//! Fresh stores for a test, on every engine there is.

use std::{env, io::Write as _, sync::Once, time::Duration};

use visavis_domain::Timestamp;
use visavis_platform::{Bus, Clock, Dice, Kv, Lifecycle, redis_link};

/// Names the Redis that tests may use.
pub const REDIS: &str = "VISAVIS_TEST_REDIS";

/// The variable's value. Without one it says, once and past every capture, that something isn't tested.
pub fn server(variable: &str) -> Option<String> {
    static SAID: Once = Once::new();
    let url = env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        SAID.call_once(|| {
            let mut err = std::io::stderr().lock();
            let _ = writeln!(
                err,
                "\nSKIPPED: {variable} isn't set, so the embedded engines alone are tested. `cargo xtask test` tests \
                 both; by hand: eval \"$(cargo xtask services up)\"\n"
            );
        });
    }
    url
}

/// Settings of a Redis nobody else uses: a prefix of its own on the shared server.
pub fn redis_settings() -> Option<redis_link::Settings> {
    let url = server(REDIS)?;
    let prefix = format!("test-{:016x}:", Dice::Secure.u64());
    // A machine that compiles and runs browsers meanwhile may take a second for anything.
    Some(redis_link::Settings { url: Some(url.into()), prefix, timeout_ms: 10_000 })
}

/// `Kv` and `Bus` on one engine.
#[derive(Debug)]
pub struct Engine {
    /// For messages.
    pub name: &'static str,
    /// Its store.
    pub kv: Kv,
    /// Its bus.
    pub bus: Bus,
    /// What time is, to tests; life times on Redis follow the real one.
    pub clock: Clock,
    /// Ends the engine's tasks.
    pub lifecycle: Lifecycle,
    /// How to connect once more; `None` for the embedded one.
    pub redis: Option<redis_link::Settings>,
}

impl Engine {
    /// In this process.
    pub fn embedded(start: Timestamp) -> Self {
        let clock = Clock::manual(start);
        Self {
            name: "memory",
            kv: Kv::memory(clock.clone()),
            bus: Bus::memory(),
            clock,
            lifecycle: Lifecycle::default(),
            redis: None,
        }
    }

    /// On the real server, when there is one.
    pub async fn redis(start: Timestamp) -> Option<Self> {
        Some(Self::on(redis_settings()?, Clock::manual(start)).await)
    }

    /// On this Redis, as another process would be.
    pub async fn on(settings: redis_link::Settings, clock: Clock) -> Self {
        let lifecycle = Lifecycle::default();
        let link = redis_link::Link::open(&settings, Dice::Secure, &lifecycle).await.unwrap();
        let kv = Kv::redis(link.clone(), &settings.prefix, clock.clone());
        let bus = Bus::redis(link, &settings.prefix, Dice::Secure, &lifecycle).await.unwrap();
        Self { name: "redis", kv, bus, clock, lifecycle, redis: Some(settings) }
    }

    /// Every engine.
    pub async fn all(start: Timestamp) -> Vec<Self> {
        let mut all = vec![Self::embedded(start)];
        all.extend(Self::redis(start).await);
        all
    }

    /// Whether life times follow the real clock.
    pub const fn is_real(&self) -> bool {
        self.redis.is_some()
    }

    /// Lets time pass, by the engine's own clock too.
    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        if self.is_real() {
            // Its milliseconds may begin a moment later than ours.
            tokio::time::sleep(time + Duration::from_millis(5)).await;
        }
    }
}
