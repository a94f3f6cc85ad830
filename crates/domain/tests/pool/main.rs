//! A pool led by several processes on bad days, replayed from seeds: leaders are paused, killed and started again, answers
//! are slow or lost, news comes late, twice or never, and the store falls back to what it was a moment ago. Nobody is
//! matched twice, no blocked pair meets, and when the bad days are over nobody's wait was forgotten.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod dice;
mod world;

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    id::NodeId,
    pool::{Answer, Input, Leader, Output},
    queue::Settings,
};
use world::{ALL, Guards, World};

fn seeds(range: std::ops::Range<u64>, guards: Guards) -> (u64, u64) {
    let mut sums = (0, 0);
    for seed in range {
        let day = || {
            let world = World::new(seed, guards).run();
            world.account();
            world
        };
        let world = std::panic::catch_unwind(day).unwrap_or_else(|why| {
            eprintln!("that was the day of seed {seed}");
            std::panic::resume_unwind(why)
        });
        sums = (sums.0 + world.opened, sums.1 + world.fallbacks);
    }
    sums
}

#[test]
fn on_ten_thousand_bad_days_nobody_is_matched_twice_and_no_ticket_is_lost() {
    let halves = [0..5_000, 5_000..10_000].map(|range| std::thread::spawn(move || seeds(range, ALL)));
    let [one, two] = halves.map(|half| half.join().unwrap());
    let (opened, fallbacks) = (one.0 + two.0, one.1 + two.1);
    println!(
        "10,000 days: {opened} calls, the store fell back {fallbacks} times, 0 double matches, 0 lost tickets"
    );
    assert!(opened > 50_000 && fallbacks > 5_000);
}

#[test]
fn a_process_whose_clock_was_set_back_looks_again_as_soon_as_it_would_have() {
    let (start, hour) = (Timestamp::from_millis(1_800_000_000_000), Duration::from_hours(1));
    let mut leader = Leader::new(start + hour, NodeId::from_bits(1), Settings::default());
    let told = |leader: &mut Leader| {
        let (mut asks, mut wake) = (Vec::new(), None);
        while let Some(output) = leader.poll() {
            match output {
                Output::Ask(number, _) => asks.push(number),
                Output::WakeAt(at) => wake = Some(at),
                _ => {}
            }
        }
        (asks, wake)
    };
    let (asks, _) = told(&mut leader);
    leader.handle(start + hour, Input::Answer(asks[0], Answer::Failed));
    told(&mut leader);
    leader.handle(start, Input::Tick);
    let wake = told(&mut leader).1.unwrap();
    assert!(wake.since(start) <= Duration::from_secs(10), "{:?}", wake.since(start));
    leader.handle(wake, Input::Tick);
    assert!(!told(&mut leader).0.is_empty(), "it looks who leads");
}

/// The first of so many seeds whose day breaks a rule.
fn first_broken(most: u64, guards: Guards) -> Option<u64> {
    (0..most).find(|seed| std::panic::catch_unwind(|| seeds(*seed..*seed + 1, guards)).is_err())
}

#[test]
fn the_fence_alone_keeps_two_leaders_apart_and_without_it_somebody_is_matched_twice() {
    let fence_alone = Guards { fence: true, once: false, firm: true, slow: 3 };
    assert_eq!(first_broken(400, fence_alone), None);
    assert!(first_broken(400, Guards { fence: false, ..fence_alone }).is_some(), "the check notices nothing");
}

#[test]
fn without_tickets_that_work_once_a_store_that_falls_back_matches_somebody_twice() {
    assert!(first_broken(2_000, Guards { once: false, ..ALL }).is_some(), "the check notices nothing");
}
