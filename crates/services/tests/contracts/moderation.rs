//! Cases, evidence and the people who decide, by their contract.

mod attacked;
mod evidence;
mod killed;

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use visavis_domain::{
    Code, Timestamp,
    cases::{State, measure::Measure},
    contract::moderation::{
        Appeal, AppealList, Attach, CaseKind, CaseList, CaseView, Decide, Decided, EvidenceKind, Judge,
        LookAtCase, Moderation, Noticed, ReadEvidence, Record, Report, ReportReason, Seen, Undo, through,
    },
    event::{Event, Topic},
    id::{AppealId, CaseId, DecisionId, NodeId, ParticipantId, ReportId, RoomId, SignalId, UserId},
    reputation::START,
    room::restraint::Restraint,
    strikes::{Act, Action, Concern, Modality, Rules, Signal},
};
use visavis_platform::db::calls::{self, CallMember, CallOpened};
use visavis_services::moderation::{self, Settings};

use crate::world::{DAY, HOUR, MINUTE, SECOND, Way, World, heard, ways};

const ROOM: RoomId = RoomId::from_bits(1);

/// A picture of one colour.
fn picture() -> Vec<u8> {
    let mut webp = Vec::new();
    let rgb = vec![90; 48 * 27 * 3];
    image_webp::WebPEncoder::new(&mut webp).encode(&rgb, 48, 27, image_webp::ColorType::Rgb8).unwrap();
    webp
}

struct Suite {
    w: World,
    way: Way,
    role: moderation::Moderation,
    m: Arc<dyn Moderation>,
    /// Two moderators, and somebody they decide about.
    mia: UserId,
    max: UserId,
    eve: UserId,
}

fn signal(n: u128, at: Timestamp) -> Noticed {
    let signal = Signal {
        id: SignalId::from_bits(n),
        concern: Concern::Nudity,
        modality: Modality::Picture,
        from: at,
        until: at,
        score: 950,
        server: true,
    };
    Noticed { signal, scores: vec![("nudity.nsfwjs".to_owned(), 960), ("nudity.open-nsfw".to_owned(), 950)] }
}

fn rules() -> Rules {
    toml::from_str(include_str!("../../../domain/src/strikes/default.toml")).unwrap()
}

impl Suite {
    async fn new(way: Way) -> Self {
        Self::with(way, Settings::default()).await
    }

    async fn with(way: Way, settings: Settings) -> Self {
        let w = World::new(way).await;
        let role = w.moderation_of(settings).await;
        let m = way.reach::<dyn Moderation>(Arc::new(role.clone()), through);
        let (mia, max, eve) = (w.person("mia").await, w.person("max").await, w.person("eve").await);
        Self { w, way, role, m, mia, max, eve }
    }

    /// What two pictures led to.
    fn record(&self, n: u128, about: UserId, action: Action, hours: Option<u32>) -> Record {
        let now = self.w.clock.now();
        let (first, second) = (signal(n * 2, now - 10 * SECOND), signal(n * 2 + 1, now));
        let rule = rules().of(Concern::Nudity, Modality::Picture).unwrap().clone();
        let one = matches!(action, Action::Warn | Action::Blur | Action::Mute);
        let act = Act {
            action,
            hours,
            concern: Concern::Nudity,
            rule: rule.id,
            version: rules().version,
            facts: if one { vec![second.signal.id] } else { vec![first.signal.id, second.signal.id] },
            keep_days: rule.keep_days,
            dry_run: false,
        };
        Record {
            id: DecisionId::from_bits(n),
            room: ROOM,
            user: about,
            at: now,
            act,
            signals: if one { vec![second] } else { vec![first, second] },
            picture: Some(picture()),
            transcript: Some("words that stand nowhere else: zanzibarine".to_owned()),
        }
    }

    async fn suspend_by_rule(&self, n: u128, about: UserId) -> DecisionId {
        let record = self.record(n, about, Action::Suspend, Some(24));
        let id = record.id;
        self.m.record(&self.w.cx, record).await.unwrap();
        id
    }

