//! What a forwarded packet costs, beside a bare forwarder in the same run. Asked line by line (`cargo xtask bench sfu`):
//!
//! - `open NAME ROOMS PEOPLE SENDERS voice|mute`: people who see one another; `done` when every picture flows.
//! - `run NAME SECONDS`: `done us= calls= p50= p99= core= rate=`, or `failed` when anything was lost.
//! - `pause NAME`: they stay, and send nothing.
//! - `ref plain|gso PEOPLE SECONDS`: the same load through the bare forwarder.
//!
//! Media threads run on the first core, the load on the second.

#![expect(clippy::unwrap_used, reason = "a bench that can't go on has no figure")]

mod crowd;
mod reference;
mod tally;

use std::{
    collections::HashMap,
    io::{BufRead as _, Write as _, stdin, stdout},
    time::{Duration, Instant},
};

use crowd::Crowd;

/// Payload, frames a second and packets of a frame: what mediasoup and others were measured with.
const BYTES: usize = 1_100;
const FPS: u32 = 30;
const PACKETS: u32 = 6;

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn clock() -> Instant {
    Instant::now()
}

type Answer = Result<Vec<(&'static str, f64)>, String>;

fn main() {
    // `cargo test` runs benches to see whether they start.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let tally = tally::install();
    tally::pin(1);
    println!("ready");
    let mut crowds: HashMap<String, Crowd> = HashMap::new();
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["open", name, rooms, people, senders, voice] => {
                let [rooms, people, senders] = [rooms, people, senders].map(|n| n.parse().unwrap());
                Crowd::open(rooms, people, senders, voice == "voice").map(|crowd| {
                    let after = crowd.warm_after.as_secs_f64();
                    crowds.insert(name.to_owned(), crowd);
                    vec![("after_s", after)]
                })
            }
            ["run", name, seconds] => of(&mut crowds, name)
                .and_then(|crowd| crowd.run(Duration::from_secs_f64(seconds.parse().unwrap()), &tally)),
            ["pause", name] => of(&mut crowds, name).map(|crowd| {
                crowd.pause();
                Vec::new()
            }),
            ["close", name] => of(&mut crowds, name).map(|_| Vec::new()).inspect(|_| {
                crowds.remove(name);
            }),
            ["ref", form, people, seconds] => {
                let time = Duration::from_secs_f64(seconds.parse().unwrap());
                reference::run(form == "gso", people.parse().unwrap(), time)
            }
            _ => Err("what?".to_owned()),
        };
        match answer {
            Ok(values) => {
                let values: Vec<String> =
                    values.iter().map(|(key, value)| format!(" {key}={value}")).collect();
                println!("done{}", values.concat());
            }
            Err(why) => println!("failed {why}"),
        }
        stdout().flush().unwrap();
    }
}

fn of<'a>(crowds: &'a mut HashMap<String, Crowd>, name: &str) -> Result<&'a mut Crowd, String> {
    crowds.get_mut(name).ok_or_else(|| format!("no {name}"))
}
