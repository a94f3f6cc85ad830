//! One person who is watched: their strikes, where they are, and what a decision about them would rest on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use visavis_domain::{
    Timestamp,
    contract::{
        moderation::{Noticed as Kept, Record, Standing},
        rooms::Restrain,
    },
    id::{DecisionId, ParticipantId, RoomId, UserId},
    room::restraint::{Notice, Restraint},
    strikes::{Act, Action, Input, Output, Rules, Signal, Strikes},
    wire::Source,
};

use super::{lately::TRANSCRIPT, notice::Noticed, unseen::Unseen};

/// Characters of what was understood before a decision or report.
pub(super) const MAX_TRANSCRIPT: usize = 4_000;
/// Signals that are kept with a decision, the newest: what the strikes look back on in an hour.
const MAX_KEPT: usize = 64;
/// Pictures that a decision may rest on, the newest.
const MAX_PICTURES: usize = 4;

/// The same picture so often in a row is one that stands still: half a minute.
const FROZEN: u32 = 6;
/// What is noticed again so soon goes on: what was decided about it stands, and isn't decided anew every few seconds.
const GOES_ON: Duration = Duration::from_mins(1);

/// The person.
#[derive(Debug)]
pub(super) struct Person {
    strikes: Strikes,
    place: Option<(RoomId, ParticipantId)>,
    seen: Timestamp,
    /// How often what stands from before has changed, and which of these is known here.
    changed: u64,
    known: Option<u64>,
    /// What holds where they are, to be said again where they come next.
    blurred: bool,
    /// Besides, while what others get can't be looked at.
    veiled: bool,
    unseen: Unseen,
    /// What holds where they are by which rule, and when it was last to be done.
    decided: Vec<(Action, String, Timestamp)>,
    kept: VecDeque<Kept>,
    pictures: VecDeque<(visavis_domain::id::SignalId, Vec<u8>)>,
    words: VecDeque<(Timestamp, String)>,
    /// The newest picture, and how often it came in a row.
    print: (u64, u32),
    out: Vec<Carry>,
    /// A viewer's page has seen something.
    hinted: bool,
}

/// What is to be done about somebody.
#[derive(Debug)]
pub(super) struct Carry {
    place: (RoomId, ParticipantId),
    what: What,
}

#[derive(Debug)]
enum What {
    Act {
        act: Act,
        /// When what it rests on was taken, the latest of it.
        taken: Timestamp,
        signals: Vec<Kept>,
        picture: Option<Vec<u8>>,
        transcript: Option<String>,
    },
    Only(Restraint),
}

impl Person {
    /// Nothing is known of them yet.
    pub(super) fn new(now: Timestamp, rules: Arc<Rules>) -> Self {
        Self {
            strikes: Strikes::new(rules),
            place: None,
            seen: now,
            changed: 0,
            known: None,
            blurred: false,
            veiled: false,
            unseen: Unseen::default(),
            decided: Vec::new(),
            kept: VecDeque::new(),
            pictures: VecDeque::new(),
            words: VecDeque::new(),
            print: (0, 0),
            out: Vec::new(),
            hinted: false,
        }
    }

    /// What stands is another than before: something was decided, or taken back.
    pub(super) const fn changed(&mut self) {
        self.changed += 1;
    }

    /// What stands isn't known as it is now: by this number it is told.
    pub(super) fn unread(&self) -> Option<u64> {
        (self.known != Some(self.changed)).then_some(self.changed)
    }

    /// What stood at that number.
    pub(super) fn stands(&mut self, now: Timestamp, number: u64, standing: Standing) {
        // Of two who asked the later answer may come first.
        if self.known.is_none_or(|known| known <= number) {
            self.known = Some(number);
            self.handle(now, Input::Standing(standing.strikes));
            let mut new = standing.noticed;
            new.retain(|noticed| !self.kept.iter().any(|kept| kept.signal.id == noticed.signal.id));
            let signals = new.iter().map(|noticed| noticed.signal.clone()).collect();
            for noticed in new {
                push(&mut self.kept, noticed, MAX_KEPT);
            }
            self.handle(now, Input::Known(signals));
        }
    }

    /// When something of them came last.
    pub(super) const fn seen(&self) -> Timestamp {
        self.seen
    }