    async fn suspended(&self, user: UserId) -> bool {
        self.m.standing(&self.w.cx, user).await.unwrap().suspended.is_some()
    }

    async fn score(&self, user: UserId) -> u8 {
        self.w.users.reputation(&self.w.cx, user).await.unwrap().score
    }

    async fn queue(&self, moderator: UserId, state: State, kind: Option<CaseKind>) -> Vec<CaseId> {
        let list = CaseList { moderator, state, kind, cursor: None };
        self.m.cases(&self.w.cx, list).await.unwrap().cases.into_iter().map(|case| case.id).collect()
    }

    async fn look(&self, moderator: UserId, case: CaseId) -> Result<CaseView, Code> {
        self.m.case(&self.w.cx, LookAtCase { moderator, case }).await.map_err(|fault| fault.code)
    }

    async fn decide(&self, moderator: UserId, case: CaseId, action: Measure) -> Result<Decided, Code> {
        let reason = Concern::Nudity;
        let decide = Decide { moderator, case, action, reason, hours: None, note: None, preview: false };
        self.m.decide(&self.w.cx, decide).await.map_err(|fault| fault.code)
    }

    async fn snapshot(&self, moderator: UserId, case: CaseId, kind: EvidenceKind) -> Result<Vec<u8>, Code> {
        let reason = "to decide it".to_owned();
        let read = ReadEvidence { moderator, case, kind, evidence: None, reason };
        let base64 = self.m.evidence(&self.w.cx, read).await.map_err(|fault| fault.code)?;
        Ok(BASE64_STANDARD.decode(base64).unwrap())
    }

    async fn appeal(&self, user: UserId, decision: DecisionId) -> Result<AppealId, Code> {
        let appeal = Appeal { user, decision, text: "It was a statue.".to_owned() };
        self.m.appeal(&self.w.cx, appeal).await.map_err(|fault| fault.code)
    }

    async fn judge(&self, moderator: UserId, appeal: AppealId, overturn: bool) -> Result<bool, Code> {
        let judge = Judge { moderator, appeal, overturn, note: None };
        self.m.judge(&self.w.cx, judge).await.map(|judged| judged.overturned).map_err(|fault| fault.code)
    }

    async fn met(&self, room: u128, with: UserId) -> RoomId {
        let member = |user: UserId| CallMember {
            user,
            participant: ParticipantId::from_bits(user.bits()),
            waited_ms: 0,
            ticket: None,
        };
        let call = CallOpened {
            room: RoomId::from_bits(room),
            kind: "random",
            node: NodeId::from_bits(1),
            opened_at: self.w.clock.now(),
            transport: "sfu",
            members: [self.eve, with].map(member).into(),
        };
        calls::open(&self.w.db, &call).await.unwrap();
        calls::started(&self.w.db, call.room, self.w.clock.now()).await.unwrap();
        calls::ended(&self.w.db, call.room, self.w.clock.now(), "left", &[]).await.unwrap();
        call.room
    }

    async fn report(&self, room: u128, by: UserId, reason: ReportReason) -> ReportId {
        let room = self.met(room, by).await;
        let report = Report { reporter: by, reported: self.eve, room, reason, note: None };
        self.m.report(&self.w.cx, report).await.unwrap()
    }

    async fn attach(&self, report: ReportId, user: UserId, words: &str) {
        let attach = Attach { report, user, picture: Some(picture()), transcript: Some(words.to_owned()) };
        self.m.attach(&self.w.cx, attach).await.unwrap();
    }

    async fn verify(&self) -> Vec<String> {
        self.role.verify().await.unwrap().wrong
    }
}

