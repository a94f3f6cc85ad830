//! What was understood of somebody goes to those in the room who asked for it: to pages that are there now, kept nowhere.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

use visavis_domain::{
    Fault,
    contract::rooms::{Caption, Said},
    event::ServerEvent,
    id::RoomId,
    room::captions::{self, Captions},
};

use super::{Node, who};

impl Node {
    fn captions(&self) -> MutexGuard<'_, HashMap<RoomId, Captions>> {
        self.captions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn set_caption(&self, req: Caption) -> Result<(), Fault> {
        let room = req.seat.room;
        let live = self.room(room)?;
        // Held until it is set: a room that ends takes it away under the same lock.
        let live = live.lock().await;
        let reader = live.offering(who(req.seat))?;
        let mut all = self.captions();
        let captions = all.entry(room).or_default();
        captions.set((reader, req.seat.session), req.on, |who| live.session(who));
        if captions.is_empty() {
            all.remove(&room);
        }
        drop(all);
        Ok(())
    }

    pub(super) async fn tell_said(&self, req: Said) -> Result<(), Fault> {
        let Said { room: room_id, participant: participant_id, text, at } = req;
        let live = self.room(room_id)?;
        // As in most rooms: nobody waits there for one that nobody reads.
        if !self.captions().contains_key(&room_id) {
            return Ok(());
        }
        let readers = {
            let live = live.lock().await;
            let apart = live.apart_from(participant_id);
            let readers =
                |captions: &mut Captions| captions.readers(participant_id, &apart, |who| live.session(who));
            self.captions().get_mut(&room_id).map(readers).unwrap_or_default()
        };
        // The room goes on meanwhile.
        let text = captions::cut(&text);
        for to in readers {
            self.emit(to, ServerEvent::Caption { room_id, participant_id, text: text.clone(), at }).await;
        }
        Ok(())
    }

    pub(super) fn forget_captions(&self, room: RoomId) {
        self.captions().remove(&room);
    }
}
