//! What a call to another process costs beside the same call in one process: CPU of both sides, and the wait.

use std::time::Duration;

use super::{
    Bench, measured, on_core,
    peer::Peer,
    report::{Figure, Goal},
    rounds,
};
use crate::{Outcome, command::Cmd, proc, test::COMPILE, tree};

/// `crates/edge/examples/rpc.rs`: both ends.
const PROGRAM: &str = "release/examples/rpc";
/// From start to its address.
const START: Duration = Duration::from_secs(10);
/// Calls of a round.
const HOPS: f64 = 20_000.0;
const DIRECT: f64 = 2_000_000.0;
/// One after the other.
const WAITS: f64 = 2_000.0;

pub fn bench(_: &Bench) -> Outcome {
    Cmd::cargo()
        .args(["build", "--release", "--package", "visavis-edge", "--example", "rpc"])
        .run(COMPILE)?;
    let answerer = Peer::start(measured(tree::target(PROGRAM)).arg("answer"))?;
    let address = answerer.line_after("answering at ", START)?;
    let mut asker = Peer::start(on_core(1, tree::target(PROGRAM)).args(["ask", &address]))?;
    let (asking, answering) = (asker.pid(), answerer.pid());
    let mut sides = (Vec::new(), Vec::new());
    let mut direct = Vec::new();
    let mut waits = Vec::new();
    for _ in 0..rounds::ROUNDS {
        let before = (proc::Cpu::of(asking)?, proc::Cpu::of(answering)?);
        asker.ask(&format!("hop {HOPS}"))?;
        let spent = |pid, before| Ok::<_, String>(micros(proc::Cpu::of(pid)?.since(before)) / HOPS);
        sides.0.push(spent(asking, &before.0)?);
        sides.1.push(spent(answering, &before.1)?);
        direct.push(asker.cost(asking, &format!("direct {DIRECT}"), DIRECT)?);
        let wait = asker.ask(&format!("wait {WAITS}"))?;
        waits.push(wait.get("ms").copied().unwrap_or(f64::NAN) * 1e3 / WAITS);
    }
    let of = |values: &[f64]| rounds::median(&values[1..]);
    let reference = Some(("the same call in one process", of(&direct)));
    let what = [
        ("a call to another process, CPU of the side that asks", of(&sides.0)),
        ("a call to another process, CPU of the side that answers", of(&sides.1)),
    ];
    for (what, value) in what {
        Figure { number: "hop", what, unit: "µs", value, reference, goal: Goal::None }.print();
    }
    let value = of(&waits);
    let what = "a call to another process, one after the other, time each";
    Figure { number: "hop", what, unit: "µs", value, reference: None, goal: Goal::None }.print();
    Ok(())
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}
