//! Pictures without a picture: packets that are VP8 to every forwarder (descriptor, key frames, temporal layers) and whose
//! content says what they are, so that a receiver can tell exactly what a decoder would have made of them. Or pictures of a
//! film: then a receiver goes by what descriptors say.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::film::{Film, Reel, descriptor, shares};
use crate::vp8::Vp8;

/// Payload of a full packet, as browsers send it.
pub const PACKET: usize = 1_100;
/// Longest wait for a lost packet to be sent again before the next key frame is asked for.
const PATIENCE: Duration = Duration::from_millis(400);
/// Longest wait for the start of the first key frame once something behind it is there.
const OVERTAKING: Duration = Duration::from_millis(50);
/// Packets kept while one before them is missing.
const MAX_WAITING: usize = 2_000;
/// Temporal layers of four frames in a row, as Chromium's L1T3.
const PATTERN: [u8; 4] = [0, 2, 1, 2];
/// The VP8 frame header in front of our own fields.
const FRAME_HEADER: usize = 10;
const MAGIC: u32 = 0x7669_7361;

/// What a layer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Lines.
    pub height: u16,
    /// Frames a second.
    pub fps: u32,
    /// Packets of a frame; a key frame has four times as many.
    pub packets: u32,
    /// Payload of a packet.
    pub bytes: usize,
}

/// A layer's sender.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    /// What it plays, and as which layer.
    film: Option<(Arc<Film>, usize)>,
    /// Names this encoder in its packets.
    stream: u32,
    frame: u32,
    /// Picture id, tl0 and sequence number start anywhere, as browsers' do.
    picture_id: u16,
    tl0: u8,
    next_seq: u64,
    next_at: Instant,
    time: u32,
    since_key: u32,
    key_wanted: bool,
    /// Frame that each temporal layer had last.
    last: [u32; 3],
}

