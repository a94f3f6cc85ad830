use visavis_domain::{
    id::SignalId,
    strikes::{Concern, DEFAULT_RULES, Modality, Signal},
};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn stood(strikes: Vec<Timestamp>) -> Standing {
    Standing { strikes, ..Standing::default() }
}

fn rules() -> Arc<Rules> {
    Arc::new(toml::from_str(DEFAULT_RULES).unwrap())
}

fn naked(n: u8, ms: i64) -> Noticed {
    let signal = Signal {
        id: SignalId::from_bits(n.into()),
        concern: Concern::Nudity,
        modality: Modality::Picture,
        from: at(ms),
        until: at(ms),
        score: 1_000,
        server: true,
    };
    let scores = vec![("nudity.one".to_owned(), 1_000)];
    Noticed { signal: Some(signal), scores, picture: Some(vec![n]), words: None }
}

fn place(room: u128) -> (RoomId, ParticipantId) {
    (RoomId::from_bits(room), ParticipantId::from_bits(room + 1))
}

fn parts(person: &mut Person) -> Vec<(Option<Restrain>, Option<Record>)> {
    let parts = |carry: Carry| carry.into_parts(UserId::from_bits(7), DecisionId::from_bits(8), at(0));
    person.carry().into_iter().map(parts).collect()
}

fn restraints(person: &mut Person) -> Vec<(RoomId, Restraint)> {
    parts(person).into_iter().filter_map(|(told, _)| told).map(|told| (told.room, told.restraint)).collect()
}

#[test]
fn what_is_told_late_is_done_where_they_are_by_then() {
    let mut person = Person::new(at(0), rules());
    person.was_at(place(1));
    person.is_at(at(20_000), place(2));
    person.was_at(place(1));
    person.notice(at(20_000), naked(1, 0));
    let there = RoomId::from_bits(2);
    assert_eq!(restraints(&mut person), [(there, Restraint::Warn), (there, Restraint::Blur)]);
}

#[test]
fn what_another_viewer_sends_in_only_makes_the_server_look_and_no_decision_rests_on_it() {
    let mut person = Person::new(at(0), rules());
    let hint = |n: u8, score| {
        let signal = naked(n, i64::from(n) * 6_000).signal.unwrap();
        vec![Signal { server: false, score, ..signal }]
    };
    assert!(!person.hint(at(0), hint(1, 100)), "no rule sees anything in it");
    for n in 2..20 {
        assert!(person.hint(at(i64::from(n) * 6_000), hint(n, 1_000)));
        assert!(person.carry().is_empty());
    }
    assert!(!person.hint(at(120_000), hint(20, 100)));
    // Two pictures that the server saw itself: the decision knows these and no others.
    person.is_at(at(200_000), place(1));
    person.notice(at(200_000), naked(30, 200_000));
    person.notice(at(206_000), naked(31, 206_000));
    let records: Vec<_> = parts(&mut person).into_iter().filter_map(|(_, record)| record).collect();
    let last = records.last().unwrap();
    let kept: Vec<_> = last.signals.iter().map(|kept| kept.signal.id).collect();
    assert_eq!(kept, [30, 31].map(SignalId::from_bits));
    assert_eq!(last.act.facts, kept);
    assert!(records.iter().all(|record| record.signals.iter().all(|kept| kept.signal.server)));
}

#[test]
fn a_blur_goes_with_whoever_it_is_about_until_it_is_calm() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    person.notice(at(0), naked(1, 0));
    let (here, there) = (RoomId::from_bits(1), RoomId::from_bits(5));
    assert_eq!(restraints(&mut person), [(here, Restraint::Warn), (here, Restraint::Blur)]);
    assert!(person.waits());
    person.is_at(at(1_000), place(1));
    assert_eq!(restraints(&mut person), []);
    person.is_at(at(2_000), place(5));
    assert_eq!(restraints(&mut person), [(there, Restraint::Blur)], "the next room blurs, too");
    person.handle(at(60_000), Input::Tick);
    assert_eq!(restraints(&mut person), [], "nothing harmless was seen yet");
    person.looked(at(61_000), Source::Camera, at(60_500));
    assert_eq!(restraints(&mut person), [(there, Restraint::Clear)]);
    assert!(!person.waits());
    person.is_at(at(61_000), place(1));
    assert_eq!(restraints(&mut person), []);
}

#[test]
fn both_facts_are_kept_however_much_harmless_was_noticed_between_them() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    person.notice(at(0), naked(1, 0));
    for n in 2..202_u8 {
        let Noticed { signal, .. } = naked(n, 100 * i64::from(n));
        let signal = signal.map(|signal| Signal { score: 10, ..signal });
        person.notice(at(100 * i64::from(n)), Noticed { signal, picture: None, ..naked(n, 0) });
    }
    person.notice(at(30_000), naked(202, 30_000));
    let (_, record) = parts(&mut person).pop().unwrap();
    let record = record.unwrap();
    assert_eq!(record.act.action, Action::Remove);
    assert!(record.act.facts.iter().all(|fact| record.signals.iter().any(|kept| kept.signal.id == *fact)));
    assert!(record.signals.len() <= MAX_KEPT);
}

