//! Makes whatever is put on a line look like one stream that never stops: sequence number, timestamp, VP8 picture id and
//! base-layer index go on over changes of layer and person. Pure; one per receiving line.
//!
//! A picture is entered only at a key frame; until it comes, what was shown goes on. Packets that are left out on purpose
//! (upper temporal layers, padding) leave no gap behind.

use std::collections::VecDeque;

/// Changes of numbering that are remembered for packets that come late: a second of every frame dropping one.
const MAX_MARKS: usize = 64;
/// Picture ids have 15 bits.
const PICTURE_IDS: u16 = 0x7FFF;

/// Names one encoding of one source: whatever has its own numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey(pub u64);

/// What a packet brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Extended sequence number.
    pub seq: u64,
    /// Timestamp.
    pub time: u32,
    /// When it came, in microseconds of a clock that never steps.
    pub at_us: u64,
    /// Whether a decoder can start here; for sound always.
    pub entry: bool,
    /// VP8 picture id.
    pub picture_id: Option<u16>,
    /// VP8 base-layer index.
    pub tl0: Option<u8>,
    /// To be left out, without a trace.
    pub skip: bool,
}

/// How a packet goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Extended sequence number.
    pub seq: u64,
    /// Timestamp.
    pub time: u32,
    /// VP8 picture id.
    pub picture_id: Option<u16>,
    /// VP8 base-layer index.
    pub tl0: Option<u8>,
    /// First packet of a stream that wasn't on the line before.
    pub fresh: bool,
}

/// The numbering of one line.
#[derive(Debug)]
pub struct Rewriter {
    /// Ticks of the timestamp in a millisecond: 90 for pictures, 48 for Opus.
    ticks_per_ms: u64,
    /// What goes out now, and what shall as soon as it can be entered.
    current: Option<StreamKey>,
    wanted: Option<StreamKey>,
    next_seq: u64,
    last: Option<Last>,
    /// From which incoming number on which offsets hold; the newest last.
    marks: VecDeque<Mark>,
    /// Highest incoming number seen of the current stream.
    highest: u64,
    time_offset: u32,
    tl0_offset: u8,
    /// The picture last left out, so that its other packets don't count again.
    skipped_picture: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    time: u32,
    at_us: u64,
    picture_id: u16,
    tl0: u8,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    from: u64,
    /// `out = in + seq`, wrapping.
    seq: u64,
    picture: u16,
}

impl Rewriter {
    /// A line that nothing was sent on. `first_seq` should be random and must be below 2^15, so that a receiver that
    /// misses the first packets still counts the first rollover (RFC 3711 section 3.3.1).
    pub fn new(ticks_per_ms: u64, first_seq: u16) -> Self {
        Self {
            ticks_per_ms,
            current: None,
            wanted: None,
            next_seq: u64::from(first_seq & 0x7FFF).max(1),
            last: None,
            marks: VecDeque::new(),
            highest: 0,
            time_offset: 0,
            tl0_offset: 0,
            skipped_picture: None,
        }
    }

    /// What shall be on the line from its next entry on; nothing: the line stops at once.
    pub fn want(&mut self, stream: Option<StreamKey>) {
        self.wanted = stream;
        if stream.is_none() {
            self.current = None;
        }
    }

    /// Another person: what was on the line stops at once.
    pub fn cut(&mut self, stream: Option<StreamKey>) {
        (self.wanted, self.current) = (stream, None);
    }

    /// What shall be on the line.
    pub const fn wanted(&self) -> Option<StreamKey> {
        self.wanted
    }

    /// What is waited for, if it isn't there yet.
    pub fn awaited(&self) -> Option<StreamKey> {
        self.wanted.filter(|wanted| self.current != Some(*wanted))
    }

    /// What goes out now.
    pub const fn current(&self) -> Option<StreamKey> {
        self.current
    }