#[tokio::test]
async fn what_rules_did_opens_a_case_with_sealed_evidence_and_one_record_told_twice_is_one() {
    for way in ways() {
        let s = Suite::new(way).await;
        let record = s.record(1, s.eve, Action::Suspend, Some(24));
        s.m.record(&s.w.cx, record.clone()).await.unwrap();
        s.m.record(&s.w.cx, record).await.unwrap();
        let cases = s.queue(s.mia, State::Open, Some(CaseKind::Noticed)).await;
        assert_eq!(cases.len(), 1);
        assert!(s.queue(s.mia, State::Open, Some(CaseKind::Reported)).await.is_empty());
        let view = s.look(s.mia, cases[0]).await.unwrap();
        assert_eq!((view.decisions.len(), view.signals.len(), view.evidence.len()), (1, 2, 2));
        assert_eq!(view.signals[0].scores[0], ("nudity.nsfwjs".to_owned(), 960));
        let picture = s.snapshot(s.mia, cases[0], EvidenceKind::Picture).await.unwrap();
        assert_eq!(picture.get(8..12), Some(b"WEBP".as_slice()));
        let words = s.snapshot(s.mia, cases[0], EvidenceKind::Transcript).await.unwrap();
        assert!(String::from_utf8(words).unwrap().contains("zanzibarine"));
        let stored = s.w.place.contents().await;
        assert!(!stored.windows(11).any(|bytes| bytes == b"zanzibarine"), "{way:?}: nothing in the clear");
        assert_eq!(s.verify().await, [""; 0]);
    }
}

#[tokio::test]
async fn nobody_is_suspended_on_one_signal_whoever_says_so() {
    for way in ways() {
        let s = Suite::new(way).await;
        let mut record = s.record(1, s.eve, Action::Suspend, Some(24));
        record.act.facts.truncate(1);
        let fault = s.m.record(&s.w.cx, record).await.unwrap_err();
        assert_eq!(fault.code, Code::BadRequest);
        assert!(!s.suspended(s.eve).await && s.queue(s.mia, State::Open, None).await.is_empty());
    }
}

#[tokio::test]
async fn two_moderators_never_have_the_same_case() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let view = s.look(s.mia, case).await.unwrap();
        assert_eq!(view.case.mine_until, Some(s.w.clock.now() + 10 * MINUTE));
        assert_eq!(s.look(s.max, case).await.unwrap_err(), Code::Busy);
        assert_eq!(s.decide(s.max, case, Measure::Warn).await.unwrap_err(), Code::Busy);
        assert_eq!(s.snapshot(s.max, case, EvidenceKind::Picture).await.unwrap_err(), Code::Busy);
        assert!(s.queue(s.max, State::Open, None).await.is_empty(), "it isn't even shown");
        assert_eq!(s.queue(s.mia, State::Open, None).await, [case]);
        s.w.clock.advance(10 * MINUTE);
        s.look(s.max, case).await.unwrap();
        assert_eq!(s.look(s.mia, case).await.unwrap_err(), Code::Busy, "her time is over");
        let back = |moderator| s.m.give_back(&s.w.cx, LookAtCase { moderator, case });
        back(s.mia).await.unwrap();
        assert_eq!(s.look(s.mia, case).await.unwrap_err(), Code::Busy, "it wasn't hers to give back");
        back(s.max).await.unwrap();
        back(s.max).await.unwrap();
        s.look(s.mia, case).await.unwrap();
        let unknown = LookAtCase { moderator: s.mia, case: CaseId::from_bits(99) };
        assert_eq!(s.m.give_back(&s.w.cx, unknown).await.unwrap_err().code, Code::NotFound);
        let about_me = LookAtCase { moderator: s.eve, case };
        assert_eq!(s.m.give_back(&s.w.cx, about_me).await.unwrap_err().code, Code::NotFound);
    }
}

