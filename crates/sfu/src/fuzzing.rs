//! What must hold of any datagram that a stranger sends to the media port; see `fuzz/`.
//!
//! None of this is in the product.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::stun;

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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn the_seeds_keep_their_promise() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/stun");
        let seeds: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3, "only {} seeds", seeds.len());
        for seed in &seeds {
            super::stun(seed);
        }
    }
}
