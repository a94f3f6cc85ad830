//! What people in a room see and hear.

use std::time::Duration;

use visavis_domain::{
    room::slots::Origin,
    wire::{Media, Source},
};
use visavis_sfu::{
    call::LinkNews,
    guest::{CAMERA, Plan, Shape},
    shard::Command,
};
use visavis_testkit::link::Nature;

use crate::world::{World, id};

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

pub fn plan(n: u32, limit: usize) -> Plan {
    Plan { limit, camera: CAMERA.to_vec(), voice: true, number: n }
}

fn clean() -> Nature {
    Nature::clean(25 * MS)
}

pub fn room_of(people: u32, limit: usize, nature: Nature) -> World {
    let mut world = World::new(1);
    for n in 0..people {
        world.join(1, n, &plan(n, limit), nature);
        world.run(100 * MS);
    }
    world
}

pub fn assert_steady(world: &World) {
    for (n, person) in &world.people {
        for shown in person.guest.all_shown() {
            assert_eq!((shown.broken, shown.unsteady), (0, 0), "{n}: {shown:?}");
        }
    }
}

#[test]
fn three_people_see_and_hear_one_another_without_a_flaw() {
    let mut world = room_of(3, 3, clean());
    world.run(10 * S);
    assert_steady(&world);
    for viewer in 0..3 {
        for of in (0..3).filter(|of| *of != viewer) {
            let shown = world.shown(viewer, of);
            assert!(shown.frames > 140 && shown.gaps == 0, "{viewer} sees {of}: {shown:?}");
            assert!(shown.freeze < 300 * MS, "{viewer} sees {of}: {shown:?}");
            assert_eq!(shown.height, 360, "without a view, 360 lines");
            let line = world.line(viewer, of, Source::Mic).unwrap();
            let heard = world.people[&viewer].guest.heard(&line);
            assert!(heard.packets > 480 && heard.lost == 0, "{viewer} hears {of}: {heard:?}");
        }
    }
}

#[test]
fn a_view_decides_the_layer_and_a_switch_shows_no_flaw() {
    let mut world = room_of(2, 3, clean());
    world.run(3 * S);
    let room = World::room(1);
    for (height, expected) in [(720, 720), (180, 180), (360, 360), (720, 720)] {
        let wanted = vec![(Origin { participant: id(1), source: Source::Camera }, height)];
        world.command(Command::View { room, participant: id(0), wanted });
        let switched = world.run_until(3 * S, |w| w.shown(0, 1).height == expected);
        assert!(switched, "{height}: {:?}", world.shown(0, 1));
    }
    world.run(2 * S);
    assert_steady(&world);
    assert!(world.shown(0, 1).freeze < 400 * MS);
}

#[test]
fn what_is_not_shown_is_not_sent() {
    let mut world = room_of(2, 3, clean());
    world.run(2 * S);
    let room = World::room(1);
    world.command(Command::View { room, participant: id(0), wanted: vec![] });
    world.run(200 * MS);
    let before = world.shown(0, 1).frames;
    world.run(2 * S);
    assert_eq!(world.shown(0, 1).frames, before);
    let line = world.line(0, 1, Source::Mic).unwrap();
    let heard = world.people[&0].guest.heard(&line);
    assert!(heard.packets > 190, "sound goes on: {heard:?}");
}

#[test]
fn whoever_leaves_frees_their_lines_for_whoever_comes() {
    let mut world = room_of(3, 3, clean());
    world.run(2 * S);
    let (camera, mic) = (world.line(0, 1, Source::Camera).unwrap(), world.line(0, 1, Source::Mic).unwrap());
    world.leave(1);
    world.run(500 * MS);
    assert_eq!(world.line(0, 1, Source::Camera), None);
    world.join(1, 7, &plan(7, 3), clean());
    let seen = world.run_until(2 * S, |w| w.shown(0, 7).stream / 8 == 7);
    assert!(seen, "the newcomer is shown");
    assert_eq!(world.line(0, 7, Source::Camera).unwrap(), camera, "on the freed line");
    assert_eq!(world.line(0, 7, Source::Mic).unwrap(), mic);
    world.run(2 * S);
    assert_steady(&world);
}

#[test]
fn ten_people_are_heard_by_the_loudest_three_and_the_speaker_is_told() {
    let mut world = World::new(3);
    for n in 0..10 {
        let small = Plan { camera: CAMERA[..1].to_vec(), ..plan(n, 10) };
        world.join(1, n, &small, clean());
    }
    world.run(2 * S);
    for speaker in [8, 3, 9] {
        for n in 0..10 {
            world.people.get_mut(&n).unwrap().guest.speak(if n == speaker { 30 } else { 90 });
        }
        world.run(2 * S);
        assert_eq!(world.speaking.last().and_then(|(_, who)| *who), Some(id(speaker)));
        for viewer in (0..10).filter(|v| *v != speaker) {
            let line = world.line(viewer, speaker, Source::Mic);
            assert!(line.is_some(), "{viewer} has {speaker} on a line");
            let lines = world.people[&viewer].slots.iter().filter(|s| s.source == Source::Mic);
            assert_eq!(lines.filter(|s| s.participant.is_some()).count(), 4);
        }
    }
    let changes = world.speaking.windows(2).filter(|w| w[0].1 != w[1].1).count();
    assert!(changes <= 3, "no flapping: {changes}");
    assert_steady(&world);
}

