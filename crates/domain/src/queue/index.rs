//! Where tickets stand: one bucket per pool, reputation band and criterion, in the order of waiting. A bucket is a ring in
//! which places that were left stay until they reach an end or outnumber the living, so that entering and leaving cost
//! the same however many wait.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use super::{
    Pool,
    fit::{NOTHING, Outline, Traits},
};
use crate::Timestamp;

/// A ticket's slot and the use of the slot that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// A place with what refuses most candidates without a look at the ticket itself, which lies elsewhere in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) since: Timestamp,
    pub(super) key: Key,
    pub(super) outline: Outline,
}

/// A criterion within a reputation band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Facet {
    /// People who take anybody's country.
    Open(u8),
    /// Of those, who like this ([`NOTHING`]: who name no interest).
    Likes(u8, u64),
    /// Of those, who speak this ([`NOTHING`]: who name no language).
    Speaks(u8, u64),
    /// People from this country.
    From(u8, u64),
    /// People who wish for somebody from this country.
    Wants(u8, u64),
    /// Of those, who like this ([`NOTHING`]: who name no interest).
    WantsAndLikes(u8, u64, u64),
}

/// Ring size below which the left places aren't worth clearing.
const SMALL: usize = 32;
/// How far back the longest-waiting are looked for.
const REACH: usize = 256;
/// Entries between two clearings of that front: four looks for each who comes, so that it never fills with places that
/// were left behind somebody whom nobody fits.
const CLEAR_EVERY: usize = 64;

#[derive(Debug, Default)]
struct Ring {
    keys: VecDeque<Standing>,
    living: usize,
    entered: usize,
}

impl Ring {
    fn enter(&mut self, standing: Standing, alive: impl Fn(Key) -> bool) {
        while self.keys.front().is_some_and(|front| !alive(front.key)) {
            self.keys.pop_front();
        }
        if self.keys.len() > SMALL && self.keys.len() > 2 * self.living {
            self.keys.retain(|one| alive(one.key));
        }
        self.entered += 1;
        if self.entered.is_multiple_of(CLEAR_EVERY) && self.keys.len() > REACH {
            let front: Vec<_> = self.keys.drain(..REACH).filter(|one| alive(one.key)).collect();
            for place in front.into_iter().rev() {
                self.keys.push_front(place);
            }
        }
        self.living += 1;
        if self.keys.back().is_none_or(|last| last.since <= standing.since) {
            self.keys.push_back(standing);
        } else {
            // Somebody who comes back with an old waiting time: rare enough to move the others.
            let at = self.keys.partition_point(|other| other.since <= standing.since);
            self.keys.insert(at, standing);
        }
    }

    /// All places once, from the `start`th (modulo the size) on.
    fn from(&self, start: usize) -> impl Iterator<Item = Standing> + '_ {
        let start = if start == 0 { 0 } else { start % self.keys.len().max(1) };
        self.keys.range(start..).chain(self.keys.range(..start)).copied()
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    /// By a fast hash without a seed of its own, so that a simulation replays: a search asks some thirty times. What people
    /// may name is bounded, and the words are hashed well before they come here.
    rings: HashMap<(Pool, Facet), Ring, FixedState>,
    everybody: HashMap<Pool, Ring, FixedState>,
}

/// Every place where somebody with these traits stands.
fn places(traits: &Traits) -> impl Iterator<Item = Facet> + '_ {
    let (band, wanted) = (traits.band, traits.wanted());
    let (likes, speaks) = (or_nothing(traits.interests()), or_nothing(traits.languages()));
    let from = traits.from.into_iter().map(move |country| Facet::From(band, country));
    let open = wanted.is_empty().then(|| {
        let likes = likes.iter().map(move |word| Facet::Likes(band, *word));
        let speaks = speaks.iter().map(move |word| Facet::Speaks(band, *word));
        [Facet::Open(band)].into_iter().chain(likes).chain(speaks)
    });
    let wants = wanted.iter().flat_map(move |country| {
        let likes = likes.iter().map(move |word| Facet::WantsAndLikes(band, *country, *word));
        [Facet::Wants(band, *country)].into_iter().chain(likes)
    });
    from.chain(open.into_iter().flatten()).chain(wants)
}

const fn or_nothing(words: &[u64]) -> &[u64] {
    if words.is_empty() { &[NOTHING] } else { words }
}

impl Index {
    pub(super) fn stand(
        &mut self,
        pool: Pool,
        traits: &Traits,
        since: Timestamp,
        key: Key,
        alive: impl Fn(Key) -> bool,
    ) {
        let standing = Standing { since, key, outline: traits.outline };
        for facet in places(traits) {
            self.rings.entry((pool, facet)).or_default().enter(standing, &alive);
        }
        self.everybody.entry(pool).or_default().enter(standing, &alive);
    }

    /// Somebody with these traits stands here no more; the key itself is dead already.
    pub(super) fn left(&mut self, pool: Pool, traits: &Traits) {
        for facet in places(traits) {
            if let Some(ring) = self.rings.get_mut(&(pool, facet)) {
                ring.living = ring.living.saturating_sub(1);
                if ring.living == 0 {
                    self.rings.remove(&(pool, facet));
                }
            }
        }
        if let Some(ring) = self.everybody.get_mut(&pool) {
            ring.living = ring.living.saturating_sub(1);
            if ring.living == 0 {
                self.everybody.remove(&pool);
            }
        }
    }

