//! Our server as it is measured: the release build, in a folder of its own, with the limits that guard strangers from
//! each other raised, since all load comes from one address.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{measured, peer::Peer};
use crate::{Outcome, clock::Watch, tree};

/// A server that isn't ready by then never will be.
const START: Duration = Duration::from_secs(30);
/// Limits of the measured server, by their keys, and the highest value that each takes.
const RAISED: &[(&str, &str)] = &[
    ("limits.auth_per_ip", "1000000"),
    ("limits.write_per_ip", "1000000"),
    ("limits.read_per_ip", "1000000"),
    ("limits.connect_per_ip", "1000000"),
    ("limits.write_per_user", "1000000"),
    ("limits.read_per_user", "1000000"),
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
        let watch = Watch::start();
        let cmd = measured(tree::target("release/visavis"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("RUST_LOG", "error");
        let cmd = RAISED.iter().fold(cmd, |cmd, (key, value)| {
            ["burst", "per_min"]
                .iter()
                .fold(cmd, |cmd, part| cmd.env(&variable(&format!("{key}.{part}")), value))
        });
        let peer = Peer::start(cmd)?;
        let url = peer
            .line_after("listening on ", START)
            .map_err(|why| format!("the server didn't start: {why}"))?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { peer, url, data: data.to_path_buf(), ready_after: watch.elapsed() })
    }
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
