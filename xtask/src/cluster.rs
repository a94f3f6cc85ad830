//! `cargo xtask cluster up|down|status`: the product apart, on this machine. Postgres and Redis as `cargo xtask services`
//! starts them, and a process for every role, two of those that can be lost without anybody noticing. Both gateways
//! listen on one address; their words and everybody's are below `target/cluster`.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    thread,
    time::Duration,
};

use crate::{
    Outcome,
    clock::Watch,
    command::Cmd,
    install::Apt,
    proc,
    services::{self, Services},
    setup::Tools,
    test::COMPILE,
    tree, web,
};

/// Where people reach it, unless another address is given.
const ADDRESS: &str = "127.0.0.1:8080";
/// Every process and what it does.
const PROCESSES: &[(&str, &str)] = &[
    ("gateway-1", "gateway"),
    ("gateway-2", "gateway"),
    ("signalling-1", "signalling"),
    ("signalling-2", "signalling"),
    ("matchmaking-1", "matchmaking"),
    ("matchmaking-2", "matchmaking"),
    ("auth", "auth"),
    ("users", "users"),
    ("friends", "friends"),
    ("moderation", "moderation"),
    ("analytics", "analytics"),
    ("rooms", "rooms"),
    ("sight", "sight"),
];
/// Until every process has found those it needs.
const READY: Duration = Duration::from_mins(1);
/// From the word to end until it has ended: longer than a process takes to drain.
const END: Duration = Duration::from_secs(15);
/// For one answer of a process.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A process that was started here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    pid: u32,
    /// Tells it from another process that gets its number later.
    born: u64,
}

pub fn command(args: &[String]) -> Outcome {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["up"] => up(ADDRESS),
        ["up", address] => up(address),
        ["down"] => down(),
        ["status"] => status(),
        _ => Err("one of: up [ADDRESS:PORT], down, status".to_owned()),
    }
}

fn up(address: &str) -> Outcome {
    if known().iter().any(lives) {
        return Err("it is up: cargo xtask cluster status".to_owned());
    }
    let apt = Apt::new();
    web::build(&Tools::for_building(&apt)?)?;
    Cmd::cargo().args(["build", "--package", "visavis"]).run(COMPILE)?;
    let ours = !services::are_up();
    let stores = services::up(&apt)?;
    let home = tree::target("cluster");
    fs::create_dir_all(&home).map_err(|err| format!("{}: {err}", home.display()))?;
    let shared = Shared { address: address.to_owned(), secret: secret()?, stores };
    let mut members = Vec::new();
    let started = PROCESSES.iter().try_for_each(|(name, role)| {
        members.push(shared.start(name, role)?);
        remember(&members, ours)
    });
    if let Err(why) = started.and_then(|()| until_ready(&members)) {
        let _ = stop(&members);
        return Err(why);
    }
    println!(
        "http://{address} is served by {} processes; their logs are in {}",
        members.len(),
        home.display()
    );
    println!("sign-in mails: http://{}/dev/outbox", private_of("auth").unwrap_or_default());
    Ok(())
}

fn down() -> Outcome {
    let (members, ours) = (known(), has_services());
    let stopped = stop(&members);
    let _ = fs::remove_file(state_file());
    eprintln!("cluster: {}", if members.is_empty() { "it was not up" } else { "down" });
    if ours { stopped.and(services::down()) } else { stopped }
}

fn status() -> Outcome {
    let members = known();
    let mut missing = 0;
    for member in &members {
        let private = private_of(&member.name).unwrap_or_default();
        let state = match (lives(member), readiness(&member.name)) {
            (false, _) => "gone".to_owned(),
            (true, Some((200, _))) => "ready".to_owned(),
            (true, Some((_, why))) => format!("not ready: {why}"),
            (true, None) => "silent".to_owned(),
        };
        missing += usize::from(state != "ready");
        println!("{:14} process {:7}  {private:21}  {state}", member.name, member.pid);
    }
    match (members.len(), missing) {
        (0, _) => Err("it is not up: cargo xtask cluster up".to_owned()),
        (_, 0) => Ok(()),
        (all, missing) => Err(format!("{missing} of {all} are not ready")),
    }
}

/// What all processes have in common.
struct Shared {
    address: String,
    secret: String,
    stores: Services,
}

