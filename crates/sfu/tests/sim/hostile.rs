//! Strangers' bytes: nothing is kept of them, nobody notices them, nothing larger goes back.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use visavis_domain::{Code, room::slots::Origin, wire::Source};
use visavis_sfu::{call::LinkNews, guest::Guest, shard::Command};
use visavis_testkit::link::Nature;

use crate::{
    rooms::plan,
    world::{Person, World, id},
};

const S: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "what a packet costs is measured")]
fn clock() -> Instant {
    Instant::now()
}

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

/// What strangers send: STUN for somebody, for nobody, and cut short; RTP, RTCP, DTLS, nothing.
fn noise(name: &str) -> Vec<Vec<u8>> {
    let mut long_name = forged("x");
    long_name[22..24].copy_from_slice(&[0xFF, 0xFF]);
    vec![
        forged(name),
        forged("nobody"),
        forged(name)[..30].to_vec(),
        long_name,
        vec![0x80; 200],
        vec![0x90; 1_400],
        vec![0x80, 0xC8, 0, 1, 0, 0, 0, 1],
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        vec![0xFF; 1_200],
        vec![],
        vec![0, 1],
    ]
}

fn ice(person: &Person, what: &str) -> String {
    person.answer.lines().find_map(|l| l.strip_prefix(what)).unwrap().to_owned()
}

/// S2: three seconds of 10 000 packets each from as many addresses as there are packets.
#[test]
fn s2_unverified_packets_are_not_answered_leave_nothing_and_nobody_notices() {
    let shown_meanwhile = |flood: bool| {
        let mut world = pair();
        let known = world.shard.addresses();
        let noise = noise(&ice(&world.people[&0], "a=ice-ufrag:"));
        let (frames, received) = (world.shown(0, 1).frames, world.shard.counts().received);
        let (mut brought, mut spent) = (0, Duration::ZERO);
        for ms in 0..3_000_u32 {
            for n in (0..10).map(|n| ms * 10 + n).filter(|_| flood) {
                let packet = &noise[usize::try_from(n).unwrap() % noise.len()];
                brought += packet.len();
                let began = clock();
                world.inject(stranger(n), packet);
                spent += began.elapsed();
            }
            world.run(Duration::from_millis(1));
        }
        let of_strangers = |(to, bytes): (&SocketAddr, &usize)| {
            if to.ip().to_string().starts_with("10.") { *bytes } else { 0 }
        };
        let out: usize = world.sent.iter().map(of_strangers).sum();
        assert_eq!((out, world.shard.addresses(), world.shard.rooms()), (0, known, 1));
        if flood {
            println!("S2: {brought} bytes in 30 000 packets, {out} bytes out, {:?} each", spent / 30_000);
            assert!(brought > 5_000_000);
        }
        let shown = world.shown(0, 1);
        assert_eq!((shown.broken, shown.unsteady, shown.gaps), (0, 0, 0));
        (shown.frames - frames, world.shard.counts().received - received, shown.freeze)
    };
    let (with, without) = (shown_meanwhile(true), shown_meanwhile(false));
    // Two runs differ by their connections' random names and numbers.
    assert!(with.0 + 2 >= without.0, "frames: {with:?} {without:?}");
    assert!(with.1 + 30 >= without.1, "packets: {with:?} {without:?}");
    assert!(with.2 <= without.2 + Duration::from_millis(40), "longest pause: {with:?} {without:?}");
}

/// Whoever has proven an address and nothing else is sent no more than they bring.
#[test]
fn s2_rtp_before_dtls_is_nothing_and_a_silent_handshake_is_no_amplifier() {
    let mut world = pair();
    world.join(1, 2, &plan(2, 3), Nature::clean(Duration::from_millis(10)));
    // STUN only: everything else of it gets lost.
    world.people.get_mut(&2).unwrap().passes = |datagram| datagram.first().is_some_and(|b| *b < 4);
    let at = world.people[&2].at;
    let received = world.shard.counts().received;
    let seen = world.shown(0, 1).frames;
    for n in 0..2_000_u32 {
        let mut rtp = vec![0x5A; 1_000];
        rtp[..4].copy_from_slice(&[0x90, 0x60, 0, u8::try_from(n % 256).unwrap()]);
        if n.is_multiple_of(4) {
            rtp[1] = 0xC8 + u8::try_from(n / 4 % 8).unwrap();
        }
        world.inject(at, &rtp);
        world.run(Duration::from_millis(1));
    }
    let of_pair = world.shard.counts().received - received;
    assert!(of_pair < 1_200, "only the two others' packets count: {of_pair}");
    assert!(world.sent[&at] < 20_000, "{} bytes to somebody who has only proven an address", world.sent[&at]);
    assert!(world.people[&2].link.iter().all(|(_, news)| *news != LinkNews::Connected));
    assert!(world.shown(0, 1).frames > seen + 20);
    assert_eq!(world.shown(0, 2).frames, 0);
}

