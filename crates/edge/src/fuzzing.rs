//! What must hold of any text that a stranger sends to the edge: one function for each parser. Fuzz targets (`fuzz/`)
//! call them with whatever they make up, the test below with the seeds and with every input that once failed.
//!
//! Each panics when its promise is broken. None of this is in the product.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        auth::{
            Auth, Challenge, Erase, Erased, Jwk, Jwks, Login, LoginSession, Magic, MagicSignIn, MaskedEmail,
            Refresh, Revoke, Sessions, SignedIn, Verify,
        },
    },
    id::LoginId,
    wire::Role,
};
use visavis_platform::{Bus, Clock, Lifecycle};

use crate::{
    guard::{
        client::{self, ProxyHeader},
        extract,
        site::{Hosts, PublicUrl},
        tokens::{self, Tokens},
    },
    http::read_bodies,
    socket::read_event,
};

/// Socket.IO packets: an event, or a refusal that blames the client and is the same every time.
pub fn socket_event(bytes: &[u8]) {
    let Ok(packet) = std::str::from_utf8(bytes) else { return };
    let read = read_event(packet);
    assert_eq!(read, read_event(packet), "the same packet, read twice");
    if let Err(fault) = read {
        assert!(matches!(fault.code, Code::BadRequest | Code::PayloadTooLarge), "{fault:?}");
        assert!(fault.detail.len() < 200, "{fault:?}");
    }
}

/// HTTP bodies: read by at most the routes they are for, or refused as `bad-request` with a short reason.
pub fn json_body(bytes: &[u8]) {
    for fault in read_bodies(bytes).into_iter().filter_map(Result::err) {
        assert_eq!(fault.code, Code::BadRequest);
        assert!(fault.detail.chars().count() < 1_024 && !fault.detail.contains(" line "), "{fault:?}");
    }
}

/// A host that is taken for ours is ours, letter by letter; what is read as a public URL is written the same way again.
pub fn host(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(url) = text.parse::<PublicUrl>() {
        let printed = url.to_string();
        assert_eq!(printed.parse::<PublicUrl>().as_ref(), Ok(&url), "{printed}");
        assert!(
            HeaderValue::from_str(&printed).is_ok() && !printed.contains(['@', '"', ' ', ';']),
            "{printed}"
        );
    }
    for (public, is_name) in [
        ("https://meet.example", (|name| name == "meet.example") as fn(&str) -> bool),
        ("http://127.0.0.1:8080", is_loopback),
    ] {
        let Ok(public) = public.parse::<PublicUrl>() else { continue };
        let (scheme, port) = if public.is_https() { ("https", 443) } else { ("http", 8_080) };
        let hosts = Hosts { public, extra: Vec::new() };
        if hosts.is_ours(text) {
            assert!(names(text, is_name, port), "{text:?} is taken for {}", hosts.public);
        }
        if hosts.is_own_origin(text, None) {
            let (before, rest) = text.split_once("://").unwrap_or_default();
            assert!(before.eq_ignore_ascii_case(scheme), "{text:?}");
            assert!(
                names(rest.trim_end_matches('/'), is_name, port),
                "{text:?} is taken for {}",
                hosts.public
            );
        }
    }
}

fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse().is_ok_and(|addr: IpAddr| addr.is_loopback())
}

/// Whether `authority` is a name that `is_name`, with this port or, where it is HTTPS's own, without one.
fn names(authority: &str, is_name: fn(&str) -> bool, port: u16) -> bool {
    let authority = authority.to_ascii_lowercase();
    let with_port = authority.rsplit_once(':').is_some_and(|(name, digits)| {
        digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse() == Ok(port) && is_name(name)
    });
    with_port || (port == 443 && is_name(&authority))
}

