//! Ephemeral shared state: small values with a life time, streams, sets, hashes, counters of rate limits.
//! Embedded: memory. What is here is lost when the engine dies; whatever must survive is in `Db`.

mod memory;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use visavis_domain::{
    Fault,
    limit::{Decision, Rule},
};

use crate::Clock;

/// The key-value store.
#[derive(Debug, Clone)]
pub enum Kv {
    /// Inside this process.
    Memory(Arc<memory::Memory>),
}

/// A value and when it ends: the arguments that several writes share.
pub type Ttl = Option<Duration>;

#[expect(clippy::unused_async, reason = "the contract of a store that is across the network")]
impl Kv {
    /// A store inside this process.
    pub fn memory(clock: Clock) -> Self {
        Self::Memory(Arc::new(memory::Memory::new(clock)))
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        match self {
            Self::Memory(_) => Ok(()),
        }
    }

    /// The value at `key`.
    pub async fn get(&self, key: &str) -> Result<Option<String>, Fault> {
        match self {
            Self::Memory(m) => m.get(key),
        }
    }

    /// Writes the value at `key`.
    pub async fn put(&self, key: &str, value: String, ttl: Ttl) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.put(key, value, ttl);
                Ok(())
            }
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
        match self {
            Self::Memory(m) => m.swap(key, expected, new, ttl),
        }
    }

    /// Removes whatever is at `key`. True when something was.
    pub async fn delete(&self, key: &str) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => Ok(m.delete(key)),
        }
    }

    /// Whether there is something at `key`.
    pub async fn exists(&self, key: &str) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => Ok(m.exists(key)),
        }
    }

    /// Sets (or, with `None`, lifts) the end of life of whatever is at `key`.
    pub async fn expire(&self, key: &str, ttl: Ttl) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.expire(key, ttl);
                Ok(())
            }
        }
    }

    /// Counts one event against a GCRA rule.
    pub async fn gcra(&self, key: &str, rule: &Rule) -> Result<Decision, Fault> {
        match self {
            Self::Memory(m) => m.gcra(key, rule),
        }
    }

    /// Starts an empty stream (an existing one starts anew).
    pub async fn stream_open(&self, key: &str) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => {
                m.stream_open(key);
                Ok(())
            }
        }
    }

    /// Appends to an open stream, dropping the oldest beyond `keep`. The entry's number (from 1, without gaps), or
    /// `None` when no such stream is open.
    pub async fn stream_append(&self, key: &str, entry: String, keep: usize) -> Result<Option<u64>, Fault> {
        match self {
            Self::Memory(m) => m.stream_append(key, entry, keep),
        }
    }

    /// Entries after number `after`; `None` when the stream isn't open, an entry in between has been dropped, or
    /// `after` lies in the future.
    pub async fn stream_after(&self, key: &str, after: u64) -> Result<Option<Vec<(u64, String)>>, Fault> {
        match self {
            Self::Memory(m) => m.stream_after(key, after),
        }
    }

    /// Adds a member; the size of the set afterwards.
    pub async fn set_add(&self, key: &str, member: &str) -> Result<usize, Fault> {
        match self {
            Self::Memory(m) => m.set_add(key, member),
        }
    }

    /// Removes a member; an empty set is no more.
    pub async fn set_remove(&self, key: &str, member: &str) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => m.set_remove(key, member),
        }
    }

    /// All members, in order.
    pub async fn set_members(&self, key: &str) -> Result<Vec<String>, Fault> {
        match self {
            Self::Memory(m) => m.set_members(key),
        }
    }

    /// Writes one field of a hash.
    pub async fn hash_put(&self, key: &str, field: &str, value: String) -> Result<(), Fault> {
        match self {
            Self::Memory(m) => m.hash_put(key, field, value),
        }
    }

    /// All fields of a hash.
    pub async fn hash_all(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        match self {
            Self::Memory(m) => m.hash_all(key),
        }
    }

    /// Removes all `fields` of a hash, or none when one of them is missing. True when done: the claim.
    pub async fn hash_take(&self, key: &str, fields: &[&str]) -> Result<bool, Fault> {
        match self {
            Self::Memory(m) => m.hash_take(key, fields),
        }
    }
}
