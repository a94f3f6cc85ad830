//! Forty-odd tokens that must not pass, one that must, keys that change, logins that end.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use async_trait::async_trait;
use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use visavis_domain::contract::auth::{
    Challenge, Erase, Erased, Jwk, Login, LoginSession, Magic, MagicSignIn, MaskedEmail, Refresh, Revoke,
    Sessions, SignedIn, Verify,
};

use super::*;

pub(crate) const SITE: &str = "https://meet.example";
const NOW: i64 = 1_800_000_000;

/// The contract as far as tokens need it, with real keys.
pub(crate) struct Signer {
    keys: Mutex<Vec<(String, Ed25519KeyPair)>>,
    revoked: Mutex<Vec<LoginId>>,
    down: AtomicBool,
    fetches: AtomicUsize,
    questions: AtomicUsize,
    /// The role that holds now, where it is known.
    role: Mutex<Option<Role>>,
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[async_trait]
impl Auth for Signer {
    async fn login(&self, _: &Caller, _: Login) -> Result<Challenge, Fault> {
        Err(Fault::internal())
    }
    async fn verify(&self, _: &Caller, _: Verify) -> Result<SignedIn, Fault> {
        Err(Fault::internal())
    }
    async fn peek(&self, _: &Caller, _: Magic) -> Result<MaskedEmail, Fault> {
        Err(Fault::internal())
    }
    async fn magic(&self, _: &Caller, _: MagicSignIn) -> Result<SignedIn, Fault> {
        Err(Fault::internal())
    }
    async fn refresh(&self, _: &Caller, _: Refresh) -> Result<SignedIn, Fault> {
        Err(Fault::internal())
    }
    async fn revoke(&self, _: &Caller, _: Revoke) -> Result<(), Fault> {
        Err(Fault::internal())
    }
    async fn erase(&self, _: &Caller, _: Erase) -> Result<Erased, Fault> {
        Err(Fault::internal())
    }
    async fn logout(&self, _: &Caller, _: Refresh) -> Result<(), Fault> {
        Err(Fault::internal())
    }
    async fn sessions(&self, _: &Caller, _: Sessions) -> Result<Vec<LoginSession>, Fault> {
        Err(Fault::internal())
    }
    async fn jwks(&self, _: &Caller, (): ()) -> Result<Jwks, Fault> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(Fault::unavailable());
        }
        let keys = self.keys.lock().unwrap();
        let jwk = |(kid, pair): &(String, Ed25519KeyPair)| Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            alg: "EdDSA".to_owned(),
            usage: "sig".to_owned(),
            kid: kid.clone(),
            x: b64(pair.public_key().as_ref()),
        };
        Ok(Jwks { keys: keys.iter().map(jwk).collect() })
    }
    async fn is_revoked(&self, _: &Caller, login: LoginId) -> Result<bool, Fault> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        Ok(self.revoked.lock().unwrap().contains(&login))
    }
    async fn role_of(&self, _: &Caller, login: LoginId) -> Result<Option<Role>, Fault> {
        if self.revoked.lock().unwrap().contains(&login) {
            return Ok(None);
        }
        // As a node that doesn't know the question.
        self.role.lock().unwrap().map(Some).ok_or_else(|| Fault::not_found("That method"))
    }
}

pub(crate) struct Bench {
    pub(crate) signer: Arc<Signer>,
    pub(crate) tokens: Tokens,
    pub(crate) clock: Clock,
    bus: Bus,
    pub(crate) lifecycle: Lifecycle,
}

pub(crate) fn bench() -> Bench {
    let signer = Arc::new(Signer {
        keys: Mutex::new(vec![("k1".to_owned(), pair(1))]),
        revoked: Mutex::default(),
        down: AtomicBool::new(false),
        fetches: AtomicUsize::new(0),
        questions: AtomicUsize::new(0),
        role: Mutex::default(),
    });
    let clock = Clock::manual(Timestamp::from_millis(NOW * 1_000));
    let settings =
        Settings { issuer: SITE.to_owned(), audience: SITE.to_owned(), leeway: Duration::from_secs(2) };
    let (bus, lifecycle) = (Bus::memory(), Lifecycle::default());
    let tokens = Tokens::new(signer.clone(), clock.clone(), settings, &bus, &lifecycle);
    Bench { signer, tokens, clock, bus, lifecycle }
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" })
}

fn claims() -> Value {
    json!({
        "iss": SITE, "aud": SITE, "sub": UserId::from_bits(7), "sid": LoginId::from_bits(9), "iat": NOW,
        "exp": NOW + 600, "role": "user", "jti": "1",
    })
}

