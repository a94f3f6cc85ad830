//! What every suite stands on: a real database, a clock that is turned by hand, seeded dice, mails as files. Each suite
//! runs on the object itself, through the bytes that a network would carry, over a network, and over a network on
//! Postgres and Redis.

use std::{sync::Arc, time::Duration};

use visavis_domain::{
    Timestamp,
    contract::{
        self, Caller, Link, Loopback,
        age_assurance::AgeAssurance,
        auth::{Auth, Login, SignedIn, Verify},
        moderation::Moderation,
        users::{Ensure, Users},
    },
    event::{Event, Topic},
    id::UserId,
};
use visavis_platform::{
    Bus, Clock, Db, Dice, Vault,
    bus::{News, Subscription},
    jobs::{self, Kind, Worker},
    mail::{self, Mailer, Postbox, outbox::Outbox},
    secret::Secret,
};
use visavis_services::{age, auth, moderation, users};
use visavis_testkit::{
    Database,
    databases::POSTGRES,
    stores::{Engine, REDIS, server},
};

use crate::http;

pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);
pub const URL: &str = "https://visavis.example";

/// How a suite reaches its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Direct,
    Loopback,
    Http,
    /// As in a cluster: over a network, on the real servers.
    Apart,
}

/// Every way there is here.
pub fn ways() -> Vec<Way> {
    let mut ways = vec![Way::Direct, Way::Loopback, Way::Http];
    ways.extend((server(POSTGRES).is_some() && server(REDIS).is_some()).then_some(Way::Apart));
    ways
}

impl Way {
    /// The contract by this way.
    pub fn reach<C: ?Sized>(self, service: Arc<C>, through: fn(Arc<C>, Link<'_>) -> Arc<C>) -> Arc<C> {
        match self {
            Self::Direct => service,
            Self::Loopback => through(service, &Loopback::link),
            Self::Http | Self::Apart => through(service, &http::link),
        }
    }
}

pub struct World {
    pub place: Database,
    pub stores: Engine,
    pub db: Db,
    pub clock: Clock,
    pub dice: Dice,
    pub bus: Bus,
    pub secret: Secret,

    pub mailer: Mailer,
    pub outbox: Outbox,
    pub users: Arc<dyn Users>,
    pub cx: Caller,
}

impl World {
    pub async fn new(way: Way) -> Self {
        let (place, stores) = match way {
            Way::Direct | Way::Loopback | Way::Http => (Database::sqlite(), Engine::embedded(START)),
            Way::Apart => (Database::postgres().await.unwrap(), Engine::redis(START).await.unwrap()),
        };
        let db = place.open().await;
        let (clock, dice) = (stores.clock.clone(), Dice::seeded(7));
        let folder = place.folder.path();
        let mailer = Mailer::new(&mail::Settings::default(), folder).unwrap();
        let outbox = Outbox::open(&folder.join("outbox"), 1_000).unwrap();
        let age = way
            .reach(Arc::new(age::Age::declared()) as Arc<dyn AgeAssurance>, contract::age_assurance::through);
        let service = users::Users::new(
            db.clone(),
            (clock.clone(), dice.clone(), Secret::from_bytes([9; 32])),
            users::Settings::default(),
            age,
        );
        let users: Arc<dyn Users> = way.reach(Arc::new(service), contract::users::through);
        Self {
            db,
            clock,
            dice,
            bus: stores.bus.clone(),
            secret: Secret::from_bytes([9; 32]),

            mailer,
            outbox,
            users,
            cx: Caller::internal("test"),
            place,
            stores,
        }
    }

    /// The role, with somebody who carries its mails out.
    pub async fn auth_of(&self, settings: auth::Settings) -> auth::Auth {
        let (clock, dice, bus) = (self.clock.clone(), self.dice.clone(), self.bus.clone());
        let work = jobs::Deps {
            db: self.db.clone(),
            bus: bus.clone(),
            clock: clock.clone(),
            // Not the role's: a worker rolls whenever it comes to it.
            dice: Dice::Secure,
            lifecycle: self.stores.lifecycle.clone(),
        };
        Worker::new(work, Kind::Mail, self.mailer.effect(self.secret.clone())).start();
        let deps = auth::Deps {
            db: self.db.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            bus: self.bus.clone(),
            postbox: Postbox::new(self.secret.clone(), clock, dice, bus),
            secret: self.secret.clone(),
            users: self.users.clone(),
            public_url: URL.to_owned(),
            settings,
        };
        auth::Auth::start(deps).await.unwrap()
    }

