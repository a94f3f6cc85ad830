//! Tickets, claims and the lease of a pool, as they stand in `Kv`. All keys of a pool share a hash tag, so that one change
//! takes several of them or none.
//!
//! `…/tickets` is the truth: one field a user. `…/changes` is the waiting queue of what to look at: users whose ticket came,
//! changed or went; losing it costs a moment, never a ticket. `…/pairings` holds the claimed until their room is told of.

use std::collections::BTreeMap;

use visavis_domain::{
    Fault,
    id::{RoomId, UserId},
    pool::{Entry, LEASE, Lease, Pairing},
    queue::Pool,
};
use visavis_platform::{
    Kv,
    kv::{Change, Do, If, Trade},
};

/// Changes that wait for the leader: a leader reads some ten thousand a second, so this is half a minute without one.
/// Beyond it a search is answered `unavailable`.
const MAX_CHANGES: usize = 300_000;
/// Tries against other writers of the same ticket; each loss means that somebody else made progress.
const MAX_RACES: usize = 8;

/// A pairing, and its guests' tickets as they were read.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) texts: [String; 2],
    pub(super) pairing: Pairing,
}

/// One pool's place in the store.
#[derive(Debug, Clone)]
pub(super) struct Store {
    kv: Kv,
    lease: String,
    tickets: String,
    changes: String,
    pairings: String,
}

impl Store {
    pub(super) fn new(kv: Kv, pool: Pool) -> Self {
        let key = |what| format!("{{pool/{}}}/{what}", pool.as_str());
        Self {
            kv,
            lease: key("leader"),
            tickets: key("tickets"),
            changes: key("changes"),
            pairings: key("pairings"),
        }
    }

    fn changed<'a>(&'a self, user: &'a str) -> Do<'a> {
        Do::Push { list: &self.changes, value: user, most: MAX_CHANGES }
    }

    // ── fronts ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// Brings a ticket, new or changed. One round trip. Whether the leader is to be nudged: when others wait to be looked at it
    /// has been, or it comes by itself.
    pub(super) async fn put(&self, entry: &Entry) -> Result<bool, Fault> {
        let (user, text) = (entry.ticket.user.to_string(), encode(entry)?);
        let changes = self.kv.bring(&self.tickets, (&user, &text), (&self.changes, MAX_CHANGES)).await?;
        Ok(changes.ok_or_else(Fault::unavailable)? == 1)
    }

    /// Takes a ticket away; false when there is none (any more).
    pub(super) async fn take(&self, user: UserId) -> Result<bool, Fault> {
        let user = user.to_string();
        let taken = self.kv.hash_take(&self.tickets, &[&user]).await?;
        if taken {
            // A claim of a ticket that is gone is refused, so a list without room costs nothing but a vain try.
            let _ = self.kv.change(&[], &[self.changed(&user)]).await?;
        }
        Ok(taken)
    }

    /// Changes a ticket in place, if `edit` finds something to change.
    pub(super) async fn edit(&self, user: UserId, edit: impl Fn(&mut Entry) -> bool) -> Result<(), Fault> {
        let user = user.to_string();
        for _ in 0..MAX_RACES {
            let Some(before) = self.kv.hash_get(&self.tickets, &user).await? else { return Ok(()) };
            let mut entry: Entry = decode(&before)?;
            if !edit(&mut entry) {
                return Ok(());
            }
            let text = encode(&entry)?;
            let still = If::Field { key: &self.tickets, field: &user, value: &before };
            let put = Do::FieldPut { key: &self.tickets, field: &user, value: &text };
            if self.kv.change(&[still], &[put, self.changed(&user)]).await? == Change::Done {
                return Ok(());
            }
        }
        Err(Fault::unavailable())
    }

