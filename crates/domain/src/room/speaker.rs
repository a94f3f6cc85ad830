//! Who is speaking: Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing" (Computer
//! Speech & Language 27, 2013), over the audio levels that every packet carries (RFC 6464). Pure.
//!
//! A speaker is judged over three lengths of time: now, about a tenth of a second, and a second. Somebody takes the floor
//! only by being clearly more active in the first two and no less in the third, so that a cough or a laugh doesn't, and
//! whoever spoke last keeps it through a silence.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::ParticipantId};

/// One step of history. Browsers send a packet every 20 ms.
const STEP_MS: i64 = 20;
/// Steps of a history: one second, the longest of the three lengths.
const STEPS: usize = SHORT_PER_MEDIUM * 10;
/// Steps of the medium length.
const SHORT_PER_MEDIUM: usize = 5;
/// Loudness classes of one step: 127 levels in tens.
const CLASS_WIDTH: u8 = 10;
/// What a whole step of loudness is in the smoothed level: fixed point, so that a fall ends at silence.
const ONE: i32 = 256;
/// A step counts as active above this class: louder than about −47 dBov, where speech is and a fan isn't.
const ACTIVE_CLASS: u8 = 7;
/// A medium stretch counts as active above this many active steps.
const ACTIVE_STEPS: usize = 4;
/// The paper's N1, N2, N3: classes of a step, steps of the medium length, medium stretches of the long one.
const SIZES: [u32; 3] = [13, 5, 10];
/// The paper's λ for the three lengths.
const LAMBDAS: [f64; 3] = [0.78, 24.0, 47.0];
/// By how much (as a logarithm of scores) a challenger must be ahead, for the three lengths.
const LEADS: [f64; 3] = [3.0, 2.0, 0.0];
/// Lowest score, so that a logarithm exists.
const MIN_SCORE: f64 = 1e-10;

/// Between two decisions, and so between two `active-speaker` events (protocol section 3).
pub const DECIDE_EVERY_MS: i64 = 300;
/// Change of a level that is worth an event, in per cent.
const WORTH: u8 = 5;
/// One over the share of the way to a new level, per step: rises are seen at once, falls fade within half a second.
const RISE: i32 = 2;
const FALL: i32 = 12;
/// What is shown as silence and as loudest, in dB above −127 dBov.
const QUIET: i32 = 60;
const LOUD: i32 = 112;

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A packet of somebody's microphone.
    Level {
        /// Whose.
        who: ParticipantId,
        /// RFC 6464: −dBov, from 0 (loudest) to 127 (silence).
        level: u8,
    },
    /// Somebody has gone or was muted.
    Gone(ParticipantId),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Tell everybody.
    Speaking {
        /// Who has the floor: the last one who took it, as long as they are here.
        who: Option<ParticipantId>,
        /// Everybody who is heard or has just fallen silent.
        levels: Vec<Loudness>,
    },
    /// Call `handle(Tick)` then.
    WakeAt(Timestamp),
}

/// How loud somebody is, smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Loudness {
    /// Who.
    pub participant_id: ParticipantId,
    /// From 0 (silent) to 100.
    pub level: u8,
}

/// The machine: one per room.
#[derive(Debug)]
pub struct Speakers {
    people: Vec<Person>,
    floor: Option<ParticipantId>,
    tables: [Vec<f64>; 3],
    decided: Option<Timestamp>,
    told: (Option<ParticipantId>, Vec<Loudness>),
    out: VecDeque<Output>,
}

/// One person's history; `recent[0]` is the step under way.
#[derive(Debug)]
struct Person {
    who: ParticipantId,
    /// Number of the newest step since the epoch.
    step: i64,
    recent: VecDeque<u8>,
    smooth: i32,
}

impl Default for Speakers {
    fn default() -> Self {
        Self::new()
    }
}

