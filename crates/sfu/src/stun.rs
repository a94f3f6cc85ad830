//! STUN as a stranger may ask it (RFC 8489): a binding request without credentials gets one answer that tells the address
//! it came from. Pure, and never longer than a small constant, so that nothing is gained by forging a sender.

use std::net::SocketAddr;

/// Fixed part of every message.
const HEADER: usize = 20;
/// A request of ours to judge has no reason to be longer; browsers send 20 to 100 bytes.
const MAX_REQUEST: usize = 548;
const MAGIC: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// The answer to `packet` from `from`; none if it isn't a binding request that anybody may make.
pub fn answer(packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let transaction = request(packet)?;
    let mut out = Vec::with_capacity(HEADER + 24 + 8);
    out.extend(BINDING_SUCCESS);
    out.extend([0, 0]);
    out.extend(MAGIC);
    out.extend(transaction);
    mapped_address(&mut out, from, transaction);
    if attributes(&packet[HEADER..]).any(|(kind, _)| kind == FINGERPRINT) {
        set_length(&mut out, 8);
        let sum = crc32(&out) ^ FINGERPRINT_XOR;
        attribute(&mut out, FINGERPRINT, &sum.to_be_bytes());
    }
    set_length(&mut out, 0);
    Some(out)
}

/// The transaction id of a well-formed binding request without USERNAME (with one it belongs to a call).
fn request(packet: &[u8]) -> Option<&[u8]> {
    let header = packet.get(..HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let whole = packet.len() <= MAX_REQUEST && length % 4 == 0 && packet.len() == HEADER + length;
    if !whole || header[..2] != BINDING_REQUEST || header[4..8] != MAGIC {
        return None;
    }
    let body = &packet[HEADER..];
    let read: usize = attributes(body).map(|(_, value)| 4 + value.len().next_multiple_of(4)).sum();
    let anybodys = read == body.len() && attributes(body).all(|(kind, _)| kind != USERNAME);
    anybodys.then_some(&header[8..HEADER])
}

/// Type and value of each attribute, up to the first that doesn't fit.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = rest.get(..4)?;
        let (kind, length) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        let length = usize::from(length);
        let value = rest.get(4..4 + length)?;
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
        Some((kind, value))
    })
}

fn mapped_address(out: &mut Vec<u8>, from: SocketAddr, transaction: &[u8]) {
    let [high, low] = from.port().to_be_bytes();
    let port = [high ^ MAGIC[0], low ^ MAGIC[1]];
    // A dual-stack socket sees IPv4 clients in IPv6 dress; they want their own.
    let (family, address) = match from.ip().to_canonical() {
        std::net::IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        std::net::IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let mask = MAGIC.iter().chain(transaction);
    let mut value = vec![0, family, port[0], port[1]];
    value.extend(address.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    attribute(out, XOR_MAPPED_ADDRESS, &value);
}

/// Values here are multiples of four bytes long: no padding.
fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    out.extend(value);
}

/// The length as it will be with `more` bytes still to come.
fn set_length(out: &mut [u8], more: usize) {
    let length = u16::try_from(out.len() - HEADER + more).unwrap_or(0).to_be_bytes();
    out[2..4].copy_from_slice(&length);
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

    fn ask(body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, 1, 0, u8::try_from(body.len()).unwrap()];
        packet.extend(MAGIC);
        packet.extend(1..=12u8);
        packet.extend(body);
        packet
    }

    #[test]
    fn an_ipv4_client_learns_its_address() {
        let out = answer(&ask(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(out[..8], [1, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42]);
        assert_eq!(out[8..20], (1..=12).collect::<Vec<u8>>());
        // RFC 5769 section 2.2: port 32853 and 192.0.2.1 under the magic cookie.
        assert_eq!(out[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let dressed = answer(&ask(&[]), "[::ffff:192.0.2.1]:32853".parse().unwrap()).unwrap();
        assert_eq!(out, dressed);
    }

    #[test]
    fn an_ipv6_client_learns_its_address() {
        let from = "[2001:db8::1]:1".parse().unwrap();
        let out = answer(&ask(&[]), from).unwrap();
        let mask: Vec<u8> = MAGIC.into_iter().chain(1..=12).collect();
        let address: Vec<u8> = out[28..].iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert_eq!(address, "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    }

    #[test]
    fn a_fingerprint_is_answered_with_one_that_is_right() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of CRC-32");
        let out = answer(&ask(&[0x80, 0x28, 0, 4, 0, 0, 0, 0]), "192.0.2.1:5".parse().unwrap()).unwrap();
        assert_eq!(usize::from(out[3]), out.len() - HEADER);
        let (message, print) = out.split_at(out.len() - 8);
        assert_eq!(print[..4], [0x80, 0x28, 0, 4]);
        assert_eq!(print[4..], (crc32(message) ^ FINGERPRINT_XOR).to_be_bytes());
    }

    #[test]
    fn what_is_no_anonymous_binding_request_is_not_answered() {
        let from = "192.0.2.1:5".parse().unwrap();
        let username = ask(&[0, 6, 0, 2, b'a', b'b', 0, 0]);
        let mut wrong_magic = ask(&[]);
        wrong_magic[4] = 0;
        let mut indication = ask(&[]);
        indication[0] = 0x00;
        indication[1] = 0x11;
        let mut too_long = ask(&[]);
        too_long.extend([0; 4]);
        let overrun = ask(&[0x80, 0x22, 0, 9, 0, 0, 0, 0]);
        for packet in [&username, &wrong_magic, &indication, &too_long, &overrun, &vec![0; 3]] {
            assert_eq!(answer(packet, from), None, "{packet:?}");
        }
    }

    proptest! {
        #[test]
        fn any_packet_gets_at_most_one_small_answer(
            mut packet in prop::collection::vec(any::<u8>(), 0..600), head: bool,
        ) {
            if head && packet.len() >= HEADER {
                let length = u16::try_from(packet.len() - HEADER).unwrap().to_be_bytes();
                packet[..8].copy_from_slice(&[0, 1, length[0], length[1], 0x21, 0x12, 0xA4, 0x42]);
            }
            if let Some(out) = answer(&packet, "[2001:db8::1]:9".parse().unwrap()) {
                prop_assert!(out.len() <= HEADER + 24 + 8);
            }
        }
    }
}
