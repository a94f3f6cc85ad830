//! A pool of waiting people that several processes share: tickets stand in a store, one process at a time leads the pool
//! and pairs them, and a successor goes on from what the store holds. Pure: [`Leader`] says what to ask of the world
//! ([`Op`]) and takes its answers.
//!
//! What keeps two leaders apart, from the first line to the last:
//! 1. A lease in the store names the leader and its epoch. Every claim is a compare-and-write that holds only while that
//!    very lease stands, so a leader that was paused can't claim.
//! 2. The same write takes both tickets away, only if they are still exactly as the leader read them.
//! 3. The epoch comes from the database, so a store that lost its last writes can't hand the same one out twice.
//! 4. A ticket can be matched once: the database refuses a second call for it, whatever the store has forgotten.
//! 5. A seat takes a room only if it still holds the matched ticket.

mod leader;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{NodeId, RoomId, SocketId, TicketId, UserId},
    queue::Ticket,
    wire::Card,
};

pub use leader::{LEASE, Leader};

/// A ticket as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What is wished for.
    pub ticket: Ticket,
    /// Where its owner is told.
    pub session: SocketId,
    /// What the other one will see.
    pub card: Card,
    /// The socket is away: keep the place, match nobody.
    #[serde(default)]
    pub away: bool,
}

/// Two people who were claimed for one another: in the store from the claim until their room is open and told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pairing {
    /// The room that will be theirs: the idempotence key of everything that follows.
    pub room: RoomId,
    /// The one who waited longer, and the other.
    pub guests: [Entry; 2],
    /// What both like.
    pub common_interests: Vec<String>,
    /// When they were claimed.
    pub at: Timestamp,
}

/// Who leads a pool: `node/epoch` in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which process.
    pub node: NodeId,
    /// How many leaders the pool has had; from the database.
    pub epoch: u64,
}

impl std::fmt::Display for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.node, self.epoch)
    }
}

/// Something to ask of the world. Each is answered once, by [`Input::Answer`]; one that takes too long or whose fate is
/// unknown is answered [`Answer::Failed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Is there a leader? [`Answer::Yes`] or [`Answer::No`].
    IsLed,
    /// The next epoch, from the database: [`Answer::Epoch`].
    NextEpoch,
    /// Take the lease if nobody has it: yes or no.
    Take(Lease),
    /// Keep it if it is still ours: yes or no.
    Renew(Lease),
    /// Give it back: yes or no.
    Release(Lease),
    /// Everything the store holds: [`Answer::All`].
    ReadAll,
    /// What has changed since the last time, at most so many: [`Answer::Changed`].
    ReadChanges(usize),
    /// These people's entries: [`Answer::Changed`].
    Read(Vec<UserId>),
    /// Take both tickets away and note the pairing, only if the lease stands and both are still these texts: yes or no.
    Claim {
        /// The lease it stands on.
        lease: Lease,
        /// The texts as they were read.
        texts: [String; 2],
        /// What to note.
        pairing: Box<Claimed>,
    },
    /// Open the room and tell both: yes; no if one of the tickets can't be matched (any more).
    Open(Box<Pairing>),
    /// Tell both that their tickets are void and a new one is needed, then forget the pairing.
    GiveUp(Box<Pairing>),
    /// The pairing is told of: forget it.
    Forget(RoomId),
    /// Remove a ticket whose owner stayed away, if it is still this text and the lease stands: yes or no.
    Expire {
        /// The lease it stands on.
        lease: Lease,
        /// Whose.
        user: UserId,
        /// As it was read.
        text: String,
    },
}

/// A pairing that has no room id yet; the driver has the dice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The one who waited longer, and the other.
    pub guests: [Entry; 2],
    /// What both like.
    pub common_interests: Vec<String>,
}

/// What the world answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done, or it is so.
    Yes,
    /// Not done, or it isn't so; nothing has changed.
    No,
    /// Not known: it may have been done or not.
    Failed,
    /// The next epoch.
    Epoch(u64),
    /// Claimed, as this pairing.
    Claimed(Box<Pairing>),
    /// People and their entries as texts; none for somebody who has none.
    Changed {
        /// Who changed.
        entries: Vec<(UserId, Option<String>)>,
        /// There is more to read.
        more: bool,
    },
    /// Everything.
    All {
        /// All entries.
        entries: Vec<(UserId, String)>,
        /// All pairings that wait for their room.
        pairings: Vec<String>,
    },
}

/// What happens to a leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An answer to the question of that number.
    Answer(u64, Answer),
    /// Something has changed in the store.
    Nudge,
    /// From now on these two never meet.
    Block {
        /// One.
        a: UserId,
        /// The other.
        b: UserId,
    },
    /// The lease is to be given up: the process ends.
    Retire,
    /// Time has passed.
    Tick,
}

/// What a leader wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask the world, and answer with this number.
    Ask(u64, Op),
    /// Tell somebody that they still wait; volatile.
    Waiting {
        /// Through which session.
        session: SocketId,
        /// Which place.
        ticket: TicketId,
        /// For how long.
        waited: std::time::Duration,
        /// What is no longer asked for.
        widened: Vec<crate::event::Widened>,
    },
    /// A ticket has ended because its owner stayed away.
    Ended {
        /// Whose.
        user: UserId,
        /// Which.
        ticket: TicketId,
    },
    /// This process leads now, or no longer.
    Leads(bool),
    /// Call `handle(Tick)` then. The newest one counts.
    WakeAt(Timestamp),
}
