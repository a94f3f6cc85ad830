//! Signing keys of access tokens (Ed25519): made at the first start, kept in `Db` with the private half sealed,
//! rotated with overlap. A key's state follows from times alone: it is published from the moment it exists, used from
//! `use_from` until its successor's `use_from`, and published until the last token it signed has ended. So every node
//! knows a key before the first token of it arrives, and several nodes agree without speaking.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use tokio::sync::Mutex;
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::auth::{Jwk, Jwks},
    event::Event,
};
use visavis_platform::{
    Bus, Clock, Db, Dice,
    db::keys::{self, SigningKey},
    secret::Secret,
};

/// What the private halves are sealed for.
const PURPOSE: &str = "signing key";
/// A token may arrive this much after its end, where clocks differ; its key stays published as long.
const LEEWAY: Duration = Duration::from_mins(1);
/// Keys that may be published at once. Each verifier tries one only (by `kid`), but an operator who rotates in a loop
/// must not push out a key whose tokens still live.
const MAX_PUBLISHED: usize = 8;

/// What the keys stand on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Where they are.
    pub db: Db,
    /// What seals them.
    pub secret: Secret,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub dice: Dice,
    /// For `KeysChanged`.
    pub bus: Bus,
    /// Between a new key's publication and its first use.
    pub lead: Duration,
    /// Longest life of an access token.
    pub token_ttl: Duration,
}

/// The signing keys of the installation.
pub struct Keys {
    deps: Deps,
    /// Opened private keys by `kid`: opening one costs more than signing with it.
    opened: Mutex<HashMap<String, Arc<EncodingKey>>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// The key to sign with now.
pub(super) struct Signer {
    pub(super) kid: String,
    pub(super) key: Arc<EncodingKey>,
}

/// Whether a secret key opens what it sealed of a signing key.
pub fn opens(secret: &Secret, private_wrapped: &str) -> bool {
    secret.open(PURPOSE, private_wrapped).is_ok()
}

/// Names of the keys that were sealed with another secret key: nobody can be signed in with them.
pub async fn foreign(db: &Db, secret: &Secret) -> Result<Vec<String>, Fault> {
    let all = keys::all(db).await?.into_iter();
    Ok(all.filter(|key| !opens(secret, &key.private_wrapped)).map(|key| key.kid).collect())
}

impl Keys {
    /// Keys as they are in the database.
    pub fn new(deps: Deps) -> Self {
        Self { deps, opened: Mutex::new(HashMap::new()) }
    }

    /// Makes the first key if there is none, so that JWKS is never empty.
    pub async fn ensure(&self) -> Result<(), Fault> {
        self.all().await.map(|_| ())
    }

    /// The public halves, newest first.
    pub async fn jwks(&self) -> Result<Jwks, Fault> {
        let keys = published(self.all().await?, self.deps.clock.now(), self.deps.token_ttl);
        Ok(Jwks { keys: keys.into_iter().map(jwk).collect() })
    }

    /// Adds a key that takes over after the lead, and forgets keys whose last token has ended. Its `kid`.
    pub async fn rotate(&self) -> Result<String, Fault> {
        let now = self.deps.clock.now();
        let all = self.all().await?;
        let live = published(all.clone(), now, self.deps.token_ttl);
        if live.len() >= MAX_PUBLISHED {
            return Err(Fault::new(
                Code::Conflict,
                "Keys were rotated too often; wait until the tokens of old ones have ended.",
            ));
        }
        let key = self.make(now + self.deps.lead)?;
        let mut tx = self.deps.db.write().await?;
        keys::insert(&mut tx, &key).await?;
        for old in all.iter().filter(|old| !live.contains(old)) {
            keys::delete(&mut tx, &old.kid).await?;
        }
        tx.commit().await?;
        tracing::info!(key.id = key.kid, key.use_from = %key.use_from, "a new signing key was published");
        self.deps.bus.publish(Event::KeysChanged).await;
        Ok(key.kid)
    }

    /// After the secret key was lost: forgets what was sealed with it, so that a new key signs at once. How many those were.
    pub async fn forget_foreign(&self) -> Result<usize, Fault> {
        let lost = foreign(&self.deps.db, &self.deps.secret).await?;
        let mut tx = self.deps.db.write().await?;
        for kid in &lost {
            keys::delete(&mut tx, kid).await?;
        }
        tx.commit().await?;
        self.ensure().await?;
        self.deps.bus.publish(Event::KeysChanged).await;
        Ok(lost.len())
    }

    pub(super) async fn signer(&self) -> Result<Signer, Fault> {
        let now = self.deps.clock.now();
        let all = self.all().await?;
        // None is due only when the clock was set back: then the one that is due first.
        let row = all.iter().find(|key| key.use_from <= now).or(all.last()).ok_or_else(Fault::internal)?;
        let mut opened = self.opened.lock().await;
        if let Some(key) = opened.get(&row.kid) {
            return Ok(Signer { kid: row.kid.clone(), key: Arc::clone(key) });
        }
        let der = self.deps.secret.open(PURPOSE, &row.private_wrapped).map_err(|_| {
            tracing::error!(key.id = row.kid, "a signing key was sealed with another secret_key");
            Fault::internal()
        })?;
        let key = Arc::new(EncodingKey::from_ed_der(&der));
        opened.retain(|kid, _| all.iter().any(|row| row.kid == *kid));
        opened.insert(row.kid.clone(), Arc::clone(&key));
        Ok(Signer { kid: row.kid.clone(), key })
    }

    /// Every key, the one that is used last first; at least one.
    async fn all(&self) -> Result<Vec<SigningKey>, Fault> {
        let all = keys::all(&self.deps.db).await?;
        if !all.is_empty() {
            return Ok(all);
        }
        // Two nodes at their first start may both get here. Both keys are good then, and the order of the rows says
        // on every node which one signs.
        let key = self.make(self.deps.clock.now())?;
        let mut tx = self.deps.db.write().await?;
        keys::insert(&mut tx, &key).await?;
        tx.commit().await?;
        tracing::info!(key.id = key.kid, "the first signing key was made");
        Ok(keys::all(&self.deps.db).await?)
    }

    fn make(&self, use_from: Timestamp) -> Result<SigningKey, Fault> {
        let seed: [u8; 32] = self.deps.dice.bytes();
        let failed = || {
            tracing::error!("a signing key could not be made");
            Fault::internal()
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| failed())?;
        let der = pair.to_pkcs8v1().map_err(|_| failed())?;
        let public = pair.public_key().as_ref();
        let name = digest::digest(&digest::SHA256, public);
        Ok(SigningKey {
            kid: URL_SAFE_NO_PAD.encode(&name.as_ref()[..12]),
            public_key: URL_SAFE_NO_PAD.encode(public),
            private_wrapped: self
                .deps
                .secret
                .seal(PURPOSE, &self.deps.dice, der.as_ref())
                .map_err(|_| failed())?,
            use_from,
        })
    }
}

/// Of `all` (used last first): those that signed a token that may still live, or will sign one.
fn published(all: Vec<SigningKey>, now: Timestamp, token_ttl: Duration) -> Vec<SigningKey> {
    let ends: Vec<_> = all.iter().map(|key| key.use_from + token_ttl + LEEWAY).collect();
    all.into_iter().enumerate().filter(|(i, _)| *i == 0 || ends[i - 1] > now).map(|(_, key)| key).collect()
}

fn jwk(key: SigningKey) -> Jwk {
    Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        alg: "EdDSA".to_owned(),
        usage: "sig".to_owned(),
        kid: key.kid,
        x: key.public_key,
    }
}