#[test]
fn whoever_was_forgotten_while_others_saw_a_blur_is_rid_of_it_with_the_first_harmless_picture() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    person.notice(at(0), naked(1, 0));
    person.looked(at(0), Source::Camera, at(0));
    assert!(!restraints(&mut person).iter().any(|(_, restraint)| *restraint == Restraint::Clear));
    let mut person = Person::new(at(900_000), rules());
    person.is_at(at(900_000), place(1));
    for _ in 0..2 {
        person.looked(at(900_000), Source::Camera, at(900_000));
    }
    assert_eq!(restraints(&mut person), [(RoomId::from_bits(1), Restraint::Clear)], "once");
}

#[test]
fn what_was_found_to_be_nothing_agrees_with_nothing_and_what_rested_on_it_is_decided_anew() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    person.notice(at(0), naked(1, 0));
    parts(&mut person);
    let nothing = vec![SignalId::from_bits(1)];
    person.stands(at(10_000), 0, Standing { nothing, ..Standing::default() });
    person.notice(at(20_000), naked(2, 20_000));
    let again: Vec<_> =
        parts(&mut person).into_iter().filter_map(|(_, record)| Some(record?.act.action)).collect();
    assert_eq!(again, [Action::Warn, Action::Blur], "as if it was the first");
}

#[test]
fn what_goes_on_is_decided_once_where_they_are() {
    let mut person = Person::new(at(0), rules());
    let noticed = |n: u8, concern, modality, ms| {
        let signal = Signal { concern, modality, ..naked(n, ms).signal.unwrap() };
        Noticed { signal: Some(signal), ..naked(n, ms) }
    };
    let decided = |person: &mut Person| -> Vec<Action> {
        parts(person).into_iter().filter_map(|(_, record)| Some(record?.act.action)).collect()
    };
    let shouts = |person: &mut Person, from: u8, to: u8| {
        for n in from..to {
            let ms = i64::from(n) * 10_000;
            person.notice(at(ms), noticed(n, Concern::Harassment, Modality::Speech, ms));
        }
    };
    person.is_at(at(0), place(1));
    shouts(&mut person, 0, 3);
    assert_eq!(decided(&mut person), [Action::Warn, Action::Mute]);
    shouts(&mut person, 3, 10);
    let again = restraints(&mut person);
    assert_eq!(
        again,
        vec![(RoomId::from_bits(1), Restraint::Mute); 7],
        "a room that missed it hears it again"
    );
    person.is_at(at(100_000), place(5));
    shouts(&mut person, 10, 12);
    assert_eq!(decided(&mut person), [Action::Mute], "the mute held for the call before");
    person.handle(at(120_000), Input::Rules(rules()));
    shouts(&mut person, 12, 13);
    assert_eq!(decided(&mut person), [Action::Mute], "under other rules it is another decision");
    // What looks like a weapon lies on the table, is put away, and taken out again.
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    let armed = |person: &mut Person, n: u8| {
        let ms = i64::from(n) * 10_000;
        person.notice(at(ms), noticed(n, Concern::Weapon, Modality::Picture, ms));
        person.looked(at(ms), Source::Camera, at(ms));
    };
    (0..9).for_each(|n| armed(&mut person, n));
    assert_eq!(decided(&mut person), [Action::Warn, Action::Blur]);
    person.looked(at(115_000), Source::Camera, at(115_000));
    assert_eq!(restraints(&mut person), [(RoomId::from_bits(1), Restraint::Clear)]);
    armed(&mut person, 12);
    assert_eq!(decided(&mut person), [Action::Blur], "that is another time");
}

#[test]
fn what_nobody_can_look_at_is_blurred_until_somebody_can_and_nothing_is_decided() {
    let mut person = Person::new(at(0), rules());
    let there = RoomId::from_bits(5);
    person.is_at(at(0), place(1));
    assert!(!person.is_unseen(at(2_000), Source::Camera));
    assert!(person.is_unseen(at(9_000), Source::Camera));
    assert!(!person.is_unseen(at(16_000), Source::Camera), "once");
    let told = parts(&mut person);
    assert!(told.iter().all(|(told, record)| record.is_none() && told.as_ref().unwrap().notice.is_none()));
    assert_eq!(told.len(), 1);
    person.is_at(at(20_000), place(5));
    assert_eq!(restraints(&mut person), [(there, Restraint::Blur)]);
    // A blur by the rules comes and goes underneath.
    person.notice(at(30_000), naked(1, 30_000));
    assert_eq!(restraints(&mut person), [(there, Restraint::Warn), (there, Restraint::Blur)]);
    person.looked(at(31_000), Source::Camera, at(30_000));
    assert_eq!(restraints(&mut person), [], "it was flagged");
    assert!(!person.is_unseen(at(40_000), Source::Camera) && person.is_unseen(at(47_000), Source::Camera));
    assert_eq!(restraints(&mut person), [], "others see a blur already");
    person.looked(at(70_000), Source::Camera, at(69_000));
    assert_eq!(restraints(&mut person), [(there, Restraint::Clear)]);
    person.handle(at(71_000), Input::Rules(Arc::new(Rules { dry_run: true, ..Rules::clone(&rules()) })));
    for ms in [80_000, 87_000, 94_000] {
        assert!(!person.is_unseen(at(ms), Source::Camera));
    }
    assert_eq!(restraints(&mut person), []);
}

