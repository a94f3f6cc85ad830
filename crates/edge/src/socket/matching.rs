//! Searching for a stranger: `find-match`, `cancel-match`, `next`, and what the matcher and the rooms say back.

use std::{sync::Arc, time::Duration};

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

/// Tries to go on searching for somebody while the queue can't be reached, and the pause between them.
const SEARCH_ON_TRIES: usize = 40;
const SEARCH_ON_AGAIN: Duration = Duration::from_secs(1);

/// Tries to act upon news of a seat, and the pause between them: longer than a match waits for its two. After a longer
/// absence of the store every search is brought to the queue anew.
const NEWS_TRIES: usize = 20;
const NEWS_AGAIN: Duration = Duration::from_millis(500);

/// Who searches, through which socket.
#[derive(Clone, Copy)]
pub(super) struct Searcher {
    pub(super) user: UserId,
    pub(super) session: SocketId,
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
                session.set_call(None);
                // If it moved meanwhile, the search sees the new state.
                self.move_seat(session.user, Some(&text), None).await?;
                self.tell_taken(&seat, session.id).await;
            }
        }
        self.search(cx, session, wishes).await
    }

    /// Whoever is suspended meets nobody, however they try.
    pub(super) async fn may_meet(&self, cx: &Caller, user: UserId) -> Result<(), Fault> {
        let Some(suspended) = self.moderation.standing(cx, user).await?.suspended else { return Ok(()) };
        let left = suspended.until.since(self.clock.now());
        Err(Fault::suspended(suspended).retry_in(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whatever a person is in, or waits for, ends for them.
    pub(super) async fn give_up_seat(&self, cx: &Caller, user: UserId) -> Result<(), Fault> {
        for _ in 0..MAX_RACES {
            let Some((seat, text)) = self.seat(user).await? else { return Ok(()) };
            if let Some(room) = seat.room() {
                match self.rooms.leave(cx, RoomSeat { room, user, session: seat.session }).await {
                    Ok(()) => {}
                    Err(fault) if matches!(fault.code, Code::NotInRoom | Code::PeerGone) => {}
                    Err(fault) => return Err(fault),
                }
            } else {
                self.matchmaking.cancel(cx, user).await?;
            }
            if self.move_seat(user, Some(&text), None).await? {
                return Ok(());
            }
        }
        Err(Fault::new(Code::Conflict, "Another page of yours was faster."))
    }

    async fn search(&self, cx: &Caller, session: &Arc<Session>, wishes: Wishes) -> Result<Value, Fault> {
        self.may_meet(cx, session.user).await?;
        let who = Searcher { user: session.user, session: session.id };
        for _ in 0..MAX_RACES {
            let was = self.seat(who.user).await?;
            let new = || (self.dice.id(&self.clock), Some(self.clock.now()));
            let (ticket, since) = match was.as_ref().map(|(seat, _)| seat.holding) {
                None => new(),
                Some(Holding::Ticket { ticket, since }) => (ticket, since),
                Some(Holding::Room { room }) => {
                    let taken = RoomSeat { room, user: who.user, session: who.session };
                    if self.is_seated(cx, taken).await? {
                        return Err(Fault::new(Code::AlreadyInRoom, "You are in a call already."));
                    }
                    new()
                }
            };
            let holding = Holding::Ticket { ticket, since };
            let seat = Seat::new(who.session, wishes.clone(), holding);
            if !self.move_seat(who.user, was.as_ref().map(|(_, text)| text.as_str()), Some(&seat)).await? {
                continue;
            }
            let before = was.filter(|(was, _)| was.room().is_none());
            if let Err(fault) = self.wait_in_line(cx, who, ticket, wishes, since).await {
                // The search that ran before goes on as it was.
                let text = seat.text()?;
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
    pub(super) async fn wait_in_line(
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
                    if let Err(fault) = patiently(|| self.on_match_found(&seat)).await {
                        tracing::warn!(fault.code = %fault.code, "a match could not be told");
                    }
                }
                Ok(())
            }
            Event::SearchAgain { user, session, room, since } => {
                patiently(|| self.on_search_again(Searcher { user, session }, room, since)).await
            }
            Event::AgeChanged { user } => patiently(|| self.on_age_changed(user)).await,
            Event::SeatEnded { user, room, .. } => patiently(|| self.on_seat_ended(room, user)).await,
            Event::RoomLost { room, users } => {
                for user in users {
                    if let Err(fault) = patiently(|| self.on_room_lost(room, user)).await {
                        tracing::warn!(fault.code = %fault.code, "the loss of a room could not be told");
                    }
                }
                Ok(())
            }
            Event::TicketEnded { user, ticket } => {
                patiently(|| self.free_seat(user, |seat| holds(seat, ticket))).await
            }
            Event::TicketVoid { user, ticket, since, room, .. } => {
                patiently(|| self.on_ticket_void(user, ticket, since, room)).await
            }
            _ => Ok(()),
        };
        if let Err(fault) = result {
            tracing::warn!(fault.code = %fault.code, "a seat could not be updated");
        }
    }

    /// The last line against a double match: only a seat that still holds the matched ticket takes the room. Every node hears
    /// of it, and any of them may die at any point of it: so each brings it to its end, and what was done is not done again.
    async fn on_match_found(&self, found: &MatchSeat) -> Result<(), Fault> {
        let cx = Caller::internal("match-found");
        for _ in 0..MAX_RACES {
            let seat = self.seat(found.user).await?;
            if let Some((seat, _)) = seat.as_ref().filter(|(seat, _)| seat.room() == Some(found.room)) {
                // Somebody was faster. (Whoever has the seat by a later session has joined since.)
                let told = seat.session != found.session;
                return if told { Ok(()) } else { self.tell_match(found, seat.session).await };
            }
            let Some((seat, text)) = seat.filter(|(seat, _)| holds(seat, found.ticket)) else {
                metrics::counter!("visavis_matches_refused_total").increment(1);
                let leaver = RoomSeat { room: found.room, user: found.user, session: found.session };
                return self.rooms.leave(&cx, leaver).await;
            };
            let holding = Holding::Room { room: found.room };
            let taken = Seat::new(seat.session, seat.wishes, holding);
            if self.move_seat(found.user, Some(&text), Some(&taken)).await? {
                return self.tell_match(found, taken.session).await;
            }
        }
        Err(Fault::internal())
    }

    async fn tell_match(&self, found: &MatchSeat, session: SocketId) -> Result<(), Fault> {
        let mut event = found.event.clone();
        if let ServerEvent::Match { ice_servers, transport, .. } = &mut event {
            *ice_servers = (self.ice)(*transport);
        }
        self.log.emit_again(session, &event, &found.room.to_string()).await.map(drop)
    }

    async fn on_search_again(&self, who: Searcher, room: RoomId, since: Timestamp) -> Result<(), Fault> {
        match self.seat(who.user).await?.filter(|(seat, _)| seat.room() == Some(room)) {
            Some((seat, text)) => self.search_on(who.user, &seat, &text, since).await,
            None => Ok(()),
        }
    }

    /// The matcher can't use the ticket. If its owner is in a call (and the seat had been forgotten) the seat says so
    /// again; else it gets another ticket of the same age.
    async fn on_ticket_void(
        &self,
        user: UserId,
        ticket: TicketId,
        since: Timestamp,
        room: Option<RoomId>,
    ) -> Result<(), Fault> {
        let Some((seat, text)) = self.seat(user).await?.filter(|(seat, _)| holds(seat, ticket)) else {
            return Ok(());
        };
        if let Some(room) = room {
            let cx = Caller::internal("ticket-void");
            let taken = RoomSeat { room, user, session: seat.session };
            if self.is_seated(&cx, taken).await? {
                let back = Seat { holding: Holding::Room { room }, ..seat };
                return self.move_seat(user, Some(&text), Some(&back)).await.map(drop);
            }
        }
        self.search_on(user, &seat, &text, since).await
    }

    /// Goes on searching with a new ticket of the same age, in the name of a page that need do nothing. If that can't be
    /// done for long, the page is cut off and asks anew.
    async fn search_on(&self, user: UserId, seat: &Seat, text: &str, since: Timestamp) -> Result<(), Fault> {
        let ticket = self.dice.id(&self.clock);
        let holding = Holding::Ticket { ticket, since: Some(since) };
        let again = Seat::new(seat.session, seat.wishes.clone(), holding);
        if !self.move_seat(user, Some(text), Some(&again)).await? {
            return Ok(());
        }
        let who = Searcher { user, session: seat.session };
        for _ in 0..SEARCH_ON_TRIES {
            let cx = Caller::internal("search-on");
            match self.wait_in_line(&cx, who, ticket, seat.wishes.clone(), Some(since)).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.code == Code::Unavailable => tokio::time::sleep(SEARCH_ON_AGAIN).await,
                // They may meet nobody any more, by an earlier ticket neither.
                Err(_) => {
                    self.matchmaking.cancel(&cx, user).await?;
                    break;
                }
            }
        }
        self.free_seat(user, |seat| holds(seat, ticket)).await?;
        self.ask_anew(seat.session).await;
        Ok(())
    }

    /// Whom somebody may meet has changed: whoever waits waits by a new ticket. Where their page is it is done; of one that is
    /// away the room finds out that isn't opened.
    async fn on_age_changed(&self, user: UserId) -> Result<(), Fault> {
        let Some((seat, text)) = self.seat(user).await? else { return Ok(()) };
        match seat.holding {
            Holding::Ticket { since, .. } if self.is_live(seat.session) => {
                self.search_on(user, &seat, &text, since.unwrap_or_else(|| self.clock.now())).await
            }
            _ => Ok(()),
        }
    }

    /// News may have been missed: every search of a page that is connected here is brought to the queue again, as it
    /// was. One that the queue has changes nothing there.
    pub(super) async fn search_anew(&self) {
        let mut left = self.sessions();
        for _ in 0..SEARCH_ON_TRIES {
            let mut failed = Vec::new();
            for session in left {
                match self.search_again(&session).await {
                    Ok(()) => {}
                    Err(fault) if fault.code == Code::Unavailable => failed.push(session),
                    Err(fault) => {
                        tracing::warn!(fault.code = %fault.code, "a search could not be brought to the queue again");
                    }
                }
            }
            if failed.is_empty() {
                return;
            }
            left = failed;
            tokio::time::sleep(SEARCH_ON_AGAIN).await;
        }
        tracing::warn!(searches = left.len(), "some searches could not be brought to the queue again");
    }

    async fn search_again(&self, session: &Session) -> Result<(), Fault> {
        let Some((seat, _)) = self.seat(session.user).await? else { return Ok(()) };
        let Holding::Ticket { ticket, since } = seat.holding else { return Ok(()) };
        if seat.session != session.id || !self.is_live(session.id) {
            return Ok(());
        }
        let who = Searcher { user: session.user, session: session.id };
        self.wait_in_line(&Caller::internal("search-anew"), who, ticket, seat.wishes, since).await
    }
}

/// News of seats are acted upon even if a store is away for a moment: nobody says them again. Each of these acts goes by what
/// the seat says, so doing it twice does nothing.
async fn patiently<F: Future<Output = Result<(), Fault>>>(act: impl Fn() -> F) -> Result<(), Fault> {
    for _ in 1..NEWS_TRIES {
        match act().await {
            Err(fault) if fault.code == Code::Unavailable => tokio::time::sleep(NEWS_AGAIN).await,
            ended => return ended,
        }
    }
    act().await
}

fn holds(seat: &Seat, wanted: TicketId) -> bool {
    matches!(seat.holding, Holding::Ticket { ticket, .. } if ticket == wanted)
}
