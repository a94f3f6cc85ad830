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
/// Settings of the measured server: nothing but limits.
const RAISED: &[(&str, &str)] = &[];

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
        let peer = Peer::start(RAISED.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)))?;
        let url = peer
            .line_after("listening on ", START)
            .map_err(|why| format!("the server didn't start: {why}"))?;
        Ok(Self { peer, url, data: data.to_path_buf(), ready_after: watch.elapsed() })
    }
}
