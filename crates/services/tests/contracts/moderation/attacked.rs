//! What people have tried: to bury, to outlast, to hit somebody else, to decide about their own.

use visavis_domain::{
    Code,
    cases::{State, measure::Measure},
    contract::moderation::{AppealList, CaseKind, EvidenceKind, ReportReason, Seen, Undo},
    id::{DecisionId, UserId},
    strikes::Action,
    wire::Role,
};
use visavis_platform::db::{belongings, users};

use super::{Suite, rules};
use crate::world::{DAY, HOUR, MINUTE, SECOND, ways};

impl Suite {
    async fn seen(&self, user: UserId, device: &str) {
        let seen = Seen { user, device: Some(device.to_owned()), network: None };
        self.m.seen(&self.w.cx, seen).await.unwrap();
    }

    async fn become_role(&self, user: UserId, role: Role) {
        let mut tx = self.w.db.write().await.unwrap();
        users::set_role(&mut tx, user, role).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn nobody_buries_what_others_say_under_reports_of_their_own() {
    for way in ways() {
        let s = Suite::new(way).await;
        let (friend, victim) = (s.w.person("friend").await, s.w.person("victim").await);
        for n in 0..30 {
            s.report(1_000 + n, friend, ReportReason::Spam).await;
            s.w.clock.advance(SECOND);
        }
        s.report(11, victim, ReportReason::Minor).await;
        let case = s.queue(s.mia, State::Open, Some(CaseKind::Minor)).await[0];
        let view = s.look(s.mia, case).await.unwrap();
        assert!(view.case.minor && view.case.held && view.case.priority >= 50_000);
        let said: Vec<_> = view.reports.iter().map(|one| (one.reporter_id, one.reason)).collect();
        assert_eq!(said, [(friend, ReportReason::Spam), (victim, ReportReason::Minor)]);
    }
}

#[tokio::test]
async fn a_long_suspension_lasts_until_its_end() {
    for way in ways() {
        let s = Suite::new(way).await;
        let record = s.record(1, s.eve, Action::Suspend, Some(8_760));
        s.m.record(&s.w.cx, record).await.unwrap();
        s.w.clock.advance(91 * DAY);
        assert!(s.suspended(s.eve).await);
        s.w.clock.advance(275 * DAY);
        assert!(!s.suspended(s.eve).await);
    }
}

#[tokio::test]
async fn who_was_found_to_be_somebody_else_is_not_taken_for_them_again_nor_by_way_of_others() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.seen(s.eve, "laptop").await;
        s.suspend_by_rule(1, s.eve).await;
        s.w.clock.advance(MINUTE);
        let (bob, ann, zoe) = (s.w.person("bob").await, s.w.person("ann").await, s.w.person("zoe").await);
        s.seen(bob, "laptop").await;
        s.seen(bob, "phone").await;
        assert!(s.suspended(bob).await);
        s.w.clock.advance(MINUTE);
        let decision = s.m.decisions(&s.w.cx, bob).await.unwrap()[0].id;
        // Ann uses what Bob used, and Zoe what Ann used.
        let of_bob = [(ann, ["phone", "tablet"]), (zoe, ["tablet", "watch"])];
        for (who, devices) in of_bob {
            for device in devices {
                s.seen(who, device).await;
            }
        }
        let suspended = async || [s.suspended(bob).await, s.suspended(ann).await, s.suspended(zoe).await];
        assert!(suspended().await[0]);
        let appeal = s.appeal(bob, decision).await.unwrap();
        s.judge(s.mia, appeal, true).await.unwrap();
        assert_eq!(suspended().await, [false; 3], "{way:?}: nor whoever was taken for him");
        for device in ["laptop", "phone"] {
            s.seen(bob, device).await;
        }
        assert!(!s.suspended(bob).await, "he is himself, whenever he signs in");
    }
}

