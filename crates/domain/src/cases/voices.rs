//! How much reports come to. One person's word is worth what their record says; and people who belong together are one voice,
//! however many they are: friends of one another, or accounts made just now. Reports alone never take anybody's access away;
//! they only say what a person looks at first.

use std::{collections::BTreeMap, time::Duration};

use crate::id::UserId;

/// An account is new for so long: all new ones together are one voice.
pub const NEW: Duration = Duration::from_hours(7 * 24);
/// Reports of one group from which on it is called a brigade.
const BRIGADE: usize = 3;
/// The most that all voices come to: three that are fully believed.
pub const MOST: u16 = 300;
/// Somebody whose reports were found wanting so often, and never right, isn't believed.
const UNFOUNDED: u32 = 3;

/// Somebody who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// Who.
    pub who: UserId,
    /// How far they are believed, 0 to 100 ([`crate::reputation::settle::credibility`]).
    pub credibility: u8,
    /// Their account is new.
    pub is_new: bool,
    /// Something was decided about themselves in the same call.
    pub provoked: bool,
    /// Their reports that came to nothing, and those that came to something.
    pub unfounded: u32,
    /// See `unfounded`.
    pub founded: u32,
}

/// What they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// 0 to [`MOST`].
    pub points: u16,
    /// Voices that don't belong together.
    pub independent: usize,
    /// Many who belong together report one person.
    pub brigade: bool,
    /// Whoever reports had it coming: the report may be the last move of a quarrel.
    pub baiting: bool,
}

/// What these come to; `ties` are pairs of them who know one another.
pub fn weigh(voices: &[Voice], ties: &[(UserId, UserId)]) -> Weight {
    let mut groups = Groups::new(voices);
    for (a, b) in ties {
        groups.join(*a, *b);
    }
    let mut new = voices.iter().filter(|voice| voice.is_new);
    if let Some(first) = new.next() {
        new.for_each(|voice| groups.join(first.who, voice.who));
    }
    let mut loudest: BTreeMap<UserId, (u16, usize)> = BTreeMap::new();
    let mut counted = std::collections::BTreeSet::new();
    for voice in voices {
        let group = loudest.entry(groups.head(voice.who)).or_default();
        group.0 = group.0.max(worth(voice));
        group.1 += usize::from(counted.insert(voice.who));
    }
    let points = loudest.values().map(|(worth, _)| worth).sum::<u16>().min(MOST);
    Weight {
        points,
        independent: loudest.values().filter(|(worth, _)| *worth > 0).count(),
        brigade: loudest.values().any(|(_, size)| *size >= BRIGADE),
        baiting: voices.iter().any(|voice| voice.provoked),
    }
}

fn worth(voice: &Voice) -> u16 {
    if voice.unfounded >= UNFOUNDED && voice.founded == 0 {
        return 0;
    }
    let worth = u16::from(voice.credibility.min(100));
    if voice.provoked { worth / 2 } else { worth }
}

/// Who belongs together.
struct Groups(BTreeMap<UserId, UserId>);

impl Groups {
    fn new(voices: &[Voice]) -> Self {
        Self(voices.iter().map(|voice| (voice.who, voice.who)).collect())
    }

    fn head(&self, mut who: UserId) -> UserId {
        while let Some(next) = self.0.get(&who).filter(|next| **next != who) {
            who = *next;
        }
        who
    }

    fn join(&mut self, a: UserId, b: UserId) {
        let (a, b) = (self.head(a), self.head(b));
        // Of strangers to this case nothing is known.
        if a != b && self.0.contains_key(&a) && self.0.contains_key(&b) {
            self.0.insert(a.max(b), a.min(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn voice(who: u128) -> Voice {
        let who = UserId::from_bits(who);
        Voice { who, credibility: 50, is_new: false, provoked: false, unfounded: 0, founded: 0 }
    }

    fn id(n: u128) -> UserId {
        UserId::from_bits(n)
    }

    #[test]
    fn twenty_friends_are_one_voice_and_three_strangers_are_three() {
        let friends: Vec<Voice> = (1..=20).map(voice).collect();
        let ring: Vec<_> = (1..20).map(|n| (id(n), id(n + 1))).collect();
        let weight = weigh(&friends, &ring);
        assert_eq!((weight.points, weight.independent, weight.brigade), (50, 1, true));
        let weight = weigh(&friends[..3], &[]);
        assert_eq!((weight.points, weight.independent, weight.brigade), (150, 3, false));
        assert_eq!(weigh(&friends, &[]).points, MOST, "and there is a most");
    }

    #[test]
    fn new_accounts_are_one_voice_together() {
        let new: Vec<Voice> = (1..=9).map(|n| Voice { is_new: true, credibility: 25, ..voice(n) }).collect();
        let with_an_old_one: Vec<Voice> = new.iter().copied().chain([voice(99)]).collect();
        assert_eq!((weigh(&new, &[]).points, weigh(&with_an_old_one, &[]).points), (25, 75));
        assert!(weigh(&new, &[]).brigade);
    }

    #[test]
    fn whoever_cried_wolf_or_had_it_coming_is_believed_less() {
        let wolf = Voice { unfounded: 3, ..voice(1) };
        assert_eq!(weigh(&[wolf], &[]), Weight { points: 0, independent: 0, ..Weight::default() });
        assert_eq!(weigh(&[Voice { founded: 1, ..wolf }], &[]).points, 50);
        let bait = weigh(&[Voice { provoked: true, ..voice(1) }], &[]);
        assert_eq!((bait.points, bait.baiting), (25, true));
    }

    proptest! {
        #[test]
        fn knowing_one_another_never_makes_voices_louder(
            n in 1_u128..30, ties in prop::collection::vec((1_u128..30, 1_u128..30), 0..40), new: bool,
        ) {
            let voices: Vec<Voice> = (1..=n).map(|n| Voice { is_new: new, ..voice(n) }).collect();
            let ties: Vec<_> = ties.into_iter().map(|(a, b)| (id(a), id(b))).collect();
            let (apart, together) = (weigh(&voices, &[]), weigh(&voices, &ties));
            prop_assert!(together.points <= apart.points && together.independent <= apart.independent);
            let twice: Vec<Voice> = voices.iter().chain(&voices).copied().collect();
            prop_assert_eq!(weigh(&twice, &ties), together, "saying it twice is saying it once");
        }
    }
}