impl Speakers {
    /// A silent room.
    pub fn new() -> Self {
        let tables = [0, 1, 2].map(|i| scores(SIZES[i], LAMBDAS[i]));
        Self {
            people: Vec::new(),
            floor: None,
            tables,
            decided: None,
            told: (None, Vec::new()),
            out: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Level { who, level } => self.level(now, who, level),
            Input::Gone(who) => self.people.retain(|p| p.who != who),
            Input::Tick => {}
        }
        if self.floor.is_some_and(|floor| self.people.iter().all(|p| p.who != floor)) {
            self.floor = None;
        }
        self.decide(now);
    }

    /// Who has the floor.
    pub const fn floor(&self) -> Option<ParticipantId> {
        self.floor
    }

    /// Everybody who is heard, loudest first, as of the last packets.
    pub fn loudest(&self) -> Vec<Loudness> {
        let mut all = self.levels();
        all.sort_by_key(|l| std::cmp::Reverse(l.level));
        all
    }

    fn level(&mut self, now: Timestamp, who: ParticipantId, level: u8) {
        let step = now.as_millis().div_euclid(STEP_MS);
        let loudness = 127 - level.min(127);
        let known = self.people.iter().position(|p| p.who == who);
        let i = known.unwrap_or_else(|| {
            self.people.push(Person::new(who, step));
            self.people.len() - 1
        });
        let person = &mut self.people[i];
        person.advance(step);
        person.recent[0] = person.recent[0].max(loudness);
    }

    fn decide(&mut self, now: Timestamp) {
        let next = |from: Timestamp| Timestamp::from_millis(from.as_millis() + DECIDE_EVERY_MS);
        match self.decided {
            None if self.people.is_empty() => return,
            Some(last) if now < next(last) => return,
            _ => self.decided = Some(now),
        }
        let step = now.as_millis().div_euclid(STEP_MS);
        for person in &mut self.people {
            person.advance(step);
        }
        self.floor = self.challenge().or(self.floor);
        self.tell();
        if self.people.is_empty() {
            self.decided = None;
        } else {
            self.out.push_back(Output::WakeAt(next(now)));
        }
    }

    /// Whoever beats the one who has the floor; of several, the most active over the medium length.
    fn challenge(&self) -> Option<ParticipantId> {
        let score = |p: &Person| p.activity().scores(&self.tables);
        let nobody = [0, 1, 2].map(|i| self.tables[i][0]);
        let holder = self.people.iter().find(|p| Some(p.who) == self.floor).map_or(nobody, score);
        let mut best: Option<(f64, ParticipantId)> = None;
        for person in self.people.iter().filter(|p| Some(p.who) != self.floor) {
            let theirs = score(person);
            let lead = [0, 1, 2].map(|i| (theirs[i] / holder[i]).ln());
            let ahead = lead[0] > LEADS[0] && lead[1] > LEADS[1] && lead[2] >= LEADS[2];
            if ahead && best.is_none_or(|(most, _)| lead[1] > most) {
                best = Some((lead[1], person.who));
            }
        }
        best.map(|(_, who)| who)
    }

    fn levels(&self) -> Vec<Loudness> {
        self.people
            .iter()
            .map(|p| Loudness { participant_id: p.who, level: p.percent() })
            .filter(|l| l.level > 0)
            .collect()
    }

    fn tell(&mut self) {
        let mut levels = self.levels();
        let (told_floor, told_levels) = &self.told;
        let was = |l: &Loudness| {
            told_levels.iter().find(|t| t.participant_id == l.participant_id).map_or(0, |t| t.level)
        };
        let gone: Vec<Loudness> = told_levels
            .iter()
            .filter(|t| t.level > 0 && levels.iter().all(|l| l.participant_id != t.participant_id))
            .map(|t| Loudness { level: 0, ..*t })
            .collect();
        let moved = levels.iter().any(|l| l.level.abs_diff(was(l)) >= WORTH);
        if *told_floor == self.floor && !moved && gone.is_empty() {
            return;
        }
        levels.extend(gone);
        self.told = (self.floor, levels.clone());
        self.out.push_back(Output::Speaking { who: self.floor, levels });
    }
}

/// How often each length was active: the newest step's class, then counts.
struct Activity([usize; 3]);