#[tokio::test]
async fn a_person_who_finds_nothing_gives_access_and_reputation_back_at_once() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        assert!(s.suspended(s.eve).await);
        assert_eq!(s.score(s.eve).await, START - 10);
        let case = s.queue(s.mia, State::Open, None).await[0];
        let mut people = s.w.bus.subscribe(Topic::People);
        s.decide(s.mia, case, Measure::None).await.unwrap();
        assert_eq!(heard(&mut people).await, Event::StandingChanged { user: s.eve });
        assert_eq!(
            heard(&mut people).await,
            Event::StandingChanged { user: s.eve },
            "of what was taken back"
        );
        let pardoned = Event::Pardoned { user: s.eve, room: ROOM, restraint: Restraint::Remove };
        assert_eq!(heard(&mut people).await, pardoned);
        assert!(!s.suspended(s.eve).await);
        assert_eq!(s.score(s.eve).await, START);
        let told = s.m.decisions(&s.w.cx, s.eve).await.unwrap();
        assert!(
            told.len() == 1 && told[0].overturned_at.is_some(),
            "what wasn't held against her isn't told"
        );
        // And back again: it stands as before.
        s.m.undo(&s.w.cx, Undo { moderator: s.mia, case }).await.unwrap();
        let again = Event::Restrained { user: s.eve, room: ROOM, restraint: Restraint::Remove };
        while heard(&mut people).await != again {}
        assert!(s.suspended(s.eve).await);
        assert_eq!(s.queue(s.mia, State::Open, None).await, [case]);
        assert_eq!(s.verify().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_decision_is_seen_before_can_be_taken_back_for_two_minutes_and_escalates() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let preview = Decide {
            moderator: s.mia,
            case,
            action: Measure::Suspend,
            reason: Concern::Nudity,
            hours: Some(48),
            note: Some("Please read the rules.".to_owned()),
            preview: true,
        };
        let would = s.m.decide(&s.w.cx, preview.clone()).await.unwrap();
        assert_eq!(would.decision_id, None);
        assert_eq!(s.m.decisions(&s.w.cx, s.eve).await.unwrap().len(), 1, "nothing was done");
        let done = s.m.decide(&s.w.cx, Decide { preview: false, ..preview }).await.unwrap();
        let told = s.m.decisions(&s.w.cx, s.eve).await.unwrap();
        let statement = told.iter().find(|one| Some(one.id) == done.decision_id).unwrap();
        assert_eq!(Some(&statement.statement), would.statement.as_ref(), "the very words");
        assert!(!statement.automated && statement.facts.len() == 2);
        assert_eq!(done.until, Some(s.w.clock.now() + 48 * HOUR));
        let undo = |moderator| s.m.undo(&s.w.cx, Undo { moderator, case });
        assert_eq!(undo(s.max).await.unwrap_err().code, Code::Forbidden);
        s.w.clock.advance(2 * MINUTE + SECOND);
        assert_eq!(undo(s.mia).await.unwrap_err().code, Code::WrongState, "too late");
        // The next time it is the next step of the ladder: two suspensions stand.
        s.w.clock.advance(3 * DAY);
        s.suspend_by_rule(2, s.eve).await;
        let next = s.queue(s.mia, State::Open, None).await[0];
        assert_ne!(next, case);
        let done = s.decide(s.mia, next, Measure::Suspend).await.unwrap();
        assert_eq!(done.until, Some(s.w.clock.now() + 168 * HOUR));
    }
}

