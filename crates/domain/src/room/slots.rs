//! Who is on which of a viewer's receiving lines (protocol section 5). Pure; one per viewer.
//!
//! Lines never move without need: a source keeps its line for as long as it is on. When more microphones are on than
//! there are audio lines, the loudest three have one each, and whoever fell out last keeps the fourth to fade out. In a
//! small room each person has a pair of lines, so that their picture and sound can be kept in step.

use std::collections::VecDeque;

use crate::{Timestamp, id::ParticipantId, room::speaker::Loudness, wire::Source};

/// Receiving audio lines: the loudest three and one to cross-fade.
pub const AUDIO_LINES: usize = 4;
/// How many of the loudest must be heard.
pub const HEARD: usize = AUDIO_LINES - 1;
/// Screens that can be shared at once.
pub const SCREENS: usize = 2;
/// Rooms up to this size give everybody a pair of lines.
pub const PAIRED_ROOM: usize = 4;
/// A louder person takes a line only when this much (per cent) above who loses it, so that two don't take turns.
const LOUDER: u8 = 8;
/// A line isn't taken from somebody who has it for less: the end of a word is heard.
const HOLD_MS: i64 = 400;

/// What a line can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A microphone or a screen's sound.
    Audio,
    /// A camera.
    Camera,
    /// A screen.
    Screen,
}

impl Lane {
    const fn takes(self, source: Source) -> bool {
        match self {
            Self::Audio => source.is_audio(),
            Self::Camera => matches!(source, Source::Camera),
            Self::Screen => matches!(source, Source::Screen),
        }
    }

    /// What an empty line is said to be for.
    pub const fn idle(self) -> Source {
        match self {
            Self::Audio => Source::Mic,
            Self::Camera => Source::Camera,
            Self::Screen => Source::Screen,
        }
    }
}

/// The lines of a viewer in a room of at most `limit` people, in the order of the offer.
pub fn lanes(limit: usize) -> Vec<Lane> {
    let cameras = limit.saturating_sub(1);
    let mut lanes = vec![Lane::Audio; AUDIO_LINES];
    lanes.extend(std::iter::repeat_n(Lane::Camera, cameras));
    lanes.extend([Lane::Screen; SCREENS]);
    lanes
}

/// One thing somebody sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Who.
    pub participant: ParticipantId,
    /// What.
    pub source: Source,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Something can be received.
    On(Origin),
    /// It can't any more.
    Off(Origin),
    /// Who is heard, loudest first.
    Loud(Vec<Loudness>),
    /// More lines, after `room-changed`.
    Add(Vec<Lane>),
}

/// What a line carries now; only what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Index of the line among the receiving ones.
    pub line: usize,
    /// What was on it.
    pub was: Option<Origin>,
    /// What is on it.
    pub now: Option<Origin>,
}

/// The machine.
#[derive(Debug)]
pub struct Slots {
    lines: Vec<Line>,
    /// On and without a line, in the order they came.
    waiting: Vec<Origin>,
    /// Pairs by index of audio and camera line, when the room is small.
    pairs: Option<Vec<Option<ParticipantId>>>,
    loud: Vec<Loudness>,
    out: VecDeque<Change>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    lane: Lane,
    origin: Option<Origin>,
    /// Since when, and when it was last among those who must be heard.
    since: Timestamp,
    heard: Timestamp,
}

impl Slots {
    /// Empty lines. `paired` in rooms of up to [`PAIRED_ROOM`].
    pub fn new(lanes: &[Lane], paired: bool) -> Self {
        let zero = Timestamp::from_millis(0);
        let line = |&lane: &Lane| Line { lane, origin: None, since: zero, heard: zero };
        let cameras = lanes.iter().filter(|l| **l == Lane::Camera).count().min(AUDIO_LINES);
        Self {
            lines: lanes.iter().map(line).collect(),
            waiting: Vec::new(),
            pairs: paired.then(|| vec![None; cameras]),
            loud: Vec::new(),
            out: VecDeque::new(),
        }
    }

    /// The next change.
    pub fn poll(&mut self) -> Option<Change> {
        self.out.pop_front()
    }

