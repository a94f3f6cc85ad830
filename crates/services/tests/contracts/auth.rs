//! Signing in by its contract: every rule of protocol section 2 at its boundary.

use std::{collections::HashSet, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use visavis_domain::{
    Code,
    contract::auth::{Auth, Challenge, Jwks, Login, Magic, MagicSignIn, Refresh, Sessions, SignedIn, Verify},
    id::{ChallengeId, LoginId},
    wire::Role,
};
use visavis_services::auth::Claims;

use crate::world::{DAY, HOUR, MINUTE, SECOND, URL, Way, World, ways};

pub const ADA: &str = "ada@x.example";
const WRONG: &str = "000000";

pub struct Suite {
    pub w: World,
    pub auth: Arc<dyn Auth>,
}

impl Suite {
    pub async fn new(way: Way) -> Self {
        let w = World::new(way).await;
        let auth = w.auth(way).await;
        Self { w, auth }
    }

    pub async fn login(&self, email: &str) -> Challenge {
        self.auth.login(&self.w.cx, Login { email: email.to_owned() }).await.unwrap()
    }

    pub async fn verify(&self, challenge: ChallengeId, code: &str) -> Result<SignedIn, Code> {
        let verify = Verify {
            challenge_id: challenge.to_string(),
            code: code.to_owned(),
            agent: "Firefox".to_owned(),
        };
        self.auth.verify(&self.w.cx, verify).await.map_err(|f| f.code)
    }

    pub async fn magic(&self, token: &str) -> Result<SignedIn, Code> {
        let magic = MagicSignIn { token: token.to_owned(), agent: String::new() };
        self.auth.magic(&self.w.cx, magic).await.map_err(|f| f.code)
    }

    pub async fn refresh(&self, token: &str) -> Result<SignedIn, Code> {
        self.auth.refresh(&self.w.cx, Refresh { token: token.to_owned() }).await.map_err(|f| f.code)
    }

    pub async fn sign_in(&self, email: &str) -> SignedIn {
        self.w.sign_in(&self.auth, email).await
    }

    pub async fn claims(&self, signed: &SignedIn) -> Claims {
        read(&signed.access_token, &self.auth.jwks(&self.w.cx, ()).await.unwrap()).unwrap()
    }

    pub async fn sessions(&self, of: &Claims) -> Vec<LoginId> {
        let sessions = Sessions { user: of.sub, current: of.sid };
        self.auth.sessions(&self.w.cx, sessions).await.unwrap().iter().map(|s| s.id).collect()
    }

    /// One wrong code that isn't the right one.
    pub fn wrong(right: &str) -> &'static str {
        if right == WRONG { "000001" } else { WRONG }
    }
}

/// Checks a token with published keys only, as anybody could.
pub fn read(token: &str, jwks: &Jwks) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
    let key = jwks.keys.iter().find(|k| Some(&k.kid) == header.kid.as_ref())?;
    assert_eq!((key.kty.as_str(), key.crv.as_str(), key.usage.as_str()), ("OKP", "Ed25519", "sig"));
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[URL]);
    rules.set_issuer(&[URL]);
    // The suite's clock isn't the machine's.
    rules.validate_exp = false;
    let key = DecodingKey::from_ed_components(&key.x).unwrap();
    Some(jsonwebtoken::decode::<Claims>(token, &key, &rules).unwrap().claims)
}

