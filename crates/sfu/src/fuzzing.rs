//! What must hold of any datagram that a stranger sends to the media port; see `fuzz/`.
//!
//! None of this is in the product.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    negotiate::{self, MAX_RIDS, MAX_SDP},
    stun, vp8,
};

/// A datagram from an IPv4 or (first byte odd) an IPv6 address: no answer, or one that is small, belongs to the request
/// and isn't answered itself. So no forged sender gains anything, and no two servers talk to each other for ever.
pub fn stun(bytes: &[u8]) {
    let Some((kind, packet)) = bytes.split_first() else { return };
    let ip = if kind & 1 == 0 {
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6))
    };
    let from = SocketAddr::new(ip, 61_000);
    let Some(answer) = stun::answer(packet, from) else { return };
    let answer = answer.as_bytes();
    assert!(answer.len() <= stun::MAX_ANSWER && answer.len() <= packet.len() + 32);
    assert!(answer.len().is_multiple_of(4) && packet.len() <= stun::MAX_REQUEST);
    assert_eq!(answer[4..20], packet[4..20], "cookie and transaction");
    assert_ne!(answer[..2], packet[..2], "a request isn't an answer");
    assert!(stun::answer(answer, from).is_none(), "an answer is answered");
}

/// An offer to the server: refused, or cut down to what is known. What is passed on isn't longer than what came, holds no
/// candidate, and is read the same way again.
pub fn offer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(offer) = negotiate::read(&text) else { return };
    assert!(offer.text.len() <= 2 * MAX_SDP);
    assert!(!offer.text.contains("a=candidate"), "no address of a stranger is passed on");
    assert!(offer.sends.len() == 4 && offer.sends.iter().all(|(_, _, rids)| rids.len() <= MAX_RIDS));
    assert_eq!(
        negotiate::read(&offer.text).map(|again| (again.sends, again.receives)),
        Ok((offer.sends, offer.receives))
    );
}

/// A payload of a picture (first byte odd: H.264): read without harm, nothing claimed that isn't there.
pub fn picture(bytes: &[u8]) {
    let Some((kind, payload)) = bytes.split_first() else { return };
    if kind & 1 == 1 {
        vp8::h264_key(payload);
    } else if let Some(read) = vp8::read(payload) {
        assert!(read.header < payload.len() && (!read.key || read.begins) && read.tid < 4);
        assert!(read.picture_id.is_none_or(|id| id <= 0x7FFF));
    }
}

/// The name of a connection in a STUN request: part of the datagram, or none.
pub fn name(bytes: &[u8]) {
    if let Some(name) = stun::ufrag(bytes) {
        assert!(!name.is_empty() && name.len() < bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    type Check = fn(&[u8]);

    #[test]
    fn the_seeds_keep_their_promise() {
        let targets: [(&str, Check); 4] = [
            ("stun", super::stun),
            ("offer", super::offer),
            ("picture", super::picture),
            ("name", super::name),
        ];
        for (target, check) in targets {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
            let seeds: Vec<_> =
                fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
            assert!(seeds.len() >= 3, "{target}: only {} seeds", seeds.len());
            for seed in &seeds {
                check(seed);
            }
        }
    }

    #[test]
    fn a_good_offer_is_among_the_seeds() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/offer/guest");
        assert!(
            crate::negotiate::read(&fs::read_to_string(file).unwrap()).is_ok(),
            "or the target looks at refusals only"
        );
    }
}
