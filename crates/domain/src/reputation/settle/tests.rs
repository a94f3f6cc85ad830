use proptest::prelude::*;

use super::*;
use crate::{reputation::band, wire::Band};

/// The beginning of a day: what happens then counts then.
const T0: Timestamp = Timestamp::from_millis(1_800_057_600_000);

fn day(days: u64) -> Timestamp {
    T0 + DAY * u32::try_from(days).unwrap()
}

fn call(n: u64, at: Timestamp) -> (String, Timestamp) {
    (format!("rm_{n}"), at)
}

fn report(n: u64, by: u64, at: Timestamp, credibility: u8) -> Report {
    Report { id: format!("rpt_{n}"), reporter: format!("usr_{by}"), at, credibility }
}

fn after(score: u8, steps: &[Step]) -> u8 {
    u8::try_from(i32::from(score) + steps.iter().map(|step| step.delta).sum::<i32>()).unwrap()
}

#[test]
fn two_days_of_good_calls_make_somebody_trusted_enough_to_talk_directly_and_no_day_more_than_three_points() {
    let clean = (0..20).map(|n| call(n, day(n / 10))).collect();
    let steps = settle(START, &[], &Facts { clean, ..Facts::default() }, day(2));
    assert_eq!(after(START, &steps), START + 2 * DAILY_GAIN);
}

#[test]
fn a_report_says_when_it_is_forgiven_and_then_it_is() {
    let facts = Facts { reports: vec![report(1, 1, T0, 100)], ..Facts::default() };
    let lost = settle(START, &[], &facts, T0);
    assert_eq!((lost[0].delta, lost[0].recover_by), (-2, Some(T0 + FORGIVEN_AFTER)));
    assert_eq!(settle(68, &lost, &facts, day(29)), []);
    let forgiven = settle(68, &lost, &facts, day(30));
    assert_eq!((forgiven.len(), forgiven[0].kind, forgiven[0].delta), (1, Kind::Recovered, 2));
    let all = [lost, forgiven].concat();
    assert_eq!(settle(START, &all, &facts, day(400)), []);
}

#[test]
fn what_happens_in_a_day_counts_at_its_end_whenever_it_was() {
    let at = |hour: u32| T0 + Duration::from_hours(1) * hour;
    let facts = Facts {
        clean: vec![call(1, at(1)), call(2, at(23))],
        reports: vec![report(1, 1, at(12), 100)],
        cleared: vec![("usr_1 rpt_1".to_owned(), at(30))],
        ..Facts::default()
    };
    assert_eq!(settle(START, &[], &facts, day(1) - Duration::from_millis(1)), []);
    let steps = settle(START, &[], &facts, day(1));
    assert!(steps.iter().all(|step| step.at == day(1)), "{steps:?}");
    assert_eq!(steps.iter().map(|step| step.delta).sum::<i32>(), 0);
    assert_eq!(settle(START, &steps, &facts, at(29)), []);
    let back = settle(START, &steps, &facts, at(30));
    assert_eq!(back.iter().map(|step| (step.kind, step.at)).collect::<Vec<_>>(), [(Kind::Recovered, at(30))]);
}

#[test]
fn one_blocked_call_in_a_day_is_as_good_as_any_and_two_are_not() {
    let blocked = |hours: &[u32]| {
        let calls = (0..).zip(hours);
        let blocked = calls.map(|(n, hour)| call(n, T0 + Duration::from_hours(1) * *hour)).collect();
        after(START, &settle(START, &[], &Facts { blocked, ..Facts::default() }, day(9)))
    };
    assert_eq!([blocked(&[5]), blocked(&[5, 29]), blocked(&[5, 6]), blocked(&[5, 6, 29])], [71, 72, 70, 71]);
}

#[test]
fn the_same_person_counts_once_a_month_and_who_is_not_believed_not_at_all() {
    let reports = (0..10).map(|n| report(n, 1, day(n), 100)).collect();
    let steps = settle(START, &[], &Facts { reports, ..Facts::default() }, day(10));
    assert_eq!(after(START, &steps), START - REPORT_LOSS);
    let reports = (0..10).map(|n| report(n, n, day(n), 0)).collect();
    assert_eq!(after(START, &settle(START, &[], &Facts { reports, ..Facts::default() }, day(10))), START);
}

#[test]
fn reporters_are_believed_by_their_own_record() {
    let old = DAY * 30;
    let of = |score, age, lately| credibility(&Reporter { score, age, lately });
    assert_eq!([of(80, old, 1), of(70, old, 1), of(30, old, 1)], [100, 50, 0]);
    assert_eq!([of(70, DAY / 2, 1), of(80, old, 11), of(80, old, 31)], [25, 50, 0]);
}

#[test]
fn trust_fades_without_good_calls_down_to_the_start_and_no_further() {
    let facts = Facts { clean: (0..9).map(|n| call(n, day(n / 3))).collect(), ..Facts::default() };
    let gained = settle(START, &[], &facts, day(3));
    assert_eq!(after(START, &gained), 79);
    let faded = settle(79, &gained, &facts, day(2 + 31));
    assert_eq!(after(79, &faded), 78);
    assert_eq!(after(79, &settle(79, &gained, &facts, day(2_000))), START);
}

