//! Builds every role, each given only the ones before it, so that a cycle can't be written. Where a role runs is decided
//! here and nowhere else: as the object itself, in another process, or (`loopback`) behind the very bytes that a network
//! would carry.

use std::{sync::Arc, time::Duration};

use visavis_domain::{
    Fault,
    contract::{
        Dispatch, Loopback, Transport,
        age_assurance::{self as age_contract, AgeAssurance},
        analytics::{self as analytics_contract, Analytics},
        auth::{self as auth_contract, Auth},
        friends::{self as friends_contract, Friends},
        matchmaking::{self as matchmaking_contract, Matchmaking},
        moderation::{self as moderation_contract, Moderation},
        rooms::{self as rooms_contract, Rooms},
        sight::{self as sight_contract, Sight},
        users::{self as users_contract, Users},
    },
    room::tap::Consumer,
};
use visavis_platform::{
    Bus, Clock, Db, Dials, Dice, Kv, Lifecycle, Nodes, Pages, Places, Rpc, Seats, Vault,
    mail::{Mailer, Postbox},
    secret::Secret,
    session_log::SessionLog,
};
use visavis_services::{age, analytics, auth, friends, matchmaking, moderation, users};
use visavis_sfu::{
    media::{Ports, Reach},
    node::{self, Node},
};

use visavis_workers::{
    eyes::Eyes,
    rules,
    watch::{self, Watch},
};

use crate::config::{Config, Role};

/// What roles stand on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Only where a role needs it: who can't reach the database can't lose it.
    pub db: Option<Db>,
    pub kv: Kv,
    pub bus: Bus,
    pub clock: Clock,
    pub dice: Dice,
    pub lifecycle: Lifecycle,
    pub log: SessionLog,
    pub secret: Secret,
    pub mailer: Option<Mailer>,
    pub nodes: Nodes,
    pub places: Places,
    pub rpc: Rpc,
}

impl Ground {
    fn db(&self) -> Result<Db, Fault> {
        self.db.clone().ok_or_else(Fault::internal)
    }

    /// Whether this process is alone with its memory: then nobody else can hold a room of the place.
    pub const fn is_alone(&self) -> bool {
        matches!(self.kv, Kv::Memory(_))
    }
}

/// Every role by its contract.
#[derive(Clone)]
pub struct Roles {
    pub users: Arc<dyn Users>,
    pub auth: Arc<dyn Auth>,
    pub friends: Arc<dyn Friends>,
    pub moderation: Arc<dyn Moderation>,
    pub analytics: Arc<dyn Analytics>,
    pub rooms: Arc<dyn Rooms>,
    pub matchmaking: Arc<dyn Matchmaking>,
    pub sight: Arc<dyn Sight>,
    /// The rooms of this process, to be closed at its end.
    pub node: Option<Arc<Node>>,
}

/// The two halves of a contract: as bytes, and from them.
type Halves<C> = (fn(Arc<C>) -> Arc<dyn Dispatch>, fn(Arc<dyn Transport>) -> Arc<C>);

/// The media ports, and how they are reached.
pub type Forwards = (Vec<Ports>, Reach);

struct Wiring<'a> {
    ground: &'a Ground,
    config: &'a Config,
}

