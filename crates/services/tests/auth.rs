//! Signing in by its contract: every rule of protocol section 2 at its boundary.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

#[expect(dead_code, reason = "shared by several suites")]
mod world;

use std::{collections::HashSet, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use visavis_domain::{
    Code, Fault,
    contract::{
        self,
        auth::{
            Auth, Challenge, Jwks, Login, Magic, MagicSignIn, Refresh, Revoke, Sessions, SignedIn, Verify,
        },
        users::{Grant, Users},
    },
    event::{Event, Topic},
    id::{ChallengeId, LoginId, UserId},
    wire::Role,
};
use visavis_platform::{Clock, db::logins, secret::Secret};
use visavis_services::auth::{self, Claims};
use world::{DAY, HOUR, MINUTE, SECOND, URL, WAYS, Way, World, heard, silent};

const ADA: &str = "ada@x.example";
const WRONG: &str = "000000";

struct Suite {
    w: World,
    auth: Arc<dyn Auth>,
}

impl Suite {
    async fn new(way: Way) -> Self {
        let w = World::new(way).await;
        let auth = w.auth(way).await;
        Self { w, auth }
    }

    async fn login(&self, email: &str) -> Challenge {
        self.auth.login(&self.w.cx, Login { email: email.to_owned() }).await.unwrap()
    }

    async fn verify(&self, challenge: ChallengeId, code: &str) -> Result<SignedIn, Code> {
        let verify = Verify {
            challenge_id: challenge.to_string(),
            code: code.to_owned(),
            agent: "Firefox".to_owned(),
        };
        self.auth.verify(&self.w.cx, verify).await.map_err(|f| f.code)
    }

    async fn magic(&self, token: &str) -> Result<SignedIn, Code> {
        let magic = MagicSignIn { token: token.to_owned(), agent: String::new() };
        self.auth.magic(&self.w.cx, magic).await.map_err(|f| f.code)
    }

    async fn refresh(&self, token: &str) -> Result<SignedIn, Code> {
        self.auth.refresh(&self.w.cx, Refresh { token: token.to_owned() }).await.map_err(|f| f.code)
    }

    async fn sign_in(&self, email: &str) -> SignedIn {
        self.w.sign_in(&self.auth, email).await
    }

    async fn claims(&self, signed: &SignedIn) -> Claims {
        read(&signed.access_token, &self.auth.jwks(&self.w.cx, ()).await.unwrap()).unwrap()
    }

    async fn sessions(&self, of: &Claims) -> Vec<LoginId> {
        let sessions = Sessions { user: of.sub, current: of.sid };
        self.auth.sessions(&self.w.cx, sessions).await.unwrap().iter().map(|s| s.id).collect()
    }

    /// One wrong code that isn't the right one.
    fn wrong(right: &str) -> &'static str {
        if right == WRONG { "000001" } else { WRONG }
    }
}

/// Checks a token with published keys only, as anybody could.
fn read(token: &str, jwks: &Jwks) -> Option<Claims> {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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
        assert_eq!(s.verify(held.challenge_id, &code).await.unwrap_err(), Code::ChallengeExpired);
        s.verify(first.challenge_id, &code).await.unwrap();
    }
}