/// Headers of proxies are believed of trusted peers alone and never make up an address; headers with credentials give
/// what stands in them. The first line is both kinds of the one and `Authorization`, the second `Cookie`.
pub fn client_address(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |b| *b == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let (Some(first), second) = (lines.next(), lines.next()) else { return };
    let mut headers = HeaderMap::new();
    for name in [header::FORWARDED, header::HeaderName::from_static("x-forwarded-for"), header::AUTHORIZATION]
    {
        headers.append(name, first.clone());
    }
    headers.extend(second.map(|cookie| (header::COOKIE, cookie)));
    let trusted: Vec<_> = "10.0.0.0/8".parse().into_iter().collect();
    for kind in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
        for peer in [IpAddr::from([10, 0, 0, 1]), IpAddr::from([203, 0, 113, 5])] {
            let seen = client::address(peer, &headers, &trusted, kind);
            assert!(
                seen == peer || peer.to_string().starts_with("10."),
                "{peer} isn't believed, yet is {seen}"
            );
            assert!(seen == peer || first.to_str().is_ok(), "an address out of no text");
            let prefix = client::prefix(seen);
            assert_eq!(client::prefix(prefix.parse().unwrap_or(peer)), prefix);
        }
    }
    if let Some(token) = extract::bearer(&headers) {
        assert!(first.to_str().is_ok_and(|text| text.ends_with(token)));
    }
    if let Some(token) = extract::refresh_cookie(&headers) {
        assert!(token.len() <= 512 && !token.is_empty() && !token.contains(';'), "{token:?}");
    }
}

const SITE: &str = "https://meet.example";
const NOW_S: i64 = 1_800_000_000;
const LEEWAY_S: i64 = 2;

/// Holds one key and knows nobody.
struct Signer(Ed25519KeyPair);

fn nothing<T>() -> Result<T, Fault> {
    Err(Fault::internal())
}

#[async_trait]
impl Auth for Signer {
    async fn login(&self, _: &Caller, _: Login) -> Result<Challenge, Fault> {
        nothing()
    }
    async fn verify(&self, _: &Caller, _: Verify) -> Result<SignedIn, Fault> {
        nothing()
    }
    async fn peek(&self, _: &Caller, _: Magic) -> Result<MaskedEmail, Fault> {
        nothing()
    }
    async fn magic(&self, _: &Caller, _: MagicSignIn) -> Result<SignedIn, Fault> {
        nothing()
    }
    async fn refresh(&self, _: &Caller, _: Refresh) -> Result<SignedIn, Fault> {
        nothing()
    }
    async fn revoke(&self, _: &Caller, _: Revoke) -> Result<(), Fault> {
        nothing()
    }
    async fn erase(&self, _: &Caller, _: Erase) -> Result<Erased, Fault> {
        nothing()
    }
    async fn logout(&self, _: &Caller, _: Refresh) -> Result<(), Fault> {
        nothing()
    }
    async fn sessions(&self, _: &Caller, _: Sessions) -> Result<Vec<LoginSession>, Fault> {
        nothing()
    }
    async fn jwks(&self, _: &Caller, (): ()) -> Result<Jwks, Fault> {
        let text = |text: &str| text.to_owned();
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.0.public_key());
        let key = Jwk {
            kty: text("OKP"),
            crv: text("Ed25519"),
            alg: text("EdDSA"),
            usage: text("sig"),
            kid: text("k1"),
            x,
        };
        Ok(Jwks { keys: vec![key] })
    }
    async fn is_revoked(&self, _: &Caller, _: LoginId) -> Result<bool, Fault> {
        Ok(false)
    }
    async fn role_of(&self, _: &Caller, _: LoginId) -> Result<Option<Role>, Fault> {
        nothing()
    }
}

/// A checker of tokens, the key it believes in, and what they run on.
struct Bench {
    runtime: tokio::runtime::Runtime,
    tokens: Tokens,
    signer: Arc<Signer>,
}

fn bench() -> Option<Bench> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let signer = Arc::new(Signer(Ed25519KeyPair::from_seed_unchecked(&[1; 32]).ok()?));
    let settings = tokens::Settings {
        issuer: SITE.to_owned(),
        audience: SITE.to_owned(),
        leeway: Duration::from_secs(LEEWAY_S.unsigned_abs()),
    };
    let clock = Clock::manual(Timestamp::from_millis(NOW_S * 1_000));
    let inside = runtime.enter();
    let tokens = Tokens::new(signer.clone(), clock, settings, &Bus::memory(), &Lifecycle::default());
    drop(inside);
    Some(Bench { runtime, tokens, signer })
}

