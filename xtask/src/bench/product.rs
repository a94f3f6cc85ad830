//! Our server as it is measured: the release build, in a folder of its own, with the limits that guard strangers from
//! each other raised, since all load comes from one address.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{measured, peer::Peer};
use crate::{Outcome, clock::Watch, tree};

/// A server that isn't ready by then never will be.
const START: Duration = Duration::from_secs(30);
/// The highest value that any limit takes.
const MOST: &str = "1000000";
/// Limits that are raised in the measured server; everything else is as an operator finds it.
const RAISED: &[&str] = &[
    "limits.auth_per_ip.burst",
    "limits.auth_per_ip.per_min",
    "limits.write_per_ip.burst",
    "limits.write_per_ip.per_min",
    "limits.read_per_ip.burst",
    "limits.read_per_ip.per_min",
    "limits.connect_per_ip.burst",
    "limits.connect_per_ip.per_min",
    "limits.write_per_user.burst",
    "limits.write_per_user.per_min",
    "limits.read_per_user.burst",
    "limits.read_per_user.per_min",
    "limits.connections_per_ip",
    "signalling.event_burst",
    "signalling.events_per_s",
    "signalling.searches_per_min",
    "signalling.descriptions_per_min",
    "signalling.chats_per_min",
];

/// A running server.
pub struct Product {
    pub peer: Peer,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    pub data: PathBuf,
    /// From the start of the process to its word that it is ready.
    pub ready_after: Duration,
}

impl Product {
    /// Starts it on an empty folder of that name.
    pub fn fresh(name: &str) -> Outcome<Self> {
        let data = tree::target("bench").join(name);
        if data.exists() {
            fs::remove_dir_all(&data).map_err(|err| format!("{}: {err}", data.display()))?;
        }
        fs::create_dir_all(&data).map_err(|err| format!("{}: {err}", data.display()))?;
        Self::on(&data)
    }

    /// Starts it on a folder that an earlier one left.
    pub fn on(data: &Path) -> Outcome<Self> {
        Self::start(data, "127.0.0.1:0")
    }

    /// Ends it and starts it anew where it was: same people, same address (which tokens are bound to), fresh memory.
    pub fn again(self) -> Outcome<Self> {
        let Self { peer, url, data, .. } = self;
        drop(peer);
        Self::start(&data, url.trim_start_matches("http://"))
    }

    fn start(data: &Path, listen: &str) -> Outcome<Self> {
        let watch = Watch::start();
        let log = data.with_extension("log");
        let cmd = measured(binary()).args(["serve", "--listen", listen, "--data"]).arg(data).logs_to(&log)?;
        // What is relayed between two pages is measured, not the server's media.
        let cmd = cmd.env(&variable("strangers.transport"), "p2p");
        let peer = Peer::start(RAISED.iter().fold(cmd, |cmd, key| cmd.env(&variable(key), MOST)))?;
        let url = peer
            .line_after("listening on ", START)
            .map_err(|why| format!("the server didn't start: {why}; its log is {}", log.display()))?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { peer, url, data: data.to_path_buf(), ready_after: watch.elapsed() })
    }
}

/// The release build, or the one named in `VISAVIS_BIN`, to compare builds.
pub fn binary() -> PathBuf {
    env::var_os("VISAVIS_BIN")
        .map_or_else(|| tree::target("release/visavis"), |named| tree::absolute(PathBuf::from(named)))
}

/// `limits.read_per_ip.burst` → `VISAVIS_LIMITS__READ_PER_IP__BURST`.
fn variable(key: &str) -> String {
    format!("VISAVIS_{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_in_the_environment_as_the_protocol_says() {
        assert_eq!(variable("strangers.transport"), "VISAVIS_STRANGERS__TRANSPORT");
        assert_eq!(variable("limits.read_per_ip.burst"), "VISAVIS_LIMITS__READ_PER_IP__BURST");
    }
}
