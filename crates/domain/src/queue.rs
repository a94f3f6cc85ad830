//! Pairs strangers. Pure: time comes with every input, decisions come out of `poll`.
//!
//! Two people fit when neither blocked the other, each is from where the other wishes, they didn't meet a short while ago,
//! and their reputations, languages and interests are close enough. What is close enough grows while they wait
//! ([`Settings`]); blocks and country wishes never give way. Whoever has waited longest is looked at first.
//!
//! Nobody is found by looking through everybody: tickets stand in buckets by pool, reputation band and one criterion each
//! (`index`), a search looks at a bounded number of them, and starts elsewhere the next time.

mod fit;
mod index;
mod settings;
mod timers;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    age::AgeClass,
    event::Widened,
    id::{TicketId, UserId},
};
use fit::{Fit, Traits};
use index::{Facet, Index, Key, Standing};
use timers::{Kind, Timers};

pub use settings::Settings;

/// Tickets that one search looks at: at 20 ns each no more than five microseconds for somebody who just came.
const SEARCH_FRESH: usize = 256;
/// Of somebody who has waited for long, since there is more to lose and there are fewer of them.
const SEARCH_PATIENT: usize = 2_048;
/// Longest-waiting people that every newcomer looks at first, so that nobody is passed over for ever.
const ELDERS: usize = 8;
/// After so long a ticket is searched for every other second only.
const SLOW_AFTER: Duration = Duration::from_secs(10);

/// A pool holds people who may meet at all. A key, not a filter: two pools share nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// 18 or older.
    Adult,
    /// Younger, where an operator takes them in at all.
    Youth,
}

impl Pool {
    /// Every pool.
    pub const ALL: [Self; 2] = [Self::Adult, Self::Youth];

    /// Where people of a class wait: there is no other way into a pool.
    pub const fn of(class: AgeClass) -> Self {
        match class {
            AgeClass::Adult => Self::Adult,
            AgeClass::Youth => Self::Youth,
        }
    }

    /// Whether somebody may meet people here: they have an age, and it is of this class.
    pub fn admits(self, age_declared: bool, class: AgeClass) -> bool {
        age_declared && Self::of(class) == self
    }

    /// Its name in keys of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Youth => "youth",
        }
    }
}

/// Somebody met before, not to be met again until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Whom.
    pub user: UserId,
    /// Until when.
    pub until: Timestamp,
}

/// A person who wants to meet somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The place.
    pub id: TicketId,
    /// Who.
    pub user: UserId,
    /// Among whom.
    pub pool: Pool,
    /// 0 to 100.
    pub reputation: u8,
    /// In one form; a few.
    pub languages: Vec<String>,
    /// In one form; a few.
    pub interests: Vec<String>,
    /// Where the person is from, if told.
    pub country: Option<String>,
    /// Where the other should be from; empty is anywhere.
    pub countries: Vec<String>,
    /// Everybody with a block between them and this person, whoever made it.
    pub blocked: Vec<UserId>,
    /// Recent partners.
    pub recent: Vec<Met>,
    /// Waiting since.
    pub since: Timestamp,
}

/// What happens to the queue.
#[derive(Debug, Clone)]
pub enum Input {
    /// Takes a place; a user who has one keeps its age and gets the new wishes.
    Join(Ticket),
    /// Takes a place for somebody whose socket is away: parked from the start.
    JoinAway(Ticket),
    /// Gives the place up.
    Cancel(UserId),
    /// The socket dropped: the place is kept for the grace and not matched.
    Park(UserId),
    /// The socket is back.
    Unpark(UserId),
    /// From now on these two never meet.
    Block {
        /// One.
        a: UserId,
        /// The other.
        b: UserId,
    },
    /// Time has passed.
    Tick,
}

/// Two people who meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The one who waited longer.
    pub a: Ticket,
    /// The other.
    pub b: Ticket,
    /// What both like.
    pub common_interests: Vec<String>,
}

