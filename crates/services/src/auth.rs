//! Signing in by e-mail: codes, links, login sessions, tokens. The rules of codes are pure (`domain::otp`); this file
//! keeps what they look at and does what they decide. It never tells whether an address has an account (it doesn't
//! even look before the address is proven), and no address, code or token ever reaches a log.

mod code;
mod erase;
pub mod keys;
mod token;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        auth::{
            Auth as Contract, Challenge, Erase, Erased, Jwks, Login, LoginSession, Magic, MagicSignIn,
            MaskedEmail, Refresh, Revoke, Sessions, SignedIn, Verify,
        },
        users::{Ensure, Users},
    },
    event::Event,
    id::LoginId,
    otp::{self, Email, Sending, Sent, Tried, Verdict},
    wire::{Me, Role},
};
use visavis_platform::{
    Bus, Clock, Db, Dice,
    db::{codes, logins},
    mail::Postbox,
    secret::Secret,
};

use code::Secrets;
use keys::Keys;
use token::RefreshToken;

pub use token::Claims;

/// Sign-ins of one address within an hour that are held back and have a challenge of their own; the rules let five through.
const MAX_HELD: usize = 20;
/// Longest `User-Agent` kept, in characters.
const AGENT_CHARS: usize = 200;
/// Longest life of an access token (protocol section 2).
const MAX_ACCESS: Duration = Duration::from_mins(15);

/// Rules of signing in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Life of an access token, in seconds; 900 at most.
    pub access_ttl_s: u64,
    /// A login session ends this long after its last use, in seconds.
    pub refresh_ttl_s: u64,
    /// How long the token before the current one is still answered (with the same successor), in seconds: for tabs
    /// that refresh at once.
    pub refresh_overlap_s: u64,
    /// Live login sessions of a person; of more, those used longest ago end.
    pub max_logins: u32,
    /// Between the publication of a new signing key and its first use, in seconds.
    pub key_lead_s: u64,
    /// Codes, links and their mails.
    pub otp: otp::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_ttl_s: 900,
            refresh_ttl_s: 30 * 24 * 3_600,
            refresh_overlap_s: 10,
            max_logins: 50,
            key_lead_s: 60,
            otp: otp::Settings::default(),
        }
    }
}

impl Settings {
    /// The life of an access token.
    pub fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.access_ttl_s).min(MAX_ACCESS)
    }
}

/// What the role stands on.
#[derive(Clone)]
pub struct Deps {
    /// Challenges, login sessions, keys.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// Codes, tokens, ids.
    pub dice: Dice,
    /// For `LoginRevoked` and `KeysChanged`.
    pub bus: Bus,
    /// Takes the mails.
    pub postbox: Postbox,
    /// MACs and sealing.
    pub secret: Secret,
    /// Accounts.
    pub users: Arc<dyn Users>,
    /// Without a slash at its end: links, `iss` and `aud`.
    pub public_url: String,
    /// Rules.
    pub settings: Settings,
}

/// The `auth` role.
pub struct Auth {
    deps: Deps,
    keys: Keys,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// The role over this database, with at least one signing key.
    pub async fn start(deps: Deps) -> Result<Self, Fault> {
        let keys = Keys::new(keys::Deps {
            db: deps.db.clone(),
            secret: deps.secret.clone(),
            clock: deps.clock.clone(),
            dice: deps.dice.clone(),
            bus: deps.bus.clone(),
            lead: Duration::from_secs(deps.settings.key_lead_s),
            token_ttl: deps.settings.access_ttl(),
        });
        keys.ensure().await?;
        Ok(Self { deps, keys })
    }

