//! P13: what looking and listening cost, with the real models, in CPU time of the process; and what of it calls notice.

use std::{cell::RefCell, time::Duration};

use super::{
    Bench,
    peer::Peer,
    report::{Figure, Goal},
    rounds::alternate,
};
use crate::{Outcome, command::Cmd, models, test::COMPILE};

/// The bench runs for about half a minute of CPU time.
const RUN: Duration = Duration::from_mins(5);
/// Until the benches say something, compiled as they are; one of them loads its models.
const START: Duration = Duration::from_mins(2);
/// Seconds of a round.
const SECONDS: &str = "3";

pub fn bench(bench: &Bench) -> Outcome {
    models::bring(&bench.apt, &bench.tools)?;
    for cmd in [sight(), calls()] {
        cmd.arg("--no-run").run(COMPILE)?;
    }
    sight().run(RUN)?;
    beside_calls()
}

fn sight() -> Cmd {
    Cmd::cargo().args(["bench", "--package", "visavis-workers", "--bench", "sight"])
}

fn calls() -> Cmd {
    Cmd::cargo().args(["bench", "--package", "visavis-sfu", "--bench", "forward"])
}

/// The same call with threads that rest and with threads that look as much as they can, in turn.
fn beside_calls() -> Outcome {
    let (calls, eyes) = (Peer::start(calls())?, Peer::start(sight().args(["--", "saturate"]))?);
    calls.line_after("ready", START)?;
    eyes.line_after("ready", START)?;
    let (calls, eyes, looked) = (RefCell::new(calls), RefCell::new(eyes), RefCell::new(0.0));
    calls.borrow_mut().ask("open load 1 10 10 voice")?;
    let of_a_packet = || {
        let answer = calls.borrow_mut().ask(&format!("run load {SECONDS}"))?;
        answer.get("us").copied().ok_or_else(|| "no figure of a packet".to_owned())
    };
    let (calm, busy) = alternate(of_a_packet, || {
        eyes.borrow_mut().ask("go")?;
        let us = of_a_packet();
        *looked.borrow_mut() += eyes.borrow_mut().ask("rest")?.get("looked").copied().unwrap_or_default();
        us
    })?;
    println!("     {} pictures were looked at meanwhile", looked.borrow());
    Figure {
        number: "P13",
        what: "CPU of a forwarded packet while those who look are saturated",
        unit: "µs",
        value: busy,
        reference: Some(("while they rest", calm)),
        goal: Goal::TimesReference(1.05),
    }
    .print();
    Ok(())
}
