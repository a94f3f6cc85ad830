//! One person who is watched: their strikes, where they are, and what a decision about them would rest on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use visavis_domain::{
    Timestamp,
    contract::{
        moderation::{Noticed as Kept, Record},
        rooms::Restrain,
    },
    id::{DecisionId, ParticipantId, RoomId, UserId},
    room::restraint::{Notice, Restraint},
    strikes::{Act, Action, Input, Output, Rules, Strikes},
};

use super::notice::Noticed;

/// What was understood within so long before a decision belongs to it.
const TRANSCRIPT: Duration = Duration::from_secs(30);
/// Characters of it.
const MAX_TRANSCRIPT: usize = 4_000;
/// Signals that are kept with a decision, the newest: what the strikes look back on in an hour.
const MAX_KEPT: usize = 64;
/// Pictures that a decision may rest on, the newest.
const MAX_PICTURES: usize = 4;

/// The person.
#[derive(Debug)]
pub(super) struct Person {
    strikes: Strikes,
    place: Option<(RoomId, ParticipantId)>,
    seen: Timestamp,
    /// What holds where they are, to be said again where they come next.
    blurred: bool,
    kept: VecDeque<Kept>,
    pictures: VecDeque<(visavis_domain::id::SignalId, Vec<u8>)>,
    words: VecDeque<(Timestamp, String)>,
    out: Vec<Carry>,
}

/// What is to be done about somebody.
#[derive(Debug)]
pub(super) struct Carry {
    place: (RoomId, ParticipantId),
    what: What,
}

#[derive(Debug)]
enum What {
    Act { act: Act, signals: Vec<Kept>, picture: Option<Vec<u8>>, transcript: Option<String> },
    Only(Restraint),
}

impl Person {
    pub(super) fn new(rules: &Arc<Rules>, standing: Vec<Timestamp>) -> Self {
        let mut strikes = Strikes::new(Rules::clone(rules));
        let zero = Timestamp::from_millis(0);
        strikes.handle(zero, Input::Standing(standing));
        Self {
            strikes,
            place: None,
            seen: zero,
            blurred: false,
            kept: VecDeque::new(),
            pictures: VecDeque::new(),
            words: VecDeque::new(),
            out: Vec::new(),
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
        if self.place.replace(place).is_some_and(|before| before != place) && self.blurred {
            self.out.push(Carry { place, what: What::Only(Restraint::Blur) });
        }
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

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) {
        self.strikes.handle(now, input);
        while let Some(output) = self.strikes.poll() {
            match output {
                Output::Act(act) => self.act(act),
                Output::Clear => {
                    self.blurred = false;
                    self.only(Restraint::Clear);
                }
                // The server looks at everybody on its own, and the clock ticks for all.
                Output::Look(_) | Output::WakeAt(_) => {}
            }
        }
    }

    fn only(&mut self, restraint: Restraint) {
        if let Some(place) = self.place {
            self.out.push(Carry { place, what: What::Only(restraint) });
        }
    }

    fn act(&mut self, act: Act) {
        let Some(place) = self.place else { return };
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
        let what = What::Act {
            act,
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
            What::Act { act, signals, picture, transcript } => (act, signals, picture, transcript),
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