impl Shared {
    fn start(&self, name: &str, role: &str) -> Outcome<Member> {
        let data = tree::target("cluster").join(name);
        let cmd = Cmd::new(tree::target("debug/visavis"))
            .args(["serve", "--dev", "--roles", role, "--listen", &self.address, "--data"])
            .arg(data)
            .env("VISAVIS_SHARE_PORT", "true")
            .env("VISAVIS_PUBLIC_URL", format!("http://{}", self.address))
            .env("VISAVIS_PRIVATE__LISTEN", "127.0.0.1:0")
            .env("VISAVIS_MEDIA__LISTEN", "[::]:0")
            .env("VISAVIS_SECRET_KEY", &self.secret)
            .env("VISAVIS_DATABASE", &self.stores.postgres)
            .env("VISAVIS_REDIS", &self.stores.redis)
            .env("VISAVIS_REDIS__PREFIX", "cluster:");
        let pid = cmd.in_background(&log(name), true)?;
        let born = proc::born(pid).ok_or_else(|| ended(name))?;
        Ok(Member { name: name.to_owned(), pid, born })
    }
}

/// A `secret_key`: 32 bytes in base64. Hex digits are digits of base64 too; the last of 43 holds four bits only.
fn secret() -> Outcome<String> {
    let mut bytes = [0_u8; 21];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|err| format!("/dev/urandom: {err}"))?;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text + "A=")
}

fn until_ready(members: &[Member]) -> Outcome {
    let watch = Watch::start();
    loop {
        if let Some(gone) = members.iter().find(|member| !lives(member)) {
            return Err(ended(&gone.name));
        }
        let waits = |member: &&Member| readiness(&member.name).is_none_or(|(status, _)| status != 200);
        let Some(waiting) = members.iter().find(waits) else { return Ok(()) };
        if watch.elapsed() > READY {
            let why = readiness(&waiting.name).map_or_else(|| "silent".to_owned(), |(_, why)| why);
            return Err(format!("{} isn't ready after {} s: {why}", waiting.name, READY.as_secs()));
        }
        thread::sleep(LOOK);
    }
}

fn ended(name: &str) -> String {
    format!("{name} ended at its start: see {}", log(name).display())
}

/// What `/readyz` of a process says.
fn readiness(name: &str) -> Option<(u16, String)> {
    let at: SocketAddr = private_of(name)?.parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&at, ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.trim().to_owned()))
}

/// The private address that a process printed at its start.
fn private_of(name: &str) -> Option<String> {
    let text = fs::read_to_string(log(name)).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("private"))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("http://")).map(str::to_owned)
}

fn log(name: &str) -> PathBuf {
    tree::target("cluster").join(format!("{name}.log"))
}

/// Whether that very process still runs.
fn lives(member: &Member) -> bool {
    proc::born(member.pid) == Some(member.born)
}

/// All at once, each in its own time.
fn stop(members: &[Member]) -> Outcome {
    let tell = |signal: &str| {
        for member in members.iter().filter(|member| lives(member)) {
            let _ = Cmd::new("kill").args([signal, &member.pid.to_string()]).ask();
        }
    };
    tell("-TERM");
    let watch = Watch::start();
    while members.iter().any(lives) {
        if watch.elapsed() > END {
            tell("-KILL");
            return Err("some processes didn't end by themselves and were killed".to_owned());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn state_file() -> PathBuf {
    tree::target("cluster.state")
}

/// `services`: Postgres and Redis were started with it, and end with it.
fn remember(members: &[Member], services: bool) -> Outcome {
    let mut text = String::from(if services { "services\n" } else { "" });
    for Member { name, pid, born } in members {
        let _ = writeln!(text, "{name}\t{pid}\t{born}");
    }
    let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(state_file());
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|err| format!("{}: {err}", state_file().display()))
}

fn has_services() -> bool {
    fs::read_to_string(state_file()).is_ok_and(|text| text.starts_with("services\n"))
}

/// What was started here and not stopped here.
fn known() -> Vec<Member> {
    fs::read_to_string(state_file()).unwrap_or_default().lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Member> {
    let [name, pid, born] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
    Some(Member { name: name.to_owned(), pid: pid.parse().ok()?, born: born.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_same_number_is_not_ours() {
        let pid = std::process::id();
        let mut member = Member { name: "x".to_owned(), pid, born: proc::born(pid).expect("this one runs") };
        assert!(lives(&member));
        member.born += 1;
        assert!(!lives(&member));
    }

    #[test]
    fn what_is_remembered_is_read_back() {
        let member = Member { name: "auth".to_owned(), pid: 7, born: 99 };
        assert_eq!(parse("auth\t7\t99"), Some(member));
        assert_eq!(parse("auth\t7"), None);
    }

    #[test]
    fn a_secret_has_the_form_of_32_bytes_in_base64_and_is_never_the_same() {
        let secret = secret().expect("randomness");
        assert!(secret.len() == 44 && secret.ends_with("A="), "{secret}");
        assert_ne!(super::secret(), Ok(secret));
    }

    #[test]
    fn what_is_needed_twice_is_there_twice() {
        for role in ["gateway", "signalling", "matchmaking"] {
            assert_eq!(PROCESSES.iter().filter(|(_, of)| *of == role).count(), 2, "{role}");
        }
    }
}