    /// Whether time alone changes something.
    pub(super) const fn waits(&self) -> bool {
        self.blurred
    }

    /// They are there. A blur goes with them: leaving and coming again doesn't end it.
    pub(super) fn is_at(&mut self, now: Timestamp, place: (RoomId, ParticipantId)) {
        self.seen = now;
        let Some(before) = self.place.replace(place).filter(|before| *before != place) else { return };
        // Whoever comes again is muted or blurred there as before.
        if before.0 != place.0 {
            self.decided.clear();
        }
        if self.blurred || self.veiled {
            self.only(Restraint::Blur);
        }
    }

    /// They were there when what is told late of them came; where they are since is known better.
    pub(super) fn was_at(&mut self, place: (RoomId, ParticipantId)) {
        self.place.get_or_insert(place);
    }

    /// A camera that shows the same picture so often stands still. True once for each such stretch.
    pub(super) fn has_frozen(&mut self, print: u64) -> bool {
        let times = if self.print.0 == print { self.print.1.saturating_add(1) } else { 1 };
        self.print = (print, times);
        times == FROZEN
    }

    /// Others got a picture that nobody could look at. True when it is blurred from now on.
    pub(super) fn is_unseen(&mut self, now: Timestamp, source: Source) -> bool {
        self.unseen.again(now, source);
        if self.veiled || self.strikes.is_dry_run() || !self.unseen.is_too_much() {
            return false;
        }
        self.veiled = true;
        if !self.blurred {
            self.only(Restraint::Blur);
        }
        true
    }

    /// A picture was looked at, taken then; what was noticed in it has been told.
    pub(super) fn looked(&mut self, now: Timestamp, source: Source, taken: Timestamp) {
        self.unseen.looked(now, source);
        if self.veiled && !self.unseen.is_too_much() {
            self.veiled = false;
            if !self.blurred {
                self.only(Restraint::Clear);
            }
        }
        self.handle(now, Input::Looked(taken));
    }

    pub(super) fn notice(&mut self, now: Timestamp, noticed: Noticed) {
        if let Some(words) = noticed.words {
            self.words.push_back(words);
            while self.words.front().is_some_and(|(at, _)| now.since(*at) > TRANSCRIPT) {
                self.words.pop_front();
            }
        }
        let Some(signal) = noticed.signal else { return };
        if let Some(picture) = noticed.picture {
            push(&mut self.pictures, (signal.id, picture), MAX_PICTURES);
        }
        push(&mut self.kept, Kept { signal: signal.clone(), scores: noticed.scores }, MAX_KEPT);
        self.handle(now, Input::Signal(signal));
    }

    /// A viewer's page sent this in. True when the server is to look for itself; nothing else comes of it, and nothing of it
    /// is remembered here.
    pub(super) fn hint(&mut self, now: Timestamp, signals: Vec<Signal>) -> bool {
        self.hinted = false;
        for signal in signals {
            self.handle(now, Input::Signal(signal));
        }
        self.hinted
    }

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) {
        self.strikes.handle(now, input);
        while let Some(output) = self.strikes.poll() {
            match output {
                Output::Act(act) => self.act(now, act),
                Output::Clear => {
                    self.blurred = false;
                    self.decided.retain(|(action, ..)| *action != Action::Blur);
                    if !self.veiled {
                        self.only(Restraint::Clear);
                    }
                }
                Output::Look(_) => self.hinted = true,
                // The clock ticks for all.
                Output::WakeAt(_) => {}
            }
        }
    }

    fn only(&mut self, restraint: Restraint) {
        if let Some(place) = self.place {
            self.out.push(Carry { place, what: What::Only(restraint) });
        }
    }

    /// Whether this holds where they are, by the same rule: a mute to the end of the call, all else as long as it goes on.
    fn goes_on(&mut self, now: Timestamp, act: &Act) -> bool {
        if act.action >= Action::Remove {
            self.decided.clear();
            return false;
        }
        let same = |(action, rule, _): &&mut (Action, String, _)| *action == act.action && *rule == act.rule;
        let Some((_, _, last)) = self.decided.iter_mut().find(same) else {
            self.decided.push((act.action, act.rule.clone(), now));
            return false;
        };
        let before = std::mem::replace(last, now);
        act.action == Action::Mute || now.since(before) < GOES_ON
    }

    fn act(&mut self, now: Timestamp, act: Act) {
        let Some(place) = self.place else { return };
        if self.goes_on(now, &act) {
            // The room may not have heard of it the first time.
            if !act.dry_run && act.action != Action::Warn {
                self.only(restraint(act.action));
            }
            return;
        }
        if !act.dry_run {
            self.blurred = match act.action {
                Action::Blur => true,
                Action::Remove | Action::Suspend => false,
                Action::Warn | Action::Mute => self.blurred,
            };
        }
        let of_act = |(id, _): &&(_, Vec<u8>)| act.facts.contains(id);
        let picture = self.pictures.iter().rev().find(of_act).map(|(_, picture)| picture.clone());
        let transcript: String =
            self.words.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("\n");
        let transcript: String = transcript.chars().take(MAX_TRANSCRIPT).collect();
        let facts = self.kept.iter().map(|kept| &kept.signal).filter(|signal| act.facts.contains(&signal.id));
        let taken = facts.map(|signal| signal.until).max().unwrap_or(self.seen);
        let what = What::Act {
            act,
            taken,
            signals: self.kept.iter().cloned().collect(),
            picture,
            transcript: (!transcript.is_empty()).then_some(transcript),
        };
        self.out.push(Carry { place, what });
    }

    /// What is to be done.
    pub(super) fn carry(&mut self) -> Vec<Carry> {
        std::mem::take(&mut self.out)
    }
}

