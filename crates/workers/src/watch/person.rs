//! One person who is watched: their strikes, where they are, and what a decision about them would rest on.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use visavis_domain::{
    Timestamp,
    contract::{
        moderation::{Noticed as Kept, Record, Standing},
        rooms::Restrain,
    },
    id::{DecisionId, ParticipantId, RoomId, SignalId, UserId},
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
    /// Harmless pictures, as far as it matters: with the first others are told, who may see a blur from before they were forgotten here.
    harmless: u32,
    unseen: Unseen,
    /// What holds where they are by which rule, and when it was last to be done.
    decided: Vec<Decided>,
    kept: VecDeque<Kept>,
    pictures: VecDeque<(SignalId, Vec<u8>)>,
    words: VecDeque<(Timestamp, String)>,
    /// The newest picture, and how often it came in a row.
    print: (u64, u32),
    out: Vec<Carry>,
    /// A viewer's page has seen something.
    hinted: bool,
}

#[derive(Debug)]
struct Decided {
    action: Action,
    rule: String,
    facts: Vec<SignalId>,
    last: Timestamp,
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
            harmless: 0,
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
            let nothing =
                |decided: &Decided| decided.facts.iter().any(|fact| standing.nothing.contains(fact));
            self.decided.retain(|decided| !nothing(decided));
            self.handle(now, Input::Nothing(standing.nothing));
            for noticed in new {
                self.keep(noticed);
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
        if self.place.replace(place).is_none_or(|before| before == place) {
            return;
        }
        self.decided.clear();
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
        let lifted = self.veiled && !self.unseen.is_too_much();
        self.veiled &= !lifted;
        if (lifted || self.harmless == 0) && !self.blurred && !self.veiled {
            self.harmless = 1;
            self.only(Restraint::Clear);
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
        self.keep(Kept { signal: signal.clone(), scores: noticed.scores });
        self.handle(now, Input::Signal(signal));
    }

    /// What counts for nothing goes before what a decision may still rest on.
    fn keep(&mut self, noticed: Kept) {
        if self.kept.len() >= MAX_KEPT {
            let least = self.kept.iter().position(|kept| !self.strikes.counts(kept.signal.id));
            self.kept.remove(least.unwrap_or(0));
        }
        self.kept.push_back(noticed);
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
        if matches!(input, Input::Rules(_)) {
            // What was decided under a dry run holds nowhere.
            self.decided.clear();
        }
        self.strikes.handle(now, input);
        while let Some(output) = self.strikes.poll() {
            match output {
                Output::Act(act) => self.act(now, act),
                Output::Clear => {
                    self.blurred = false;
                    self.decided.retain(|decided| decided.action != Action::Blur);
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
        let same = |known: &&mut Decided| known.action == act.action && known.rule == act.rule;
        let Some(known) = self.decided.iter_mut().find(same) else {
            let Act { action, rule, facts, .. } = act.clone();
            self.decided.push(Decided { action, rule, facts, last: now });
            return false;
        };
        let before = std::mem::replace(&mut known.last, now);
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