/// S3: the handshake's certificate isn't the one of the offer.
#[test]
fn s3_a_wrong_fingerprint_gets_nothing_in_and_nothing_out() {
    let mut world = pair();
    let wrong = |offer: &str| {
        let swap = |c| {
            if c == 'A' {
                'B'
            } else if c == 'B' {
                'A'
            } else {
                c
            }
        };
        let line = |l: &str| {
            if l.starts_with("a=fingerprint:") {
                let (algorithm, digits) = l.split_once(' ').unwrap();
                format!("{algorithm} {}\r\n", digits.chars().map(swap).collect::<String>())
            } else {
                format!("{l}\r\n")
            }
        };
        offer.lines().map(line).collect()
    };
    world.join_with(1, 2, &plan(2, 3), Nature::clean(Duration::from_millis(10)), wrong);
    world.run(5 * S);
    assert!(world.people[&2].link.iter().all(|(_, news)| *news != LinkNews::Connected));
    assert_eq!((world.shown(0, 2).frames, world.people[&2].guest.all_shown().count()), (0, 0));
    assert!(world.shown(0, 1).frames > 70, "the two others go on");
}

/// S3: a page sends on lines and with SSRCs that aren't its own.
#[test]
fn s3_a_foreign_ssrc_or_line_is_never_shown_as_somebody_else() {
    let mut world = pair();
    world.join(1, 2, &plan(2, 3), Nature::clean(Duration::from_millis(10)));
    world.run(2 * S);
    let victim: Vec<u32> = world.people[&1]
        .offer
        .lines()
        .filter_map(|l| l.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok())
        .collect();
    assert!(!victim.is_empty());
    let receiving = world.people[&2].guest.lines().last().unwrap().to_string();
    let received = world.shard.counts().received;
    let now = world.now;
    let guest = &mut world.people.get_mut(&2).unwrap().guest;
    // On a line that it may only receive on: nothing at all comes in.
    guest.forge(now, &receiving, 0xABCD, 200).unwrap();
    world.run(Duration::from_millis(300));
    let mine = world.shard.counts().received - received;
    assert!(mine < 100 * 3, "what came in are the three cameras and microphones: {mine}");
    // With the victim's SSRC, on its own line: it is its own picture, whatever it is.
    let camera = world.people[&2].guest.camera_line();
    let now = world.now;
    for ssrc in victim {
        world.people.get_mut(&2).unwrap().guest.forge(now, &camera, ssrc, 20).unwrap();
    }
    let before = world.shown(0, 1).frames;
    world.run(2 * S);
    let shown = world.shown(0, 1);
    assert!(shown.frames > before + 20 && (shown.broken, shown.unsteady) == (0, 0), "{shown:?}");
    assert_eq!(shown.stream / 8, 1, "and nobody else's");
    assert!(world.spins < 100, "the thread is kept busy: {}", world.spins);
}

/// S3: lines with other names than the offer said.
#[test]
fn s3_a_line_that_was_never_offered_brings_nothing() {
    let mut world = World::new(9);
    world.join(1, 0, &plan(0, 3), Nature::clean(Duration::from_millis(10)));
    // The server is told another name for the camera's line than the page puts into its packets.
    let address = SocketAddr::from(([203, 0, 113, 77], 40_000));
    let (mut guest, offer) = Guest::new(world.now, address, &plan(1, 3)).unwrap();
    let at = guest.camera_line();
    let renamed = |text: &str, from: &str, to: &str| {
        let line = |l: &str| match l.strip_prefix("a=group:BUNDLE ") {
            Some(mids) => {
                let mids = mids.split(' ').map(|m| if m == from { to } else { m });
                format!("a=group:BUNDLE {}\r\n", mids.collect::<Vec<_>>().join(" "))
            }
            None if l == format!("a=mid:{from}") => format!("a=mid:{to}\r\n"),
            None => format!("{l}\r\n"),
        };
        text.lines().map(line).collect::<String>()
    };
    world.place(1, 1);
    let answer = world.offer(1, &renamed(&offer, &at, "zzz"), 3).unwrap();
    guest.accept(world.now, &renamed(&answer, "zzz", &at)).unwrap();
    world.adopt(1, guest, address, answer, offer);
    world.run(4 * S);
    assert!(world.people[&1].link.iter().any(|(_, news)| *news == LinkNews::Connected), "it is in");
    assert_eq!(world.shown(0, 1).frames, 0, "but its camera's packets belong to no line");
    assert!(world.shown(1, 0).frames > 30, "and it sees as before");
}

