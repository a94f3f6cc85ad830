//! `cargo xtask bench NAME`: figures beside their goals, each with the reference it is compared with, from one run.
//!
//! Machines are shared and noisy: what counts is CPU time of the server process per unit of work, alternated with the
//! reference (A B A B), the first round dropped, medians. Load comes from another core at a fixed rate, and a round in
//! which one answer is missing fails the bench.

use std::time::Duration;

use crate::{Outcome, command::Cmd, install::Apt, setup::Tools, test::COMPILE, tree, web};

mod city;
mod http;
mod idle;
mod nginx;
mod peer;
mod product;
mod queue;
mod redis_queue;
mod relay;
mod report;
mod rounds;
mod rpc;
mod sfu;
mod sight;
mod socket;
mod ten;

/// How long anything that is asked of a program under measurement may take.
const ANSWER: Duration = Duration::from_mins(2);
/// The folder of the generators and of the reference server.
const GENERATORS: &str = "xtask/bench";

/// What every bench may need.
struct Bench {
    apt: Apt,
    tools: Tools,
}

/// A bench: prints its figures.
type Go = fn(&Bench) -> Outcome;

const ALL: &[(&str, Go)] = &[
    ("city", city::bench),
    ("queue", queue::bench),
    ("http", http::bench),
    ("socket", socket::bench),
    ("idle", idle::bench),
    ("rpc", rpc::bench),
    ("sfu", sfu::bench),
    ("sight", sight::bench),
    ("redis-queue", redis_queue::bench),
    ("relay", relay::bench),
    ("ten", ten::bench),
];
/// Those that measure no server: nothing need be built for them here.
const WITHOUT_SERVER: &[&str] = &["city", "queue", "rpc", "redis-queue", "sight"];

pub fn bench(args: &[String]) -> Outcome {
    let name = args.first().map_or("", String::as_str);
    let chosen: Vec<_> = ALL.iter().filter(|(known, _)| *known == name || name == "all").collect();
    if chosen.is_empty() {
        return Err(
            "which? city, queue, http, socket, idle, rpc, sfu, sight, redis-queue, relay, ten or all"
                .to_owned(),
        );
    }
    let apt = Apt::new();
    let tools = Tools::for_building(&apt)?;
    tools.npm_ci(GENERATORS)?;
    let bench = Bench { apt, tools };
    if !WITHOUT_SERVER.contains(&name) && std::env::var_os("VISAVIS_BIN").is_none() {
        web::build(&bench.tools)?;
        Cmd::cargo().args(["build", "--release", "--package", "visavis"]).run(COMPILE)?;
    }
    let missed: Vec<String> = chosen
        .iter()
        .filter_map(|(name, go)| go(&bench).err().map(|why| format!("\n  {name}: {why}")))
        .collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("no figure:{}", missed.concat())) }
}

/// A command on the core that servers have, or on the other one, where load comes from. On one core: wherever.
fn on_core(core: usize, cmd: impl AsRef<std::ffi::OsStr>) -> Cmd {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > core) {
        Cmd::new("taskset").args(["--cpu-list", &core.to_string()]).arg(cmd)
    } else {
        Cmd::new(cmd)
    }
}

/// A command on the core that is measured.
fn measured(program: impl AsRef<std::ffi::OsStr>) -> Cmd {
    on_core(0, program)
}

impl Bench {
    /// A generator of ours, on the core that isn't measured.
    fn generator(&self, script: &str) -> Cmd {
        on_core(1, self.tools.node_program()).arg(tree::absolute(GENERATORS).join(script))
    }
}
