//! Mail through a real SMTP server (`aiosmtpd`, from the Python package index), started here. `AIOSMTPD_PYTHON` names a Python that has it;
//! `cargo xtask test` sets it. Without the variable the one of `target/venv` is taken.

use std::{path::PathBuf, process::Stdio, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};

use super::*;

/// Prints its port, then each mail as a line of JSON. Addresses at `full.example` are refused for now the first time,
/// at `gone.example` for good.
const SERVER: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    seen = set()
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@gone.example"):
            return "550 5.1.1 <%s> is unknown" % address
        if address.endswith("@full.example") and address not in self.seen:
            self.seen.add(address)
            return "451 4.2.2 <%s> is full" % address
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "user": session.auth_data, "mail": envelope.content.decode("ascii")}), flush=True)
        return "250 OK"
def login(server, session, envelope, mechanism, data):
    good = data.login == b"ada" and data.password == b"secret"
    return AuthResult(success=good, auth_data="ada" if good else None, handled=not good)
async def main():
    mode, cert, key = sys.argv[1:4]
    context = None
    if mode != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
    def factory():
        return SMTP(Handler(), tls_context=context if mode == "starttls" else None, require_starttls=mode == "starttls",
            authenticator=login, auth_require_tls=mode == "starttls", hostname="localhost")
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0,
        ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

struct Server {
    port: u16,
    lines: Lines<BufReader<tokio::process::ChildStdout>>,
    authority: PathBuf,
    folder: tempfile::TempDir,
    _process: tokio::process::Child,
}

impl Server {
    async fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let authority = write("ca.pem", issuer.pem());
        let (cert, key) = (write("cert.pem", leaf.pem()), write("key.pem", key.serialize_pem()));
        let mut process = tokio::process::Command::new(python())
            .args(["-c", SERVER, mode])
            .args([&cert, &key])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("set AIOSMTPD_PYTHON to a Python that has aiosmtpd (cargo xtask test does)");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = next(&mut lines).await.expect("aiosmtpd is missing: run the tests by cargo xtask test");
        Self { port: first.parse().unwrap(), lines, authority, folder, _process: process }
    }

    async fn received(&mut self) -> Value {
        serde_json::from_str(&next(&mut self.lines).await.unwrap()).unwrap()
    }

    fn settings(&self, security: smtp::Security) -> Settings {
        let smtp = smtp::Settings { port: self.port, security, ..smtp::Settings::default() };
        Settings { backend: Kind::Smtp, smtp, ..Settings::default() }
    }
}

fn python() -> PathBuf {
    std::env::var_os("AIOSMTPD_PYTHON").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/venv/bin/python")),
        PathBuf::from,
    )
}

async fn next(lines: &mut Lines<BufReader<tokio::process::ChildStdout>>) -> Option<String> {
    tokio::time::timeout(Duration::from_secs(20), lines.next_line())
        .await
        .expect("a line within 20 s")
        .unwrap()
}

fn mailer(settings: &Settings) -> Mailer {
    Mailer::new(settings, Path::new("/nowhere")).unwrap()
}

async fn once(mailer: &Mailer, to: &str) -> Result<(), SendError> {
    mailer.send(&mail(to), JobId::from_bits(7), Timestamp::from_millis(1_800_000_000_000)).await
}

fn mail(to: &str) -> Mail {
    Mail { to: to.to_owned(), subject: "Your code".to_owned(), text: "Hello\n\n123456\n".to_owned() }
}

#[tokio::test]
async fn a_mail_arrives_over_starttls_when_the_authority_is_configured() {
    let mut server = Server::start("starttls").await;
    let mut settings = server.settings(smtp::Security::Starttls);
    settings.smtp.ca_file = Some(server.authority.clone());
    let password = server.folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    settings.smtp.username = Some("ada".to_owned());
    settings.smtp.password_file = Some(password);
    assert_eq!(once(&mailer(&settings), "bob@x.example").await, Ok(()));
    let received = server.received().await;
    assert_eq!(received["to"][0], "bob@x.example");
    assert_eq!(received["from"], "visavis@localhost");
    assert_eq!((&received["tls"], &received["user"]), (&Value::Bool(true), &Value::from("ada")));
    let text = received["mail"].as_str().unwrap();
    assert!(text.trim_end().ends_with("\r\n\r\nHello\r\n\r\n123456"), "{text:?}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    for (mode, security) in [("starttls", smtp::Security::Starttls), ("tls", smtp::Security::Tls)] {
        let mut server = Server::start(mode).await;
        let mut settings = server.settings(security);
        let mailer_without = mailer(&settings);
        assert_eq!(once(&mailer_without, "bob@x.example").await, Err(SendError::Transient), "{mode}");
        // The same server with its authority known: it was the certificate, and nothing had been said before.
        settings.smtp.ca_file = Some(server.authority.clone());
        let mailer_with = mailer(&settings);
        assert_eq!(once(&mailer_with, "eve@x.example").await, Ok(()), "{mode}");
        assert_eq!(server.received().await["to"][0], "eve@x.example");
        settings.smtp.host = "127.0.0.1".to_owned();
        let another_name = mailer(&settings);
        assert_eq!(once(&another_name, "bob@x.example").await, Err(SendError::Transient), "{mode}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing() {
    let mut server = Server::start("none").await;
    let required = mailer(&server.settings(smtp::Security::Starttls));
    assert!(once(&required, "bob@x.example").await.is_err());
    let plain = mailer(&server.settings(smtp::Security::None));
    assert_eq!(once(&plain, "eve@x.example").await, Ok(()));
    let received = server.received().await;
    assert_eq!((&received["to"][0], &received["tls"]), (&Value::from("eve@x.example"), &Value::Bool(false)));
}

#[tokio::test]
async fn a_full_box_is_worth_another_try_and_an_unknown_one_is_not() {
    let mut server = Server::start("none").await;
    let mailer = mailer(&server.settings(smtp::Security::None));
    assert_eq!(once(&mailer, "a@gone.example").await, Err(SendError::Permanent));
    assert_eq!(once(&mailer, "a@full.example").await, Err(SendError::Transient));
    assert_eq!(once(&mailer, "a@full.example").await, Ok(()));
    assert_eq!(server.received().await["to"][0], "a@full.example");
}

#[tokio::test]
async fn a_mail_that_leaves_twice_is_the_same_mail() {
    let mut server = Server::start("none").await;
    let mailer = mailer(&server.settings(smtp::Security::None));
    for _ in 0..2 {
        assert_eq!(once(&mailer, "bob@x.example").await, Ok(()));
    }
    let (one, two) = (server.received().await, server.received().await);
    assert!(one["mail"].as_str().unwrap().contains("Message-ID: <"));
    assert_eq!(one["mail"], two["mail"]);
}