#[test]
fn one_rooms_name_from_another_rooms_address_moves_nobody() {
    let mut world = pair();
    for n in 10..12 {
        world.join(2, n, &plan(n, 3), Nature::clean(Duration::from_millis(10)));
    }
    world.run(2 * S);
    let (name, at) = (ice(&world.people[&0], "a=ice-ufrag:"), world.people[&10].at);
    let before = (world.shard.addresses(), world.shown(0, 1).frames, world.shown(11, 10).frames);
    for _ in 0..200 {
        world.inject(at, &forged(&name));
        world.run(Duration::from_millis(10));
    }
    assert_eq!(world.shard.addresses(), before.0);
    assert!(world.shown(0, 1).frames > before.1 + 20 && world.shown(11, 10).frames > before.2 + 20);
    assert_eq!(world.shown(0, 10).frames, 0);
}

#[test]
fn a_view_of_strangers_shows_nothing_of_them() {
    let mut world = pair();
    for n in 10..12 {
        world.join(2, n, &plan(n, 3), Nature::clean(Duration::from_millis(10)));
    }
    world.run(S);
    let strangers = (10..12).chain(100..5_000).map(id);
    let all = strangers
        .flat_map(|participant| Source::ALL.map(|source| (Origin { participant, source }, u16::MAX)));
    let wanted = all.collect();
    world.command(Command::View { room: World::room(1), participant: id(0), wanted });
    let before = world.people[&0].guest.all_shown().map(|s| s.frames).sum::<u64>();
    world.run(2 * S);
    let after = world.people[&0].guest.all_shown().map(|s| s.frames).sum::<u64>();
    assert!(after <= before + 2, "it named nobody of its own room: {before} {after}");
    assert_eq!(world.line(0, 10, Source::Camera), None);
    // Nor does a view of somebody who isn't in the room, or in no room, do anything.
    for room in [1, 2, 77] {
        let wanted = vec![(Origin { participant: id(0), source: Source::Camera }, 720)];
        world.command(Command::View { room: World::room(room), participant: id(4_000), wanted });
    }
    world.run(S);
    assert!(world.shown(11, 10).frames > 20);
}

#[test]
fn whoever_begs_for_key_frames_gets_no_more_than_anybody() {
    let mut world = pair();
    world.join(1, 2, &plan(2, 3), Nature::clean(Duration::from_millis(10)));
    world.run(2 * S);
    let from = world.now;
    for _ in 0..100 {
        let now = world.now;
        world.people.get_mut(&2).unwrap().guest.beg(now).unwrap();
        world.run(Duration::from_millis(20));
    }
    for n in 0..2 {
        let asked = world.people[&n].guest.requests.iter().filter(|(at, _)| *at >= from).count();
        assert!(asked <= 5, "{n} was asked {asked} times in two seconds");
    }
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
fn s3_replayed_packets_are_not_shown_again() {
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

#[test]
fn a_description_with_any_byte_changed_is_refused_or_answered_and_the_room_goes_on() {
    let mut world = pair();
    let good = world.people[&0].offer.clone();
    world.place(1, 60);
    let (mut random, mut answered) = (0x2545_F491_4F6C_DD1D_u64, 0);
    for n in 0..300_u32 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=n % 4 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(random >> 33).unwrap() % bytes.len();
            match random % 3 {
                0 => bytes[at] = u8::try_from(random >> 56).unwrap() & 0x7F,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"0:; \n=9-"[usize::try_from(random >> 20).unwrap() % 8]),
            }
        }
        if let Ok(text) = String::from_utf8(bytes) {
            match world.offer(60, &text, 3) {
                Ok(_) => answered += 1,
                Err(fault) => assert_eq!(fault.code, Code::InvalidSdp),
            }
        }
    }
    assert!(answered > 20, "some changes don't matter: {answered}");
    world.command(Command::Leave { room: World::room(1), participant: id(60) });
    let before = world.shown(0, 1).frames;
    world.run(S);
    assert!(world.shown(0, 1).frames > before + 10);
    assert!(world.failed.is_empty());
}
