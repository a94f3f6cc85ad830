//! Which way the media of two strangers goes. Pure.
//!
//! What runs through the server it can look at, and nobody learns the other's address; what runs directly costs nothing.
//! So whoever isn't proven yet, or hides their address, meets over the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::Path;

/// How strangers meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which way their media goes. Whoever hides their address meets over the server in any case.
    pub transport: Transport,
    /// Reputation from which a person is trusted to talk directly.
    #[serde(alias = "trustFloor", alias = "trustfloor")]
    #[schemars(range(min = 0, max = 100))]
    pub trust_floor: u8,
    /// Clean calls through the server before that.
    #[serde(alias = "provenCalls", alias = "provencalls")]
    pub proven_calls: u32,
    /// Seconds that both must have been in a call before it counts as one: who goes on at once has proven nothing.
    #[serde(alias = "cleanCallS", alias = "cleancalls")]
    pub clean_call_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { transport: Transport::Auto, trust_floor: 75, proven_calls: 5, clean_call_s: 60 }
    }
}

/// Which way media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Directly when both are proven, else over the server; a direct call that fails moves there.
    Auto,
    /// Always directly.
    P2p,
    /// Always over the server.
    Sfu,
}

/// What is known of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// 0 to 100.
    pub reputation: u8,
    /// Calls through the server that ended well.
    pub clean_calls: u32,
    /// Doesn't want others to learn their address.
    pub hides: bool,
}

/// The way, and whether a direct call may move to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Where it begins.
    pub path: Path,
    /// Whether it may move.
    pub movable: bool,
}

impl Settings {
    /// Decides for two people.
    pub fn way(&self, both: [Standing; 2]) -> Way {
        let proven = |s: &Standing| s.reputation >= self.trust_floor && s.clean_calls >= self.proven_calls;
        let direct = match self.transport {
            Transport::Auto => both.iter().all(proven),
            Transport::P2p => true,
            Transport::Sfu => false,
        };
        let hidden = both.iter().any(|s| s.hides);
        let path = if direct && !hidden { Path::P2p } else { Path::Sfu };
        Way { path, movable: self.moves() }
    }

    /// Whether a direct call may move to the server.
    pub fn moves(&self) -> bool {
        self.transport == Transport::Auto
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVEN: Standing = Standing { reputation: 80, clean_calls: 9, hides: false };

    fn path(transport: Transport, other: Standing) -> Path {
        let settings = Settings { transport, ..Settings::default() };
        let way = settings.way([PROVEN, other]);
        assert_eq!(way, settings.way([other, PROVEN]), "whoever is named first");
        way.path
    }

    #[test]
    fn both_must_be_proven_to_talk_directly() {
        assert_eq!(path(Transport::Auto, PROVEN), Path::P2p);
        assert_eq!(path(Transport::Auto, Standing { reputation: 74, ..PROVEN }), Path::Sfu);
        assert_eq!(path(Transport::Auto, Standing { clean_calls: 4, ..PROVEN }), Path::Sfu);
        assert_eq!(path(Transport::Sfu, PROVEN), Path::Sfu);
    }

    #[test]
    fn who_hides_their_address_never_talks_directly() {
        for transport in [Transport::Auto, Transport::P2p, Transport::Sfu] {
            assert_eq!(path(transport, Standing { hides: true, ..PROVEN }), Path::Sfu);
        }
        assert_eq!(path(Transport::P2p, Standing { reputation: 0, clean_calls: 0, hides: false }), Path::P2p);
    }
}