    /// What every line carries.
    pub fn lines(&self) -> impl Iterator<Item = (Lane, Option<Origin>)> + '_ {
        self.lines.iter().map(|l| (l.lane, l.origin))
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::On(origin) => self.on(now, origin),
            Input::Off(origin) => self.off(now, origin),
            Input::Loud(loud) => {
                self.loud = loud;
                self.cast(now);
            }
            Input::Add(lanes) => {
                let line = |lane| Line { lane, origin: None, since: now, heard: now };
                self.lines.extend(lanes.into_iter().map(line));
                self.fill(now);
            }
        }
    }

    fn on(&mut self, now: Timestamp, origin: Origin) {
        let known = self.waiting.contains(&origin) || self.lines.iter().any(|l| l.origin == Some(origin));
        if !known {
            self.waiting.push(origin);
            self.fill(now);
            self.cast(now);
        }
    }

    fn off(&mut self, now: Timestamp, origin: Origin) {
        self.waiting.retain(|o| *o != origin);
        if let Some(i) = self.lines.iter().position(|l| l.origin == Some(origin)) {
            self.put(now, i, None);
        }
        self.unpair(origin.participant);
        self.fill(now);
    }

    /// Whoever sends neither sound nor camera has no pair any more.
    fn unpair(&mut self, participant: ParticipantId) {
        let of_pair =
            |o: Origin| o.participant == participant && matches!(o.source, Source::Mic | Source::Camera);
        let any = self.lines.iter().filter_map(|l| l.origin).chain(self.waiting.iter().copied()).any(of_pair);
        if let Some(pairs) = self.pairs.as_mut().filter(|_| !any) {
            pairs.iter_mut().filter(|p| **p == Some(participant)).for_each(|p| *p = None);
        }
    }

    /// Gives free lines to those who wait, loudest first, then in the order they came.
    fn fill(&mut self, now: Timestamp) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by_key(|o| std::cmp::Reverse(self.level(*o)));
        for origin in waiting {
            match self.free_line(origin) {
                Some(i) => self.put(now, i, Some(origin)),
                None => self.waiting.push(origin),
            }
        }
    }

    fn free_line(&mut self, origin: Origin) -> Option<usize> {
        let of_lane = |lane: Lane| move |(i, l): (usize, &Line)| (l.lane == lane).then_some(i);
        let lane = [Lane::Audio, Lane::Camera, Lane::Screen].into_iter().find(|l| l.takes(origin.source))?;
        if matches!(origin.source, Source::Mic | Source::Camera)
            && let Some(pairs) = &mut self.pairs
        {
            let mine = pairs.iter().position(|p| *p == Some(origin.participant));
            if let Some(nth) = mine.or_else(|| pairs.iter().position(Option::is_none)) {
                pairs[nth] = Some(origin.participant);
                let i = self.lines.iter().enumerate().filter_map(of_lane(lane)).nth(nth)?;
                if self.lines[i].origin.is_none() {
                    return Some(i);
                }
            }
        }
        // A screen's sound takes the last free line, where no pair is.
        let free = |i: &usize| self.lines[*i].origin.is_none();
        let mut candidates = self.lines.iter().enumerate().filter_map(of_lane(lane)).filter(free);
        if origin.source == Source::ScreenAudio { candidates.next_back() } else { candidates.next() }
    }

    /// Gives the loudest a line when others have them all.
    fn cast(&mut self, now: Timestamp) {
        let heard: Vec<ParticipantId> =
            self.loud.iter().filter(|l| l.level > 0).take(HEARD).map(|l| l.participant_id).collect();
        for line in &mut self.lines {
            if line.origin.is_some_and(|o| o.source == Source::Mic && heard.contains(&o.participant)) {
                line.heard = now;
            }
        }
        let wants = |o: &&Origin| match o.source {
            Source::Mic => heard.contains(&o.participant),
            // A shared screen's sound is always wanted.
            Source::ScreenAudio => true,
            Source::Camera | Source::Screen => false,
        };
        let wanting: Vec<Origin> = self.waiting.iter().filter(wants).copied().collect();
        for origin in wanting {
            let Some(i) = self.weakest(now, &heard, origin) else { continue };
            let loser = self.lines[i].origin;
            self.waiting.retain(|o| *o != origin);
            self.waiting.extend(loser);
            self.put(now, i, Some(origin));
        }
    }

    /// The line whose microphone has been quiet for longest, if `origin` may have it.
    fn weakest(&self, now: Timestamp, heard: &[ParticipantId], origin: Origin) -> Option<usize> {
        let candidates = self.lines.iter().enumerate().filter_map(|(i, line)| {
            let holder = line.origin.filter(|o| o.source == Source::Mic)?;
            let old = now.as_millis() - line.since.as_millis() >= HOLD_MS;
            let louder = self.level(origin) >= self.level(holder).saturating_add(LOUDER);
            let wanted = origin.source == Source::ScreenAudio || (old && louder);
            (wanted && !heard.contains(&holder.participant)).then_some((line.heard, self.level(holder), i))
        });
        candidates.min_by_key(|(heard, level, _)| (*heard, *level)).map(|(_, _, i)| i)
    }

    fn level(&self, origin: Origin) -> u8 {
        let of = |l: &&Loudness| origin.source == Source::Mic && l.participant_id == origin.participant;
        self.loud.iter().find(of).map_or(0, |l| l.level)
    }

    fn put(&mut self, now: Timestamp, i: usize, origin: Option<Origin>) {
        let line = &mut self.lines[i];
        let was = std::mem::replace(&mut line.origin, origin);
        (line.since, line.heard) = (now, now);
        if was != origin {
            self.out.push_back(Change { line: i, was, now: origin });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u128) -> ParticipantId {
        ParticipantId::from_bits(n)
    }
    fn origin(n: u128, source: Source) -> Origin {
        Origin { participant: id(n), source }
    }
    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
    fn loud(people: &[(u128, u8)]) -> Input {
        Input::Loud(people.iter().map(|&(n, level)| Loudness { participant_id: id(n), level }).collect())
    }
    fn line_of(slots: &Slots, origin: Origin) -> Option<usize> {
        slots.lines().position(|(_, o)| o == Some(origin))
    }
    fn changes(slots: &mut Slots) -> usize {
        std::iter::from_fn(|| slots.poll()).count()
    }

    fn room_of_ten() -> Slots {
        let mut slots = Slots::new(&lanes(10), false);
        for n in 1..=9 {
            slots.handle(at(0), Input::On(origin(n, Source::Mic)));
            slots.handle(at(0), Input::On(origin(n, Source::Camera)));
        }
        slots
    }

    #[test]
    fn the_lines_are_those_of_the_protocol() {
        let ten = lanes(10);
        assert_eq!(ten.len(), 4 + 9 + 2);
        assert_eq!(
            (ten[3], ten[4], ten[12], ten[13]),
            (Lane::Audio, Lane::Camera, Lane::Camera, Lane::Screen)
        );
    }

    #[test]
    fn nine_cameras_and_the_first_four_voices_have_lines() {
        let mut slots = room_of_ten();
        assert_eq!(changes(&mut slots), 9 + 4);
        assert!((1..=9).all(|n| line_of(&slots, origin(n, Source::Camera)).is_some()));
    }

    #[test]
    fn a_newly_loud_voice_takes_the_line_that_was_quiet_longest_and_nothing_else_moves() {
        let mut slots = room_of_ten();
        slots.handle(at(1_000), loud(&[(1, 80), (3, 70), (4, 60)]));
        changes(&mut slots);
        slots.handle(at(2_000), loud(&[(9, 80), (1, 70), (3, 60), (4, 50)]));
        assert_eq!(
            slots.poll().map(|c| (c.was, c.now)),
            Some((Some(origin(2, Source::Mic)), Some(origin(9, Source::Mic))))
        );
        assert_eq!(slots.poll(), None);
        assert!(
            line_of(&slots, origin(4, Source::Mic)).is_some(),
            "the one who fell out keeps the fourth line"
        );
    }

    #[test]
    fn nearly_equal_voices_do_not_take_turns() {
        let mut slots = room_of_ten();
        let mut moves = 0;
        for i in 0..100 {
            let (a, b) = if i % 2 == 0 { (51, 50) } else { (50, 51) };
            let mut people = vec![(1, 90), (2, 80), (4, a), (5, b), (3, 49)];
            people.sort_by_key(|p| std::cmp::Reverse(p.1));
            slots.handle(at(1_000 + i * 100), loud(&people));
            moves += changes(&mut slots);
        }
        assert!(moves <= 13 + 2, "{moves}");
    }

    #[test]
    fn a_screens_sound_always_has_a_line() {
        let mut slots = room_of_ten();
        slots.handle(at(1_000), loud(&[(1, 80), (2, 80), (3, 80), (4, 80)]));
        slots.handle(at(1_000), Input::On(origin(5, Source::ScreenAudio)));
        slots.handle(at(1_000), Input::On(origin(5, Source::Screen)));
        assert!(line_of(&slots, origin(5, Source::ScreenAudio)).is_some());
        assert_eq!(line_of(&slots, origin(5, Source::Screen)), Some(13));
        slots.handle(at(2_000), Input::Off(origin(5, Source::Screen)));
        slots.handle(at(2_000), Input::On(origin(6, Source::Screen)));
        assert_eq!(line_of(&slots, origin(6, Source::Screen)), Some(13), "the freed line");
    }

    #[test]
    fn in_a_small_room_picture_and_sound_share_a_pair_whatever_comes_first() {
        let mut slots = Slots::new(&lanes(4), true);
        for (n, source) in [
            (1, Source::Camera),
            (2, Source::Mic),
            (2, Source::ScreenAudio),
            (2, Source::Camera),
            (3, Source::Mic),
            (1, Source::Mic),
            (3, Source::Camera),
        ] {
            slots.handle(at(0), Input::On(origin(n, source)));
        }
        for n in 1..=3 {
            let (audio, video) =
                (line_of(&slots, origin(n, Source::Mic)), line_of(&slots, origin(n, Source::Camera)));
            assert_eq!(audio.map(|a| a + AUDIO_LINES), video, "{n}");
        }
        assert_eq!(line_of(&slots, origin(2, Source::ScreenAudio)), Some(3));
        slots.handle(at(1), Input::Off(origin(2, Source::Camera)));
        slots.handle(at(1), Input::Off(origin(2, Source::Mic)));
        slots.handle(at(1), Input::On(origin(4, Source::Camera)));
        slots.handle(at(1), Input::On(origin(4, Source::Mic)));
        assert_eq!(line_of(&slots, origin(4, Source::Mic)), Some(1), "the pair of the one who left");
        assert_eq!(line_of(&slots, origin(4, Source::Camera)), Some(5));
    }

    #[derive(Debug, Clone)]
    enum Step {
        On(u128, usize),
        Off(u128, usize),
        Loud(Vec<(u128, u8)>),
    }

    fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
        let step = prop_oneof![
            (1_u128..10, 0_usize..4).prop_map(|(n, s)| Step::On(n, s)),
            (1_u128..10, 0_usize..4).prop_map(|(n, s)| Step::Off(n, s)),
            prop::collection::vec((1_u128..10, 0_u8..=100), 0..9).prop_map(Step::Loud),
        ];
        prop::collection::vec((0_i64..500, step), 1..120)
    }

    proptest! {
        #[test]
        fn every_change_fits_and_nothing_that_is_off_is_shown(steps in steps(), limit in 2_usize..=10) {
            let mut slots = Slots::new(&lanes(limit), limit <= PAIRED_ROOM);
            let (mut now, mut on) = (0, std::collections::BTreeSet::new());
            let mut shown: Vec<Option<Origin>> = vec![None; slots.lines().count()];
            for (gap, step) in steps {
                now += gap;
                let input = match step {
                    Step::On(n, s) => { on.insert(origin(n, Source::ALL[s])); Input::On(origin(n, Source::ALL[s])) }
                    Step::Off(n, s) => { on.remove(&origin(n, Source::ALL[s])); Input::Off(origin(n, Source::ALL[s])) }
                    Step::Loud(mut people) => {
                        people.sort_by_key(|p| std::cmp::Reverse(p.1));
                        people.dedup_by_key(|p| p.0);
                        loud(&people)
                    }
                };
                slots.handle(at(now), input);
                while let Some(change) = slots.poll() {
                    prop_assert_eq!(shown[change.line], change.was);
                    shown[change.line] = change.now;
                }
                let lines: Vec<_> = slots.lines().collect();
                prop_assert!(lines.iter().zip(&shown).all(|((_, is), shown)| is == shown), "poll tells all");
                let mut once = std::collections::BTreeSet::new();
                for (lane, origin) in &lines {
                    if let Some(o) = origin {
                        prop_assert!(lane.takes(o.source) && on.contains(o) && once.insert(*o));
                    }
                }
                // No line is free while something waits for it, except in pairs that belong to somebody.
                if limit > PAIRED_ROOM {
                    for lane in [Lane::Audio, Lane::Camera, Lane::Screen] {
                        let free = lines.iter().any(|(l, o)| *l == lane && o.is_none());
                        let waits = on.iter().any(|o| lane.takes(o.source) && !once.contains(o));
                        prop_assert!(!(free && waits));
                    }
                }
            }
        }
    }
}
