//! A server of the test's own, when none is named: this binary, on free ports of this machine, with a folder that goes with
//! it. And what a server on this machine costs.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use visavis_platform::Lifecycle;

use super::{Trouble, api::Site};

/// From its start to the line that says it runs.
const START: Duration = Duration::from_secs(30);
/// The kernel's clock ticks in a second, which it has promised to keep on Linux.
const TICKS: f64 = 100.0;

/// Limits of one address: the test is a crowd that comes from one.
const ROOMY: [&str; 10] = [
    "LIMITS__AUTH_PER_IP__BURST",
    "LIMITS__AUTH_PER_IP__PER_MIN",
    "LIMITS__WRITE_PER_IP__BURST",
    "LIMITS__WRITE_PER_IP__PER_MIN",
    "LIMITS__READ_PER_IP__BURST",
    "LIMITS__READ_PER_IP__PER_MIN",
    "LIMITS__CONNECT_PER_IP__BURST",
    "LIMITS__CONNECT_PER_IP__PER_MIN",
    "LIMITS__WRITE_PER_USER__BURST",
    "LIMITS__WRITE_PER_USER__PER_MIN",
];

/// The server; it ends with this.
pub struct Local {
    child: Child,
    folder: PathBuf,
    /// Where it is.
    pub site: Site,
    /// Where its mails are.
    pub private: Site,
}

impl Local {
    /// Starts it.
    pub async fn start(lifecycle: &Lifecycle) -> Result<Self, Trouble> {
        let folder = std::env::temp_dir().join(format!("visavis-load-{}", std::process::id()));
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--dev", "--data"]).arg(&folder);
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command.env("VISAVIS_LOG__LEVEL", "warn");
        command.envs(ROOMY.map(|key| (format!("VISAVIS_{key}"), "100000")));
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or_else(|| Trouble::Late("the server's output".to_owned()))?;
        let mut lines = BufReader::new(out).lines();
        let late = |_| Trouble::Late("the server's start".to_owned());
        let (site, private) = timeout(START, addresses(&mut lines)).await.map_err(late)??;
        // Whatever else it prints has to go somewhere.
        lifecycle.spawn("server-output", async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, folder, site, private })
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // The child is killed by its own drop; a folder that stays is the system's to sweep.
        let _ = self.child.start_kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn addresses(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<(Site, Site), Trouble> {
    let (mut site, mut private) = (None, None);
    while let Some(line) = lines.next_line().await? {
        let url = line.split(' ').find(|word| word.starts_with("http://"));
        match url {
            Some(url) if line.contains("listening on") => site = Some(Site::new(url)?),
            Some(url) if line.trim_start().starts_with("private") => private = Some(Site::new(url)?),
            _ => {}
        }
        if let (Some(site), Some(private)) = (&site, &private) {
            return Ok((site.clone(), private.clone()));
        }
    }
    Err(Trouble::Late("the server's start".to_owned()))
}

/// CPU time that a process has used, in seconds.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces; what follows its bracket doesn't.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / TICKS)
}
