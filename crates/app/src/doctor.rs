//! `visavis doctor`: says what would break before it does, one line for each thing that is looked at, with what to do. It
//! changes nothing, asks nobody's permission and shows no secret.

mod files;
mod stores;

use std::{fmt, io, net::SocketAddr};

use visavis_platform::{
    folder,
    mail::{Kind, smtp::Smtp},
};
use visavis_workers::models::{Models, State};

use crate::{
    Failure,
    config::{Config, ConfigError, Loaded, Role},
    media, serve,
};

/// How it is with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Ok,
    /// It works, but hardly as it is meant.
    Warning,
    /// It doesn't work, or will not.
    Problem,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Report(Vec<(Grade, &'static str, String)>);

impl Report {
    fn add(&mut self, grade: Grade, about: &'static str, text: impl fmt::Display) {
        let line = text.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        println!("{grade:8} {about:13} {line}");
        self.0.push((grade, about, line));
    }

    fn ok(&mut self, about: &'static str, text: impl fmt::Display) {
        self.add(Grade::Ok, about, text);
    }

    fn warning(&mut self, about: &'static str, text: impl fmt::Display) {
        self.add(Grade::Warning, about, text);
    }

    fn problem(&mut self, about: &'static str, text: impl fmt::Display) {
        self.add(Grade::Problem, about, text);
    }

    fn problems(&self) -> usize {
        self.0.iter().filter(|(grade, ..)| *grade == Grade::Problem).count()
    }
}

/// Looks at everything that `serve` would need with these settings.
pub async fn run(loaded: Result<Loaded, ConfigError>) -> Result<(), Failure> {
    let mut report = Report::default();
    match loaded {
        Ok(Loaded { config, warnings, unreadable }) => {
            settings(&mut report, &warnings, &unreadable);
            look(&mut report, &config).await;
        }
        Err(error) => report.problem("settings", error),
    }
    match report.problems() {
        0 => Ok(()),
        problems => Err(Failure::Ill(problems)),
    }
}

async fn look(report: &mut Report, config: &Config) {
    files::data(report, config);
    files::secret(report, config);
    stores::database(report, config).await;
    stores::redis(report, config).await;
    ports(report, config);
    files::certificates(report, config);
    rules(report, config);
    models(report, config);
    if config.does(Role::Moderation) {
        files::evidence_keys(report, config).await;
    }
    mail(report, config).await;
    addresses(report, config);
}

fn settings(report: &mut Report, warnings: &[String], unreadable: &[ConfigError]) {
    for warning in warnings {
        report.warning("settings", warning);
    }
    for error in unreadable {
        report.problem("settings", error);
    }
    if warnings.is_empty() && unreadable.is_empty() {
        report.ok("settings", "can be used");
    }
}

/// Ports are free, or taken by the very place that is looked at.
fn ports(report: &mut Report, config: &Config) {
    let ours = folder::is_served(&config.data);
    let mut told = Vec::new();
    let mut port = |report: &mut Report, key: &str, at: SocketAddr, bound: Result<(), io::Error>| match bound
    {
        Ok(()) => told.push(format!("{key} {at} is free")),
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse && ours => {
            told.push(format!("{key} {at} is taken, and a server runs from this data folder"));
        }
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            report.problem(
                "ports",
                format!("{key} = {at} is taken by another program: stop it, or set another port"),
            );
        }
        Err(cause) => report.problem("ports", format!("{key} = {at}: {cause}")),
    };
    let cause = |failure| match failure {
        Failure::Bind { cause, at, .. } => (at, cause),
        other => (config.listen, io::Error::other(other.to_string())),
    };
    if config.does(Role::Gateway) {
        let bound = serve::listener("listen", config.listen, config.share_port);
        port(report, "listen", config.listen, bound.map(drop).map_err(|failure| cause(failure).1));
    }
    let private = config.private.listen;
    let bound = serve::listener("private.listen", private, false);
    port(report, "private.listen", private, bound.map(drop).map_err(|failure| cause(failure).1));
    if config.does(Role::Rooms) {
        match media::open(config) {
            Ok(ports) => {
                port(report, "media.listen", config.media.listen, Ok(()));
                if ports.iter().any(|ports| ports.tcp.is_none()) {
                    let why =
                        "a TCP port of media.listen is taken: whoever may not use UDP can't come in there";
                    report.warning("ports", why);
                }
            }
            Err(failure) => {
                let (at, cause) = cause(failure);
                port(report, "media.listen", at, Err(cause));
            }
        }
    }
    if !told.is_empty() {
        report.ok("ports", told.join("; "));
    }
}

fn rules(report: &mut Report, config: &Config) {
    if !config.watch.on || !config.does(Role::Rooms) {
        return;
    }
    match visavis_workers::rules::load(config.watch.rules.as_deref()) {
        Ok(rules) => report.ok("rules", format!("version {} can be used", rules.version)),
        Err(error) => report.problem("rules", format!("watch.rules: {error}")),
    }
}

fn models(report: &mut Report, config: &Config) {
    let watch = &config.watch;
    if !config.does(Role::Sight) {
        return;
    }
    if !watch.on {
        return report
            .warning("models", "watch.on = false: nothing is noticed in calls but what people report");
    }
    let models = match Models::open(&watch.models) {
        Ok(models) => models,
        Err(error) => {
            let text = format!("{error}: calls aren't looked at; `cargo xtask models` brings them");
            return report.warning("models", text);
        }
    };
    let bad: Vec<_> = models.files().iter().filter(|file| models.verify(file) != State::Right).collect();
    match bad.first() {
        None => report.ok("models", format!("{} files are what they should be", models.files().len())),
        Some(first) => report.problem(
            "models",
            format!(
                "{} of {} files aren't what they should be, {} first: `cargo xtask models` brings them",
                bad.len(),
                models.files().len(),
                first.path
            ),
        ),
    }
}

/// A greeting, and no mail.
async fn mail(report: &mut Report, config: &Config) {
    if !config.does(Role::Auth) {
        return;
    }
    match config.mail.backend {
        Kind::Dir => report.ok("mail", format!("files in {}", config.data.join("outbox").display())),
        Kind::Smtp => {
            let smtp = &config.mail.smtp;
            match Smtp::greet(smtp).await {
                Ok(()) => report.ok("mail", format!("{}:{} answers; no mail was sent", smtp.host, smtp.port)),
                Err(why) => report.problem(
                    "mail",
                    format!("{why}: without it nobody signs in; look at mail.smtp and the firewall"),
                ),
            }
        }
    }
}

/// Where clients are told to send their media.
fn addresses(report: &mut Report, config: &Config) {
    if !config.does(Role::Rooms) {
        return;
    }
    let reach = media::reach(config, config.listen);
    match media::warning(config, &reach, config.listen) {
        Some(why) if reach.advertised.is_empty() => report.problem("media", why),
        Some(why) => report.warning("media", why),
        None => {
            let told: Vec<_> = reach.advertised.iter().map(ToString::to_string).collect();
            report.ok("media", format!("clients are told {}", told.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use visavis_platform::{Clock, Db, Dice, secret::Secret};

    use super::*;

    /// Settings of a place of this test's own.
    fn config(data: &std::path::Path) -> Config {
        let any = || "127.0.0.1:0".parse().unwrap();
        let mut config = Config { data: data.to_owned(), listen: any(), ..Config::default() };
        (config.private.listen, config.media.listen) = (any(), any());
        config
    }

    async fn found(config: &Config) -> Vec<(Grade, &'static str, String)> {
        let mut report = Report::default();
        look(&mut report, config).await;
        report.0
    }

    fn about<'a>(found: &'a [(Grade, &str, String)], what: &str) -> (Grade, &'a str) {
        let (grade, _, text) = found.iter().find(|one| one.1 == what).unwrap();
        (*grade, text)
    }

    #[tokio::test]
    async fn a_fresh_place_and_one_that_was_used_are_well_and_nothing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let config = config(&data);
        let fresh = found(&config).await;
        assert!(fresh.iter().all(|one| one.0 != Grade::Problem), "{fresh:?}");
        assert!(!data.exists(), "nothing was made");
        Secret::load(None, &data, &Dice::Secure).unwrap();
        Db::open(&config.database, &data).await.unwrap().close().await;
        let used = found(&config).await;
        assert!(used.iter().all(|one| one.0 != Grade::Problem), "{used:?}");
        for what in ["data", "secret", "database", "ports", "rules", "evidence keys", "mail"] {
            assert_eq!(about(&used, what).0, Grade::Ok, "{what}: {used:?}");
        }
    }

    #[tokio::test]
    async fn each_thing_that_would_break_is_named_with_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        Db::open(&config.database, place.path()).await.unwrap().close().await;
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        config.listen = taken.local_addr().unwrap();
        config.watch.rules = Some(place.path().join("rules.toml"));
        config.tls.cert = Some(place.path().join("cert.pem"));
        config.tls.key = config.tls.cert.clone();
        config.redis.url = Some("redis://:hunter2@127.0.0.1:1".to_owned().into());
        config.mail.backend = Kind::Smtp;
        config.mail.smtp.host = "127.0.0.1".to_owned();
        config.mail.smtp.port = 1;
        let found = found(&config).await;
        for (what, words) in [
            ("secret", "secret.key is missing"),
            ("ports", "is taken by another program"),
            ("rules", "rules.toml"),
            ("tls", "cert.pem"),
            ("redis", "127.0.0.1:1"),
            ("mail", "127.0.0.1:1"),
        ] {
            let (grade, text) = about(&found, what);
            assert_eq!(grade, Grade::Problem, "{what}: {found:?}");
            assert!(text.contains(words), "{text}");
        }
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_clock_that_is_behind_what_was_written_is_said() {
        let mut report = Report::default();
        let now = Clock::System.now();
        stores::clock(&mut report, now, now + std::time::Duration::from_mins(5), true);
        stores::clock(&mut report, now, now + std::time::Duration::from_mins(5), false);
        stores::clock(&mut report, now, now - std::time::Duration::from_mins(5), true);
        stores::clock(&mut report, now, now - std::time::Duration::from_mins(5), false);
        let grades: Vec<_> = report.0.iter().map(|one| one.0).collect();
        assert_eq!(grades, [Grade::Problem, Grade::Problem, Grade::Problem, Grade::Ok]);
    }
}