    // ── the leader ───────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) async fn is_led(&self) -> Result<bool, Fault> {
        self.kv.exists(&self.lease).await
    }

    /// Takes the lease if nobody has it.
    pub(super) async fn take_lease(&self, lease: Lease) -> Result<bool, Fault> {
        let text = lease.to_string();
        let put = Do::Put { key: &self.lease, value: &text, ttl: Some(LEASE) };
        Ok(self.kv.change(&[If::Absent { key: &self.lease }], &[put]).await? == Change::Done)
    }

    pub(super) async fn renew(&self, lease: Lease) -> Result<bool, Fault> {
        let text = lease.to_string();
        let put = Do::Put { key: &self.lease, value: &text, ttl: Some(LEASE) };
        Ok(self.kv.change(&[If::Is { key: &self.lease, value: &text }], &[put]).await? == Change::Done)
    }

    pub(super) async fn release(&self, lease: Lease) -> Result<bool, Fault> {
        let text = lease.to_string();
        let ours = If::Is { key: &self.lease, value: &text };
        Ok(self.kv.change(&[ours], &[Do::Delete { key: &self.lease }]).await? == Change::Done)
    }

    pub(super) async fn read_all(&self) -> Result<(Vec<(UserId, String)>, Vec<String>), Fault> {
        let tickets = self.kv.hash_all(&self.tickets).await?;
        let pairings = self.kv.hash_all(&self.pairings).await?;
        Ok((by_user(tickets), pairings.into_values().collect()))
    }

    /// The tickets that the next changes are about, and whether there may be more.
    pub(super) async fn read_changes(
        &self,
        most: usize,
    ) -> Result<(Vec<(UserId, Option<String>)>, bool), Fault> {
        let mut users = self.kv.list_take(&self.changes, most).await?;
        let more = users.len() == most;
        users.sort_unstable();
        users.dedup();
        Ok((self.read(users).await?, more))
    }

    /// These users' tickets.
    pub(super) async fn read(&self, users: Vec<String>) -> Result<Vec<(UserId, Option<String>)>, Fault> {
        let texts = self.kv.hash_get_many(&self.tickets, &users).await?;
        Ok(users.iter().zip(texts).filter_map(|(user, text)| Some((user.parse().ok()?, text))).collect())
    }

    /// Both tickets for one pairing each, if the lease stands and both are still these texts.
    pub(super) async fn claim(&self, lease: Lease, claims: &[Claim]) -> Result<Vec<bool>, Fault> {
        let written = claims.iter().map(|Claim { pairing, .. }| {
            let users = pairing.guests.each_ref().map(|guest| guest.ticket.user.to_string());
            Ok((users, pairing.room.to_string(), encode(pairing)?))
        });
        let written = written.collect::<Result<Vec<_>, Fault>>()?;
        let trades = claims.iter().zip(&written).map(|(claim, (users, room, text))| Trade {
            gives: [(&users[0], &claim.texts[0]), (&users[1], &claim.texts[1])],
            gets: (room, text),
        });
        let trades: Vec<_> = trades.collect();
        self.kv.trade((&self.lease, &lease.to_string()), (&self.tickets, &self.pairings), &trades).await
    }

    /// Removes a ticket whose owner stayed away.
    pub(super) async fn expire(&self, lease: Lease, user: UserId, text: &str) -> Result<bool, Fault> {
        let (lease, user) = (lease.to_string(), user.to_string());
        let ours = If::Is { key: &self.lease, value: &lease };
        let still = If::Field { key: &self.tickets, field: &user, value: text };
        let gone = Do::FieldDelete { key: &self.tickets, field: &user };
        Ok(self.kv.change(&[ours, still], &[gone]).await? == Change::Done)
    }

    /// These pairings are told of.
    pub(super) async fn forget(&self, rooms: &[RoomId]) -> Result<(), Fault> {
        let rooms: Vec<_> = rooms.iter().map(ToString::to_string).collect();
        self.kv.hash_remove(&self.pairings, &rooms).await
    }
}

fn by_user(fields: BTreeMap<String, String>) -> Vec<(UserId, String)> {
    fields.into_iter().filter_map(|(user, text)| Some((user.parse().ok()?, text))).collect()
}

fn encode<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::internal())
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::internal())
}
