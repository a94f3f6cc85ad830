//! What it costs people that they are at different processes: a line and its acknowledgement across two signalling
//! processes beside the same in one process; and how long a pool has no leader after the leading process was killed.

use std::time::Duration;

use super::{
    Bench,
    peer::Peer,
    product,
    report::{Figure, Goal},
    rounds,
};
use crate::{
    Outcome,
    services::{self, Services},
};

/// `xtask/bench/relay.mjs`, which stands on the harness of the stories.
const PROGRAM: &str = "relay.mjs";
const HARNESS: &str = "tests/node";
/// Nine processes and two sign-ins.
const START: Duration = Duration::from_mins(2);
/// Lines of a round, one after the other.
const LINES: &str = "lines 200";
/// Leaders that are killed.
const LEADERS: &str = "lead 5";

pub fn bench(bench: &Bench) -> Outcome {
    bench.tools.npm_ci(HARNESS)?;
    let services = Services::for_this_run(&bench.apt)?;
    let place = |shape: &str| {
        let cmd = bench
            .generator(PROGRAM)
            .arg(shape)
            .env(services::POSTGRES, &services.postgres)
            .env(services::REDIS, &services.redis)
            .env("VISAVIS_BIN", product::binary());
        let peer = Peer::start(cmd)?;
        peer.line_after("ready", START)?;
        Ok::<_, String>(peer)
    };
    let (mut apart, mut together) = (place("split")?, place("one")?);
    for (name, what) in [
        ("ack_p50", "a line until its acknowledgement, across two signalling processes"),
        ("heard_p50", "a line until the other page has it, across two signalling processes"),
        ("heard_p95", "the same, 95 of 100"),
    ] {
        let figure = |peer: &mut Peer| {
            let answer = peer.ask(LINES)?;
            answer.get(name).copied().ok_or_else(|| format!("no {name}"))
        };
        let (value, one) = rounds::alternate(|| figure(&mut apart), || figure(&mut together))?;
        let reference = Some(("one process", one));
        Figure { number: "hop", what, unit: "ms", value, reference, goal: Goal::None }.print();
    }
    let answer = apart.ask(LEADERS)?;
    let figure = |name: &str| answer.get(name).copied().unwrap_or(f64::NAN);
    for (what, value) in [
        ("the leading matchmaker is killed: until another leads", figure("takeover_p50")),
        ("the longest of five", figure("takeover_most")),
    ] {
        Figure { number: "R5", what, unit: "ms", value, reference: None, goal: Goal::AtMost(3_000.0) }
            .print();
    }
    Ok(())
}