/// Twenty who collude, new accounts of a night, report one honest person every day for two months.
#[test]
fn collusion_does_not_bring_an_honest_person_into_the_low_band() {
    for seed in 0..50_u64 {
        let mut score = START;
        let mut steps: Vec<Step> = vec![];
        for d in 0..60_u64 {
            let who = |n: u64| Reporter {
                score: 70,
                age: DAY * u32::try_from(d).unwrap(),
                lately: (d + n % 3).min(60),
            };
            let reports =
                (0..20).map(|n| report(d * 100 + n, n + seed * 20, day(d), credibility(&who(n)))).collect();
            let clean = (0..(seed + d) % 3).map(|n| call(d * 100 + n, day(d))).collect();
            let new = settle(score, &steps, &Facts { clean, reports, ..Facts::default() }, day(d));
            score = after(score, &new);
            steps.extend(new);
            assert_ne!(band(score), Band::Low, "seed {seed}, day {d}: {score}");
        }
    }
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let clean = prop::collection::vec((0..200_u64, 0..100_u64), 0..40);
    let reports = prop::collection::vec((0..200_u64, 0..8_u64, 0..100_u64, 0..=100_u8), 0..30);
    let rulings = prop::collection::vec((0..100_u64, 1..16_u8, prop::option::of(0..60_u64)), 0..8);
    (clean, reports, rulings).prop_map(|(clean, reports, rulings)| {
        let ruling = |(n, (d, points, after)): (u64, (u64, u8, Option<u64>))| Ruling {
            id: format!("dec_{n}"),
            at: day(d),
            points,
            overturned_at: after.map(|after| day(d + after)),
        };
        let rulings: Vec<Ruling> = (0..).zip(rulings).map(ruling).collect();
        let mut clean: Vec<_> = clean.into_iter().map(|(n, d)| call(n, day(d))).collect();
        clean.sort();
        clean.dedup_by(|a, b| a.0 == b.0);
        let mut reports: Vec<_> = reports.into_iter().map(|(n, by, d, c)| report(n, by, day(d), c)).collect();
        reports.sort_by(|a, b| a.id.cmp(&b.id));
        reports.dedup_by(|a, b| a.id == b.id);
        let cleared = reports.iter().filter(|report| report.at > day(70));
        let cleared = cleared.map(|r| (format!("{} {}", r.reporter, r.id), r.at + DAY)).collect();
        let blocked = clean.iter().rev().take(5).cloned().collect();
        clean.truncate(clean.len().saturating_sub(5));
        Facts { clean, blocked, reports, cleared, rulings }
    })
}

/// As it is known at that time.
fn known(ruling: &Ruling, now: Timestamp) -> Ruling {
    Ruling { overturned_at: ruling.overturned_at.filter(|at| *at <= now), ..ruling.clone() }
}

#[test]
fn a_decision_costs_trust_and_one_that_is_taken_back_gives_all_of_it_back_at_once() {
    let ruling = |overturned_at| Ruling { id: "dec_1".to_owned(), at: T0, points: 15, overturned_at };
    let of = |ruling| Facts { rulings: vec![ruling], ..Facts::default() };
    let lost = settle(START, &[], &of(ruling(None)), day(1));
    assert_eq!((lost[0].delta, lost[0].recover_by), (-15, Some(T0 + DECISION_FORGIVEN_AFTER)));
    let back = settle(START - 15, &lost, &of(ruling(Some(day(2)))), day(2));
    assert_eq!((back.len(), back[0].kind, back[0].delta), (1, Kind::Overturned, 15));
    let all = [lost.clone(), back].concat();
    assert_eq!(
        settle(START, &all, &of(ruling(Some(day(2)))), day(400)),
        [],
        "once, and not forgiven as well"
    );
    let forgiven = settle(START - 15, &lost, &of(ruling(None)), day(90));
    assert_eq!((forgiven[0].kind, forgiven[0].delta), (Kind::Recovered, 15));
    let low = settle(5, &[], &of(ruling(None)), day(1));
    let back = settle(0, &low, &of(ruling(Some(day(2)))), day(2));
    assert_eq!((low[0].delta, back[0].delta), (-5, 5), "no more comes back than was lost");
}

#[test]
fn a_report_that_came_to_nothing_is_forgiven_when_that_is_found() {
    let reports = vec![report(1, 1, T0, 100)];
    let cleared = vec![("usr_1 rpt_1".to_owned(), day(3))];
    let steps = settle(START, &[], &Facts { reports, cleared, ..Facts::default() }, day(4));
    assert_eq!(
        steps.iter().map(|s| (s.kind, s.at)).collect::<Vec<_>>(),
        [(Kind::Reported, T0), (Kind::Recovered, day(3))]
    );
}

proptest! {
    /// Asked once or every day: the same score; it stays within bounds; nothing counts twice; in the end it is the start again.
    #[test]
    fn it_is_the_same_however_often_it_is_asked(facts in any_facts()) {
        let once = settle(START, &[], &facts, day(200));
        let (mut score, mut steps) = (START, Vec::<Step>::new());
        for d in 0..=200 {
            let so_far = Facts {
                clean: facts.clean.iter().filter(|(_, at)| *at <= day(d)).cloned().collect(),
                blocked: facts.blocked.iter().filter(|(_, at)| *at <= day(d)).cloned().collect(),
                reports: facts.reports.iter().filter(|r| r.at <= day(d)).cloned().collect(),
                cleared: facts.cleared.iter().filter(|(_, at)| *at <= day(d)).cloned().collect(),
                rulings: facts.rulings.iter().filter(|r| r.at <= day(d)).map(|r| known(r, day(d))).collect(),
            };
            let new = settle(score, &steps, &so_far, day(d));
            score = after(score, &new);
            prop_assert!(score <= MAX);
            steps.extend(new);
        }
        prop_assert_eq!(score, after(START, &once));
        let mut causes: Vec<_> = steps.iter().map(|s| (s.kind, s.source.clone())).collect();
        causes.sort();
        let all = causes.len();
        causes.dedup();
        prop_assert_eq!(all, causes.len());
        let rest = settle(score, &steps, &facts, day(200 + 40 * 30));
        let end = after(score, &rest);
        prop_assert_eq!(end, START);
    }
}
