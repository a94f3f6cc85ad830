//! What shows why something was decided: when it ends, who looks at it, and how it is known to be whole.

use visavis_domain::{
    Code,
    cases::{State, measure::Measure},
    contract::moderation::{Attach, EvidenceKind, Exposed, ReadEvidence, ReportReason},
    id::{EvidenceId, UserId},
    statement::UNKEPT,
};
use visavis_platform::db::{belongings, evidence};
use visavis_services::moderation::Settings;

use super::{Suite, picture};
use crate::world::{DAY, MINUTE, SECOND, Way, ways};

#[tokio::test]
async fn evidence_is_nothing_a_minute_after_its_day_not_even_from_a_backup_and_what_is_held_stays() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        s.suspend_by_rule(2, s.max).await;
        let [of_eve, of_max] = [s.eve, s.max].map(|who| who);
        let all = s.queue(s.mia, State::Open, None).await;
        let mut found = std::collections::BTreeMap::new();
        for case in all {
            let view = s.look(s.mia, case).await.unwrap();
            found.insert(view.case.user_id, (case, view.evidence[0].expires_at));
        }
        let ((ending, end), (held, _)) = (found[&of_eve], found[&of_max]);
        let kept = end.since(s.w.clock.now());
        assert!((7 * DAY..=15 * DAY).contains(&kept), "{kept:?}");
        assert_eq!(s.role.hold(held, "court order 7").await.unwrap(), 2);
        // A backup: everything but the folder of keys.
        let backup = evidence::of_case(&s.w.db, ending, 9).await.unwrap();
        s.w.clock.advance(kept - SECOND);
        s.role.end_what_is_over().await.unwrap();
        assert!(s.snapshot(s.mia, ending, EvidenceKind::Picture).await.is_ok(), "a second before");
        // The server was down at the time.
        s.w.clock.advance(MINUTE + SECOND);
        assert_eq!(s.snapshot(s.mia, ending, EvidenceKind::Picture).await.unwrap_err(), Code::NotFound);
        assert_eq!(s.role.end_what_is_over().await.unwrap(), 2);
        let mut tx = s.w.db.write().await.unwrap();
        for piece in &backup {
            let later = s.w.clock.now() + DAY;
            let restored = evidence::Evidence { expires_at: later, ..piece.clone() };
            evidence::insert(&mut tx, &restored).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(s.snapshot(s.mia, ending, EvidenceKind::Picture).await.unwrap_err(), Code::Internal);
        let wrong = s.verify().await;
        assert_eq!(wrong.len(), 2, "and it is found: {wrong:?}");
        assert!(s.snapshot(s.mia, held, EvidenceKind::Picture).await.is_ok());
        s.role.release(held, "court order 8").await.unwrap();
        assert_eq!(s.snapshot(s.mia, held, EvidenceKind::Picture).await.unwrap_err(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_copy_without_keys_is_said_to_be_one_and_all_that_can_be_is_checked() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let keys = s.w.place.folder.path().join("evidence-keys");
        let day = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
        // What a backup leaves that heeds CACHEDIR.TAG: the folder and its tag.
        for key in day.filter(|path| !path.ends_with("CACHEDIR.TAG")) {
            std::fs::remove_file(key).unwrap();
        }
        let checked = s.role.verify().await.unwrap();
        assert_eq!((checked.pieces, checked.unopened, checked.ended), (2, 2, 0));
        assert_eq!((checked.keys_missing, checked.wrong), (Some(keys), vec![]));
        s.w.place.change("UPDATE evidence SET mac = 'x' WHERE kind = 'picture'").await;
        let checked = s.role.verify().await.unwrap();
        assert_eq!((checked.unopened, checked.wrong.len()), (1, 1), "{:?}", checked.wrong);
    }
}

#[tokio::test]
async fn what_was_never_held_cant_be_released_and_nothing_is_written_of_it() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let entries = async || s.role.verify().await.unwrap().entries;
        let before = entries().await;
        let fault = s.role.release(case, "court order 9").await.unwrap_err();
        assert_eq!((fault.code, fault.detail.contains("isn't held")), (Code::WrongState, true));
        assert_eq!(entries().await, before);
        s.role.hold(case, "court order 9").await.unwrap();
        s.role.release(case, "court order 9").await.unwrap();
        assert_eq!(s.role.release(case, "again").await.unwrap_err().code, Code::WrongState);
        assert_eq!(entries().await, before + 2);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_loses_evidence_but_keeps_none_longer() {
    let s = Suite::new(Way::Direct).await;
    s.w.clock.set(s.w.clock.now() + 9_000 * DAY);
    s.suspend_by_rule(1, s.eve).await;
    s.w.clock.set(s.w.clock.now() - 9_000 * DAY);
    assert_eq!(s.role.end_what_is_over().await.unwrap(), 2, "it would have ended in decades");
    s.suspend_by_rule(2, s.max).await;
    s.w.clock.set(s.w.clock.now() - DAY);
    assert_eq!(s.role.end_what_is_over().await.unwrap(), 0);
}

#[tokio::test]
async fn a_flipped_byte_and_a_changed_or_missing_row_of_the_log_are_found() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        for _ in 0..3 {
            s.snapshot(s.mia, case, EvidenceKind::Picture).await.unwrap();
        }
        s.decide(s.mia, case, Measure::Suspend).await.unwrap();
        let checked = s.role.verify().await.unwrap();
        // Two pieces kept, three looks and a decision.
        assert_eq!((checked.pieces, checked.decisions, checked.entries), (2, 2, 6));
        assert_eq!(checked.wrong, [""; 0]);
        let change = async |sql: &str| s.w.place.change(sql).await;
        change("UPDATE audit SET reason = 'nothing' WHERE n = 4").await;
        assert_eq!(s.verify().await, ["audit log: entry 4 was changed"]);
        change("UPDATE audit SET reason = 'to decide it' WHERE n = 4").await;
        assert_eq!(s.verify().await, [""; 0]);
        change("UPDATE decisions SET until = until + 1 WHERE automated = 0").await;
        let wrong = s.verify().await;
        assert!(wrong.len() == 1 && wrong[0].starts_with("dec_") && wrong[0].ends_with(": it was changed"));
        change("UPDATE decisions SET until = until - 1 WHERE automated = 0").await;
        change("DELETE FROM evidence WHERE kind = 'picture'").await;
        let wrong = s.verify().await;
        assert!(wrong.len() == 1 && wrong[0].ends_with(": it is gone before its day"), "{wrong:?}");
        change("DELETE FROM audit WHERE n = 6").await;
        assert!(s.verify().await.contains(&"audit log: it ends at 5 of 6".to_owned()));
        change("DELETE FROM audit WHERE n = 1").await;
        assert!(s.verify().await.contains(&"audit log: entry 1 is missing".to_owned()));
        let flip = "CASE WHEN substr(sealed, 9, 1) = 'A' THEN 'B' ELSE 'A' END";
        change(&format!("UPDATE evidence SET sealed = substr(sealed, 1, 8) || {flip} || substr(sealed, 10)"))
            .await;
        assert!(s.verify().await.iter().any(|line| line.contains("a byte of it was changed")));
        assert_eq!(s.snapshot(s.mia, case, EvidenceKind::Transcript).await.unwrap_err(), Code::Internal);
    }
}

