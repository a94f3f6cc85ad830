//! Starting other programs: from the top of the checkout, always with a deadline, with an error that names the command.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::{Outcome, clock::Watch, clock::spoken, proc, tree};

/// How often a running program is looked at: short beside any step, long beside the cost of a look.
const LOOK: Duration = Duration::from_millis(20);

/// A command line being put together.
pub struct Cmd {
    inner: Command,
    words: String,
}

impl Cmd {
    /// A program found on the path, to be run at the top of the checkout.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut inner = Command::new(program);
        inner.current_dir(tree::absolute("")).stdin(Stdio::null());
        // `cargo run` describes xtask to its child; another cargo below it must not take that for itself.
        for (key, _) in env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                .iter()
                .any(|start| key.to_string_lossy().starts_with(start))
            {
                inner.env_remove(key);
            }
        }
        Self { inner, words: tree::name(Path::new(program)).to_owned() }
    }

    /// The cargo that started us.
    pub fn cargo() -> Self {
        let mut cmd = Self::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        "cargo".clone_into(&mut cmd.words);
        cmd
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.words += " ";
        self.words += &arg.as_ref().to_string_lossy();
        self.inner.arg(arg);
        self
    }

    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(self, args: I) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(key, value);
        self
    }

    /// What it prints goes nowhere; its errors are shown.
    pub fn quiet(mut self) -> Self {
        self.inner.stdout(Stdio::null());
        self
    }

    /// Its errors and logs go there, not to the terminal.
    pub fn logs_to(mut self, file: &Path) -> Outcome<Self> {
        let open = File::create(file).map_err(|err| format!("{}: {err}", file.display()))?;
        self.inner.stderr(open);
        Ok(self)
    }

    /// Folders searched for programs before the path's own.
    pub fn path(mut self, first: &[PathBuf]) -> Self {
        if !first.is_empty() {
            let rest = env::var_os("PATH").unwrap_or_default();
            let all = first.iter().cloned().chain(env::split_paths(&rest));
            self.inner.env("PATH", env::join_paths(all).unwrap_or(rest));
        }
        self
    }

    /// Runs in that folder below the top.
    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.inner.current_dir(tree::absolute(folder));
        self
    }

    /// Runs to the end, its output shown. Whoever is over the deadline is ended, with all it started.
    pub fn run(mut self, deadline: Duration) -> Outcome {
        let watch = Watch::start();
        let mut child = self.inner.spawn().map_err(|err| format!("can't start `{}`: {err}", self.words))?;
        while watch.elapsed() < deadline {
            match child.try_wait().map_err(|err| format!("lost `{}`: {err}", self.words))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("`{}` failed ({status})", self.words)),
                None => thread::sleep(LOOK),
            }
        }
        proc::end_tree(&mut child);
        Err(format!("`{}` wasn't done in {} and was ended", self.words, spoken(deadline)))
    }

    /// Runs a quick question and gives what it printed; nothing when it can't be asked or says no.
    pub fn ask(mut self) -> Option<String> {
        let output = self.inner.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it and gives the handle, with both its ends piped; its errors are shown.
    pub fn piped(mut self) -> Outcome<Child> {
        let started = self.inner.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        started.map_err(|err| format!("can't start `{}`: {err}", self.words))
    }

    /// Starts it and leaves it running: all its words go to that file. Detached, it isn't ended with this terminal.
    pub fn in_background(mut self, log: &Path, detached: bool) -> Outcome<u32> {
        use std::os::unix::process::CommandExt as _;
        let failed = |err| format!("{}: {err}", log.display());
        let out = File::create(log).map_err(failed)?;
        self.inner.stderr(out.try_clone().map_err(failed)?).stdout(out);
        if detached {
            self.inner.process_group(0);
        }
        let child = self.inner.spawn().map_err(|err| format!("can't start `{}`: {err}", self.words))?;
        Ok(child.id())
    }

    /// Becomes it, with this terminal as its own; comes back only when that fails.
    pub fn become_it(mut self) -> String {
        use std::os::unix::process::CommandExt as _;
        let err = self.inner.stdin(Stdio::inherit()).exec();
        format!("can't start `{}`: {err}", self.words)
    }
}

/// Where the path has that program, if anywhere.
pub fn which(program: &str) -> Option<PathBuf> {
    let path: OsString = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_failure_names_the_command() {
        let why = Cmd::new("sh").args(["-c", "exit 3"]).run(SOON).expect_err("exit 3 is a failure");
        assert!(why.contains("`sh -c exit 3` failed") && why.contains('3'), "{why}");
        assert!(Cmd::new("sh").args(["-c", "exit 0"]).run(SOON).is_ok());
    }

    #[test]
    fn whoever_is_over_the_deadline_is_ended_with_its_children() {
        let marker = tree::target(format!("xtask-deadline-{}", std::process::id()));
        let script = format!("sh -c 'sleep 2; echo late > {}' & wait", marker.display());
        let why = Cmd::new("sh").args(["-c", &script]).run(Duration::from_millis(300)).expect_err("too slow");
        assert!(why.contains("wasn't done in 300 ms"), "{why}");
        // The grandchild would have written by now, had it lived.
        let watch = Watch::start();
        while watch.elapsed() < Duration::from_millis(2500) {
            assert!(!marker.exists(), "a grandchild outlived the deadline");
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn a_question_to_nobody_has_no_answer() {
        assert_eq!(Cmd::new("no-such-program-here").ask(), None);
        assert_eq!(Cmd::new("sh").args(["-c", "echo ' yes '"]).ask().as_deref(), Some("yes"));
        assert_eq!(Cmd::new("sh").args(["-c", "echo yes; exit 1"]).ask(), None);
    }
}
