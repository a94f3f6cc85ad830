//! P6–P8 from simulations in virtual time, and what a forwarded packet costs a server (P1, P5) under real clients. There is no
//! reference forwarder in the same run yet, so P1 stands beside nothing.

use std::time::Duration;

use super::{
    Bench,
    report::{Figure, Goal},
};
use crate::{Outcome, command::Cmd, test::COMPILE, tree};

/// Seeds of the simulation of a link that falls and comes back.
const SEEDS: &str = "100";
/// All simulations, on a busy machine.
const SIMULATIONS: Duration = Duration::from_hours(1);
/// Seconds of each load.
const SECONDS: &str = "20";
/// Rooms whose cost per packet is compared with one room's.
const MANY: &str = "20";

pub fn bench(_: &Bench) -> Outcome {
    let test = ["test", "--release", "--package", "visavis-sfu", "--test", "sim"];
    Cmd::cargo().args(test).arg("--no-run").run(COMPILE)?;
    let shown = ["--", "--nocapture", "--test-threads", "1", "goals"];
    Cmd::cargo().args(test).args(shown).env("P7_SEEDS", SEEDS).run(SIMULATIONS)?;
    let ten = cost(&["--publishers", "10"])?;
    let one = cost(&["--publishers", "3"])?;
    let many = cost(&["--publishers", "3", "--rooms", MANY])?;
    let print = |number, what, value, reference, goal| {
        Figure { number, what, unit: "µs", value, reference, goal }.print();
    };
    print("P1", "CPU of a forwarded packet, ten who see ten", ten, None, Goal::None);
    print(
        "P5",
        "CPU of a forwarded packet, 20 rooms of three",
        many,
        Some(("one room", one)),
        Goal::TimesReference(1.10),
    );
    Ok(())
}

/// Puts load on a server of its own, and gives what a forwarded packet cost it.
fn cost(load: &[&str]) -> Outcome<f64> {
    let program = Cmd::new(tree::target("release/visavis"));
    let run = program.args(["load-test", "room", "--duration", SECONDS]).args(load).piped()?;
    let out = run.wait_with_output().map_err(|err| format!("the load test can't be waited for: {err}"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    print!("{text}");
    if !out.status.success() {
        return Err("something was missing, so the figure doesn't count".to_owned());
    }
    micros(&text).ok_or_else(|| "the load test named no cost".to_owned())
}

/// The number before `µs for each packet`.
fn micros(text: &str) -> Option<f64> {
    text.split(" µs for each packet").next()?.split(' ').next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_found_in_what_a_load_test_says() {
        let text = "  each gets 1\n  server         0.63 s of CPU, 6 % of a core, 73.7 µs for each packet forwarded\n";
        assert_eq!(micros(text), Some(73.7));
        assert_eq!(micros("nothing"), None);
    }
}
