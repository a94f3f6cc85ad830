//! P9: what a Socket.IO connection weighs, and what handshakes, events and relayed messages take, beside node's server.
//!
//! No event of ours goes to a crowd yet, so the figure per recipient is that of a chat message in a room of two, the
//! same on both sides: its cost less that of an acknowledged event, for each who hears it.

use std::{thread, time::Duration};

use super::{
    Bench, GENERATORS, measured,
    peer::Peer,
    product::Product,
    report::{Figure, Goal},
    rounds,
};
use crate::{Outcome, proc, tree};

/// Sockets opened in a round of handshakes.
const HANDSHAKES: f64 = 400.0;
/// Sockets that memory is divided by; eight belong to one person.
const IDLE: f64 = 2000.0;
const PEOPLE: u32 = 250;
/// Sockets that events are spread over.
const BUSY: u32 = 64;
/// Events of a round, at this many a second.
const EVENTS: f64 = 16_000.0;
const EVENT_RATE: f64 = 8000.0;
/// Rooms of two, and the messages of a round in all of them, at this many a second.
const ROOMS: u32 = 32;
const MESSAGES: f64 = 4000.0;
const MESSAGE_RATE: f64 = 2000.0;
/// After the last of many connections, before memory is read.
const SETTLE: Duration = Duration::from_secs(3);

/// One server with its load.
struct Side {
    server: Peer,
    load: Peer,
    /// Node is asked to collect its garbage before memory is read.
    collects: bool,
}

pub fn bench(bench: &Bench) -> Outcome {
    let server = Product::fresh("socket")?;
    let load = bench.generator("sockets.mjs").arg("product").arg(&server.url).arg(&server.data);
    let mut load = Peer::start(load)?;
    load.ask(&format!("people {PEOPLE}"))?;
    // What signing in left in memory would be used again by connections, and hide them.
    let mut ours = Side { server: server.again()?.peer, load, collects: false };
    let idle = ours.idle_kib()?;
    let echo = ours.listens_to_itself()?;
    let mut theirs = reference(bench, echo)?;
    let memory = (idle, theirs.idle_kib()?);
    let handshake = rounds::alternate(|| ours.handshakes(), || theirs.handshakes())?;
    let event = busy(&mut ours, &mut theirs, &format!("connect {BUSY}"), Side::event)?;
    let message = busy(&mut ours, &mut theirs, &format!("pair {ROOMS}"), Side::message)?;
    let hearers = if echo { 2.0 } else { 1.0 };
    let per_hearer = ((message.0 - event.0) / hearers, (message.1 - event.1) / hearers);

    let print = |what, unit, (value, other), goal| {
        Figure { number: "P9", what, unit, value, reference: Some(("REF-S", other)), goal }.print();
    };
    print("memory of an idle connection", "KiB", memory, Goal::AtMost(6.0));
    print("CPU of a handshake, token and welcome with it", "µs", handshake, Goal::TimesReference(1.0 / 4.0));
    print("CPU of an event and its acknowledgement", "µs", event, Goal::TimesReference(1.0 / 3.0));
    print(
        "CPU of a relayed message for each who hears it",
        "µs",
        per_hearer,
        Goal::TimesReference(1.0 / 4.0),
    );
    print("CPU of a relayed message as a whole", "µs", message, Goal::None);
    Ok(())
}

fn reference(bench: &Bench, echo: bool) -> Outcome<Side> {
    let script = tree::absolute(GENERATORS).join("reference.mjs");
    let server = measured(bench.tools.node_program()).arg("--expose-gc").arg(script);
    let server = Peer::start(server.env("ECHO", if echo { "1" } else { "0" }))?;
    let url = server.line_after("listening on ", Duration::from_secs(30))?;
    let load = Peer::start(bench.generator("sockets.mjs").arg("reference").arg(url))?;
    Ok(Side { server, load, collects: true })
}

/// Both sides in that state, measured in turn, and let go.
fn busy(
    ours: &mut Side,
    theirs: &mut Side,
    state: &str,
    work: impl Fn(&mut Side) -> Outcome<f64>,
) -> Outcome<(f64, f64)> {
    ours.load.ask(state)?;
    theirs.load.ask(state)?;
    let both = rounds::alternate(|| work(ours), || work(theirs))?;
    ours.load.ask("close")?;
    theirs.load.ask("close")?;
    Ok(both)
}

impl Side {
    fn handshakes(&mut self) -> Outcome<f64> {
        let cost = self.load.cost(self.server.pid(), &format!("connect {HANDSHAKES}"), HANDSHAKES)?;
        self.load.ask("close")?;
        // What closing takes belongs to no handshake.
        thread::sleep(Duration::from_millis(300));
        Ok(cost)
    }

    fn event(&mut self) -> Outcome<f64> {
        self.load.cost(self.server.pid(), &format!("ack {EVENTS} {EVENT_RATE}"), EVENTS)
    }

    fn message(&mut self) -> Outcome<f64> {
        self.load.cost(self.server.pid(), &format!("chat {MESSAGES} {MESSAGE_RATE}"), MESSAGES)
    }

    /// Whether whoever writes a message is also sent it.
    fn listens_to_itself(&mut self) -> Outcome<bool> {
        self.load.ask("pair 1")?;
        let heard = self.load.ask("chat 8 8")?.get("heard").copied().unwrap_or_default();
        self.load.ask("close")?;
        Ok(heard > 8.5)
    }

    /// Memory of each of many connections, in a server that had few before.
    fn idle_kib(&mut self) -> Outcome<f64> {
        self.load.ask(&format!("connect {BUSY}"))?;
        self.load.ask("close")?;
        let before = self.memory()?;
        self.load.ask(&format!("connect {IDLE}"))?;
        let after = self.memory()?;
        self.load.ask("close")?;
        Ok((after - before) / IDLE)
    }

    /// Resident KiB once nothing moves.
    fn memory(&mut self) -> Outcome<f64> {
        thread::sleep(SETTLE);
        if self.collects {
            self.server.ask("gc")?;
        }
        let kib = proc::resident(self.server.pid())? / 1024;
        u32::try_from(kib).map(f64::from).map_err(|err| err.to_string())
    }
}