/// `value` without some members and with others.
#[expect(clippy::needless_pass_by_value, reason = "reads better with json! at the call")]
fn with(mut value: Value, changes: Value) -> String {
    for (name, change) in changes.as_object().unwrap().clone() {
        if change == json!("<gone>") {
            value.as_object_mut().unwrap().remove(&name);
        } else {
            value[name] = change;
        }
    }
    value.to_string()
}

fn sign_text(header: &str, claims: &str, seed: u8) -> String {
    let signed = format!("{}.{}", b64(header), b64(claims));
    let signature = pair(seed).sign(signed.as_bytes());
    format!("{signed}.{}", b64(signature.as_ref()))
}

/// An admin's.
pub(crate) fn good_admins() -> String {
    sign_text(&header().to_string(), &with(claims(), json!({ "role": "admin" })), 1)
}

pub(crate) fn good() -> String {
    sign_text(&header().to_string(), &claims().to_string(), 1)
}

#[tokio::test]
async fn what_a_role_opens_asks_which_one_holds_now() {
    let bench = bench();
    let access = bench.tokens.verify(&good_admins()).await.unwrap();
    assert_eq!(bench.tokens.role_now(&access).await.unwrap(), Role::Admin, "of an older node: the token's");
    for role in [Role::User, Role::Moderator] {
        *bench.signer.role.lock().unwrap() = Some(role);
        assert_eq!(bench.tokens.role_now(&access).await.unwrap(), role);
    }
    bench.signer.revoked.lock().unwrap().push(access.login);
    assert_eq!(bench.tokens.role_now(&access).await.unwrap_err().code, Code::Unauthorized);
}

#[tokio::test]
async fn a_good_token_speaks_for_its_user_and_is_checked_once() {
    let bench = bench();
    for _ in 0..3 {
        let access = bench.tokens.verify(&good()).await.unwrap();
        assert_eq!(
            (access.user, access.login, access.role),
            (UserId::from_bits(7), LoginId::from_bits(9), Role::User)
        );
        assert_eq!(access.expires.as_secs(), NOW + 600);
    }
    assert_eq!(bench.signer.fetches.load(Ordering::SeqCst), 1);
    assert_eq!(bench.signer.questions.load(Ordering::SeqCst), 1);
    // A claim of a newer release doesn't hurt.
    let newer = sign_text(&header().to_string(), &with(claims(), json!({ "amr": ["otp"] })), 1);
    assert!(bench.tokens.verify(&newer).await.is_ok());
}

/// Wrong headers, each signed with the right key.
fn bad_headers() -> Vec<(&'static str, String)> {
    let with_header = |changes: Value| sign_text(&with(header(), changes), &claims().to_string(), 1);
    let own_key = json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair(2).public_key().as_ref()) });
    let embedded = with(header(), json!({ "jwk": own_key }));
    vec![
        ("alg none", with_header(json!({ "alg": "none" }))),
        ("alg NONE", with_header(json!({ "alg": "NONE" }))),
        ("alg empty", with_header(json!({ "alg": "" }))),
        ("alg missing", with_header(json!({ "alg": "<gone>" }))),
        ("alg HS256", with_header(json!({ "alg": "HS256" }))),
        ("alg ES256", with_header(json!({ "alg": "ES256" }))),
        ("alg eddsa in lower case", with_header(json!({ "alg": "eddsa" }))),
        ("alg as a list", with_header(json!({ "alg": ["EdDSA"] }))),
        ("kid unknown", with_header(json!({ "kid": "k9" }))),
        ("kid missing", with_header(json!({ "kid": "<gone>" }))),
        ("kid a number", with_header(json!({ "kid": 1 }))),
        ("kid null", with_header(json!({ "kid": null }))),
        ("kid a path", with_header(json!({ "kid": "../../dev/null" }))),
        ("typ JWT", with_header(json!({ "typ": "JWT" }))),
        ("typ missing", with_header(json!({ "typ": "<gone>" }))),
        ("crit", with_header(json!({ "crit": ["exp"] }))),
        ("b64 false", with_header(json!({ "b64": false, "crit": ["b64"] }))),
        ("jku", with_header(json!({ "jku": "https://evil.example/jwks.json" }))),
        ("jwk of another key, signed by it", sign_text(&embedded, &claims().to_string(), 2)),
        ("header not JSON", sign_text("EdDSA", &claims().to_string(), 1)),
        ("header twice alg", {
            let text = r#"{"alg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#;
            sign_text(text, &claims().to_string(), 1)
        }),
    ]
}

