//! Nothing personal and no secret reaches a log, at any level, on the good paths and the bad ones. A program of its own:
//! it listens to the logs of the whole process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "contracts/http.rs"]
mod http;
#[path = "contracts/world.rs"]
#[expect(dead_code, reason = "shared with the contract suites")]
mod world;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;
use visavis_domain::contract::{
    auth::{Login, Magic, MagicSignIn, Refresh, Revoke, Verify},
    users::{Grant, Patch, Update},
};
use visavis_domain::wire::Role;
use world::{MINUTE, World, ways};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const ADDRESS: &str = "canary.ada@canary-mail.example";
const NAME: &str = "Canary Name";

#[tokio::test]
async fn no_address_code_token_or_name_is_logged() {
    let captured = Captured::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .init();
    let mut canaries =
        vec![ADDRESS.to_owned(), "canary.ada".to_owned(), "canary-mail".to_owned(), NAME.to_owned()];
    let mut codes = Vec::new();
    for way in ways() {
        let w = World::new(way).await;
        let auth = w.auth(way).await;
        let login = Login { email: ADDRESS.to_owned() };
        let challenge = auth.login(&w.cx, login.clone()).await.unwrap().challenge_id.to_string();
        let (code, link) = w.mails(1).await.remove(0);
        let verify = |code: &str| Verify {
            challenge_id: challenge.clone(),
            code: code.to_owned(),
            agent: NAME.to_owned(),
        };
        auth.verify(&w.cx, verify("000000")).await.unwrap_err();
        auth.login(&w.cx, Login { email: format!("{ADDRESS}@") }).await.unwrap_err();
        auth.peek(&w.cx, Magic { token: link.clone() }).await.unwrap();
        let signed = auth.verify(&w.cx, verify(&code)).await.unwrap();
        auth.magic(&w.cx, MagicSignIn { token: link.clone(), agent: NAME.to_owned() }).await.unwrap_err();
        let next = auth.refresh(&w.cx, Refresh { token: signed.refresh_token.clone() }).await.unwrap();
        w.clock.advance(MINUTE);
        auth.refresh(&w.cx, Refresh { token: signed.refresh_token.clone() }).await.unwrap_err();
        let patch =
            Patch { display_name: Some(NAME.to_owned()), bio: Some(NAME.to_owned()), ..Patch::default() };
        w.users.update(&w.cx, Update { user: signed.user.id, patch }).await.unwrap();
        w.users.grant(&w.cx, Grant { email: ADDRESS.to_owned(), role: Role::Admin }).await.unwrap();
        let other = w.sign_in(&auth, ADDRESS).await;
        let listed = visavis_domain::contract::auth::Sessions { user: other.user.id, current: world_login() };
        for session in auth.sessions(&w.cx, listed).await.unwrap() {
            auth.revoke(&w.cx, Revoke { user: other.user.id, login: session.id }).await.unwrap();
        }
        canaries.extend([
            link,
            signed.refresh_token,
            next.refresh_token,
            signed.access_token,
            next.access_token,
        ]);
        canaries.push(signed.user.display_name);
        codes.push(code);
        // A broken database: its errors quote nothing.
        w.db.close().await;
        auth.login(&w.cx, login).await.unwrap_err();
    }
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for expected in ["a login session was ended", "the database is away", "INSERT INTO challenges"] {
        assert!(log.contains(expected), "the log says {expected:?}, or this test sees nothing");
    }
    for canary in canaries {
        // Also the middle of a token, in case a part of it is logged.
        let middle = if canary.len() > 60 { &canary[30..50] } else { &canary };
        assert!(!log.contains(middle), "found in the log: {}", line_with(&log, middle));
    }
    for code in codes {
        let word = log.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| *word == code);
        // Microseconds of a time stamp are six digits and a Z.
        assert_eq!(word, None, "a code is in the log");
    }
}

fn world_login() -> visavis_domain::id::LoginId {
    visavis_domain::id::LoginId::from_bits(0)
}

fn line_with<'a>(log: &'a str, text: &str) -> &'a str {
    log.lines().find(|line| line.contains(text)).unwrap_or_default()
}