    /// The signing keys, for rotation by the administrator.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    fn now(&self) -> Timestamp {
        self.deps.clock.now()
    }

    /// Judges a code; a wrong one counts against its challenge and its address. The challenge when it was right.
    async fn check_code(&self, req: &Verify) -> Result<codes::Challenge, Fault> {
        let typed = otp::code(&req.code)?;
        let now = self.now();
        let rules = &self.deps.settings.otp;
        let id = req.challenge_id.parse().unwrap_or(codes::NOBODYS);
        let mut tx = self.deps.db.write().await?;
        let Some(challenge) = codes::by_id_locked(&mut tx, id, now).await? else { return Err(expired()) };
        let failures =
            codes::failures(&mut tx, &challenge.email, now - otp::DAY, rules.failures_per_day).await?;
        let right = code::is_right(id, &challenge.salt, &challenge.code_mac, &typed, &self.deps.secret);
        let matches = right && !challenge.held;
        let tried = Tried {
            expires: challenge.expires_at,
            tries: challenge.tries,
            used: challenge.used_at.is_some(),
        };
        let verdict = otp::judge(now, &tried, failures, matches, rules);
        if verdict == Verdict::Wrong {
            let nth = codes::count_try(&mut tx, id).await?;
            codes::add_failure(&mut tx, &challenge, nth, now).await?;
        }
        tx.commit().await?;
        verdict.fault().map_or(Ok(challenge), Err)
    }

    /// The challenge of a link that can still be traded.
    async fn check_link(&self, token: &str) -> Result<codes::Challenge, Fault> {
        let hash = code::link_hash(token, &self.deps.secret);
        let Some(challenge) = codes::by_link(&self.deps.db, &hash).await? else {
            return Err(Fault::new(Code::InvalidCode, "That link is not right."));
        };
        if challenge.used_at.is_some() || self.now() >= challenge.expires_at {
            return Err(expired());
        }
        Ok(challenge)
    }

    /// Trades a proven challenge for a login session. Of two at once exactly one succeeds.
    async fn sign_in(
        &self,
        cx: &Caller,
        challenge: codes::Challenge,
        agent: &str,
    ) -> Result<SignedIn, Fault> {
        // Before the trade: when the account can't be had now, the code is not lost.
        let ensured_email = challenge.email.clone();
        let ensured = self.deps.users.ensure(cx, Ensure { email: challenge.email }).await?;
        let (now, user) = (self.now(), ensured.user.id);
        let id = self.deps.dice.id(&self.deps.clock);
        let refresh = RefreshToken::new(id, &self.deps.secret, &self.deps.dice);
        let login = logins::Login {
            id,
            user,
            user_agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect(),
            created_at: now,
            last_used_at: now,
            expires_at: now + Duration::from_secs(self.deps.settings.refresh_ttl_s),
            ended_at: None,
            current_hash: refresh.hash(&self.deps.secret),
            previous_hash: None,
            rotated_at: None,
            successor: None,
        };
        let mut tx = self.deps.db.write().await?;
        if !codes::use_up(&mut tx, challenge.id, now).await? {
            return Err(expired());
        }
        logins::insert(&mut tx, &login).await?;
        // Each time, and not with a new account alone: whoever made that may not have come so far.
        self.remember_suspension(&mut tx, user, &ensured_email, now).await?;
        let surplus = logins::end_surplus(&mut tx, user, self.deps.settings.max_logins, now).await?;
        tx.commit().await?;
        for login in surplus {
            self.deps.bus.publish(Event::LoginRevoked { login }).await;
        }
        metrics::counter!("visavis_sign_ins_total", "new" => ensured.new_user.to_string()).increment(1);
        self.signed_in(id, &refresh, ensured.user, ensured.new_user).await
    }

    async fn signed_in(
        &self,
        login: LoginId,
        refresh: &RefreshToken,
        user: Me,
        new_user: bool,
    ) -> Result<SignedIn, Fault> {
        let now = self.now();
        let expires_at = token::end_of(now, self.deps.settings.access_ttl());
        let claims = Claims {
            iss: self.deps.public_url.clone(),
            aud: self.deps.public_url.clone(),
            sub: user.id,
            sid: login,
            iat: now.as_secs(),
            exp: expires_at.as_secs(),
            role: user.role,
            jti: format!("{:032x}", u128::from_le_bytes(self.deps.dice.bytes())),
        };
        let access_token = token::sign(&self.keys.signer().await?, &claims)?;
        Ok(SignedIn { access_token, expires_at, refresh_token: refresh.text(), user, new_user })
    }

    async fn end(&self, login: LoginId, reason: &str) -> Result<(), Fault> {
        let mut tx = self.deps.db.write().await?;
        let lived = logins::end(&mut tx, login, self.now(), reason).await?;
        tx.commit().await?;
        if lived {
            tracing::info!(login.id = %login, login.end = reason, "a login session was ended");
        }
        // Also when it had ended already: the event may have been lost the first time.
        self.deps.bus.publish(Event::LoginRevoked { login }).await;
        Ok(())
    }
}