/// What the queue decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Both left the queue.
    Matched(Box<Match>),
    /// Still waiting; from time to time.
    Waiting {
        /// The place.
        ticket: TicketId,
        /// Whose.
        user: UserId,
        /// For how long.
        waited: Duration,
        /// What is no longer asked for.
        widened: Vec<Widened>,
    },
    /// A parked place's grace is over.
    Expired {
        /// The place.
        ticket: TicketId,
        /// Whose it was.
        user: UserId,
    },
    /// Call `handle(Tick)` then. The newest one counts.
    WakeAt(Timestamp),
}

/// One place, with what the search needs at hand.
#[derive(Debug)]
struct Entry {
    ticket: Ticket,
    traits: Traits,
    parked: Option<Timestamp>,
    /// Whether others' searches find it. Who is matched at once never need stand anywhere.
    stands: bool,
    /// Searches so far: each starts at another part of a crowded bucket.
    searches: usize,
    noticed: Timestamp,
}

/// The machine.
#[derive(Debug)]
pub struct Queue {
    settings: Settings,
    users: HashMap<UserId, u32, FixedState>,
    slots: Vec<Option<Entry>>,
    /// Counts the reuses of a slot, so that a stale key or timer is told from a fresh one.
    generations: Vec<u32>,
    free: Vec<u32>,
    index: Index,
    timers: Timers,
    elder: usize,
    announced: Option<Timestamp>,
    out: VecDeque<Output>,
}

