//! What another viewer's page sends in of a direct call is a hint: it may move that call to the server, which then looks for
//! itself, and nothing else ever follows from it. So that nobody's word alone sends every call of theirs over the server, a
//! word is spent with each call that moves; it comes back when the server sees what was hinted at, when the call was over
//! before it could look, or after a day. Pure.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{ParticipantId, RoomId, UserId},
};

/// Calls that somebody's word moves before the server has seen what they saw in one of them. A model errs, and who is
/// filmed may turn the camera away as soon as the call moves; thrice a day that happens to nobody who is honest.
pub const WORDS: usize = 3;
/// A word that came to nothing is had again after so long.
pub const FORGIVEN: Duration = Duration::from_hours(24);
/// So long the server looks for what was hinted at: a picture every five seconds, after the call has moved.
pub const LOOKS: Duration = Duration::from_secs(30);
/// Whether somebody is still there is answered within this, or never.
const ANSWER: Duration = Duration::from_secs(10);
/// Hints of one process that wait for what the server sees. Beyond it the oldest words stay spent.
const MAX_WAITING: usize = 4_096;

/// The words that somebody has spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice(Vec<(RoomId, Timestamp)>);

impl Voice {
    /// Whether a word is left.
    pub fn is_heard(&self, now: Timestamp) -> bool {
        self.spent(now).count() < WORDS
    }

    /// Spends a word on that call. False when there is none left, or it was spent on it before.
    pub fn spend(&mut self, now: Timestamp, room: RoomId) -> bool {
        self.0 = self.spent(now).collect();
        let may = self.0.len() < WORDS && self.0.iter().all(|(known, _)| *known != room);
        if may {
            self.0.push((room, now));
        }
        may
    }

    /// The word for that call is had again. False when none was spent on it.
    pub fn give_back(&mut self, room: RoomId) -> bool {
        let before = self.0.len();
        self.0.retain(|(known, _)| *known != room);
        self.0.len() < before
    }

    /// Nothing needs to be remembered.
    pub const fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    fn spent(&self, now: Timestamp) -> impl Iterator<Item = (RoomId, Timestamp)> + '_ {
        self.0.iter().copied().filter(move |(_, at)| now.since(*at) < FORGIVEN)
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A call moves because of what one showed of the other.
    Moves {
        /// Which.
        room: RoomId,
        /// Whose word it was.
        by: UserId,
        /// Whose picture.
        of: ParticipantId,
    },
    /// The server has looked at a picture that it received itself.
    Looked {
        /// In which call.
        room: RoomId,
        /// Whose.
        of: ParticipantId,
        /// A rule sees something in it.
        noticed: bool,
    },
    /// Whoever was hinted at isn't in that call any more.
    Over(RoomId),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Their word for that call is had again.
    GiveBack {
        /// Whose.
        by: UserId,
        /// For which call.
        room: RoomId,
    },
    /// The server has seen no picture of theirs at all: are they still in that call? `Over` when not.
    Ask(RoomId, ParticipantId),
}

/// Hints that wait for what the server sees.
#[derive(Debug, Default)]
pub struct Hints(BTreeMap<RoomId, Waiting>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    by: UserId,
    of: ParticipantId,
    since: Timestamp,
    looked: bool,
    asked: bool,
}

