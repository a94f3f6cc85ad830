//! Puts key frames together from RTP, whatever order their packets come in. Pure; it reads strangers' bytes and keeps a
//! bounded few of them. While no picture is wanted nothing is kept.

use std::{collections::VecDeque, sync::Arc};

use visavis_domain::room::tap::{KeyFrame, PictureCodec};

use crate::forward::StreamKey;

/// Pictures that are put together at a time: a key frame whose packets are sent again, and those that overtake it.
const MAX_FRAMES: usize = 8;
/// Packets of one: a key frame of 1080 lines at its largest has about 300.
const MAX_PIECES: usize = 1_024;
/// Bytes of one.
const MAX_BYTES: usize = 1 << 20;

/// One packet of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// Extended sequence number.
    pub(crate) seq: u64,
    /// The picture's timestamp.
    pub(crate) time: u32,
    /// The first packet of a key frame, of another frame, or neither.
    pub(crate) begins: Option<Begins>,
    /// Last of its picture.
    pub(crate) marker: bool,
    /// Where its payload begins.
    pub(crate) header: usize,
    /// The packet without its RTP header.
    pub(crate) payload: Arc<[u8]>,
}

/// What a first packet begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    Key,
    Other,
}

/// The key frame of one encoding that is being waited for.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) stream: StreamKey,
    codec: PictureCodec,
    frames: VecDeque<Frame>,
}

#[derive(Debug)]
struct Frame {
    time: u32,
    /// In the order of their numbers.
    pieces: Vec<Piece>,
    bytes: usize,
    /// No key frame, or too large for one.
    useless: bool,
}

impl Assembly {
    pub(crate) const fn new(stream: StreamKey, codec: PictureCodec) -> Self {
        Self { stream, codec, frames: VecDeque::new() }
    }

    /// Takes a packet; the key frame, when this was the last that it lacked.
    pub(crate) fn take(&mut self, codec: PictureCodec, piece: Piece) -> Option<KeyFrame> {
        if codec != self.codec {
            (self.codec, self.frames) = (codec, VecDeque::new());
        }
        let at = self.frames.iter().position(|frame| frame.time == piece.time).unwrap_or_else(|| {
            if self.frames.len() >= MAX_FRAMES {
                self.frames.pop_front();
            }
            self.frames.push_back(Frame::new(piece.time));
            self.frames.len() - 1
        });
        let frame = self.frames.get_mut(at)?;
        frame.insert(piece);
        if !frame.is_whole_key() {
            return None;
        }
        let bytes = match codec {
            PictureCodec::Vp8 => frame.bodies().flatten().copied().collect(),
            PictureCodec::H264 => annex_b(frame.bodies())?,
        };
        self.frames.clear();
        Some(KeyFrame { codec, bytes })
    }
}

impl Frame {
    const fn new(time: u32) -> Self {
        Self { time, pieces: Vec::new(), bytes: 0, useless: false }
    }

    fn insert(&mut self, piece: Piece) {
        self.useless |= piece.begins == Some(Begins::Other)
            || self.pieces.len() >= MAX_PIECES
            || self.bytes + piece.payload.len() > MAX_BYTES;
        if self.useless {
            self.pieces.clear();
            return;
        }
        let at = self.pieces.partition_point(|p| p.seq < piece.seq);
        if self.pieces.get(at).is_some_and(|p| p.seq == piece.seq) {
            return;
        }
        self.bytes += piece.payload.len();
        self.pieces.insert(at, piece);
    }

    fn is_whole_key(&self) -> bool {
        let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) else { return false };
        first.begins == Some(Begins::Key)
            && last.marker
            && last.seq - first.seq + 1 == self.pieces.len() as u64
    }

    fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|p| p.payload.get(p.header..).unwrap_or_default())
    }
}

const START: [u8; 4] = [0, 0, 0, 1];