#[tokio::test]
async fn an_appeal_is_judged_by_somebody_else_and_one_that_is_right_restores_everything() {
    for way in ways() {
        let s = Suite::new(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        let decision = s.decide(s.mia, case, Measure::Suspend).await.unwrap().decision_id.unwrap();
        assert_eq!(s.appeal(s.max, decision).await.unwrap_err(), Code::NotFound, "it isn't about them");
        let appeal = s.appeal(s.eve, decision).await.unwrap();
        assert_eq!(s.appeal(s.eve, decision).await.unwrap(), appeal, "once");
        let shown = async |moderator| {
            let page = s.m.appeals(&s.w.cx, AppealList { moderator, cursor: None }).await.unwrap();
            page.appeals.into_iter().map(|one| (one.appeal.id, one.text)).collect::<Vec<_>>()
        };
        assert!(shown(s.mia).await.is_empty());
        assert_eq!(shown(s.max).await, [(appeal, "It was a statue.".to_owned())]);
        assert_eq!(s.judge(s.mia, appeal, false).await, Err(Code::Forbidden));
        assert_eq!(s.judge(s.eve, appeal, true).await, Err(Code::Forbidden));
        assert_eq!(s.judge(s.max, appeal, true).await, Ok(true));
        assert_eq!(s.judge(s.max, appeal, true).await, Err(Code::WrongState), "once");
        // What the rule had done stands for itself, and can be appealed for itself.
        assert!(s.suspended(s.eve).await);
        let other = s.appeal(s.eve, DecisionId::from_bits(1)).await.unwrap();
        assert_eq!(s.judge(s.max, other, true).await, Ok(true));
        assert!(!s.suspended(s.eve).await);
        assert_eq!(s.score(s.eve).await, START);
        let told = s.m.decisions(&s.w.cx, s.eve).await.unwrap();
        assert!(told.iter().all(|one| one.appeal.as_ref().unwrap().state == "overturned"));
        assert_eq!(s.queue(s.max, State::Final, None).await, [case]);
        s.w.clock.advance(185 * DAY);
        s.suspend_by_rule(2, s.eve).await;
        s.w.clock.advance(185 * DAY);
        assert_eq!(
            s.appeal(s.eve, DecisionId::from_bits(2)).await.unwrap_err(),
            Code::WrongState,
            "too late"
        );
    }
}

#[tokio::test]
async fn whoever_appeals_against_a_rule_doesnt_take_their_reports_from_whoever_decides_about_them() {
    for way in ways() {
        let s = Suite::new(way).await;
        let record = s.record(1, s.eve, Action::Warn, None);
        s.m.record(&s.w.cx, record).await.unwrap();
        let bob = s.w.person("bob").await;
        s.report(11, bob, ReportReason::Other).await;
        let case = s.queue(s.mia, State::Open, None).await[0];
        s.look(s.mia, case).await.unwrap();
        let appeal = s.appeal(s.eve, DecisionId::from_bits(1)).await.unwrap();
        assert_eq!(s.queue(s.mia, State::Open, None).await, [case], "it is hers as before");
        assert_eq!(s.judge(s.max, appeal, false).await, Err(Code::Busy));
        assert_eq!(s.judge(s.mia, appeal, true).await, Ok(true));
        let view = s.look(s.mia, case).await.unwrap();
        assert_eq!((view.case.state, view.reports.len()), (State::Open, 1), "the report waits");
        let record = |view: &CaseView| (view.reports[0].founded, view.reports[0].unfounded);
        assert_eq!(record(&view), (0, 0), "and nothing is said of it");
        s.decide(s.mia, case, Measure::Warn).await.unwrap();
        assert_eq!(record(&s.look(s.mia, case).await.unwrap()), (1, 0));

        // A person who finds nothing grants what was appealed, and asks again when they take that back.
        let record = s.record(2, s.max, Action::Remove, None);
        s.m.record(&s.w.cx, record).await.unwrap();
        let case = s.queue(s.mia, State::Open, None).await[0];
        let appeal = s.appeal(s.max, DecisionId::from_bits(2)).await.unwrap();
        let told = async || s.m.decisions(&s.w.cx, s.max).await.unwrap().remove(0).appeal.unwrap().state;
        s.decide(s.mia, case, Measure::None).await.unwrap();
        assert_eq!(told().await, "overturned");
        s.m.undo(&s.w.cx, Undo { moderator: s.mia, case }).await.unwrap();
        assert_eq!(told().await, "open");
        assert_eq!(s.judge(s.mia, appeal, false).await, Ok(false));
        assert_eq!(s.queue(s.mia, State::Final, None).await, [case], "nothing else was to be decided");
    }
}

#[tokio::test]
async fn statements_are_mailed_and_one_that_was_taken_back_in_time_is_not() {
    for way in ways() {
        let s = Suite::new(way).await;
        let _auth = s.w.auth(way).await;
        s.suspend_by_rule(1, s.eve).await;
        let texts = async |count| s.w.texts(count).await;
        let mails = texts(1).await;
        assert!(mails[0].contains("To: eve@x.example") && mails[0].contains("suspended"), "{}", mails[0]);
        let case = s.queue(s.mia, State::Open, None).await[0];
        s.decide(s.mia, case, Measure::Warn).await.unwrap();
        s.m.undo(&s.w.cx, Undo { moderator: s.mia, case }).await.unwrap();
        s.w.clock.advance(5 * MINUTE);
        s.decide(s.mia, case, Measure::Suspend).await.unwrap();
        s.w.clock.advance(3 * MINUTE);
        visavis_platform::jobs::nudge(&s.w.bus).await;
        assert_eq!(texts(2).await.len(), 2, "the warning isn't mailed");
    }
}

#[tokio::test]
async fn reports_join_one_case_a_minor_comes_first_and_is_held() {
    for way in ways() {
        let s = Suite::new(way).await;
        let (ada, bob) = (s.w.person("ada").await, s.w.person("bob").await);
        s.suspend_by_rule(1, s.max).await;
        let first = s.report(11, ada, ReportReason::Harassment).await;
        let of_max = s.queue(s.mia, State::Open, Some(CaseKind::Noticed)).await[0];
        let of_eve = s.queue(s.mia, State::Open, Some(CaseKind::Reported)).await[0];
        assert_eq!(s.queue(s.mia, State::Open, None).await, [of_max, of_eve], "what rules did is graver");
        s.attach(first, s.eve, "words that stand nowhere else: quetzalite").await;
        s.w.clock.advance(SECOND);
        let second = s.report(12, bob, ReportReason::Minor).await;
        s.attach(second, s.eve, "and others").await;
        s.attach(second, s.eve, "told twice").await;
        s.attach(second, s.max, "about somebody else").await;
        s.attach(ReportId::from_bits(404), s.eve, "about nothing").await;
        assert_eq!(s.queue(s.mia, State::Open, None).await, [of_eve, of_max]);
        let view = s.look(s.mia, of_eve).await.unwrap();
        assert!(view.case.minor && view.case.held && view.evidence.iter().all(|piece| piece.held));
        assert_eq!((view.reports.len(), view.evidence.len()), (2, 4), "a picture and words of each report");
        let read = s.snapshot(s.mia, of_eve, EvidenceKind::Transcript).await.unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), "and others");
        let stored = s.w.place.contents().await;
        assert!(!stored.windows(10).any(|bytes| bytes == b"quetzalite"), "{way:?}: nothing in the clear");
        assert!(!view.brigade && !view.baiting);
        // Whoever reports decides nothing about it.
        assert_eq!(s.look(ada, of_eve).await.unwrap_err(), Code::Forbidden);
        assert_eq!(s.decide(ada, of_eve, Measure::Suspend).await.unwrap_err(), Code::Forbidden);
        s.w.clock.advance(20 * DAY);
        s.role.end_what_is_over().await.unwrap();
        assert!(s.snapshot(s.mia, of_eve, EvidenceKind::Picture).await.is_ok(), "held beyond its day");
        assert_eq!(s.verify().await, [""; 0]);
    }
}