#[tokio::test]
async fn three_challenges_live_side_by_side_and_a_fourth_kills_none() {
    for way in WAYS {
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
    for way in WAYS {
        let s = Suite::new(way).await;
        for _ in 0..7 {
            s.login(ADA).await;
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
    for way in WAYS {
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
    for way in WAYS {
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
    for way in WAYS {
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

// ── refresh tokens ─────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_refresh_rotates_and_only_the_newest_token_goes_on() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        s.w.clock.advance(10 * MINUTE);
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        assert_ne!(one.refresh_token, zero.refresh_token);
        let (before, after) = (s.claims(&zero).await, s.claims(&one).await);
        assert_eq!((before.sub, before.sid), (after.sub, after.sid));
        assert_eq!(after.iat - before.iat, 600);
        assert!(!one.new_user);
        let two = s.refresh(&one.refresh_token).await.unwrap();
        assert_ne!(two.refresh_token, one.refresh_token);
    }
}

#[tokio::test]
async fn the_predecessor_gets_the_same_successor_for_ten_seconds() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        for _ in 0..2 {
            s.w.clock.advance(5 * SECOND);
            assert_eq!(s.refresh(&zero.refresh_token).await.unwrap().refresh_token, one.refresh_token);
        }
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        s.w.clock.advance(SECOND / 1_000);
        assert_eq!(s.refresh(&zero.refresh_token).await.unwrap_err(), Code::Unauthorized);
        let sid = s.claims(&one).await.sid;
        assert_eq!(heard(&mut logins).await, Event::LoginRevoked { login: sid });
        assert_eq!(
            s.refresh(&one.refresh_token).await.unwrap_err(),
            Code::Unauthorized,
            "the family is gone"
        );
        assert!(s.auth.is_revoked(&s.w.cx, sid).await.unwrap());
    }
}

#[tokio::test]
async fn the_grandparent_revokes_the_family_even_within_ten_seconds() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let other = s.sign_in(ADA).await;
        s.w.clock.advance(MINUTE);
        let zero = s.sign_in(ADA).await;
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        let two = s.refresh(&one.refresh_token).await.unwrap();
        assert_eq!(s.refresh(&one.refresh_token).await.unwrap().refresh_token, two.refresh_token);
        assert_eq!(s.refresh(&zero.refresh_token).await.unwrap_err(), Code::Unauthorized);
        assert_eq!(s.refresh(&two.refresh_token).await.unwrap_err(), Code::Unauthorized);
        s.refresh(&other.refresh_token).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_from_long_ago_still_revokes_its_family() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let stolen = s.sign_in(ADA).await;
        let mut current = stolen.refresh_token.clone();
        for _ in 0..20 {
            s.w.clock.advance(DAY);
            current = s.refresh(&current).await.unwrap().refresh_token;
        }
        assert_eq!(s.refresh(&stolen.refresh_token).await.unwrap_err(), Code::Unauthorized);
        assert_eq!(s.refresh(&current).await.unwrap_err(), Code::Unauthorized);
    }
}

#[tokio::test]
async fn racing_tabs_converge_on_one_successor() {
    for way in WAYS {
        let s = Arc::new(Suite::new(way).await);
        let zero = s.sign_in(ADA).await;
        // A second node over the same database takes half of them.
        let other_node = s.w.auth(way).await;
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (s, other_node) = (s.clone(), other_node.clone());
            let refresh = Refresh { token: zero.refresh_token.clone() };
            racing.spawn(async move {
                let node = if n % 2 == 0 { &s.auth } else { &other_node };
                node.refresh(&s.w.cx, refresh).await.unwrap().refresh_token
            });
        }
        let tokens: HashSet<String> = racing.join_all().await.into_iter().collect();
        assert_eq!(tokens.len(), 1);
        s.refresh(&tokens.into_iter().next().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_family_ends_thirty_days_after_its_last_use() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        s.w.clock.advance(30 * DAY - SECOND);
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        let claims = s.claims(&one).await;
        s.w.clock.advance(30 * DAY - SECOND);
        assert!(!s.auth.is_revoked(&s.w.cx, claims.sid).await.unwrap());
        assert_eq!(s.sessions(&claims).await, [claims.sid]);
        s.w.clock.advance(SECOND);
        assert!(s.auth.is_revoked(&s.w.cx, claims.sid).await.unwrap());
        assert!(s.sessions(&claims).await.is_empty());
        assert_eq!(s.refresh(&one.refresh_token).await.unwrap_err(), Code::Unauthorized);
    }
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_unauthorized_and_ends_nothing() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let signed = s.sign_in(ADA).await;
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        let good = &signed.refresh_token;
        let mut forged = good.clone().into_bytes();
        forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        for bad in
            ["", "x", &good[..80], &forged, &signed.access_token, &"A".repeat(86), &"A".repeat(100_000)]
        {
            assert_eq!(s.refresh(bad).await.unwrap_err(), Code::Unauthorized);
            s.auth.logout(&s.w.cx, Refresh { token: bad.to_owned() }).await.unwrap();
        }
        silent(&s.w.bus, &mut logins, Topic::Logins).await;
        s.refresh(good).await.unwrap();
    }
}

