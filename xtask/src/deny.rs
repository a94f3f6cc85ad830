//! `cargo xtask deny`: whose code may be in the binary. Security advisories are left out: they need a network.

use std::time::Duration;

use crate::{Outcome, command::Cmd, install};

pub fn deny(_: &[String]) -> Outcome {
    install::cargo_tool("deny", "checks licences, bans and sources of every dependency, by deny.toml")?;
    Cmd::cargo()
        .args(["deny", "--workspace", "--all-features", "check", "licenses", "bans", "sources"])
        .run(Duration::from_mins(2))
}
