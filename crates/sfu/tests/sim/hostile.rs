//! Strangers' bytes: nothing is kept of them, nobody notices them, nothing larger goes back.

use std::{net::SocketAddr, time::Duration};

use visavis_domain::Code;
use visavis_testkit::link::Nature;

use crate::{rooms::plan, world::World};

const S: Duration = Duration::from_secs(1);

fn stranger(n: u32) -> SocketAddr {
    let [_, b, c, d] = n.to_be_bytes();
    SocketAddr::from(([10, b, c, d], 5_000))
}

fn pair() -> World {
    let mut world = World::new(5);
    for n in 0..2 {
        world.join(1, n, &plan(n, 3), Nature::clean(Duration::from_millis(10)));
    }
    world.run(2 * S);
    world
}

/// A binding request for `name` that isn't signed with the right password.
fn forged(name: &str) -> Vec<u8> {
    let value = format!("{name}:xxxx");
    let padded = value.len().next_multiple_of(4);
    let length = u16::try_from(4 + padded + 24).unwrap();
    let mut out = vec![0, 1];
    out.extend(length.to_be_bytes());
    out.extend([0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6]);
    out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value.as_bytes());
    out.resize(24 + padded, 0);
    out.extend([0, 8, 0, 20]);
    out.extend([7; 20]);
    out
}

#[test]
fn ten_thousand_unverified_packets_leave_nothing_and_disturb_nobody() {
    let mut world = pair();
    let known = world.shard.addresses();
    let name =
        world.people[&0].answer.lines().find_map(|l| l.strip_prefix("a=ice-ufrag:")).unwrap().to_owned();
    let before = world.shown(0, 1).frames;
    let noise: Vec<Vec<u8>> = vec![
        forged(&name),
        forged("nobody"),
        vec![0x80; 200],
        vec![0x80, 0xC8, 0, 1, 0, 0, 0, 1],
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        vec![],
        vec![0, 1],
    ];
    for n in 0..10_000_u32 {
        world.inject(stranger(n), &noise[usize::try_from(n).unwrap() % noise.len()]);
    }
    assert_eq!(world.shard.addresses(), known);
    world.run(2 * S);
    let shown = world.shown(0, 1);
    assert!(shown.frames > before + 20 && shown.broken == 0, "{shown:?}");
}

#[test]
fn noise_from_a_peers_own_address_ends_nothing() {
    let mut world = pair();
    let at = world.people[&1].at;
    let before = world.shown(0, 1).frames;
    for n in 0..500_u32 {
        let mut noise = vec![0x80 | u8::try_from(n % 64).unwrap(); usize::try_from(n % 1_300).unwrap()];
        if let Some(first) = noise.get_mut(1) {
            *first = u8::try_from(n % 256).unwrap();
        }
        world.inject(at, &noise);
    }
    world.run(2 * S);
    assert!(world.shown(0, 1).frames > before + 20, "{:?}", world.shown(0, 1));
}

#[test]
fn replayed_packets_are_not_shown_again() {
    let mut world = pair();
    let at = world.people[&1].at;
    // Everything that 1 sends during a second is kept and sent once more.
    let mut kept = Vec::new();
    let end = world.now + S;
    while world.now < end {
        let now = world.now;
        let person = world.people.get_mut(&1).unwrap();
        person.guest.advance(now).unwrap();
        while let Some((_, datagram)) = person.guest.poll() {
            kept.push(datagram.clone());
            person.up.send(now, datagram.len(), datagram);
        }
        world.run(Duration::from_millis(2));
    }
    world.run(S);
    let before = world.shard.counts().received;
    for datagram in kept.iter().filter(|d| d.first().is_some_and(|b| (128..192).contains(b)) && d.len() > 200)
    {
        world.inject(at, datagram);
    }
    assert_eq!(world.shard.counts().received, before);
}

#[test]
fn no_answer_tells_another_persons_address() {
    let world = pair();
    for (n, person) in &world.people {
        let other = world.people[&(1 - n)].at.ip().to_string();
        assert!(!person.answer.contains(&other));
        assert!(person.offer.contains(&person.at.ip().to_string()), "the check isn't vacuous");
    }
}

#[test]
fn a_description_that_is_not_an_offer_is_refused_and_the_room_goes_on() {
    let mut world = pair();
    let good = world.people[&0].offer.clone();
    let texts = [
        String::new(),
        "hello".to_owned(),
        good.replace("a=sendonly", "a=recvonly"),
        good.replace("m=video", "m=application"),
        good.replace("a=fingerprint", "a=nothing"),
        good.replace("a=ice-pwd", "a=nothing"),
        good.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        good.replace("a=group:BUNDLE", "a=group:LS"),
        good.repeat(40),
        format!("{good}a=rid:{} send\r\n", "x".repeat(500)),
        good.lines().take(40).collect::<Vec<_>>().join("\r\n"),
    ];
    for text in texts {
        let refused = world.offer(50, &text, 3);
        assert_eq!(refused.map_err(|f| f.code), Err(Code::InvalidSdp), "{}", &text[..text.len().min(80)]);
    }
    let before = world.shown(0, 1).frames;
    world.run(S);
    assert!(world.shown(0, 1).frames > before + 10);
}
