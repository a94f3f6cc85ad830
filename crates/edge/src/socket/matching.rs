//! Searching for a stranger: `find-match`, `cancel-match`, `next`, and what the matcher and the rooms say back.

use std::sync::Arc;

use serde_json::{Value, json};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        matchmaking::{Enqueue, Holder, Wishes},
        rooms::Seat as RoomSeat,
    },
    event::{Event, MatchSeat, ServerEvent},
    id::{RoomId, SocketId, TicketId, UserId},
};

use super::{
    Hub,
    seat::{Holding, MAX_RACES, Seat},
    session::Session,
};

/// Who searches, through which socket.
#[derive(Clone, Copy)]
struct Searcher {
    user: UserId,
    session: SocketId,
}

impl Hub {
    pub(super) async fn on_find_match(
        &self,
        cx: &Caller,
        session: &Arc<Session>,
        wishes: Wishes,
    ) -> Result<Value, Fault> {
        self.limit("search", session, self.settings.searches_per_min).await?;
        self.search(cx, session, wishes).await
    }

    pub(super) async fn on_next(
        &self,
        cx: &Caller,
        session: &Arc<Session>,
        wishes: Wishes,
    ) -> Result<Value, Fault> {
        self.limit("search", session, self.settings.searches_per_min).await?;
        let mut wishes = wishes;
        if let Some((seat, text)) = self.seat(session.user).await? {
            if wishes == Wishes::default() {
                wishes = seat.wishes.clone();
            }
            if let Some(room) = seat.room() {
                let leaver = RoomSeat { room, user: session.user, session: seat.session };
                match self.rooms.leave(cx, leaver).await {
                    Ok(()) => {}
                    // The room has ended by itself meanwhile, which is just as well.
                    Err(fault) if matches!(fault.code, Code::NotInRoom | Code::PeerGone) => {}
                    Err(fault) => return Err(fault),
                }
                // If it moved meanwhile, the search sees the new state.
                self.move_seat(session.user, Some(&text), None).await?;
                self.tell_taken(&seat, session.id).await;
            }
        }
        self.search(cx, session, wishes).await
    }

    async fn search(&self, cx: &Caller, session: &Arc<Session>, wishes: Wishes) -> Result<Value, Fault> {
        let who = Searcher { user: session.user, session: session.id };
        for _ in 0..MAX_RACES {
            let was = self.seat(who.user).await?;
            let ticket = match was.as_ref().map(|(seat, _)| seat.holding) {
                None => self.dice.id(&self.clock),
                Some(Holding::Ticket { ticket, .. }) => ticket,
                Some(Holding::Room { room }) => {
                    let taken = RoomSeat { room, user: who.user, session: who.session };
                    if self.rooms.seated(cx, taken).await? {
                        return Err(Fault::new(Code::AlreadyInRoom, "You are in a call already."));
                    }
                    self.dice.id(&self.clock)
                }
            };
            let seat = Seat {
                session: who.session,
                wishes: wishes.clone(),
                holding: Holding::Ticket { ticket, since: None },
            };
            if !self.move_seat(who.user, was.as_ref().map(|(_, text)| text.as_str()), Some(&seat)).await? {
                continue;
            }
            let before = was.filter(|(was, _)| was.room().is_none());
            if let Err(fault) = self.wait_in_line(cx, who, ticket, wishes, None).await {
                // The search that ran before goes on as it was.
                let text = serde_json::to_string(&seat).map_err(|_| Fault::internal())?;
                self.move_seat(who.user, Some(&text), before.as_ref().map(|(was, _)| was)).await?;
                return Err(fault);
            }
            if let Some((before, _)) = before {
                self.tell_taken(&before, who.session).await;
            }
            return Ok(json!({"ok": true, "ticketId": ticket}));
        }
        Err(Fault::new(Code::Conflict, "Another page of yours was faster."))
    }

    /// Enqueues the ticket that the seat holds.
    async fn wait_in_line(
        &self,
        cx: &Caller,
        who: Searcher,
        ticket: TicketId,
        wishes: Wishes,
        since: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let request = Enqueue { user: who.user, session: who.session, ticket, wishes, since };
        self.matchmaking.enqueue(cx, request).await?;
        // Matched or given up between the seat's move and the queue? Then nobody of this name may wait. (A seat with
        // another ticket belongs to a later search, which looks after itself.)
        let waits = matches!(self.seat(who.user).await?, Some((seat, _)) if seat.room().is_none());
        if !waits {
            self.matchmaking.cancel(cx, who.user).await?;
        }
        if !self.is_connected(who.session).await? {
            self.matchmaking.park(cx, Holder { user: who.user, session: who.session }).await?;
        }
        Ok(())
    }

