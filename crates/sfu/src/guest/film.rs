//! Pictures and sound that a browser can show: what an encoder has made beforehand, played again and again.

use super::picture::PACKET;

/// Bytes in front of a packet's share of a frame.
const DESCRIPTOR: usize = 6;

/// A camera's layers, lowest first, and a voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Film {
    /// The layers.
    pub layers: Vec<Reel>,
    /// Opus packets of 20 ms each; none: silence of the usual size.
    pub voice: Vec<Vec<u8>>,
}

/// One layer: its first frame, and no other, is a key frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reel {
    /// Lines.
    pub height: u16,
    /// Frames a second.
    pub fps: u32,
    /// VP8 frames with their temporal layers; an upper one stands on the base layer alone.
    pub frames: Vec<(u8, Vec<u8>)>,
}

/// What stands in front of a frame's bytes (RFC 7741: X and S, then I, L and T, a picture id of 15 bits, tl0, tid and Y).
/// `sync`: it stands on the base layer alone. Without that word a browser waits for an earlier frame of its own layer.
pub(super) fn descriptor(begins: bool, picture_id: u16, tl0: u8, tid: u8, sync: bool) -> [u8; DESCRIPTOR] {
    let [high, low] = (picture_id | 0x8000).to_be_bytes();
    [if begins { 0x90 } else { 0x80 }, 0xE0, high, low, tl0, (tid << 6) | (u8::from(sync) << 5)]
}

/// A frame in shares, one for each packet.
pub(super) fn shares(frame: &[u8]) -> impl ExactSizeIterator<Item = &[u8]> {
    // Of equal size, as browsers cut them: a short rest would cost a packet of its own all the same.
    let room = PACKET - DESCRIPTOR;
    let count = frame.len().div_ceil(room).max(1);
    frame.chunks(frame.len().div_ceil(count).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_into_shares_of_one_size_that_fit_a_packet() {
        for length in [1, 500, 1_094, 1_095, 5_000, 30_001] {
            let frame = vec![7; length];
            let cut: Vec<&[u8]> = shares(&frame).collect();
            assert_eq!(cut.concat(), frame);
            let (first, last) = (cut[0].len(), cut[cut.len() - 1].len());
            assert!(first + DESCRIPTOR <= PACKET && first - last < cut.len(), "{length}: {first}, {last}");
        }
    }

    #[test]
    fn its_descriptor_is_read_as_it_was_meant() {
        let mut packet = descriptor(true, 0x1234, 9, 1, true).to_vec();
        packet.push(1);
        let vp8 = crate::vp8::read(&packet).unwrap();
        assert_eq!((vp8.header, vp8.begins, vp8.key), (DESCRIPTOR, true, false));
        assert_eq!((vp8.picture_id, vp8.tl0, vp8.tid), (Some(0x1234), Some(9), 1));
        assert!(!crate::vp8::read(&descriptor(false, 1, 1, 0, false)).is_some_and(|vp8| vp8.begins));
    }
}
