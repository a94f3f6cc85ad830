//! What pages send in of direct calls goes to those who look, and what they find moves the call here.

use visavis_domain::{
    Fault,
    contract::rooms::{Sampled, Whose},
    room::Reply,
};

use super::{Node, live::Input, who};

impl Node {
    /// Whoever sends it learns nothing of what becomes of it.
    pub(super) async fn take_sample(&self, req: Sampled) -> Result<(), Fault> {
        let (room, from, of) = (req.seat.room, who(req.seat), req.of);
        let reply = self.act(room, Input::Sample(from, of)).await?;
        let (Some(shards), Some(picture), Reply::Sampled(true)) = (&self.shards, req.picture, reply) else {
            return Ok(());
        };
        let by = self.room(room)?.lock().await.openly(req.seat.user);
        if let Some(by) = by {
            shards.hinted(room, (by, of), self.deps.clock.now(), picture);
        }
        Ok(())
    }

    /// Whether the call moves because of it.
    pub(super) async fn look_for_itself(&self, req: Whose) -> Result<bool, Fault> {
        Ok(self.act(req.room, Input::Watch).await? == Reply::Moves(true))
    }
}