#[tokio::test]
async fn colluding_reporters_are_one_voice_and_suspend_nobody() {
    for way in ways() {
        let s = Suite::new(way).await;
        for n in 0..20 {
            let colluder = s.w.person(&format!("c{n}")).await;
            s.report(100 + n, colluder, ReportReason::Nudity).await;
        }
        assert!(!s.suspended(s.eve).await);
        assert!(s.score(s.eve).await >= START - 4);
        let case = s.queue(s.mia, State::Open, None).await[0];
        let view = s.look(s.mia, case).await.unwrap();
        assert!(view.brigade && view.case.priority <= 400, "{}", view.case.priority);
        s.decide(s.mia, case, Measure::None).await.unwrap();
        assert_eq!(s.score(s.eve).await, START, "what reports had cost comes back");
    }
}

#[tokio::test]
async fn whoever_is_suspended_and_comes_back_under_another_name_stays_away_but_a_neighbour_does_not() {
    for way in ways() {
        let s = Suite::new(way).await;
        let network = |n: u32| Some(format!("203.0.{n}.0/24"));
        let seen = async |user, device: &str, network| {
            let seen = Seen { user, device: Some(device.to_owned()), network };
            s.m.seen(&s.w.cx, seen).await.unwrap();
        };
        let old = s.w.person("old").await;
        s.w.clock.advance(DAY);
        seen(s.eve, "laptop", network(1)).await;
        let first = s.suspend_by_rule(1, s.eve).await;
        s.w.clock.advance(MINUTE);
        let again = s.w.person("eve-again").await;
        seen(again, "laptop", network(2)).await;
        assert!(s.suspended(again).await, "the same browser");
        let told = s.m.decisions(&s.w.cx, again).await.unwrap();
        assert_eq!((told[0].rule.as_str(), told[0].concern), ("evasion-device", Concern::Evasion));
        let third = s.w.person("eve-thrice").await;
        seen(third, "fresh", network(1)).await;
        assert!(s.suspended(third).await, "a new browser in the same network");
        seen(old, "laptop", network(3)).await;
        assert!(!s.suspended(old).await, "an older account is somebody else at her table");
        let cases = s.queue(s.mia, State::Open, Some(CaseKind::Noticed)).await;
        assert_eq!(cases.len(), 4, "but a moderator sees it");
        // Two honest people use that network: it is shared, and nobody is held back for it.
        for (name, device) in [("n1", "d1"), ("n2", "d2")] {
            seen(s.w.person(name).await, device, network(9)).await;
        }
        seen(s.eve, "laptop", network(9)).await;
        s.w.clock.advance(3 * DAY);
        s.suspend_by_rule(2, s.eve).await;
        let guest = s.w.person("guest").await;
        seen(guest, "d4", network(9)).await;
        assert!(!s.suspended(guest).await, "{way:?}: a shared network");
        // And what was a mistake is one for all who were taken for her.
        let appeal = s.appeal(s.eve, first).await;
        if let Ok(appeal) = appeal {
            s.judge(s.max, appeal, true).await.unwrap();
            let told = s.m.decisions(&s.w.cx, again).await.unwrap();
            assert!(told[0].overturned_at.is_some());
        } else {
            panic!("{appeal:?}");
        }
    }
}