    /// Decides about one packet.
    pub fn pass(&mut self, stream: StreamKey, packet: &Arrival) -> Option<Departure> {
        let mut fresh = false;
        if self.current != Some(stream) {
            if self.wanted != Some(stream) || !packet.entry || packet.skip {
                return None;
            }
            self.enter(stream, packet);
            fresh = true;
        }
        if packet.skip {
            self.leave_out(packet);
            return None;
        }
        let mark = self.marks.iter().rev().find(|m| packet.seq >= m.from).copied()?;
        let seq = packet.seq.wrapping_add(mark.seq);
        let time = packet.time.wrapping_add(self.time_offset);
        let picture_id = packet.picture_id.map(|id| id.wrapping_add(mark.picture) & PICTURE_IDS);
        let tl0 = packet.tl0.map(|tl0| tl0.wrapping_add(self.tl0_offset));
        if packet.seq >= self.highest {
            self.highest = packet.seq;
            self.next_seq = seq + 1;
            let was = self.last;
            let keep = |new: Option<u16>, old: Option<u16>| new.or(old).unwrap_or(0);
            self.last = Some(Last {
                time,
                at_us: packet.at_us,
                picture_id: keep(picture_id, was.map(|l| l.picture_id)),
                tl0: tl0.or(was.map(|l| l.tl0)).unwrap_or(0),
            });
        }
        Some(Departure { seq, time, picture_id, tl0, fresh })
    }

    /// Goes on with another stream where the last one stopped; the clock goes on by the time that passed.
    fn enter(&mut self, stream: StreamKey, packet: &Arrival) {
        let (time, picture, tl0) = match self.last {
            None => (packet.time, packet.picture_id.unwrap_or(0), packet.tl0.unwrap_or(0)),
            Some(last) => {
                let passed = packet.at_us.saturating_sub(last.at_us) * self.ticks_per_ms / 1_000;
                let ticks = u32::try_from(passed % (1 << 32)).unwrap_or(0).max(1);
                (last.time.wrapping_add(ticks), last.picture_id.wrapping_add(1), last.tl0.wrapping_add(1))
            }
        };
        self.time_offset = time.wrapping_sub(packet.time);
        self.tl0_offset = tl0.wrapping_sub(packet.tl0.unwrap_or(0));
        self.marks.clear();
        self.marks.push_back(Mark {
            from: packet.seq,
            seq: self.next_seq.wrapping_sub(packet.seq),
            picture: picture.wrapping_sub(packet.picture_id.unwrap_or(0)),
        });
        (self.highest, self.current, self.skipped_picture) = (packet.seq, Some(stream), None);
    }