    pub(super) async fn on_cancel_match(&self, cx: &Caller, session: &Session) -> Result<Value, Fault> {
        let waiting = match self.seat(session.user).await? {
            Some((seat, text)) if seat.session == session.id && seat.room().is_none() => Some(text),
            _ => None,
        };
        let Some(text) = waiting else { return Ok(json!({"ok": true, "cancelled": false})) };
        let cancelled = self.matchmaking.cancel(cx, session.user).await?;
        if cancelled {
            self.move_seat(session.user, Some(&text), None).await?;
        }
        Ok(json!({"ok": true, "cancelled": cancelled}))
    }

    /// What the matcher and the rooms say about seats.
    pub(super) async fn on_seat_news(&self, event: Event) {
        let result = match event {
            Event::MatchFound { seats } => {
                for seat in *seats {
                    if let Err(fault) = self.on_match_found(seat).await {
                        tracing::warn!(fault.code = %fault.code, "a match could not be told");
                    }
                }
                Ok(())
            }
            Event::SearchAgain { user, session, room, since } => {
                self.on_search_again(Searcher { user, session }, room, since).await
            }
            Event::SeatEnded { user, room, .. } => {
                self.free_seat(user, |seat| seat.room() == Some(room)).await
            }
            Event::RoomLost { room, users } => {
                for user in users {
                    if let Err(fault) = self.on_room_lost(room, user).await {
                        tracing::warn!(fault.code = %fault.code, "the loss of a room could not be told");
                    }
                }
                Ok(())
            }
            Event::TicketEnded { user, ticket } => self.free_seat(user, |seat| holds(seat, ticket)).await,
            _ => Ok(()),
        };
        if let Err(fault) = result {
            tracing::warn!(fault.code = %fault.code, "a seat could not be updated");
        }
    }

    /// The last line against a double match: only a seat that still holds the matched ticket takes the room.
    async fn on_match_found(&self, found: MatchSeat) -> Result<(), Fault> {
        let cx = Caller::internal("match-found");
        for _ in 0..MAX_RACES {
            let seat = self.seat(found.user).await?;
            if seat.as_ref().is_some_and(|(seat, _)| seat.room() == Some(found.room)) {
                // Another node heard it first.
                return Ok(());
            }
            let Some((seat, text)) = seat.filter(|(seat, _)| holds(seat, found.ticket)) else {
                metrics::counter!("visavis_matches_refused_total").increment(1);
                let leaver = RoomSeat { room: found.room, user: found.user, session: found.session };
                return self.rooms.leave(&cx, leaver).await;
            };
            let holding = Holding::Room { room: found.room };
            let taken = Seat { session: seat.session, wishes: seat.wishes, holding };
            if self.move_seat(found.user, Some(&text), Some(&taken)).await? {
                let mut event = found.event;
                if let ServerEvent::Match { ice_servers, .. } = &mut event {
                    *ice_servers = (self.ice)(found.user);
                }
                return self.log.emit(taken.session, event).await;
            }
        }
        Err(Fault::internal())
    }

    async fn on_search_again(&self, who: Searcher, room: RoomId, since: Timestamp) -> Result<(), Fault> {
        let Some((seat, text)) = self.seat(who.user).await?.filter(|(seat, _)| seat.room() == Some(room))
        else {
            return Ok(());
        };
        let ticket = self.dice.id(&self.clock);
        let holding = Holding::Ticket { ticket, since: Some(since) };
        let again = Seat { session: seat.session, wishes: seat.wishes.clone(), holding };
        if self.move_seat(who.user, Some(&text), Some(&again)).await? {
            let cx = Caller::internal("search-again");
            let who = Searcher { user: who.user, session: seat.session };
            self.wait_in_line(&cx, who, ticket, seat.wishes, Some(since)).await?;
        }
        Ok(())
    }
}

fn holds(seat: &Seat, wanted: TicketId) -> bool {
    matches!(seat.holding, Holding::Ticket { ticket, .. } if ticket == wanted)
}
