//! Whether two strangers may meet, or go on talking. They were matched as it was then: a block may have been made since, and
//! more may be known of somebody's age.

use std::sync::Arc;

use visavis_domain::{
    Fault,
    event::{Event, Topic},
    id::{RoomId, UserId},
};
use visavis_platform::{
    bus::News,
    db::{blocks, users},
};

use super::{Live, Node, live::Input};

impl Node {
    /// Takes two strangers apart who may not meet, as if one had left. Whether it has.
    pub(super) async fn keep_apart(&self, id: RoomId, room: &Live) -> Result<bool, Fault> {
        let Some([by, other]) = room.lock().await.strangers() else { return Ok(false) };
        match self.may_meet(by, other).await {
            Ok(true) => return Ok(false),
            Ok(false) => {}
            // Who talks already goes on, and comes back to it, while accounts can't be read.
            Err(fault) if room.lock().await.has_begun() => {
                tracing::warn!(fault.code = %fault.code, "whether two strangers may go on talking is not known");
                return Ok(false);
            }
            Err(fault) => return Err(fault),
        }
        let _ = self.apply(id, room, Input::Part { by, other }).await;
        Ok(true)
    }

    async fn may_meet(&self, one: UserId, other: UserId) -> Result<bool, Fault> {
        Ok(users::may_meet(&self.deps.db, [one, other]).await?
            && !blocks::either_way(&self.deps.db, one).await?.contains(&other))
    }

    pub(super) async fn hear_ages(self: Arc<Self>) {
        let mut seats = self.deps.bus.subscribe(Topic::Seats);
        while let Some(news) = seats.next().await {
            match news {
                News::Event(Event::AgeChanged { user }) => self.look_at_strangers(Some(user)).await,
                News::Event(_) => {}
                News::Missed => self.look_at_strangers(None).await,
            }
        }
    }

    /// Ages change rarely, so looking through the rooms is cheap enough.
    async fn look_at_strangers(&self, of: Option<UserId>) {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        for (id, room) in rooms {
            let meant =
                room.lock().await.strangers().is_some_and(|both| of.is_none_or(|of| both.contains(&of)));
            if meant && let Err(fault) = self.keep_apart(id, &room).await {
                tracing::warn!(fault.code = %fault.code, "whether two strangers may go on talking is not known");
            }
        }
    }
}
