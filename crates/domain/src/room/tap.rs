//! What is looked at of a call that runs through the server, by whom, and when the next key frame of a picture is due.
//! Pure; one [`Watch`] per consumer and room. Nothing is decoded here, and nothing that nobody else may have is taken: a
//! muted microphone and a camera that is off have no samples.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::slots::Origin;
use crate::{
    Timestamp,
    id::{ParticipantId, RoomId, UserId},
    wire::Source,
};

/// A key frame that hasn't come by then won't: its publisher has gone dark or can't be asked. Three requests fit in.
pub const GIVE_UP: Duration = Duration::from_secs(2);
/// Pictures of one room: a camera and a screen of each of its connections.
const MAX_PICTURES: usize = 40;
/// One look in so many comes sooner than its turn, at a time that nobody knows. A page learns of each look, for a key frame is
/// asked of it: if looks came in turn alone, it would know for how long it is not looked at.
const SOONER: u64 = 4;

/// Who takes samples. Each has a queue of its own, which it must empty: when it is full, the oldest are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// Looks for what mustn't be shown.
    Moderation,
    /// Composes what is streamed elsewhere.
    Broadcast,
}

impl Consumer {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Moderation, Self::Broadcast];

    /// For metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moderation => "moderation",
            Self::Broadcast => "broadcast",
        }
    }
}

/// What a consumer wants of a room, until it says something else. Nothing of either kind unless it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Key frames of every camera and screen.
    pub pictures: Option<Pictures>,
    /// Sound of every microphone and screen.
    pub sound: Option<Runs>,
}

/// Key frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures {
    /// One so often of each; `None`: on request only.
    pub every: Option<Duration>,
    /// Of the lowest layer with at least so many lines, or of the highest that there is.
    pub min_height: u16,
}

/// Sound in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// Length of each.
    pub length: Duration,
    /// What a run repeats of the one before it.
    pub overlap: Duration,
}

/// What a consumer gets: compressed as it came, so that the media's threads decode nothing. At most once each, in order for
/// each source; some are lost when the consumer is slow or the network bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Which room.
    pub room: RoomId,
    /// Whose.
    pub participant: ParticipantId,
    /// When its last packet came, or for sound when its first did.
    pub at: Timestamp,
    /// When it was whole, and its consumer could have it: what waits from then on is late.
    pub ready: Timestamp,
    /// What.
    pub body: Body,
}

/// Either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A picture that needs no other.
    KeyFrame(Source, KeyFrame),
    /// A stretch of sound.
    Sound(Source, Vec<SoundPacket>),
    /// A chat message, and by whom: whoever leaves behind it is known all the same.
    Text(UserId, String),
    /// A still of a direct call, by that viewer's page.
    Hint(ParticipantId, Vec<u8>),
    /// A picture flows to others, or did until now, and no key frame of it came when it was asked for.
    Unseen(Source),
}

/// A whole picture, as strangers coded it: it may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFrame {
    /// How.
    pub codec: PictureCodec,
    /// VP8: the frame (RFC 6386). H.264: its units behind start codes (Annex B).
    pub bytes: Vec<u8>,
}

/// How a picture is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureCodec {
    /// VP8.
    Vp8,
    /// H.264.
    H264,
}

/// One packet of Opus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundPacket {
    /// Samples at 48 kHz since the run began. What is missing between two of them was silent or lost.
    pub offset: u32,
    /// The packet.
    pub bytes: Arc<[u8]>,
}

impl Sample {
    /// What it takes of memory, about.
    pub fn size(&self) -> usize {
        let body = match &self.body {
            Body::KeyFrame(_, picture) => picture.bytes.len(),
            Body::Text(_, text) => text.len(),
            Body::Hint(_, picture) => picture.len(),
            Body::Unseen(_) => 0,
            Body::Sound(_, packets) => packets.iter().map(|p| p.bytes.len() + size_of::<SoundPacket>()).sum(),
        };
        size_of::<Self>() + body
    }

    /// For metrics.
    pub const fn kind(&self) -> &'static str {
        self.body.kind()
    }
}

