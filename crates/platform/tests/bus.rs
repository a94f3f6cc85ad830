//! One suite for every `Bus` engine.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    event::{Event, Topic},
    id::{LoginId, SocketId, UserId},
};
use visavis_platform::bus::{News, Subscription, TOPIC_CAPACITY};
use visavis_testkit::stores::Engine;

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn revoked(n: u128) -> Event {
    Event::LoginRevoked { login: LoginId::from_bits(n) }
}

async fn heard(subscription: &mut Subscription) -> News {
    tokio::time::timeout(Duration::from_secs(20), subscription.next())
        .await
        .expect("news within 20 s")
        .unwrap()
}

#[tokio::test]
async fn a_listener_hears_its_topic_only_in_order_and_once() {
    for Engine { name, bus, lifecycle: _lifecycle, .. } in Engine::all(T0).await {
        let (mut one, mut two) = (bus.subscribe(Topic::Logins), bus.subscribe(Topic::Logins));
        bus.publish(Event::Blocked { user: UserId::from_bits(1), other: UserId::from_bits(2) }).await;
        for n in 1..=50 {
            bus.publish(revoked(n)).await;
        }
        bus.publish(Event::KeysChanged).await;
        for listener in [&mut one, &mut two] {
            for n in 1..=50 {
                assert_eq!(heard(listener).await, News::Event(revoked(n)), "{name}");
            }
            assert_eq!(heard(listener).await, News::Event(Event::KeysChanged), "{name}");
        }
    }
}

#[tokio::test]
async fn whoever_listens_later_hears_what_comes_later() {
    for Engine { name, bus, lifecycle: _lifecycle, .. } in Engine::all(T0).await {
        let mut early = bus.subscribe(Topic::Logins);
        bus.publish(revoked(1)).await;
        assert_eq!(heard(&mut early).await, News::Event(revoked(1)));
        let mut late = bus.subscribe(Topic::Logins);
        bus.publish(revoked(2)).await;
        assert_eq!(heard(&mut late).await, News::Event(revoked(2)), "{name}");
    }
}

#[tokio::test]
async fn a_listener_that_fell_behind_is_told() {
    for Engine { name, bus, lifecycle: _lifecycle, .. } in Engine::all(T0).await {
        let (mut slow, mut quick) = (bus.subscribe(Topic::Logins), bus.subscribe(Topic::Logins));
        for n in 0..=TOPIC_CAPACITY {
            bus.publish(revoked(n as u128)).await;
            assert_eq!(heard(&mut quick).await, News::Event(revoked(n as u128)));
        }
        assert_eq!(heard(&mut slow).await, News::Missed, "{name}");
        assert_eq!(heard(&mut slow).await, News::Event(revoked(1)), "{name}: and goes on with what is left");
    }
}

#[tokio::test]
async fn processes_on_one_redis_hear_one_another_and_other_places_nothing() {
    let Some(one) = Engine::redis(T0).await else { return };
    let two = Engine::on(one.redis.clone().unwrap(), one.clock.clone()).await;
    let elsewhere = Engine::redis(T0).await.unwrap();
    let mut at_one = one.bus.subscribe(Topic::Sessions);
    let mut at_two = two.bus.subscribe(Topic::Sessions);
    let mut apart = elsewhere.bus.subscribe(Topic::Sessions);
    let grew = |n| Event::LogGrew { session: SocketId::from_bits(n) };
    one.bus.publish(grew(1)).await;
    for listener in [&mut at_one, &mut at_two] {
        assert_eq!(heard(listener).await, News::Event(grew(1)));
    }
    two.bus.publish(grew(2)).await;
    elsewhere.bus.publish(grew(3)).await;
    for listener in [&mut at_one, &mut at_two] {
        assert_eq!(heard(listener).await, News::Event(grew(2)));
    }
    assert_eq!(heard(&mut apart).await, News::Event(grew(3)));
}
