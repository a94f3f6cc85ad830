//! `cargo xtask mutants`: small edits of the machines that guard people, one at a time; how many does no test notice?

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Outcome, command::Cmd, install, tree};

/// The machines on trial: below `crates/domain/src`, as a file or a folder of that name.
const MACHINES: &[&str] = &["queue", "otp", "limit"];
/// The whole run, by the project's goal.
const AT_MOST: Duration = Duration::from_mins(30);
/// One mutant's tests; the unmutated ones take a fraction of it. Longer means a loop that the mutation made endless.
const ONE_MUTANT_SECONDS: &str = "60";
/// The goal: survivors of a hundred.
const GOAL_PERCENT: f64 = 10.0;

/// What became of the mutants.
#[derive(Debug, PartialEq, Eq, Default)]
struct Tally {
    caught: usize,
    missed: usize,
    endless: usize,
}

impl Tally {
    /// Survivors of a hundred that could have been caught; nothing when none was tried. One that makes the tests run
    /// for ever is noticed too.
    fn survivors(&self) -> Option<f64> {
        let tried = self.caught + self.missed + self.endless;
        (tried > 0).then(|| float(self.missed) / float(tried) * 100.0)
    }
}

/// Counts of mutants are far below where a float would round them.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

pub fn mutants(_: &[String]) -> Outcome {
    install::cargo_tool("mutants", "edits the machines to see whether tests notice")?;
    let files: Vec<String> = MACHINES.iter().flat_map(|machine| sources(machine)).collect();
    let out = tree::target("mutants");
    let mut cmd = Cmd::cargo().args([
        "mutants",
        "--package",
        "visavis-domain",
        "--jobs",
        "2",
        "--no-shuffle",
        "--colors=never",
    ]);
    cmd = cmd.args(["--timeout", ONE_MUTANT_SECONDS, "--output"]).arg(&out);
    for file in &files {
        cmd = cmd.args(["--file", file]);
    }
    // Each mutant is compiled anew and its tests take a moment: optimising and describing them would cost most of the time.
    cmd = cmd.arg("--cargo-arg=--config=profile.dev.package.visavis-domain.opt-level=0");
    cmd = cmd.arg("--cargo-arg=--config=profile.dev.debug=0");
    // The simulated days take seconds each and are for rules that no single case shows; the cases are what must notice.
    cmd = cmd.args(["--", "--lib", "--test", "queue"]);
    // Its own exit code tells only that some survived; the lists tell how many. A run over its time is told as partial.
    let end = cmd.run(AT_MOST);
    let tally = read(&out.join("mutants.out"));
    let survivors = tally.survivors().ok_or_else(|| format!("no mutant was tried: {end:?}"))?;
    let met = survivors <= GOAL_PERCENT;
    println!(
        "\nmutants of {}: {} caught, {} endless, {} survived: {survivors:.1} %, goal ≤ {GOAL_PERCENT} %: {}",
        MACHINES.join(", "),
        tally.caught,
        tally.endless,
        tally.missed,
        if met { "met" } else { "missed" }
    );
    match end {
        Err(why) if why.contains("wasn't done") => Err(format!("only part of them was tried: {why}")),
        _ if met => Ok(()),
        _ => Err(format!("the survivors are in {}", out.join("mutants.out/missed.txt").display())),
    }
}

fn sources(machine: &str) -> Vec<String> {
    let top = PathBuf::from("crates/domain/src");
    vec![format!("{}.rs", top.join(machine).display()), format!("{}/**/*.rs", top.join(machine).display())]
}

fn read(out: &Path) -> Tally {
    let lines = |name: &str| fs::read_to_string(out.join(name)).map_or(0, |text| text.lines().count());
    Tally { caught: lines("caught.txt"), missed: lines("missed.txt"), endless: lines("timeout.txt") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survivors_are_counted_among_those_that_could_be_caught() {
        let tally = Tally { caught: 80, missed: 10, endless: 10 };
        assert_eq!(tally.survivors(), Some(10.0));
        assert_eq!(Tally::default().survivors(), None);
    }

    #[test]
    fn the_lists_are_read_by_line() {
        let folder = tree::target(format!("xtask-mutants-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("ours");
        fs::write(folder.join("caught.txt"), "a\nb\nc\n").expect("writes");
        fs::write(folder.join("missed.txt"), "d\n").expect("writes");
        assert_eq!(read(&folder), Tally { caught: 3, missed: 1, endless: 0 });
        fs::remove_dir_all(folder).expect("ours");
    }
}