#[tokio::test]
async fn a_look_needs_a_reason_is_counted_and_there_is_a_limit_a_day() {
    for way in ways() {
        let s = Suite::with(way, Settings { exposure_s: 30, ..Settings::default() }).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let read = |reason: &str| ReadEvidence {
            moderator: s.mia,
            case,
            kind: EvidenceKind::Picture,
            evidence: None,
            reason: reason.to_owned(),
        };
        for reason in ["", "  ", "x\u{7}yz", &"x".repeat(201)] {
            assert_eq!(s.m.evidence(&s.w.cx, read(reason)).await.unwrap_err().code, Code::BadRequest);
        }
        let other = ReadEvidence { evidence: Some(EvidenceId::from_bits(404)), ..read("to decide") };
        assert_eq!(s.m.evidence(&s.w.cx, other).await.unwrap_err().code, Code::NotFound);
        let exposed = |seconds| s.m.exposed(&s.w.cx, Exposed { moderator: s.mia, seconds });
        assert_eq!(exposed(61).await.unwrap_err().code, Code::BadRequest);
        assert_eq!(exposed(25).await.unwrap().seconds, 25);
        s.m.evidence(&s.w.cx, read("to decide")).await.unwrap();
        let fault = s.m.evidence(&s.w.cx, read("to decide")).await.unwrap_err();
        assert_eq!(fault.code, Code::RateLimited);
        s.w.clock.advance(DAY);
        s.m.evidence(&s.w.cx, read("to decide")).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_held_outlives_an_erased_account_without_its_name_and_nothing_else_does() {
    for way in ways() {
        let s = Suite::new(way).await;
        for (n, who) in [(1, s.eve), (2, s.max)] {
            s.suspend_by_rule(n, who).await;
        }
        let mut cases = Vec::new();
        for case in s.queue(s.mia, State::Open, None).await {
            cases.push((s.look(s.mia, case).await.unwrap().case.user_id, case));
        }
        let case_of = |who| cases.iter().find(|(user, _)| *user == who).unwrap().1;
        let (held, other) = (case_of(s.eve), case_of(s.max));
        s.role.hold(held, "court order 7").await.unwrap();
        let (nobody, seal) = (UserId::from_bits(99), (&s.w.secret, s.w.clock.now()));
        let mut tx = s.w.db.write().await.unwrap();
        let gone = belongings::erase(&mut tx, seal, s.eve, nobody).await.unwrap().unwrap();
        assert_eq!(gone.held, 2, "which the receipt names");
        assert_eq!(belongings::erase(&mut tx, seal, s.max, nobody).await.unwrap().unwrap().held, 0);
        tx.commit().await.unwrap();
        let view = s.look(s.mia, held).await.unwrap();
        assert_eq!((view.case.user_id, view.case.state, view.evidence.len()), (nobody, State::Final, 2));
        assert!(s.snapshot(s.mia, held, EvidenceKind::Picture).await.is_ok());
        assert_eq!(s.look(s.mia, other).await.unwrap_err(), Code::NotFound);
        assert_eq!(s.verify().await, [""; 0]);
    }
}

#[tokio::test]
async fn where_no_key_can_be_written_the_decision_is_kept_without_what_shows_it() {
    let s = Suite::new(Way::Direct).await;
    std::fs::remove_dir_all(s.w.place.folder.path().join("evidence-keys")).unwrap();
    s.suspend_by_rule(1, s.eve).await;
    assert!(s.suspended(s.eve).await);
    let case = s.queue(s.mia, State::Open, None).await[0];
    assert!(s.look(s.mia, case).await.unwrap().evidence.is_empty());
}

/// A file system of so few bytes that a key doesn't fit behind what is there already. Where nothing may be mounted, a folder
/// that is none any more: no key can be written there, either.
struct Full {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Full {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8k,mode=700", "tmpfs"])
            .arg(folder.path())
            .output();
        let mounted = mount.is_ok_and(|done| done.status.success());
        println!("a real full file system: {mounted}");
        Self { folder, mounted }
    }

    fn fill(&self) {
        if self.mounted {
            let filled = std::fs::write(self.folder.path().join("filler"), vec![7; 64 * 1024]);
            assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        } else {
            std::fs::remove_dir_all(self.folder.path()).unwrap();
            std::fs::write(self.folder.path(), "full").unwrap();
        }
    }

    fn empty(&self) {
        if self.mounted {
            std::fs::remove_file(self.folder.path().join("filler")).unwrap();
        } else {
            std::fs::remove_file(self.folder.path()).unwrap();
            std::fs::create_dir(self.folder.path()).unwrap();
        }
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        if self.mounted {
            let _ = std::process::Command::new("umount").arg(self.folder.path()).status();
        }
    }
}

#[tokio::test]
async fn on_a_full_disk_a_decision_stands_and_says_that_nothing_shows_it_and_a_report_waits() {
    for way in ways() {
        let full = Full::new();
        let keys = full.folder.path().to_str().unwrap().to_owned();
        let evidence = visavis_platform::vault::Settings { keys: Some(keys.into()) };
        let s = Suite::with(way, Settings { evidence, ..Settings::default() }).await;
        full.fill();
        s.suspend_by_rule(1, s.eve).await;
        assert!(s.suspended(s.eve).await);
        let [case] = s.queue(s.mia, State::Open, None).await[..] else { panic!("one case") };
        let view = s.look(s.mia, case).await.unwrap();
        assert_eq!((view.decisions.len(), view.signals.len(), view.evidence.len()), (1, 2, 0));
        assert_eq!(view.decisions[0].note.as_deref(), Some(UNKEPT));
        let told = &s.m.decisions(&s.w.cx, s.eve).await.unwrap()[0];
        assert_eq!(told.statement.en.note.as_deref(), Some(UNKEPT));
        assert!(told.statement.de.note.as_ref().unwrap().starts_with("Nichts, was das zeigt"));
        let ada = s.w.person("ada").await;
        let report = s.report(11, ada, ReportReason::Nudity).await;
        let attach = Attach { report, user: s.eve, picture: Some(picture()), transcript: None };
        let fault = s.m.attach(&s.w.cx, attach.clone()).await.unwrap_err();
        assert_eq!(fault.code, Code::Unavailable, "to be brought again");
        assert_eq!(s.verify().await, [""; 0], "nothing half written is taken for evidence");
        full.empty();
        s.m.attach(&s.w.cx, attach).await.unwrap();
        let view = s.look(s.mia, case).await.unwrap();
        assert_eq!(view.evidence.len(), 1);
        assert!(s.snapshot(s.mia, case, EvidenceKind::Picture).await.is_ok());
        assert_eq!(s.verify().await, [""; 0]);
        let left: Vec<_> =
            std::fs::read_dir(full.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("draft-")), "{left:?}");
    }
}
