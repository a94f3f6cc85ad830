//! What those who look at calls get of them, whole and in time, and what it costs the people in them.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::ParticipantId,
    room::{
        slots::Origin,
        tap::{Body, Consumer, Demand, KeyFrame, PictureCodec, Pictures, Runs, Sample, SoundPacket},
    },
    wire::{Media, Source},
};
use visavis_sfu::{
    guest::{CAMERA, Plan, Shape},
    shard::Command,
};
use visavis_testkit::link::Nature;

use crate::{
    rooms::plan,
    world::{World, id},
};

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const CONSUMER: Consumer = Consumer::Moderation;

fn pictures(every: Option<Duration>, min_height: u16) -> Demand {
    Demand { pictures: Some(Pictures { every, min_height }), sound: None }
}

fn want(world: &mut World, demand: Option<Demand>) {
    world.command(Command::Tap { room: None, consumer: CONSUMER, demand });
}

fn room_of(people: u32, nature: Nature, demand: Demand) -> World {
    let mut world = World::new(2);
    want(&mut world, Some(demand));
    for n in 0..people {
        world.join(1, n, &plan(n, 4), nature);
        world.run(100 * MS);
    }
    world
}

fn key_frames(world: &World, of: u32, source: Source) -> Vec<(&Sample, &KeyFrame)> {
    let all = world.samples.iter().map(|(_, sample)| sample);
    let theirs = all.filter(|s| s.participant == id(of));
    theirs
        .filter_map(|s| {
            if let Body::KeyFrame(of, k) = &s.body
                && *of == source
            {
                Some((s, k))
            } else {
                None
            }
        })
        .collect()
}

fn runs(world: &World, of: u32) -> Vec<(&Sample, &Vec<SoundPacket>)> {
    let theirs = world.samples.iter().map(|(_, sample)| sample).filter(|s| s.participant == id(of));
    theirs.filter_map(|s| if let Body::Sound(_, p) = &s.body { Some((s, p)) } else { None }).collect()
}

/// What a guest's key frame of this shape is, put together: every packet but its descriptor.
fn assert_whole(key_frame: &KeyFrame, shape: Shape) {
    let [low, high] = shape.height.to_le_bytes();
    assert_eq!(key_frame.codec, PictureCodec::Vp8);
    assert_eq!(key_frame.bytes[..10], [0, 0, 0, 0x9D, 0x01, 0x2A, low, high, low, high]);
    let packets = usize::try_from(shape.packets * 4).unwrap();
    assert_eq!(key_frame.bytes.len(), packets * (shape.bytes - 6));
}

#[test]
fn every_camera_is_looked_at_in_its_turn_at_the_lowest_layer_that_does() {
    let mut world = room_of(3, Nature::clean(25 * MS), pictures(Some(5 * S), 180));
    world.run(101 * S);
    let mut gaps = Vec::new();
    for n in 0..3 {
        let taken = key_frames(&world, n, Source::Camera);
        for (_, key_frame) in &taken {
            assert_whole(key_frame, CAMERA[0].1);
        }
        for pair in taken.windows(2) {
            gaps.push(pair[1].0.at.since(pair[0].0.at));
        }
        let asked = world.people[&n].guest.requests.iter();
        let lowest = asked.filter(|(_, rid)| rid.as_deref() == Some("l")).count();
        assert!(lowest <= taken.len() + 2, "{n} was asked {lowest} times for {}", taken.len());
    }
    assert!(gaps.iter().all(|gap| (600 * MS..=6 * S).contains(gap)), "{gaps:?}");
    let in_turn = gaps.iter().filter(|gap| **gap >= 4_900 * MS).count();
    assert!(in_turn * 100 / gaps.len() >= 60, "most come in their turn: {gaps:?}");
    assert!(in_turn < gaps.len(), "and some when nobody expects it");
    let before = world.samples.len();
    want(&mut world, None);
    world.run(12 * S);
    assert_eq!(world.samples.len(), before, "nobody looks any more");
}

#[test]
fn a_sample_has_the_time_of_the_wall_whenever_that_was_set() {
    let world = World::new(1);
    let begun = Timestamp::from_millis(1_800_000_000_000);
    let body = Body::Unseen(Source::Camera);
    let sample = Sample { room: World::room(1), participant: id(1), at: begun + 4 * S, ready: begun, body };
    // Five seconds later, and an hour was skipped meanwhile.
    let wall = begun + 9 * S + Duration::from_hours(1);
    let told = world.shard.by_the_wall(world.now + 9 * S, wall, sample);
    assert_eq!((told.ready, wall.since(told.at)), (wall, 5 * S));
}