impl Body {
    /// For metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::KeyFrame(..) => "key-frame",
            Self::Sound(..) => "sound",
            Self::Text(..) => "text",
            Self::Hint(..) => "hint",
            Self::Unseen(_) => "unseen",
        }
    }
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One so often of each, or on request only.
    Every(Option<Duration>),
    /// The pictures that flow now, all of them.
    Flowing(Vec<Origin>),
    /// Fresh random bits: whoever is looked at mustn't know all of them.
    Chance(u64),
    /// One of this as soon as may be.
    Request(Origin),
    /// One has come.
    Came(Origin),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Ask for one of this and gather it.
    Want(Origin),
    /// It is wanted no more, for it didn't come.
    GiveUp(Origin),
}

/// When which picture is due.
#[derive(Debug, Default)]
pub struct Watch {
    every: Option<Duration>,
    chance: u64,
    pictures: Vec<Picture>,
    out: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy)]
struct Picture {
    origin: Origin,
    due: Option<Timestamp>,
    wanted: Option<Timestamp>,
}

impl Watch {
    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Every(every) => {
                self.every = every;
                // What is due later than the new measure says is due by the new measure.
                for picture in &mut self.pictures {
                    picture.due = every.map(|every| picture.due.map_or(now, |due| due.min(now + every)));
                }
            }
            Input::Flowing(origins) => self.flowing(now, &origins),
            Input::Chance(bits) => self.chance = mixed(self.chance ^ bits),
            Input::Request(origin) => {
                self.pictures.iter_mut().filter(|p| p.origin == origin).for_each(|p| p.due = Some(now));
            }
            Input::Came(origin) => {
                let due = self.next(now);
                for picture in self.pictures.iter_mut().filter(|p| p.origin == origin) {
                    (picture.wanted, picture.due) = (None, due);
                }
            }
            Input::Tick => {}
        }
        self.tick(now);
    }

    /// When one that has just come is due again.
    fn next(&mut self, now: Timestamp) -> Option<Timestamp> {
        let every = self.every?;
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = mixed(self.chance);
        if !bits.is_multiple_of(SOONER) {
            return Some(now + every);
        }
        // The upper bits choose a time of which an eighth has passed at least: a publisher isn't asked again at once.
        let ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        Some(
            now + Duration::from_millis(ms / 8 + ms.saturating_mul(7).saturating_mul(bits >> 52) / (8 << 12)),
        )
    }

    /// A picture that is new is looked at when it begins.
    fn flowing(&mut self, now: Timestamp, origins: &[Origin]) {
        let out = &mut self.out;
        self.pictures.retain(|picture| {
            let flows = origins.contains(&picture.origin);
            if !flows && picture.wanted.is_some() {
                out.push_back(Output::GiveUp(picture.origin));
            }
            flows
        });
        for origin in origins {
            if self.pictures.len() < MAX_PICTURES && self.pictures.iter().all(|p| p.origin != *origin) {
                self.pictures.push(Picture { origin: *origin, due: self.every.map(|_| now), wanted: None });
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        for picture in &mut self.pictures {
            match (picture.wanted, picture.due) {
                (Some(since), _) if now.since(since) >= GIVE_UP => {
                    (picture.wanted, picture.due) = (None, self.every.map(|every| now + every));
                    self.out.push_back(Output::GiveUp(picture.origin));
                }
                (None, Some(due)) if due <= now => {
                    picture.wanted = Some(now);
                    self.out.push_back(Output::Want(picture.origin));
                }
                _ => {}
            }
        }
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
const fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
    fn origin(n: u128) -> Origin {
        Origin { participant: ParticipantId::from_bits(n), source: Source::Camera }
    }
    fn watch(every_s: Option<u64>, origins: &[Origin]) -> Watch {
        let mut watch = Watch::default();
        watch.handle(at(0), Input::Every(every_s.map(Duration::from_secs)));
        watch.handle(at(0), Input::Flowing(origins.to_vec()));
        watch
    }
    fn all(watch: &mut Watch) -> Vec<Output> {
        std::iter::from_fn(|| watch.poll()).collect()
    }

    #[test]
    fn a_new_picture_is_looked_at_when_it_begins_and_then_in_its_turn() {
        let mut watch = watch(Some(5), &[origin(1)]);
        assert_eq!(all(&mut watch), [Output::Want(origin(1))]);
        watch.handle(at(300), Input::Came(origin(1)));
        watch.handle(at(5_299), Input::Tick);
        assert_eq!(all(&mut watch), []);
        watch.handle(at(5_300), Input::Tick);
        assert_eq!(all(&mut watch), [Output::Want(origin(1))]);
    }

    #[test]
    fn nobody_knows_when_they_are_looked_at_next() {
        let every = Duration::from_secs(5);
        let gaps = |bits: u64| -> Vec<i64> {
            let mut watch = Watch::default();
            for input in [Input::Chance(bits), Input::Every(Some(every)), Input::Flowing(vec![origin(1)])] {
                watch.handle(at(0), input);
            }
            let (mut now, mut gaps) = (0, Vec::new());
            while gaps.len() < 4_000 {
                all(&mut watch);
                watch.handle(at(now), Input::Came(origin(1)));
                let came = now;
                while all(&mut watch).is_empty() {
                    now += 20;
                    watch.handle(at(now), Input::Tick);
                }
                gaps.push(now - came);
            }
            gaps
        };
        let some = gaps(7);
        assert!(some.iter().all(|gap| (620..=5_000).contains(gap)), "never later than said, nor at once");
        let sooner: Vec<i64> = some.iter().copied().filter(|gap| *gap < 5_000).collect();
        assert!((900..=1_100).contains(&sooner.len()), "a quarter of them: {}", sooner.len());
        let early = sooner.iter().filter(|gap| **gap < 2_810).count();
        assert!((400..=600).contains(&early), "at any time alike: {early}");
        assert_ne!(some, gaps(8), "others have others");
    }

    #[test]
    fn one_that_does_not_come_is_given_up_until_its_next_turn() {
        let mut watch = watch(Some(5), &[origin(1)]);
        all(&mut watch);
        watch.handle(at(2_000), Input::Tick);
        assert_eq!(all(&mut watch), [Output::GiveUp(origin(1))]);
        watch.handle(at(6_999), Input::Tick);
        assert_eq!(all(&mut watch), []);
        watch.handle(at(7_000), Input::Tick);
        assert_eq!(all(&mut watch), [Output::Want(origin(1))]);
    }

    #[test]
    fn without_a_measure_only_what_is_asked_for_is_looked_at() {
        let mut watch = watch(None, &[origin(1), origin(2)]);
        watch.handle(at(60_000), Input::Tick);
        assert_eq!(all(&mut watch), []);
        watch.handle(at(60_000), Input::Request(origin(2)));
        assert_eq!(all(&mut watch), [Output::Want(origin(2))]);
        watch.handle(at(60_100), Input::Request(origin(3)));
        watch.handle(at(60_100), Input::Came(origin(2)));
        watch.handle(at(90_000), Input::Tick);
        assert_eq!(all(&mut watch), [], "one request is one picture, and nobody who isn't there is asked");
    }

    #[test]
    fn what_goes_is_forgotten_and_what_comes_back_is_new() {
        let mut watch = watch(Some(5), &[origin(1)]);
        all(&mut watch);
        watch.handle(at(100), Input::Flowing(vec![]));
        assert_eq!(all(&mut watch), [Output::GiveUp(origin(1))]);
        watch.handle(at(200), Input::Flowing(vec![origin(1)]));
        assert_eq!(all(&mut watch), [Output::Want(origin(1))]);
    }

    #[test]
    fn a_shorter_measure_holds_at_once_and_a_crowd_is_bounded() {
        let mut watch = watch(Some(60), &[origin(1)]);
        all(&mut watch);
        watch.handle(at(0), Input::Came(origin(1)));
        watch.handle(at(1_000), Input::Every(Some(Duration::from_secs(2))));
        watch.handle(at(3_000), Input::Tick);
        assert_eq!(all(&mut watch), [Output::Want(origin(1))]);
        watch.handle(at(3_000), Input::Flowing((0..500).map(origin).collect()));
        assert_eq!(watch.pictures.len(), MAX_PICTURES);
    }
}
