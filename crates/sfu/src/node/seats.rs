//! Whether those who are in rooms still have their seat there. The edge says when somebody has gone; should it die before it
//! can, or believe them elsewhere, they would stay for ever, unseen, in a place that others want. So the rooms look for
//! themselves. Whoever isn't found twice in a row gets the grace of a dropped socket, and keeps their place if they are found
//! again within it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use visavis_domain::{
    id::{RoomId, SocketId, UserId},
    room::Who,
};

use super::{Node, live::Input};

/// Between two looks at those who weren't found.
const LOOK: Duration = Duration::from_secs(5);
/// At every how-manieth of them everybody is looked at: with ten thousand people in rooms these are a thousand questions a
/// second, of which a store answers a hundred times as many.
const EVERYBODY: u32 = 4;
/// Who is asked about at once.
const AT_ONCE: usize = 64;

/// Somebody's place in a room.
type Place = (RoomId, UserId, SocketId);

/// Those who weren't found, and who of them was given the grace for it.
#[derive(Debug, Default)]
pub struct Unfound(HashMap<Place, bool>);

impl Node {
    pub(super) async fn keep_seats(self: Arc<Self>) {
        let mut unfound = Unfound::default();
        for looks in 1_u32.. {
            tokio::time::sleep(LOOK).await;
            self.look_for_seats(&mut unfound, looks.is_multiple_of(EVERYBODY)).await;
        }
    }

    /// Looks once for the seats of everybody, or of those alone who weren't found the last time.
    pub async fn look_for_seats(&self, unfound: &mut Unfound, everybody: bool) {
        let mut places: HashSet<Place> = unfound.0.keys().copied().collect();
        if everybody {
            places.extend(self.places_taken().await);
        }
        let looked = stream::iter(places)
            .map(|place @ (room, user, session)| async move {
                (place, self.deps.seats.is_held(room, user, session).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (place, found) in looked {
            match found {
                Ok(true) => self.found(unfound, place).await,
                Ok(false) => self.not_found(unfound, place).await,
                // Nobody is let go of because the store is away.
                Err(_) => {}
            }
        }
    }

    async fn places_taken(&self) -> Vec<Place> {
        let rooms: Vec<_> = self.lock_rooms().iter().map(|(id, room)| (*id, Arc::clone(room))).collect();
        let mut places = Vec::new();
        for (id, room) in rooms {
            let here = room.lock().await.here();
            places.extend(here.into_iter().map(|Who { user, session }| (id, user, session)));
        }
        places
    }

    async fn found(&self, unfound: &mut Unfound, place: Place) {
        if unfound.0.remove(&place) == Some(true) {
            let (room, user, session) = place;
            let _ = self.act(room, Input::Unpark(Who { user, session })).await;
        }
    }

    async fn not_found(&self, unfound: &mut Unfound, place: Place) {
        let (room, user, session) = place;
        match unfound.0.insert(place, true) {
            // Their seat may just be moving.
            None => drop(unfound.0.insert(place, false)),
            Some(false) => {
                tracing::info!(room.id = %room, "somebody's seat is gone: they are let go of unless it comes back");
                metrics::counter!("visavis_rooms_seats_gone_total").increment(1);
                if self.act(room, Input::Park(Who { user, session })).await.is_err() {
                    unfound.0.remove(&place);
                }
            }
            Some(true) => {
                if !self.has(place).await {
                    unfound.0.remove(&place);
                }
            }
        }
    }

    async fn has(&self, (room, user, session): Place) -> bool {
        let Ok(room) = self.room(room) else { return false };
        let room = room.lock().await;
        room.is_seated(user) && room.session_of(user) == Some(session)
    }
}