    /// A bucket's places, the longest-waiting first, or from elsewhere on.
    pub(super) fn bucket(
        &self,
        pool: Pool,
        facet: Facet,
        start: usize,
    ) -> impl Iterator<Item = Standing> + '_ {
        self.rings.get(&(pool, facet)).into_iter().flat_map(move |ring| ring.from(start))
    }

    /// Some of those who have waited longest; each call with another `start` gives others.
    pub(super) fn elders(&self, pool: Pool, start: usize, count: usize) -> Vec<Standing> {
        let Some(ring) = self.everybody.get(&pool) else { return Vec::new() };
        let reach = ring.keys.len().min(REACH);
        (0..count.min(reach)).map(|i| ring.keys[start.wrapping_add(i) % reach]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::fit::tests::person;

    const POOL: Pool = Pool::Adult;

    fn key(slot: u32) -> Key {
        Key { slot, generation: 0 }
    }

    fn standing(slot: u32, since: i64) -> Standing {
        let outline = person(1, 70, &[], &[]).traits.outline;
        Standing { since: Timestamp::from_millis(since), key: key(slot), outline }
    }

    fn slots(standing: impl IntoIterator<Item = Standing>) -> Vec<u32> {
        standing.into_iter().map(|one| one.key.slot).collect()
    }

    #[test]
    fn a_ring_is_in_the_order_of_waiting_and_gives_all_from_anywhere_on() {
        let mut ring = Ring::default();
        for (slot, since) in [(1, 10), (2, 30), (3, 20), (4, 20), (5, 30), (6, 5)] {
            ring.enter(standing(slot, since), |_| true);
        }
        assert_eq!(slots(ring.from(0)), [6, 1, 3, 4, 2, 5]);
        assert_eq!(slots(ring.from(2)), [3, 4, 2, 5, 6, 1]);
        assert_eq!(slots(ring.from(6)), slots(ring.from(0)));
        assert_eq!(slots(ring.from(7)), slots(ring.from(1)));
        assert!(slots(Ring::default().from(3)).is_empty());
    }

    #[test]
    fn places_that_were_left_do_not_pile_up_behind_somebody_who_stays() {
        let mut ring = Ring::default();
        ring.enter(standing(0, 0), |_| true);
        for slot in 1..1_000 {
            ring.enter(standing(slot, i64::from(slot)), |key| key.slot == 0 || key.slot == slot);
            assert!(ring.keys.len() <= SMALL + 2, "{} places for two", ring.keys.len());
            assert_eq!((ring.living, slots(ring.from(0))[0]), (2, 0));
            // It goes at once.
            ring.living -= 1;
        }
        ring.enter(standing(1_000, 1_000), |key| key.slot == 1_000);
        assert_eq!(slots(ring.from(0)), [1_000], "nor where nobody stays");
    }

    #[test]
    fn whoever_looks_at_the_front_finds_people_and_not_places_that_were_left() {
        let mut ring = Ring::default();
        let (first, many, left) = (0_u32, 600, 1..=200_u32);
        let alive = |key: Key| !left.contains(&key.slot);
        for slot in first..many {
            ring.enter(standing(slot, i64::from(slot)), |_| true);
        }
        ring.living -= left.clone().count();
        for slot in many..many + u32::try_from(CLEAR_EVERY).unwrap() {
            ring.enter(standing(slot, i64::from(slot)), alive);
        }
        let expected: Vec<_> = (first..many + 64).filter(|slot| !left.contains(slot)).collect();
        assert_eq!(slots(ring.from(0)), expected);
    }

    #[test]
    fn who_leaves_takes_nobody_along_and_the_last_leaves_nothing() {
        let mut index = Index::default();
        let people = [
            person(1, 70, &["de"], &["chess"]),
            person(2, 70, &["de"], &[]),
            person(3, 70, &["de"], &["chess"]),
        ];
        for (slot, one) in (0..).zip(&people) {
            index.stand(POOL, &one.traits, one.ticket.since, key(slot), |_| true);
        }
        let word = |one: usize| people[one].traits.languages()[0];
        let speaks = |index: &Index| slots(index.bucket(POOL, Facet::Speaks(7, word(0)), 0));
        assert_eq!(speaks(&index), [0, 1, 2]);
        assert_eq!(slots(index.elders(POOL, 0, 9)), [0, 1, 2]);
        assert_eq!(slots(index.elders(POOL, 2, 2)), [2, 0]);
        index.left(POOL, &people[0].traits);
        index.left(POOL, &people[1].traits);
        assert_eq!(speaks(&index), [0, 1, 2], "places stay until somebody needs them");
        assert_eq!(index.elders(POOL, 0, 1).len(), 1);
        index.left(POOL, &people[2].traits);
        assert!(index.rings.is_empty() && index.everybody.is_empty());
        assert!(index.elders(POOL, 0, 4).is_empty() && speaks(&index).is_empty());
    }
}
