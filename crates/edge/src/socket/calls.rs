//! Calling a friend: `call-user`, `call-accept`, `call-decline`, `call-cancel`, `add-to-call`. What a call may become is
//! decided by its room; here is only who may begin one, and who is free.

use std::time::Duration;

use serde_json::{Value, json};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        friends::Pair,
        rooms::{Add, Call, Called, Cancel, Miss, Seat as RoomSeat},
        users::Seeker,
    },
    event::{CallEnd, CloseReason, ServerEvent},
    id::{RoomId, UserId},
    wire::{Card, Path},
};
use visavis_platform::Dials;

use super::{
    Hub,
    inbound::done,
    payload::{Added, CalledOff, Dialled, InRoom},
    session::Session,
};

/// Of two who call each other the second waits for the first one's room: tries, and the pause between them. Opening a room
/// takes three seconds at most.
const CROSSED_TRIES: usize = 30;
const CROSSED_AGAIN: Duration = Duration::from_millis(100);

impl Hub {
    fn dials(&self) -> &Dials {
        &self.0.dials
    }

    pub(super) async fn on_call_user(
        &self,
        cx: &Caller,
        session: &Session,
        to: &Dialled,
    ) -> Result<Value, Fault> {
        self.limit("call", session, self.settings.calls_per_min).await?;
        let (me, other) = (session.user, to.user_id);
        self.may_meet(cx, me).await?;
        self.friends.may_call(cx, Pair { user: me, other }).await?;
        self.stands_free(cx, session).await?;
        let room = self.dice.id(&self.clock);
        if let Some((from, room)) = self.dials().dial(me, other, room).await? {
            return if from == me {
                Err(in_call())
            } else {
                Box::pin(self.answer_crossed(cx, session, room, from)).await
            };
        }
        let rang = Box::pin(self.begin_call(cx, session, room, other)).await;
        if rang.is_err() {
            let _ = self.dials().release(other, me, room).await;
        }
        rang.map(|()| json!({"ok": true, "roomId": room}))
    }

