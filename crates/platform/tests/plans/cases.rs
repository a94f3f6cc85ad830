//! What is decided about people.

use visavis_domain::{
    Timestamp,
    cases::State,
    id::{AppealId, CaseId, DecisionId, EvidenceId, ReportId},
};
use visavis_platform::{
    Db,
    db::{appeals, audit, bans, cases, decisions, evidence, jobs, overview, reports},
    secret::Secret,
};
use visavis_testkit::decisions::suspension;

use crate::{ADA, BOB, NOW};

pub async fn call_decisions(db: &Db) {
    let (decision, secret) = (suspension(1, ADA, NOW, NOW), Secret::from_bytes([9; 32]));
    let mut tx = db.write().await.unwrap();
    assert!(decisions::insert(&mut tx, &secret, &decision).await.unwrap());
    assert!(!decisions::insert(&mut tx, &secret, &decision).await.unwrap(), "one is one");
    decisions::noticed(&mut tx, decision.id, NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(decisions::of(db, ADA, 9).await.unwrap(), std::slice::from_ref(&decision));
    let sealed = decisions::sealed_after(db, "", 9).await.unwrap();
    let mac = decisions::mac(&secret, &decision);
    assert_eq!(sealed, [(decision.id.to_string(), Some(decision.clone()), Some(mac))]);
    assert_eq!(decisions::strikes(db, ADA, NOW, 9).await.unwrap(), std::slice::from_ref(&decision));
    assert_eq!(decisions::all_strikes(db, ADA, 9).await.unwrap(), [decision]);
    assert_eq!(decisions::by_rule(db, ADA, NOW, 9).await.unwrap().len(), 1);
    assert_eq!(decisions::running(db, ADA, NOW).await.unwrap(), None, "it has ended");
}

pub async fn call_cases(db: &Db) {
    let (id, decision) = (CaseId::from_bits(1), DecisionId::from_bits(1));
    let mut tx = db.write().await.unwrap();
    let mut case = cases::open_or_join(&mut tx, id, ADA, NOW).await.unwrap();
    let other = cases::open_or_join(&mut tx, CaseId::from_bits(2), ADA, NOW).await.unwrap();
    assert_eq!(other, case, "of one person there is one open case");
    case.flow.take(NOW, BOB).unwrap();
    case.reported = true;
    cases::write(&mut tx, &case).await.unwrap();
    assert_eq!(cases::lock(&mut tx, id).await.unwrap().as_ref(), Some(&case));
    reports::join(&mut tx, ReportId::from_bits(1), id).await.unwrap();
    assert_eq!(reports::of_case_in(&mut tx, id, 9).await.unwrap().len(), 1);
    reports::ties(&mut tx, id, 9).await.unwrap();
    let again = reports::Report {
        id: ReportId::from_bits(9),
        reporter: BOB,
        room: visavis_domain::id::RoomId::from_bits(9),
        reported: ADA,
        reason: "spam",
        note: None,
        at: NOW,
    };
    assert!(reports::alike(&mut tx, id, &again).await.unwrap().0 <= 1);
    cases::tie(db, &case, BOB).await.unwrap();
    reports::found(&mut tx, id, NOW, true).await.unwrap();
    reports::found(&mut tx, id, NOW, false).await.unwrap();
    reports::unfound(&mut tx, id).await.unwrap();
    decisions::join(&mut tx, decision, id).await.unwrap();
    assert_eq!(decisions::of_case_in(&mut tx, id, 9).await.unwrap().len(), 1);
    decisions::overturn(&mut tx, decision, NOW, Some(decision)).await.unwrap();
    assert_eq!(decisions::restore(&mut tx, decision).await.unwrap().len(), 1);
    assert_eq!(decisions::evaded(&mut tx, ADA, 9).await.unwrap(), []);
    assert_eq!(decisions::evades(&mut tx, decision).await.unwrap(), None);
    for (from, to) in [(id, CaseId::from_bits(77)), (CaseId::from_bits(77), id)] {
        decisions::move_to(&mut tx, from, to).await.unwrap();
        reports::move_to(&mut tx, from, to).await.unwrap();
        appeals::move_to(&mut tx, from, to).await.unwrap();
    }
    assert_eq!(cases::open_of(&mut tx, ADA).await.unwrap().as_ref(), Some(&case));
    decisions::because_of(&mut tx, decision, 9).await.unwrap();
    jobs::take_back(&mut tx, "a").await.unwrap();
    tx.commit().await.unwrap();
    overview::waiting(db).await.unwrap();
    let listed = overview::cases(db, State::Open, 9).await.unwrap();
    assert_eq!(
        listed.iter().map(|one| (one.id, one.reports, one.decisions)).collect::<Vec<_>>(),
        [(id, 1, 1)]
    );
    let wanted = cases::Wanted {
        state: State::Open,
        reported: false,
        noticed: false,
        minor: false,
        after: "",
        for_whom: BOB,
        now: NOW,
    };
    let page = cases::page(db, &wanted, 9).await.unwrap();
    assert_eq!(page.into_iter().map(|(case, _)| case).collect::<Vec<_>>(), std::slice::from_ref(&case));
    assert_eq!(cases::page(db, &cases::Wanted { for_whom: ADA, ..wanted }, 9).await.unwrap(), []);
    assert_eq!(cases::by_id(db, id).await.unwrap(), Some(case));
    assert_eq!(cases::of(db, ADA, 9).await.unwrap().len(), 1);
    reports::of_case(db, id, 9).await.unwrap();
    decisions::of_case(db, id, 9).await.unwrap();
    decisions::by_id(db, decision).await.unwrap().unwrap();
    assert_eq!(decisions::all_after(db, (Timestamp::from_millis(0), ""), 9).await.unwrap().len(), 1);
    call_evidence(db, id).await;
    call_appeals(db, id).await;
    call_bans(db).await;
}

async fn call_evidence(db: &Db, case: CaseId) {
    let secret = Secret::from_bytes([9; 32]);
    let mut piece = evidence::Evidence {
        id: EvidenceId::from_bits(1),
        case,
        user: ADA,
        source: "s".to_owned(),
        kind: "picture".to_owned(),
        at: NOW,
        expires_at: NOW,
        held: false,
        wrapped: String::new(),
        sealed: String::new(),
        mac: String::new(),
    };
    let mut tx = db.write().await.unwrap();
    evidence::insert(&mut tx, &piece).await.unwrap();
    evidence::insert(&mut tx, &evidence::Evidence { id: EvidenceId::from_bits(2), ..piece.clone() })
        .await
        .unwrap();
    piece.held = true;
    evidence::rewrap(&mut tx, &piece).await.unwrap();
    evidence::move_to(&mut tx, &piece).await.unwrap();
    assert_eq!(evidence::of_case_in(&mut tx, case, 9).await.unwrap(), std::slice::from_ref(&piece), "once");
    for _ in 0..2 {
        let deed = audit::Deed { at: NOW, actor: "a", act: "look", object: "o", reason: "r" };
        audit::write(&mut tx, &secret, &deed).await.unwrap();
    }
    tx.commit().await.unwrap();
    let log = audit::after(db, 0, 9).await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(log[1].mac, audit::mac(&secret, &log[0].mac, &log[1]));
    let seal = Some(audit::end(&secret, 2, &log[1].mac));
    assert_eq!(audit::head(db).await.unwrap(), Some(audit::Head { n: 2, mac: log[1].mac.clone(), seal }));
    assert_eq!(audit::strays(db).await.unwrap(), 0);
    assert_eq!(evidence::unheld(db, NOW, 9).await.unwrap(), []);
    let all = evidence::all_after(db, "", 9).await.unwrap();
    let all: Vec<_> = all.into_iter().filter_map(|(_, piece)| piece).collect();
    assert_eq!(evidence::of_case(db, case, 9).await.unwrap(), all);
    assert_eq!(evidence::sweep(db, NOW, NOW).await.unwrap(), 0, "it is held");
    let mut tx = db.write().await.unwrap();
    evidence::delete(&mut tx, piece.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(evidence::keep_key(db, "k", "one").await.unwrap(), "one");
    assert_eq!(evidence::keep_key(db, "k", "two").await.unwrap(), "one", "whoever was first");
    assert_eq!(evidence::key(db, "k").await.unwrap().as_deref(), Some("one"));
    assert_eq!(evidence::key_names(db, 9).await.unwrap(), ["k"]);
    assert!(evidence::destroy_key(db, "k").await.unwrap());
}

async fn call_appeals(db: &Db, case: CaseId) {
    let mut appeal = appeals::Appeal {
        id: AppealId::from_bits(1),
        decision: DecisionId::from_bits(1),
        case,
        user: ADA,
        text: String::new(),
        at: NOW,
        state: "open".to_owned(),
        judged_at: None,
        note: None,
    };
    let mut tx = db.write().await.unwrap();
    assert_eq!(appeals::insert(&mut tx, &appeal).await.unwrap(), appeal.id);
    let again = appeals::Appeal { id: AppealId::from_bits(2), ..appeal.clone() };
    assert_eq!(appeals::insert(&mut tx, &again).await.unwrap(), appeal.id, "one for each decision");
    assert_eq!(appeals::open_in(&mut tx, case, 9).await.unwrap(), std::slice::from_ref(&appeal));
    tx.commit().await.unwrap();
    assert_eq!(appeals::page(db, "open", (Timestamp::from_millis(0), ""), 9).await.unwrap().len(), 1);
    assert_eq!(appeals::of_case(db, case, 9).await.unwrap(), appeals::of_user(db, ADA, 9).await.unwrap());
    let mut tx = db.write().await.unwrap();
    assert_eq!(appeals::lock(&mut tx, appeal.id).await.unwrap().as_ref(), Some(&appeal));
    (appeal.state, appeal.judged_at) = ("upheld".to_owned(), Some(NOW));
    appeals::judged(&mut tx, &appeal, BOB).await.unwrap();
    assert_eq!(appeals::reopen(&mut tx, case, ADA, NOW).await.unwrap(), [], "she answered nothing");
    assert_eq!(appeals::reopen(&mut tx, case, BOB, NOW).await.unwrap(), [appeal.id]);
    appeals::judged(&mut tx, &appeal, BOB).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(appeals::by_id(db, appeal.id).await.unwrap(), Some(appeal));
}

async fn call_bans(db: &Db) {
    let decision = DecisionId::from_bits(1);
    let from = |kind| bans::From { kind, mac: format!("{kind} of hers") };
    let later = |ms: i64| Timestamp::from_millis(NOW.as_millis() + ms);
    let mut tx = db.write().await.unwrap();
    for kind in ["device", "network"] {
        bans::saw(&mut tx, ADA, &from(kind), NOW).await.unwrap();
    }
    let earlier = |n: i64| bans::From { kind: "network", mac: format!("network {n} before") };
    for n in 1..=4 {
        bans::saw(&mut tx, ADA, &earlier(n), later(-n)).await.unwrap();
    }
    bans::hold(&mut tx, (decision, NOW), ADA, later(-9), (later(9), later(5))).await.unwrap();
    assert_eq!(bans::exposed(&mut tx, BOB, 1, 5).await.unwrap(), 5);
    tx.commit().await.unwrap();
    let until = async |kind: &'static str| {
        bans::running(db, BOB, &from(kind).mac, NOW).await.unwrap().map(|ban| ban.until)
    };
    assert_eq!((until("device").await, until("network").await), (Some(later(9)), Some(later(5))));
    assert_eq!(bans::running(db, ADA, &from("device").mac, NOW).await.unwrap(), None, "it is their own");
    let mut held = Vec::new();
    for n in 1..=4 {
        held.extend(bans::running(db, BOB, &earlier(n).mac, NOW).await.unwrap().map(|_| n));
    }
    assert_eq!(held, [1, 2], "the last three, with the one of now");
    assert_eq!(bans::others(db, BOB, &from("device").mac, (NOW, later(1)), 9).await.unwrap(), 1);
    assert_eq!(bans::exposure(db, BOB, 1).await.unwrap(), 5);
    let mut tx = db.write().await.unwrap();
    bans::let_go(&mut tx, decision).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(until("device").await, None);
}