/// One packet to send.
#[derive(Debug, Clone)]
pub struct Made {
    /// Extended sequence number.
    pub seq: u64,
    /// Timestamp.
    pub time: u32,
    /// Last of its frame.
    pub marker: bool,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Encoder {
    /// Its first frame is a key frame at `now`.
    pub fn new(now: Instant, stream: u32, shape: Shape) -> Self {
        Self {
            shape,
            film: None,
            stream,
            frame: 0,
            picture_id: u16::try_from(stream.wrapping_mul(7_919) % 0x8000).unwrap_or(0),
            tl0: u8::try_from(stream.wrapping_mul(31) % 256).unwrap_or(0),
            next_seq: u64::from(stream.wrapping_mul(977) % 30_000) + 1,
            next_at: now,
            time: stream.wrapping_mul(0x0101_0101),
            since_key: 0,
            key_wanted: true,
            last: [0; 3],
        }
    }

    /// Plays this layer of a film from its start, and again and again.
    pub fn play(&mut self, film: &Arc<Film>, layer: usize) {
        if let Some(reel) = film.layers.get(layer).filter(|reel| !reel.frames.is_empty()) {
            self.shape = Shape { height: reel.height, fps: reel.fps.max(1), ..self.shape };
            (self.film, self.key_wanted) = (Some((Arc::clone(film), layer)), true);
        }
    }

    fn reel(&self) -> Option<&Reel> {
        self.film.as_ref().and_then(|(film, layer)| film.layers.get(*layer))
    }

    /// The next frame is to be a key frame: of a film, its first.
    pub const fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// When the next frame is due.
    pub const fn due(&self) -> Instant {
        self.next_at
    }

    /// Frames made so far.
    pub const fn frames(&self) -> u32 {
        self.frame
    }

    /// The packets of the frame that is due at `now`.
    pub fn make(&mut self, now: Instant) -> Vec<Made> {
        let mut out = Vec::new();
        while self.next_at <= now {
            self.frame_packets(&mut out);
            self.next_at += Duration::from_secs(1) / self.shape.fps;
            self.time = self.time.wrapping_add(90_000 / self.shape.fps);
        }
        out
    }

    fn frame_packets(&mut self, out: &mut Vec<Made>) {
        self.frame += 1;
        let key = std::mem::take(&mut self.key_wanted);
        self.since_key = if key { 0 } else { self.since_key + 1 };
        let since_key = usize::try_from(self.since_key).unwrap_or(0);
        if let Some(length) = self.reel().map(|reel| reel.frames.len()) {
            let at = since_key % length;
            self.film_packets(at, out);
            return;
        }
        let tid = PATTERN[since_key % PATTERN.len()];
        self.number(tid);
        let refers = if key { 0 } else { self.refers(tid) };
        let lowest = usize::from(tid);
        self.last[lowest..].iter_mut().for_each(|last| *last = self.frame);
        let count = if key { self.shape.packets * 4 } else { self.shape.packets };
        for index in 0..count {
            let fields = Fields { stream: self.stream, frame: self.frame, refers, index, count };
            let payload = self.payload(key, tid, &fields);
            out.push(Made { seq: self.next_seq, time: self.time, marker: index + 1 == count, payload });
            self.next_seq += 1;
        }
    }

    fn number(&mut self, tid: u8) {
        self.tl0 = self.tl0.wrapping_add(u8::from(tid == 0));
        self.picture_id = (self.picture_id + 1) & 0x7FFF;
    }

    fn film_packets(&mut self, at: usize, out: &mut Vec<Made>) {
        let Some((film, layer)) = self.film.clone() else { return };
        let (tid, bytes) = &film.layers[layer].frames[at];
        self.number(*tid);
        let (count, shares) = (shares(bytes).len(), shares(bytes));
        for (index, share) in shares.enumerate() {
            let head = descriptor(index == 0, self.picture_id, self.tl0, *tid, *tid > 0);
            let payload = [&head, share].concat();
            out.push(Made { seq: self.next_seq, time: self.time, marker: index + 1 == count, payload });
            self.next_seq += 1;
        }
    }

    /// A base frame refers to the last base frame, an upper one to the last frame that isn't above it.
    const fn refers(&self, tid: u8) -> u32 {
        match tid {
            0 => self.last[0],
            1 => self.last[1],
            _ => self.last[2],
        }
    }

    fn payload(&self, key: bool, tid: u8, fields: &Fields) -> Vec<u8> {
        let mut out = descriptor(fields.index == 0, self.picture_id, self.tl0, tid, false).to_vec();
        let [h0, h1] = self.shape.height.to_le_bytes();
        let tag = u8::from(!key);
        out.extend([tag, 0, 0, 0x9D, 0x01, 0x2A, h0, h1, h0, h1]);
        for field in [MAGIC, fields.stream, fields.frame, fields.refers, fields.index, fields.count] {
            out.extend(field.to_be_bytes());
        }
        out.resize(self.shape.bytes.max(out.len()), 0x5A);
        out
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fields {
    stream: u32,
    frame: u32,
    refers: u32,
    index: u32,
    count: u32,
}

/// What a packet without a picture says of itself.
fn fields(vp8: &Vp8, payload: &[u8]) -> Option<Fields> {
    let fields = payload.get(vp8.header + FRAME_HEADER..)?;
    let mut words = fields.chunks_exact(4).map(|w| w.try_into().map_or(0, u32::from_be_bytes));
    let mut next = || words.next();
    if next()? != MAGIC {
        return None;
    }
    Some(Fields { stream: next()?, frame: next()?, refers: next()?, index: next()?, count: next()? })
}

/// What a line has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whole frames that could be decoded.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Frames that came whole, in sequence, and refer to one that wasn't shown: the forwarder's fault.
    pub broken: u64,
    /// Picture ids that did not count up by one, or timestamps that ran back: its fault, too.
    pub unsteady: u64,
    /// Whole frames given up for lost packets.
    pub gaps: u64,
    /// Longest time without a frame after the first, while frames should have come.
    pub freeze: Duration,
    /// Of the first and the last frame.
    pub first_at: Option<Instant>,
    /// Of the last frame.
    pub last_at: Option<Instant>,
    /// Lines of the last key frame.
    pub height: u16,
    /// Which encoder the last frame was from.
    pub stream: u32,
}

/// A line's receiver.
#[derive(Debug, Default)]
pub struct Decoder {
    waiting: BTreeMap<u64, Waiting>,
    next_seq: Option<u64>,
    since_gap: Option<Instant>,
    /// Fields of the frame that is being put together: packets so far.
    partial: Option<(Fields, u32)>,
    /// Of a film: the first packet of the frame that is being put together.
    opened: Option<Vp8>,
    /// Of a film: the last base frame that was shown.
    base: Option<u8>,
    /// Shown frames of the stream, by temporal layer's needs: the last few.
    decoded: Vec<(u32, u32)>,
    last_picture: Option<u16>,
    last_time: Option<u32>,
    needs_key: bool,
    /// What it made of it.
    pub shown: Shown,
}

#[derive(Debug)]
struct Waiting {
    at: Instant,
    time: u32,
    marker: bool,
    payload: Arc<[u8]>,
}

/// Frames of one stream that others may refer to.
const REFERENCES: usize = 16;

impl Decoder {
    /// Takes a packet; `marker`: the last of its frame.
    pub fn take(&mut self, at: Instant, seq: u64, time: u32, marker: bool, payload: Arc<[u8]>) {
        if payload.is_empty() {
            return;
        }
        let starts = crate::vp8::read(&payload).is_some_and(|vp8| vp8.key);
        if self.next_seq.is_none_or(|next| seq >= next) && self.waiting.len() < MAX_WAITING {
            self.waiting.insert(seq, Waiting { at, time, marker, payload });
        }
        // It starts at a key frame; what overtook its first packet isn't lost.
        if self.next_seq.is_none() && starts {
            self.next_seq = Some(seq);
            self.waiting = self.waiting.split_off(&seq);
            self.needs_key = false;
        }
        self.advance(at);
    }

    /// Whether it needs a key frame to go on.
    pub const fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Time has passed: what is lost is given up.
    pub fn advance(&mut self, now: Instant) {
        loop {
            let Some(next) = self.next_seq else {
                self.needs_key |= self.waiting.values().any(|w| now >= w.at + OVERTAKING);
                return;
            };
            let full = self.waiting.len() >= MAX_WAITING;
            let Some((first, came)) = self.waiting.first_key_value().map(|(seq, w)| (*seq, w.at)) else {
                return;
            };
            if let Some(packet) = self.waiting.remove(&next) {
                self.next_seq = Some(next + 1);
                self.since_gap = None;
                self.packet(&packet);
                continue;
            }
            let since = *self.since_gap.get_or_insert(came);
            if let Some(key) = self.whole_key_frame() {
                // Nothing before it is needed any more, as browsers see it too.
                self.waiting = self.waiting.split_off(&key);
                self.next_seq = Some(key);
                (self.since_gap, self.partial) = (None, None);
                (self.last_picture, self.opened) = (None, None);
                continue;
            }
            if now < since + PATIENCE && !full {
                return;
            }
            self.next_seq = Some(first);
            (self.since_gap, self.partial, self.needs_key) = (None, None, true);
            (self.last_picture, self.opened) = (None, None);
            self.shown.gaps += 1;
        }
    }

    /// Where a key frame begins that came whole behind a gap.
    fn whole_key_frame(&self) -> Option<u64> {
        let starts = |w: &Waiting| crate::vp8::read(&w.payload).is_some_and(|vp8| vp8.begins && vp8.key);
        let mut whole = None;
        for (&from, first) in self.waiting.iter().filter(|(_, w)| starts(w)) {
            let packets = self.waiting.range(from..).zip(from..);
            let mut frame = packets.take_while(|((seq, w), wanted)| *seq == wanted && w.time == first.time);
            whole = frame.any(|((_, w), _)| w.marker).then_some(from).or(whole);
        }
        whole
    }

    fn packet(&mut self, packet: &Waiting) {
        let Some(vp8) = crate::vp8::read(&packet.payload) else {
            self.shown.broken += 1;
            return;
        };
        if vp8.begins {
            self.begin(&vp8, packet.time);
        }
        let Some(fields) = fields(&vp8, &packet.payload) else { return self.film_packet(packet, vp8) };
        if vp8.begins {
            self.partial = Some((fields, 0));
        }
        let Some((first, got)) = &mut self.partial else { return };
        if (first.stream, first.frame) != (fields.stream, fields.frame) || *got != fields.index {
            self.partial = None;
            self.shown.broken += u64::from(!self.needs_key);
            return;
        }
        *got += 1;
        if *got == fields.count {
            self.partial = None;
            self.frame(packet.at, fields, vp8, &packet.payload);
        }
    }

    fn begin(&mut self, vp8: &Vp8, time: u32) {
        if let (Some(last), Some(id)) = (self.last_picture, vp8.picture_id) {
            self.shown.unsteady += u64::from(id != (last + 1) & 0x7FFF);
        }
        if let Some(last) = self.last_time {
            self.shown.unsteady += u64::from(time.wrapping_sub(last) >= 1 << 31 || time == last);
        }
        (self.last_picture, self.last_time) = (vp8.picture_id, Some(time));
    }

    fn frame(&mut self, at: Instant, fields: Fields, vp8: Vp8, payload: &[u8]) {
        let key = fields.refers == 0;
        let known = self.decoded.contains(&(fields.stream, fields.refers));
        if !key && (self.needs_key || !known) {
            // After a loss whatever follows can't be shown until the next key frame.
            self.shown.broken += u64::from(!self.needs_key);
            self.needs_key = true;
            return;
        }
        if key {
            self.needs_key = false;
            self.decoded.clear();
            self.shown.key_frames += 1;
            let height = payload.get(vp8.header + 8..vp8.header + 10).and_then(|h| h.try_into().ok());
            self.shown.height = height.map_or(0, u16::from_le_bytes);
        }
        if self.decoded.len() >= REFERENCES {
            self.decoded.remove(0);
        }
        self.decoded.push((fields.stream, fields.frame));
        self.show(at, fields.stream);
    }

    fn film_packet(&mut self, packet: &Waiting, vp8: Vp8) {
        if vp8.begins {
            self.opened = Some(vp8);
        } else if self.opened.is_none() {
            self.shown.broken += u64::from(!self.needs_key);
        }
        if let Some(first) = self.opened.filter(|_| packet.marker) {
            self.opened = None;
            self.film_frame(packet.at, first);
        }
    }

    /// A base frame stands on the base frame before it, an upper one on the one it names: no other can be shown.
    fn film_frame(&mut self, at: Instant, first: Vp8) {
        let stands = match (self.base, first.tl0) {
            (Some(base), Some(tl0)) => first.key || tl0 == base.wrapping_add(u8::from(first.tid == 0)),
            _ => true,
        };
        if !stands || (self.needs_key && !first.key) {
            self.shown.broken += u64::from(!self.needs_key);
            self.needs_key = true;
            return;
        }
        if first.key {
            self.needs_key = false;
            self.shown.key_frames += 1;
            self.shown.height = first.height.unwrap_or(0);
        }
        if first.tid == 0 {
            self.base = first.tl0;
        }
        self.show(at, 0);
    }

    fn show(&mut self, at: Instant, stream: u32) {
        let shown = &mut self.shown;
        shown.frames += 1;
        if let Some(last) = shown.last_at {
            shown.freeze = shown.freeze.max(at.saturating_duration_since(last));
        }
        shown.first_at.get_or_insert(at);
        (shown.last_at, shown.stream) = (Some(at), stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 360, fps: 30, packets: 2, bytes: 300 };

    #[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn play(made: &[Made], at: Instant) -> Shown {
        let mut decoder = Decoder::default();
        for packet in made {
            decoder.take(at, packet.seq, packet.time, packet.marker, packet.payload.clone().into());
        }
        decoder.advance(at + PATIENCE);
        decoder.shown
    }

    #[test]
    fn what_is_made_can_be_decoded_in_any_order_and_loss_is_seen() {
        let now = start();
        let mut encoder = Encoder::new(now, 3, SHAPE);
        let made = encoder.make(now + Duration::from_secs(1));
        let frames = u64::from(encoder.frames());
        let whole = play(&made, now);
        assert_eq!((whole.frames, whole.key_frames, whole.broken, whole.unsteady), (frames, 1, 0, 0));
        assert_eq!(whole.height, 360);
        let mut shuffled = made.clone();
        shuffled[20..26].reverse();
        assert_eq!(play(&shuffled, now).frames, frames);
        let mut lossy = made;
        lossy.remove(20);
        let lost = play(&lossy, now);
        assert!(lost.gaps == 1 && lost.frames < 10 && lost.broken == 0, "{lost:?}");
    }

    #[test]
    fn a_forwarder_that_skips_a_base_frame_is_found_out() {
        let now = start();
        let mut made = Encoder::new(now, 3, SHAPE).make(now + Duration::from_secs(1));
        // Cut out one whole base frame and close the gap, as a bad rewriter would.
        let cut: Vec<Made> = made.drain(8 + 6..8 + 8).collect();
        made[8 + 6..].iter_mut().for_each(|p| p.seq -= cut.len() as u64);
        let shown = play(&made, now);
        assert!(shown.broken > 0 && shown.unsteady > 0, "{shown:?}");
    }

    #[test]
    fn upper_layers_can_be_left_out() {
        let now = start();
        let made = Encoder::new(now, 3, SHAPE).make(now + Duration::from_secs(1));
        let kept: Vec<Made> =
            made.into_iter().filter(|p| crate::vp8::read(&p.payload).is_some_and(|v| v.tid < 2)).collect();
        let renumbered: Vec<Made> = kept.into_iter().zip(1..).map(|(p, seq)| Made { seq, ..p }).collect();
        let shown = play(&renumbered, now);
        assert!(shown.broken == 0 && shown.frames >= 15, "{shown:?}");
    }

    /// Frames of two temporal layers, the first a key frame of 360 lines.
    fn film() -> Arc<Film> {
        let frame = |n: usize| {
            let mut bytes = vec![u8::from(n > 0), 0, 0, 0x9D, 0x01, 0x2A, 0x80, 2, 0x68, 1];
            bytes.resize(1_500 + n, 3);
            (u8::try_from(n % 2).unwrap(), bytes)
        };
        let reel = Reel { height: 360, fps: 30, frames: (0..10).map(frame).collect() };
        Arc::new(Film { layers: vec![reel], voice: Vec::new() })
    }

    fn played() -> Vec<Made> {
        let now = start();
        let mut encoder = Encoder::new(now, 3, SHAPE);
        encoder.play(&film(), 0);
        encoder.make(now + Duration::from_millis(999))
    }

    #[test]
    fn a_film_is_played_again_and_again_and_its_upper_layer_can_be_left_out() {
        let made = played();
        assert!(made.iter().all(|packet| packet.payload.len() <= PACKET), "packets fit");
        let shown = play(&made, start());
        assert_eq!((shown.frames, shown.key_frames, shown.broken, shown.unsteady), (30, 3, 0, 0));
        assert_eq!(shown.height, 360);
        let base = made.into_iter().filter(|p| crate::vp8::read(&p.payload).is_some_and(|v| v.tid == 0));
        let base: Vec<Made> = base.zip(1..).map(|(p, seq)| Made { seq, ..p }).collect();
        let shown = play(&base, start());
        assert_eq!((shown.frames, shown.broken), (15, 0));
    }

    #[test]
    fn a_film_begins_anew_when_a_key_frame_is_wanted() {
        let now = start();
        let mut encoder = Encoder::new(now, 3, SHAPE);
        encoder.play(&film(), 0);
        let mut made = encoder.make(now + Duration::from_millis(100));
        encoder.want_key();
        made.extend(encoder.make(now + Duration::from_millis(200)));
        assert_eq!(play(&made, now).key_frames, 2);
    }

    #[test]
    fn a_film_that_misses_a_base_frame_is_not_shown_until_the_next_key_frame() {
        // Two packets a frame: the third frame is a base frame.
        let mut made = played();
        made.drain(4..6);
        made[4..].iter_mut().for_each(|p| p.seq -= 2);
        let shown = play(&made, start());
        assert!(shown.broken == 1 && shown.unsteady > 0, "{shown:?}");
        assert_eq!(shown.frames, 22, "two, and all from the second key frame on");
    }
}
