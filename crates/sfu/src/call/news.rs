//! What a room's media has to tell.

use std::net::SocketAddr;

use visavis_domain::{
    id::ParticipantId,
    room::{
        speaker::Loudness,
        tap::{Consumer, Sample},
    },
    wire::Source,
};

use crate::burst::Burst;

/// What a line carries, for the `slots` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotView {
    /// The line.
    pub mid: String,
    /// Who is on it.
    pub participant: Option<ParticipantId>,
    /// What.
    pub source: Source,
}

/// How a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkNews {
    /// Media can flow.
    Connected,
    /// Nothing has come for a while.
    Silent,
    /// It is heard again.
    Back,
    /// It has ended for good: the page is gone or has closed it.
    Ended,
}

/// What a room has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// All receiving lines of one viewer.
    Slots(ParticipantId, Vec<SlotView>),
    /// Who speaks, for everybody.
    Speaking(Option<ParticipantId>, Vec<Loudness>),
    /// How somebody's connection does.
    Link(ParticipantId, LinkNews),
}

/// What the shard must know of a room's doings.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) news: Vec<News>,
    pub(crate) bursts: Vec<Burst>,
    /// Addresses that have proven themselves, and whose they are.
    pub(crate) addresses: Vec<(SocketAddr, usize)>,
    /// What was gathered for whom.
    pub(crate) samples: Vec<(Consumer, Sample)>,
}

/// Counts for the benches and metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Media packets that came in.
    pub received: u64,
    /// Media packets written to viewers.
    pub forwarded: u64,
    /// Key frames asked for.
    pub key_frame_requests: u64,
    /// Layer changes.
    pub switches: u64,
    /// Key frames that a consumer of samples waited for in vain.
    pub missed: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            forwarded: self.forwarded + other.forwarded,
            key_frame_requests: self.key_frame_requests + other.key_frame_requests,
            switches: self.switches + other.switches,
            missed: self.missed + other.missed,
        }
    }
}