/// Wrong claims, each signed with the right key.
fn bad_claims() -> Vec<(&'static str, String)> {
    let with_claims = |changes: Value| sign_text(&header().to_string(), &with(claims(), changes), 1);
    let raw = |claims: String| sign_text(&header().to_string(), &claims, 1);
    vec![
        ("exp a string", with_claims(json!({ "exp": (NOW + 600).to_string() }))),
        ("exp missing", with_claims(json!({ "exp": "<gone>" }))),
        ("exp null", with_claims(json!({ "exp": null }))),
        ("exp zero", with_claims(json!({ "exp": 0 }))),
        ("exp negative", with_claims(json!({ "exp": -1 }))),
        ("exp past", with_claims(json!({ "exp": NOW - 10, "iat": NOW - 600 }))),
        ("exp a fraction", with_claims(json!({ "exp": 1_800_000_600.5 }))),
        ("exp a whole float", raw(claims().to_string().replace("1800000600", "1800000600.0"))),
        ("exp with an exponent", raw(claims().to_string().replace("1800000600", "18e8"))),
        ("exp huge", with_claims(json!({ "exp": i64::MAX }))),
        ("exp beyond 64 bits", raw(claims().to_string().replace("1800000600", "99999999999999999999"))),
        ("exp a year away", with_claims(json!({ "exp": NOW + 31_536_000 }))),
        ("exp before iat", with_claims(json!({ "exp": NOW + 1, "iat": NOW + 2 }))),
        ("iat in the future", with_claims(json!({ "iat": NOW + 60 }))),
        ("iat missing", with_claims(json!({ "iat": "<gone>" }))),
        ("iat zero", with_claims(json!({ "iat": 0 }))),
        ("iss other", with_claims(json!({ "iss": "https://evil.example" }))),
        ("iss with a slash", with_claims(json!({ "iss": "https://meet.example/" }))),
        ("iss missing", with_claims(json!({ "iss": "<gone>" }))),
        ("aud other", with_claims(json!({ "aud": "https://evil.example" }))),
        ("aud a list", with_claims(json!({ "aud": [SITE] }))),
        ("aud missing", with_claims(json!({ "aud": "<gone>" }))),
        ("sub of another kind", with_claims(json!({ "sub": LoginId::from_bits(7) }))),
        ("sub empty", with_claims(json!({ "sub": "" }))),
        ("sid missing", with_claims(json!({ "sid": "<gone>" }))),
        ("role unknown", with_claims(json!({ "role": "root" }))),
        ("jti missing", with_claims(json!({ "jti": "<gone>" }))),
        ("claims twice sub", {
            let text = claims().to_string();
            let twice = format!("{{\"sub\":\"{}\",{}", UserId::from_bits(8), &text[1..]);
            sign_text(&header().to_string(), &twice, 1)
        }),
        ("claims a list", raw("[]".to_owned())),
        ("claims with a tail", raw(format!("{} x", claims()))),
        ("claims not UTF-8", {
            let signed = format!("{}.{}", b64(header().to_string()), b64([0xFF, 0xFE]));
            format!("{signed}.{}", b64(pair(1).sign(signed.as_bytes()).as_ref()))
        }),
    ]
}

