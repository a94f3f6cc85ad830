//! Where tickets stand: one bucket per pool, reputation band and criterion, in the order of waiting. A bucket is a ring in
//! which places that were left stay until they reach an end or outnumber the living, so that entering and leaving cost
//! the same however many wait.

use std::collections::{HashMap, VecDeque};

use super::{
    Pool,
    fit::{NOTHING, Traits},
};
use crate::Timestamp;

/// A ticket's slot and the use of the slot that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) slot: u32,
    pub(super) generation: u32,
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
}

/// Ring size below which the left places aren't worth clearing.
const SMALL: usize = 32;

#[derive(Debug, Default)]
struct Ring {
    keys: VecDeque<(Timestamp, Key)>,
    living: usize,
}

impl Ring {
    fn enter(&mut self, since: Timestamp, key: Key, alive: impl Fn(Key) -> bool) {
        while self.keys.front().is_some_and(|(_, k)| !alive(*k)) {
            self.keys.pop_front();
        }
        if self.keys.len() > SMALL && self.keys.len() > 2 * self.living {
            self.keys.retain(|(_, k)| alive(*k));
        }
        self.living += 1;
        if self.keys.back().is_none_or(|(last, _)| *last <= since) {
            self.keys.push_back((since, key));
        } else {
            // Somebody who comes back with an old waiting time: rare enough to move the others.
            let at = self.keys.partition_point(|(other, _)| *other <= since);
            self.keys.insert(at, (since, key));
        }
    }

    /// All places once, from the `start`th (modulo the size) on.
    fn from(&self, start: usize) -> impl Iterator<Item = Key> + '_ {
        let start = if start == 0 { 0 } else { start % self.keys.len().max(1) };
        self.keys.range(start..).chain(self.keys.range(..start)).map(|(_, key)| *key)
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    rings: HashMap<(Pool, Facet), Ring>,
    everybody: HashMap<Pool, Ring>,
}

/// Every place where somebody with these traits stands.
fn places(traits: &Traits) -> Vec<Facet> {
    let band = traits.band;
    let mut places = Vec::with_capacity(8);
    places.extend(traits.from.map(|country| Facet::From(band, country)));
    if !traits.wanted.is_empty() {
        places.extend(traits.wanted.iter().map(|country| Facet::Wants(band, *country)));
        return places;
    }
    let or_nothing = |words: &[u64]| if words.is_empty() { vec![NOTHING] } else { words.to_vec() };
    places.push(Facet::Open(band));
    places.extend(or_nothing(&traits.interests).into_iter().map(|word| Facet::Likes(band, word)));
    places.extend(or_nothing(&traits.languages).into_iter().map(|word| Facet::Speaks(band, word)));
    places
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
        for facet in places(traits) {
            self.rings.entry((pool, facet)).or_default().enter(since, key, &alive);
        }
        self.everybody.entry(pool).or_default().enter(since, key, &alive);
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
    pub(super) fn bucket(&self, pool: Pool, facet: Facet, start: usize) -> impl Iterator<Item = Key> + '_ {
        self.rings.get(&(pool, facet)).into_iter().flat_map(move |ring| ring.from(start))
    }

    /// Some of those who have waited longest; each call with another `start` gives others.
    pub(super) fn elders(&self, pool: Pool, start: usize, count: usize) -> Vec<Key> {
        /// How far back the longest-waiting are looked for.
        const REACH: usize = 256;
        let Some(ring) = self.everybody.get(&pool) else { return Vec::new() };
        let reach = ring.keys.len().min(REACH);
        (0..count.min(reach)).map(|i| ring.keys[start.wrapping_add(i) % reach].1).collect()
    }
}