impl Activity {
    fn scores(&self, tables: &[Vec<f64>; 3]) -> [f64; 3] {
        [0, 1, 2].map(|i| tables[i][self.0[i].min(tables[i].len() - 1)])
    }
}

impl Person {
    fn new(who: ParticipantId, step: i64) -> Self {
        Self { who, step, recent: VecDeque::from(vec![0; STEPS]), smooth: 0 }
    }

    /// Moves on to `step`. One that was skipped is jitter and takes its neighbour's value; more are silence.
    fn advance(&mut self, step: i64) {
        let gap = step - self.step;
        if gap <= 0 {
            return;
        }
        let held = if gap <= 2 { self.recent[0] } else { 0 };
        let passed = usize::try_from(gap).map_or(STEPS, |gap| gap.min(STEPS));
        for i in 1..=passed {
            self.settle();
            self.recent.pop_back();
            self.recent.push_front(if i < passed { held } else { 0 });
        }
        self.step = step;
    }

    /// The newest step is complete: it goes into the smoothed level.
    fn settle(&mut self) {
        let to = i32::from(self.recent[0]) * ONE;
        self.smooth += (to - self.smooth) / if to > self.smooth { RISE } else { FALL };
    }

    fn activity(&self) -> Activity {
        let class = |loudness: u8| loudness / CLASS_WIDTH;
        // The step under way may have no packet yet.
        let now = class(self.recent[0].max(self.recent[1]));
        let count = |steps: &[u8]| steps.iter().filter(|&&s| class(s) > ACTIVE_CLASS).count();
        let steps: Vec<u8> = self.recent.iter().copied().collect();
        let mediums: Vec<usize> = steps[..].chunks(SHORT_PER_MEDIUM).map(count).collect();
        let medium = count(&steps[1..=SHORT_PER_MEDIUM]);
        let long = mediums.iter().filter(|&&m| m >= ACTIVE_STEPS).count();
        Activity([usize::from(now), medium, long])
    }

    fn percent(&self) -> u8 {
        let percent = (self.smooth / ONE - QUIET) * 100 / (LOUD - QUIET);
        u8::try_from(percent.clamp(0, 100)).unwrap_or(0)
    }
}

