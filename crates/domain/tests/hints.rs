//! Simulations with seeds: people who collude send in pictures of honest people that a model flags, in every call of theirs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, time::Duration};

use visavis_domain::{
    Timestamp,
    hints::{FORGIVEN, Hints, Input, Output, Voice, WORDS},
    id::{ParticipantId, RoomId, SignalId, UserId},
    strikes::{self, Concern, Modality, Rules, Signal, Strikes},
};

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const COLLUDERS: u8 = 20;
const CALLS: u16 = 2_000;

/// `SplitMix64`.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn hint(n: u64, at: Timestamp) -> strikes::Input {
    strikes::Input::Signal(Signal {
        id: SignalId::from_bits(n.into()),
        concern: Concern::Nudity,
        modality: Modality::Picture,
        from: at,
        until: at,
        score: 1_000,
        server: false,
    })
}

/// How a call ends after a hint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The server looks and sees nothing.
    Nothing,
    /// It sees what was hinted at.
    Seen,
    /// Whoever hinted leaves at once.
    Left,
}

/// Everybody's words, and what waits.
#[derive(Default)]
struct Place {
    voices: BTreeMap<UserId, Voice>,
    hints: Hints,
    moved: BTreeMap<UserId, Vec<(Timestamp, After)>>,
}

impl Place {
    /// A flagged picture by `by` in a call that goes on like this.
    fn call(&mut self, at: Timestamp, n: u64, by: UserId, after: After) {
        let (room, of) = (RoomId::from_bits(n.into()), ParticipantId::from_bits(n.into()));
        let voice = self.voices.entry(by).or_default();
        if !voice.is_heard(at) || !voice.spend(at, room) {
            return;
        }
        self.moved.entry(by).or_default().push((at, after));
        let mut out = self.hints.handle(at, Input::Moves { room, by, of });
        let noticed = after == After::Seen;
        if after != After::Left {
            out.extend(self.hints.handle(at + Duration::from_secs(6), Input::Looked { room, of, noticed }));
        }
        let later = self.hints.handle(at + Duration::from_secs(31), Input::Tick);
        for asked in later {
            if let Output::Ask(room, _) = asked {
                out.extend(self.hints.handle(at + Duration::from_secs(31), Input::Over(room)));
            }
        }
        for output in out {
            if let Output::GiveBack { by, room } = output {
                assert!(self.voices.get_mut(&by).unwrap().give_back(room));
            }
        }
    }
}

#[test]
fn twenty_who_collude_move_a_few_calls_a_day_and_nothing_follows_for_whom_they_mean() {
    let rules: Rules = toml::from_str(strikes::DEFAULT_RULES).unwrap();
    for seed in 0..8 {
        let (mut dice, mut place) = (Seed(seed), Place::default());
        let mut victim = Strikes::new(rules.clone());
        let mut now = T0;
        for n in 0..u64::from(CALLS) {
            now = now + Duration::from_secs(60 + dice.below(120));
            let by = UserId::from_bits(u128::from(dice.below(COLLUDERS.into())));
            victim.handle(now, hint(n, now));
            place.call(now, n, by, After::Nothing);
        }
        let all: Vec<_> = std::iter::from_fn(|| victim.poll()).collect();
        assert!(all.iter().all(|o| matches!(o, strikes::Output::Look(_))), "seed {seed}: {all:?}");
        assert_eq!(all.len(), usize::from(CALLS));
        for (by, moved) in &place.moved {
            for (i, (at, _)) in moved.iter().enumerate() {
                let same_day = moved[i..].iter().take_while(|(other, _)| other.since(*at) < FORGIVEN).count();
                assert!(same_day <= WORDS, "seed {seed}: {by} moved {same_day} calls within a day");
            }
        }
        let days = usize::try_from(now.since(T0).as_secs() / FORGIVEN.as_secs()).unwrap() + 1;
        let moved: usize = place.moved.values().map(Vec::len).sum();
        assert!(
            moved <= usize::from(COLLUDERS) * WORDS * days,
            "seed {seed}: {moved} of {CALLS} in {days} days"
        );
        assert!(moved * 4 < usize::from(CALLS), "seed {seed}: {moved} of {CALLS} calls moved");
    }
}

#[test]
fn whoever_is_right_is_heard_each_time_also_of_those_who_leave_at_once() {
    for seed in 0..8 {
        let (mut dice, mut place) = (Seed(seed), Place::default());
        let (honest, mut now, mut wrong) = (UserId::from_bits(1), T0, 0);
        for n in 0..200 {
            now = now + Duration::from_mins(5);
            let after = match dice.below(100) {
                // Twice a model saw in the one picture what it didn't see in the others.
                _ if n % 70 == 69 => After::Nothing,
                0..40 => After::Left,
                _ => After::Seen,
            };
            wrong += usize::from(after == After::Nothing);
            place.call(now, n, honest, after);
        }
        assert!(wrong < WORDS);
        assert_eq!(place.moved[&honest].len(), 200, "seed {seed}");
    }
}
