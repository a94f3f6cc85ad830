//! Access tokens: JWTs signed with Ed25519 (protocol section 2, RFC 7519, RFC 8037, RFC 9068).
//!
//! Read strictly and by hand, because there is one issuer and one form: three parts of base64url without padding, a
//! header of exactly `alg`, `kid`, `typ`, claims of the right JSON types. Nothing in a token may choose the algorithm
//! or bring a key. A checked token is remembered by its SHA-256 until it ends, so that the signature and the question
//! whether its login has been revoked cost once; news of a revocation takes effect at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{digest, signature};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use moka::sync::Cache;
use serde::{Deserialize, de::DeserializeOwned};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{Caller, auth::Auth, auth::Jwks},
    event::{Event, Topic},
    id::{LoginId, UserId},
    wire::Role,
};
use visavis_platform::{Bus, Clock, Lifecycle, bus::News};

/// Ours are some 500 bytes; what is longer isn't looked at.
const MAX_TOKEN: usize = 4_096;
/// The longest life of an access token (protocol section 2).
const MAX_LIFETIME: Duration = Duration::from_mins(15);
/// Made-up key ids must not make us ask for keys on every request.
const REFETCH_EVERY: Duration = Duration::from_secs(3);
/// Checked tokens remembered, at some 150 bytes: as many people as one node can hold sockets of.
const REMEMBERED: u64 = 100_000;
/// Revoked logins remembered. Past it everything is forgotten and asked again, which is slow but right.
const MAX_REVOKED: usize = 50_000;

/// What a token must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `iss`: the public URL.
    pub issuer: String,
    /// `aud`: the public URL.
    pub audience: String,
    /// By how much the clocks of two nodes may differ.
    pub leeway: Duration,
}

/// Who a valid token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The account.
    pub user: UserId,
    /// The login session.
    pub login: LoginId,
    /// The account's role when the token was made.
    pub role: Role,
    /// End of the token.
    pub expires: Timestamp,
}

/// Checks access tokens.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

struct Inner {
    auth: Arc<dyn Auth>,
    clock: Clock,
    settings: Settings,
    keys: RwLock<HashMap<String, [u8; 32]>>,
    /// When the keys were asked for last; held while asking, so that one request asks for all.
    fetched: tokio::sync::Mutex<Option<Timestamp>>,
    checked: Cache<[u8; 32], Access>,
    /// Logins that ended, with the time at which their last token is over.
    revoked: Mutex<HashMap<LoginId, Timestamp>>,
    /// Goes up when checked tokens are forgotten, so that an answer from before isn't remembered afterwards.
    epoch: AtomicU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// More claims than these may come with a newer node of the same cluster; they change nothing here.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: LoginId,
    iat: i64,
    exp: i64,
    role: Role,
    #[serde(rename = "jti")]
    _jti: String,
}

fn unauthorized() -> Fault {
    Fault::new(Code::Unauthorized, "Please sign in again.")
}

impl Tokens {
    /// A checker that hears of revocations and new keys over the bus.
    pub fn new(
        auth: Arc<dyn Auth>,
        clock: Clock,
        settings: Settings,
        bus: &Bus,
        lifecycle: &Lifecycle,
    ) -> Self {
        let tokens = Self(Arc::new(Inner {
            auth,
            clock,
            settings,
            keys: RwLock::default(),
            fetched: tokio::sync::Mutex::default(),
            checked: Cache::builder().max_capacity(REMEMBERED).time_to_live(MAX_LIFETIME).build(),
            revoked: Mutex::default(),
            epoch: AtomicU64::new(0),
        }));
        let mut news = bus.subscribe(Topic::Logins);
        let listener = tokens.clone();
        lifecycle.keep("tokens", async move {
            while let Some(news) = news.next().await {
                listener.hear(news).await;
            }
        });
        tokens
    }

    /// Whom the token speaks for; `unauthorized` when it isn't valid, `unavailable` when that can't be told now.
    pub async fn verify(&self, token: &str) -> Result<Access, Fault> {
        if token.len() > MAX_TOKEN {
            return Err(unauthorized());
        }
        let key = fingerprint(token);
        let epoch = self.0.epoch.load(Ordering::SeqCst);
        let access = match self.0.checked.get(&key) {
            Some(access) => access,
            None => self.check(token, key, epoch).await?,
        };
        let over = access.expires + self.0.settings.leeway <= self.0.clock.now();
        if over || self.is_known_revoked(access.login) {
            self.0.checked.invalidate(&key);
            return Err(unauthorized());
        }
        Ok(access)
    }

    /// Whether the login has ended, as far as can be told now.
    pub(crate) async fn is_revoked(&self, login: LoginId) -> bool {
        self.is_known_revoked(login)
            || matches!(self.0.auth.is_revoked(&Caller::internal("tokens"), login).await, Ok(true))
    }