impl Wiring<'_> {
    fn does(&self, role: Role) -> bool {
        self.config.does(role)
    }

    /// The object, which others may call too; or, where there is none, the remote.
    fn pick<C: ?Sized>(&self, object: Option<Arc<C>>, (serve, remote): Halves<C>) -> Arc<C> {
        let Some(object) = object else { return remote(self.ground.rpc.transport()) };
        let served = serve(Arc::clone(&object));
        self.ground.rpc.serve(Arc::clone(&served));
        if self.config.loopback { remote(Loopback::link(served)) } else { object }
    }

    fn users(&self) -> Result<Option<Arc<dyn Users>>, Fault> {
        if !self.does(Role::Users) {
            return Ok(None);
        }
        let g = self.ground;
        let settings = self.config.users.clone();
        let clean_call = Duration::from_secs(self.config.strangers.clean_call_s);
        let age = age::Age::new(&self.config.age, g.clock.clone()).map_err(|error| {
            tracing::error!(%error, "ages can't be assured");
            Fault::internal()
        })?;
        let age = Some(Arc::new(age) as Arc<dyn AgeAssurance>);
        let age = self.pick(age, (age_contract::serve, age_contract::remote));
        let users =
            users::Users::new(g.db()?, (g.clock.clone(), g.dice.clone(), g.secret.clone()), settings, age);
        Ok(Some(Arc::new(users.with_clean_call(clean_call).with_bus(g.bus.clone()))))
    }

    async fn auth(&self, users: &Arc<dyn Users>, issuer: &str) -> Result<Option<Arc<dyn Auth>>, Fault> {
        if !self.does(Role::Auth) {
            return Ok(None);
        }
        let g = self.ground;
        let deps = auth::Deps {
            db: g.db()?,
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            bus: g.bus.clone(),
            postbox: Postbox::new(g.secret.clone(), g.clock.clone(), g.dice.clone(), g.bus.clone()),
            secret: g.secret.clone(),
            users: Arc::clone(users),
            public_url: issuer.to_owned(),
            settings: self.config.auth.clone(),
        };
        Ok(Some(Arc::new(auth::Auth::start(deps).await?)))
    }

    fn friends(&self) -> Result<Option<Arc<dyn Friends>>, Fault> {
        if !self.does(Role::Friends) {
            return Ok(None);
        }
        let g = self.ground;
        let deps = friends::Deps {
            db: g.db()?,
            kv: g.kv.clone(),
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            bus: g.bus.clone(),
            settings: self.config.friends.clone(),
        };
        Ok(Some(Arc::new(friends::Friends::new(deps))))
    }

    async fn moderation(&self, issuer: &str) -> Result<Option<Arc<dyn Moderation>>, Fault> {
        if !self.does(Role::Moderation) {
            return Ok(None);
        }
        let role = moderation_of(self.ground, self.config, issuer).await?;
        role.keep_up(&self.ground.lifecycle);
        Ok(Some(Arc::new(role)))
    }

    fn analytics(&self) -> Result<Option<Arc<dyn Analytics>>, Fault> {
        if !self.does(Role::Analytics) {
            return Ok(None);
        }
        Ok(Some(Arc::new(analytics::Analytics::new(self.ground.db()?, self.ground.clock.clone()))))
    }

    fn node(&self, (ports, reach): Forwards) -> Result<Option<Arc<Node>>, Fault> {
        if !self.does(Role::Rooms) {
            return Ok(None);
        }
        let g = self.ground;
        let deps = node::Deps {
            db: g.db()?,
            log: g.log.clone(),
            pages: Pages::new(g.kv.clone(), g.bus.clone()),
            dials: Dials::new(g.kv.clone()),
            seats: Seats::new(g.kv.clone()),
            bus: g.bus.clone(),
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            lifecycle: g.lifecycle.clone(),
            node: g.nodes.id(),
            places: g.places.clone(),
            settings: self.config.rooms.clone(),
        };
        let started = Node::start_with(deps, ports, &reach);
        started.map(Some).map_err(|error| {
            tracing::error!(%error, "media can't be started");
            Fault::internal()
        })
    }

    /// Those who look, where there is something to look with.
    fn sight(&self) -> Result<Option<Arc<dyn Sight>>, Fault> {
        let settings = &self.config.watch;
        if !self.does(Role::Sight) || !settings.on {
            return Ok(None);
        }
        let eyes = Eyes::start(&settings.models, settings.threads).map_err(|error| {
            tracing::error!(%error, "those who look at calls can't be started");
            Fault::internal()
        })?;
        Ok(Some(Arc::new(eyes)))
    }

    /// Looks at the calls of this process.
    fn watch(
        &self,
        node: &Arc<Node>,
        sight: &Arc<dyn Sight>,
        rooms: &Arc<dyn Rooms>,
        moderation: &Arc<dyn Moderation>,
    ) -> Result<(), Fault> {
        let (g, settings) = (self.ground, &self.config.watch);
        let samples = node.media().and_then(|media| media.samples().take(Consumer::Moderation));
        let Some(samples) = samples.filter(|_| settings.on) else { return Ok(()) };
        let rules = rules::keep(settings.rules.clone(), &g.lifecycle).map_err(|error| {
            tracing::error!(%error, "the rules of moderation can't be taken");
            Fault::internal()
        })?;
        let media = Arc::clone(node);
        let wants = move |consumer, demand| {
            if let Some(media) = media.media() {
                media.tap(None, consumer, demand);
            }
        };
        Watch::start(watch::Deps {
            samples,
            wants: Box::new(wants),
            sight: Arc::clone(sight),
            rooms: Arc::clone(rooms),
            moderation: Arc::clone(moderation),
            kv: g.kv.clone(),
            bus: g.bus.clone(),
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            lifecycle: g.lifecycle.clone(),
            rules,
            every: Duration::from_secs(settings.picture_every_s),
        });
        Ok(())
    }

    fn matchmaking(
        &self,
        users: &Arc<dyn Users>,
        friends: &Arc<dyn Friends>,
        rooms: &Arc<dyn Rooms>,
    ) -> Result<Option<Arc<dyn Matchmaking>>, Fault> {
        if !self.does(Role::Matchmaking) {
            return Ok(None);
        }
        let g = self.ground;
        Ok(Some(Arc::new(matchmaking::Matchmaking::start(matchmaking::Deps {
            users: Arc::clone(users),
            friends: Arc::clone(friends),
            rooms: Arc::clone(rooms),
            db: g.db()?,
            kv: g.kv.clone(),
            node: g.nodes.id(),
            log: g.log.clone(),
            bus: g.bus.clone(),
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            lifecycle: g.lifecycle.clone(),
            settings: self.config.queue.clone(),
            strangers: self.config.strangers.clone(),
        }))))
    }
}

