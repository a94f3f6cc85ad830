//! Ephemeral shared state: small values with a life time, streams, sets, hashes, lists, counters of rate limits.
//! Embedded: memory. For several processes: Redis. What is here is lost when the engine dies; whatever must survive is
//! in `Db`.
//!
//! Keys that change together share a hash tag, as in a Redis cluster: what stands between the first `{` and the next
//! `}`, else the whole key (`pool/{eu}/tickets` and `pool/{eu}/queue` lie together).
//!
//! `unavailable` from something that writes says nothing about whether it was done: the answer may have been lost.

mod change;
mod memory;
mod redis;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use visavis_domain::{
    Fault,
    limit::{Decision, Rule},
};

use crate::{Clock, redis_link::Link};

pub use change::{Change, Do, If, MOST_STEPS};

/// The key-value store.
#[derive(Debug, Clone)]
pub enum Kv {
    /// Inside this process.
    Memory(Arc<memory::Memory>),
    /// Shared by the processes of a cluster.
    Redis(Arc<redis::Redis>),
}

/// Two fields for one, in [`Kv::trade`].
#[derive(Debug, Clone, Copy)]
pub struct Trade<'a> {
    /// What goes, if both fields still have these values.
    pub gives: [(&'a str, &'a str); 2],
    /// What comes: a field and its value.
    pub gets: (&'a str, &'a str),
}

/// A value and when it ends: the arguments that several writes share.
pub type Ttl = Option<Duration>;

impl Kv {
    /// A store inside this process.
    pub fn memory(clock: Clock) -> Self {
        Self::Memory(Arc::new(memory::Memory::new(clock)))
    }