/// H.264 units out of packets (RFC 6184): single ones, aggregated ones (STAP-A), fragments (FU-A). `None` when they don't fit
/// together.
fn annex_b<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut fragment = false;
    for packet in packets {
        let (first, rest) = packet.split_first()?;
        match first & 0x1F {
            24 => {
                let mut rest = rest;
                while let [high, low, units @ ..] = rest {
                    let (unit, after) =
                        units.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
                    out.extend(START);
                    out.extend(unit);
                    rest = after;
                }
                fragment = false;
            }
            28 => {
                let (kind, body) = rest.split_first()?;
                if kind & 0x80 != 0 {
                    out.extend(START);
                    out.push((first & 0xE0) | (kind & 0x1F));
                } else if !fragment {
                    return None;
                }
                out.extend(body);
                fragment = kind & 0x40 == 0;
            }
            1..=23 => {
                out.extend(START);
                out.extend(packet);
                fragment = false;
            }
            _ => return None,
        }
    }
    (!fragment && !out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODEC: PictureCodec = PictureCodec::Vp8;

    fn piece(seq: u64, time: u32, begins: Option<Begins>, marker: bool) -> Piece {
        let payload = vec![0xFF, u8::try_from(seq % 256).unwrap()];
        Piece { seq, time, begins, marker, header: 1, payload: payload.into() }
    }
    fn key_frame(first: u64, count: u64, time: u32) -> Vec<Piece> {
        (0..count).map(|i| piece(first + i, time, (i == 0).then_some(Begins::Key), i + 1 == count)).collect()
    }
    fn assembly() -> Assembly {
        Assembly::new(StreamKey(1), CODEC)
    }

    #[test]
    fn a_key_frame_is_whole_with_its_last_packet_whichever_that_is() {
        for last in 0..4 {
            let mut pieces = key_frame(10, 4, 7);
            let late = pieces.remove(last);
            let mut assembly = assembly();
            for piece in pieces {
                assert_eq!(assembly.take(CODEC, piece), None);
            }
            let whole = assembly.take(CODEC, late).unwrap();
            assert_eq!(whole.bytes, [10, 11, 12, 13]);
        }
    }

    #[test]
    fn other_frames_are_no_key_frames_and_do_not_push_one_out() {
        let mut assembly = assembly();
        let mut pieces = key_frame(10, 3, 7);
        let late = pieces.remove(1);
        for piece in pieces {
            assert_eq!(assembly.take(CODEC, piece), None);
        }
        for i in 0..5 {
            let time = 100 + u32::try_from(i).unwrap();
            assert_eq!(assembly.take(CODEC, piece(13 + i * 2, time, Some(Begins::Other), false)), None);
            assert_eq!(assembly.take(CODEC, piece(14 + i * 2, time, None, true)), None);
        }
        assert!(assembly.take(CODEC, late).is_some());
    }

    #[test]
    fn h264_units_come_out_of_every_packing() {
        let packets: [&[u8]; 4] =
            [&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68], &[0x7C, 0x85, 2], &[0x7C, 0x05, 3], &[0x7C, 0x45, 4]];
        let expected = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65, 2, 3, 4];
        assert_eq!(annex_b(packets.into_iter()).unwrap(), expected);
        for broken in [&packets[2..], &packets[..2]] {
            assert_eq!(annex_b(broken.iter().copied()), None, "a fragment without its ends");
        }
        assert_eq!(annex_b([&[0x78, 0, 9, 1][..]].into_iter()), None);
        assert_eq!(annex_b([&[][..]].into_iter()), None);
    }

    proptest! {
        /// Packets of many frames in any order, some twice: what comes out was a key frame, whole, and memory is bounded.
        #[test]
        fn what_comes_out_is_whole(
            order in prop::collection::vec((0_u64..400, any::<bool>()), 0..800),
        ) {
            let mut assembly = assembly();
            for (seq, marker) in order {
                let time = u32::try_from(seq / 5).unwrap();
                let begins = (seq % 5 == 0).then(|| if time.is_multiple_of(3) { Begins::Key } else { Begins::Other });
                if let Some(whole) = assembly.take(CODEC, piece(seq, time, begins, marker && seq % 5 == 4)) {
                    prop_assert!(time.is_multiple_of(3) && whole.bytes.len() == 5);
                }
                prop_assert!(assembly.frames.len() <= MAX_FRAMES);
            }
        }

        #[test]
        fn any_packets_are_taken_apart_without_harm(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
        ) {
            annex_b(packets.iter().map(Vec::as_slice));
        }
    }
}