#[tokio::test]
async fn an_erased_account_leaves_its_devices_suspended() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.seen(s.eve, "laptop").await;
        s.w.clock.advance(60 * DAY);
        s.suspend_by_rule(1, s.eve).await;
        let mut tx = s.w.db.write().await.unwrap();
        let seal = (&s.w.secret, s.w.clock.now());
        belongings::erase(&mut tx, seal, s.eve, UserId::from_bits(99)).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        s.w.clock.advance(MINUTE);
        let again = s.w.person("eve-again").await;
        s.seen(again, "laptop").await;
        assert!(s.suspended(again).await, "{way:?}");
    }
}

#[tokio::test]
async fn nobody_has_a_case_they_have_a_part_in_nor_one_about_those_who_govern_but_admins() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.become_role(s.max, Role::Admin).await;
        s.become_role(s.eve, Role::Moderator).await;
        let decision = s.suspend_by_rule(1, s.eve).await;
        let bob = s.w.person("bob").await;
        let report = s.report(11, bob, ReportReason::Harassment).await;
        s.attach(report, s.eve, "what she said").await;
        assert!(
            s.queue(s.mia, State::Open, None).await.is_empty(),
            "a moderator doesn't see one of a moderator"
        );
        let case = s.queue(s.max, State::Open, None).await[0];
        for who in [s.mia, bob] {
            assert_eq!(s.look(who, case).await.unwrap_err(), Code::Forbidden);
            assert_eq!(s.snapshot(who, case, EvidenceKind::Transcript).await.unwrap_err(), Code::Forbidden);
            assert_eq!(s.decide(who, case, Measure::None).await.unwrap_err(), Code::Forbidden);
        }
        s.look(s.max, case).await.unwrap();
        let appeal = s.appeal(s.eve, decision).await.unwrap();
        let shown = async |moderator| {
            let page = s.m.appeals(&s.w.cx, AppealList { moderator, cursor: None }).await.unwrap();
            page.appeals.len()
        };
        assert_eq!((shown(s.mia).await, shown(bob).await, shown(s.max).await), (0, 0, 1));
        for who in [s.mia, bob] {
            assert_eq!(s.judge(who, appeal, true).await, Err(Code::Forbidden));
        }
        assert_eq!(s.judge(s.max, appeal, true).await, Ok(true));
        let log = visavis_platform::db::audit::after(&s.w.db, 0, 99).await.unwrap();
        let opened = log.iter().filter(|one| one.act == "open").map(|one| one.actor.clone());
        assert_eq!(
            opened.collect::<Vec<_>>(),
            [s.max.to_string()],
            "who reported is nothing to be read unseen"
        );
    }
}

#[tokio::test]
async fn nobody_has_a_case_about_a_friend() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let (low, high) = (s.eve.min(s.mia), s.eve.max(s.mia));
        let row = format!("'{low}', '{high}', 'req_1', '{low}', 0, 0, 0, 0, 1");
        s.w.place.change(&format!("INSERT INTO friendships VALUES ({row})")).await;
        assert!(s.queue(s.mia, State::Open, None).await.is_empty());
        assert_eq!(s.look(s.mia, case).await.unwrap_err(), Code::Forbidden);
        assert_eq!(s.decide(s.mia, case, Measure::None).await.unwrap_err(), Code::Forbidden);
        assert_eq!(s.queue(s.max, State::Open, None).await, [case], "somebody else does");
    }
}

#[tokio::test]
async fn a_report_within_the_time_to_take_back_keeps_nobody_from_it() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        s.decide(s.mia, case, Measure::Suspend).await.unwrap();
        s.w.clock.advance(MINUTE);
        let bob = s.w.person("bob").await;
        s.report(11, bob, ReportReason::Other).await;
        s.m.undo(&s.w.cx, Undo { moderator: s.mia, case }).await.unwrap();
        let open = s.queue(s.mia, State::Open, None).await;
        assert!(open.len() == 1 && open[0] != case, "all of it is in one case");
        let view = s.look(s.mia, open[0]).await.unwrap();
        assert_eq!((view.reports.len(), view.evidence.len()), (1, 2));
        assert!(s.snapshot(s.mia, open[0], EvidenceKind::Picture).await.is_ok());
        assert_eq!(s.verify().await, [""; 0]);
        s.decide(s.mia, open[0], Measure::None).await.unwrap();
        assert!(!s.suspended(s.eve).await, "what the rule did is taken back as well");
    }
}

