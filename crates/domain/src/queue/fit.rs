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
    pub(super) from: Option<u64>,
    pub(super) outline: Outline,
    /// Languages, interests and wished-for countries one after the other: one piece of memory for each ticket.
    words: Box<[u64]>,
    languages: usize,
    interests: usize,
}

/// A person in three numbers: a bit for each word (of 64, so that two words may share one), none for somebody who names
/// nothing. Two outlines that share no bit share no word; two that share one may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    reputation: u8,
    languages: u64,
    interests: u64,
}

/// What a search asks of every candidate, at hand.
pub(super) struct Sieve<'a> {
    now: Timestamp,
    since: Timestamp,
    outline: Outline,
    settings: &'a Settings,
}

impl<'a> Sieve<'a> {
    pub(super) const fn new(now: Timestamp, seeker: &Entry, settings: &'a Settings) -> Self {
        Self { now, since: seeker.ticket.since, outline: seeker.traits.outline, settings }
    }

    /// False only for somebody who doesn't [`fit`].
    pub(super) fn passes(&self, since: Timestamp, other: Outline) -> bool {
        let waits = (self.now.since(self.since), self.now.since(since));
        let (shortest, longest) = (waits.0.min(waits.1), waits.0.max(waits.1));
        let may_share = |one: u64, two: u64| one == 0 || two == 0 || one & two != 0;
        let mine = self.outline;
        u64::from(mine.reputation.abs_diff(other.reputation)) <= self.settings.gap(longest)
            && (may_share(mine.interests, other.interests) || self.settings.interests_free(shortest, longest))
            && (may_share(mine.languages, other.languages) || self.settings.languages_free(shortest, longest))
    }
}

impl Traits {
    pub(super) fn of(ticket: &Ticket) -> Self {
        let (languages, interests) = (ticket.languages.len(), ticket.interests.len());
        let all = [&ticket.languages, &ticket.interests, &ticket.countries];
        let mut words = Vec::with_capacity(all.iter().map(|words| words.len()).sum());
        words.extend(all.into_iter().flatten().map(|word| number(word)));
        let bits = |numbers: &[u64]| numbers.iter().fold(0, |bits, number| bits | (1 << (number % 64)));
        let outline = Outline {
            reputation: ticket.reputation,
            languages: bits(&words[..languages]),
            interests: bits(&words[languages..languages + interests]),
        };
        Self {
            band: ticket.reputation.min(100) / BAND,
            from: ticket.country.as_deref().map(number),
            outline,
            words: words.into(),
            languages,
            interests,
        }
    }

    pub(super) fn languages(&self) -> &[u64] {
        &self.words[..self.languages]
    }

    pub(super) fn interests(&self) -> &[u64] {
        &self.words[self.languages..self.languages + self.interests]
    }

    pub(super) fn wanted(&self) -> &[u64] {
        &self.words[self.languages + self.interests..]
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
        && (settings.interests_free(shortest, longest) || shares(a.traits.interests(), b.traits.interests()))
        && (settings.languages_free(shortest, longest) || shares(a.traits.languages(), b.traits.languages()))
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
    one.wanted().is_empty() || other.from.is_some_and(|from| one.wanted().contains(&from))
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        id::{TicketId, UserId},
        queue::Pool,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    /// Somebody with these languages and interests.
    pub(in crate::queue) fn person(n: u128, reputation: u8, languages: &[&str], interests: &[&str]) -> Entry {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        let ticket = Ticket {
            id: TicketId::from_bits(n),
            user: UserId::from_bits(n),
            pool: Pool::Adult,
            reputation,
            languages: words(languages),
            interests: words(interests),
            country: None,
            countries: Vec::new(),
            blocked: Vec::new(),
            recent: Vec::new(),
            since: NOW,
        };
        Entry { traits: Traits::of(&ticket), ticket, parked: None, stands: false, searches: 0, noticed: NOW }
    }

    /// Whether a look at the ticket itself, and one at the outline alone, let them meet after so many seconds.
    fn judged(a: &Entry, b: &Entry, seconds: u64) -> (bool, bool) {
        let (settings, now) = (Settings::default(), NOW + Duration::from_secs(seconds));
        let passes = Sieve::new(now, a, &settings).passes(b.ticket.since, b.traits.outline);
        (fit(now, a, b, &settings) == Fit::Yes, passes)
    }

    #[test]
    fn the_sieve_refuses_what_the_ticket_would() {
        let plain = person(1, 70, &[], &[]);
        let (german, french) = (person(2, 70, &["de"], &[]), person(3, 70, &["fr", "it"], &[]));
        let both = person(4, 70, &["it", "de"], &[]);
        let (chess, music) = (person(5, 70, &[], &["chess"]), person(6, 70, &[], &["music", "tea"]));
        let many = person(7, 70, &[], &["tea", "chess"]);
        let (better, mixed) = (person(8, 81, &[], &[]), person(9, 70, &["de"], &["music"]));
        for (a, b, from) in [
            (&plain, &german, 0),
            (&plain, &chess, 0),
            (&german, &both, 0),
            (&french, &both, 0),
            (&german, &french, 5),
            (&chess, &many, 0),
            (&music, &many, 0),
            (&chess, &music, 2),
            (&plain, &better, 1),
            (&mixed, &chess, 2),
            (&mixed, &french, 5),
            (&german, &chess, 0),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                for seconds in 0..8 {
                    assert_eq!(judged(a, b, seconds), (seconds >= from, seconds >= from), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn each_word_has_a_bit_of_its_own_as_far_as_sixty_four_allow() {
        let words: Vec<String> = (0..40).map(|n| format!("word {n}")).collect();
        let alone: Vec<_> =
            words.iter().map(|word| person(1, 70, &[], &[word]).traits.outline.interests).collect();
        assert!(alone.iter().all(|bits| bits.is_power_of_two()));
        let all: Vec<_> = words.iter().map(String::as_str).collect();
        let together = person(1, 70, &[], &all).traits;
        assert_eq!(together.outline.interests, alone.iter().fold(0, |all, bits| all | bits));
        assert!(together.outline.interests.count_ones() > 20, "few words share one");
        assert_eq!(
            (together.interests().len(), together.languages().len(), together.wanted().len()),
            (40, 0, 0)
        );
    }
}
