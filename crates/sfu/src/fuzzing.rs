//! What must hold of any datagram that a stranger sends to the media port; see `fuzz/`.
//!
//! None of this is in the product.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
    time::{Duration, Instant},
};

use str0m::ice::{StunMessage, TransId};
use visavis_domain::{
    Timestamp,
    id::{ParticipantId, RoomId},
};

use crate::{
    burst::{Carrier, Route},
    negotiate::{self, Common, MAX_RIDS, MAX_SDP},
    shard::{Command, Input, Output, Shard},
    stun, vp8,
};

/// The offer of somebody who is in the room that datagrams are thrown at.
const OFFER: &str = include_str!("../../../fuzz/seeds/offer/guest");
/// Where datagrams arrive.
const OWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_882);
/// Datagrams of one input.
const MAX_DATAGRAMS: usize = 64;

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

/// Datagrams to a shard with one room and one person in it who is still expected. The input is cut into datagrams: a byte
/// that says from whom and how, two with the length, the bytes. One kind is put into a request that is signed with the
/// person's password, so that what follows comes from an address that is known. Nothing of it ends the room, an address
/// that has proven nothing gets nothing, and none gets more than a handshake.
pub fn datagrams(bytes: &[u8]) {
    let start = *START;
    let Some((mut shard, name, password)) = expecting(start) else { return };
    let (mut rest, mut now) = (bytes, start);
    let (mut proven, mut brought) = ([false; 4], [0_usize; 4]);
    for _ in 0..MAX_DATAGRAMS {
        let [kind, high, low, more @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (body, after) = more.split_at(length);
        rest = after;
        now += Duration::from_millis(u64::from(kind >> 4));
        let who = usize::from(kind & 3);
        let signed = (kind & 0xC == 0xC).then(|| sign(body, &name, &password)).flatten();
        proven[who] |= signed.is_some();
        let datagram = signed.as_deref().unwrap_or(body);
        brought[who] += datagram.len();
        let carrier = if kind & 0xC == 8 { Carrier::Tcp } else { Carrier::Udp };
        let route = Route { carrier, to: stranger(who), at: OWN };
        shard.handle(now, Input::Datagram { route, bytes: datagram });
        shard.handle(now, Input::Tick);
        while let Some(output) = shard.poll() {
            match output {
                Output::Send(burst) => {
                    let to = (0..4).find(|n| stranger(*n) == burst.route.to);
                    assert!(to.is_some_and(|n| proven[n]), "an answer to nobody who has proven anything");
                }
                other => assert!(!matches!(other, Output::Failed(_)), "the room has failed"),
            }
        }
    }
    assert!(shard.rooms() == 1 && shard.addresses() <= proven.iter().filter(|p| **p).count());
}

/// One time for all runs, so that each is the same again.
static START: LazyLock<Instant> = LazyLock::new(start);
/// Making a certificate takes longer than a run may.
static COMMON: LazyLock<Option<Common>> = LazyLock::new(|| Common::new(vec![OWN], vec![]));

#[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
fn start() -> Instant {
    Instant::now()
}

fn stranger(n: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), 61_000 + u16::try_from(n).unwrap_or(0))
}

/// A shard with a room, and ICE name and password of whom it expects.
fn expecting(now: Instant) -> Option<(Shard, String, String)> {
    let mut shard = Shard::new(now, Timestamp::from_millis(1_800_000_000_000), COMMON.clone()?);
    let join = Command::Join {
        room: RoomId::from_bits(1),
        participant: ParticipantId::from_bits(1),
        offer: OFFER.to_owned(),
        media: None,
        apart: Vec::new(),
        limit: 3,
        random: 7,
        ticket: 1,
    };
    shard.handle(now, Input::Command(join));
    let mut answer = None;
    while let Some(output) = shard.poll() {
        if let Output::Answered(_, said) = output {
            answer = said.ok();
        }
    }
    let answer = answer?;
    let of = |what: &str| answer.lines().find_map(|l| l.strip_prefix(what)).map(str::to_owned);
    Some((shard, of("a=ice-ufrag:")?, of("a=ice-pwd:")?))
}

/// A signed request; what the input says goes into its numbers and flags.
fn sign(body: &[u8], name: &str, password: &str) -> Option<Vec<u8>> {
    let [flags, numbers @ ..] = body else { return None };
    let number = numbers.iter().take(8).fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    let user = format!("{name}:theirs");
    let (controlling, nominated) = (flags & 1 == 0, flags & 2 == 0);
    let prio = u32::try_from(number >> 32).unwrap_or(0);
    let message = StunMessage::binding_request(&user, TransId::new(), controlling, number, prio, nominated);
    let mut out = vec![0; 512];
    let hmac = |key: &[u8], parts: &[&[u8]]| {
        str0m::crypto::from_feature_flags().sha1_hmac_provider.sha1_hmac(key, parts)
    };
    let length = message.to_bytes(Some(password.as_bytes()), &mut out, hmac).ok()?;
    out.truncate(length);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    type Check = fn(&[u8]);

    #[test]
    fn the_seeds_keep_their_promise() {
        let targets: [(&str, Check); 5] = [
            ("datagrams", super::datagrams),
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