#[tokio::test]
async fn the_database_holds_no_token_and_no_code() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        let row = logins::by_id(&s.w.db, s.claims(&one).await.sid).await.unwrap().unwrap();
        assert!(row.successor.is_some());
        s.w.clock.advance(MINUTE);
        s.login(ADA).await;
        let (code, link) = s.w.mails(2).await.remove(0);
        s.w.db.close().await;
        let raw = std::fs::read(s.w.folder.path().join("visavis.db")).unwrap();
        let holds = |text: &str| raw.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds(&row.current_hash), "the scan finds what is there");
        for secret in [&zero.refresh_token, &one.refresh_token, &link] {
            assert!(!holds(secret) && !holds(&secret[22..64.min(secret.len())]));
        }
        // Six digits may stand anywhere by chance, between quotes or lengths they don't: the record of the code is
        // its MAC, 43 characters.
        assert!(!holds(&format!("{ADA}{code}")));
    }
}

// ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn sessions_are_listed_ended_by_their_owner_only_and_their_end_is_told() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let (one, bob) = (s.sign_in(ADA).await, s.sign_in("bob@x.example").await);
        s.w.clock.advance(MINUTE);
        let two = s.sign_in(ADA).await;
        let (c1, c2, cb) = (s.claims(&one).await, s.claims(&two).await, s.claims(&bob).await);
        let listed = s.auth.sessions(&s.w.cx, Sessions { user: c1.sub, current: c1.sid }).await.unwrap();
        let shown: Vec<_> = listed.iter().map(|l| (l.id, l.current, l.user_agent.as_str())).collect();
        assert_eq!(shown, [(c2.sid, false, "Firefox"), (c1.sid, true, "Firefox")]);
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        let revoke = |user, login| s.auth.revoke(&s.w.cx, Revoke { user, login });
        assert_eq!(revoke(cb.sub, c1.sid).await.unwrap_err().code, Code::NotFound);
        assert_eq!(revoke(c1.sub, LoginId::from_bits(1)).await.unwrap_err().code, Code::NotFound);
        assert!(!s.auth.is_revoked(&s.w.cx, c1.sid).await.unwrap());
        revoke(c1.sub, c1.sid).await.unwrap();
        assert_eq!(heard(&mut logins).await, Event::LoginRevoked { login: c1.sid });
        revoke(c1.sub, c1.sid).await.unwrap();
        assert!(s.auth.is_revoked(&s.w.cx, c1.sid).await.unwrap());
        assert!(!s.auth.is_revoked(&s.w.cx, c2.sid).await.unwrap());
        assert!(s.auth.is_revoked(&s.w.cx, LoginId::from_bits(1)).await.unwrap(), "nobody's session");
        assert_eq!(s.refresh(&one.refresh_token).await.unwrap_err(), Code::Unauthorized);
        assert_eq!(s.sessions(&c2).await, [c2.sid]);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_whichever_of_its_tokens_is_shown() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        let sid = s.claims(&one).await.sid;
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        for _ in 0..2 {
            s.auth.logout(&s.w.cx, Refresh { token: zero.refresh_token.clone() }).await.unwrap();
            assert_eq!(heard(&mut logins).await, Event::LoginRevoked { login: sid });
        }
        assert_eq!(s.refresh(&one.refresh_token).await.unwrap_err(), Code::Unauthorized);
    }
}