fn expired() -> Fault {
    Fault::new(
        Code::ChallengeExpired,
        "This sign-in is too old or was used already. Please ask for a new mail.",
    )
}

fn unauthorized() -> Fault {
    Fault::new(Code::Unauthorized, "Please sign in again.")
}

#[async_trait]
impl Contract for Auth {
    async fn login(&self, _cx: &Caller, req: Login) -> Result<Challenge, Fault> {
        let email = Email::parse(&req.email)?;
        let now = self.now();
        let rules = &self.deps.settings.otp;
        let id = self.deps.dice.id(&self.deps.clock);
        let secrets = Secrets::new(id, &self.deps.secret, &self.deps.dice);
        let expires_at = now + Duration::from_secs(rules.code_ttl_s);
        let mut tx = self.deps.db.write().await?;
        codes::lock_address(&mut tx, email.as_str(), now).await?;
        let past = codes::of_address(&mut tx, email.as_str(), now - otp::HOUR).await?;
        let sent = |c: &codes::Challenge| Sent {
            at: c.created_at,
            expires: c.expires_at,
            used: c.used_at.is_some(),
        };
        let (held, mailed): (Vec<_>, Vec<_>) = past.iter().partition(|c| c.held);
        let sending = otp::may_send(now, &mailed.iter().copied().map(sent).collect::<Vec<_>>(), rules);
        // Whether somebody signs in there is nobody's business: what is held back has a challenge too, on which codes can
        // be tried as on any. That so many at once are held back everybody knows, so those needn't have their own.
        let known = held.get(MAX_HELD - 1).filter(|_| sending == Sending::Hold);
        let id = known.map_or(id, |_| held[0].id);
        if known.is_none() {
            let challenge = codes::Challenge {
                id,
                email: email.as_str().to_owned(),
                salt: secrets.salt.clone(),
                code_mac: secrets.code_mac.clone(),
                link_hash: secrets.link_hash.clone(),
                tries: 0,
                created_at: now,
                expires_at,
                used_at: None,
                held: sending == Sending::Hold,
            };
            codes::insert(&mut tx, &challenge).await?;
        }
        if sending == Sending::Send {
            let minutes = rules.code_ttl_s.div_ceil(60);
            let mail = code::mail(email.as_str(), &secrets, &self.deps.public_url, minutes);
            self.deps.postbox.put(&mut tx, &format!("sign-in/{id}"), &mail, expires_at).await?;
        }
        tx.commit().await?;
        if sending == Sending::Send {
            self.deps.postbox.nudge().await;
        }
        metrics::counter!("visavis_logins_total", "mail" => if sending == Sending::Send { "sent" } else { "held" })
            .increment(1);
        let resend_at = now + Duration::from_secs(rules.resend_after_s);
        Ok(Challenge { challenge_id: id, expires_at, resend_at })
    }

    async fn verify(&self, cx: &Caller, req: Verify) -> Result<SignedIn, Fault> {
        let challenge = self.check_code(&req).await?;
        self.sign_in(cx, challenge, &req.agent).await
    }

    async fn peek(&self, _cx: &Caller, req: Magic) -> Result<MaskedEmail, Fault> {
        let challenge = self.check_link(&req.token).await?;
        Ok(MaskedEmail { email: Email::parse(&challenge.email)?.mask() })
    }

    async fn magic(&self, cx: &Caller, req: MagicSignIn) -> Result<SignedIn, Fault> {
        let challenge = self.check_link(&req.token).await?;
        self.sign_in(cx, challenge, &req.agent).await
    }

