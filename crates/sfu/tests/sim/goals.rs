//! Figures of the goals that are about time to react, in virtual time over committed seeds. Each prints its value.

use std::time::{Duration, Instant};

use visavis_domain::{room::slots::Origin, wire::Source};
use visavis_sfu::{guest::CAMERA, shard::Command};
use visavis_testkit::link::Nature;

use crate::{
    rooms::plan,
    world::{World, id},
};

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

/// Prints a figure beside its goal, as the benches do.
fn print(number: &str, what: &str, value: Duration, goal: Duration) {
    let verdict = if value <= goal { "met" } else { "missed" };
    println!("{number}   {what}: {} ms; goal ≤ {} ms: {verdict}", value.as_millis(), goal.as_millis());
}

fn percentile(mut all: Vec<Duration>, p: usize) -> Duration {
    all.sort_unstable();
    all[(all.len() * p).div_ceil(100).saturating_sub(1)]
}

/// P6: from the answer to the first picture at 50 ms of round trip.
#[test]
fn p6_a_newcomer_sees_within_three_round_trips() {
    let rtt = 50 * MS;
    let mut times = Vec::new();
    for seed in 1..=20 {
        let mut world = World::new(seed);
        for n in 0..2 {
            world.join(1, n, &plan(n, 4), Nature::clean(rtt / 2));
            world.run(S + u32::try_from(seed).unwrap() * 7 * MS);
        }
        world.join(1, 2, &plan(2, 4), Nature { jitter: 2 * MS, ..Nature::clean(rtt / 2) });
        let answered = world.now;
        assert!(
            world.run_until(3 * S, |w| w.shown(2, 0).frames > 0 && w.shown(2, 1).frames > 0),
            "seed {seed}"
        );
        let first = |of| world.shown(2, of).first_at.unwrap().duration_since(answered);
        times.push(first(0).max(first(1)));
    }
    let (p50, p95) = (percentile(times.clone(), 50), percentile(times, 95));
    print("P6", "first picture after the answer at 50 ms RTT, p50", p50, 3 * rtt + 40 * MS);
    print("P6", "first picture after the answer at 50 ms RTT, p95", p95, 300 * MS);
    assert!(p95 <= 300 * MS);
}

struct Drop {
    switched: Duration,
    freeze: Duration,
    recovered: Duration,
    switches: u64,
}

/// One viewer of one camera at 720 lines; its link falls from 2.5 to 0.5 Mbit/s for 20 s and comes back.
fn drop_and_return(seed: u64) -> Drop {
    let mut world = World::new(seed);
    let wide = Nature { bandwidth: Some(2_500_000), ..Nature::clean(20 * MS) };
    world.join(1, 0, &plan(0, 3), wide);
    world.join(1, 1, &plan(1, 3), Nature::clean(20 * MS));
    let wanted = vec![(Origin { participant: id(1), source: Source::Camera }, 720)];
    world.command(Command::View { room: World::room(1), participant: id(0), wanted });
    assert!(world.run_until(40 * S, |w| w.shown(0, 1).height == 720), "seed {seed}: never up");
    // Long enough for the upgrade not to be taken for a mistake.
    world.run(15 * S + Duration::from_millis(seed * 13));
    let narrow = |world: &mut World, bps| {
        world.people.get_mut(&0).unwrap().down.nature.bandwidth = Some(bps);
        world.now
    };
    let at = narrow(&mut world, 500_000);
    let fell = world.run_until(10 * S, |w| w.shown(0, 1).height < 720);
    let switched = world.now - at;
    assert!(fell, "seed {seed}: never down");
    // The freeze of the fall alone.
    let freeze = longest_gap(&mut world, 5 * S).max(world.shown(0, 1).freeze);
    world.run(15 * S);
    let at = narrow(&mut world, 2_500_000);
    let back = world.run_until(60 * S, |w| w.shown(0, 1).height == 720);
    let recovered = if back { world.now - at } else { 60 * S };
    let before = world.shard.counts().switches;
    world.run(60 * S);
    Drop { switched, freeze, recovered, switches: world.shard.counts().switches - before }
}

fn longest_gap(world: &mut World, time: Duration) -> Duration {
    let end = world.now + time;
    let mut worst = Duration::ZERO;
    let mut last: Option<Instant> = world.shown(0, 1).last_at;
    while world.now < end {
        world.run(10 * MS);
        let now = world.shown(0, 1).last_at;
        if let (Some(a), Some(b)) = (last, now) {
            worst = worst.max(b - a);
        }
        last = now;
    }
    worst
}

/// P7: the estimate falls from 2.5 to 0.5 Mbit/s and comes back. `P7_SEEDS` seeds; a hundred for the printed figure.
#[test]
fn p7_a_drop_is_followed_and_recovered_from() {
    let seeds = std::env::var("P7_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4_u64);
    let all: Vec<Drop> = (1..=seeds).map(drop_and_return).collect();
    let p95 = |f: fn(&Drop) -> Duration| percentile(all.iter().map(f).collect(), 95);
    let (fallen, freeze, recovered) = (p95(|d| d.switched), p95(|d| d.freeze), p95(|d| d.recovered));
    let switches = all.iter().map(|d| d.switches).max().unwrap();
    print("P7", &format!("a link falls to a fifth, {seeds} seeds: layer switched, p95"), fallen, S);
    print("P7", "the same: longest freeze, p95", freeze, 400 * MS);
    print("P7", "the link is back: layer back, p95", recovered, 8 * S);
    let verdict = if switches <= 2 { "met" } else { "missed" };
    println!("P7   most switches in the steady minute after: {switches}; goal ≤ 2: {verdict}");
    // The wider bound is for the runs of a test; the goal stands beside the printed figure.
    assert!(fallen <= 5 * S && switches <= 5);
}

/// P8: key-frame requests to one camera while nine people join in a second.
#[test]
fn p8_nine_who_join_at_once_cost_one_key_frame_in_half_a_second() {
    let mut worst = 0;
    for seed in 1..=5 {
        let mut world = World::new(seed);
        world.join(1, 0, &plan(0, 10), Nature::clean(25 * MS));
        world.run(3 * S);
        let from = world.now;
        for n in 1..10 {
            let dark = visavis_sfu::guest::Plan { camera: CAMERA[..0].to_vec(), ..plan(n, 10) };
            world.join(1, n, &dark, Nature::clean(25 * MS));
            world.run(110 * MS);
        }
        world.run(2 * S);
        for n in 1..10 {
            assert!(world.shown(n, 0).frames > 10, "seed {seed}: {n} sees nothing");
        }
        let requests: Vec<Instant> =
            world.people[&0].guest.requests.iter().map(|(at, _)| *at).filter(|at| *at > from).collect();
        let in_half =
            requests.iter().map(|a| requests.iter().filter(|b| **b >= *a && **b - *a < 490 * MS).count());
        worst = worst.max(in_half.max().unwrap_or(0));
    }
    let verdict = if worst <= 1 { "met" } else { "missed" };
    println!("P8   key-frame requests to one camera in 500 ms while nine join: {worst}; goal ≤ 1: {verdict}");
    assert!(worst <= 1);
}