#[tokio::test]
async fn what_one_process_noticed_the_others_know_until_it_is_settled() {
    for way in ways() {
        let s = Suite::new(way).await;
        let warned = s.record(1, s.eve, Action::Warn, None);
        let fact = warned.act.facts[0];
        s.m.record(&s.w.cx, warned).await.unwrap();
        let noticed = async || {
            let standing = s.m.standing(&s.w.cx, s.eve).await.unwrap();
            standing.noticed.iter().map(|one| one.signal.id).collect::<Vec<_>>()
        };
        assert_eq!(noticed().await, [fact]);
        s.w.clock.advance(20 * SECOND);
        s.m.record(&s.w.cx, s.record(2, s.eve, Action::Remove, None)).await.unwrap();
        assert_eq!(noticed().await, [], "it was settled");
        s.w.clock.advance(2 * MINUTE);
        s.m.record(&s.w.cx, s.record(3, s.eve, Action::Warn, None)).await.unwrap();
        assert_eq!(noticed().await.len(), 1);
        s.w.clock.advance(2 * HOUR);
        assert_eq!(noticed().await, [], "long ago");
    }
}

#[tokio::test]
async fn where_no_key_can_be_written_a_minor_is_reported_all_the_same_and_held_later() {
    let s = Suite::new(crate::world::Way::Direct).await;
    s.suspend_by_rule(1, s.eve).await;
    let (keys, away) = (s.w.place.folder.path().join("evidence-keys"), s.w.place.folder.path().join("away"));
    std::fs::rename(&keys, &away).unwrap();
    let bob = s.w.person("bob").await;
    s.report(11, bob, ReportReason::Minor).await;
    let case = s.queue(s.mia, State::Open, Some(CaseKind::Minor)).await[0];
    let held = async || s.look(s.mia, case).await.unwrap().evidence.iter().filter(|one| one.held).count();
    assert_eq!(held().await, 0);
    std::fs::rename(&away, &keys).unwrap();
    s.role.end_what_is_over().await.unwrap();
    assert_eq!(held().await, 2);
}

#[tokio::test]
async fn a_log_that_is_cut_off_and_says_so_itself_is_found() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        s.decide(s.mia, case, Measure::Warn).await.unwrap();
        assert_eq!(s.verify().await, [""; 0]);
        let change = async |sql: &str| s.w.place.change(sql).await;
        change("DELETE FROM audit WHERE n = 3").await;
        change("UPDATE audit_head SET n = 2, mac = (SELECT mac FROM audit WHERE n = 2)").await;
        assert_eq!(s.verify().await, ["audit log: what says where it ends was changed"]);
        change("INSERT INTO audit (n, at, actor, act, object, reason, mac) VALUES (0, 0, 'a', 'b', 'c', 'd', 'e')")
            .await;
        assert!(s.verify().await.contains(&"audit log: it holds entries that nobody wrote".to_owned()));
    }
}

#[tokio::test]
async fn what_was_decided_after_somebody_was_taken_out_is_computed_again_as_it_was() {
    for way in ways() {
        let s = Suite::new(way).await;
        let first = s.record(1, s.eve, Action::Remove, None);
        s.m.record(&s.w.cx, first.clone()).await.unwrap();
        s.w.clock.advance(2 * MINUTE);
        // A record holds all that was noticed lately, what was settled among it.
        let mut second = s.record(2, s.eve, Action::Suspend, Some(rules().suspension_h[1]));
        second.signals = [first.signals, second.signals].concat();
        s.m.record(&s.w.cx, second).await.unwrap();
        let case = s.queue(s.mia, State::Open, None).await[0];
        let same = async || {
            let again = s.role.replay(case, &rules()).await.unwrap();
            again.iter().map(visavis_services::moderation::tools::Replayed::is_same).collect::<Vec<_>>()
        };
        assert_eq!(same().await, [true, true]);
        s.w.clock.advance(HOUR);
        let appeal = s.appeal(s.eve, DecisionId::from_bits(1)).await.unwrap();
        s.judge(s.mia, appeal, true).await.unwrap();
        assert_eq!(same().await, [true, true], "what stood then");
    }
}
