//! Which node holds which room. A room is claimed before it is opened and released when it is gone; in between every
//! call for it goes to its node.
//!
//! A claim holds the id of the node, which is a new one at every start: it is the fencing token. A claim counts only
//! while that node's own lease lives, so a node's death frees all of its rooms without touching them one by one.

use std::time::Duration;

use visavis_domain::{
    Fault,
    id::{NodeId, RoomId, UserId},
};

use crate::Kv;

/// Claims end by themselves when their node doesn't renew them: long, because the node's own lease says it sooner.
pub const CLAIM: Duration = Duration::from_mins(10);

/// Whoever was removed from a room for safety stays out of it so long: as long as its record lives unused.
pub const KEPT_OUT: Duration = Duration::from_hours(24);

/// Who holds what.
#[derive(Debug, Clone)]
pub struct Places {
    kv: Kv,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Ours,
    /// Another node has it.
    Theirs(NodeId),
}

fn kept_out(room: RoomId, user: UserId) -> String {
    format!("safety/{room}/{user}")
}

fn key(room: RoomId) -> String {
    format!("room/{room}")
}

impl Places {
    /// In this store.
    pub const fn new(kv: Kv) -> Self {
        Self { kv }
    }

    /// Takes the room for `node`, unless another has it.
    pub async fn claim(&self, room: RoomId, node: NodeId) -> Result<Claim, Fault> {
        // Twice: a claim that ends between the two questions leaves the room free.
        for _ in 0..2 {
            if self.kv.swap(&key(room), None, Some(node.to_string()), Some(CLAIM)).await? {
                return Ok(Claim::Ours);
            }
            match self.holder(room).await? {
                Some(holder) if holder == node => return Ok(Claim::Ours),
                Some(holder) => return Ok(Claim::Theirs(holder)),
                None => {}
            }
        }
        Err(Fault::unavailable())
    }

    /// Keeps what was claimed; claims again what the store forgot.
    pub async fn renew(&self, room: RoomId, node: NodeId) -> Result<Claim, Fault> {
        let claim = self.claim(room, node).await?;
        if claim == Claim::Ours {
            self.kv.expire(&key(room), Some(CLAIM)).await?;
        }
        Ok(claim)
    }

    /// Gives the room up, if it is the node's.
    pub async fn release(&self, room: RoomId, node: NodeId) -> Result<(), Fault> {
        self.kv.swap(&key(room), Some(&node.to_string()), None, None).await.map(drop)
    }

    /// Somebody was removed for safety: they don't come into this room again, whichever node opens it.
    pub async fn keep_out(&self, room: RoomId, user: UserId) -> Result<(), Fault> {
        self.kv.put(&kept_out(room, user), String::new(), Some(KEPT_OUT)).await
    }

    /// It was taken back.
    pub async fn let_in(&self, room: RoomId, user: UserId) -> Result<(), Fault> {
        self.kv.delete(&kept_out(room, user)).await.map(drop)
    }

    /// Whether they were.
    pub async fn is_kept_out(&self, room: RoomId, user: UserId) -> Result<bool, Fault> {
        self.kv.exists(&kept_out(room, user)).await
    }

    /// Who has it, alive or not.
    pub async fn holder(&self, room: RoomId) -> Result<Option<NodeId>, Fault> {
        Ok(self.kv.get(&key(room)).await?.and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    #[tokio::test]
    async fn a_room_has_one_holder_and_only_that_one_gives_it_up() {
        let places = Places::new(Kv::memory(Clock::System));
        let (room, a, b) = (RoomId::from_bits(1), NodeId::from_bits(1), NodeId::from_bits(2));
        assert_eq!(places.claim(room, a).await.unwrap(), Claim::Ours);
        assert_eq!(places.claim(room, a).await.unwrap(), Claim::Ours, "again changes nothing");
        assert_eq!(places.claim(room, b).await.unwrap(), Claim::Theirs(a));
        places.release(room, b).await.unwrap();
        assert_eq!(places.holder(room).await.unwrap(), Some(a));
        places.release(room, a).await.unwrap();
        assert_eq!(places.renew(room, b).await.unwrap(), Claim::Ours, "what nobody has is claimed anew");
    }

    #[tokio::test]
    async fn whoever_is_kept_out_of_a_room_is_let_in_when_that_is_taken_back() {
        let places = Places::new(Kv::memory(Clock::System));
        let (room, other, user) = (RoomId::from_bits(1), RoomId::from_bits(2), UserId::from_bits(3));
        places.keep_out(room, user).await.unwrap();
        assert!(places.is_kept_out(room, user).await.unwrap());
        assert!(!places.is_kept_out(other, user).await.unwrap());
        places.let_in(room, user).await.unwrap();
        assert!(!places.is_kept_out(room, user).await.unwrap());
    }
}