#[tokio::test]
async fn of_more_than_the_allowed_sessions_the_one_used_longest_ago_ends() {
    for way in WAYS {
        let w = World::new(way).await;
        let settings = auth::Settings { max_logins: 3, ..auth::Settings::default() };
        let service: Arc<dyn Auth> = Arc::new(w.auth_of(settings).await);
        let auth = way.reach(service, contract::auth::loopback);
        let s = Suite { w, auth };
        let mut signed = Vec::new();
        for _ in 0..3 {
            signed.push(s.sign_in(ADA).await);
            s.w.clock.advance(20 * MINUTE);
        }
        s.refresh(&signed[0].refresh_token).await.unwrap();
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        s.sign_in(ADA).await;
        let second = s.claims(&signed[1]).await;
        assert_eq!(heard(&mut logins).await, Event::LoginRevoked { login: second.sid });
        assert_eq!(s.sessions(&second).await.len(), 3);
        assert_eq!(s.refresh(&signed[1].refresh_token).await.unwrap_err(), Code::Unauthorized);
        s.refresh(&signed[2].refresh_token).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_role_is_in_the_next_token() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let signed = s.sign_in(ADA).await;
        s.w.users.grant(&s.w.cx, Grant { email: ADA.to_owned(), role: Role::Moderator }).await.unwrap();
        let next = s.refresh(&signed.refresh_token).await.unwrap();
        assert_eq!(s.claims(&next).await.role, Role::Moderator);
    }
}

// ── signing keys ───────────────────────────────────────────────────────────────────────────────────────────────────

fn kid(signed: &SignedIn) -> String {
    jsonwebtoken::decode_header(&signed.access_token).unwrap().kid.unwrap()
}

#[tokio::test]
async fn a_new_key_is_published_before_its_first_use_and_the_old_one_until_its_last_token_ended() {
    for way in WAYS {
        let w = World::new(way).await;
        let service = Arc::new(w.auth_of(auth::Settings::default()).await);
        let s = Suite { auth: way.reach(service.clone(), contract::auth::loopback), w };
        let kids = async || {
            let jwks = s.auth.jwks(&s.w.cx, ()).await.unwrap();
            jwks.keys.into_iter().map(|k| k.kid).collect::<Vec<_>>()
        };
        let zero = s.sign_in(ADA).await;
        let old = kid(&zero);
        assert_eq!(kids().await, std::slice::from_ref(&old));
        let mut logins = s.w.bus.subscribe(Topic::Logins);
        let new = service.keys().rotate().await.unwrap();
        assert_eq!(heard(&mut logins).await, Event::KeysChanged);
        assert_eq!(kids().await, [new.clone(), old.clone()]);
        s.w.clock.advance(59 * SECOND);
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        assert_eq!(kid(&one), old);
        s.w.clock.advance(SECOND);
        let two = s.refresh(&one.refresh_token).await.unwrap();
        assert_eq!(kid(&two), new);
        // The last token of the old key was made a moment before the new one took over.
        s.w.clock.advance(15 * MINUTE);
        assert!(read(&one.access_token, &s.auth.jwks(&s.w.cx, ()).await.unwrap()).is_some());
        s.w.clock.advance(MINUTE);
        assert_eq!(kids().await, std::slice::from_ref(&new));
        let newer = service.keys().rotate().await.unwrap();
        assert_eq!(kids().await, [newer, new]);
    }
}

#[tokio::test]
async fn keys_survive_a_restart_and_another_secret_key_cannot_use_them() {
    for way in WAYS {
        let s = Suite::new(way).await;
        let signed = s.sign_in(ADA).await;
        let again = s.w.auth(way).await;
        assert_eq!(again.jwks(&s.w.cx, ()).await.unwrap(), s.auth.jwks(&s.w.cx, ()).await.unwrap());
        let next = again.refresh(&s.w.cx, Refresh { token: signed.refresh_token.clone() }).await.unwrap();
        assert_eq!(kid(&next), kid(&signed));
        let mut other = World::new(way).await;
        other.db = s.w.db.clone();
        other.users = s.w.users.clone();
        other.secret = Secret::from_bytes([1; 32]);
        let stranger = other.auth(way).await;
        let refused = stranger.refresh(&s.w.cx, Refresh { token: next.refresh_token.clone() }).await;
        assert_eq!(refused.unwrap_err().code, Code::Unauthorized);
        let challenge = stranger.login(&s.w.cx, Login { email: "eve@x.example".to_owned() }).await.unwrap();
        let (code, _) = other.mails(1).await.remove(0);
        let verify = Verify { challenge_id: challenge.challenge_id.to_string(), code, agent: String::new() };
        assert_eq!(stranger.verify(&s.w.cx, verify).await.unwrap_err().code, Code::Internal);
        s.refresh(&next.refresh_token).await.unwrap();
    }
}