// ── codes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_right_code_signs_in_and_the_tokens_say_who() {
    for way in ways() {
        let s = Suite::new(way).await;
        let challenge = s.login(" ADA@X.example").await;
        assert_eq!(challenge.expires_at, s.w.clock.now() + 5 * MINUTE);
        assert_eq!(challenge.resend_at, s.w.clock.now() + 30 * SECOND);
        let (code, _) = s.w.mails(1).await.remove(0);
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let signed = s.verify(challenge.challenge_id, &spaced).await.unwrap();
        assert!(signed.new_user);
        let claims = s.claims(&signed).await;
        let now = s.w.clock.now();
        assert_eq!((claims.sub, claims.role), (signed.user.id, Role::User));
        assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (URL, URL));
        assert_eq!((claims.iat, claims.exp), (now.as_secs(), now.as_secs() + 900));
        assert_eq!(signed.expires_at, now + 15 * MINUTE);
        let again = s.sign_in(ADA).await;
        assert_eq!((again.new_user, again.user.id), (false, signed.user.id));
        assert_ne!(s.claims(&again).await.jti, claims.jti);
    }
}

#[tokio::test]
async fn a_code_works_once_and_for_its_own_challenge_only() {
    for way in ways() {
        let s = Suite::new(way).await;
        let first = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(1).await.remove(0);
        let other = s.login("bob@x.example").await.challenge_id;
        assert_eq!(s.verify(other, &code).await.unwrap_err(), Code::InvalidCode);
        assert_eq!(s.verify(ChallengeId::from_bits(0), &code).await.unwrap_err(), Code::ChallengeExpired);
        let nonsense = Verify { challenge_id: "../etc".to_owned(), code: code.clone(), agent: String::new() };
        assert_eq!(s.auth.verify(&s.w.cx, nonsense).await.unwrap_err().code, Code::ChallengeExpired);
        s.verify(first, &code).await.unwrap();
        assert_eq!(s.verify(first, &code).await.unwrap_err(), Code::ChallengeExpired);
        assert_eq!(
            s.magic(&link).await.unwrap_err(),
            Code::ChallengeExpired,
            "nor the link of the same mail"
        );
    }
}

#[tokio::test]
async fn of_many_at_once_with_the_same_code_or_link_one_gets_in() {
    for way in ways() {
        let s = Arc::new(Suite::new(way).await);
        let challenge = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(1).await.remove(0);
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..10 {
            let (s, code, link) = (s.clone(), code.clone(), link.clone());
            racing.spawn(async move {
                if n % 2 == 0 { s.verify(challenge, &code).await } else { s.magic(&link).await }
            });
        }
        let done = racing.join_all().await;
        let won: Vec<_> = done.iter().flatten().collect();
        assert_eq!(won.len(), 1);
        assert!(done.iter().all(|d| matches!(d, Ok(_) | Err(Code::ChallengeExpired))));
        assert_eq!(s.sessions(&s.claims(won[0]).await).await.len(), 1);
    }
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused_and_the_link_still_works() {
    for way in ways() {
        let s = Suite::new(way).await;
        let challenge = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(1).await.remove(0);
        assert_eq!(
            s.verify(challenge, "12345").await.unwrap_err(),
            Code::InvalidCode,
            "no six digits: not a try"
        );
        for _ in 0..5 {
            assert_eq!(s.verify(challenge, Suite::wrong(&code)).await.unwrap_err(), Code::InvalidCode);
        }
        assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::TooManyTries);
        s.magic(&link).await.unwrap();
    }
}

#[tokio::test]
async fn the_fifth_try_may_be_right() {
    for way in ways() {
        let s = Suite::new(way).await;
        let challenge = s.login(ADA).await.challenge_id;
        let (code, _) = s.w.mails(1).await.remove(0);
        for _ in 0..4 {
            s.verify(challenge, Suite::wrong(&code)).await.unwrap_err();
        }
        s.verify(challenge, &code).await.unwrap();
    }
}

#[tokio::test]
async fn guessing_in_parallel_gives_no_more_than_five_tries() {
    for way in ways() {
        let s = Arc::new(Suite::new(way).await);
        let challenge = s.login(ADA).await.challenge_id;
        let (code, _) = s.w.mails(1).await.remove(0);
        let mut racing = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (s, wrong) = (s.clone(), Suite::wrong(&code));
            racing.spawn(async move { s.verify(challenge, wrong).await.unwrap_err() });
        }
        let answers = racing.join_all().await;
        assert_eq!(answers.iter().filter(|a| **a == Code::InvalidCode).count(), 5);
        assert_eq!(answers.iter().filter(|a| **a == Code::TooManyTries).count(), 15);
    }
}

