//! STUN as a stranger may ask it (RFC 8489): a binding request without credentials gets one answer that tells the address
//! it came from. Pure and without allocation. It must never answer an answer, nor send more than [`MAX_ANSWER`] bytes, so
//! that nothing is gained by forging a sender.
//!
//! A request with a user name or a signature belongs to somebody's ICE session; it is left to whoever holds that.

use std::net::{IpAddr, SocketAddr};

/// Longest request that is read, in bytes: RFC 8489 section 6.1 asks for messages that fit 576-byte IPv4 packets.
/// Browsers send 20 to 100.
pub const MAX_REQUEST: usize = 548;
/// Longest answer, in bytes: header, XOR-MAPPED-ADDRESS of IPv6 (24), FINGERPRINT (8). An error is no longer.
pub const MAX_ANSWER: usize = HEADER + 24 + 8;

/// Type, length, cookie, transaction id.
const HEADER: usize = 20;
/// Section 5: tells STUN from what else comes to a media port (RFC 7983).
const MAGIC: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
const USERHASH: u16 = 0x001E;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_XOR: u32 = 0x5354_554E;
/// Attributes below must be understood, those from here on may be ignored (section 14).
const OPTIONAL_FROM: u16 = 0x8000;
/// Unknown attributes that an error names. A browser sends none; nobody needs to be told of more.
const MAX_NAMED: usize = 4;

/// The answer to `packet` from `from`; none if it isn't a binding request that anybody may make.
pub fn answer(packet: &[u8], from: SocketAddr) -> Option<Answer> {
    Some(read(packet)?.answer(from))
}

