//! A user's one seat: a ticket or a room, held by one of the user's sockets. It lives in `Kv` and moves by
//! compare-and-set only, so that two sockets, or a match and a cancel, can't both win.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault, Timestamp,
    contract::{Caller, matchmaking::Wishes, rooms::Seat as RoomSeat},
    event::{CloseReason, ServerEvent},
    id::{RoomId, SocketId, TicketId, UserId},
};
use visavis_platform::seats::seat_key;

use super::{Hub, session::Session};

/// Tries against other writers of the same seat; each loss means that somebody else made progress.
pub(super) const MAX_RACES: usize = 8;

/// A seat that nobody moves and no socket of its user stands behind is forgotten after so long.
pub(super) const SEAT_LIFE: Duration = Duration::from_mins(10);

/// What a user occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    /// The socket session that holds it.
    pub(super) session: SocketId,
    /// What the last search was for, so that it can go on.
    pub(super) wishes: Wishes,
    /// Ticket or room.
    pub(super) holding: Holding,
    /// Of each entry into a room another one: no two states of a seat look alike.
    #[serde(default)]
    pub(super) entry: u64,
    /// Until when its session is on its way into the room; nothing once it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) coming: Option<Timestamp>,
}

/// Ticket or room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Holding {
    /// Waiting for a match.
    Ticket {
        /// The place.
        ticket: TicketId,
        /// Old waiting time that still counts.
        since: Option<Timestamp>,
    },
    /// In a call, or matched for one.
    Room {
        /// Which.
        room: RoomId,
    },
}

impl Seat {
    pub(super) const fn new(session: SocketId, wishes: Wishes, holding: Holding) -> Self {
        Self { session, wishes, holding, entry: 0, coming: None }
    }

    /// Whether its session is on its way into the room. Whoever takes longer than that has died on the way.
    pub(super) fn is_coming(&self, now: Timestamp) -> bool {
        self.coming.is_some_and(|until| now < until)
    }

    pub(super) fn text(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|_| Fault::internal())
    }

    pub(super) const fn room(&self) -> Option<RoomId> {
        match self.holding {
            Holding::Room { room } => Some(room),
            Holding::Ticket { .. } => None,
        }
    }
}

impl Hub {
    /// The seat as it is, with its text for the compare-and-set.
    pub(super) async fn seat(&self, user: UserId) -> Result<Option<(Seat, String)>, Fault> {
        let Some(text) = self.kv.get(&seat_key(user)).await? else { return Ok(None) };
        let seat = serde_json::from_str(&text).map_err(|_| Fault::internal())?;
        Ok(Some((seat, text)))
    }

    /// Moves the seat from exactly `was` to `to`. False when somebody else was faster.
    pub(super) async fn move_seat(
        &self,
        user: UserId,
        was: Option<&str>,
        to: Option<&Seat>,
    ) -> Result<bool, Fault> {
        let text = to.map(Seat::text).transpose()?;
        let moved = self.swap_seat(user, was, text).await?;
        if moved {
            self.seat_moved(user, was, to).await;
        }
        Ok(moved)
    }

    /// The same, and friends are told nothing.
    pub(super) async fn swap_seat(
        &self,
        user: UserId,
        was: Option<&str>,
        to: Option<String>,
    ) -> Result<bool, Fault> {
        self.kv.swap(&seat_key(user), was, to, Some(SEAT_LIFE)).await
    }

    /// Frees the seat if it still holds what `ended` describes.
    pub(super) async fn free_seat(&self, user: UserId, ended: impl Fn(&Seat) -> bool) -> Result<(), Fault> {
        for _ in 0..MAX_RACES {
            match self.seat(user).await? {
                Some((seat, text)) if ended(&seat) => {
                    if self.move_seat(user, Some(&text), None).await? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// The room says that somebody's stay is over. They may have come back since; or be on their way, and then nobody knows
    /// yet.
    pub(super) async fn on_seat_ended(&self, room: RoomId, user: UserId) -> Result<(), Fault> {
        self.end_stay(room, user).await.map(drop)
    }

    /// The room is gone with its node: frees the seat, and tells whoever held it.
    pub(super) async fn on_room_lost(&self, room: RoomId, user: UserId) -> Result<(), Fault> {
        if let Some(seat) = self.end_stay(room, user).await? {
            let event = ServerEvent::RoomClosed { room_id: room, reason: CloseReason::ServerLost };
            self.log.emit(seat.session, event).await?;
        }
        Ok(())
    }

    /// Ends a stay in a room, unless its person is there (again): a room that was lost may be open anew, under the same id. The
    /// seat that was freed.
    async fn end_stay(&self, room: RoomId, user: UserId) -> Result<Option<Seat>, Fault> {
        let cx = Caller::internal("seat-ended");
        for _ in 0..MAX_RACES {
            let held = self.seat(user).await?.filter(|(seat, _)| seat.room() == Some(room));
            let Some((seat, text)) = held else { return Ok(None) };
            if seat.is_coming(self.clock.now()) {
                return Err(Fault::unavailable());
            }
            let back = self.is_seated(&cx, RoomSeat { room, user, session: seat.session }).await;
            if back == Ok(true) {
                return Ok(None);
            }
            if self.move_seat(user, Some(&text), None).await? {
                return Ok(Some(seat));
            }
        }
        Ok(None)
    }

    /// Tells the socket that held the seat before that another one has it.
    pub(super) async fn tell_taken(&self, was: &Seat, by: SocketId) {
        if was.session != by {
            let _ = self.log.emit(was.session, ServerEvent::SeatTaken { room_id: was.room() }).await;
        }
    }

    /// Gives up whatever this session holds, for good.
    pub(super) async fn vacate(&self, session: &Session) -> Result<(), Fault> {
        let cx = Caller::internal("vacate");
        let Some((seat, text)) = self.seat(session.user).await? else { return Ok(()) };
        if seat.session != session.id {
            return Ok(());
        }
        match seat.holding {
            Holding::Ticket { .. } => {
                self.matchmaking.cancel(&cx, session.user).await?;
            }
            Holding::Room { room } => {
                let seat = RoomSeat { room, user: session.user, session: session.id };
                let _ = self.rooms.leave(&cx, seat).await;
            }
        }
        self.move_seat(session.user, Some(&text), None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use visavis_platform::{Clock, Kv, Seats, seats::session_key};

    use super::*;

    #[tokio::test]
    async fn rooms_read_where_a_seat_is_as_it_is_written_here() {
        let kv = Kv::memory(Clock::manual(Timestamp::from_millis(0)));
        let (user, session) = (UserId::from_bits(1), SocketId::from_bits(2));
        let (room, other) = (RoomId::from_bits(3), RoomId::from_bits(4));
        let seats = Seats::new(kv.clone());
        let is_held = async |room| seats.is_held(room, user, session).await.unwrap();
        assert!(!is_held(room).await, "nobody has a seat");
        let write = async |holding| {
            let text = Seat::new(session, Wishes::default(), holding).text().unwrap();
            kv.put(&seat_key(user), text, None).await.unwrap();
        };
        write(Holding::Room { room }).await;
        assert!(!is_held(room).await, "the session is over");
        kv.put(&session_key(session), String::new(), None).await.unwrap();
        assert!(is_held(room).await);
        assert!(!is_held(other).await);
        write(Holding::Ticket { ticket: TicketId::from_bits(5), since: None }).await;
        assert!(!is_held(room).await);
    }
}
