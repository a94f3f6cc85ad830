//! Builds every role, each given only the ones before it, so that a cycle can't be written. Where a role runs is decided
//! here and nowhere else: as the object itself, or (`loopback`) behind the very bytes that a network would carry.

use std::sync::Arc;

use visavis_domain::{
    contract::{
        auth::{self as auth_contract, Auth},
        friends::{self as friends_contract, Friends},
        matchmaking::{self as matchmaking_contract, Matchmaking},
        moderation::{self as moderation_contract, Moderation},
        rooms::{self as rooms_contract, Rooms},
        users::{self as users_contract, Users},
    },
    id::NodeId,
};
use visavis_platform::{
    Bus, Clock, Db, Dice, Kv, Lifecycle,
    mail::{Mailer, Postbox},
    secret::Secret,
    session_log::SessionLog,
};
use visavis_services::{auth, friends, matchmaking, moderation, users};
use visavis_sfu::node::{self, Node};

use crate::config::Config;

/// What roles stand on.
#[derive(Debug, Clone)]
pub struct Ground {
    pub db: Db,
    pub kv: Kv,
    pub bus: Bus,
    pub clock: Clock,
    pub dice: Dice,
    pub lifecycle: Lifecycle,
    pub log: SessionLog,
    pub secret: Secret,
    pub mailer: Mailer,
    pub node: NodeId,
}

/// Every role by its contract.
#[derive(Clone)]
pub struct Roles {
    pub users: Arc<dyn Users>,
    pub auth: Arc<dyn Auth>,
    pub friends: Arc<dyn Friends>,
    pub moderation: Arc<dyn Moderation>,
    pub rooms: Arc<dyn Rooms>,
    pub matchmaking: Arc<dyn Matchmaking>,
    /// The rooms of this process, to be closed at its end.
    pub node: Arc<Node>,
}

/// Builds the roles in their order. `issuer` is the public URL that tokens and mails name.
pub async fn roles(ground: &Ground, config: &Config, issuer: &str) -> Result<Roles, visavis_domain::Fault> {
    let g = ground;
    let through = config.loopback;

    let users: Arc<dyn Users> =
        Arc::new(users::Users::new(g.db.clone(), g.clock.clone(), g.dice.clone(), config.users.clone()));
    let users = if through { users_contract::loopback(users) } else { users };

    let auth: Arc<dyn Auth> = Arc::new(
        auth::Auth::start(auth::Deps {
            db: g.db.clone(),
            clock: g.clock.clone(),
            dice: g.dice.clone(),
            bus: g.bus.clone(),
            postbox: Postbox::new(g.secret.clone(), g.clock.clone(), g.dice.clone(), g.bus.clone()),
            secret: g.secret.clone(),
            users: Arc::clone(&users),
            public_url: issuer.to_owned(),
            settings: config.auth.clone(),
        })
        .await?,
    );
    let auth = if through { auth_contract::loopback(auth) } else { auth };

    let friends: Arc<dyn Friends> =
        Arc::new(friends::Friends::new(g.db.clone(), g.clock.clone(), g.bus.clone(), config.friends.clone()));
    let friends = if through { friends_contract::loopback(friends) } else { friends };

    let moderation: Arc<dyn Moderation> = Arc::new(moderation::Moderation::new(
        g.db.clone(),
        g.clock.clone(),
        g.dice.clone(),
        g.bus.clone(),
        config.moderation.clone(),
    ));
    let moderation = if through { moderation_contract::loopback(moderation) } else { moderation };

    let node = Node::start(node::Deps {
        db: g.db.clone(),
        log: g.log.clone(),
        bus: g.bus.clone(),
        clock: g.clock.clone(),
        dice: g.dice.clone(),
        lifecycle: g.lifecycle.clone(),
        node: g.node,
        settings: config.rooms.clone(),
    });
    let rooms: Arc<dyn Rooms> = Arc::clone(&node) as Arc<dyn Rooms>;
    let rooms = if through { rooms_contract::loopback(rooms) } else { rooms };

    let matchmaking: Arc<dyn Matchmaking> = Arc::new(matchmaking::Matchmaking::start(matchmaking::Deps {
        users: Arc::clone(&users),
        friends: Arc::clone(&friends),
        rooms: Arc::clone(&rooms),
        db: g.db.clone(),
        log: g.log.clone(),
        bus: g.bus.clone(),
        clock: g.clock.clone(),
        dice: g.dice.clone(),
        lifecycle: g.lifecycle.clone(),
        settings: config.queue.clone(),
    }));
    let matchmaking = if through { matchmaking_contract::loopback(matchmaking) } else { matchmaking };

    Ok(Roles { users, auth, friends, moderation, rooms, matchmaking, node })
}
