//! Leases: one holder at a time of something that several processes could do (lead a pool, hold a room). A lease is a
//! text in `Kv` with a life time, made and renewed by compare-and-set.
//!
//! A lease alone keeps nobody from acting late: a holder that was paused wakes up believing it still holds. Therefore
//! every lease carries a **fencing token** from `Db`, larger for each holder than for the one before, and whoever is
//! acted upon goes by it: a change in `Kv` names [`Lease::held`] among its conditions (keys with the lease's hash tag),
//! a row compares the token. And a holder stops by itself when it couldn't renew for the life time, counted from
//! *before* it asked.

use std::time::Duration;

use visavis_domain::Fault;

use crate::{
    Kv,
    kv::{Change, Do, If},
};

/// Something that is held by us, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    key: String,
    text: String,
    token: u64,
    ttl: Duration,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name, as it gave it.
    pub name: String,
    /// Its fencing token.
    pub token: u64,
}

impl Lease {
    /// Takes the lease if nobody holds it, or if this very holder does with this very token (the answer to a first
    /// attempt may have been lost). `None` when somebody else does.
    pub async fn try_take(
        kv: &Kv,
        key: &str,
        holder: &str,
        token: u64,
        ttl: Duration,
    ) -> Result<Option<Self>, Fault> {
        let lease = Self { key: key.to_owned(), text: format!("{token} {holder}"), token, ttl };
        let free = kv.change(&[If::Absent { key }], &[lease.put()]).await? == Change::Done;
        Ok((free || lease.renew(kv).await?).then_some(lease))
    }

    /// Prolongs it by its whole life time. False when it is lost: stop at once.
    pub async fn renew(&self, kv: &Kv) -> Result<bool, Fault> {
        Ok(kv.change(&[self.held()], &[self.put()]).await? == Change::Done)
    }

    /// Gives it back, so that the next holder needn't wait. False when it was lost already.
    pub async fn give_back(self, kv: &Kv) -> Result<bool, Fault> {
        Ok(kv.change(&[self.held()], &[Do::Delete { key: &self.key }]).await? == Change::Done)
    }

    /// Who holds the lease at `key`, if anybody.
    pub async fn holder_of(kv: &Kv, key: &str) -> Result<Option<Holder>, Fault> {
        let Some(text) = kv.get(key).await? else { return Ok(None) };
        let holder = text
            .split_once(' ')
            .and_then(|(token, name)| Some(Holder { name: name.to_owned(), token: token.parse().ok()? }));
        if holder.is_none() {
            tracing::error!("a lease has a shape that this build never wrote");
        }
        holder.map(Some).ok_or_else(Fault::internal)
    }

    /// The condition that this lease is still ours, for a change of keys with its hash tag.
    pub fn held(&self) -> If<'_> {
        If::Is { key: &self.key, value: &self.text }
    }

    /// Its fencing token.
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// How long it lasts without renewal.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    fn put(&self) -> Do<'_> {
        Do::Put { key: &self.key, value: &self.text, ttl: Some(self.ttl) }
    }
}
