//! A program that is asked for work line by line: `connect 200` → `done ms=12` or `failed WHY`.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use super::ANSWER;
use crate::{Outcome, clock::Watch, command::Cmd, proc};

/// A running program with both its ends in hand; ended when dropped.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Peer {
    pub fn start(cmd: Cmd) -> Outcome<Self> {
        let mut child = cmd.piped()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a program without ends".to_owned());
        };
        let (sender, lines) = channel();
        // Ends when the program does.
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                if line.map(|line| sender.send(line)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    /// The process whose time is measured. `taskset` becomes the program it starts, so it is the child itself.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the first line that starts with that, seen within the deadline.
    pub fn line_after(&self, start: &str, deadline: Duration) -> Outcome<String> {
        let watch = Watch::start();
        loop {
            let left = deadline.saturating_sub(watch.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.trim().strip_prefix(start) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("no line {start:?} in {deadline:?}")),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("it ended before the line {start:?}"));
                }
            }
        }
    }

    /// Asks for work and waits until it is done.
    pub fn ask(&mut self, work: &str) -> Outcome<Answer> {
        writeln!(self.input, "{work}").map_err(|err| format!("{work}: {err}"))?;
        loop {
            let line = self.lines.recv_timeout(ANSWER).map_err(|err| format!("{work}: no answer ({err})"))?;
            if let Some(answer) = answer(&line) {
                return answer.map_err(|why| format!("{work}: {why}"));
            }
        }
    }

    /// CPU time of `server` per unit while this one does that work, in microseconds.
    pub fn cost(&mut self, server: u32, work: &str, units: f64) -> Outcome<f64> {
        let before = proc::Cpu::of(server)?;
        self.ask(work)?;
        let nanos = proc::Cpu::of(server)?.since(&before);
        Ok(Duration::from_nanos(nanos).as_secs_f64() * 1e6 / units)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        proc::end_tree(&mut self.child);
    }
}

/// What the work told of itself: `key=number`.
pub type Answer = HashMap<String, f64>;

/// Nothing for a line that isn't an answer: programs may say other things too.
fn answer(line: &str) -> Option<Outcome<Answer>> {
    if let Some(why) = line.strip_prefix("failed") {
        return Some(Err(why.trim().to_owned()));
    }
    let words = line.strip_prefix("done")?.split_whitespace();
    let pair = |word: &str| {
        word.split_once('=').and_then(|(key, value)| Some((key.to_owned(), value.parse().ok()?)))
    };
    Some(words.map(|word| pair(word).ok_or_else(|| format!("{word:?} is no key=number"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_chatter() {
        assert!(answer("listening on http://x").is_none());
        assert_eq!(answer("failed no such room"), Some(Err("no such room".to_owned())));
        assert_eq!(answer("done"), Some(Ok(Answer::new())));
        assert_eq!(answer("done ms=1.5"), Some(Ok(Answer::from([("ms".to_owned(), 1.5)]))));
        assert!(matches!(answer("done ms=soon"), Some(Err(_))));
    }

    #[test]
    fn work_is_asked_for_line_by_line() {
        let script = "echo ready at 7; while read word n; do case $word in bad) echo failed no;; *) echo done n=$n;; esac; done";
        let mut peer = Peer::start(Cmd::new("sh").args(["-c", script])).expect("sh starts");
        assert_eq!(peer.line_after("ready at ", ANSWER).as_deref(), Ok("7"));
        assert_eq!(peer.ask("go 5").expect("answers")["n"].to_string(), "5");
        assert_eq!(peer.ask("bad 5"), Err("bad 5: no".to_owned()));
        assert!(peer.line_after("never", Duration::from_millis(50)).is_err());
        assert!(peer.cost(std::process::id(), "go 1", 1.0).expect("measures") >= 0.0);
    }
}
