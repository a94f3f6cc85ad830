//! Whether two people fit, and what of a person that question needs at hand.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::{Entry, Settings, Ticket, settings::BAND};
use crate::Timestamp;

/// Stands for "names none" in the index, so that people who ask for nothing are found by those who do.
pub(super) const NOTHING: u64 = 0;

/// A ticket's words as numbers: equal words are equal numbers, and comparing them is cheap.
#[derive(Debug, Clone)]
pub(super) struct Traits {
    pub(super) band: u8,
    pub(super) languages: Vec<u64>,
    pub(super) interests: Vec<u64>,
    pub(super) from: Option<u64>,
    pub(super) wanted: Vec<u64>,
}

impl Traits {
    pub(super) fn of(ticket: &Ticket) -> Self {
        Self {
            band: ticket.reputation.min(100) / BAND,
            languages: ticket.languages.iter().map(|word| number(word)).collect(),
            interests: ticket.interests.iter().map(|word| number(word)).collect(),
            from: ticket.country.as_deref().map(number),
            wanted: ticket.countries.iter().map(|word| number(word)).collect(),
        }
    }
}

/// Without a seed, so that a simulation replays. Two words of one number would only be taken for a shared interest.
fn number(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish().max(1)
}

/// How two people fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// They meet.
    Yes,
    /// They would, but met a short while ago; only if nobody else is there.
    OnlyAgain,
    /// They don't.
    No,
}

pub(super) fn fit(now: Timestamp, a: &Entry, b: &Entry, settings: &Settings) -> Fit {
    let waits = (now.since(a.ticket.since), now.since(b.ticket.since));
    let (shortest, longest) = (waits.0.min(waits.1), waits.0.max(waits.1));
    let apart = u64::from(a.ticket.reputation.abs_diff(b.ticket.reputation));
    let close = a.ticket.user != b.ticket.user
        && a.ticket.pool == b.ticket.pool
        && apart <= settings.gap(longest)
        && wants(&a.traits, &b.traits)
        && wants(&b.traits, &a.traits)
        && (settings.interests_free(shortest, longest) || shares(&a.traits.interests, &b.traits.interests))
        && (settings.languages_free(shortest, longest) || shares(&a.traits.languages, &b.traits.languages))
        && !blocks(&a.ticket, &b.ticket);
    if !close {
        return Fit::No;
    }
    if !met(now, &a.ticket, &b.ticket) {
        return Fit::Yes;
    }
    again(shortest, settings)
}

fn again(shortest: Duration, settings: &Settings) -> Fit {
    if settings.rematch_free(shortest) { Fit::OnlyAgain } else { Fit::No }
}

fn wants(one: &Traits, other: &Traits) -> bool {
    one.wanted.is_empty() || other.from.is_some_and(|from| one.wanted.contains(&from))
}

/// Somebody who names nothing shares everything.
fn shares(one: &[u64], other: &[u64]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|word| other.contains(word))
}

fn blocks(one: &Ticket, other: &Ticket) -> bool {
    one.blocked.binary_search(&other.user).is_ok() || other.blocked.binary_search(&one.user).is_ok()
}

fn met(now: Timestamp, one: &Ticket, other: &Ticket) -> bool {
    let knows = |a: &Ticket, b: &Ticket| a.recent.iter().any(|met| met.user == b.user && now < met.until);
    knows(one, other) || knows(other, one)
}
