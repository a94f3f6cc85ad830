//! Simulations with seeds: two months in which people collude against somebody honest, and somebody who does it again and again.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    cases::{
        Gravity, measure, priority,
        voices::{NEW, Voice, weigh},
    },
    id::{SignalId, UserId},
    reputation::{
        START, band,
        settle::{Facts, Report, Reporter, Ruling, Step, cost, credibility, settle},
    },
    strikes::{Action, Concern, Input, Modality, Output, Rules, Signal, Strikes},
    wire::Band,
};

const T0: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const DAY: Duration = Duration::from_hours(24);

/// `SplitMix64`.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn rules() -> Rules {
    toml::from_str(include_str!("../src/strikes/default.toml")).unwrap()
}

fn day(n: u64) -> Timestamp {
    T0 + DAY * u32::try_from(n).unwrap()
}

fn picture(n: u128, at: Timestamp, score: u16) -> Signal {
    Signal {
        id: SignalId::from_bits(n),
        concern: Concern::Nudity,
        modality: Modality::Picture,
        from: at,
        until: at,
        score,
        server: true,
    }
}

/// Somebody's trust, as it goes on.
struct Trust {
    score: u8,
    steps: Vec<Step>,
}

impl Trust {
    fn take(&mut self, facts: &Facts, now: Timestamp) {
        let new = settle(self.score, &self.steps, facts, now);
        let moved = i32::from(self.score) + new.iter().map(|step| step.delta).sum::<i32>();
        self.score = u8::try_from(moved).unwrap();
        self.steps.extend(new);
    }
}

#[test]
fn two_months_of_colluding_reporters_suspends_no_honest_person_and_is_one_voice() {
    for seed in 0..8 {
        let mut dice = Seed(seed);
        let mut trust = Trust { score: START, steps: vec![] };
        // What the models see of an honest person: now and then one picture that they err about.
        let mut strikes = Strikes::new(rules());
        let mut acts = Vec::new();
        let mut pending = Vec::new();
        let (colluders, old) = (5 + dice.below(6), dice.below(3));
        for n in 0..60 {
            let now = day(n);
            let mut voices = Vec::new();
            let mut reports = Vec::new();
            for who in 0..colluders {
                // New accounts are made as fast as old ones are no longer believed.
                let made = if who < old { 0 } else { n - dice.below(4).min(n) };
                let age = now.since(day(made)) + DAY * if who < old { 400 } else { 0 };
                let reporter = Reporter { score: START, age, lately: 1 + dice.below(12) };
                let id = u128::from(who) + 1_000 * u128::from(made);
                let (credibility, is_new) = (credibility(&reporter), age < NEW);
                let who = UserId::from_bits(id);
                voices.push(Voice { who, credibility, is_new, provoked: false, unfounded: 0, founded: 0 });
                let (id, reporter) = (format!("rpt_{n}_{id}"), who.to_string());
                reports.push(Report { id, reporter, at: now, credibility });
            }
            let ring: Vec<_> = voices.windows(2).map(|pair| (pair[0].who, pair[1].who)).collect();
            let weight = weigh(&voices, &ring);
            assert!(weight.points <= 100 && weight.brigade, "seed {seed}, day {n}: {weight:?}");
            let gravity =
                Gravity { voices: weight.points, concern: Some(Concern::Nudity), ..Gravity::default() };
            let real = Gravity {
                action: Some(Action::Remove),
                concern: Some(Concern::Nudity),
                ..Gravity::default()
            };
            assert!(priority(&gravity) < priority(&real), "they are not before what was seen");
            if dice.below(10) == 0 {
                strikes.handle(now, Input::Signal(picture(u128::from(n) + 1, now, 990)));
            }
            while let Some(output) = strikes.poll() {
                if let Output::Act(act) = output {
                    acts.push(act.action);
                }
            }
            // A moderator looks once a week and finds nothing.
            pending.extend(reports.iter().map(|r| (format!("{} {}", r.reporter, r.id), now)));
            let cleared = if n % 7 == 6 { std::mem::take(&mut pending) } else { vec![] };
            let clean = (0..dice.below(3)).map(|call| (format!("rm_{n}_{call}"), now)).collect();
            let cleared = cleared.into_iter().map(|(source, _)| (source, now)).collect();
            trust.take(&Facts { clean, reports, cleared, ..Facts::default() }, now);
            assert_ne!(band(trust.score), Band::Low, "seed {seed}, day {n}: {}", trust.score);
        }
        assert!(acts.iter().all(|act| *act < Action::Remove), "seed {seed}: {acts:?}");
    }
}

#[test]
fn whoever_does_it_again_is_suspended_for_longer_and_longer() {
    for seed in 0..40 {
        let mut dice = Seed(seed);
        let mut trust = Trust { score: START, steps: vec![] };
        let (mut strikes, mut now) = (Strikes::new(rules()), T0);
        let (mut away, mut signals, mut rulings) = (Vec::new(), 0, Vec::new());
        for call in 0..12 {
            // Shows it for half a minute in each call; the models notice two in three pictures.
            for _ in 0..6 {
                now = now + Duration::from_secs(5);
                if dice.below(3) == 0 {
                    continue;
                }
                signals += 1;
                strikes.handle(now, Input::Signal(picture(signals, now, 950)));
            }
            let mut until = now + Duration::from_mins(10);
            while let Some(output) = strikes.poll() {
                let Output::Act(act) = output else { continue };
                if act.action < Action::Remove {
                    continue;
                }
                let points = cost(act.action, true);
                rulings.push(Ruling {
                    id: format!("dec_{call}_{points}"),
                    at: now,
                    points,
                    overturned_at: None,
                });
                if let Some(hours) = act.hours.filter(|_| act.action == Action::Suspend) {
                    away.push(hours);
                    until = now + Duration::from_hours(u64::from(hours));
                }
            }
            trust.take(&Facts { rulings: rulings.clone(), ..Facts::default() }, now);
            now = until + Duration::from_mins(1);
            if now.since(T0) > DAY * 80 {
                break;
            }
        }
        assert!(away.len() >= 3 && away.is_sorted(), "seed {seed}: {away:?}");
        assert!(away.last() > away.first(), "seed {seed}: {away:?}");
        assert!(trust.score < START - 15, "seed {seed}: {}", trust.score);
    }
    assert_eq!(measure::hours(None, Concern::Harassment, 0), 24, "and a person's ladder begins with a day");
}
