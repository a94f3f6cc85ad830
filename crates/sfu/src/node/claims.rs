//! The node's claims on its rooms: made at the opening, kept while the room lives, given up with it.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use visavis_domain::{Fault, event::CloseReason, id::RoomId};
use visavis_platform::places::{CLAIM, Claim};

use super::{Node, live::Input};

/// How often claims are renewed: twice may go wrong.
const RENEW: Duration = Duration::from_secs(CLAIM.as_secs() / 4);
/// How often one claim is looked at, to notice a store that has forgotten everything.
const SAMPLE: Duration = Duration::from_secs(3);
/// Claims that are renewed at once.
const AT_ONCE: usize = 64;

impl Node {
    /// Takes a new room. False when another node has it.
    pub(super) async fn claim(&self, room: RoomId) -> Result<bool, Fault> {
        Ok(self.deps.places.claim(room, self.deps.node).await? == Claim::Ours)
    }

    pub(super) async fn release(&self, room: RoomId) {
        if let Err(fault) = self.deps.places.release(room, self.deps.node).await {
            // It ends by itself.
            tracing::debug!(room.id = %room, fault.code = %fault.code, "a claim was not released");
        }
    }

    pub(super) async fn keep_claims(self: Arc<Self>) {
        let mut samples = 0_u64;
        loop {
            let told = tokio::time::timeout(SAMPLE, self.claim_again.notified()).await.is_ok();
            samples += 1;
            let rooms: Vec<_> = self.lock_rooms().keys().copied().collect();
            let due = samples.is_multiple_of(RENEW.as_secs() / SAMPLE.as_secs());
            if told || due || self.is_forgotten(&rooms).await {
                stream::iter(rooms).for_each_concurrent(AT_ONCE, |room| self.renew(room)).await;
            }
        }
    }

    async fn is_forgotten(&self, rooms: &[RoomId]) -> bool {
        let Some(sample) =
            rooms.get(usize::try_from(self.deps.dice.below(rooms.len().max(1) as u64)).unwrap_or(0))
        else {
            return false;
        };
        matches!(self.deps.places.holder(*sample).await, Ok(None))
    }

    async fn renew(&self, id: RoomId) {
        let claim = self.deps.places.renew(id, self.deps.node).await;
        if let Ok(Claim::Theirs(_)) = claim
            && let Ok(room) = self.room(id)
        {
            // Somebody took it for dead and opened it anew: there must not be two.
            tracing::warn!(room.id = %id, "a room is held by another node and was closed here");
            let _ = self.apply(id, &room, Input::Close(CloseReason::ServerLost)).await;
        }
    }
}
