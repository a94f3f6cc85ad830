//! Redis (or Valkey): nothing is written to disk. It runs as a cluster of one node, which takes every command that one of
//! many nodes would take and refuses those on keys that could lie apart.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{END, Home, Life, READY, Server, free_port, password, until_ready, wait};
use crate::{
    Outcome,
    command::{Cmd, which},
    install::Apt,
};

/// The oldest that the product supports.
const AT_LEAST: u32 = 7;
/// Ports that are tried, should others be faster to take one.
const TRIES: usize = 3;
/// One answer on the loopback.
const ANSWER: Duration = Duration::from_millis(500);

pub fn find_or_install(apt: &Apt) -> Outcome<PathBuf> {
    let find = || ["redis-server", "valkey-server"].iter().find_map(|name| which(name));
    if find().is_none() {
        apt.install(&["redis-server"], "tests run on Redis too, on a server of their own")?;
    }
    let Some(program) = find() else {
        return Err("no redis-server found; install one, or name a server in VISAVIS_TEST_REDIS".to_owned());
    };
    let words = Cmd::new(&program).arg("--version").ask().unwrap_or_default();
    match version(&words) {
        Some(version) if version >= AT_LEAST => Ok(program),
        _ => Err(format!("{words:?} is too old: Redis or Valkey {AT_LEAST} or later is needed")),
    }
}

/// `Redis server v=7.0.15 sha=…` → 7.
fn version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    number.split('.').next()?.parse().ok()
}

pub fn start(program: &Path, home: &Home, life: Life) -> Outcome<Server> {
    let secret = password()?;
    // In a file: a command line is there for everybody to read.
    let file = home.folder.join("redis.conf");
    let conf = format!(
        "requirepass {secret}\nsave \"\"\nappendonly no\nbind 127.0.0.1\ndir {}\nmaxmemory-policy noeviction\n\
         cluster-enabled yes\ncluster-config-file nodes.conf\n",
        home.folder.display()
    );
    let written =
        fs::write(&file, conf).and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)));
    written.map_err(|err| format!("{}: {err}", file.display()))?;
    if let Some(user) = home.user {
        Cmd::new("chown").arg(format!("{user}:")).arg(&file).run(END)?;
    }
    let mut failed = String::new();
    for _ in 0..TRIES {
        let port = free_port()?;
        let (port_text, cluster_port) = (port.to_string(), free_port()?.to_string());
        let file = file.display().to_string();
        let args = [&file, "--port", &port_text, "--cluster-port", &cluster_port].map(str::to_owned);
        let pid = home.serve(program, &args, life)?;
        let url = format!("redis://default:{secret}@127.0.0.1:{port}");
        let server = Server::new("redis", pid, url)?;
        match until_ready(&server, || ask(port, "PING").is_ok()) {
            // It takes two seconds to believe that it is a cluster: others can start meanwhile.
            Ok(()) => {
                ask(port, &format!("AUTH {secret}\r\nCLUSTER ADDSLOTSRANGE 0 16383"))
                    .map_err(|err| format!("redis is no cluster: {err}"))?;
                return Ok(server);
            }
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

/// Waits until it takes commands.
pub fn until_cluster(server: &Server) -> Outcome {
    let (secret, port) = server
        .url
        .trim_start_matches("redis://default:")
        .split_once("@127.0.0.1:")
        .ok_or("an address of ours")?;
    let port = port.parse().map_err(|_| "an address of ours")?;
    let info = format!("AUTH {secret}\r\nCLUSTER INFO");
    wait(READY, || ask(port, &info).is_ok_and(|answer| answer.contains("cluster_state:ok")))
        .ok_or_else(|| "redis didn't become a cluster of one".to_owned())
}

/// What it says to some commands; a refusal for want of a password is an answer too.
fn ask(port: u16, commands: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_both_print_them() {
        assert_eq!(version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"), Some(7));
        assert_eq!(version("Valkey server v=8.1.1 sha=00000000:0"), Some(8));
        assert_eq!(version("Redis server"), None);
    }
}