    async fn refresh(&self, cx: &Caller, req: Refresh) -> Result<SignedIn, Fault> {
        let secret = &self.deps.secret;
        let presented = RefreshToken::parse(&req.token, secret).ok_or_else(unauthorized)?;
        let (id, now) = (presented.login(), self.now());
        let successor = RefreshToken::new(id, secret, &self.deps.dice);
        let hash = presented.hash(secret);
        let rotation = logins::Rotation {
            id,
            old: &hash,
            new: &successor.hash(secret),
            successor: &presented.seal(&successor, secret, &self.deps.dice)?,
            now,
            expires_at: now + Duration::from_secs(self.deps.settings.refresh_ttl_s),
        };
        // What can fail comes before the trade: a token that was spent without an answer would be a thief's when it comes again.
        let row = logins::by_id(&self.deps.db, id).await?.ok_or_else(unauthorized)?;
        let me = self.deps.users.me(cx, row.user).await?;
        let answer = self.signed_in(id, &successor, me, false).await?;
        let mut tx = self.deps.db.write().await?;
        if logins::rotate(&mut tx, &rotation).await?.is_some() {
            tx.commit().await?;
            return Ok(answer);
        }
        let row = logins::by_id_in(&mut tx, id).await?;
        drop(tx);
        let row =
            row.filter(|row| row.ended_at.is_none() && row.expires_at > now).ok_or_else(unauthorized)?;
        let overlap = Duration::from_secs(self.deps.settings.refresh_overlap_s);
        let racing = row.previous_hash.as_deref() == Some(hash.as_str())
            && row.rotated_at.is_some_and(|at| now.since(at) <= overlap);
        if !racing {
            // A token that was replaced long ago: somebody has a copy. Nobody can say which of the two is the thief.
            self.end(id, "reuse").await?;
            return Err(unauthorized());
        }
        let sealed = row.successor.unwrap_or_default();
        let successor = presented.open(&sealed, secret).ok_or_else(|| {
            tracing::error!("the successor of a refresh token can't be opened");
            Fault::internal()
        })?;
        self.signed_in(id, &successor, answer.user, false).await
    }

    async fn revoke(&self, _cx: &Caller, req: Revoke) -> Result<(), Fault> {
        let row = logins::by_id(&self.deps.db, req.login).await?;
        if row.is_none_or(|row| row.user != req.user) {
            return Err(Fault::not_found("That session"));
        }
        self.end(req.login, "revoked").await
    }

    async fn logout(&self, _cx: &Caller, req: Refresh) -> Result<(), Fault> {
        // A token that isn't ours has no session to end: signed out already.
        match RefreshToken::parse(&req.token, &self.deps.secret) {
            Some(token) => self.end(token.login(), "logout").await,
            None => Ok(()),
        }
    }

    async fn sessions(&self, _cx: &Caller, req: Sessions) -> Result<Vec<LoginSession>, Fault> {
        let live = logins::live(&self.deps.db, req.user, self.now()).await?;
        let session = |row: logins::Login| LoginSession {
            id: row.id,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            user_agent: row.user_agent,
            current: row.id == req.current,
        };
        Ok(live.into_iter().map(session).collect())
    }

    async fn erase(&self, _cx: &Caller, req: Erase) -> Result<Erased, Fault> {
        self.erase_account(req).await
    }

    async fn jwks(&self, _cx: &Caller, (): ()) -> Result<Jwks, Fault> {
        self.keys.jwks().await
    }

    async fn is_revoked(&self, _cx: &Caller, login: LoginId) -> Result<bool, Fault> {
        let row = logins::by_id(&self.deps.db, login).await?;
        Ok(row.is_none_or(|row| row.ended_at.is_some() || row.expires_at <= self.now()))
    }

    async fn role_of(&self, _cx: &Caller, login: LoginId) -> Result<Option<Role>, Fault> {
        Ok(logins::role_of(&self.deps.db, login, self.now()).await?)
    }
}