impl Queue {
    /// Nobody waits yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            users: HashMap::default(),
            slots: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            index: Index::default(),
            timers: Timers::default(),
            elder: 0,
            announced: None,
            out: VecDeque::new(),
        }
    }

    /// Places taken, parked ones included.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// A user's place.
    pub fn ticket_of(&self, user: UserId) -> Option<&Ticket> {
        let slot = *self.users.get(&user)?;
        self.slots[slot as usize].as_ref().map(|entry| &entry.ticket)
    }

    /// The next decision.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Join(ticket) => {
                let key = self.join(now, ticket, None);
                self.search(now, key);
            }
            Input::JoinAway(ticket) => {
                let until = now + Duration::from_secs(self.settings.park_grace_s);
                let key = self.join(now, ticket, Some(until));
                self.timers.set_at(Kind::Parked, until, key);
            }
            Input::Cancel(user) => drop(self.remove(user)),
            Input::Park(user) => self.park(now, user),
            Input::Unpark(user) => self.unpark(now, user),
            Input::Block { a, b } => self.block(a, b),
            // The wake-up is used, even if the clock that woke us runs a little ahead of ours.
            Input::Tick => self.announced = None,
        }
        self.run_timers(now);
        self.announce(now);
    }

    fn join(&mut self, now: Timestamp, mut ticket: Ticket, parked: Option<Timestamp>) -> Key {
        if let Some(before) = self.remove(ticket.user) {
            ticket.id = before.ticket.id;
            ticket.since = ticket.since.min(before.ticket.since);
        }
        ticket.blocked.sort_unstable();
        let user = ticket.user;
        let entry =
            Entry { traits: Traits::of(&ticket), ticket, parked, stands: false, searches: 0, noticed: now };
        let key = self.insert(entry);
        self.users.insert(user, key.slot);
        key
    }

    fn insert(&mut self, entry: Entry) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.generations.push(0);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.slots[slot as usize] = Some(entry);
        Key { slot, generation: self.generations[slot as usize] }
    }

    fn remove(&mut self, user: UserId) -> Option<Entry> {
        let slot = self.users.remove(&user)?;
        let entry = self.slots[slot as usize].take()?;
        self.generations[slot as usize] = self.generations[slot as usize].wrapping_add(1);
        self.free.push(slot);
        if entry.stands {
            self.index.left(entry.ticket.pool, &entry.traits);
        }
        Some(entry)
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        (*self.generations.get(key.slot as usize)? == key.generation)
            .then_some(self.slots[key.slot as usize].as_ref())?
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        (*self.generations.get(key.slot as usize)? == key.generation)
            .then_some(self.slots[key.slot as usize].as_mut())?
    }

    fn key_of(&self, user: UserId) -> Option<Key> {
        let slot = *self.users.get(&user)?;
        Some(Key { slot, generation: self.generations[slot as usize] })
    }

    /// Puts a ticket where searches find it.
    fn stand(&mut self, key: Key) {
        let Some(entry) = self.slots[key.slot as usize].as_mut().filter(|entry| !entry.stands) else {
            return;
        };
        entry.stands = true;
        let generations = &self.generations;
        let alive = |k: Key| generations.get(k.slot as usize) == Some(&k.generation);
        self.index.stand(entry.ticket.pool, &entry.traits, entry.ticket.since, key, alive);
    }

    fn park(&mut self, now: Timestamp, user: UserId) {
        let until = now + Duration::from_secs(self.settings.park_grace_s);
        let Some(entry) = self.remove(user).map(|entry| Entry {
            parked: entry.parked.or(Some(until)),
            stands: false,
            ..entry
        }) else {
            return;
        };
        let until = entry.parked.unwrap_or(until);
        let key = self.insert(entry);
        self.users.insert(user, key.slot);
        self.timers.set_at(Kind::Parked, until, key);
    }

    fn unpark(&mut self, now: Timestamp, user: UserId) {
        let Some(key) = self.key_of(user) else { return };
        let due = |entry: &Entry| entry.parked.is_some_and(|until| until > now);
        if !self.entry(key).is_some_and(due) {
            return;
        }
        if let Some(entry) = self.remove(user) {
            let key = self.insert(Entry { parked: None, stands: false, ..entry });
            self.users.insert(user, key.slot);
            self.search(now, key);
        }
    }

    fn block(&mut self, a: UserId, b: UserId) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(entry) = self.key_of(one).and_then(|key| self.entry_mut(key))
                && let Err(at) = entry.ticket.blocked.binary_search(&other)
            {
                entry.ticket.blocked.insert(at, other);
            }
        }
    }

    fn run_timers(&mut self, now: Timestamp) {
        while let Some(key) = self.timers.due(now) {
            match self.entry(key).map(|entry| entry.parked) {
                Some(Some(until)) if until <= now => self.expire(key),
                None | Some(Some(_)) => {}
                Some(None) => self.search(now, key),
            }
        }
    }

    fn expire(&mut self, key: Key) {
        if let Some(entry) = self.entry(key).map(|entry| (entry.ticket.id, entry.ticket.user)) {
            let (ticket, user) = entry;
            self.remove(user);
            self.out.push_back(Output::Expired { ticket, user });
        }
    }

    /// Looks for a partner; if there is none, tells so and sets the next time.
    fn search(&mut self, now: Timestamp, key: Key) {
        let found = self.find(now, key);
        if let Some(partner) = found {
            self.pair(key, partner);
            return;
        }
        self.stand(key);
        let settings = self.settings.clone();
        let Some(entry) = self.entry_mut(key) else { return };
        entry.searches += 1;
        let waited = now.since(entry.ticket.since);
        let notice = Duration::from_secs(settings.notice_every_s);
        let (ticket, user) = (entry.ticket.id, entry.ticket.user);
        let due = now.since(entry.noticed) >= notice;
        if due {
            entry.noticed = now;
            let widened = settings.widened(waited);
            self.out.push_back(Output::Waiting { ticket, user, waited, widened });
        }
        let (kind, pause) = if waited < SLOW_AFTER { (Kind::Fresh, 1) } else { (Kind::Slow, 2) };
        self.timers.set(kind, now, Duration::from_secs(pause), key);
    }

    fn pair(&mut self, one: Key, other: Key) {
        let users = [one, other].map(|key| self.entry(key).map(|entry| entry.ticket.user));
        let [Some(one), Some(other)] = users else { return };
        let (Some(one), Some(other)) = (self.remove(one), self.remove(other)) else { return };
        let (mut a, mut b) = (one.ticket, other.ticket);
        if b.since < a.since {
            std::mem::swap(&mut a, &mut b);
        }
        let common_interests = a.interests.iter().filter(|i| b.interests.contains(i)).cloned().collect();
        self.out.push_back(Output::Matched(Box::new(Match { a, b, common_interests })));
    }

    /// The best partner there is within the bounds of a search; somebody met before only if neither has anybody else.
    fn find(&mut self, now: Timestamp, key: Key) -> Option<Key> {
        let found = self.look_around(now, key)?;
        self.elder = self.elder.wrapping_add(ELDERS);
        match found {
            (Fit::Yes, partner) => Some(partner),
            (_, again) => match self.look_around(now, again)? {
                (Fit::Yes, _) => None,
                _ => Some(again),
            },
        }
    }

    fn look_around(&self, now: Timestamp, key: Key) -> Option<(Fit, Key)> {
        let seeker = self.entry(key)?;
        let pool = seeker.ticket.pool;
        // Newcomers only: whoever waits is among the elders' own candidates, and would look at the same ones each second.
        let elders =
            if seeker.searches == 0 { self.index.elders(pool, self.elder, ELDERS) } else { Vec::new() };
        let waited = now.since(seeker.ticket.since);
        let patient = waited >= Duration::from_secs(self.settings.patience_s);
        let mut left = if patient { SEARCH_PATIENT } else { SEARCH_FRESH };
        let mut again: Option<Key> = None;
        let sieve = fit::Sieve::new(now, seeker, &self.settings);
        let mut look = |standing: Standing| -> Option<Key> {
            let candidate = standing.key;
            if candidate == key || !sieve.passes(standing.since, standing.outline) {
                return None;
            }
            let other = self.entry(candidate)?;
            match fit::fit(now, seeker, other, &self.settings) {
                Fit::Yes => Some(candidate),
                Fit::OnlyAgain => {
                    again.get_or_insert(candidate);
                    None
                }
                Fit::No => None,
            }
        };
        // The longest-waiting first, whatever bucket they stand in.
        let patience = Duration::from_secs(self.settings.patience_s);
        let old = |standing: &Standing| now.since(standing.since) >= patience;
        if let Some(found) = elders.into_iter().filter(old).find_map(&mut look) {
            return Some((Fit::Yes, found));
        }
        let start = seeker.searches.saturating_mul(SEARCH_FRESH / 4);
        let mut facets = Vec::with_capacity(32);
        for band in self.settings.bands(seeker.ticket.reputation, waited) {
            facets.clear();
            self.facets(band, waited, &seeker.traits, &mut facets);
            for facet in &facets {
                for candidate in self.index.bucket(pool, *facet, start) {
                    if left == 0 {
                        return None;
                    }
                    left -= 1;
                    if let Some(found) = look(candidate) {
                        return Some((Fit::Yes, found));
                    }
                }
            }
        }
        // Everybody was looked at: only somebody met before is there.
        again.map(|key| (Fit::OnlyAgain, key))
    }

    /// Where partners of a band may stand, the best places first: shared interests, then languages, then anybody.
    fn facets(&self, band: u8, waited: Duration, traits: &Traits, found: &mut Vec<Facet>) {
        let (languages, interests) = (traits.languages(), traits.interests());
        if !traits.wanted().is_empty() {
            found.extend(traits.wanted().iter().map(|country| Facet::From(band, *country)));
            return;
        }
        found.extend(interests.iter().map(|interest| Facet::Likes(band, *interest)));
        if let Some(country) = traits.from {
            let likes = interests.iter().chain(&[fit::NOTHING]);
            found.extend(likes.map(|interest| Facet::WantsAndLikes(band, country, *interest)));
        }
        if self.settings.is_relaxed_interests(waited) || interests.is_empty() {
            found.extend(languages.iter().map(|language| Facet::Speaks(band, *language)));
        } else {
            found.push(Facet::Likes(band, fit::NOTHING));
        }
        if self.settings.is_relaxed_languages(waited) || languages.is_empty() {
            found.push(Facet::Open(band));
        } else {
            found.push(Facet::Speaks(band, fit::NOTHING));
        }
        found.extend(traits.from.map(|country| Facet::Wants(band, country)));
    }

    fn announce(&mut self, now: Timestamp) {
        let next = self.timers.next();
        let stale = self.announced.is_none_or(|at| at <= now);
        if let Some(at) = next
            && (stale || self.announced.is_some_and(|announced| at < announced))
        {
            self.announced = Some(at);
            self.out.push_back(Output::WakeAt(at));
        }
    }
}