#[test]
fn somebody_alone_is_looked_at_too_and_a_larger_picture_can_be_had() {
    let mut world = room_of(1, Nature::clean(25 * MS), pictures(Some(5 * S), 300));
    world.run(8 * S);
    let taken = key_frames(&world, 0, Source::Camera);
    assert_eq!(taken.len(), 2);
    assert_whole(taken[1].1, CAMERA[1].1);
}

#[test]
fn a_picture_that_is_asked_for_is_there_within_half_a_second() {
    let mut world = room_of(2, Nature::clean(25 * MS), pictures(None, 180));
    world.run(3 * S);
    assert!(world.samples.is_empty(), "nobody has asked");
    let (room, origin) = (World::room(1), Origin { participant: id(1), source: Source::Camera });
    world.command(Command::Picture { room, consumer: CONSUMER, origin });
    assert!(world.run_until(500 * MS, |w| key_frames(w, 1, Source::Camera).len() == 1));
    world.run(3 * S);
    assert_eq!(world.samples.len(), 1, "one request is one picture");
}

#[test]
fn a_key_frame_is_put_together_over_loss_and_reordering() {
    let lossy = Nature { loss: 50, jitter: 20 * MS, ..Nature::clean(25 * MS) };
    let mut world = room_of(2, lossy, pictures(Some(S), 720));
    // A handshake over such a link takes a second, or eight.
    let begun = |w: &World| (0..2).all(|n| !key_frames(w, n, Source::Camera).is_empty());
    assert!(world.run_until(15 * S, begun));
    let before = [0, 1].map(|n| key_frames(&world, n, Source::Camera).len());
    world.run(20 * S);
    for n in 0..2_u32 {
        let taken = key_frames(&world, n, Source::Camera);
        assert!(taken.len() - before[n as usize] >= 12, "{n}: {}", taken.len());
        for (_, key_frame) in &taken {
            assert_whole(key_frame, CAMERA[2].1);
        }
    }
}

#[test]
fn a_screen_is_looked_at_beside_the_camera() {
    let mut world = room_of(2, Nature::clean(25 * MS), pictures(Some(5 * S), 180));
    let (room, participant) = (World::room(1), id(1));
    let media = Media { audio: true, video: true, screen: true };
    world.command(Command::Media { room, participant, media: media.into() });
    let screen = Shape { height: 720, fps: 10, packets: 4, bytes: 1_000 };
    let now = world.now;
    world.people.get_mut(&1).unwrap().guest.share_screen(now, 2, screen);
    world.run(4 * S);
    let taken = key_frames(&world, 1, Source::Screen);
    assert_eq!(taken.len(), 1);
    assert_whole(taken[0].1, screen);
}

/// Whose camera wasn't seen, each time.
fn unseen(world: &World) -> Vec<ParticipantId> {
    let all = world.samples.iter().map(|(_, sample)| (sample.participant, &sample.body));
    all.filter(|(_, body)| matches!(body, Body::Unseen(Source::Camera))).map(|(who, _)| who).collect()
}

fn set_camera(world: &mut World, of: u32, on: bool) {
    let guest = &mut world.people.get_mut(&of).unwrap().guest;
    (0..CAMERA.len()).for_each(|layer| guest.set_layer(layer, on));
}

fn say_camera(world: &mut World, of: u32, video: bool) {
    let media = Media { audio: true, video, screen: false };
    world.command(Command::Media { room: World::room(1), participant: id(of), media: media.into() });
}

#[test]
fn a_last_picture_that_stands_with_the_others_is_asked_for_until_it_is_put_away() {
    let mut world = room_of(2, Nature::clean(25 * MS), pictures(Some(5 * S), 180));
    world.run(3 * S);
    let looked = key_frames(&world, 0, Source::Camera).len();
    assert!(looked > 0);
    set_camera(&mut world, 0, false);
    world.run(18 * S);
    assert_eq!(unseen(&world), [id(0); 2], "nobody knows what the last one showed");
    say_camera(&mut world, 0, false);
    world.run(1 * S);
    let told = unseen(&world).len();
    world.run(18 * S);
    assert_eq!(unseen(&world).len(), told);
    say_camera(&mut world, 0, true);
    set_camera(&mut world, 0, true);
    world.run(4 * S);
    assert!(key_frames(&world, 0, Source::Camera).len() > looked && unseen(&world).len() == told);
}

