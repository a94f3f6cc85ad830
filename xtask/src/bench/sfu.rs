//! P1–P5 from real clients on loopback, beside a bare forwarder in the same run; P6–P8 and what memory is used from
//! simulations in virtual time with committed seeds.

use std::{fs, time::Duration};

use super::{
    Bench,
    peer::{Answer, Peer},
    report::{Figure, Goal},
    rounds::{ROUNDS, median},
};
use crate::{Outcome, command::Cmd, test::COMPILE};

const PACKAGE: &[&str] = &["--package", "visavis-sfu"];
/// Seeds of the simulation of a link that falls and comes back.
const SEEDS: &str = "100";
/// Who come and go in the test of memory.
const JOINS: &str = "100000";
/// All simulations, on a busy machine.
const SIMULATIONS: Duration = Duration::from_hours(1);
/// Seconds of a round.
const SECONDS: &str = "3";
/// Until the bench says something, compiled as it is.
const START: Duration = Duration::from_mins(1);
/// Rooms whose cost per packet is compared with one room's.
const MANY: &str = "20";

pub fn bench(_: &Bench) -> Outcome {
    println!("load of the machine before: {}", load());
    Cmd::cargo().arg("bench").args(PACKAGE).args(["--bench", "forward", "--no-run"]).run(COMPILE)?;
    let cmd = Cmd::cargo().arg("bench").args(PACKAGE).args(["--bench", "forward"]);
    let mut peer = Peer::start(cmd)?;
    peer.line_after("ready", START)?;
    forwarding(&mut peer, "ten who see and hear ten", "10 10", "voice")?;
    forwarding(&mut peer, "ten who see ten", "10 10", "mute")?;
    forwarding(&mut peer, "nine who see one", "10 1", "mute")?;
    rooms(&mut peer)?;
    drop(peer);
    println!("load of the machine after: {}", load());
    simulations()
}

/// The simulations print their own figures beside their goals.
fn simulations() -> Outcome {
    for (test, only) in [("memory", ""), ("sim", "goals"), ("sim", "reliability::r10")] {
        let run = ["test", "--release", "--quiet"];
        let shown = ["--", "--nocapture", "--test-threads", "1", only];
        Cmd::cargo()
            .args(run)
            .args(PACKAGE)
            .args(["--test", test])
            .args(shown)
            .env("P7_SEEDS", SEEDS)
            .env("R11_JOINS", JOINS)
            .run(SIMULATIONS)?;
    }
    Ok(())
}

/// One minute's average.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// P1, P2 and P4 of one load: ours, the bare forwarder, the bare forwarder with segments, in turn.
fn forwarding(peer: &mut Peer, what: &str, people: &str, voice: &str) -> Outcome {
    peer.ask(&format!("open load 1 {people} {voice}"))?;
    let count = people.split(' ').next().unwrap_or_default();
    let (mut ours, mut plain, mut gso) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(peer.ask(&format!("run load {SECONDS}"))?);
        peer.ask("pause load")?;
        plain.push(peer.ask(&format!("ref plain {count} {SECONDS}"))?);
        gso.push(peer.ask(&format!("ref gso {count} {SECONDS}"))?);
    }
    peer.ask("close load")?;
    let of = |answers: &[Answer], key: &str| {
        let all: Vec<f64> = answers.iter().skip(1).filter_map(|a| a.get(key).copied()).collect();
        median(&all)
    };
    let print = |number, name: &str, unit, value, reference, goal| {
        let what = format!("{name}, {what}");
        Figure { number, what: &what, unit, value, reference, goal }.print();
    };
    println!(
        "     {what}: {:.0} packets a second out, {:.0} % of a core, all delivered",
        of(&ours, "rate"),
        of(&ours, "core") * 100.0
    );
    let us = of(&ours, "us");
    let cpu = "CPU of a forwarded packet";
    let beside = |name: &'static str, answers: &[Answer]| Some((name, of(answers, "us")));
    print("P1", cpu, "µs", us, beside("REF-F plain", &plain), Goal::TimesReference(1.0));
    print("P1", cpu, "µs", us, beside("REF-F GSO", &gso), Goal::TimesReference(1.3));
    print("P2", "system calls of a forwarded packet", "", of(&ours, "calls"), None, Goal::AtMost(0.3));
    print("P4", "time in the process, p50", "µs", of(&ours, "p50"), None, Goal::AtMost(50.0));
    print("P4", "time in the process, p99", "µs", of(&ours, "p99"), None, Goal::AtMost(500.0));
    Ok(())
}

/// P5: one room and many.
fn rooms(peer: &mut Peer) -> Outcome {
    let mut of = |rooms: &str| {
        peer.ask(&format!("open load {rooms} 3 3 voice"))?;
        let all: Outcome<Vec<f64>> = (0..ROUNDS)
            .map(|_| Ok(peer.ask(&format!("run load {SECONDS}"))?.get("us").copied().unwrap_or(f64::NAN)))
            .collect();
        peer.ask("close load")?;
        Ok::<_, String>(median(&all?[1..]))
    };
    let (one, many) = (of("1")?, of(MANY)?);
    Figure {
        number: "P5",
        what: "CPU of a forwarded packet, twenty rooms of three",
        unit: "µs",
        value: many,
        reference: Some(("one room", one)),
        goal: Goal::TimesReference(1.10),
    }
    .print();
    Ok(())
}
