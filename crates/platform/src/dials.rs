//! Who is being called. A person rings for one call at a time, and of two who call each other at the same moment one
//! answers the other's call: both are compare-and-writes, so it doesn't matter which node hears of it first.

use std::time::Duration;

use visavis_domain::{
    Fault,
    id::{RoomId, UserId},
};

use crate::Kv;

/// Until the room rings, and holds it for as long as that: opening takes three seconds at most.
const OPENING: Duration = Duration::from_secs(10);
/// How much longer than it rings: the room's own word comes first.
const LONGER: Duration = Duration::from_secs(10);

/// Who calls whom.
#[derive(Debug, Clone)]
pub struct Dials {
    kv: Kv,
}

/// Where it is written down who calls a person.
pub fn callee_key(user: UserId) -> String {
    format!("ring/{user}")
}

fn pair_key(a: UserId, b: UserId) -> String {
    format!("dial/{}/{}", a.min(b), a.max(b))
}

fn pair_value(from: UserId, room: RoomId) -> String {
    format!("{from} {room}")
}

impl Dials {
    /// In this store.
    pub const fn new(kv: Kv) -> Self {
        Self { kv }
    }

    /// `from` calls `to`. When one of the two was faster: who, and in which room.
    pub async fn dial(
        &self,
        from: UserId,
        to: UserId,
        room: RoomId,
    ) -> Result<Option<(UserId, RoomId)>, Fault> {
        let key = pair_key(from, to);
        // Twice: what ends between the two questions leaves the pair free.
        for _ in 0..2 {
            if self.kv.swap(&key, None, Some(pair_value(from, room)), Some(OPENING)).await? {
                return Ok(None);
            }
            let Some(text) = self.kv.get(&key).await? else { continue };
            let (from, room) = text.split_once(' ').ok_or_else(Fault::internal)?;
            let read = |_| Fault::internal();
            return Ok(Some((from.parse().map_err(read)?, room.parse().map_err(|_| Fault::internal())?)));
        }
        Err(Fault::unavailable())
    }

    /// It is to ring at `user`'s. False when it rings there for another call.
    pub async fn claim(&self, user: UserId, room: RoomId) -> Result<bool, Fault> {
        let key = callee_key(user);
        if self.kv.swap(&key, None, Some(room.to_string()), Some(OPENING)).await? {
            return Ok(true);
        }
        Ok(self.ringing(user).await? == Some(room))
    }

    /// It rings at `user`'s, called by `from`, for so long.
    pub async fn hold(&self, user: UserId, from: UserId, room: RoomId, ring: Duration) -> Result<(), Fault> {
        if self.ringing(user).await? == Some(room) {
            self.kv.expire(&callee_key(user), Some(ring + LONGER)).await?;
        }
        let pair = pair_key(user, from);
        if self.kv.get(&pair).await? == Some(pair_value(from, room)) {
            self.kv.expire(&pair, Some(ring + LONGER)).await?;
        }
        Ok(())
    }

    /// It rings no more.
    pub async fn release(&self, user: UserId, from: UserId, room: RoomId) -> Result<(), Fault> {
        self.kv.swap(&callee_key(user), Some(&room.to_string()), None, None).await?;
        self.kv.swap(&pair_key(user, from), Some(&pair_value(from, room)), None, None).await?;
        Ok(())
    }

    /// The call that rings at somebody's.
    pub async fn ringing(&self, user: UserId) -> Result<Option<RoomId>, Fault> {
        Ok(self.kv.get(&callee_key(user)).await?.and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use visavis_domain::Timestamp;

    use super::*;
    use crate::Clock;

    const ADA: UserId = UserId::from_bits(1);
    const BOB: UserId = UserId::from_bits(2);
    const ROOM: RoomId = RoomId::from_bits(1);
    const OTHER: RoomId = RoomId::from_bits(2);

    #[tokio::test]
    async fn of_two_who_call_each_other_one_is_first_and_it_rings_for_one_call_at_a_time() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let dials = Dials::new(Kv::memory(clock.clone()));
        assert_eq!(dials.dial(ADA, BOB, ROOM).await.unwrap(), None);
        assert_eq!(dials.dial(BOB, ADA, OTHER).await.unwrap(), Some((ADA, ROOM)));
        assert!(dials.claim(BOB, ROOM).await.unwrap());
        assert!(dials.claim(BOB, ROOM).await.unwrap(), "again changes nothing");
        assert!(!dials.claim(BOB, OTHER).await.unwrap());
        dials.hold(BOB, ADA, ROOM, Duration::from_secs(45)).await.unwrap();
        clock.advance(Duration::from_secs(50));
        dials.release(BOB, ADA, OTHER).await.unwrap();
        assert_eq!(dials.ringing(BOB).await.unwrap(), Some(ROOM), "only its own call frees it");
        assert_eq!(dials.dial(BOB, ADA, OTHER).await.unwrap(), Some((ADA, ROOM)));
        dials.release(BOB, ADA, ROOM).await.unwrap();
        assert_eq!(dials.ringing(BOB).await.unwrap(), None);
        assert_eq!(dials.dial(BOB, ADA, OTHER).await.unwrap(), None);
        assert!(dials.claim(ADA, OTHER).await.unwrap());
        clock.advance(Duration::from_secs(10));
        assert!(dials.claim(ADA, ROOM).await.unwrap(), "what nobody opened ends by itself");
    }
}