#[tokio::test]
async fn keys_cannot_be_rotated_so_often_that_a_live_token_loses_its_key() {
    let w = World::new(Way::Direct).await;
    let service = w.auth_of(auth::Settings::default()).await;
    let mut rotated = 0;
    let refused = loop {
        match service.keys().rotate().await {
            Ok(_) => rotated += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!((rotated, refused.code), (7, Code::Conflict));
    w.clock.advance(HOUR);
    service.keys().rotate().await.unwrap();
    assert_eq!(service.jwks(&w.cx, ()).await.unwrap().keys.len(), 2);
}

// ── bad days ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// `users` is away until it is told to come back.
struct Away {
    users: Arc<dyn Users>,
    back: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl contract::Dispatch for Away {
    fn role(&self) -> &'static str {
        "users"
    }
    fn methods(&self) -> &'static [contract::Method] {
        &[]
    }
    async fn dispatch(&self, method: &str, cx: &contract::Caller, body: &[u8]) -> Result<Vec<u8>, Fault> {
        if !self.back.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Fault::unavailable());
        }
        contract::Serve(self.users.clone()).dispatch(method, cx, body).await
    }
}

#[tokio::test]
async fn while_accounts_are_away_neither_code_nor_refresh_token_is_lost() {
    let mut w = World::new(Way::Direct).await;
    let away = Arc::new(Away { users: w.users.clone(), back: true.into() });
    w.users = Arc::new(contract::Remote(contract::Loopback(away.clone())));
    let s = Suite { auth: w.auth(Way::Direct).await, w };
    let there = |back| away.back.store(back, std::sync::atomic::Ordering::SeqCst);
    let signed = s.sign_in(ADA).await;
    let challenge = s.login(ADA).await.challenge_id;
    let (code, _) = s.w.mails(2).await.remove(0);
    there(false);
    assert_eq!(s.verify(challenge, &code).await.unwrap_err(), Code::Unavailable);
    assert_eq!(s.refresh(&signed.refresh_token).await.unwrap_err(), Code::Unavailable);
    there(true);
    s.verify(challenge, &code).await.unwrap();
    s.w.clock.advance(5 * SECOND);
    s.refresh(&signed.refresh_token).await.unwrap();
}

#[tokio::test]
async fn a_signed_in_session_is_there_after_a_restart_of_everything() {
    let w = World::new(Way::Direct).await;
    let signed = w.sign_in(&w.auth(Way::Direct).await, ADA).await;
    w.db.close().await;
    let db = visavis_platform::Db::open(&visavis_platform::db::Settings::default(), w.folder.path())
        .await
        .unwrap();
    let users = visavis_services::users::Users::new(
        db.clone(),
        w.clock.clone(),
        w.dice.clone(),
        visavis_services::users::Settings::default(),
    );
    let w = World { db, users: Arc::new(users), ..w };
    let auth = w.auth(Way::Direct).await;
    let next = auth.refresh(&w.cx, Refresh { token: signed.refresh_token }).await.unwrap();
    assert_eq!(next.user.id, signed.user.id);
}

#[tokio::test]
async fn a_clock_that_was_set_back_still_signs() {
    let w = World::new(Way::Direct).await;
    let auth = w.auth(Way::Direct).await;
    let signed = w.sign_in(&auth, ADA).await;
    let earlier = World { clock: Clock::manual(w.clock.now() - HOUR), ..w };
    let auth = earlier.auth(Way::Direct).await;
    auth.refresh(&earlier.cx, Refresh { token: signed.refresh_token }).await.unwrap();
    assert_ne!(signed.user.id, UserId::from_bits(0));
}
