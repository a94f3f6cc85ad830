//! One line that somebody sends on: its layers as they are measured, and who gets it.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};
use visavis_domain::{
    room::{
        keyframes::KeyFrames,
        layers::{Layer, MAX_LAYERS},
    },
    wire::Source,
};

use super::Coding;
use crate::moments::Moments;

/// A layer is live while packets come at least so often; a still screen sends a frame a second.
const LIVE: Duration = Duration::from_millis(1_500);
const LIVE_SCREEN: Duration = Duration::from_secs(4);
/// Packets of a screen that make it shared, when its page hasn't said so: a single one may be an empty line's greeting.
const SHARED_AFTER: u64 = 5;
/// Weight of a new measurement of a layer's rate, one in this many.
const RATE_SHARE: u64 = 3;
/// What layers are taken for until they are measured, lowest first.
const NOMINAL: [(u16, u64); MAX_LAYERS] = [(180, 150_000), (360, 450_000), (720, 1_300_000)];

/// One encoding of a source.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Encoding {
    first: Option<Instant>,
    last: Option<Instant>,
    bytes: u64,
    bps: u64,
    height: u16,
    packets: u64,
    /// A key frame has begun.
    shown: bool,
}

/// One of the four lines that a peer sends on.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) mid: Mid,
    pub(super) rids: Vec<Rid>,
    pub(crate) encodings: [Encoding; MAX_LAYERS],
    /// Who gets it: peer and line.
    pub(crate) audience: Vec<(usize, usize)>,
    pub(crate) keyframes: KeyFrames<u8>,
    /// Whether others may have it: its page says it's on and nobody has muted it.
    pub(crate) open: bool,
    /// Whether it's among what others can have on a line.
    pub(crate) on: bool,
    /// Of sound: what was passed on.
    pub(super) moments: Moments,
}

impl Published {
    pub(super) fn new(source: Source, mid: Mid, rids: &[String]) -> Self {
        Self {
            mid,
            rids: rids.iter().map(|rid| Rid::from(rid.as_str())).collect(),
            encodings: [Encoding::default(); MAX_LAYERS],
            audience: Vec::new(),
            keyframes: KeyFrames::default(),
            open: true,
            on: matches!(source, Source::Mic | Source::Camera),
            moments: Moments::default(),
        }
    }

    /// Enough has come for it to be more than an empty line's greeting.
    pub(crate) fn is_flowing(&self, now: Instant) -> bool {
        self.encodings.iter().any(|e| e.packets >= SHARED_AFTER && e.is_live(now, LIVE_SCREEN))
    }

    /// Since when any of its layers has come.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.encodings.iter().filter_map(|e| e.first).min()
    }

    /// The lowest layer of which others have had a picture. What came before a key frame shows nothing.
    pub(crate) fn lowest(&self) -> Option<u8> {
        (0..).zip(&self.encodings).find(|(_, encoding)| encoding.shown).map(|(layer, _)| layer)
    }

    /// Its layers as an allocator wants them.
    pub(crate) fn layers(&self, now: Instant, source: Source) -> [Layer; MAX_LAYERS] {
        let live = if source == Source::Screen { LIVE_SCREEN } else { LIVE };
        let mut layers = [Layer::default(); MAX_LAYERS];
        for (i, (layer, encoding)) in layers.iter_mut().zip(&self.encodings).enumerate() {
            let (height, bps) = NOMINAL[i];
            *layer = Layer {
                height: if encoding.height == 0 { height } else { encoding.height },
                bps: if encoding.bps == 0 { bps } else { encoding.bps },
                live: encoding.is_live(now, live),
            };
        }
        layers
    }

    /// Measures rates over the time since the last call.
    pub(crate) fn measure(&mut self, over: Duration) {
        let ms = u64::try_from(over.as_millis()).unwrap_or(u64::MAX).max(1);
        for encoding in &mut self.encodings {
            let bps = std::mem::take(&mut encoding.bytes) * 8_000 / ms;
            if encoding.bps == 0 {
                // The first stretch is part of one only.
                encoding.bps = if encoding.packets > 30 { bps } else { 0 };
            } else {
                encoding.bps = (encoding.bps * (RATE_SHARE - 1) + bps) / RATE_SHARE;
            }
        }
    }
}

impl Encoding {
    pub(super) fn take(&mut self, now: Instant, length: usize, coding: &Coding) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.packets += 1;
        // Headers, the tag of SRTP, IP and UDP travel along.
        self.bytes += length as u64 + 60;
        if let Coding::Vp8(vp8) = coding {
            self.shown |= vp8.key;
            self.height = vp8.height.unwrap_or(self.height);
        }
    }

    fn is_live(&self, now: Instant, within: Duration) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < within)
    }
}
