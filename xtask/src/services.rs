//! Throw-away Postgres and Redis for tests: real servers from Debian's packages on free loopback ports, with passwords
//! of their own and data below `target/services`. Only what was started here is ever stopped.
//!
//! Whoever has servers already (CI) names them in `VISAVIS_TEST_POSTGRES` and `VISAVIS_TEST_REDIS`, and none are started.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::Read as _,
    net::TcpListener,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    Outcome,
    clock::Watch,
    command::{Cmd, which},
    install::Apt,
    proc, tree,
};

mod postgres;
mod redis;

/// What tests find in their environment.
pub const POSTGRES: &str = "VISAVIS_TEST_POSTGRES";
pub const REDIS: &str = "VISAVIS_TEST_REDIS";

/// From start to the first answer, on a machine that compiles meanwhile.
const READY: Duration = Duration::from_mins(1);
/// From the word to end until it has ended.
const END: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// How long the servers live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Until `down`, whatever becomes of this process and its terminal.
    UntilDown,
    /// No longer than this process: the kernel ends them when it is killed.
    WithUs,
}

/// One server that was started here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    name: &'static str,
    pid: u32,
    /// Tells it from another process that gets its number later.
    born: u64,
    url: String,
}

impl Server {
    fn new(name: &'static str, pid: u32, url: String) -> Outcome<Self> {
        let born = proc::born(pid).ok_or_else(|| format!("{name} ended at its start: see its log"))?;
        Ok(Self { name, pid, born, url })
    }
}

/// Both servers; those started for this run end with it.
pub struct Services {
    pub postgres: String,
    pub redis: String,
    ours: Vec<Server>,
}

impl Drop for Services {
    fn drop(&mut self) {
        for server in &self.ours {
            if let Err(why) = stop(server) {
                eprintln!("services: {why}");
            }
        }
        if !self.ours.is_empty() {
            let _ = fs::remove_file(state_file());
        }
    }
}

impl Services {
    /// The named ones, else those that are up, else new ones that end with this process.
    pub fn for_this_run(apt: &Apt) -> Outcome<Self> {
        if let (Ok(postgres), Ok(redis)) = (env::var(POSTGRES), env::var(REDIS)) {
            return Ok(Self { postgres, redis, ours: Vec::new() });
        }
        if let Some(up) = running() {
            return Ok(Self::of(&up, Vec::new()));
        }
        let started = start(apt, Life::WithUs)?;
        Ok(Self::of(&started.clone(), started))
    }

    fn of(all: &[Server], ours: Vec<Server>) -> Self {
        let url =
            |name: &str| all.iter().find(|s| s.name == name).map_or_else(String::new, |s| s.url.clone());
        Self { postgres: url("postgres"), redis: url("redis"), ours }
    }
}

/// `cargo xtask services up|down|status`.
pub fn command(args: &[String]) -> Outcome {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["up"] => {
            print!("{}", exports(&until_down(&Apt::new())?));
            Ok(())
        }
        ["down"] => down(),
        ["status"] => {
            for server in known() {
                let state = if lives(&server) { "up" } else { "gone" };
                println!("{:8} {state}, process {}", server.name, server.pid);
            }
            running().map(|_| ()).ok_or_else(|| "not both are up: cargo xtask services up".to_owned())
        }
        _ => Err("one of: up, down, status".to_owned()),
    }
}

/// Whether both run already.
pub fn are_up() -> bool {
    running().is_some()
}

/// Both until `down`; those that are up, if they are.
pub fn up(apt: &Apt) -> Outcome<Services> {
    Ok(Services::of(&until_down(apt)?, Vec::new()))
}

fn until_down(apt: &Apt) -> Outcome<Vec<Server>> {
    running().map_or_else(|| start(apt, Life::UntilDown), Ok)
}

/// Ends what was started here.
pub fn down() -> Outcome {
    let known = known();
    let stopped: Outcome = known.iter().filter(|server| lives(server)).try_for_each(stop);
    let _ = fs::remove_file(state_file());
    eprintln!("services: {}", if known.is_empty() { "none were up" } else { "down" });
    stopped
}

/// For a shell: `eval "$(cargo xtask services up)"`.
fn exports(servers: &[Server]) -> String {
    let Services { postgres, redis, .. } = &Services::of(servers, Vec::new());
    format!("export {POSTGRES}='{postgres}'\nexport {REDIS}='{redis}'\n")
}

fn start(apt: &Apt, life: Life) -> Outcome<Vec<Server>> {
    let programs = (postgres::find_or_install(apt)?, redis::find_or_install(apt)?);
    let home = Home::make()?;
    let mut started = Vec::new();
    let both = redis::start(&programs.1, &home, life).and_then(|server| {
        started.push(server);
        started.push(postgres::start(&programs.0, &home, life)?);
        redis::until_cluster(&started[0])?;
        remember(&started)
    });
    if both.is_err() {
        for server in &started {
            let _ = stop(server);
        }
    }
    both.map(|()| started)
}

/// Where the servers keep their data, and who they run as.
struct Home {
    folder: PathBuf,
    /// Postgres refuses to run as root, and there is no reason why Redis should.
    user: Option<&'static str>,
}

impl Home {
    fn make() -> Outcome<Self> {
        let root = Cmd::new("id").arg("-u").ask().as_deref() == Some("0");
        let user = root.then(|| {
            let there = Cmd::new("id").args(["-u", "postgres"]).ask().is_some();
            if there { "postgres" } else { "nobody" }
        });
        let mut home = Self { folder: tree::target("services"), user };
        home.fresh()?;
        // A checkout in a closed home folder: the other user can't come in.
        if user.is_some() && home.run("test").args(["-w"]).arg(&home.folder).ask().is_none() {
            home.folder = env::temp_dir().join(format!("visavis-services-{}", std::process::id()));
            eprintln!(
                "services: data in {}, where {} may enter",
                home.folder.display(),
                user.unwrap_or("we")
            );
            home.fresh()?;
        }
        Ok(home)
    }

