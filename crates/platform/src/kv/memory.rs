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

use super::{Change, Do, If, Trade, Ttl, change::tag};
use crate::{Clock, redis_link::wrong_kind};

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
    List(VecDeque<String>),
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

    fn holds(&mut self, condition: &If<'_>, now: Timestamp) -> Result<bool, Fault> {
        let found = self.alive(condition.key(), now).map(|entry| &entry.value);
        match (*condition, found) {
            (If::Absent { .. } | If::NoField { .. }, None) => Ok(true),
            (If::Absent { .. }, Some(_))
            | (If::Is { .. } | If::Field { .. }, None)
            | (If::Is { .. }, Some(Value::Arrival(_))) => Ok(false),
            (If::Is { value, .. }, Some(Value::Text(text))) => Ok(text == value),
            (If::Field { field, value, .. }, Some(Value::Hash(hash))) => {
                Ok(hash.get(field).is_some_and(|v| v == value))
            }
            (If::NoField { field, .. }, Some(Value::Hash(hash))) => Ok(!hash.contains_key(field)),
            (If::Is { .. } | If::Field { .. } | If::NoField { .. }, Some(_)) => Err(wrong_kind()),
        }
    }

    /// Whether a step can be done after those before it: the kind is right, and a list has room.
    fn has_room(&mut self, step: &Do<'_>, before: &[Do<'_>], now: Timestamp) -> Result<bool, Fault> {
        let found = self.alive(step.key(), now).map(|entry| &entry.value);
        match (step, found) {
            (Do::Put { .. } | Do::Delete { .. }, _)
            | (Do::FieldPut { .. } | Do::FieldDelete { .. }, None | Some(Value::Hash(_))) => Ok(true),
            (Do::Push { list, most, .. }, None | Some(Value::List(_))) => {
                let pushed =
                    before.iter().filter(|step| matches!(step, Do::Push { list: l, .. } if l == list));
                let length = if let Some(Value::List(entries)) = found { entries.len() } else { 0 };
                Ok(length + pushed.count() < *most)
            }
            (_, Some(_)) => Err(wrong_kind()),
        }
    }

    /// Does one step, whose kind has been judged.
    fn step(&mut self, step: &Do<'_>, now: Timestamp) {
        match *step {
            Do::Put { key, value, ttl } => {
                self.insert(key, Value::Text(value.to_owned()), ttl.map(|ttl| now + ttl));
            }
            Do::Delete { key } => {
                self.remove(key);
            }
            Do::FieldPut { key, field, value } => {
                if let Value::Hash(hash) = self.or_new(key, || Value::Hash(BTreeMap::new())) {
                    hash.insert(field.to_owned(), value.to_owned());
                }
            }
            Do::FieldDelete { key, field } => {
                if let Some(Entry { value: Value::Hash(hash), .. }) = self.entries.get_mut(key) {
                    hash.remove(field);
                    if hash.is_empty() {
                        self.remove(key);
                    }
                }
            }
            Do::Push { list, value, .. } => {
                if let Value::List(entries) = self.or_new(list, || Value::List(VecDeque::new())) {
                    entries.push_back(value.to_owned());
                }
            }
        }
    }

    fn or_new(&mut self, key: &str, new: impl FnOnce() -> Value) -> &mut Value {
        &mut self.entries.entry(key.to_owned()).or_insert_with(|| Entry { value: new(), ends: None }).value
    }

    fn insert(&mut self, key: &str, value: Value, ends: Option<Timestamp>) {
        self.remove(key);
        if let Some(ends) = ends {
            self.ends.insert((ends, key.to_owned()));
        }
        self.entries.insert(key.to_owned(), Entry { value, ends });
    }
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, hasher: RandomState::new(), shards }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        // By the tag: a change of several keys is under one lock.
        let slot = usize::try_from(self.hasher.hash_one(tag(key)) % SHARDS as u64).unwrap_or(0);
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

    pub(super) fn change(&self, conditions: &[If<'_>], steps: &[Do<'_>]) -> Result<Change, Fault> {
        let Some(first) = steps.first().map(Do::key).or_else(|| conditions.first().map(If::key)) else {
            return Ok(Change::Done);
        };
        let (mut shard, now) = self.writing(first);
        for condition in conditions {
            if !shard.holds(condition, now)? {
                return Ok(Change::Refused);
            }
        }
        for (n, step) in steps.iter().enumerate() {
            if !shard.has_room(step, &steps[..n], now)? {
                return Ok(Change::Full);
            }
        }
        for step in steps {
            shard.step(step, now);
        }
        Ok(Change::Done)
    }

    pub(super) fn bring(&self, list: &str, steps: &[Do<'_>; 2]) -> Result<Option<usize>, Fault> {
        let (mut shard, now) = self.writing(list);
        for step in steps {
            if !shard.has_room(step, &[], now)? {
                return Ok(None);
            }
        }
        for step in steps {
            shard.step(step, now);
        }
        match shard.alive(list, now).map(|entry| &entry.value) {
            Some(Value::List(entries)) => Ok(Some(entries.len())),
            _ => Err(wrong_kind()),
        }
    }

    pub(super) fn trade(
        &self,
        (guard, held): (&str, &str),
        (from, to): (&str, &str),
        trades: &[Trade<'_>],
    ) -> Result<Vec<bool>, Fault> {
        let one = |Trade { gives, gets: (field, value) }: &Trade<'_>| {
            let [a, b] = gives.map(|(field, value)| If::Field { key: from, field, value });
            let [c, d] = gives.map(|(field, _)| Do::FieldDelete { key: from, field });
            let put = Do::FieldPut { key: to, field, value };
            Ok(self.change(&[If::Is { key: guard, value: held }, a, b], &[c, d, put])? == Change::Done)
        };
        trades.iter().map(one).collect()
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
        self.append(key, entry, keep, None)
    }

    pub(super) fn stream_append_once(
        &self,
        key: &str,
        entry: String,
        keep: usize,
        unless: (&str, usize),
    ) -> Result<Option<u64>, Fault> {
        self.append(key, entry, keep, Some(unless))
    }

    fn append(
        &self,
        key: &str,
        entry: String,
        keep: usize,
        unless: Option<(&str, usize)>,
    ) -> Result<Option<u64>, Fault> {
        let (mut shard, now) = self.writing(key);
        match shard.alive(key, now).map(|e| &mut e.value) {
            None => Ok(None),
            Some(Value::Stream { last, kept }) => {
                let before = unless.and_then(|(mark, look)| {
                    kept.iter().rev().take(look).position(|entry| entry.contains(mark))
                });
                if let Some(before) = before {
                    return Ok(Some(*last - before as u64));
                }
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

    pub(super) fn hash_get(&self, key: &str, field: &str) -> Result<Option<String>, Fault> {
        match self.shard(key).alive(key, self.clock.now()).map(|e| &e.value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(hash.get(field).cloned()),
            Some(_) => Err(wrong_kind()),
        }
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

    pub(super) fn hash_remove(&self, key: &str, fields: &[String]) -> Result<(), Fault> {
        self.hash(key, |hash| {
            for field in fields {
                hash.remove(field);
            }
        })
    }

    fn list<T>(&self, key: &str, change: impl FnOnce(&mut VecDeque<String>) -> T) -> Result<T, Fault> {
        let change = |value: &mut Value| match value {
            Value::List(list) => Some(change(list)),
            _ => None,
        };
        let is_empty = |value: &Value| matches!(value, Value::List(l) if l.is_empty());
        self.collection(key, Value::List(VecDeque::new()), change, is_empty)
    }

    pub(super) fn list_take(&self, key: &str, most: usize) -> Result<Vec<String>, Fault> {
        self.list(key, |list| list.drain(..most.min(list.len())).collect())
    }

    pub(super) fn list_len(&self, key: &str) -> Result<usize, Fault> {
        self.list(key, |list| list.len())
    }
}
