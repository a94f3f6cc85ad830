//! What a VP8 packet says of itself (RFC 7741): enough to forward it, never its picture. Pure; reads strangers' bytes, so
//! nothing is indexed that might not be there.

/// A packet's payload descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8 {
    /// Bytes before the VP8 payload.
    pub header: usize,
    /// First packet of a frame.
    pub begins: bool,
    /// First packet of a key frame.
    pub key: bool,
    /// The frame's number, 15 bits (or 7 as sent).
    pub picture_id: Option<u16>,
    /// Number of the last base-layer frame.
    pub tl0: Option<u8>,
    /// Temporal layer; 0 when there are none.
    pub tid: u8,
    /// Lines of the picture, told by a key frame's first packet.
    pub height: Option<u16>,
}

/// Reads a payload; `None` when it can't be VP8.
pub fn read(payload: &[u8]) -> Option<Vp8> {
    let mut at = 1;
    let first = *payload.first()?;
    let mut next = || {
        let byte = payload.get(at).copied();
        at += 1;
        byte
    };
    let (mut picture_id, mut tl0, mut tid) = (None, None, 0);
    if first & 0x80 != 0 {
        let extension = next()?;
        if extension & 0x80 != 0 {
            let high = next()?;
            picture_id = Some(if high & 0x80 == 0 {
                u16::from(high)
            } else {
                (u16::from(high & 0x7F) << 8) | u16::from(next()?)
            });
        }
        if extension & 0x40 != 0 {
            tl0 = Some(next()?);
        }
        if extension & 0x30 != 0 {
            let byte = next()?;
            tid = if extension & 0x20 != 0 { byte >> 6 } else { 0 };
        }
    }
    let body = payload.get(at..).filter(|body| !body.is_empty())?;
    let begins = first & 0x17 == 0x10;
    let key = begins && body[0] & 1 == 0;
    // RFC 6386 section 9.1: three bytes of frame tag, the start code, width and height of 14 bits each.
    let height = match body {
        [_, _, _, 0x9D, 0x01, 0x2A, _, _, low, high, ..] if key => {
            Some(u16::from_le_bytes([*low, *high]) & 0x3FFF)
        }
        _ => None,
    };
    Some(Vp8 { header: at, begins, key, picture_id, tl0, tid, height })
}

/// Whether an H.264 packet begins a key frame (RFC 6184): an IDR slice or the parameter sets in front of it, alone,
/// aggregated or as the first fragment.
pub fn h264_key(payload: &[u8]) -> bool {
    let key = |nal: u8| matches!(nal & 0x1F, 5 | 7);
    match payload {
        [24 | 56 | 88 | 120, rest @ ..] => {
            let mut rest = rest;
            while let [high, low, nal, ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if length == 0 || key(*nal) {
                    return length > 0;
                }
                rest = rest.get(2 + length..).unwrap_or_default();
            }
            false
        }
        [first, fragment, ..] if matches!(first & 0x1F, 28 | 29) => fragment & 0x80 != 0 && key(*fragment),
        [] => false,
        [first, ..] => key(*first),
    }
}

/// Whether an H.264 packet is the first of a key frame that can be decoded alone: its sequence parameters, single or first
/// of an aggregate.
pub fn h264_begins(payload: &[u8]) -> bool {
    match payload {
        [first, _, _, unit, ..] if first & 0x1F == 24 => unit & 0x1F == 7,
        [first, ..] => first & 0x1F == 7,
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_frame_tells_its_height() {
        let packet = [
            0x90, 0xE0, 0x81, 0x02, 7, 0x20, // X, S; I L T; picture 258; tl0 7; tid 0, y
            0x10, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 0x41, 0,
        ];
        let vp8 = read(&packet).unwrap();
        assert_eq!((vp8.header, vp8.begins, vp8.key), (6, true, true));
        assert_eq!((vp8.picture_id, vp8.tl0, vp8.tid, vp8.height), (Some(258), Some(7), 0, Some(360)));
    }

    #[test]
    fn what_follows_the_start_is_no_key_frame() {
        assert!(!read(&[0x80, 0x80, 5, 0x10, 0, 0]).unwrap().key, "continues a frame");
        assert!(!read(&[0x90, 0xA0, 5, 0x80, 0x11, 0]).unwrap().key, "a delta frame");
        assert_eq!(read(&[0x90, 0xA0, 5, 0x80, 0x11, 0]).unwrap().tid, 2);
        assert_eq!(read(&[0x90, 0xE0, 0x80]), None);
        assert_eq!(read(&[0x10]), None, "no picture");
    }

    #[test]
    fn h264_key_frames_are_seen_in_every_packing() {
        for (packet, key) in [
            (&[0x65, 1][..], true),
            (&[0x67, 1], true),
            (&[0x41, 1], false),
            (&[24, 0, 2, 0x67, 0, 0, 1, 0x68], true),
            (&[24, 0, 1, 0x41, 0, 1, 0x65], true),
            (&[24, 0, 1, 0x41, 0, 0, 0x65], false),
            (&[0x7C, 0x85, 0], true),
            (&[0x7C, 0x05, 0], false),
            (&[], false),
        ] {
            assert_eq!(h264_key(packet), key, "{packet:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            h264_key(&bytes);
            if let Some(vp8) = read(&bytes) {
                prop_assert!(vp8.header < bytes.len());
                let theirs = str0m::rtp::Vp8Descriptor::parse(&bytes);
                if let Ok(theirs) = theirs {
                    prop_assert_eq!((theirs.picture_id(), theirs.tl0_pic_idx()), (vp8.picture_id, vp8.tl0));
                    prop_assert_eq!(theirs.starts_keyframe(&bytes), vp8.key);
                }
            }
        }
    }
}