/// Access tokens. The first byte says what follows: 0 the text of a token, which nobody can sign; else a header and,
/// on the next line, claims, which are signed as ours. What passes says all that a token of this place must say.
pub fn token(bytes: &[u8]) {
    thread_local! {
        static BENCH: Option<Bench> = bench();
    }
    let Some((kind, rest)) = bytes.split_first() else { return };
    BENCH.with(|bench| {
        assert!(bench.is_some(), "the bench stands on nothing that could fail");
        let Some(Bench { runtime, tokens, signer }) = bench else { return };
        let verify = |token: &str| runtime.block_on(tokens.verify(token));
        if *kind == 0 {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            assert_eq!(verify(text).map_err(|fault| fault.code).err(), Some(Code::Unauthorized));
            return;
        }
        let mut parts = rest.splitn(2, |b| *b == b'\n');
        let (head, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let signed = format!("{}.{}", encode(head), encode(claims));
        let token = format!("{signed}.{}", encode(signer.0.sign(signed.as_bytes()).as_ref()));
        match verify(&token) {
            Err(fault) => assert_eq!(fault.code, Code::Unauthorized),
            Ok(access) => says_all(head, claims, access.expires),
        }
    });
}

fn says_all(head: &[u8], claims: &[u8], expires: Timestamp) {
    let value = |bytes| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    let (head, claims) = (value(head), value(claims));
    let ours: Value = serde_json::json!({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"});
    assert_eq!(head, ours);
    assert!(claims["iss"] == SITE && claims["aud"] == SITE, "{claims}");
    assert!(claims["sub"].is_string() && claims["sid"].is_string() && claims["jti"].is_string(), "{claims}");
    let seconds = |name: &str| claims[name].as_i64();
    assert!(seconds("iat").is_some() && seconds("exp").is_some(), "{claims}");
    let (Some(issued), Some(ends)) = (seconds("iat"), seconds("exp")) else { return };
    assert!(issued <= NOW_S + LEEWAY_S && ends + LEEWAY_S > NOW_S && ends - issued <= 900, "{claims}");
    assert_eq!(expires, Timestamp::from_millis(ends * 1_000));
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let files = fs::read_dir(&folder).unwrap();
        let seeds: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3, "only {} seeds in {}", seeds.len(), folder.display());
        seeds
    }

    #[test]
    fn the_seeds_of_every_target_keep_their_promise() {
        let all = |target: &str, check: fn(&[u8])| {
            for seed in seeds(target) {
                check(&seed);
            }
        };
        all("socket_event", socket_event);
        all("json_body", json_body);
        all("host", host);
        all("client_address", client_address);
        all("token", token);
    }

    #[test]
    fn the_good_seeds_pass_so_that_the_promises_are_not_vacuous() {
        let bench = bench().unwrap();
        let accepted = |seed: &Vec<u8>| {
            let mut parts = seed.get(1..).unwrap_or_default().splitn(2, |b| *b == b'\n');
            let mut next = || BASE64_URL_SAFE_NO_PAD.encode(parts.next().unwrap_or_default());
            let signed = format!("{}.{}", next(), next());
            let signature = BASE64_URL_SAFE_NO_PAD.encode(bench.signer.0.sign(signed.as_bytes()).as_ref());
            bench.runtime.block_on(bench.tokens.verify(&format!("{signed}.{signature}"))).is_ok()
        };
        assert_eq!(seeds("token").iter().filter(|seed| accepted(seed)).count(), 1);
        let events = seeds("socket_event");
        let read = events.iter().filter(|seed| read_event(&String::from_utf8_lossy(seed)).is_ok()).count();
        assert!(read >= 11, "{read} of {} events", events.len());
        let bodies = seeds("json_body");
        let read = bodies.iter().filter(|seed| read_bodies(seed).iter().any(Result::is_ok)).count();
        assert!(read >= 6, "{read} of {} bodies", bodies.len());
    }

    #[test]
    #[should_panic(expected = "iss")]
    fn a_token_of_another_place_that_passed_would_be_noticed() {
        let head = br#"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#;
        says_all(head, br#"{"iss":"https://evil.example"}"#, Timestamp::from_millis(0));
    }
}
