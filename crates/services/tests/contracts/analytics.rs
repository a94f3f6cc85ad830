//! Figures by their contract: what is counted, on which day, and that it stays when the rows have gone.

use std::{sync::Arc, time::Duration};

use visavis_domain::{
    Code, Timestamp,
    cases::{State, measure::Measure},
    contract::{
        self,
        analytics::{Analytics, Day, Rule, Series, Span, Summary},
        moderation::{
            Appeal, CaseList, Decide, Judge, LookAtCase, Noticed, Record, Report, ReportReason, Undo,
        },
    },
    figures::{Calls, Percentiles, Ratings, Told},
    id::{DecisionId, NodeId, ParticipantId, ReportId, RoomId, SignalId, TicketId, UserId},
    strikes::{Act, Action, Concern, Modality, Signal},
};
use visavis_platform::db::{
    belongings,
    calls::{self, CallMember, CallOpened},
    decisions,
    overview::{self, Waiting},
    reports,
    retention::Retention,
    standing, visits,
};
use visavis_services::analytics;

use crate::world::{DAY, HOUR, MINUTE, SECOND, START, Way, World, ways};

struct Suite {
    w: World,
    analytics: Arc<dyn Analytics>,
    ada: UserId,
    bob: UserId,
}

impl Suite {
    async fn new(way: Way) -> Self {
        let w = World::new(way).await;
        let role = analytics::Analytics::new(w.db.clone(), w.clock.clone());
        let analytics = way.reach(Arc::new(role) as Arc<dyn Analytics>, contract::analytics::through);
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        Self { w, analytics, ada, bob }
    }

    async fn summary(&self, days: u32) -> Summary {
        self.analytics.summary(&self.w.cx, Span { days }).await.unwrap()
    }

    async fn series(&self, days: u32) -> Vec<Day> {
        let Series { days } = self.analytics.series(&self.w.cx, Span { days }).await.unwrap();
        days
    }

    /// A call of strangers that begins at `at`, after both had searched for `waited`.
    async fn call(&self, n: u128, at: Timestamp, (waited, took): (Duration, Duration), reason: &str) {
        let room = RoomId::from_bits(n);
        let member = |user: UserId, more: u128| CallMember {
            user,
            participant: ParticipantId::from_bits(n * 10 + more),
            waited_ms: u64::try_from(waited.as_millis()).unwrap(),
            ticket: Some(TicketId::from_bits(n * 10 + more)),
        };
        let call = CallOpened {
            room,
            kind: "random",
            node: NodeId::from_bits(1),
            opened_at: at,
            transport: "p2p",
            members: vec![member(self.ada, 1), member(self.bob, 2)],
        };
        calls::open(&self.w.db, &call).await.unwrap();
        if reason != "never-joined" {
            calls::started(&self.w.db, room, at).await.unwrap();
        }
        calls::ended(&self.w.db, room, at + took, reason, &[]).await.unwrap();
    }

