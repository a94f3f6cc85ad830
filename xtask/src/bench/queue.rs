//! P11: how many matches the queue makes in a second of CPU with a city waiting.

use super::{
    Bench, measured,
    peer::Peer,
    report::{Figure, Goal},
    rounds,
};
use crate::{Outcome, command::Cmd, test::COMPILE, tree};

/// `xtask/examples/queue.rs`: keeps a city waiting and makes matches when asked.
const PROGRAM: &str = "queue";
const WAITING: u32 = 100_000;
/// Matches of a round; for whoever left others come, so that the city stays as big.
const MATCHES: f64 = 50_000.0;

pub fn bench(_: &Bench) -> Outcome {
    Cmd::cargo().args(["build", "--release", "--package", "xtask", "--example", PROGRAM]).run(COMPILE)?;
    let mut queue = Peer::start(measured(tree::target("release/examples").join(PROGRAM)))?;
    queue.ask(&format!("fill {WAITING}"))?;
    let pid = queue.pid();
    let micros = rounds::repeat(|| queue.cost(pid, &format!("match {MATCHES}"), MATCHES))?;
    Figure {
        number: "P11",
        what: "matches of a second of CPU, 100 000 waiting, four criteria and blocks",
        unit: "a second",
        value: 1e6 / micros,
        reference: None,
        goal: Goal::AtLeast(100_000.0),
    }
    .print();
    Ok(())
}
