//! Bringing in what is missing: Debian packages, a Python environment, cargo's own tools. Says what and why before it
//! does; never asks a question; every step has a deadline. Never touches what is already there.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Outcome,
    command::{Cmd, which},
    tree,
};

/// Downloading package lists or packages over a slow line; longer than that is a hang.
const DOWNLOAD: Duration = Duration::from_mins(10);
/// Compiling a cargo tool on two busy cores.
const COMPILE: Duration = Duration::from_mins(25);

/// Says what is about to be installed, and why.
pub fn announce(what: &str, why: &str) {
    eprintln!("setting up: {what} ({why})");
}

/// The package installer, which fetches the lists of packages once per run.
pub struct Apt {
    refreshed: Cell<bool>,
}

impl Apt {
    pub fn new() -> Self {
        Self { refreshed: Cell::new(false) }
    }

    /// Installs Debian packages, as root or by `sudo` where that asks no password.
    pub fn install(&self, packages: &[&str], why: &str) -> Outcome {
        announce(&format!("apt-get install {}", packages.join(" ")), why);
        self.get(packages, &[], why)
    }

    /// Fetches a package into that folder, with what it needs and this machine doesn't have. Nothing is installed.
    pub fn fetch(&self, package: &str, folder: &Path, why: &str) -> Outcome {
        announce(&format!("the package {package}, unpacked below target/"), why);
        let archives = format!("--option=Dir::Cache::Archives={}", folder.display());
        self.get(&[package], &["--download-only", &archives], why)
    }

    fn get(&self, packages: &[&str], how: &[&str], why: &str) -> Outcome {
        let Some(prefix) = rights() else { return Err(by_hand(packages, why)) };
        let or_by_hand = |done: Outcome| done.map_err(|err| format!("{err}; {}", by_hand(packages, why)));
        if !self.refreshed.replace(true) {
            or_by_hand(apt(&prefix).arg("update").run(DOWNLOAD))?;
        }
        let install = apt(&prefix).args(["install", "--yes", "--no-install-recommends"]);
        or_by_hand(install.args(how).args(packages).run(DOWNLOAD))
    }
}

/// The words before `apt-get` that give the rights for it; nothing when there are none to be had unattended.
fn rights() -> Option<Vec<&'static str>> {
    which("apt-get")?;
    if Cmd::new("id").arg("-u").ask()? == "0" {
        return Some(Vec::new());
    }
    Cmd::new("sudo").args(["-n", "true"]).ask().map(|_| vec!["sudo", "-n"])
}

fn apt(prefix: &[&'static str]) -> Cmd {
    // `env` carries the variable through sudo, which drops the caller's.
    let words =
        [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "--option=Dpkg::Use-Pty=0"]]
            .concat();
    Cmd::new(words[0]).args(&words[1..])
}

fn by_hand(packages: &[&str], why: &str) -> String {
    format!(
        "needed: {} ({why}). As root on Debian or Ubuntu: apt-get update && apt-get install {}; elsewhere install the same by hand",
        packages.join(", "),
        packages.join(" ")
    )
}

/// The Python environment below `target/`, made when missing; gives its `python`.
pub fn venv(apt: &Apt) -> Outcome<PathBuf> {
    let folder = tree::target("venv");
    let python = folder.join("bin/python");
    if python.exists() && folder.join("bin/pip").exists() {
        return Ok(python);
    }
    let why = "for programs that come from PyPI, in an environment below target/";
    if which("python3").is_none()
        || Cmd::new("python3").args(["-c", "import venv, ensurepip"]).ask().is_none()
    {
        apt.install(&["python3", "python3-venv"], why)?;
    }
    announce("a Python environment in target/venv", why);
    Cmd::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).run(DOWNLOAD)?;
    Ok(python)
}

/// Installs from `PyPI` into the environment below `target/`.
pub fn pip(apt: &Apt, package: &str, why: &str) -> Outcome {
    let python = venv(apt)?;
    announce(&format!("{package} from PyPI, in target/venv"), why);
    Cmd::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", package])
        .run(DOWNLOAD)
        .map_err(|err| format!("{err}; needed {why}"))
}

/// A cargo subcommand, installed when it doesn't answer.
pub fn cargo_tool(name: &str, why: &str) -> Outcome {
    if Cmd::cargo().args([name, "--version"]).ask().is_some() {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    announce(&format!("cargo install {package}"), why);
    Cmd::cargo().args(["install", "--quiet", "--locked", &package]).run(COMPILE)
}

/// A component of the Rust toolchain (`rustfmt`, `clippy`), added when it doesn't answer.
pub fn component(name: &str, command: &str) -> Outcome {
    if Cmd::cargo().args([command, "--version"]).ask().is_some() {
        return Ok(());
    }
    announce(&format!("rustup component add {name}"), "cargo xtask test checks format and lints");
    Cmd::new("rustup")
        .args(["component", "add", name])
        .run(DOWNLOAD)
        .map_err(|err| format!("{err}; install the Rust component {name} by hand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cant_be_installed_is_named_with_the_command_and_the_reason() {
        let words = by_hand(&["chromium"], "the browser tests");
        assert!(words.contains("apt-get install chromium") && words.contains("the browser tests"), "{words}");
    }

    #[test]
    fn apt_never_asks() {
        // `env` itself runs in its place: what it would see is what apt-get gets.
        assert_eq!(
            Cmd::new("env")
                .args(["DEBIAN_FRONTEND=noninteractive", "sh", "-c", "echo $DEBIAN_FRONTEND"])
                .ask()
                .as_deref(),
            Some("noninteractive")
        );
    }
}