    async fn report(&self, n: u128, room: u128, at: Timestamp) {
        let report = reports::Report {
            id: ReportId::from_bits(n),
            reporter: self.ada,
            room: RoomId::from_bits(room),
            reported: self.bob,
            reason: "spam",
            note: None,
            at,
        };
        let mut tx = self.w.db.write().await.unwrap();
        reports::insert(&mut tx, &report).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Whoever has it sweeps, as every process does each minute.
    async fn sweep(&self, retention: &Retention) {
        while self.w.db.sweep(self.w.clock.now(), retention).await.unwrap() {}
    }
}

const fn counted(count: u64) -> Percentiles {
    Percentiles { count, p50: None, p95: None }
}

#[tokio::test]
async fn only_the_last_ninety_days_can_be_asked_for() {
    for way in ways() {
        let s = Suite::new(way).await;
        for days in [0, 91, u32::MAX] {
            let fault = s.analytics.summary(&s.w.cx, Span { days }).await.unwrap_err();
            assert_eq!((fault.code, fault.fields[0].field.as_str()), (Code::BadRequest, "days"));
            assert!(s.analytics.series(&s.w.cx, Span { days }).await.is_err());
        }
        let days = s.series(90).await;
        assert_eq!((days.len(), days[89].day.as_str(), days[89].over), (90, "2027-01-15", false));
        assert_eq!(days[0].day, "2026-10-18");
        assert!(days.iter().all(|day| day.told == Told::default()), "nothing has happened");
    }
}

#[tokio::test]
async fn a_day_counts_what_ended_on_it_and_tells_nothing_of_few() {
    for way in ways() {
        let s = Suite::new(way).await;
        let midnight = START.day() + DAY;
        // Begun the day before: it counts where it ended.
        s.call(1, midnight - MINUTE, (SECOND, 10 * MINUTE), "left").await;
        for n in 2..=4 {
            s.call(n, midnight, (4 * SECOND, MINUTE), "left").await;
        }
        s.w.clock.set(midnight + HOUR);
        let told = s.summary(1).await.told;
        assert_eq!(
            (told.calls, told.duration_ms),
            (Calls { random: 4, friends: 0 }, counted(4)),
            "four are few"
        );
        s.call(5, midnight, (30 * SECOND, 5 * MINUTE), "lost").await;
        // Nobody came: a search that found somebody, and no call.
        s.call(6, midnight, (30 * SECOND, 10 * SECOND), "never-joined").await;
        s.report(1, 5, midnight).await;
        s.report(2, 99, midnight).await;
        let visit = visits::Visit {
            participant: ParticipantId::from_bits(7),
            room: RoomId::from_bits(99),
            user: s.ada,
            node: NodeId::from_bits(1),
            came_at: midnight,
        };
        visits::came(&s.w.db, &visit).await.unwrap();
        visits::left(&s.w.db, visit.participant, midnight + SECOND, "server-lost").await.unwrap();
        assert!(standing::rate(&s.w.db, s.ada, RoomId::from_bits(5), 4, midnight).await.is_ok());
        let summary = s.summary(1).await;
        let told = summary.told.clone();
        assert_eq!((summary.from.as_str(), summary.to.as_str()), ("2027-01-16", "2027-01-16"));
        assert_eq!((told.calls.random, told.abrupt, told.group_stays, told.abrupt_group_stays), (5, 1, 1, 1));
        assert_eq!(told.duration_ms, Percentiles { count: 5, p50: Some(60_500), p95: Some(605_000) });
        assert_eq!(told.match_wait_ms, Percentiles { count: 12, p50: Some(4_050), p95: Some(30_500) });
        assert_eq!((told.reports, told.reports_of_calls), (2, 1));
        assert_eq!(told.reports_per_thousand_calls, Some(200.0));
        assert_eq!(told.ratings, Ratings { count: 1, average: None });
        let days = s.series(2).await;
        assert_eq!((days[0].told.calls.random, &days[1].told), (0, &told), "the one day is all of it");
    }
}

#[tokio::test]
async fn what_a_rule_decided_says_how_fast_and_how_often_it_was_taken_back() {
    for way in ways() {
        let s = Suite::new(way).await;
        let moderation = s.w.moderation(way).await;
        for n in 1..=6_u128 {
            let id = SignalId::from_bits(n);
            let noticed = |id, from| Noticed {
                signal: Signal {
                    id,
                    concern: Concern::Nudity,
                    modality: Modality::Picture,
                    from,
                    until: from,
                    score: 990,
                    server: true,
                },
                scores: Vec::new(),
            };
            let act = Act {
                action: Action::Warn,
                hours: None,
                concern: Concern::Nudity,
                rule: "nudity-once".to_owned(),
                version: "1".to_owned(),
                facts: vec![id],
                keep_days: 7,
                // One is only written down.
                dry_run: n == 6,
            };
            let record = Record {
                id: DecisionId::from_bits(n),
                room: RoomId::from_bits(1),
                user: s.bob,
                at: START + 3 * SECOND,
                act,
                // What it doesn't rest on was earlier.
                signals: vec![noticed(SignalId::from_bits(99), START - MINUTE), noticed(id, START)],
                picture: None,
                transcript: None,
            };
            moderation.record(&s.w.cx, record).await.unwrap();
        }
        let mut tx = s.w.db.write().await.unwrap();
        decisions::overturn(&mut tx, DecisionId::from_bits(2), START + 40 * DAY, None).await.unwrap();
        tx.commit().await.unwrap();
        let summary = s.summary(1).await;
        let rule = Rule { rule: "nudity-once".to_owned(), decisions: 5, taken_back: 1 };
        assert_eq!(summary.rules, [rule]);
        let rules = summary.told.action_ms.rules;
        assert_eq!(rules, Percentiles { count: 5, p50: Some(3_050), p95: Some(3_050) });
    }
}

#[tokio::test]
async fn what_a_person_decided_is_taken_back_on_appeal_however_soon_and_what_they_undid_never_was() {
    for way in ways() {
        let s = Suite::new(way).await;
        let m = s.w.moderation(way).await;
        let (mia, max) = (s.w.person("mia").await, s.w.person("max").await);
        let (now, cx) = (s.w.clock.now(), &s.w.cx);
        s.call(1, now, (SECOND, SECOND), "left").await;
        let report = |reporter, reported| Report {
            reporter,
            room: RoomId::from_bits(1),
            reported,
            reason: ReportReason::Harassment,
            note: None,
        };
        m.report(cx, report(s.ada, s.bob)).await.unwrap();
        m.report(cx, report(s.bob, s.ada)).await.unwrap();
        s.w.clock.advance(MINUTE);
        let waits = |number, oldest| Waiting { number, oldest };
        let none = waits(0, None);
        assert_eq!(overview::waiting(&s.w.db).await.unwrap(), [waits(2, Some(now)), none, none]);
        let list = CaseList { moderator: mia, state: State::Open, kind: None, cursor: None };
        let cases = m.cases(cx, list).await.unwrap().cases;
        let case = |user| cases.iter().find(|case| case.user_id == user).unwrap().id;
        let decide = async |case| {
            m.case(cx, LookAtCase { moderator: mia, case }).await.unwrap();
            let reason = Concern::Harassment;
            let decide = Decide {
                moderator: mia,
                case,
                action: Measure::Warn,
                reason,
                hours: None,
                note: None,
                preview: false,
            };
            m.decide(cx, decide).await.unwrap().decision_id.unwrap()
        };
        let (against_bob, _) = (decide(case(s.bob)).await, decide(case(s.ada)).await);
        let rule = async || {
            let summary = s.summary(1).await;
            let [one] = &summary.rules[..] else { panic!("{:?}", summary.rules) };
            (one.decisions, one.taken_back, summary.told.action_ms.people.count)
        };
        assert_eq!(rule().await, (2, 0, 2));
        m.undo(cx, Undo { moderator: mia, case: case(s.ada) }).await.unwrap();
        assert_eq!(rule().await, (1, 0, 1), "what was undone at once");
        let appeal = Appeal { user: s.bob, decision: against_bob, text: "no".to_owned() };
        let appeal = m.appeal(cx, appeal).await.unwrap();
        let at = s.w.clock.now();
        let appealed = waits(1, Some(at));
        assert_eq!(overview::waiting(&s.w.db).await.unwrap(), [waits(1, Some(now)), appealed, appealed]);
        m.judge(cx, Judge { moderator: max, appeal, overturn: true, note: None }).await.unwrap();
        assert_eq!(rule().await, (1, 1, 1), "it was wrong, within two minutes");
        assert_eq!(overview::waiting(&s.w.db).await.unwrap(), [waits(1, Some(now)), none, none]);
    }
}

#[tokio::test]
async fn a_day_that_is_over_stays_when_its_rows_and_people_have_gone() {
    for way in ways() {
        let s = Suite::new(way).await;
        let today = START.day();
        for n in 1..=5 {
            s.call(n, today, (SECOND, MINUTE), "left").await;
        }
        s.report(1, 1, today).await;
        let retention = Retention { calls_days: 2, reports_days: 30 };
        s.sweep(&retention).await;
        let before = s.summary(1).await.told;
        assert_eq!((before.calls.random, before.reports), (5, 1));
        assert!(!s.series(1).await[0].over);

        // What is written late is still counted.
        s.w.clock.set(today + DAY + 30 * MINUTE);
        s.sweep(&retention).await;
        s.call(6, today, (SECOND, MINUTE), "left").await;
        let yesterday = s.series(2).await.remove(0);
        assert_eq!((yesterday.over, yesterday.told.calls.random), (false, 6));
        s.w.clock.set(today + DAY + HOUR);
        s.sweep(&retention).await;
        let yesterday = s.series(2).await.remove(0);
        assert_eq!((yesterday.over, yesterday.told.calls.random), (true, 6));

        // Nobody ran for a month: nothing was forgotten before it was counted.
        s.call(7, today + DAY, (SECOND, MINUTE), "left").await;
        s.w.clock.set(today + 31 * DAY + HOUR);
        s.sweep(&retention).await;
        assert_eq!(calls::by_room(&s.w.db, RoomId::from_bits(7)).await.unwrap(), None);
        let mut tx = s.w.db.write().await.unwrap();
        belongings::erase(&mut tx, (&s.w.secret, s.w.clock.now()), s.bob, UserId::from_bits(99))
            .await
            .unwrap()
            .unwrap();
        tx.commit().await.unwrap();
        let days = s.series(40).await;
        let calls: Vec<_> = days.iter().map(|day| day.told.calls.random).filter(|n| *n > 0).collect();
        assert_eq!(calls, [6, 1]);
        let told = s.summary(40).await.told;
        assert_eq!((told.calls.random, told.reports, told.duration_ms.p50), (7, 1, Some(60_500)));
        assert!(days.iter().rev().skip(1).all(|day| day.over));
    }
}

#[tokio::test]
async fn of_many_who_count_a_day_one_writes_it() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.call(1, START.day(), (SECOND, MINUTE), "left").await;
        s.w.clock.set(START.day() + 3 * DAY + HOUR);
        let mut racing = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (db, now) = (s.w.db.clone(), s.w.clock.now());
            racing.spawn(async move { while db.sweep(now, &Retention::default()).await.unwrap() {} });
        }
        racing.join_all().await;
        s.sweep(&Retention::default()).await;
        assert_eq!(s.summary(9).await.told.calls.random, 1);
        assert!(s.series(9).await.iter().rev().skip(1).all(|day| day.over));
    }
}
