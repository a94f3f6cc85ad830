//! The edge: what strangers can reach. HTTP API, signalling, the page, and the guard before them.
//!
//! Every handler is guard, contract call, map; nothing is decided here that a role should decide, and nothing a
//! client sends is believed before it is checked. Which role runs where is unknown here.

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod guard;
pub mod health;
pub mod http;
pub mod ice;
mod openapi;
mod outbox;
pub mod picture;
pub mod private;
pub mod problem;
pub mod proxy;
pub mod serve;
pub mod settings;
pub mod socket;
pub mod tls;
pub mod watching;
mod web;

use std::{fmt, ops::Deref, sync::Arc};

use ipnet::IpNet;
use visavis_domain::contract::{
    analytics::Analytics, auth::Auth, friends::Friends, moderation::Moderation, rooms::Rooms, users::Users,
};
use visavis_platform::{Clock, Dice, Kv, Lifecycle};

use crate::{
    guard::{client::ProxyHeader, site::Hosts, tokens::Tokens},
    health::Checks,
    settings::Limits,
};

/// What the HTTP API stands on.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

/// The parts of an [`Edge`].
pub struct Parts {
    /// Sign-in.
    pub auth: Arc<dyn Auth>,
    /// Accounts.
    pub users: Arc<dyn Users>,
    /// Blocks.
    pub friends: Arc<dyn Friends>,
    /// Reports.
    pub moderation: Arc<dyn Moderation>,
    /// Figures.
    pub analytics: Arc<dyn Analytics>,
    /// Rooms of groups.
    pub rooms: Arc<dyn Rooms>,
    /// Rate limits.
    pub kv: Kv,
    /// Time.
    pub clock: Clock,
    /// Request ids.
    pub dice: Dice,
    /// Whether the process drains.
    pub lifecycle: Lifecycle,
    /// Checks access tokens.
    pub tokens: Tokens,
    /// This place and its limits.
    pub site: Site,
    /// Where pictures become small ones.
    pub studio: picture::Studio,
    /// What `/readyz` asks, by name.
    pub checks: Checks,
    /// What is looked for in calls.
    pub watching: watching::Watching,
}

/// The resolved settings of this place.
#[derive(Debug, Clone)]
pub struct Site {
    /// Which names are ours.
    pub hosts: Hosts,
    /// Proxies that are believed about their clients.
    pub trusted_proxies: Vec<IpNet>,
    /// How they tell.
    pub proxy_header: ProxyHeader,
    /// Where mails can be read with `--dev`, for the sign-in page.
    pub dev_outbox: Option<String>,
    /// Limits.
    pub limits: Limits,
}

impl Edge {
    /// An edge on these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Edge {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("site", &self.site).finish_non_exhaustive()
    }
}
