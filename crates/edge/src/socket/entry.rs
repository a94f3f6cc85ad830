//! On the way into a room. A page takes its person's seat for the room *before* it comes in, and gives it back when it isn't let
//! in. Until then no other page of the same person comes in anywhere: it waits, and sees what became of the first. So nobody is
//! in two rooms at once, on however many pages and nodes. Should a node die on this way, or a store forget, the room that somebody
//! is left in notices by itself that their seat isn't there.

use std::time::Duration;

use visavis_domain::{Code, Fault, contract::Caller, id::RoomId};

use super::{
    Hub,
    matching::Searcher,
    seat::{Holding, Seat},
    session::Session,
};

/// How long a page may be on its way: opening a room and coming in are at most three calls of three seconds.
const COMING: Duration = Duration::from_secs(10);
/// How often another page looks whether it has arrived, and how many times: a little longer than that.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOKS: usize = 240;

/// A seat that was taken for a room.
#[must_use = "whoever isn't let in gives the seat back"]
pub(super) struct Entry {
    room: RoomId,
    seat: Seat,
    text: String,
    before: Option<(Seat, String)>,
}

impl Entry {
    /// The seat was in this room before.
    pub(super) fn was_here(&self) -> bool {
        self.before.as_ref().is_some_and(|(seat, _)| seat.room() == Some(self.room) && seat.coming.is_none())
    }
}

impl Hub {
    /// Takes the seat, unless its person is in another room.
    pub(super) async fn enter(&self, cx: &Caller, session: &Session, room: RoomId) -> Result<Entry, Fault> {
        for _ in 0..LOOKS {
            let before = self.seat(session.user).await?;
            if let Some((seat, _)) = &before {
                if seat.is_coming(self.clock.now()) && seat.session != session.id {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
                let elsewhere = seat.room().filter(|held| *held != room);
                if let Some(held) = elsewhere
                    && self.is_seated(cx, session.in_room(held)).await?
                {
                    return Err(Fault::new(Code::AlreadyInRoom, "Leave the other call first."));
                }
            }
            let wishes = before.as_ref().map(|(seat, _)| seat.wishes.clone()).unwrap_or_default();
            let seat = Seat {
                entry: self.dice.u64(),
                coming: Some(self.clock.now() + COMING),
                ..Seat::new(session.id, wishes, Holding::Room { room })
            };
            let text = seat.text()?;
            let was = before.as_ref().map(|(_, text)| text.as_str());
            if self.swap_seat(session.user, was, Some(text.clone())).await? {
                return Ok(Entry { room, seat, text, before });
            }
        }
        Err(Fault::new(Code::Conflict, "Another page of yours was faster."))
    }

    /// The session is in: from now on the seat is its.
    pub(super) async fn sit_down(&self, cx: &Caller, session: &Session, entry: Entry) -> Result<(), Fault> {
        let Entry { room, seat, text, before } = entry;
        let settled = Seat { coming: None, ..seat };
        if !self.swap_seat(session.user, Some(&text), Some(settled.text()?)).await? {
            return self.come_too_late(cx, session, room).await;
        }
        session.set_call(Some(room));
        let was = before.as_ref().map(|(_, text)| text.as_str());
        self.seat_moved(session.user, was, Some(&settled)).await;
        self.stay_or_park(session).await;
        if let Some((was, _)) = before {
            if matches!(was.holding, Holding::Ticket { .. }) {
                self.matchmaking.cancel(cx, session.user).await?;
            }
            self.tell_taken(&was, session.id).await;
        }
        Ok(())
    }

    /// The page, or the login, may have ended while it was on its way; whoever ended it has looked at the seat already.
    async fn stay_or_park(&self, session: &Session) {
        if let Ok(record) = self.record(session.id).await
            && record.is_none_or(|(record, _)| record.node.is_none())
        {
            self.park(session.user, session.id).await;
        }
    }

    /// The seat is somebody else's by now: what was entered is left.
    async fn come_too_late(&self, cx: &Caller, session: &Session, room: RoomId) -> Result<(), Fault> {
        match self.seat(session.user).await? {
            Some((seat, _)) if seat.room() == Some(room) => {
                // A later connection of the same page does the rest.
                let mine = seat.session == session.id;
                mine.then_some(())
                    .ok_or_else(|| Fault::new(Code::Conflict, "Another page of yours was faster."))
            }
            _ => {
                let _ = self.rooms.leave(cx, session.in_room(room)).await;
                Err(Fault::new(Code::AlreadyInRoom, "Another page of yours was faster."))
            }
        }
    }

    /// The session wasn't let in: the seat is again what it was before.
    pub(super) async fn turn_back(&self, cx: &Caller, session: &Session, entry: Entry, why: &Fault) {
        let Entry { room, text, before, .. } = entry;
        let was_here = before.as_ref().is_some_and(|(seat, _)| seat.room() == Some(room));
        if !was_here && matches!(why.code, Code::Unavailable | Code::Internal) {
            // It may be in without knowing.
            let _ = self.rooms.leave(cx, session.in_room(room)).await;
        }
        // A stay that ended meanwhile has ended.
        let before = match before {
            Some((seat, text)) => match seat.room() {
                Some(held) if self.is_seated(cx, session.in_room(held)).await == Ok(false) => None,
                _ => Some((seat, text)),
            },
            None => None,
        };
        let back = before.as_ref().map(|(_, text)| text.clone());
        if !matches!(self.swap_seat(session.user, Some(&text), back).await, Ok(true)) {
            return;
        }
        let Some((seat, _)) = before else {
            self.seat_moved(session.user, Some(&text), None).await;
            return;
        };
        match seat.holding {
            // It may have been matched meanwhile, which counts for nothing: then the queue says so.
            Holding::Ticket { ticket, since } => {
                let who = Searcher { user: session.user, session: seat.session };
                let _ = self.wait_in_line(cx, who, ticket, seat.wishes, since).await;
            }
            Holding::Room { .. } => {
                if self.is_connected(seat.session).await == Ok(false) {
                    self.park(session.user, seat.session).await;
                }
            }
        }
    }
}
