//! Signed-in sessions by their contract: refresh tokens, the list of devices, their end.

use std::{collections::HashSet, sync::Arc};

use visavis_domain::{
    Code,
    contract::{
        auth::{self as auth_contract, Auth, Refresh, Revoke, Sessions},
        users::Grant,
    },
    event::{Event, Topic},
    id::LoginId,
    wire::Role,
};
use visavis_platform::db::logins;
use visavis_services::auth;

use crate::auth::{ADA, Suite};
use crate::world::{DAY, MINUTE, SECOND, World, heard, silent, ways};

#[tokio::test]
async fn a_refresh_rotates_and_only_the_newest_token_goes_on() {
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
        let s = Suite::new(way).await;
        let zero = s.sign_in(ADA).await;
        let one = s.refresh(&zero.refresh_token).await.unwrap();
        let row = logins::by_id(&s.w.db, s.claims(&one).await.sid).await.unwrap().unwrap();
        assert!(row.successor.is_some());
        s.w.clock.advance(MINUTE);
        s.login(ADA).await;
        let (code, link) = s.w.mails(2).await.remove(0);
        s.w.db.close().await;
        let raw = s.w.place.contents().await;
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
    for way in ways() {
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
    for way in ways() {
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
    for way in ways() {
        let w = World::new(way).await;
        let settings = auth::Settings { max_logins: 3, ..auth::Settings::default() };
        let service: Arc<dyn Auth> = Arc::new(w.auth_of(settings).await);
        let auth = way.reach(service, auth_contract::through);
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
    for way in ways() {
        let s = Suite::new(way).await;
        let signed = s.sign_in(ADA).await;
        s.w.users.grant(&s.w.cx, Grant { email: ADA.to_owned(), role: Role::Moderator }).await.unwrap();
        let next = s.refresh(&signed.refresh_token).await.unwrap();
        assert_eq!(s.claims(&next).await.role, Role::Moderator);
    }
}