    /// The role `moderation` itself.
    pub async fn moderation_of(&self, settings: moderation::Settings) -> moderation::Moderation {
        let (secret, dice) = (self.secret.clone(), self.dice.clone());
        let vault =
            Vault::open(&settings.evidence, self.place.folder.path(), secret, Dice::Secure).await.unwrap();
        let (clock, bus) = (self.clock.clone(), self.bus.clone());
        moderation::Moderation::new(moderation::Deps {
            db: self.db.clone(),
            postbox: Postbox::new(self.secret.clone(), clock.clone(), dice.clone(), bus.clone()),
            clock,
            dice,
            bus,
            secret: self.secret.clone(),
            vault,
            public_url: URL.to_owned(),
            settings,
        })
    }

    pub async fn moderation(&self, way: Way) -> Arc<dyn Moderation> {
        let role = self.moderation_of(moderation::Settings::default()).await;
        way.reach(Arc::new(role), contract::moderation::through)
    }

    pub async fn auth(&self, way: Way) -> Arc<dyn Auth> {
        way.reach(Arc::new(self.auth_of(auth::Settings::default()).await), contract::auth::through)
    }

    /// An account.
    pub async fn person(&self, name: &str) -> UserId {
        let ensure = Ensure { email: format!("{name}@x.example") };
        self.users.ensure(&self.cx, ensure).await.unwrap().user.id
    }

    /// Waits until the outbox holds `count` mails: code and link token of each, newest first.
    pub async fn mails(&self, count: usize) -> Vec<(String, String)> {
        for _ in 0..500 {
            let mails = self.outbox.newest(1_000).unwrap();
            if mails.len() >= count {
                assert_eq!(mails.len(), count, "more mails than expected");
                return mails.iter().map(|(_, text)| secrets_of(text)).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} mails were expected, {} came", self.outbox.newest(1_000).unwrap().len());
    }

    /// Waits until the outbox holds `count` mails, newest first.
    pub async fn texts(&self, count: usize) -> Vec<String> {
        for _ in 0..500 {
            let mails = self.outbox.newest(1_000).unwrap();
            if mails.len() >= count {
                assert_eq!(mails.len(), count, "more mails than expected");
                return mails.into_iter().map(|(_, text)| text).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} mails were expected");
    }

    /// Signs in by code. Turns the clock a little: mails of the same millisecond have no order.
    pub async fn sign_in(&self, auth: &Arc<dyn Auth>, email: &str) -> SignedIn {
        self.clock.advance(Duration::from_millis(1));
        let before = self.outbox.newest(1_000).unwrap().len();
        let challenge = auth.login(&self.cx, Login { email: email.to_owned() }).await.unwrap();
        let (code, _) = self.mails(before + 1).await.remove(0);
        let verify =
            Verify { challenge_id: challenge.challenge_id.to_string(), code, agent: "Firefox".to_owned() };
        let signed = auth.verify(&self.cx, verify).await.unwrap();
        self.clock.advance(Duration::from_millis(1));
        signed
    }
}

/// Code and link token of a mail: each alone on its line.
fn secrets_of(mail: &str) -> (String, String) {
    let code = mail.lines().find(|l| l.len() == 6 && l.bytes().all(|b| b.is_ascii_digit())).unwrap();
    let prefix = format!("{URL}/login/magic#token=");
    let token = mail.lines().find_map(|l| l.strip_prefix(&prefix)).unwrap();
    (code.to_owned(), token.to_owned())
}

/// The next event of the topic, which must have been published already.
pub async fn heard(subscription: &mut Subscription) -> Event {
    match tokio::time::timeout(Duration::from_secs(5), subscription.next()).await.unwrap().unwrap() {
        News::Event(event) => event,
        News::Missed => panic!("events were missed"),
    }
}

/// Nothing more has been published on the topic (a marker of ours comes next).
pub async fn silent(bus: &Bus, subscription: &mut Subscription, topic: Topic) {
    let marker = match topic {
        Topic::Logins => Event::KeysChanged,
        Topic::Seats => Event::AgeChanged { user: UserId::from_bits(0) },
        _ => Event::Blocked { user: UserId::from_bits(0), other: UserId::from_bits(0) },
    };
    bus.publish(marker.clone()).await;
    assert_eq!(heard(subscription).await, marker);
}