/// The paper's score of `k` active out of `n`, for every `k`: the logarithm of the likelihood of speech over that of
/// silence, with p = ½.
fn scores(n: u32, lambda: f64) -> Vec<f64> {
    let ln_choose = |k: u32| (0..k).map(|i| (f64::from(n - i) / f64::from(i + 1)).ln()).sum::<f64>();
    let score = |k: u32| {
        let likelihood = ln_choose(k) + f64::from(n) * 0.5_f64.ln();
        (likelihood - lambda.ln() + lambda * f64::from(k)).max(MIN_SCORE)
    };
    (0..=n).map(score).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u128) -> ParticipantId {
        ParticipantId::from_bits(n)
    }

    /// A room in which everybody sends a packet every 20 ms.
    struct Talk {
        now: i64,
        speakers: Speakers,
        events: Vec<(i64, Option<ParticipantId>)>,
    }

    impl Talk {
        fn new() -> Self {
            Self { now: 1_000_000, speakers: Speakers::new(), events: Vec::new() }
        }

        /// `levels` in −dBov of the first, second, … person, for `ms`.
        fn go(&mut self, ms: i64, levels: &[u8]) {
            for _ in 0..ms / 20 {
                for (i, level) in levels.iter().enumerate() {
                    let input = Input::Level { who: id(i as u128 + 1), level: *level };
                    self.speakers.handle(Timestamp::from_millis(self.now), input);
                }
                self.collect();
                self.now += 20;
            }
        }

        fn collect(&mut self) {
            while let Some(output) = self.speakers.poll() {
                if let Output::Speaking { who, .. } = output {
                    self.events.push((self.now, who));
                }
            }
        }
    }

    const SILENT: u8 = 100;
    const SPEECH: u8 = 30;

    #[test]
    fn whoever_speaks_takes_the_floor_within_a_second_and_keeps_it_through_silence() {
        let mut talk = Talk::new();
        talk.go(2_000, &[SILENT, SILENT]);
        assert_eq!(talk.speakers.floor(), None);
        talk.go(1_000, &[SPEECH, SILENT]);
        assert_eq!(talk.speakers.floor(), Some(id(1)));
        talk.go(10_000, &[SILENT, SILENT]);
        assert_eq!(talk.speakers.floor(), Some(id(1)), "nobody else has spoken");
        talk.go(1_000, &[SILENT, SPEECH]);
        assert_eq!(talk.speakers.floor(), Some(id(2)));
    }

    #[test]
    fn a_cough_and_a_steady_noise_take_nothing() {
        let mut talk = Talk::new();
        talk.go(3_000, &[SPEECH, SILENT, SILENT]);
        talk.go(60, &[SPEECH, 5, SILENT]);
        talk.go(3_000, &[SPEECH, SILENT, 60]);
        assert_eq!(talk.speakers.floor(), Some(id(1)));
        assert!(talk.events.iter().all(|(_, who)| who.is_none_or(|who| who == id(1))));
    }

    #[test]
    fn two_who_speak_at_once_do_not_flap() {
        let mut talk = Talk::new();
        let mut random = 7_u64;
        for _ in 0..500 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let jitter = |shift: u32| 25 + ((random >> shift) % 20) as u8;
            talk.go(40, &[jitter(20), jitter(40), SILENT]);
        }
        let floors: Vec<_> = talk.events.iter().map(|(_, who)| *who).collect();
        let changes = floors.windows(2).filter(|w| w[0] != w[1]).count();
        assert!(changes <= 2, "{changes} changes in 20 s");
    }

    #[test]
    fn whoever_leaves_has_the_floor_no_longer() {
        let mut talk = Talk::new();
        talk.go(1_000, &[SPEECH, SILENT]);
        talk.speakers.handle(Timestamp::from_millis(talk.now), Input::Gone(id(1)));
        assert_eq!(talk.speakers.floor(), None);
        talk.go(1_000, &[SILENT, SILENT]);
        assert_eq!(talk.events.last().unwrap().1, None);
    }

    #[test]
    fn levels_rise_fast_and_fade() {
        let mut talk = Talk::new();
        talk.go(200, &[SPEECH]);
        let loud = talk.speakers.loudest()[0].level;
        talk.go(100, &[SILENT]);
        let fading = talk.speakers.loudest()[0].level;
        talk.go(2_000, &[SILENT]);
        assert!(loud > 60 && fading > 20 && fading < loud, "{loud} {fading}");
        assert_eq!(talk.speakers.loudest(), []);
    }

    #[test]
    fn a_silent_packet_stream_ends_in_silence_without_packets_too() {
        let mut talk = Talk::new();
        talk.go(1_000, &[SPEECH]);
        for _ in 0..10 {
            talk.now += DECIDE_EVERY_MS;
            talk.speakers.handle(Timestamp::from_millis(talk.now), Input::Tick);
        }
        assert_eq!(talk.speakers.loudest(), []);
    }

    proptest! {
        #[test]
        fn events_are_never_closer_than_the_interval(
            packets in prop::collection::vec((0_i64..60, 1_u128..5, 0_u8..=255), 1..400),
        ) {
            let mut speakers = Speakers::new();
            let (mut now, mut last) = (5_000_i64, None::<i64>);
            for (gap, who, level) in packets {
                now += gap;
                let input = if level == 255 { Input::Gone(id(who)) } else { Input::Level { who: id(who), level } };
                speakers.handle(Timestamp::from_millis(now), input);
                while let Some(output) = speakers.poll() {
                    if let Output::Speaking { levels, .. } = output {
                        prop_assert!(last.is_none_or(|last| now - last >= DECIDE_EVERY_MS));
                        prop_assert!(levels.len() <= 8 && levels.iter().all(|l| l.level <= 100));
                        last = Some(now);
                    }
                }
            }
        }
    }
}