    /// Closes the gap that a packet would leave. One that comes late has left its gap already.
    fn leave_out(&mut self, packet: &Arrival) {
        let Some(newest) = self.marks.back().copied() else { return };
        if packet.seq <= self.highest {
            return;
        }
        let other_picture = packet.picture_id.is_some() && self.skipped_picture != packet.picture_id;
        self.skipped_picture = packet.picture_id.or(self.skipped_picture);
        self.highest = packet.seq;
        let mark = Mark {
            from: packet.seq + 1,
            seq: newest.seq.wrapping_sub(1),
            picture: newest.picture.wrapping_sub(u16::from(other_picture)),
        };
        // Packets that were left out one after the other need only the last mark.
        if newest.from == packet.seq {
            self.marks.pop_back();
        }
        if self.marks.len() >= MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: StreamKey = StreamKey(1);
    const B: StreamKey = StreamKey(2);

    fn packet(seq: u64, at_ms: u64) -> Arrival {
        Arrival {
            seq,
            time: u32::try_from(at_ms * 90).unwrap(),
            at_us: at_ms * 1_000,
            entry: false,
            picture_id: Some(u16::try_from(seq % 0x8000).unwrap()),
            tl0: Some(u8::try_from(seq % 256).unwrap()),
            skip: false,
        }
    }
    fn key(seq: u64, at_ms: u64) -> Arrival {
        Arrival { entry: true, ..packet(seq, at_ms) }
    }

    #[test]
    fn a_picture_is_entered_at_a_key_frame_only_and_the_old_one_goes_on_until_then() {
        let mut line = Rewriter::new(90, 1_000);
        line.want(Some(A));
        assert_eq!(line.pass(A, &packet(70_000, 0)), None);
        assert_eq!(line.pass(A, &key(70_001, 10)).map(|d| (d.seq, d.fresh)), Some((1_000, true)));
        line.want(Some(B));
        assert_eq!(line.awaited(), Some(B));
        assert_eq!(line.pass(B, &packet(5, 20)), None);
        assert_eq!(line.pass(A, &packet(70_002, 30)).map(|d| d.seq), Some(1_001));
        let switched = line.pass(B, &key(9, 43)).unwrap();
        assert_eq!((switched.seq, switched.picture_id, switched.tl0), (1_002, Some(4466 + 1), Some(114 + 1)));
        assert_eq!(line.pass(A, &packet(70_003, 50)), None, "the old one is over");
        assert_eq!(line.awaited(), None);
    }

    #[test]
    fn time_goes_on_by_what_has_passed() {
        let mut line = Rewriter::new(90, 1);
        line.want(Some(A));
        let before = line.pass(A, &key(1, 1_000)).unwrap();
        line.cut(Some(B));
        let after = line.pass(B, &Arrival { time: 77, ..key(500, 1_250) }).unwrap();
        assert_eq!(after.time.wrapping_sub(before.time), 250 * 90);
    }

    #[test]
    fn a_late_packet_of_before_the_entry_is_dropped_and_a_reordered_one_keeps_its_number() {
        let mut line = Rewriter::new(90, 1);
        line.want(Some(A));
        line.pass(A, &key(10, 0));
        assert_eq!(line.pass(A, &packet(9, 1)), None);
        assert_eq!(line.pass(A, &packet(12, 2)).map(|d| d.seq), Some(3));
        assert_eq!(line.pass(A, &packet(11, 3)).map(|d| d.seq), Some(2));
        assert_eq!(line.pass(A, &packet(13, 4)).map(|d| d.seq), Some(4));
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut line = Rewriter::new(90, 1);
        line.want(Some(A));
        line.pass(A, &key(10, 0));
        let skip = |seq, id| Arrival { skip: true, picture_id: Some(id), ..packet(seq, 1) };
        assert_eq!(line.pass(A, &skip(11, 11)), None);
        assert_eq!(line.pass(A, &skip(12, 11)), None, "the second packet of the same picture");
        let after = line.pass(A, &Arrival { picture_id: Some(12), ..packet(13, 2) }).unwrap();
        assert_eq!((after.seq, after.picture_id), (2, Some(11)));
    }

    #[test]
    fn a_line_starts_where_no_rollover_can_be_missed() {
        for first in [0, 1, 0x7FFF, 0xFFFF] {
            let mut line = Rewriter::new(90, first);
            line.want(Some(A));
            assert!(line.pass(A, &key(u64::from(u32::MAX), 0)).unwrap().seq < 0x8000);
        }
    }

    proptest! {
        /// Layers and people change at random, packets are left out at random, order is kept: what goes out counts up by
        /// one, pictures by at most one, and time never runs back.
        #[test]
        fn what_goes_out_is_one_stream(
            steps in prop::collection::vec((0_u8..10, 0_u64..3, 1_u64..60, any::<bool>()), 1..300),
            first: u16,
        ) {
            let mut line = Rewriter::new(90, first);
            let mut next = [60_000_u64, 5, 1 << 20];
            let mut base = [3_000_000_000_u32, 9, 77_777];
            let (mut now, mut last) = (0_u64, None::<Departure>);
            for (what, stream, gap, entry) in steps {
                now += gap;
                let i = usize::try_from(stream).unwrap();
                let key = StreamKey(stream);
                match what {
                    0 => line.want(Some(key)),
                    1 => line.cut(Some(key)),
                    2 => line.want(None),
                    _ => {
                        base[i] = base[i].wrapping_add(u32::try_from(gap * 90).unwrap());
                        let arrival = Arrival {
                            seq: next[i],
                            time: base[i],
                            at_us: now * 1_000,
                            entry,
                            picture_id: Some(u16::try_from(next[i] % 0x8000).unwrap()),
                            tl0: Some(0),
                            skip: what == 9,
                        };
                        next[i] += 1;
                        if let Some(out) = line.pass(key, &arrival) {
                            if let Some(last) = last {
                                prop_assert_eq!(out.seq, last.seq + 1);
                                let step = out.picture_id.unwrap().wrapping_sub(last.picture_id.unwrap()) & PICTURE_IDS;
                                prop_assert_eq!(step, 1);
                                prop_assert!(out.time.wrapping_sub(last.time) < 1 << 31);
                            }
                            last = Some(out);
                        }
                    }
                }
            }
        }

        #[test]
        fn no_two_packets_get_the_same_number(
            order in prop::collection::vec((0_u64..40, any::<bool>()), 1..200),
        ) {
            let mut line = Rewriter::new(90, 1);
            line.want(Some(A));
            line.pass(A, &key(100, 0));
            let (mut seen, mut used) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
            for (seq, skip) in order {
                if seen.insert(seq)
                    && let Some(out) = line.pass(A, &Arrival { skip, ..packet(101 + seq, 1) })
                {
                    prop_assert!(used.insert(out.seq), "{} twice", out.seq);
                }
            }
        }
    }
}
