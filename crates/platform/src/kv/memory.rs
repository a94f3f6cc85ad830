//! `Kv` inside one process: sharded maps under short locks. Expired entries are dropped when met and, a few at a
//! time, by every write, so memory follows what is alive without a task of its own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use visavis_domain::{
    Fault, Timestamp,
    limit::{Decision, Rule},
};

use super::Ttl;
use crate::Clock;

/// Locks to spread contention over; far more than cores.
const SHARDS: usize = 32;
/// Expired entries a write clears beside its own work: more than one, so that the backlog shrinks.
const SWEPT_PER_WRITE: usize = 4;

/// The store.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<String, Entry>,
    ends: BTreeSet<(Timestamp, String)>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    ends: Option<Timestamp>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    /// Theoretical arrival time of a rate limit, in microseconds.
    Arrival(i64),
    Stream {
        last: u64,
        kept: VecDeque<String>,
    },
    Set(BTreeSet<String>),
    Hash(BTreeMap<String, String>),
}

impl Shard {
    fn sweep(&mut self, now: Timestamp, most: usize) {
        for _ in 0..most {
            match self.ends.first() {
                Some((ends, _)) if *ends <= now => {
                    if let Some((_, key)) = self.ends.pop_first() {
                        self.entries.remove(&key);
                    }
                }
                _ => break,
            }
        }
    }

    fn alive(&mut self, key: &str, now: Timestamp) -> Option<&mut Entry> {
        if self.entries.get(key)?.ends.is_some_and(|ends| ends <= now) {
            self.remove(key);
            return None;
        }
        self.entries.get_mut(key)
    }

    fn remove(&mut self, key: &str) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        if let Some(ends) = entry.ends {
            self.ends.remove(&(ends, key.to_owned()));
        }
        Some(entry)
    }

    fn insert(&mut self, key: &str, value: Value, ends: Option<Timestamp>) {
        self.remove(key);
        if let Some(ends) = ends {
            self.ends.insert((ends, key.to_owned()));
        }
        self.entries.insert(key.to_owned(), Entry { value, ends });
    }
}

