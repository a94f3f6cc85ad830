//! P14: how soon the whole product is ready, and what it weighs with nobody there.

use std::{thread, time::Duration};

use super::{
    Bench, measured,
    peer::Peer,
    product::Product,
    report::{Figure, Goal},
    rounds,
};
use crate::{Outcome, proc};

/// Long enough for what a start leaves behind (migrations, key making) to be freed.
const SETTLE: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;

pub fn bench(bench: &Bench) -> Outcome {
    let mut first = Vec::new();
    let ready = rounds::repeat(|| {
        let server = Product::fresh("idle")?;
        first.push(millis(&server));
        let data = server.data.clone();
        drop(server);
        Ok(millis(&Product::on(&data)?))
    })?;
    let script = "require('http').createServer().listen(0, '127.0.0.1', () => console.log('ready'))";
    let (ours, node) = rounds::alternate(
        || resident(&Product::fresh("idle")?.peer),
        || {
            let node = Peer::start(measured(bench.tools.node_program()).args(["-e", script]))?;
            node.line_after("ready", Duration::from_secs(30))?;
            resident(&node)
        },
    )?;
    let ready_goal = Goal::AtMost(300.0);
    let figure =
        |what, unit, value, reference, goal| Figure { number: "P14", what, unit, value, reference, goal };
    figure("first start, empty folder, until ready", "ms", rounds::median(&first[1..]), None, ready_goal)
        .print();
    figure("start again, until ready", "ms", ready, None, ready_goal).print();
    figure("resident, idle, all roles", "MiB", ours, Some(("bare node", node)), Goal::AtMost(60.0)).print();
    Ok(())
}

fn millis(server: &Product) -> f64 {
    server.ready_after.as_secs_f64() * 1000.0
}

fn resident(peer: &Peer) -> Outcome<f64> {
    thread::sleep(SETTLE);
    let bytes = proc::resident(peer.pid())?;
    Ok(f64::from(u32::try_from(bytes / 1024).map_err(|err| err.to_string())?) * 1024.0 / MIB)
}