impl Carry {
    /// Of an act: when the picture or sound it rests on was taken; of sound, when it ended.
    pub(super) const fn taken(&self) -> Option<Timestamp> {
        match self.what {
            What::Act { taken, .. } => Some(taken),
            What::Only(_) => None,
        }
    }

    /// What the room is told, and what is written down.
    pub(super) fn into_parts(
        self,
        user: UserId,
        decision: DecisionId,
        now: Timestamp,
    ) -> (Option<Restrain>, Option<Record>) {
        let (room, participant) = self.place;
        let restrain = |restraint, notice| Restrain { room, participant, restraint, notice };
        let (act, signals, picture, transcript) = match self.what {
            What::Only(restraint) => return (Some(restrain(restraint, None)), None),
            What::Act { act, signals, picture, transcript, .. } => (act, signals, picture, transcript),
        };
        let until = act.hours.map(|hours| now + Duration::from_secs(u64::from(hours) * 3_600));
        let notice = Notice {
            action: act.action,
            rule: act.rule.clone(),
            until,
            decision_id: decision,
            automated: true,
        };
        let told = (!act.dry_run).then(|| restrain(restraint(act.action), Some(notice)));
        let record = Record { id: decision, room, user, at: now, act, signals, picture, transcript };
        (told, Some(record))
    }
}

const fn restraint(action: Action) -> Restraint {
    match action {
        Action::Warn => Restraint::Warn,
        Action::Blur => Restraint::Blur,
        Action::Mute => Restraint::Mute,
        Action::Remove | Action::Suspend => Restraint::Remove,
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
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
        parts(person)
            .into_iter()
            .filter_map(|(told, _)| told)
            .map(|told| (told.room, told.restraint))
            .collect()
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
        assert!(
            told.iter().all(|(told, record)| record.is_none() && told.as_ref().unwrap().notice.is_none())
        );
        assert_eq!(told.len(), 1);
        person.is_at(at(20_000), place(5));
        assert_eq!(restraints(&mut person), [(there, Restraint::Blur)]);
        // A blur by the rules comes and goes underneath.
        person.notice(at(30_000), naked(1, 30_000));
        assert_eq!(restraints(&mut person), [(there, Restraint::Warn), (there, Restraint::Blur)]);
        person.looked(at(31_000), Source::Camera, at(30_000));
        assert_eq!(restraints(&mut person), [], "it was flagged");
        assert!(
            !person.is_unseen(at(40_000), Source::Camera) && person.is_unseen(at(47_000), Source::Camera)
        );
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
        assert_eq!(
            person.out.last().and_then(Carry::taken),
            Some(at(50_000)),
            "the later of the two pictures"
        );
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
}
