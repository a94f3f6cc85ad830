//! Mails through a server. Encrypted with a checked certificate, or, to a server on this very machine only, in the
//! clear.

use std::{path::PathBuf, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    transport::smtp::{
        self as lettre_smtp, PoolConfig,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SendError;

/// Connections kept to the server: each sends some ten mails a second.
const CONNECTIONS: u32 = 4;

/// The mail server.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its name, as in its certificate.
    pub host: String,
    /// 587 for `starttls`, 465 for `tls`.
    pub port: u16,
    /// `starttls` (required, never skipped), `tls`, or `none` (only to this machine: `127.0.0.1`, `::1`, `localhost`).
    pub security: Security,
    /// Absent: no login.
    pub username: Option<String>,
    /// Better kept in a file.
    pub password: Option<String>,
    /// A file with the password on its first line.
    pub password_file: Option<PathBuf>,
    /// A PEM file: trust these authorities instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for each answer of the server, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 587,
            security: Security::Starttls,
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            timeout_ms: 10_000,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("smtp::Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Begins in the clear, must be upgraded before anything is said.
    Starttls,
    /// Encrypted from the first byte.
    Tls,
    /// In the clear, to this machine only.
    None,
}

/// Why the server can't be used. Names the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// In the clear over a network.
    #[error(
        "mail.smtp.security = \"none\" is for a server on this machine (127.0.0.1, ::1 or localhost) only"
    )]
    InTheClear,
    /// Both, or neither though there is a user name.
    #[error("mail.smtp.username needs exactly one of mail.smtp.password and mail.smtp.password_file")]
    Password,
    /// A file can't be read.
    #[error("{key}: {path}: {cause}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Not a certificate.
    #[error("mail.smtp.ca_file must hold certificates in PEM")]
    Authority,
    /// TLS can't be set up for this host.
    #[error("mail.smtp.host is no name that a certificate can have")]
    Host,
}

/// A mail server.
#[derive(Debug)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
    /// Over all steps of one mail; the transport's own timeout is per answer.
    patience: Duration,
}

impl Smtp {
    /// Sets the connection up; connects with the first mail.
    pub fn new(settings: &Settings) -> Result<Self, SetupError> {
        let timeout = Duration::from_millis(settings.timeout_ms.max(1));
        let tls = match settings.security {
            Security::Starttls => Tls::Required(tls(settings)?),
            Security::Tls => Tls::Wrapper(tls(settings)?),
            Security::None if is_this_machine(&settings.host) => Tls::None,
            Security::None => return Err(SetupError::InTheClear),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let Some(credentials) = credentials(settings)? {
            builder = builder.credentials(credentials);
        }
        let host = format!("{}:{}", settings.host, settings.port);
        Ok(Self { transport: builder.build(), host, patience: timeout * 4 })
    }

    /// For the lines printed at the start.
    pub fn describe(&self) -> String {
        format!("the mail server {}", self.host)
    }

    /// Whether the server is there and speaks as it is set: it is greeted (and TLS begun), nothing else. Nobody logs in.
    pub async fn greet(settings: &Settings) -> Result<(), String> {
        // What else can be wrong about the settings.
        Self::new(settings).map_err(|error| error.to_string())?;
        let stranger = Settings { username: None, password: None, password_file: None, ..settings.clone() };
        let mailer = Self::new(&stranger).map_err(|error| error.to_string())?;
        let place = format!("the mail server {}:{}", settings.host, settings.port);
        match tokio::time::timeout(mailer.patience, mailer.transport.test_connection()).await {
            Err(_) => Err(format!("{place} doesn't answer")),
            Ok(Err(error)) => Err(format!("{place} can't be used: {error}")),
            Ok(Ok(false)) => Err(format!("{place} refuses to talk")),
            Ok(Ok(true)) => Ok(()),
        }
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), SendError> {
        let Ok(sent) = tokio::time::timeout(self.patience, self.transport.send(message)).await else {
            tracing::warn!(smtp.problem = "timeout", "the mail server did not take a mail");
            return Err(SendError::Transient);
        };
        sent.map(|_| ()).map_err(|error| classify(&error))
    }
}

/// A reply's text may quote the address: only its code is logged.
fn classify(error: &lettre_smtp::Error) -> SendError {
    let problem = if error.is_tls() {
        "tls"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_permanent() || error.is_transient() {
        "refused"
    } else {
        "connection"
    };
    let status = error.status().map(|code| code.to_string());
    tracing::warn!(smtp.problem = problem, smtp.status = status, "the mail server did not take a mail");
    if error.is_permanent() { SendError::Permanent } else { SendError::Transient }
}

fn tls(settings: &Settings) -> Result<TlsParameters, SetupError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).map_err(|cause| file_error("mail.smtp.ca_file", path, cause))?;
        let authority = Certificate::from_pem(&pem).map_err(|_| SetupError::Authority)?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    } else {
        builder = builder.certificate_store(CertificateStore::WebpkiRoots);
    }
    builder.build_rustls().map_err(|_| SetupError::Host)
}

fn credentials(settings: &Settings) -> Result<Option<Credentials>, SetupError> {
    let password = match (&settings.password, &settings.password_file) {
        (Some(password), None) => Some(password.clone()),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| file_error("mail.smtp.password_file", path, cause))?;
            Some(text.lines().next().unwrap_or_default().to_owned())
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(SetupError::Password),
    };
    match (&settings.username, password) {
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user.clone(), password))),
        (None, None) => Ok(None),
        _ => Err(SetupError::Password),
    }
}

fn file_error(key: &'static str, path: &std::path::Path, cause: std::io::Error) -> SetupError {
    SetupError::File { key, path: path.to_owned(), cause }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &Settings) -> String {
        Smtp::new(settings).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_server_elsewhere_is_never_spoken_to_in_the_clear() {
        let to =
            |host: &str| Settings { host: host.to_owned(), security: Security::None, ..Settings::default() };
        for host in ["mail.example", "10.0.0.1", "localhost.example", "0.0.0.0", ""] {
            assert!(refused(&to(host)).contains("mail.smtp.security"), "{host}");
        }
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert!(Smtp::new(&to(host)).is_ok(), "{host}");
        }
    }

    #[tokio::test]
    async fn a_wrong_setting_is_named() {
        let of = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            refused(&settings)
        };
        assert!(of(|s| s.username = Some("u".to_owned())).contains("mail.smtp.password"));
        assert!(of(|s| s.password = Some("p".to_owned())).contains("mail.smtp.username"));
        assert!(of(|s| s.ca_file = Some("/nowhere".into())).contains("mail.smtp.ca_file: /nowhere"));
        assert!(
            of(|s| {
                s.username = Some("u".to_owned());
                s.password_file = Some("/nowhere".into());
            })
            .contains("mail.smtp.password_file: /nowhere")
        );
    }

    #[test]
    fn settings_do_not_print_the_password() {
        let settings = Settings { password: Some("canary".to_owned()), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("canary"));
    }
}