#[tokio::test]
async fn code_and_link_end_after_five_minutes() {
    for way in ways() {
        let s = Suite::new(way).await;
        let challenge = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(1).await.remove(0);
        s.w.clock.advance(5 * MINUTE);
        let peeked = s.auth.peek(&s.w.cx, Magic { token: link.clone() }).await;
        assert_eq!(peeked.unwrap_err().code, Code::ChallengeExpired);
        assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::ChallengeExpired);
        assert_eq!(s.magic(&link).await.unwrap_err(), Code::ChallengeExpired);
        let challenge = s.login(ADA).await.challenge_id;
        let (code, _) = s.w.mails(2).await.remove(0);
        s.w.clock.advance(5 * MINUTE - SECOND / 1_000);
        s.verify(challenge, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_mail_too_early_is_not_sent_and_the_answer_looks_the_same() {
    for way in ways() {
        let s = Suite::new(way).await;
        let first = s.login(ADA).await;
        s.w.mails(1).await;
        s.w.clock.advance(30 * SECOND - SECOND / 1_000);
        let held = s.login(ADA).await;
        assert_ne!(held.challenge_id, first.challenge_id);
        let now = s.w.clock.now();
        assert_eq!((held.expires_at, held.resend_at), (now + 5 * MINUTE, now + 30 * SECOND));
        s.w.clock.advance(SECOND / 1_000);
        s.login(ADA).await;
        let (code, _) = s.w.mails(2).await.remove(1);
        assert_eq!(s.verify(held.challenge_id, &code).await.unwrap_err(), Code::InvalidCode);
        s.verify(first.challenge_id, &code).await.unwrap();
    }
}

#[tokio::test]
async fn codes_tried_on_a_challenge_that_was_held_back_are_answered_as_on_one_that_was_mailed() {
    for way in ways() {
        let s = Suite::new(way).await;
        let mailed = s.login(ADA).await;
        let held = s.login(ADA).await;
        let (code, _) = s.w.mails(1).await.remove(0);
        for challenge in [mailed.challenge_id, held.challenge_id] {
            for _ in 0..5 {
                let answer = s.verify(challenge, Suite::wrong(&code)).await.unwrap_err();
                assert_eq!(answer, Code::InvalidCode);
            }
            assert_eq!(s.verify(challenge, Suite::wrong(&code)).await.unwrap_err(), Code::TooManyTries);
        }
        s.w.clock.advance(5 * MINUTE);
        for challenge in [mailed.challenge_id, held.challenge_id] {
            assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::ChallengeExpired);
        }
        let mut ids = HashSet::new();
        for _ in 0..100 {
            ids.insert(s.login(ADA).await.challenge_id);
        }
        assert!(ids.len() <= 22, "{}: a flood leaves few rows", ids.len());
    }
}

#[tokio::test]
async fn three_challenges_live_side_by_side_and_a_fourth_kills_none() {
    for way in ways() {
        let s = Suite::new(way).await;
        let mut challenges = Vec::new();
        for _ in 0..4 {
            challenges.push(s.login(ADA).await.challenge_id);
            s.w.clock.advance(31 * SECOND);
        }
        let mails = s.w.mails(3).await;
        for (challenge, (code, _)) in challenges[..3].iter().zip(mails.iter().rev()) {
            s.verify(*challenge, code).await.unwrap();
        }
    }
}

#[tokio::test]
async fn five_mails_an_hour_go_out_and_the_sixth_does_not() {
    for way in ways() {
        let s = Suite::new(way).await;
        for n in 1..=7 {
            s.login(ADA).await;
            s.w.mails(n.min(5)).await;
            s.w.clock.advance(6 * MINUTE);
        }
        s.login("bob@x.example").await;
        s.w.mails(6).await;
        s.w.clock.advance(HOUR - 42 * MINUTE);
        s.login(ADA).await;
        s.w.mails(7).await;
    }
}

#[tokio::test]
async fn after_twenty_failures_in_a_day_only_links_work_and_no_session_is_touched() {
    for way in ways() {
        let s = Suite::new(way).await;
        let signed = s.sign_in(ADA).await;
        let mut mails = 1;
        for _ in 0..4 {
            let challenge = s.login(ADA).await.challenge_id;
            mails += 1;
            let (code, _) = s.w.mails(mails).await.remove(0);
            for _ in 0..5 {
                assert_eq!(s.verify(challenge, Suite::wrong(&code)).await.unwrap_err(), Code::InvalidCode);
            }
            s.w.clock.advance(20 * MINUTE);
        }
        let challenge = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(mails + 1).await.remove(0);
        assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::TooManyTries);
        s.magic(&link).await.unwrap();
        s.refresh(&signed.refresh_token).await.unwrap();
        s.w.clock.advance(SECOND);
        let bob = s.login("bob@x.example").await.challenge_id;
        let (code, _) = s.w.mails(mails + 2).await.remove(0);
        s.verify(bob, &code).await.unwrap();
        // The first five failures are a day old now: fifteen remain.
        s.w.clock.advance(DAY - 80 * MINUTE);
        let challenge = s.login(ADA).await.challenge_id;
        let (code, _) = s.w.mails(mails + 3).await.remove(0);
        s.verify(challenge, &code).await.unwrap();
    }
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer_and_the_same_mail() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.sign_in(ADA).await;
        let known = s.login(ADA).await;
        let unknown = s.login("nobody@x.example").await;
        assert_eq!((known.expires_at, known.resend_at), (unknown.expires_at, unknown.resend_at));
        s.w.mails(3).await;
        let shapes: HashSet<String> =
            s.w.outbox
                .newest(2)
                .unwrap()
                .iter()
                .map(|(_, text)| {
                    let lines =
                        text.lines().filter(|l| !l.contains('@') && !l.contains("token=") && l.len() != 6);
                    lines.filter(|l| !l.starts_with("Message-ID")).collect::<Vec<_>>().join("\n")
                })
                .collect();
        assert_eq!(shapes.len(), 1, "{shapes:?}");
        for wrong in
            ["", "canary", "canary@x", "canary@b@c.example", "canary@x.example\r\nBcc: eve@x.example"]
        {
            let fault = s.auth.login(&s.w.cx, Login { email: wrong.to_owned() }).await.unwrap_err();
            assert_eq!(fault.code, Code::BadRequest);
            assert!(!fault.detail.contains("canary"), "the answer repeats what was typed");
        }
        s.w.mails(3).await;
    }
}

// ── links ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_link_can_be_looked_at_often_and_signs_in_once() {
    for way in ways() {
        let s = Suite::new(way).await;
        let challenge = s.login(ADA).await.challenge_id;
        let (code, link) = s.w.mails(1).await.remove(0);
        for _ in 0..3 {
            let masked = s.auth.peek(&s.w.cx, Magic { token: link.clone() }).await.unwrap();
            assert_eq!(masked.email, "a…@x.example");
        }
        let signed = s.magic(&link).await.unwrap();
        assert_eq!(s.claims(&signed).await.sub, signed.user.id);
        assert_eq!(s.magic(&link).await.unwrap_err(), Code::ChallengeExpired);
        let peeked = s.auth.peek(&s.w.cx, Magic { token: link }).await.unwrap_err();
        assert_eq!(peeked.code, Code::ChallengeExpired);
        assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::ChallengeExpired);
        for wrong in ["", "AAAA", &"A".repeat(43), &"x".repeat(100_000)] {
            assert_eq!(s.magic(wrong).await.unwrap_err(), Code::InvalidCode);
        }
    }
}
