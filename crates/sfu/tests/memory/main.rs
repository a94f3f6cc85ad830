//! What a shard uses of memory: counted exactly, by an allocator that counts. One test at a time, since all share it.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../sim/world.rs"]
#[expect(dead_code, reason = "the simulations use the rest of it")]
mod world;

use std::{
    alloc::System,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use visavis_domain::wire::Source;
use visavis_sfu::{
    guest::{CAMERA, Guest, Plan, Shape},
    shard::Command,
};
use visavis_testkit::link::Nature;
use world::{World, id};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const MIB: i64 = 1 << 20;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that are held now.
fn held() -> i64 {
    let stats = COUNTING.stats();
    i64::try_from(stats.bytes_allocated).unwrap() - i64::try_from(stats.bytes_deallocated).unwrap()
}

/// Times that memory was asked for.
fn asked() -> u64 {
    let stats = COUNTING.stats();
    (stats.allocations + stats.reallocations) as u64
}

fn plan(n: u32, limit: usize, camera: &[(&'static str, Shape)]) -> Plan {
    Plan { limit, camera: camera.to_vec(), voice: true, number: n }
}

fn joins() -> u32 {
    std::env::var("R11_JOINS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

/// Joins after which everybody was there once, so that the tables of the test itself grow no more.
const WARM: u32 = 1_100;

/// R11: `R11_JOINS` people come and go, in rooms of two that open and close; a hundred thousand for the printed figure.
#[test]
fn r11_joins_and_leaves_leave_nothing() {
    let _alone = alone();
    let mut world = World::new(1);
    let at = std::net::SocketAddr::from(([203, 0, 113, 1], 40_000));
    let (_guest, offer) = Guest::new(world.now, at, &plan(0, 2, &CAMERA)).unwrap();
    let mut before = None;
    for n in 0..joins() + WARM {
        let (room, who) = (n / 2 % 50 + 1, n % 1_000);
        world.place(room, who);
        world.offer(who, &offer, 2).unwrap();
        world.run(MS);
        world.command(Command::Leave { room: World::room(room), participant: id(who) });
        // Tables have grown by then to what they need.
        if n == WARM {
            world.answers.clear();
            before = Some(held());
        }
    }
    world.answers.clear();
    let more = held() - before.unwrap();
    println!("R11 after {} joins and leaves: {} KiB more (goal 1024)", joins(), more / 1_024);
    assert!(more <= MIB, "{more} bytes");
    assert_eq!((world.shard.rooms(), world.shard.addresses()), (0, 0));
}

/// R10: a viewer whose network swallows everything costs a bounded part of memory.
#[test]
fn r10_a_stuck_subscriber_costs_less_than_a_mebibyte() {
    let _alone = alone();
    let mut world = World::new(2);
    for n in 0..3 {
        world.join(1, n, &plan(n, 3, &CAMERA), Nature::clean(25 * MS));
    }
    world.run(5 * S);
    let before = held();
    let person = world.people.get_mut(&2).unwrap();
    (person.up.nature.loss, person.down.nature.loss) = (1_000, 1_000);
    let mut most = 0;
    for _ in 0..30 {
        world.run(S);
        most = most.max(held() - before);
    }
    println!("R10 a stuck subscriber: {} KiB more at most (goal 1024)", most / 1_024);
    assert!(most <= MIB, "{most} bytes");
}

/// P3: allocations of the shard for each packet it forwards, ten who see ten.
#[test]
fn p3_allocations_for_a_forwarded_packet() {
    let _alone = alone();
    let mut world = World::new(3);
    let camera = [("h", Shape { height: 360, fps: 30, packets: 6, bytes: 1_100 })];
    for n in 0..10 {
        world.join(1, n, &plan(n, 10, &camera), Nature::clean(MS));
    }
    let all_seen =
        |w: &World| (0..10).all(|v| (0..10).filter(|of| *of != v).all(|of| w.shown(v, of).frames > 0));
    assert!(world.run_until(120 * S, all_seen), "everybody sees everybody");
    assert!(world.line(0, 1, Source::Camera).is_some());
    world.run(S);
    let before = world.shard.counts();
    (world.meter, world.metered) = (Some(asked as fn() -> u64), 0);
    world.run(2 * S);
    let forwarded = world.shard.counts().forwarded - before.forwarded;
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let each = world.metered as f64 / forwarded as f64;
    println!("P3 allocations for a forwarded packet: {each:.2}, {forwarded} packets (goal 0.5)");
    assert!(forwarded > 30_000, "{forwarded}");
}
