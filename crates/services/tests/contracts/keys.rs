//! Signing keys, and sign-in on bad days, by the contract.

use std::sync::Arc;

use visavis_domain::{
    Code, Fault,
    contract::{
        self,
        auth::{Auth, Login, Refresh, SignedIn, Verify},
        users::Users,
    },
    event::{Event, Topic},
    id::UserId,
};
use visavis_platform::{Clock, secret::Secret};
use visavis_services::auth;

use crate::auth::{ADA, Suite, read};
use crate::world::{HOUR, MINUTE, SECOND, World, heard, ways};

fn kid(signed: &SignedIn) -> String {
    jsonwebtoken::decode_header(&signed.access_token).unwrap().kid.unwrap()
}

#[tokio::test]
async fn a_new_key_is_published_before_its_first_use_and_the_old_one_until_its_last_token_ended() {
    for way in ways() {
        let w = World::new(way).await;
        let service = Arc::new(w.auth_of(auth::Settings::default()).await);
        let s = Suite { auth: way.reach(service.clone(), contract::auth::through), w };
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
    for way in ways() {
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
    for way in ways() {
        let w = World::new(way).await;
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
        contract::users::serve(self.users.clone()).dispatch(method, cx, body).await
    }
}

#[tokio::test]
async fn while_accounts_are_away_neither_code_nor_refresh_token_is_lost() {
    for way in ways() {
        let mut w = World::new(way).await;
        let away = Arc::new(Away { users: w.users.clone(), back: true.into() });
        w.users = Arc::new(contract::Remote(contract::Loopback(away.clone())));
        let s = Suite { auth: w.auth(way).await, w };
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
}

#[tokio::test]
async fn a_signed_in_session_is_there_after_a_restart_of_everything() {
    for way in ways() {
        let w = World::new(way).await;
        let signed = w.sign_in(&w.auth(way).await, ADA).await;
        w.db.close().await;
        let db = w.place.open().await;
        let users = visavis_services::users::Users::new(
            db.clone(),
            (w.clock.clone(), w.dice.clone(), w.secret.clone()),
            visavis_services::users::Settings::default(),
            Arc::new(visavis_services::age::Age::declared()),
        );
        let w = World { db, users: Arc::new(users), ..w };
        let auth = w.auth(way).await;
        let next = auth.refresh(&w.cx, Refresh { token: signed.refresh_token }).await.unwrap();
        assert_eq!(next.user.id, signed.user.id);
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_still_signs() {
    for way in ways() {
        let w = World::new(way).await;
        let auth = w.auth(way).await;
        let signed = w.sign_in(&auth, ADA).await;
        let earlier = World { clock: Clock::manual(w.clock.now() - HOUR), ..w };
        let auth = earlier.auth(way).await;
        auth.refresh(&earlier.cx, Refresh { token: signed.refresh_token }).await.unwrap();
        assert_ne!(signed.user.id, UserId::from_bits(0));
    }
}