    /// A store over this connection. Life times follow the server's clock, and so do rate limits, unless `clock` is
    /// turned by hand.
    pub fn redis(link: Link, prefix: &str, clock: Clock) -> Self {
        Self::Redis(Arc::new(redis::Redis::new(link, prefix, clock)))
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(r) => r.ping().await,
        }
    }

    /// Which life of the engine this is, by what is known here. In another one than before, what was acknowledged may be
    /// forgotten: the engine was started again, or a copy that lacked the last writes took its place.
    pub fn life(&self) -> u64 {
        match self {
            Self::Memory(_) => 0,
            Self::Redis(r) => r.life(),
        }
    }

    /// The value at `key`.
    pub async fn get(&self, key: &str) -> Result<Option<String>, Fault> {
        match self {
            Self::Memory(m) => m.get(key),
            Self::Redis(r) => r.get(key).await,
        }
    }

    /// Writes the value at `key`.
    pub async fn put(&self, key: &str, value: String, ttl: Ttl) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.put(key, value, ttl);
                Ok(())
            }
            Self::Redis(r) => r.put(key, &value, ttl).await,
        }
    }

    /// Writes (or, with `new = None`, deletes) only if the value is `expected` (`None`: absent). True when done.
    pub async fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        new: Option<String>,
        ttl: Ttl,
    ) -> Result<bool, Fault> {
        let condition = expected.map_or(If::Absent { key }, |value| If::Is { key, value });
        let step = new.as_deref().map_or(Do::Delete { key }, |value| Do::Put { key, value, ttl });
        Ok(self.change(&[condition], &[step]).await? == Change::Done)
    }

    /// Does all of `steps`, at once, if all of `conditions` hold; else nothing. All keys share one hash tag, and there
    /// are at most [`MOST_STEPS`] of both together. A key that holds another kind of value than a step is for fails the
    /// whole, judged as things are before the change.
    pub async fn change(&self, conditions: &[If<'_>], steps: &[Do<'_>]) -> Result<Change, Fault> {
        change::check(conditions, steps)?;
        match self {
            Self::Memory(m) => m.change(conditions, steps),
            Self::Redis(r) => r.change(conditions, steps).await,
        }
    }

    /// Writes a field of a hash and notes its name at the end of a list, at once; both keys share one hash tag. The length of
    /// the list after it; `None`, and nothing done, when it would hold more than `most`. The same as a [`Self::change`] of two
    /// steps, but for half of the work, where it is done for everybody who comes.
    pub async fn bring(
        &self,
        key: &str,
        (field, value): (&str, &str),
        (list, most): (&str, usize),
    ) -> Result<Option<usize>, Fault> {
        let steps = [Do::FieldPut { key, field, value }, Do::Push { list, value: field, most }];
        change::check(&[], &steps)?;
        match self {
            Self::Memory(m) => m.bring(list, &steps),
            Self::Redis(r) => r.bring(key, (field, value), (list, most)).await,
        }
    }

    /// While the text at a key is this one: each of `trades` by itself, in order, takes its two fields out of the hash `from`
    /// and writes its field into the hash `to`. Which were done. All keys share one hash tag. The same as a [`Self::change`]
    /// for each, in one question.
    pub async fn trade(
        &self,
        (guard, held): (&str, &str),
        (from, to): (&str, &str),
        trades: &[Trade<'_>],
    ) -> Result<Vec<bool>, Fault> {
        let still = [If::Is { key: guard, value: held }, If::NoField { key: from, field: "" }];
        change::check(&still, &[Do::Delete { key: to }])?;
        match self {
            Self::Memory(m) => m.trade((guard, held), (from, to), trades),
            Self::Redis(r) => r.trade((guard, held), (from, to), trades).await,
        }
    }

    /// Removes whatever is at `key`. True when something was.
    pub async fn delete(&self, key: &str) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => Ok(m.delete(key)),
            Self::Redis(r) => r.delete(key).await,
        }
    }

    /// Whether there is something at `key`.
    pub async fn exists(&self, key: &str) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => Ok(m.exists(key)),
            Self::Redis(r) => r.exists(key).await,
        }
    }

    /// Sets (or, with `None`, lifts) the end of life of whatever is at `key`.
    pub async fn expire(&self, key: &str, ttl: Ttl) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.expire(key, ttl);
                Ok(())
            }
            Self::Redis(r) => r.expire(key, ttl).await,
        }
    }

    /// Counts one event against a GCRA rule.
    pub async fn gcra(&self, key: &str, rule: &Rule) -> Result<Decision, Fault> {
        match self {
            Self::Memory(m) => m.gcra(key, rule),
            Self::Redis(r) => r.gcra(key, rule).await,
        }
    }

    /// Starts an empty stream (an existing one starts anew).
    pub async fn stream_open(&self, key: &str) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.stream_open(key);
                Ok(())
            }
            Self::Redis(r) => r.stream_open(key).await,
        }
    }

    /// Appends to an open stream, dropping the oldest beyond `keep`. The entry's number (from 1, without gaps), or
    /// `None` when no such stream is open.
    pub async fn stream_append(&self, key: &str, entry: String, keep: usize) -> Result<Option<u64>, Fault> {
        match self {
            Self::Memory(m) => m.stream_append(key, entry, keep),
            Self::Redis(r) => r.stream_append(key, &entry, keep).await,
        }
    }

    /// As [`Self::stream_append`], unless one of the last `look` entries holds `mark` already: for whoever doesn't know
    /// whether an earlier attempt was carried out. The number of the entry, new or old.
    pub async fn stream_append_once(
        &self,
        key: &str,
        entry: String,
        keep: usize,
        (mark, look): (&str, usize),
    ) -> Result<Option<u64>, Fault> {
        match self {
            Self::Memory(m) => m.stream_append_once(key, entry, keep, (mark, look)),
            Self::Redis(r) => r.stream_append_once(key, &entry, keep, (mark, look)).await,
        }
    }

    /// Entries after number `after`; `None` when the stream isn't open, an entry in between has been dropped, or
    /// `after` lies in the future.
    pub async fn stream_after(&self, key: &str, after: u64) -> Result<Option<Vec<(u64, String)>>, Fault> {
        match self {
            Self::Memory(m) => m.stream_after(key, after),
            Self::Redis(r) => r.stream_after(key, after).await,
        }
    }

    /// Adds a member; the size of the set afterwards.
    pub async fn set_add(&self, key: &str, member: &str) -> Result<usize, Fault> {
        match self {
            Self::Memory(m) => m.set_add(key, member),
            Self::Redis(r) => r.set_add(key, member).await,
        }
    }

    /// Removes a member; an empty set is no more.
    pub async fn set_remove(&self, key: &str, member: &str) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => m.set_remove(key, member),
            Self::Redis(r) => r.set_remove(key, member).await,
        }
    }

    /// All members, in order.
    pub async fn set_members(&self, key: &str) -> Result<Vec<String>, Fault> {
        match self {
            Self::Memory(m) => m.set_members(key),
            Self::Redis(r) => r.set_members(key).await,
        }
    }

    /// Writes one field of a hash.
    pub async fn hash_put(&self, key: &str, field: &str, value: String) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => m.hash_put(key, field, value),
            Self::Redis(r) => r.hash_put(key, field, &value).await,
        }
    }

    /// One field of a hash.
    pub async fn hash_get(&self, key: &str, field: &str) -> Result<Option<String>, Fault> {
        match self {
            Self::Memory(m) => m.hash_get(key, field),
            Self::Redis(r) => r.hash_get(key, field).await,
        }
    }

    /// Several fields of a hash, in the order asked for.
    pub async fn hash_get_many(&self, key: &str, fields: &[String]) -> Result<Vec<Option<String>>, Fault> {
        match self {
            Self::Memory(m) => fields.iter().map(|field| m.hash_get(key, field)).collect(),
            // Redis wants at least one.
            Self::Redis(_) if fields.is_empty() => Ok(Vec::new()),
            Self::Redis(r) => r.hash_get_many(key, fields).await,
        }
    }

    /// All fields of a hash.
    pub async fn hash_all(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        match self {
            Self::Memory(m) => m.hash_all(key),
            Self::Redis(r) => r.hash_all(key).await,
        }
    }

    /// Removes all `fields` of a hash, or none when one of them is missing. True when done: the claim.
    pub async fn hash_take(&self, key: &str, fields: &[&str]) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => m.hash_take(key, fields),
            Self::Redis(r) => r.hash_take(key, fields).await,
        }
    }

    /// Removes those of `fields` that a hash has.
    pub async fn hash_remove(&self, key: &str, fields: &[String]) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => m.hash_remove(key, fields),
            // Redis wants at least one.
            Self::Redis(_) if fields.is_empty() => Ok(()),
            Self::Redis(r) => r.hash_remove(key, fields).await,
        }
    }

    /// Takes the oldest entries of a list (made by [`Do::Push`]) out of it, at most `most`: each goes to one caller.
    pub async fn list_take(&self, key: &str, most: usize) -> Result<Vec<String>, Fault> {
        match self {
            Self::Memory(m) => m.list_take(key, most),
            Self::Redis(r) => r.list_take(key, most).await,
        }
    }

    /// How many entries a list has.
    pub async fn list_len(&self, key: &str) -> Result<usize, Fault> {
        match self {
            Self::Memory(m) => m.list_len(key),
            Self::Redis(r) => r.list_len(key).await,
        }
    }
}