    async fn begin_call(
        &self,
        cx: &Caller,
        session: &Session,
        room: RoomId,
        other: UserId,
    ) -> Result<(), Fault> {
        let me = session.user;
        let to = self.reachable(cx, room, me, other).await?;
        let from = self.users.seeker(cx, me).await?;
        let hidden = from.hide_ip || to.hide_ip;
        let call = Call {
            room,
            session: session.id,
            life: session.life(),
            seen: session.seen,
            caller: from.card,
            callee: to.card,
            transport: if hidden { Path::Sfu } else { Path::P2p },
        };
        let entry = self.enter(cx, session, room).await?;
        let called = match self.rooms.call(cx, call).await {
            Ok(Called::Ringing) => Ok(()),
            Ok(Called::InCall) => Err(in_call()),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = called {
            Box::pin(self.turn_back(cx, session, entry, &fault)).await;
            return Err(fault);
        }
        let seated = self.sit_down(cx, session, entry).await;
        // A block that was made since the first look, before there was a room that it could end.
        let may = self.friends.may_call(cx, Pair { user: me, other }).await;
        let rang = seated.and(may);
        if rang.is_err() {
            session.set_call(None);
            let seat = session.in_room(room);
            let _ = self.rooms.cancel(cx, Cancel { seat, user: None }).await;
        }
        rang
    }

    /// Whoever is to be called, if they can be: they have a page open, want to be disturbed, and aren't in another call.
    /// Otherwise they find it among their missed calls.
    async fn reachable(&self, cx: &Caller, room: RoomId, me: UserId, other: UserId) -> Result<Seeker, Fault> {
        let callee = self.users.seeker(cx, other).await?;
        let Some(unreachable) = self.where_is(cx, &callee, room).await? else { return Ok(callee) };
        let reason = if unreachable == Code::Busy { CloseReason::Busy } else { CloseReason::Offline };
        // Of each try a call of its own: the id of this one may be used again.
        let missed = Miss { room: self.dice.id(&self.clock), caller: me, callee: other, reason, heard: true };
        self.rooms.miss(cx, missed).await?;
        if unreachable == Code::Busy {
            // Their pages show at once that somebody called; nothing rings.
            let event = ServerEvent::CallEnded { room_id: missed.room, reason: CallEnd::Busy };
            self.pages().tell(other, &event).await;
        }
        Err(match unreachable {
            Code::Busy => Fault::new(Code::Busy, "They are in another call."),
            _ => Fault::new(Code::Offline, "They can't be reached right now. They will see that you called."),
        })
    }

    async fn where_is(&self, cx: &Caller, callee: &Seeker, room: RoomId) -> Result<Option<Code>, Fault> {
        let (user, now) = (callee.card.id, self.clock.now());
        let person = self.board().read(user).await?;
        // Who doesn't want to be disturbed looks to friends as if they weren't there; who is suspended meets nobody.
        let away = callee.do_not_disturb || self.moderation.standing(cx, user).await?.suspended.is_some();
        if away || !person.tabs.values().any(|tab| tab.until > now) {
            return Ok(Some(Code::Offline));
        }
        if let Some((seat, _)) = self.seat(user).await?
            && let Some(other) = seat.room()
            && self.is_seated(cx, RoomSeat { room: other, user, session: seat.session }).await?
        {
            return Ok(Some(Code::Busy));
        }
        Ok((!self.dials().claim(user, room).await?).then_some(Code::Busy))
    }

    /// Both call each other: the second answers the call of the first.
    async fn answer_crossed(
        &self,
        cx: &Caller,
        session: &Session,
        room: RoomId,
        caller: UserId,
    ) -> Result<Value, Fault> {
        let entry = self.enter(cx, session, room).await?;
        if let Err(fault) = self.answer_once_open(cx, session, room).await {
            Box::pin(self.turn_back(cx, session, entry, &fault)).await;
            return Err(fault);
        }
        self.sit_down(cx, session, entry).await?;
        let event = ServerEvent::CallAccepted { room_id: room, elsewhere: false, user_id: caller };
        self.log.emit(session.id, event).await?;
        Ok(json!({"ok": true, "roomId": room}))
    }

    async fn answer_once_open(&self, cx: &Caller, session: &Session, room: RoomId) -> Result<(), Fault> {
        for _ in 0..CROSSED_TRIES {
            match self.rooms.answer(cx, session.in_room(room)).await {
                Err(fault) if fault.code == Code::NotInRoom => tokio::time::sleep(CROSSED_AGAIN).await,
                answered => return answered,
            }
        }
        Err(Fault::new(Code::Busy, "They are in another call."))
    }

    pub(super) async fn on_call_accept(
        &self,
        cx: &Caller,
        session: &Session,
        at: InRoom,
    ) -> Result<Value, Fault> {
        self.may_meet(cx, session.user).await?;
        let entry = self.enter(cx, session, at.room_id).await?;
        if let Err(fault) = self.rooms.answer(cx, session.in_room(at.room_id)).await.map_err(over) {
            Box::pin(self.turn_back(cx, session, entry, &fault)).await;
            return Err(fault);
        }
        Box::pin(self.sit_down(cx, session, entry)).await?;
        Ok(json!({"ok": true, "roomId": at.room_id}))
    }

    /// Whoever is in a call leaves it before they begin another one: said before anybody is disturbed. What counts is that the
    /// seat can be taken.
    async fn stands_free(&self, cx: &Caller, session: &Session) -> Result<(), Fault> {
        let seat = self.seat(session.user).await?;
        match seat.and_then(|(seat, _)| seat.room()) {
            Some(room) if self.is_seated(cx, session.in_room(room)).await? => Err(in_call()),
            _ => Ok(()),
        }
    }

    pub(super) async fn on_call_decline(
        &self,
        cx: &Caller,
        session: &Session,
        at: &InRoom,
    ) -> Result<Value, Fault> {
        self.rooms.decline(cx, session.in_room(at.room_id)).await.map_err(over)?;
        Ok(done())
    }

    pub(super) async fn on_call_cancel(
        &self,
        cx: &Caller,
        session: &Session,
        off: &CalledOff,
    ) -> Result<Value, Fault> {
        let room = off.room_id;
        let cancel = Cancel { seat: session.in_room(room), user: off.user_id };
        self.rooms.cancel(cx, cancel).await.map_err(over)?;
        if off.user_id.is_none() {
            if session.call() == Some(room) {
                session.set_call(None);
            }
            self.free_seat(session.user, |seat| seat.session == session.id && seat.room() == Some(room))
                .await?;
        }
        Ok(done())
    }

    pub(super) async fn on_add_to_call(
        &self,
        cx: &Caller,
        session: &Session,
        added: &Added,
    ) -> Result<Value, Fault> {
        self.limit("call", session, self.settings.calls_per_min).await?;
        let (me, other, room) = (session.user, added.user_id, added.room_id);
        let pair = Pair { user: me, other };
        if !self.is_seated(cx, session.in_room(room)).await? {
            return Err(Fault::new(Code::NotInRoom, "You are not in that call."));
        }
        if self.is_in(cx, other, room).await? {
            return Err(Fault::new(Code::Conflict, "They are in this call already."));
        }
        self.friends.may_call(cx, pair).await?;
        let guest = self.reachable(cx, room, me, other).await?.card;
        let rang = self.call_in(cx, session, room, guest).await;
        if rang.is_err() {
            let _ = self.dials().release(other, me, room).await;
        }
        rang.map(|()| done())
    }

    async fn is_in(&self, cx: &Caller, user: UserId, room: RoomId) -> Result<bool, Fault> {
        match self.seat(user).await?.filter(|(seat, _)| seat.room() == Some(room)) {
            Some((seat, _)) => self.is_seated(cx, RoomSeat { room, user, session: seat.session }).await,
            None => Ok(false),
        }
    }

    async fn call_in(&self, cx: &Caller, session: &Session, room: RoomId, guest: Card) -> Result<(), Fault> {
        let (seat, other) = (session.in_room(room), guest.id);
        let unwelcome = self.friends.blocked_either_way(cx, other).await?;
        self.rooms.add(cx, Add { seat, guest, unwelcome }).await?;
        // A block that was made since the first look, before it rang.
        let may = self.friends.may_call(cx, Pair { user: session.user, other }).await;
        if may.is_err() {
            let _ = self.rooms.cancel(cx, Cancel { seat, user: Some(other) }).await;
        }
        may
    }

    /// A page that has just come rings with the others.
    pub(super) async fn rings_here_too(&self, session: &Session) {
        let Ok(Some(room)) = self.dials().ringing(session.user).await else { return };
        let cx = Caller::internal("ring");
        // Unless they don't want to be disturbed any more.
        if self.users.seeker(&cx, session.user).await.is_ok_and(|callee| callee.do_not_disturb) {
            return;
        }
        // A call that has ended meanwhile has nothing to say.
        let _ = self.rooms.ring(&cx, session.in_room(room)).await;
    }
}

fn in_call() -> Fault {
    Fault::new(Code::AlreadyInRoom, "You are in a call already.")
}

/// A call that nobody knows any more is over.
fn over(fault: Fault) -> Fault {
    if fault.code == Code::NotInRoom { Fault::new(Code::PeerGone, "This call is over.") } else { fault }
}
