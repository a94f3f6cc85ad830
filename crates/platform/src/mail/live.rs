//! Mail through a real SMTP server (`aiosmtpd`, from the Python package index), started here. `AIOSMTPD_PYTHON` names a Python that has it;
//! `cargo xtask test` sets it. Without the variable the one of `target/venv` is taken.

use std::{path::PathBuf, process::Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use visavis_domain::Timestamp;

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

fn mailer(settings: &Settings, lifecycle: &Lifecycle) -> Mailer {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    Mailer::new(settings, Path::new("/nowhere"), clock, Dice::seeded(1), lifecycle.clone()).unwrap()
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
    mailer(&settings, &Lifecycle::default()).send(mail("bob@x.example")).unwrap();
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
        let mailer_without = mailer(&settings, &Lifecycle::default());
        assert_eq!(mailer_without.0.once(&mail("bob@x.example")).await, Err(SendError::Transient), "{mode}");
        // The same server with its authority known: it was the certificate, and nothing had been said before.
        settings.smtp.ca_file = Some(server.authority.clone());
        let mailer_with = mailer(&settings, &Lifecycle::default());
        assert_eq!(mailer_with.0.once(&mail("eve@x.example")).await, Ok(()), "{mode}");
        assert_eq!(server.received().await["to"][0], "eve@x.example");
        settings.smtp.host = "127.0.0.1".to_owned();
        let another_name = mailer(&settings, &Lifecycle::default());
        assert_eq!(another_name.0.once(&mail("bob@x.example")).await, Err(SendError::Transient), "{mode}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing() {
    let mut server = Server::start("none").await;
    let required = mailer(&server.settings(smtp::Security::Starttls), &Lifecycle::default());
    assert!(required.0.once(&mail("bob@x.example")).await.is_err());
    let plain = mailer(&server.settings(smtp::Security::None), &Lifecycle::default());
    assert_eq!(plain.0.once(&mail("eve@x.example")).await, Ok(()));
    let received = server.received().await;
    assert_eq!((&received["to"][0], &received["tls"]), (&Value::from("eve@x.example"), &Value::Bool(false)));
}

#[tokio::test]
async fn a_full_box_is_tried_again_and_an_unknown_one_is_not() {
    let mut server = Server::start("none").await;
    let lifecycle = Lifecycle::default();
    let mailer = mailer(&server.settings(smtp::Security::None), &lifecycle);
    assert_eq!(mailer.0.once(&mail("a@gone.example")).await, Err(SendError::Permanent));
    mailer.send(mail("a@full.example")).unwrap();
    assert_eq!(server.received().await["to"][0], "a@full.example");
}

#[tokio::test]
async fn a_server_that_is_gone_blocks_nobody_and_the_number_under_way_is_bounded() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let smtp = smtp::Settings {
        port: listener.local_addr().unwrap().port(),
        security: smtp::Security::None,
        ..smtp::Settings::default()
    };
    // It accepts connections and never says a word.
    let settings = Settings { backend: Kind::Smtp, smtp, ..Settings::default() };
    let lifecycle = Lifecycle::default();
    let mailer = mailer(&settings, &lifecycle);
    for n in 0..MAX_UNDER_WAY {
        mailer.send(mail(&format!("{n}@x.example"))).unwrap();
    }
    let full = mailer.send(mail("b@x.example")).unwrap_err();
    assert_eq!(full.code, visavis_domain::Code::Unavailable);
    assert!(lifecycle.shut_down(Duration::from_secs(10)).await, "mails under way don't hold up the end");
}
