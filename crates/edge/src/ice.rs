//! STUN and TURN servers for one person. TURN by coturn's REST scheme ("A REST API for access to TURN services",
//! draft-uberti-behave-turn-rest): the user name is the end of its life, the password the HMAC-SHA1 of it, so that the
//! TURN server needs nothing but the shared secret. The name says nothing of who uses it.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use visavis_domain::wire::{IceServer, Path};
use visavis_platform::{Clock, Dice};

/// Shortest life of a TURN credential: a call may last that long (protocol section 3).
pub const MIN_TURN_LIFE: Duration = Duration::from_hours(12);

/// A TURN service.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// `turn:` and `turns:` URLs (RFC 7065).
    pub urls: Vec<String>,
    /// Shared with the TURN server (`static-auth-secret` of coturn).
    pub secret: String,
    /// How long a credential lasts, at least [`MIN_TURN_LIFE`].
    pub life: Duration,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("urls", &self.urls).field("life", &self.life).finish_non_exhaustive()
    }
}

/// STUN servers named to one person: the second is for when the first is just restarting.
const MOST_STUN: usize = 2;

/// Where media ports are reached now, `HOST:PORT` each (IPv6 in brackets).
pub type Media = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Makes `iceServers`.
#[derive(Clone)]
pub struct Ice {
    media: Media,
    turn: Option<Turn>,
    clock: Clock,
    dice: Dice,
}

impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ice").field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl Ice {
    /// STUN at our own media ports, for direct ways; TURN when there is one.
    pub fn new(media: Media, turn: Option<Turn>, clock: Clock, dice: Dice) -> Self {
        Self { media, turn, clock, dice }
    }

    /// The servers to use from now on for media that goes `path`; each call makes fresh credentials.
    ///
    /// On the way to our own media there is no STUN: nobody there needs to learn their address, and browsers made with
    /// libwebrtc take every datagram from an address that is their STUN server's for its answer. ICE from that address would
    /// never be heard, and only TCP would be left (ADR 13).
    pub fn servers(&self, path: Path) -> Vec<IceServer> {
        let media = match path {
            Path::P2p => BTreeSet::from_iter((self.media)()),
            Path::Sfu => BTreeSet::new(),
        };
        let urls: Vec<_> = media.into_iter().take(MOST_STUN).map(|at| format!("stun:{at}")).collect();
        // Browsers refuse a server without URLs.
        let stun = (!urls.is_empty()).then_some(IceServer { urls, username: None, credential: None });
        let turn = self.turn.as_ref().map(|turn| self.credentials(turn));
        stun.into_iter().chain(turn).collect()
    }

    fn credentials(&self, turn: &Turn) -> IceServer {
        let ends = (self.clock.now() + turn.life.max(MIN_TURN_LIFE)).as_secs();
        let username = format!("{ends}:{:016x}", self.dice.u64());
        let credential = password(&turn.secret, &username);
        IceServer { urls: turn.urls.clone(), username: Some(username), credential: Some(credential) }
    }
}

/// `base64(HMAC-SHA1(secret, username))`.
fn password(secret: &str, username: &str) -> String {
    // SHA-1 because TURN servers know nothing else here; as an HMAC it isn't broken.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

#[cfg(test)]
mod tests {
    use visavis_domain::Timestamp;

    use super::*;

    #[test]
    fn the_hmac_is_that_of_rfc_2202_and_of_openssl() {
        // RFC 2202, section 3, case 2.
        let digest = BASE64_STANDARD.decode(password("Jefe", "what do ya want for nothing?")).unwrap();
        assert_eq!(digest[..6], [0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb]);
        // printf 1800043200:0000000000000001 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(password("north", "1800043200:0000000000000001"), "3D9S7a9bup04L72Qk7d5vsoH86c=");
    }

    #[test]
    fn a_credential_lives_at_least_twelve_hours_and_is_never_the_same() {
        let turn = Turn {
            urls: vec!["turn:turn.example:3478".to_owned()],
            secret: "north".to_owned(),
            life: Duration::from_mins(1),
        };
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let media = Arc::new(|| vec!["[2001:db8::1]:7882".to_owned()]);
        let ice = Ice::new(media, Some(turn), clock, Dice::seeded(1));
        let [stun, first] = ice.servers(Path::P2p).try_into().unwrap();
        assert_eq!(stun.urls, ["stun:[2001:db8::1]:7882"]);
        assert_eq!((stun.username, stun.credential), (None, None));
        let username = first.username.clone().unwrap();
        assert!(username.starts_with("1800043200:"), "{username}");
        assert_eq!(first.credential.clone().unwrap(), password("north", &username));
        assert_ne!(ice.servers(Path::P2p)[1], first);
        assert!(!format!("{ice:?}").contains("north"));
        let to_us = ice.servers(Path::Sfu);
        assert_eq!(
            to_us.iter().flat_map(|server| &server.urls).collect::<Vec<_>>(),
            ["turn:turn.example:3478"]
        );
    }

    #[test]
    fn without_turn_there_is_only_stun() {
        let media = Arc::new(|| (1..9).map(|n| format!("10.0.0.{}:7882", n / 2)).collect());
        let ice = Ice::new(media, None, Clock::System, Dice::Secure);
        assert_eq!(ice.servers(Path::P2p).len(), 1);
        assert_eq!(ice.servers(Path::P2p)[0].urls, ["stun:10.0.0.0:7882", "stun:10.0.0.1:7882"]);
        assert!(
            Ice::new(Arc::new(Vec::new), None, Clock::System, Dice::Secure).servers(Path::P2p).is_empty()
        );
    }
}