#[test]
fn a_single_flash_before_the_first_look_is_told_of() {
    let mut world = World::new(2);
    want(&mut world, Some(pictures(Some(5 * S), 180)));
    world.join(1, 0, &Plan { voice: false, ..plan(0, 4) }, Nature::clean(25 * MS));
    while world.shard.counts().received == 0 {
        world.run(10 * MS);
    }
    set_camera(&mut world, 0, false);
    world.run(16 * S);
    assert_eq!(key_frames(&world, 0, Source::Camera).len(), 0);
    assert_eq!(unseen(&world), [id(0); 2]);
}

#[test]
fn whoever_gives_no_key_frame_is_told_of_each_time_and_nobody_else_is() {
    let mut world = room_of(2, Nature::clean(25 * MS), pictures(Some(5 * S), 180));
    world.run(8 * S);
    assert_eq!(unseen(&world), []);
    world.people.get_mut(&0).unwrap().guest.deaf = true;
    let before = key_frames(&world, 0, Source::Camera).len();
    world.run(22 * S);
    assert_eq!(unseen(&world), [id(0); 3], "two seconds of waiting and five of rest");
    assert_eq!(key_frames(&world, 0, Source::Camera).len(), before);
    world.people.get_mut(&0).unwrap().guest.deaf = false;
    world.run(8 * S);
    assert!(key_frames(&world, 0, Source::Camera).len() > before && unseen(&world).len() <= 4);
}

#[test]
fn what_nobody_else_may_have_is_not_taken() {
    let demand =
        Demand { sound: Some(Runs { length: S, overlap: Duration::ZERO }), ..pictures(Some(S), 180) };
    let mut world = room_of(2, Nature::clean(25 * MS), demand);
    world.run(3 * S);
    assert!(!runs(&world, 1).is_empty() && !key_frames(&world, 1, Source::Camera).is_empty());
    let media = Media { audio: false, video: false, screen: false };
    world.command(Command::Media { room: World::room(1), participant: id(1), media: media.into() });
    // What was said before is handed over when its run is over.
    world.run(2 * S);
    let count = |w: &World| (runs(w, 1).len(), key_frames(w, 1, Source::Camera).len());
    let (before, of_other) = (count(&world), runs(&world, 0).len());
    world.run(4 * S);
    assert_eq!(count(&world), before);
    assert!(runs(&world, 0).len() > of_other, "the other goes on");
}

#[test]
fn sound_comes_in_runs_that_overlap() {
    let demand = Demand { pictures: None, sound: Some(Runs { length: 5 * S, overlap: S }) };
    let mut world = room_of(2, Nature { jitter: 30 * MS, ..Nature::clean(25 * MS) }, demand);
    world.run(15 * S);
    for n in 0..2 {
        let taken = runs(&world, n);
        assert_eq!(taken.len(), 3, "{n}");
        for (sample, packets) in &taken {
            assert!(matches!(sample.body, Body::Sound(Source::Mic, _)));
            assert_eq!(packets.len(), 250, "{n}: five seconds of 20 ms each");
            assert!(packets.iter().zip(0..).all(|(p, i)| p.offset == i * 960), "in their order");
        }
        for pair in taken.windows(2) {
            assert_eq!(pair[1].0.at.since(pair[0].0.at), 4 * S);
        }
        assert!(key_frames(&world, n, Source::Camera).is_empty(), "no pictures were wanted");
    }
}

#[test]
fn a_consumer_of_one_room_gets_nothing_of_another() {
    let mut world = World::new(4);
    for (room, n) in [(1, 0), (1, 1), (2, 10), (2, 11)] {
        world.join(room, n, &plan(n, 3), Nature::clean(25 * MS));
    }
    let demand = Some(pictures(Some(S), 180));
    world.command(Command::Tap { room: Some(World::room(2)), consumer: Consumer::Broadcast, demand });
    world.run(4 * S);
    assert!(!key_frames(&world, 10, Source::Camera).is_empty());
    let other =
        |(consumer, s): &(Consumer, Sample)| *consumer != Consumer::Broadcast || s.room != World::room(2);
    assert!(!world.samples.iter().any(other));
}
