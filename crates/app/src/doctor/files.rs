//! Folders, keys and certificates: there, readable, not about to end.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

use rustix::fs::statvfs;
use visavis_domain::Timestamp;
use visavis_edge::tls;
use visavis_platform::{Clock, Db, Dice, secret::Secret, vault::At};

use super::{Report, stores};
use crate::config::{Config, Hidden, Role};

/// With less room a database and its journal may soon not be written; and with so little hardly at all.
const LITTLE: u64 = 1 << 30;
const TOO_LITTLE: u64 = 100 << 20;
/// Renewed certificates come weeks before the end of the old one.
const ENDS_SOON: Duration = Duration::from_hours(14 * 24);

pub(super) fn data(report: &mut Report, config: &Config) {
    folder(report, &config.data);
    // A database in a file may lie elsewhere.
    let file = Db::file(&config.database, &config.data).ok().flatten();
    let beside = file.as_deref().and_then(Path::parent).filter(|folder| *folder != config.data);
    if let Some(beside) = beside.filter(|_| config.needs_database()) {
        folder(report, beside);
    }
}

fn folder(report: &mut Report, data: &Path) {
    let Some(there) = existing(data) else {
        return report.problem("data", format!("{} can't be made: no folder of it exists", data.display()));
    };
    if let Err(error) = writable(there) {
        let whose = "it must belong to the user that visavis runs as";
        return report.problem("data", format!("{} can't be written: {error}; {whose}", there.display()));
    }
    let found = if there == data { "can be written" } else { "will be made at the first start" };
    let Ok(room) = statvfs(there).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize)) else {
        return report.ok("data", format!("{} {found}", data.display()));
    };
    let text = format!("{} {found}; {} MiB are free", data.display(), room >> 20);
    match room {
        ..TOO_LITTLE => report.problem("data", format!("{text}: make room, else nothing can be kept")),
        TOO_LITTLE..LITTLE => report.warning("data", format!("{text}: make room soon")),
        _ => report.ok("data", text),
    }
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> Option<&Path> {
    // `data` alone lies in the folder that we are in.
    let here = |path: &Path| path.as_os_str().is_empty().then(|| Path::new("."));
    folder.ancestors().map(|path| here(path).map_or(path, |_| Path::new("."))).find(|path| path.is_dir())
}

/// Whether something can be written there: tried, and taken away again.
fn writable(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".visavis-doctor-{:016x}", Dice::Secure.u64()));
    OpenOptions::new().write(true).create_new(true).open(&probe)?;
    fs::remove_file(&probe)
}

pub(super) fn secret(report: &mut Report, config: &Config) {
    let configured = config.secret_key.as_ref().map(Hidden::expose);
    let database = Db::file(&config.database, &config.data).ok().flatten();
    let used = database.is_some_and(|file| file.metadata().is_ok_and(|meta| meta.len() > 0));
    if configured.is_none() && !used && !config.data.join("secret.key").exists() {
        return report.ok("secret", "secret.key will be made at the first start; put it into your backup");
    }
    match Secret::load_made(configured, &config.data) {
        Ok(_) if configured.is_some() => report.ok("secret", "secret_key is set"),
        Ok(_) => report.ok("secret", "secret.key is there and for its owner only"),
        Err(error) => report.problem("secret", error),
    }
}

pub(super) fn certificates(report: &mut Report, config: &Config) {
    let now = Clock::System.now();
    if let Some(files) = config.tls_files().filter(|_| config.does(Role::Gateway)) {
        match tls::look_at(&files) {
            Ok(end) => ending(report, "tls", now, end),
            Err(error) => report.problem("tls", format!("tls.cert, tls.key: {error}")),
        }
    }
    if let Some(files) = config.rpc_tls() {
        match tls::ends(&files.cert) {
            Ok(end) => ending(report, "rpc.tls", now, end),
            Err(error) => report.problem("rpc.tls", error),
        }
    }
}

fn ending(report: &mut Report, about: &'static str, now: Timestamp, end: Option<Timestamp>) {
    match end {
        None => report.warning(about, "the certificate can be used, but not when it ends"),
        Some(end) if end <= now => {
            report.problem(about, format!("the certificate has ended on {end}: renew it"));
        }
        Some(end) if end <= now + ENDS_SOON => {
            report.warning(
                about,
                format!("the certificate ends on {end}: renew it; new files are read by themselves"),
            );
        }
        Some(end) => report.ok(about, format!("the certificate is good until {end}")),
    }
}

/// Where keys of evidence are written.
pub(super) async fn evidence_keys(report: &mut Report, config: &Config) {
    let about = "evidence keys";
    let path = match config.moderation.evidence.at(&config.data) {
        At::Folder(path) => path,
        At::Database(settings) => return stores::keys(report, about, &settings, &config.data).await,
    };
    let Some(there) = existing(&path) else {
        return report.problem(about, format!("{} can't be made: no folder of it exists", path.display()));
    };
    match writable(there) {
        Ok(()) if there == path => {
            report.ok(about, format!("{} can be written; backups leave it out", path.display()));
        }
        Ok(()) => report.ok(about, format!("{} will be made at the first start", path.display())),
        Err(error) => report.problem(
            about,
            format!(
                "{} can't be written: {error}; nothing that shows a decision can be kept",
                there.display()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Grade, *};

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning_and_one_that_has_ended_a_problem() {
        let mut report = Report::default();
        let now = Timestamp::from_millis(1_800_000_000_000);
        for days in [15, 14, 0] {
            ending(&mut report, "tls", now, Some(now + Duration::from_hours(24) * days));
        }
        ending(&mut report, "tls", now, None);
        let grades: Vec<_> = report.0.iter().map(|one| one.0).collect();
        assert_eq!(grades, [Grade::Ok, Grade::Warning, Grade::Problem, Grade::Warning]);
    }

    #[test]
    fn a_folder_that_isnt_there_yet_lies_in_one_that_is() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(existing(&place.path().join("a/b")), Some(place.path()));
        assert_eq!(existing(Path::new("no-such-folder-here/data")), Some(Path::new(".")));
        writable(place.path()).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "the probe is taken away");
    }
}