    fn fresh(&self) -> Outcome {
        let failed = |err: std::io::Error| format!("{}: {err}", self.folder.display());
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(failed)?;
        }
        fs::create_dir_all(&self.folder).map_err(failed)?;
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        match self.user {
            Some(user) => Cmd::new("chown").arg(format!("{user}:")).arg(&self.folder).run(END),
            None => Ok(()),
        }
    }

    /// A command as that user.
    fn run(&self, program: impl AsRef<Path>) -> Cmd {
        let program = program.as_ref();
        match self.user {
            None => Cmd::new(program),
            Some(user) => Cmd::new("setpriv").args(as_user(user)).arg(program),
        }
    }

    /// Starts a server in the background; its words go to a log beside its data.
    fn serve(&self, program: &Path, args: &[String], life: Life) -> Outcome<u32> {
        let mut words: Vec<String> = Vec::new();
        if let Some(user) = self.user {
            words.extend(as_user(user).map(str::to_owned));
        }
        // SIGINT is a quick end to both servers.
        let tied = life == Life::WithUs && which("setpriv").is_some();
        if tied {
            words.extend(["--pdeathsig".to_owned(), "INT".to_owned()]);
        }
        let cmd =
            if words.is_empty() { Cmd::new(program) } else { Cmd::new("setpriv").args(&words).arg(program) };
        let log = self.folder.join(format!("{}.log", tree::name(program)));
        cmd.args(args).in_background(&log, life == Life::UntilDown)
    }
}

fn as_user(user: &str) -> [&str; 5] {
    ["--reuid", user, "--regid", user, "--clear-groups"]
}

/// A port nobody has at this moment. Whoever starts on it and fails asks for another.
fn free_port() -> Outcome<u16> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|at| at.port()).map_err(|err| format!("no free port on the loopback: {err}"))
}

/// 128 random bits in hex.
fn password() -> Outcome<String> {
    let mut bytes = [0_u8; 16];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|err| format!("/dev/urandom: {err}"))?;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Looks again and again until it is so.
fn wait(most: Duration, mut so: impl FnMut() -> bool) -> Option<()> {
    let watch = Watch::start();
    while watch.elapsed() < most {
        if so() {
            return Some(());
        }
        thread::sleep(LOOK);
    }
    None
}

/// Waits for the first answer; an error when the process ends before, or none comes.
fn until_ready(server: &Server, mut answers: impl FnMut() -> bool) -> Outcome {
    let waited = wait(READY, || !lives(server) || answers());
    if !lives(server) {
        return Err(format!("{} ended at its start: see its log in target/services", server.name));
    }
    waited.ok_or_else(|| {
        let _ = stop(server);
        format!("{} didn't answer in {} s", server.name, READY.as_secs())
    })
}

/// Whether that very process still runs.
fn lives(server: &Server) -> bool {
    proc::born(server.pid) == Some(server.born)
}

fn stop(server: &Server) -> Outcome {
    let pid = server.pid.to_string();
    let _ = Cmd::new("kill").args(["-INT", &pid]).ask();
    wait(END, || !lives(server)).ok_or_else(|| {
        let _ = Cmd::new("kill").args(["-KILL", &pid]).ask();
        format!("{} (process {pid}) didn't end by itself and was killed", server.name)
    })
}

fn state_file() -> PathBuf {
    tree::target("services.state")
}

/// Written for `down` and `status`; for its owner only, since the addresses hold passwords.
fn remember(servers: &[Server]) -> Outcome {
    use std::io::Write as _;
    let path = state_file();
    let mut text = String::new();
    for Server { name, pid, born, url } in servers {
        let _ = writeln!(text, "{name}\t{pid}\t{born}\t{url}");
    }
    let _ = fs::remove_file(&path);
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|err| format!("{}: {err}", path.display()))
}

/// What was started here and not stopped here.
fn known() -> Vec<Server> {
    fs::read_to_string(state_file()).unwrap_or_default().lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Server> {
    let [name, pid, born, url] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
    let name = ["postgres", "redis"].into_iter().find(|known| *known == name)?;
    Some(Server { name, pid: pid.parse().ok()?, born: born.parse().ok()?, url: url.to_owned() })
}

/// Both, when both are up.
fn running() -> Option<Vec<Server>> {
    let known = known();
    (known.len() == 2 && known.iter().all(lives)).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_same_number_is_not_ours() {
        let mut server = Server::new("redis", std::process::id(), String::new()).expect("this one runs");
        assert!(lives(&server));
        server.born += 1;
        assert!(!lives(&server));
    }

    #[test]
    fn what_is_remembered_is_read_back_and_exported() {
        let server = parse("postgres\t7\t99\tpostgres://a:b@127.0.0.1:1/x").expect("well-formed");
        assert_eq!((server.name, server.pid, server.born), ("postgres", 7, 99));
        assert!(exports(&[server]).contains("export VISAVIS_TEST_POSTGRES='postgres://a:b@127.0.0.1:1/x'\n"));
        for bad in ["", "postgres\tx\t1\tz", "mysql\t7\t1\ty", "redis\t7\t1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn passwords_are_not_repeated() {
        let (one, two) = (password().expect("random"), password().expect("random"));
        assert!(one != two && one.len() == 32);
    }
}
