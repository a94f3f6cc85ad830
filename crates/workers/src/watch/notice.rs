//! What models say as signals.

use std::time::Duration;

use visavis_domain::{
    Timestamp,
    contract::sight::{Heard, Score, Scores, Seen, Slot},
    id::SignalId,
    strikes::{Concern, Modality, Rules, Signal},
};

/// A signal, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noticed {
    /// For the machine. None: nothing to decide about, only words to remember.
    pub(super) signal: Option<Signal>,
    /// What each model said.
    pub(super) scores: Vec<(String, Score)>,
    /// The picture, blurred.
    pub(super) picture: Option<Vec<u8>>,
    /// What was said or written.
    pub(super) words: Option<(Timestamp, String)>,
}

/// What a slot is about.
const fn concern(slot: Slot) -> Concern {
    match slot {
        Slot::Nudity => Concern::Nudity,
        Slot::Weapon => Concern::Weapon,
        Slot::Violence | Slot::Scream | Slot::Shot => Concern::Violence,
        Slot::Hostile => Concern::Harassment,
    }
}

/// A picture in which a rule sees something is kept with what it shows.
fn matters(rules: &Rules, scores: &Scores) -> bool {
    let at_least = |slot| rules.of(concern(slot), Modality::Picture).map(|rule| rule.at_least);
    scores.slots.iter().any(|(slot, score)| at_least(*slot).is_some_and(|least| *score >= least))
}

/// Of a picture: each slot is a signal of its own.
pub(super) fn seen(at: Timestamp, seen: &Seen, rules: &Rules, new: impl Fn() -> SignalId) -> Vec<Noticed> {
    let picture = seen.blurred.as_ref().filter(|_| matters(rules, &seen.scores));
    let signal = |(slot, score): &(Slot, Score)| Noticed {
        signal: Some(signal(new(), *slot, Modality::Picture, (at, at), *score)),
        scores: seen.scores.models.clone(),
        picture: picture.cloned(),
        words: None,
    };
    seen.scores.slots.iter().map(signal).collect()
}

/// Of what a viewer's page sent in: signals that make the server look for itself, and no more.
pub(super) fn hinted(at: Timestamp, seen: &Seen, new: impl Fn() -> SignalId) -> Vec<Signal> {
    let hint = |(slot, score): &(Slot, Score)| Signal {
        server: false,
        ..signal(new(), *slot, Modality::Picture, (at, at), *score)
    };
    seen.scores.slots.iter().map(hint).collect()
}

/// Of a stretch of sound: what was said, piece by piece, and the other sounds.
pub(super) fn heard(
    at: Timestamp,
    length: Duration,
    heard: &Heard,
    new: impl Fn() -> SignalId,
) -> Vec<Noticed> {
    let mut all = Vec::new();
    for said in &heard.said {
        let (from, until) = (after(at, said.from_ms), after(at, said.until_ms));
        let score = said.scores.of(Slot::Hostile);
        all.push(Noticed {
            signal: score.map(|score| signal(new(), Slot::Hostile, Modality::Speech, (from, until), score)),
            scores: said.scores.models.clone(),
            picture: None,
            words: Some((from, said.text.clone())),
        });
    }
    let until = at + length;
    // A scream and a shot are one kind of noticing: the surer counts.
    if let Some((slot, score)) = heard.scores.slots.iter().max_by_key(|(_, score)| *score) {
        all.push(Noticed {
            signal: Some(signal(new(), *slot, Modality::Sound, (at, until), *score)),
            scores: heard.scores.models.clone(),
            picture: None,
            words: None,
        });
    }
    all
}

/// Of a chat message.
pub(super) fn written(
    at: Timestamp,
    text: String,
    scores: &Scores,
    new: impl Fn() -> SignalId,
) -> Vec<Noticed> {
    let score = scores.of(Slot::Hostile);
    vec![Noticed {
        signal: score.map(|score| signal(new(), Slot::Hostile, Modality::Text, (at, at), score)),
        scores: scores.models.clone(),
        picture: None,
        words: Some((at, text)),
    }]
}

fn signal(
    id: SignalId,
    slot: Slot,
    modality: Modality,
    (from, until): (Timestamp, Timestamp),
    score: Score,
) -> Signal {
    Signal { id, concern: concern(slot), modality, from, until, score, server: true }
}

fn after(at: Timestamp, ms: u32) -> Timestamp {
    at + Duration::from_millis(ms.into())
}