#[tokio::test]
async fn a_decision_by_rule_is_computed_again_from_what_was_kept_and_handed_in_without_names() {
    for way in ways() {
        let s = Suite::new(way).await;
        let record = s.record(1, s.eve, Action::Remove, None);
        s.m.record(&s.w.cx, record).await.unwrap();
        s.w.clock.advance(HOUR);
        s.m.record(&s.w.cx, s.record(2, s.eve, Action::Suspend, Some(rules().suspension_h[1])))
            .await
            .unwrap();
        let case = s.queue(s.mia, State::Open, None).await[0];
        let again = s.role.replay(case, &rules()).await.unwrap();
        assert_eq!(again.len(), 2);
        assert!(again.iter().all(|one| one.same_rules && one.is_same()), "{again:#?}");
        let mut strict = rules();
        for rule in &mut strict.rules {
            rule.at_least = 990;
        }
        assert!(s.role.replay(case, &strict).await.unwrap().iter().all(|one| one.again.is_none()));
        let mut mild = rules();
        for rule in &mut mild.rules {
            rule.keep_days = 8;
        }
        let otherwise = s.role.replay(case, &mild).await.unwrap();
        assert!(
            otherwise.iter().all(|one| !one.is_same() && one.again.is_some()),
            "what comes of it now is told"
        );
        let all = s.role.export(Timestamp::from_millis(0)).await.unwrap();
        assert_eq!(all.len(), 2);
        let text = serde_json::to_string(&all).unwrap();
        assert!(!text.contains("usr_") && text.contains("DECISION_ACCOUNT_SUSPENDED"), "{:?}", s.way);
    }
}