#[test]
fn a_record_holds_what_it_rests_on_the_newest_picture_and_what_was_said_just_before() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    let said = |ms: i64, words: &str| Noticed {
        signal: None,
        scores: Vec::new(),
        picture: None,
        words: Some((at(ms), words.to_owned())),
    };
    person.notice(at(1_000), said(1_000, "long ago"));
    person.notice(at(40_000), said(40_000, "hello"));
    person.notice(at(41_000), naked(1, 41_000));
    parts(&mut person);
    person.notice(at(42_000), said(42_000, "you"));
    person.notice(at(50_000), naked(2, 50_000));
    assert_eq!(person.out.last().and_then(Carry::taken), Some(at(50_000)), "the later of the two pictures");
    let (told, record) = parts(&mut person).pop().unwrap();
    let (told, record) = (told.unwrap(), record.unwrap());
    assert_eq!(told.restraint, Restraint::Remove);
    assert_eq!(told.notice.map(|notice| notice.decision_id), Some(record.id));
    assert_eq!(record.act.facts, [SignalId::from_bits(1), SignalId::from_bits(2)]);
    assert_eq!(record.picture, Some(vec![2]));
    assert_eq!(record.transcript.as_deref(), Some("hello\nyou"));
    let kept: Vec<SignalId> = record.signals.iter().map(|kept| kept.signal.id).collect();
    assert_eq!(kept, record.act.facts, "all that it takes to decide again");
    assert!(!person.waits(), "who has left isn't blurred");
}

/// Two pictures that agree, and what comes of it.
fn twice(person: &mut Person, n: u8, ms: i64) -> (Action, Option<u32>) {
    person.is_at(at(ms), place(1));
    person.notice(at(ms), naked(n, ms));
    person.notice(at(ms + 10_000), naked(n + 1, ms + 10_000));
    let (_, record) = parts(person).pop().unwrap();
    let act = record.unwrap().act;
    (act.action, act.hours)
}

#[test]
fn what_stands_is_read_again_when_it_changes_and_one_that_was_taken_back_counts_no_more() {
    let mut person = Person::new(at(0), rules());
    assert_eq!(person.unread(), Some(0), "nothing is known yet");
    person.stands(at(0), 0, stood(vec![at(0)]));
    assert_eq!(person.unread(), None);
    assert_eq!(twice(&mut person, 1, 1_000_000).0, Action::Suspend, "one stood from before");
    // Both are taken back; the change is told twice, and the answers come the wrong way round.
    person.changed();
    person.changed();
    assert_eq!(person.unread(), Some(2));
    person.stands(at(2_000_000), 2, Standing::default());
    person.stands(at(2_000_000), 1, stood(vec![at(0), at(1_010_000)]));
    assert_eq!(person.unread(), None);
    assert_eq!(twice(&mut person, 5, 3_000_000), (Action::Remove, None), "as if nothing had been");
}

#[test]
fn new_rules_hold_at_once_and_a_dry_run_tells_nobody() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    person.handle(at(0), Input::Rules(Arc::new(Rules { dry_run: true, ..Rules::clone(&rules()) })));
    person.notice(at(0), naked(1, 0));
    let parts = parts(&mut person);
    assert!(!parts.is_empty() && parts.iter().all(|(told, record)| told.is_none() && record.is_some()));
    assert!(!person.waits());
}

#[test]
fn a_camera_that_stands_still_is_noticed_once() {
    let mut person = Person::new(at(0), rules());
    let frozen =
        |person: &mut Person, prints: &[u64]| prints.iter().filter(|p| person.has_frozen(**p)).count();
    assert_eq!(frozen(&mut person, &[1, 2, 3, 4, 5, 6, 7, 8]), 0);
    assert_eq!(frozen(&mut person, &[9; 20]), 1);
    assert_eq!(frozen(&mut person, &[1, 9, 9, 9, 9, 9, 9]), 1);
}

#[test]
fn what_is_kept_has_bounds() {
    let mut person = Person::new(at(0), rules());
    person.is_at(at(0), place(1));
    for n in 0..200_u8 {
        let words = Some((at(i64::from(n)), "w".repeat(2_000)));
        person.notice(at(i64::from(n)), Noticed { words, ..naked(n, i64::from(n)) });
    }
    assert!(person.kept.len() <= MAX_KEPT && person.pictures.len() <= MAX_PICTURES);
    for (_, record) in parts(&mut person) {
        assert!(record.unwrap().transcript.unwrap().chars().count() <= MAX_TRANSCRIPT);
    }
}