/// Two parts of the program use one key for two kinds of value.
fn wrong_kind() -> Fault {
    tracing::error!("a key of the kv store holds another kind of value");
    Fault::internal()
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, hasher: RandomState::new(), shards }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let slot = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard of a key that is about to be written, swept a little.
    fn writing(&self, key: &str) -> (MutexGuard<'_, Shard>, Timestamp) {
        let now = self.clock.now();
        let mut shard = self.shard(key);
        shard.sweep(now, SWEPT_PER_WRITE);
        (shard, now)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<String>, Fault> {
        match self.shard(key).alive(key, self.clock.now()) {
            None => Ok(None),
            Some(Entry { value: Value::Text(text), .. }) => Ok(Some(text.clone())),
            Some(_) => Err(wrong_kind()),
        }
    }

    pub(super) fn put(&self, key: &str, value: String, ttl: Ttl) {
        let (mut shard, now) = self.writing(key);
        shard.insert(key, Value::Text(value), ttl.map(|ttl| now + ttl));
    }

    pub(super) fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        new: Option<String>,
        ttl: Ttl,
    ) -> Result<bool, Fault> {
        let (mut shard, now) = self.writing(key);
        let found = match shard.alive(key, now) {
            None => None,
            Some(Entry { value: Value::Text(text), .. }) => Some(text.as_str()),
            Some(_) => return Err(wrong_kind()),
        };
        if found != expected {
            return Ok(false);
        }
        match new {
            Some(value) => shard.insert(key, Value::Text(value), ttl.map(|ttl| now + ttl)),
            None => {
                shard.remove(key);
            }
        }
        Ok(true)
    }

    pub(super) fn delete(&self, key: &str) -> bool {
        let (mut shard, now) = self.writing(key);
        shard.alive(key, now).is_some() && shard.remove(key).is_some()
    }

    pub(super) fn exists(&self, key: &str) -> bool {
        self.shard(key).alive(key, self.clock.now()).is_some()
    }

    pub(super) fn expire(&self, key: &str, ttl: Ttl) {
        let (mut shard, now) = self.writing(key);
        if shard.alive(key, now).is_some()
            && let Some(entry) = shard.remove(key)
        {
            shard.insert(key, entry.value, ttl.map(|ttl| now + ttl));
        }
    }

    pub(super) fn gcra(&self, key: &str, rule: &Rule) -> Result<Decision, Fault> {
        let (mut shard, now) = self.writing(key);
        let tat = match shard.alive(key, now) {
            None => None,
            Some(Entry { value: Value::Arrival(tat), .. }) => Some(*tat),
            Some(_) => return Err(wrong_kind()),
        };
        let decision = rule.decide(now, tat);
        if decision.allowed {
            // Once the arrival time has passed, the entry says the same as none.
            let ends = Timestamp::from_millis(decision.new_tat.div_euclid(1_000) + 1);
            shard.insert(key, Value::Arrival(decision.new_tat), Some(ends));
        }
        Ok(decision)
    }

    pub(super) fn stream_open(&self, key: &str) {
        self.writing(key).0.insert(key, Value::Stream { last: 0, kept: VecDeque::new() }, None);
    }

    pub(super) fn stream_append(&self, key: &str, entry: String, keep: usize) -> Result<Option<u64>, Fault> {
        let (mut shard, now) = self.writing(key);
        match shard.alive(key, now).map(|e| &mut e.value) {
            None => Ok(None),
            Some(Value::Stream { last, kept }) => {
                *last += 1;
                kept.push_back(entry);
                while kept.len() > keep {
                    kept.pop_front();
                }
                Ok(Some(*last))
            }
            Some(_) => Err(wrong_kind()),
        }
    }

    pub(super) fn stream_after(&self, key: &str, after: u64) -> Result<Option<Vec<(u64, String)>>, Fault> {
        match self.shard(key).alive(key, self.clock.now()).map(|e| &e.value) {
            None => Ok(None),
            Some(Value::Stream { last, kept }) => {
                let first = *last - kept.len() as u64 + 1;
                if after > *last || after + 1 < first {
                    return Ok(None);
                }
                let skip = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
                Ok(Some((after + 1..).zip(kept.iter().skip(skip).cloned()).collect()))
            }
            Some(_) => Err(wrong_kind()),
        }
    }

    /// Changes the value at `key`, starting from `empty`; an `is_empty` one is removed.
    fn collection<T>(
        &self,
        key: &str,
        empty: Value,
        change: impl FnOnce(&mut Value) -> Option<T>,
        is_empty: impl FnOnce(&Value) -> bool,
    ) -> Result<T, Fault> {
        let (mut shard, now) = self.writing(key);
        if shard.alive(key, now).is_none() {
            shard.insert(key, empty, None);
        }
        let Some(entry) = shard.alive(key, now) else { return Err(Fault::internal()) };
        let result = change(&mut entry.value).ok_or_else(wrong_kind)?;
        if is_empty(&entry.value) {
            shard.remove(key);
        }
        Ok(result)
    }

    fn set<T>(&self, key: &str, change: impl FnOnce(&mut BTreeSet<String>) -> T) -> Result<T, Fault> {
        let change = |value: &mut Value| match value {
            Value::Set(set) => Some(change(set)),
            _ => None,
        };
        self.collection(
            key,
            Value::Set(BTreeSet::new()),
            change,
            |v| matches!(v, Value::Set(s) if s.is_empty()),
        )
    }

    fn hash<T>(
        &self,
        key: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> T,
    ) -> Result<T, Fault> {
        let change = |value: &mut Value| match value {
            Value::Hash(hash) => Some(change(hash)),
            _ => None,
        };
        self.collection(
            key,
            Value::Hash(BTreeMap::new()),
            change,
            |v| matches!(v, Value::Hash(h) if h.is_empty()),
        )
    }

    pub(super) fn set_add(&self, key: &str, member: &str) -> Result<usize, Fault> {
        self.set(key, |set| {
            set.insert(member.to_owned());
            set.len()
        })
    }

    pub(super) fn set_remove(&self, key: &str, member: &str) -> Result<(), Fault> {
        self.set(key, |set| {
            set.remove(member);
        })
    }

    pub(super) fn set_members(&self, key: &str) -> Result<Vec<String>, Fault> {
        self.set(key, |set| set.iter().cloned().collect())
    }

    pub(super) fn hash_put(&self, key: &str, field: &str, value: String) -> Result<(), Fault> {
        self.hash(key, |hash| {
            hash.insert(field.to_owned(), value);
        })
    }

    pub(super) fn hash_all(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        self.hash(key, |hash| hash.clone())
    }

    pub(super) fn hash_take(&self, key: &str, fields: &[&str]) -> Result<bool, Fault> {
        self.hash(key, |hash| {
            let all = fields.iter().all(|field| hash.contains_key(*field));
            if all {
                for field in fields {
                    hash.remove(*field);
                }
            }
            all
        })
    }
}