/// The role `moderation` itself: for the server, and for an operator's commands.
pub async fn moderation_of(
    ground: &Ground,
    config: &Config,
    issuer: &str,
) -> Result<moderation::Moderation, Fault> {
    let (secret, clock, dice, bus) =
        (ground.secret.clone(), ground.clock.clone(), ground.dice.clone(), ground.bus.clone());
    let settings = config.moderation.clone();
    let vault = Vault::open(&settings.evidence, &config.data, secret.clone(), dice.clone()).await;
    let vault = vault.map_err(|error| {
        tracing::error!(%error, "the keys of evidence can't be reached");
        Fault::internal()
    })?;
    Ok(moderation::Moderation::new(moderation::Deps {
        db: ground.db()?,
        postbox: Postbox::new(secret.clone(), clock.clone(), dice.clone(), bus.clone()),
        clock,
        dice,
        bus,
        secret,
        vault,
        public_url: issuer.to_owned(),
        settings,
    }))
}

/// Builds the roles in their order. `issuer` is the public URL that tokens and mails name.
pub async fn roles(
    ground: &Ground,
    config: &Config,
    issuer: &str,
    forwards: Forwards,
) -> Result<Roles, Fault> {
    let w = Wiring { ground, config };
    let users = w.pick(w.users()?, (users_contract::serve, users_contract::remote));
    let auth = w.pick(w.auth(&users, issuer).await?, (auth_contract::serve, auth_contract::remote));
    let friends = w.pick(w.friends()?, (friends_contract::serve, friends_contract::remote));
    let moderation =
        w.pick(w.moderation(issuer).await?, (moderation_contract::serve, moderation_contract::remote));
    let analytics = w.pick(w.analytics()?, (analytics_contract::serve, analytics_contract::remote));
    let node = w.node(forwards)?;
    let object = node.clone().map(|node| node as Arc<dyn Rooms>);
    let here = w.pick(object, (rooms_contract::serve, rooms_contract::remote));
    // Rooms are placed: with other nodes about, a call for one may be for them though this one holds rooms too.
    let rooms = if ground.is_alone() { here } else { rooms_contract::remote(ground.rpc.transport()) };
    let sight = w.pick(w.sight()?, (sight_contract::serve, sight_contract::remote));
    if let Some(node) = &node {
        w.watch(node, &sight, &rooms, &moderation)?;
    }
    let matchmaking = w.pick(
        w.matchmaking(&users, &friends, &rooms)?,
        (matchmaking_contract::serve, matchmaking_contract::remote),
    );
    Ok(Roles { users, auth, friends, moderation, analytics, rooms, matchmaking, sight, node })
}