    /// The role that holds now. A node that is older than this question knows only what the token says.
    pub(crate) async fn role_now(&self, access: &Access) -> Result<Role, Fault> {
        match self.0.auth.role_of(&Caller::internal("tokens"), access.login).await {
            Ok(role) => role.ok_or_else(unauthorized),
            Err(fault) if fault.code == Code::NotFound => Ok(access.role),
            Err(fault) => Err(fault),
        }
    }

    /// The whole check of a token that wasn't seen before.
    async fn check(&self, token: &str, key: [u8; 32], epoch: u64) -> Result<Access, Fault> {
        let (signed, signature) = token.rsplit_once('.').ok_or_else(unauthorized)?;
        let (header, claims) = signed.split_once('.').ok_or_else(unauthorized)?;
        let header: Header = part(header)?;
        if header.alg != "EdDSA" || header.typ != "at+jwt" {
            return Err(unauthorized());
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| unauthorized())?;
        let public = self.public_key(&header.kid).await?;
        signature::UnparsedPublicKey::new(&signature::ED25519, public)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| unauthorized())?;
        let access = self.accept(&part(claims)?)?;
        if self.0.auth.is_revoked(&Caller::internal("tokens"), access.login).await? {
            return Err(unauthorized());
        }
        if self.0.epoch.load(Ordering::SeqCst) == epoch {
            self.0.checked.insert(key, access);
        }
        Ok(access)
    }

    /// The rules about issuer, audience and time.
    fn accept(&self, claims: &Claims) -> Result<Access, Fault> {
        let Settings { issuer, audience, leeway } = &self.0.settings;
        let seconds = |secs: i64| Some(Timestamp::from_millis(secs.checked_mul(1_000)?));
        let (issued, expires) = seconds(claims.iat)
            .zip(seconds(claims.exp))
            .filter(|_| claims.iat > 0)
            .ok_or_else(unauthorized)?;
        let now = self.0.clock.now();
        let timely = issued < expires
            && expires.since(issued) <= MAX_LIFETIME
            && issued <= now + *leeway
            && now < expires + *leeway;
        if !timely || claims.iss != *issuer || claims.aud != *audience {
            return Err(unauthorized());
        }
        Ok(Access { user: claims.sub, login: claims.sid, role: claims.role, expires })
    }

    /// The key of that name; an unknown name makes us look for new keys, but seldom.
    async fn public_key(&self, kid: &str) -> Result<[u8; 32], Fault> {
        if let Some(key) = self.known_key(kid) {
            return Ok(key);
        }
        let mut fetched = self.0.fetched.lock().await;
        if let Some(key) = self.known_key(kid) {
            return Ok(key);
        }
        let now = self.0.clock.now();
        if fetched.is_none_or(|last| now.since(last) >= REFETCH_EVERY) {
            self.fetch().await?;
            *fetched = Some(now);
        }
        self.known_key(kid).ok_or_else(unauthorized)
    }

    fn known_key(&self, kid: &str) -> Option<[u8; 32]> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(kid).copied()
    }

    async fn fetch(&self) -> Result<(), Fault> {
        let keys = public_keys(self.0.auth.jwks(&Caller::internal("tokens"), ()).await?);
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    async fn hear(&self, news: News) {
        match news {
            News::Event(Event::LoginRevoked { login }) => self.revoke(login),
            News::Event(Event::KeysChanged) => {
                // A key may have been withdrawn: what it signed is no longer good.
                self.forget();
                if let Err(fault) = self.fetch().await {
                    tracing::warn!(code = %fault.code, "new signing keys could not be fetched yet");
                }
            }
            News::Missed => self.forget(),
            News::Event(_) => {}
        }
    }

    fn revoke(&self, login: LoginId) {
        let now = self.0.clock.now();
        let mut revoked = self.0.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if revoked.len() >= MAX_REVOKED {
            revoked.retain(|_, until| *until > now);
        }
        if revoked.len() >= MAX_REVOKED {
            revoked.clear();
            self.forget();
        }
        revoked.insert(login, now + MAX_LIFETIME + self.0.settings.leeway);
    }

    fn is_known_revoked(&self, login: LoginId) -> bool {
        self.0.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&login)
    }

    /// Every token has to be checked anew.
    fn forget(&self) {
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        self.0.checked.invalidate_all();
    }
}

fn fingerprint(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    key
}

/// One JSON part of a token. Duplicate members, padding and other alphabets are refused by the parsers.
fn part<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| unauthorized())?;
    serde_json::from_slice(&bytes).map_err(|_| unauthorized())
}

/// The Ed25519 keys of a key set; others are left out.
fn public_keys(jwks: Jwks) -> HashMap<String, [u8; 32]> {
    let ours = jwks.keys.into_iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
    ours.filter_map(|key| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&key.x).ok()?;
        Some((key.kid, bytes.try_into().ok()?))
    })
    .collect()
}

#[cfg(test)]
pub(crate) mod tests;