/// Wrong signatures and forms.
fn bad_forms() -> Vec<(&'static str, String)> {
    let good = good();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let hs256 = {
        let head = with(header(), json!({ "alg": "HS256" }));
        let signed = format!("{}.{}", b64(head), b64(claims().to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, pair(1).public_key().as_ref());
        format!("{signed}.{}", b64(hmac::sign(&key, signed.as_bytes()).as_ref()))
    };
    let mut flipped = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[10] ^= 1;
    let moderator = with(claims(), json!({ "role": "admin" }));
    let swapped = format!("{}.{}.{signature}", b64(header().to_string()), b64(moderator));
    // 64 bytes leave four unused bits in the last character: another character says the same, but isn't canonical.
    let mut trailing = good.clone();
    let last = trailing.pop().unwrap();
    trailing.push(char::from(last as u8 + 1));
    vec![
        ("HS256 with the public key as its secret", hs256),
        ("signed by another key", sign_text(&header().to_string(), &claims().to_string(), 2)),
        ("signature flipped", format!("{signed}.{}", b64(flipped))),
        ("signature cut", good[..good.len() - 4].to_owned()),
        ("signature empty", format!("{signed}.")),
        ("signature gone", signed.to_owned()),
        ("signature of zeros", format!("{signed}.{}", b64([0; 64]))),
        ("signature doubled", format!("{good}{signature}")),
        ("claims swapped under the signature", swapped),
        ("padded", format!("{good}==")),
        ("unused bits set", trailing),
        ("a fourth part", format!("{good}.x")),
        ("five parts", "a.b.c.d.e".to_owned()),
        ("space before", format!(" {good}")),
        ("newline after", format!("{good}\n")),
        ("space within", good.replacen('.', " .", 1)),
        ("quotes around", format!("\"{good}\"")),
        ("NUL after", format!("{good}\0")),
        ("Bearer twice", format!("Bearer {good}")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("not ASCII", "ä.ö.ü".to_owned()),
        ("very long", format!("{good}{}", "A".repeat(1 << 20))),
    ]
}

#[tokio::test]
async fn no_bad_token_is_accepted() {
    let bench = bench();
    let all = [bad_headers(), bad_claims(), bad_forms()].concat();
    assert!(all.len() >= 60, "{}", all.len());
    for (what, token) in &all {
        let refused = bench.tokens.verify(token).await.err().map(|fault| fault.code);
        assert_eq!(refused, Some(Code::Unauthorized), "{what}: {token}");
        // A second time from the cache, if it got in there.
        assert!(bench.tokens.verify(token).await.is_err(), "{what}");
    }
    assert!(bench.tokens.verify(&good()).await.is_ok(), "the refusals are not for another reason");
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_time() {
    let bench = bench();
    bench.tokens.verify(&good()).await.unwrap();
    bench.clock.advance(Duration::from_millis(601_999));
    assert!(bench.tokens.verify(&good()).await.is_ok());
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.tokens.verify(&good()).await.unwrap_err().code, Code::Unauthorized);
}

#[tokio::test]
async fn made_up_key_ids_do_not_ask_for_keys_each_time() {
    let bench = bench();
    for n in 0..50 {
        let token = sign_text(&with(header(), json!({ "kid": format!("x{n}") })), &claims().to_string(), 1);
        assert!(bench.tokens.verify(&token).await.is_err());
    }
    assert_eq!(bench.signer.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_no_longer_counts() {
    let bench = bench();
    bench.tokens.verify(&good()).await.unwrap();
    *bench.signer.keys.lock().unwrap() = vec![("k2".to_owned(), pair(2))];
    let newer = sign_text(&with(header(), json!({ "kid": "k2" })), &claims().to_string(), 2);
    bench.clock.advance(REFETCH_EVERY);
    assert!(bench.tokens.verify(&newer).await.is_ok());
    bench.bus.publish(Event::KeysChanged).await;
    until(|| async { bench.tokens.verify(&good()).await.is_err() }).await;
    assert!(bench.tokens.verify(&newer).await.is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_unavailable_not_unauthorized() {
    let bench = bench();
    bench.signer.down.store(true, Ordering::SeqCst);
    assert_eq!(bench.tokens.verify(&good()).await.unwrap_err().code, Code::Unavailable);
    bench.signer.down.store(false, Ordering::SeqCst);
    assert!(bench.tokens.verify(&good()).await.is_ok());
}

#[tokio::test]
async fn a_revoked_login_is_refused_before_and_after_its_token_was_seen() {
    let bench = bench();
    bench.signer.revoked.lock().unwrap().push(LoginId::from_bits(10));
    let other =
        sign_text(&header().to_string(), &with(claims(), json!({ "sid": LoginId::from_bits(10) })), 1);
    assert_eq!(bench.tokens.verify(&other).await.unwrap_err().code, Code::Unauthorized);

    bench.tokens.verify(&good()).await.unwrap();
    bench.bus.publish(Event::LoginRevoked { login: LoginId::from_bits(9) }).await;
    until(|| async { bench.tokens.verify(&good()).await.is_err() }).await;
}

#[tokio::test]
async fn after_missed_news_everything_is_asked_again() {
    let bench = bench();
    bench.tokens.verify(&good()).await.unwrap();
    bench.signer.revoked.lock().unwrap().push(LoginId::from_bits(9));
    assert!(bench.tokens.verify(&good()).await.is_ok(), "still remembered");
    bench.tokens.hear(News::Missed).await;
    assert!(bench.tokens.verify(&good()).await.is_err());
}

#[tokio::test]
async fn more_revocations_than_can_be_held_are_not_forgotten() {
    let bench = bench();
    bench.tokens.verify(&good()).await.unwrap();
    bench.signer.revoked.lock().unwrap().push(LoginId::from_bits(9));
    bench.tokens.revoke(LoginId::from_bits(9));
    for n in 0..u128::try_from(MAX_REVOKED).unwrap() {
        bench.tokens.revoke(LoginId::from_bits(1_000 + n));
    }
    assert!(bench.tokens.0.revoked.lock().unwrap().len() <= MAX_REVOKED);
    assert!(bench.tokens.verify(&good()).await.is_err());
}

/// Waits for news to arrive, with a bound.
async fn until<F: Future<Output = bool>>(mut done: impl FnMut() -> F) {
    let wait = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("in time");
}
