//! Bad days of Redis, with the real server: away, silent, slow, restarted empty, demoted, out of memory. Whoever asks gets
//! a clear answer in time, and everything goes on when the server does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::time::Duration;

use visavis_domain::{
    Code, Fault, Timestamp,
    event::{Event, Topic},
    limit::Rule,
};
use visavis_platform::{
    Clock, Dice, Kv, Lifecycle,
    bus::{News, Subscription},
    kv::{Do, If},
    redis_link,
};
use visavis_testkit::{
    Mode, Proxy,
    own_redis::OwnRedis,
    stores::{Engine, redis_settings},
    until,
};

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The deadline of these tests: short, so that a bound of several is still a second or two.
const DEADLINE_MS: u64 = 300;
/// A call that is over its deadline, on a machine that does other things too.
const IN_TIME: Duration = Duration::from_secs(2);

fn quick(settings: redis_link::Settings) -> redis_link::Settings {
    redis_link::Settings { timeout_ms: DEADLINE_MS, ..settings }
}

/// An engine behind a proxy.
async fn proxied() -> Option<(Engine, Proxy, Engine)> {
    let settings = redis_settings()?;
    let direct = Engine::on(settings.clone(), Clock::manual(T0)).await;
    let (proxy, url) = Proxy::before(settings.url.as_ref().unwrap().expose(), &direct.lifecycle).await;
    let settings = quick(redis_link::Settings { url: Some(url.into()), ..settings });
    Some((Engine::on(settings, Clock::manual(T0)).await, proxy, direct))
}

async fn refused(kv: &Kv) -> Fault {
    let asked = kv.put("k", "lost".to_owned(), None);
    tokio::time::timeout(IN_TIME, asked).await.expect("an answer in time").unwrap_err()
}

async fn works(kv: &Kv) -> bool {
    kv.put("k", "v".to_owned(), None).await.is_ok()
        && kv.get("k").await.ok().flatten().as_deref() == Some("v")
}

#[tokio::test]
async fn while_redis_is_away_the_answer_is_unavailable_at_once_and_then_all_goes_on() {
    let Some((engine, proxy, _direct)) = proxied().await else { return };
    let kv = &engine.kv;
    for mode in [Mode::Away, Mode::Silent, Mode::Slow(Duration::from_secs(1))] {
        assert!(works(kv).await);
        proxy.set(mode);
        for _ in 0..5 {
            let fault = refused(kv).await;
            assert_eq!((fault.code, fault.retry_after_ms), (Code::Unavailable, Some(1_000)), "{mode:?}");
        }
        assert_eq!(kv.ping().await.unwrap_err().code, Code::Unavailable);
        proxy.set(Mode::Pass);
        until("redis is used again", || works(kv)).await;
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_given_up_though_nobody_asks() {
    let Some((engine, proxy, direct)) = proxied().await else { return };
    let mut news = engine.bus.subscribe(Topic::Logins);
    proxy.set(Mode::Silent);
    direct.bus.publish(Event::KeysChanged).await;
    // The connection for commands and the one for news.
    let before = proxy.accepted();
    until("both are given up", async || proxy.accepted() >= before + 2).await;
    proxy.set(Mode::Pass);
    // What came meanwhile isn't delivered late, but said to be missed.
    let heard = tokio::time::timeout(Duration::from_secs(20), news.next()).await.expect("news");
    assert_eq!(heard, Some(News::Missed));
    until("redis is used again", || works(&engine.kv)).await;
}

#[tokio::test]
async fn listeners_learn_that_they_missed_something_whoever_lost_the_connection() {
    let Some((engine, proxy, direct)) = proxied().await else { return };
    let (mut here, mut there) = (engine.bus.subscribe(Topic::Logins), direct.bus.subscribe(Topic::Logins));
    proxy.set(Mode::Away);
    until("it is noticed", async || engine.kv.ping().await.is_err()).await;
    let published = tokio::time::timeout(IN_TIME, engine.bus.publish(Event::KeysChanged));
    published.await.expect("publishing holds nobody up");
    proxy.set(Mode::Pass);
    let heard = async |listener: &mut Subscription| {
        tokio::time::timeout(Duration::from_secs(20), listener.next())
            .await
            .expect("news within 20 s")
            .unwrap()
    };
    // The listener whose connection was lost, and the one that never lost its own.
    assert_eq!(heard(&mut here).await, News::Missed);
    assert_eq!(heard(&mut there).await, News::Missed);
    until("publishing works again", async || {
        engine.bus.publish(Event::KeysChanged).await;
        let heard = tokio::time::timeout(Duration::from_millis(200), there.next()).await;
        matches!(heard, Ok(Some(News::Event(Event::KeysChanged))))
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_was_restarted_empty_is_used_at_once() {
    let Some(mut redis) = OwnRedis::start().await else { return };
    let engine = Engine::on(quick(redis.settings()), Clock::manual(T0)).await;
    let kv = &engine.kv;
    let change = async || kv.change(&[If::Absent { key: "{t}a" }], &[Do::Delete { key: "{t}b" }]).await;
    assert!(works(kv).await && change().await.is_ok());
    redis.stop().await;
    assert_eq!(refused(kv).await.code, Code::Unavailable);
    redis.again().await;
    // The scripts are unknown to the new server.
    until("scripts run again", async || change().await.is_ok()).await;
    assert_eq!(kv.get("k").await.unwrap(), None, "it is empty");
    assert!(kv.gcra("limit", &Rule::per_hour(1, 1)).await.unwrap().allowed);
}

#[tokio::test]
async fn a_server_that_can_only_be_read_or_is_full_is_unavailable_and_no_bug() {
    let Some(redis) = OwnRedis::start().await else { return };
    let engine = Engine::on(quick(redis.settings()), Clock::manual(T0)).await;
    let kv = &engine.kv;
    assert!(works(kv).await);
    redis.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(refused(kv).await.code, Code::Unavailable);
    redis.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;
    until("there is room again", || works(kv)).await;
    // Demoted: a replica of nobody who is there.
    redis.tell(&["REPLICAOF", "127.0.0.1", "1"]).await;
    for _ in 0..3 {
        assert_eq!(refused(kv).await.code, Code::Unavailable);
    }
    redis.tell(&["REPLICAOF", "NO", "ONE"]).await;
    until("it is a primary again", || works(kv)).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_at_the_start() {
    let Some(redis) = OwnRedis::start().await else { return };
    redis.tell(&["CONFIG", "SET", "requirepass", "right"]).await;
    let url = redis.settings().url.unwrap().expose().replace("redis://", "redis://:canary@");
    let settings = redis_link::Settings { url: Some(url.into()), ..redis.settings() };
    let lifecycle = Lifecycle::default();
    let words = redis_link::Link::open(&settings, Dice::Secure, &lifecycle).await.unwrap_err().to_string();
    assert!(
        words.contains("127.0.0.1") && words.contains("can't be used") && !words.contains("canary"),
        "{words}"
    );
}
