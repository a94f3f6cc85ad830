//! When to ask a publisher for a key frame: only while somebody needs one, and no source more often than every
//! [`BETWEEN_MS`]. Pure. `L` names one encoding of a source.

use std::collections::VecDeque;

use crate::Timestamp;

/// Between two requests to one source: a key frame costs ten times a normal one, and the first answers all who wait.
pub const BETWEEN_MS: i64 = 500;
/// Encodings of one source that can be asked for: three of a camera.
const MAX_LAYERS: usize = 4;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<L> {
    /// Somebody can't go on without one.
    Need(L),
    /// One has come.
    Came(L),
    /// Nobody needs it any more.
    Moot(L),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<L> {
    /// Ask for one.
    Ask(L),
    /// Call `handle(Tick)` then.
    WakeAt(Timestamp),
}

/// The machine: one per source.
#[derive(Debug)]
pub struct KeyFrames<L> {
    /// Needed: first those never asked for, then those asked for longest ago.
    needed: VecDeque<L>,
    /// How many at the front were never asked for.
    fresh: usize,
    asked: Option<Timestamp>,
    out: VecDeque<Output<L>>,
}

impl<L> Default for KeyFrames<L> {
    fn default() -> Self {
        Self { needed: VecDeque::new(), fresh: 0, asked: None, out: VecDeque::new() }
    }
}

impl<L: Copy + PartialEq> KeyFrames<L> {
    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output<L>> {
        self.out.pop_front()
    }

    /// What is waited for.
    pub fn needed(&self) -> impl Iterator<Item = L> {
        self.needed.iter().copied()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input<L>) {
        match input {
            Input::Need(layer) => {
                if !self.needed.contains(&layer) && self.needed.len() < MAX_LAYERS {
                    self.needed.insert(self.fresh, layer);
                    self.fresh += 1;
                    self.ask(now);
                }
            }
            Input::Came(layer) | Input::Moot(layer) => {
                if let Some(i) = self.needed.iter().position(|l| *l == layer) {
                    self.needed.remove(i);
                    self.fresh -= usize::from(i < self.fresh);
                }
            }
            Input::Tick => self.ask(now),
        }
    }

    /// Asks for the one that waits longest, and again later for what hasn't come by then.
    fn ask(&mut self, now: Timestamp) {
        let next = |at: Timestamp| Timestamp::from_millis(at.as_millis() + BETWEEN_MS);
        if self.needed.is_empty() {
            return;
        }
        match self.asked {
            Some(at) if now < next(at) => self.out.push_back(Output::WakeAt(next(at))),
            _ => {
                self.asked = Some(now);
                self.out.push_back(Output::Ask(self.needed[0]));
                self.needed.rotate_left(1);
                self.fresh = self.fresh.saturating_sub(1);
                self.out.push_back(Output::WakeAt(next(now)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn asks(gate: &mut KeyFrames<u8>) -> Vec<u8> {
        let all = std::iter::from_fn(|| gate.poll());
        all.filter_map(|o| if let Output::Ask(l) = o { Some(l) } else { None }).collect()
    }

    #[test]
    fn nine_who_need_the_same_are_one_request_and_a_lost_answer_is_asked_for_again() {
        let mut gate = KeyFrames::default();
        (0..9).for_each(|i| gate.handle(at(i), Input::Need(1)));
        assert_eq!(asks(&mut gate), [1]);
        gate.handle(at(499), Input::Tick);
        assert_eq!(asks(&mut gate), [0_u8; 0]);
        gate.handle(at(500), Input::Tick);
        assert_eq!(asks(&mut gate), [1]);
        gate.handle(at(600), Input::Came(1));
        gate.handle(at(1_000), Input::Tick);
        assert_eq!(asks(&mut gate), [0_u8; 0], "nobody needs one");
    }

    #[test]
    fn layers_of_one_source_take_turns() {
        let mut gate = KeyFrames::default();
        gate.handle(at(0), Input::Need(1));
        gate.handle(at(1), Input::Need(2));
        assert_eq!(asks(&mut gate), [1]);
        gate.handle(at(500), Input::Tick);
        assert_eq!(asks(&mut gate), [2]);
    }

    proptest! {
        #[test]
        fn requests_are_never_too_close_and_never_for_what_nobody_needs(
            steps in prop::collection::vec((0_i64..400, 0_u8..4, 0_u8..3), 1..200),
        ) {
            let (mut gate, mut now, mut last) = (KeyFrames::default(), 0, None::<i64>);
            let mut needed = std::collections::BTreeSet::new();
            for (gap, what, layer) in steps {
                now += gap;
                let input = match what {
                    0 => { needed.insert(layer); Input::Need(layer) }
                    1 => { needed.remove(&layer); Input::Came(layer) }
                    2 => { needed.remove(&layer); Input::Moot(layer) }
                    _ => Input::Tick,
                };
                gate.handle(at(now), input);
                for layer in asks(&mut gate) {
                    prop_assert!(needed.contains(&layer));
                    prop_assert!(last.is_none_or(|last| now - last >= BETWEEN_MS));
                    last = Some(now);
                }
            }
        }
    }
}
