//! `cargo xtask fuzz`: bytes that nobody would think of, for everything that strangers reach. Not in CI, where minutes
//! are dear; there the seeds are replayed as ordinary tests of their crates (`fuzzing` modules).

use std::{fs, path::PathBuf, time::Duration};

use crate::{Outcome, command::Cmd, install, steps::Steps, test::COMPILE, tree};

/// Seconds for each target when none are named: enough to notice a new mistake, and all of them done in minutes.
const SECONDS: u64 = 30;
/// Beyond its seconds: loading the corpus on a busy machine.
const SLACK: Duration = Duration::from_mins(2);
/// The longest input of a target whose parser takes more than a few kilobytes; others make do with libFuzzer's 4 KiB.
const LONG: &[(&str, usize)] = &[
    ("sdp", 132 * 1024),
    ("offer", 132 * 1024),
    ("candidate", 16 * 1024),
    ("texts", 9 * 1024),
    ("socket_event", 16 * 1024),
];
/// Memory of a whole run, in MiB: its corpus takes some, a parser that keeps what it reads takes all.
const MEMORY_MIB: u32 = 1_024;

pub fn fuzz(args: &[String]) -> Outcome {
    let (wanted, seconds) = understood(args, &targets())?;
    install::cargo_tool("fuzz", "drives the fuzz targets")?;
    let mut steps = Steps::new();
    let stopped = steps.need("build", || cargo_fuzz("build").run(COMPILE));
    if stopped.is_ok() {
        for target in wanted {
            steps.check(format!("{target}, {seconds} s"), || run(&target, seconds));
        }
    }
    steps.end()
}

/// Which targets, and for how many seconds each.
fn understood(args: &[String], targets: &[String]) -> Outcome<(Vec<String>, u64)> {
    let seconds = |text: &String| text.parse::<u64>().ok().filter(|seconds| *seconds > 0);
    let known = |name: &String| targets.contains(name).then(|| vec![name.clone()]);
    let said = match args {
        [] => Some((targets.to_vec(), SECONDS)),
        [one] => seconds(one).map(|s| (targets.to_vec(), s)).or_else(|| Some((known(one)?, SECONDS))),
        [target, time] => known(target).zip(seconds(time)),
        _ => None,
    };
    said.ok_or_else(|| format!("[TARGET] [SECONDS], with one of the targets {}", targets.join(", ")))
}

/// The targets that there are.
fn targets() -> Vec<String> {
    let files = tree::files(&tree::absolute("fuzz/fuzz_targets"), ".rs");
    files.iter().map(|file| tree::name(file).trim_end_matches(".rs").to_owned()).collect()
}

/// No sanitizer: nothing of ours is `unsafe`, and without one the product's own compiler will do.
fn cargo_fuzz(command: &str) -> Cmd {
    Cmd::cargo().args(["fuzz", command, "--sanitizer", "none"])
}

fn run(target: &str, seconds: u64) -> Outcome {
    let seeds = PathBuf::from("fuzz/seeds").join(target);
    // New inputs go to the first folder; the seeds are only read.
    let found = tree::target("fuzz").join(target);
    fs::create_dir_all(&found).map_err(|err| format!("{}: {err}", found.display()))?;
    let longest = LONG.iter().find(|(name, _)| *name == target).map_or(4_096, |(_, bytes)| *bytes);
    let options = [
        format!("-max_total_time={seconds}"),
        format!("-max_len={longest}"),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        // A hang; the bound of the goal is watched by the target itself, in time on a CPU.
        "-timeout=5".to_owned(),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    cargo_fuzz("run")
        .arg(target)
        .arg(found)
        .arg(tree::absolute(&seeds))
        .arg("--")
        .args(options)
        .run(Duration::from_secs(seconds) + SLACK)
        .map_err(|err| {
            format!(
                "{err}; the input is in fuzz/artifacts/{target}: mend the parser and keep it in {}",
                seeds.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn target_and_time_are_each_optional() {
        let all = words("sdp stun");
        let of = |text: &str| understood(&words(text), &all);
        assert_eq!(of(""), Ok((all.clone(), SECONDS)));
        assert_eq!(of("5"), Ok((all.clone(), 5)));
        assert_eq!(of("stun"), Ok((words("stun"), SECONDS)));
        assert_eq!(of("stun 60"), Ok((words("stun"), 60)));
        for wrong in ["stan", "stun 0", "60 stun", "stun 6 6"] {
            assert!(of(wrong).is_err_and(|why| why.contains("sdp, stun")), "{wrong}");
        }
    }

    #[test]
    fn every_target_has_seeds_and_is_in_the_manifest() {
        let manifest = fs::read_to_string(tree::absolute("fuzz/Cargo.toml")).expect("there");
        let targets = targets();
        assert!(targets.len() >= 12, "{targets:?}");
        for target in &targets {
            let seeds = fs::read_dir(tree::absolute("fuzz/seeds").join(target)).map_or(0, Iterator::count);
            assert!(seeds >= 3, "{target} has {seeds} seeds");
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in the manifest");
        }
        assert!(LONG.iter().all(|(name, _)| targets.iter().any(|target| target == name)));
    }
}
