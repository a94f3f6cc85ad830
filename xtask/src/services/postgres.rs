//! Postgres: a new cluster in a folder, without the costs of durability that a throw-away one needs not pay.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Home, Life, READY, Server, free_port, password, until_ready};
use crate::{
    Outcome,
    command::{Cmd, which},
    install::Apt,
};

/// The oldest that the product supports.
const AT_LEAST: u32 = 14;
/// Ports that are tried, should others be faster to take one.
const TRIES: usize = 3;
/// The superuser of the throw-away cluster.
const USER: &str = "visavis";
/// Nothing here outlives the run: no write waits for a disk. The rest is for many small databases at once.
const SETTINGS: [&str; 10] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=200",
    "shared_buffers=64MB",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "log_min_messages=warning",
];

/// The folder with `initdb` and `postgres`.
pub fn find_or_install(apt: &Apt) -> Outcome<PathBuf> {
    if find().is_none() {
        apt.install(&["postgresql"], "tests run on Postgres too, on a server of their own")?;
    }
    let Some((version, bin)) = find() else {
        return Err("no Postgres found; install one, or name a server in VISAVIS_TEST_POSTGRES".to_owned());
    };
    if version < AT_LEAST {
        return Err(format!("Postgres {version} is too old: {AT_LEAST} or later is needed"));
    }
    Ok(bin)
}

/// The newest there is. Debian keeps each version in a folder of its own, and off the path.
fn find() -> Option<(u32, PathBuf)> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|entry| entry.path().join("bin"));
    let on_path = which("initdb").and_then(|program| Some(program.canonicalize().ok()?.parent()?.to_owned()));
    let all =
        debian.chain(on_path).filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists());
    all.filter_map(|bin| Some((version(&Cmd::new(bin.join("postgres")).arg("--version").ask()?)?, bin))).max()
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` → 15.
fn version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

pub fn start(bin: &Path, home: &Home, life: Life) -> Outcome<Server> {
    let data = home.folder.join("postgres");
    let secret = password()?;
    let file = home.folder.join("password");
    fs::write(&file, &secret).map_err(|err| format!("{}: {err}", file.display()))?;
    let made = home
        .run(bin.join("initdb"))
        .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"])
        .args(["--username", USER, "--pwfile"])
        .arg(&file)
        .arg("--pgdata")
        .arg(&data)
        .quiet()
        .run(READY);
    let _ = fs::remove_file(&file);
    made?;
    let mut failed = String::new();
    for _ in 0..TRIES {
        let port = free_port()?;
        let mut args = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), port.to_string()];
        args.extend(SETTINGS.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
        let pid = home.serve(&bin.join("postgres"), &args, life)?;
        let url = format!("postgres://{USER}:{secret}@127.0.0.1:{port}/postgres");
        let server = Server::new("postgres", pid, url)?;
        let ready = || {
            let ask =
                Cmd::new(bin.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
            ask.ask().is_some()
        };
        match until_ready(&server, ready) {
            Ok(()) => return Ok(server),
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_debian_and_others_print_them() {
        assert_eq!(version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(version("postgres"), None);
    }
}
