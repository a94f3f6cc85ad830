//! The database and Redis: reachable, whole, of a version that is known.

use std::{path::Path, time::Duration};

use visavis_domain::Timestamp;
use visavis_platform::{Clock, Db, Dice, Hidden, Lifecycle, db, secret::Secret};
use visavis_services::auth::keys as signing;

use super::Report;
use crate::{
    config::Config,
    shared::{self, OtherSecret},
};

/// Who doesn't answer in this time is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// A look at a large file takes its time.
const WHOLE: Duration = Duration::from_mins(10);
/// Clocks of two machines may be so far apart.
const APART: Duration = Duration::from_secs(10);

pub(super) async fn database(report: &mut Report, config: &Config) {
    if !config.needs_database() {
        return;
    }
    let file = match Db::file(&config.database, &config.data) {
        Ok(file) => file,
        Err(error) => return report.problem("database", error),
    };
    if let Some(file) = file.as_ref().filter(|file| !file.exists()) {
        return report.ok("database", format!("{} will be made at the first start", file.display()));
    }
    let patience = if file.is_some() { WHOLE } else { PATIENCE };
    let found = match tokio::time::timeout(patience, Db::inspect(&config.database, &config.data)).await {
        Err(_) => return report.problem("database", "doesn't answer: look at database.url and the firewall"),
        Ok(Err(error)) => return report.problem("database", format!("can't be used: {error}")),
        Ok(Ok(found)) => found,
    };
    let engine = &found.engine;
    for fault in &found.faults {
        let text = format!("{fault}: the file is damaged; stop the server and bring it back from a backup");
        report.problem("database", text);
    }
    if found.behind > 0 {
        let n = found.behind;
        report.ok("database", format!("{engine}; {n} migrations are to be done, and are at the next start"));
    } else if found.ahead > 0 {
        let n = found.ahead;
        report.warning(
            "database",
            format!("{engine}; {n} migrations of a newer build: is this binary the old one?"),
        );
    } else if found.faults.is_empty() {
        report.ok("database", format!("{engine}, whole and migrated"));
    }
    let secret = Secret::load_made(config.secret_key.as_ref().map(Hidden::expose), &config.data);
    if secret.is_ok_and(|secret| !found.sealed.iter().all(|key| signing::opens(&secret, key))) {
        report.problem("secret", OtherSecret);
    }
    if let Some(told) = found.clock {
        clock(report, Clock::System.now(), told, file.is_none());
    }
}

/// The database of the keys of evidence.
pub(super) async fn keys(report: &mut Report, about: &'static str, settings: &db::Settings, data: &Path) {
    match Db::file(settings, data) {
        Err(error) => report.problem(about, format!("moderation.evidence.keys: {error}")),
        Ok(Some(file)) if !file.exists() => {
            report.ok(about, format!("{} will be made at the first start", file.display()));
        }
        Ok(_) => match tokio::time::timeout(PATIENCE, Db::inspect(settings, data)).await {
            Err(_) => {
                report.problem(about, "their database doesn't answer: look at moderation.evidence.keys");
            }
            Ok(Err(error)) => report.problem(about, format!("their database can't be used: {error}")),
            Ok(Ok(found)) => {
                report.ok(about, format!("in {}; see that no backup has it", found.engine));
            }
        },
    }
}

/// This machine's clock, against that of a server, or what was written last into a file.
pub(super) fn clock(report: &mut Report, now: Timestamp, told: Timestamp, server: bool) {
    let (ahead, behind) = (now.since(told), told.since(now));
    let text = if server {
        format!("this machine says {now}, the database {told}")
    } else {
        format!("this machine says {now}, and somebody signed in at {told}")
    };
    if behind > APART || (server && ahead > APART) {
        report.problem(
            "clock",
            format!("{text}: set it (NTP), else sign-ins, leases and suspensions go wrong"),
        );
    } else {
        report.ok("clock", text);
    }
}

pub(super) async fn redis(report: &mut Report, config: &Config) {
    if config.redis.url.is_none() {
        return;
    }
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let asked = async {
        let (kv, _) =
            shared::on_redis(config, &clock, &Dice::Secure, &lifecycle).await.map_err(|e| e.to_string())?;
        kv.ping().await.map_err(|fault| fault.detail)
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(())) => report.ok("redis", "answers"),
        Ok(Err(why)) => report.problem("redis", format!("{why}; look at redis.url and the firewall")),
        Err(_) => report.problem("redis", "doesn't answer: look at redis.url and the firewall"),
    }
}
