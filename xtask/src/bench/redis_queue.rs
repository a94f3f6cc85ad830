//! P11 on Redis: what a ticket costs it from coming to a match, beside a matcher that is a script of Redis.

use super::{
    Bench, measured,
    peer::Peer,
    report::{Figure, Goal},
    rounds,
};
use crate::{
    Outcome,
    command::Cmd,
    services::{self, Services},
    test::COMPILE,
    tree,
};

/// `crates/services/examples/redis_queue`: fronts and a leader in one.
const PROGRAM: &str = "redis_queue";
/// Tickets of a round.
const TICKETS: u32 = 20_000;

pub fn bench(bench: &Bench) -> Outcome {
    let package = ["build", "--release", "--package", "visavis-services", "--example", PROGRAM];
    Cmd::cargo().args(package).run(COMPILE)?;
    let services = Services::for_this_run(&bench.apt)?;
    let program = measured(tree::target("release/examples").join(PROGRAM));
    let mut queue = Peer::start(program.env(services::REDIS, &services.redis))?;
    let mut of = |what: &str| {
        let answer = queue.ask(&format!("{what} {TICKETS}"))?;
        let figure = |name: &str| answer.get(name).copied().unwrap_or(f64::NAN);
        Ok::<_, String>((figure("cpu_us"), figure("trips")))
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds::ROUNDS {
        ours.push(of("ours")?);
        theirs.push(of("reference")?);
    }
    let cpu =
        |rounds: &[(f64, f64)]| rounds::median(&rounds[1..].iter().map(|round| round.0).collect::<Vec<_>>());
    let trips =
        |rounds: &[(f64, f64)]| rounds::median(&rounds[1..].iter().map(|round| round.1).collect::<Vec<_>>());
    let figure = |what, unit, value, reference, goal| Figure {
        number: "P11",
        what,
        unit,
        value,
        reference: Some(("REF-R", reference)),
        goal,
    };
    figure(
        "CPU of Redis for a ticket, from coming to a match",
        "µs",
        cpu(&ours),
        cpu(&theirs),
        Goal::AtMost(8.0),
    )
    .print();
    figure("questions to Redis for a ticket", "each", trips(&ours), trips(&theirs), Goal::AtMost(1.0))
        .print();
    Ok(())
}