#[test]
fn two_who_are_kept_apart_get_nothing_of_one_another_and_all_of_the_third() {
    let mut world = room_of(3, 3, clean());
    world.run(2 * S);
    assert!(world.line(0, 1, Source::Mic).is_some() && world.line(1, 0, Source::Camera).is_some());
    world.command(Command::Apart { room: World::room(1), pair: [id(0), id(1)] });
    world.run(200 * MS);
    let lines = |world: &World| {
        [(0, 1), (1, 0)]
            .into_iter()
            .filter(|(viewer, of)| {
                [Source::Mic, Source::Camera]
                    .into_iter()
                    .any(|source| world.line(*viewer, *of, source).is_some())
            })
            .count()
    };
    assert_eq!(lines(&world), 0);
    let seen = |world: &World| {
        [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)].map(|(v, of)| world.shown(v, of).frames)
    };
    let before = seen(&world);
    world.run(3 * S);
    let after = seen(&world);
    assert_eq!(before[..2], after[..2]);
    assert!((2..6).all(|i| after[i] > before[i] + 40), "{before:?} {after:?}");
    // Whoever reloads their page is no nearer.
    world.leave(0);
    world.apart(0, vec![id(1)]);
    world.join(1, 0, &plan(0, 3), clean());
    world.run(3 * S);
    assert_eq!(lines(&world), 0);
    assert!(world.shown(0, 2).frames > 40);
}

#[test]
fn a_screen_has_its_own_line_and_leaves_it_cleanly() {
    let mut world = room_of(3, 4, clean());
    world.run(S);
    let (room, participant) = (World::room(1), id(2));
    let media = |screen| Media { audio: true, video: true, screen };
    world.command(Command::Media { room, participant, media: media(true).into() });
    let screen = Shape { height: 720, fps: 10, packets: 4, bytes: 1_000 };
    let now = world.now;
    world.people.get_mut(&2).unwrap().guest.share_screen(now, 2, screen);
    let shown = |w: &World, viewer| {
        let line = w.line(viewer, 2, Source::Screen).unwrap();
        w.people[&viewer].guest.shown(&line)
    };
    assert!(world.run_until(S, |w| shown(w, 0).frames > 0));
    world.run(3 * S);
    assert!(shown(&world, 1).frames > 20, "{:?}", shown(&world, 1));
    world.command(Command::Media { room, participant, media: media(false).into() });
    assert_eq!(world.line(0, 2, Source::Screen), None);
    world.run(S);
    assert_steady(&world);
}

#[test]
fn a_muted_person_is_not_heard_whatever_their_page_sends() {
    let mut world = room_of(2, 3, clean());
    world.run(S);
    let line = world.line(0, 1, Source::Mic).unwrap();
    let media = Media { audio: false, video: true, screen: false };
    world.command(Command::Media { room: World::room(1), participant: id(1), media: media.into() });
    world.run(100 * MS);
    let before = world.people[&0].guest.heard(&line).packets;
    world.run(2 * S);
    assert_eq!(world.people[&0].guest.heard(&line).packets, before);
    assert!(world.shown(0, 1).frames > 30, "the picture goes on");
}

#[test]
fn a_silent_peer_is_noticed_within_five_seconds_and_welcomed_back() {
    let mut world = room_of(2, 3, clean());
    world.run(2 * S);
    let person = world.people.get_mut(&1).unwrap();
    person.up.nature.loss = 1_000;
    let cut = world.now;
    assert!(world.run_until(10 * S, |w| w.people[&1].link.last().is_some_and(|l| l.1 == LinkNews::Silent)));
    assert!(world.now - cut <= 5 * S, "{:?}", world.now - cut);
    world.people.get_mut(&1).unwrap().up.nature.loss = 0;
    assert!(world.run_until(3 * S, |w| w.people[&1].link.last().is_some_and(|l| l.1 == LinkNews::Back)));
    let before = world.shown(0, 1).frames;
    world.run(2 * S);
    assert!(world.shown(0, 1).frames > before + 20);
    assert_steady(&world);
}

#[test]
fn a_change_of_network_is_healed_by_restarting_ice() {
    let mut world = room_of(2, 3, clean());
    world.run(2 * S);
    let at = std::net::SocketAddr::from(([198, 51, 100, 9], 50_000));
    let now = world.now;
    let offer = world.people.get_mut(&1).unwrap().guest.restart(now, at).unwrap();
    world.move_to(1, at);
    let before = [world.shown(0, 1).frames, world.shown(1, 0).frames];
    let answer = world.offer(1, &offer, 3).unwrap();
    assert_eq!(world.offer(1, &offer, 3).unwrap(), answer, "a repeated offer has the same answer");
    world.people.get_mut(&1).unwrap().guest.accept(now, &answer).unwrap();
    let back = |w: &World| w.shown(0, 1).frames > before[0] + 5 && w.shown(1, 0).frames > before[1] + 5;
    assert!(world.run_until(2 * S, back), "media is back within two seconds");
    assert_steady(&world);
}

#[test]
fn a_reloaded_page_takes_its_old_place() {
    let mut world = room_of(2, 3, clean());
    world.run(2 * S);
    world.join(1, 1, &plan(1, 3), clean());
    let seen = world.run_until(2 * S, |w| w.shown(1, 0).frames > 5);
    assert!(seen, "it sees the other");
    let before = world.shown(0, 1).frames;
    world.run(2 * S);
    assert!(world.shown(0, 1).frames > before + 20, "and is seen");
    assert_steady(&world);
}