impl Hints {
    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        match input {
            Input::Moves { room, by, of } => {
                self.make_room();
                self.0.entry(room).or_insert(Waiting { by, of, since: now, looked: false, asked: false });
                Vec::new()
            }
            Input::Looked { room, of, noticed } => {
                let Some(waiting) = self.0.get_mut(&room).filter(|waiting| waiting.of == of) else {
                    return Vec::new();
                };
                waiting.looked = true;
                if noticed { self.give_back(room) } else { Vec::new() }
            }
            // Who leaves after the server has looked has been looked at.
            Input::Over(room) if self.0.get(&room).is_some_and(|waiting| waiting.looked) => Vec::new(),
            Input::Over(room) => self.give_back(room),
            Input::Tick => self.tick(now),
        }
    }

    fn give_back(&mut self, room: RoomId) -> Vec<Output> {
        let gone = self.0.remove(&room);
        gone.map(|waiting| Output::GiveBack { by: waiting.by, room }).into_iter().collect()
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Output> {
        let mut out = Vec::new();
        self.0.retain(|room, waiting| {
            let waited = now.since(waiting.since);
            if waited >= LOOKS && !waiting.looked && !waiting.asked {
                waiting.asked = true;
                out.push(Output::Ask(*room, waiting.of));
            }
            waited < LOOKS || (waiting.asked && waited < LOOKS + ANSWER)
        });
        out
    }

    fn make_room(&mut self) {
        while self.0.len() >= MAX_WAITING {
            let oldest = self.0.iter().min_by_key(|(_, waiting)| waiting.since).map(|(room, _)| *room);
            let Some(oldest) = oldest else { return };
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: UserId = UserId::from_bits(1);
    const OF: ParticipantId = ParticipantId::from_bits(2);
    const ROOM: RoomId = RoomId::from_bits(3);

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
    }

    fn room(n: usize) -> RoomId {
        RoomId::from_bits(n as u128)
    }

    fn moved() -> Hints {
        let mut hints = Hints::default();
        assert_eq!(hints.handle(at(0), Input::Moves { room: ROOM, by: BY, of: OF }), []);
        hints
    }

    fn looked(of: ParticipantId, noticed: bool) -> Input {
        Input::Looked { room: ROOM, of, noticed }
    }

    const BACK: [Output; 1] = [Output::GiveBack { by: BY, room: ROOM }];

    #[test]
    fn three_calls_move_by_somebodys_word_and_the_next_one_a_day_later() {
        let mut voice = Voice::default();
        for n in 0..WORDS {
            assert!(voice.is_heard(at(0)) && voice.spend(at(0), room(n)));
            assert!(!voice.spend(at(0), room(n)), "a call moves once");
        }
        assert!(!voice.is_heard(at(1)) && !voice.spend(at(1), room(9)));
        assert!(!voice.is_heard(at(24 * 3_600 - 1)));
        assert!(voice.is_heard(at(24 * 3_600)) && voice.spend(at(24 * 3_600), room(9)));
        assert_eq!(voice.0.len(), 1, "what is forgiven is forgotten");
    }

    #[test]
    fn a_word_that_was_borne_out_is_had_again() {
        let mut voice = Voice::default();
        for n in 0..WORDS {
            voice.spend(at(0), room(n));
        }
        assert!(voice.give_back(room(1)) && !voice.give_back(room(1)) && !voice.is_whole());
        assert!(voice.is_heard(at(0)));
    }

    #[test]
    fn it_is_borne_out_when_the_server_sees_it_of_whom_it_was_about() {
        let mut hints = moved();
        assert_eq!(hints.handle(at(6), looked(OF, false)), []);
        assert_eq!(hints.handle(at(7), looked(ParticipantId::from_bits(9), true)), [], "of somebody else");
        assert_eq!(hints.handle(at(11), looked(OF, true)), BACK);
        assert_eq!(hints.handle(at(16), looked(OF, true)), [], "once");
    }

    #[test]
    fn nothing_seen_within_half_a_minute_leaves_it_spent() {
        let mut hints = moved();
        hints.handle(at(6), looked(OF, false));
        assert_eq!(hints.handle(at(30), Input::Tick), []);
        assert_eq!(hints.handle(at(31), looked(OF, true)), []);
        assert!(hints.0.is_empty());
    }

    #[test]
    fn who_left_before_the_server_could_look_is_no_proof_either_way() {
        let mut hints = moved();
        assert_eq!(hints.handle(at(29), Input::Tick), []);
        assert_eq!(hints.handle(at(30), Input::Tick), [Output::Ask(ROOM, OF)]);
        assert_eq!(hints.handle(at(31), Input::Tick), [], "it is asked once");
        assert_eq!(hints.handle(at(31), Input::Over(ROOM)), BACK);
        let mut hints = moved();
        hints.handle(at(30), Input::Tick);
        assert_eq!(hints.handle(at(40), Input::Tick), [], "they are there, and show nothing");
        assert!(hints.0.is_empty());
        let mut hints = moved();
        hints.handle(at(6), looked(OF, false));
        assert_eq!(hints.handle(at(7), Input::Over(ROOM)), [], "the server had looked");
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes() {
        let mut hints = Hints::default();
        for n in 0..=MAX_WAITING {
            let now = at(i64::try_from(n / 1_000).unwrap());
            hints.handle(now, Input::Moves { room: room(n), by: BY, of: OF });
        }
        assert_eq!(hints.0.len(), MAX_WAITING);
        assert!(!hints.0.contains_key(&room(0)) && hints.0.contains_key(&room(MAX_WAITING)));
    }
}