/// The ICE name (the part of USERNAME before the colon, RFC 8445 section 7.2.2) that a binding request is for. Only a way to
/// find whom to ask: whether the sender knows the password is judged there.
pub fn ufrag(packet: &[u8]) -> Option<&str> {
    let (header, mut rest) = packet.split_at_checked(HEADER)?;
    if u16_at(header, 0)? != BINDING_REQUEST || header.get(4..8)? != MAGIC {
        return None;
    }
    while !rest.is_empty() {
        let (kind, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        if kind == USERNAME {
            let name = std::str::from_utf8(rest.get(4..4 + length)?).ok()?;
            return name.split_once(':').map(|(ours, _)| ours);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

/// One datagram to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    bytes: [u8; MAX_ANSWER],
    len: usize,
}

impl Answer {
    /// The datagram.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn start(kind: u16, transaction: [u8; 12]) -> Self {
        let mut answer = Self { bytes: [0; MAX_ANSWER], len: 0 };
        answer.push(&kind.to_be_bytes());
        answer.push(&[0, 0]);
        answer.push(&MAGIC);
        answer.push(&transaction);
        answer
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(free) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            free.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.push(&kind.to_be_bytes());
        self.push(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
        self.push(value);
        self.push(&[0; 3][..value.len().next_multiple_of(4) - value.len()]);
    }

    fn set_length(&mut self, whole: usize) {
        self.bytes[2..4].copy_from_slice(&u16::try_from(whole - HEADER).unwrap_or(0).to_be_bytes());
    }

    fn finish(mut self, fingerprint: bool) -> Self {
        if fingerprint {
            // The length counts the fingerprint before that is computed.
            self.set_length(self.len + 8);
            let sum = crc32(self.as_bytes()) ^ FINGERPRINT_XOR;
            self.attribute(FINGERPRINT, &sum.to_be_bytes());
        } else {
            self.set_length(self.len);
        }
        self
    }
}

/// A binding request without credentials.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    transaction: [u8; 12],
    fingerprint: bool,
    unknown: [u16; MAX_NAMED],
    unknown_count: usize,
}

fn read(packet: &[u8]) -> Option<Request> {
    if packet.len() > MAX_REQUEST {
        return None;
    }
    let (header, mut rest) = packet.split_at_checked(HEADER)?;
    let length = usize::from(u16_at(header, 2)?);
    if u16_at(header, 0)? != BINDING_REQUEST || header.get(4..8)? != MAGIC || length != rest.len() {
        return None;
    }
    let transaction = header.get(8..)?.try_into().ok()?;
    let mut request = Request { transaction, fingerprint: false, unknown: [0; MAX_NAMED], unknown_count: 0 };
    while !rest.is_empty() {
        let (kind, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let value = rest.get(4..4 + length)?;
        let next = rest.get(4 + length.next_multiple_of(4)..)?;
        match kind {
            USERNAME | MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 | USERHASH => return None,
            FINGERPRINT => {
                // The last attribute, over everything before it.
                let sum = crc32(packet.get(..packet.len() - rest.len())?) ^ FINGERPRINT_XOR;
                if value != sum.to_be_bytes() || !next.is_empty() {
                    return None;
                }
                request.fingerprint = true;
            }
            kind if kind < OPTIONAL_FROM => request.note_unknown(kind),
            _ => {}
        }
        rest = next;
    }
    Some(request)
}

impl Request {
    fn note_unknown(&mut self, kind: u16) {
        if let Some(slot) = self.unknown.get_mut(self.unknown_count) {
            *slot = kind;
            self.unknown_count += 1;
        }
    }

    fn answer(&self, from: SocketAddr) -> Answer {
        if self.unknown_count > 0 { self.refuse() } else { self.map(from) }
    }

    /// Error 420: the request holds what must be understood and isn't (section 6.3.1).
    fn refuse(&self) -> Answer {
        let mut named = [0; 2 * MAX_NAMED];
        for (slot, kind) in named.chunks_exact_mut(2).zip(self.unknown) {
            slot.copy_from_slice(&kind.to_be_bytes());
        }
        let mut answer = Answer::start(BINDING_ERROR, self.transaction);
        answer.attribute(ERROR_CODE, &[0, 0, 4, 20]);
        answer.attribute(UNKNOWN_ATTRIBUTES, &named[..2 * self.unknown_count]);
        answer.finish(self.fingerprint)
    }

    /// Success with XOR-MAPPED-ADDRESS (section 14.2).
    fn map(&self, from: SocketAddr) -> Answer {
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&MAGIC);
        mask[4..].copy_from_slice(&self.transaction);
        let mut value = [0; 20];
        value[2..4].copy_from_slice(&from.port().to_be_bytes());
        // A dual-stack socket sees IPv4 clients in IPv6 dress; they want their own.
        let (family, length) = match from.ip().to_canonical() {
            IpAddr::V4(v4) => {
                value[4..8].copy_from_slice(&v4.octets());
                (1, 8)
            }
            IpAddr::V6(v6) => {
                value[4..].copy_from_slice(&v6.octets());
                (2, 20)
            }
        };
        value[1] = family;
        xor(&mut value[2..4], &mask);
        xor(&mut value[4..], &mask);
        let mut answer = Answer::start(BINDING_SUCCESS, self.transaction);
        answer.attribute(XOR_MAPPED_ADDRESS, &value[..length]);
        answer.finish(self.fingerprint)
    }
}

fn xor(bytes: &mut [u8], mask: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// CRC-32 of ITU-T V.42, as FINGERPRINT wants it; packets are too small and too few for a table.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A binding request with these attributes, padded already.
    fn ask(attributes: &[u8]) -> Vec<u8> {
        let mut packet = BINDING_REQUEST.to_be_bytes().to_vec();
        packet.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        packet.extend(MAGIC);
        // The transaction id of RFC 5769.
        packet.extend([0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE]);
        packet.extend(attributes);
        packet
    }

    fn ask_with_fingerprint() -> Vec<u8> {
        let mut packet = ask(&[0x80, 0x28, 0, 4, 0, 0, 0, 0]);
        let sum = crc32(&packet[..HEADER]) ^ FINGERPRINT_XOR;
        packet[HEADER + 4..].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    fn told(packet: &[u8], from: &str) -> Vec<u8> {
        answer(packet, from.parse().unwrap()).unwrap().as_bytes().to_vec()
    }

    fn is_ignored(packet: &[u8]) -> bool {
        answer(packet, "192.0.2.1:5".parse().unwrap()).is_none()
    }

    /// The mapped addresses of RFC 5769 sections 2.2 and 2.3.
    #[test]
    fn a_client_learns_its_address_as_in_the_test_vectors_of_rfc_5769() {
        let v4 = told(&ask(&[]), "192.0.2.1:32853");
        assert_eq!(v4[..8], [1, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42]);
        assert_eq!(v4[8..20], ask(&[])[8..20]);
        assert_eq!(v4[20..], [0, 0x20, 0, 8, 0, 1, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43]);
        assert_eq!(told(&ask(&[]), "[::ffff:192.0.2.1]:32853"), v4, "seen by a dual-stack socket");
        let v6 = told(&ask(&[]), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        assert_eq!(v6[20..28], [0, 0x20, 0, 20, 0, 2, 0xA1, 0x47]);
        let xored =
            [0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC, 0x25, 0xF4, 0xB5, 0xBE, 0xD2, 0xB9, 0xD9];
        assert_eq!(v6[28..], xored);
    }

    #[test]
    fn a_fingerprint_is_answered_with_one_and_a_wrong_one_not_at_all() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of CRC-32");
        let out = told(&ask_with_fingerprint(), "[2001:db8::1]:5");
        assert_eq!(out.len(), MAX_ANSWER);
        assert_eq!(usize::from(out[3]), out.len() - HEADER);
        let (message, print) = out.split_at(out.len() - 8);
        assert_eq!(print[..4], [0x80, 0x28, 0, 4]);
        assert_eq!(print[4..], (crc32(message) ^ FINGERPRINT_XOR).to_be_bytes());
        for at in 8..HEADER + 8 {
            let mut changed = ask_with_fingerprint();
            changed[at] ^= 1;
            // A changed type makes it another attribute that must (or may) be known; anything else breaks the sum.
            assert!(is_ignored(&changed) || (HEADER..HEADER + 2).contains(&at), "byte {at}");
        }
        let mut not_last = ask_with_fingerprint();
        not_last.extend([0x80, 0x22, 0, 0]);
        not_last[3] += 4;
        assert!(is_ignored(&not_last));
    }

    #[test]
    fn what_is_no_binding_request_is_not_answered() {
        assert!(!is_ignored(&ask(&[])));
        for (at, value) in [(0, 0x40), (0, 1), (0, 0x80), (1, 0x11), (1, 3), (4, 0), (3, 4), (3, 1)] {
            let mut wrong = ask(&[]);
            wrong[at] = value;
            assert!(is_ignored(&wrong), "byte {at} = {value}");
        }
        for packet in [
            &[][..],
            &[0; 3],
            &ask(&[])[..19],
            &[&ask(&[])[..], &[0; 4]].concat(),
            &told(&ask(&[]), "192.0.2.1:5"),
        ] {
            assert!(is_ignored(packet), "{packet:?}");
        }
    }

    #[test]
    fn a_request_of_somebodys_ice_session_is_left_alone() {
        for kind in [USERNAME, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, USERHASH] {
            let [high, low] = kind.to_be_bytes();
            assert!(is_ignored(&ask(&[high, low, 0, 2, b'a', b'b', 0, 0])), "{kind:#x}");
            assert!(is_ignored(&ask(&[0x80, 0x22, 0, 0, high, low, 0, 0])), "{kind:#x} behind another");
        }
    }

    #[test]
    fn a_request_of_a_call_names_it() {
        let named = |name: &[u8]| {
            let [high, low] = u16::try_from(name.len()).unwrap().to_be_bytes();
            let padding = [0; 3];
            let padding = &padding[..name.len().next_multiple_of(4) - name.len()];
            ask(&[&[0x80, 0x22, 0, 4, 1, 2, 3, 4, 0, 6, high, low][..], name, padding].concat())
        };
        assert_eq!(ufrag(&named(b"ours:theirs")), Some("ours"));
        assert_eq!(ufrag(&named(b"ours")), None);
        assert_eq!(ufrag(&named(&[0xFF, b':'])), None);
        assert_eq!(ufrag(&ask(&[])), None);
        assert_eq!(ufrag(&named(b"ours:theirs")[..34]), None, "cut short");
    }

    #[test]
    fn attributes_that_may_be_ignored_are_if_they_are_whole() {
        let plain = told(&ask(&[]), "192.0.2.1:1");
        // SOFTWARE, three bytes and one of padding.
        assert_eq!(told(&ask(&[0x80, 0x22, 0, 3, 97, 98, 99, 0]), "192.0.2.1:1"), plain);
        for broken in [
            &[0x80, 0x22, 0, 5, 97, 98, 99, 0][..],
            &[0x80, 0x22, 0xFF, 0xFF],
            &[0x80, 0x22, 0, 3, 97, 98, 99],
            &[0x80],
        ] {
            assert!(is_ignored(&ask(broken)), "{broken:?}");
        }
        let most = MAX_REQUEST - HEADER - 4;
        let filled = |len: usize| {
            let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
            ask(&[&[0x80, 0x22, high, low][..], &vec![0; len]].concat())
        };
        assert_eq!(filled(most).len(), MAX_REQUEST);
        assert_eq!(told(&filled(most), "192.0.2.1:1"), plain);
        assert!(is_ignored(&filled(most + 4)), "too long");
    }

    #[test]
    fn attributes_that_must_be_understood_and_are_not_are_named_in_an_error() {
        // CHANGE-REQUEST (RFC 5780).
        let out = told(&ask(&[0, 3, 0, 4, 0, 0, 0, 6]), "192.0.2.1:1");
        assert_eq!(out[..4], [1, 0x11, 0, 16]);
        assert_eq!(out[20..], [0, 9, 0, 4, 0, 0, 4, 20, 0, 0x0A, 0, 2, 0, 3, 0, 0]);
        let many: Vec<u8> = (0..100).flat_map(|_| [0, 3, 0, 0]).collect();
        let out = told(&ask(&many), "192.0.2.1:1");
        assert_eq!(usize::from(out[3]) + HEADER, HEADER + 8 + 4 + 2 * MAX_NAMED);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_packet_gets_at_most_one_small_answer_that_gets_none(
            bytes in prop::collection::vec(any::<u8>(), 0..600), request: bool, ip: IpAddr, port: u16,
        ) {
            let packet = if request { ask(&bytes) } else { bytes };
            if let Some(out) = answer(&packet, SocketAddr::new(ip, port)) {
                let out = out.as_bytes();
                prop_assert!(out.len() <= MAX_ANSWER && out.len().is_multiple_of(4));
                prop_assert_eq!(usize::from(out[3]) + HEADER, out.len());
                prop_assert_eq!(&out[4..HEADER], &packet[4..HEADER]);
                prop_assert!(is_ignored(out));
            }
        }

        #[test]
        fn every_client_reads_its_own_address(ip: IpAddr, port: u16, id: [u8; 12]) {
            let mut packet = ask(&[]);
            packet[8..].copy_from_slice(&id);
            let out = answer(&packet, SocketAddr::new(ip, port)).unwrap();
            let out = out.as_bytes();
            let mut address = out[28..].to_vec();
            xor(&mut address, &out[4..HEADER]);
            let seen = match <[u8; 4]>::try_from(&address[..]) {
                Ok(v4) => IpAddr::from(v4),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(&address[..]).unwrap()),
            };
            prop_assert_eq!(seen, ip.to_canonical());
            prop_assert_eq!(u16_at(out, 26).unwrap() ^ 0x2112, port);
        }
    }
}
