//! Calls among people who know one another: how they are opened and kept, and how it rings at every page.

use std::sync::Arc;

use tokio::sync::Mutex as AsyncMutex;
use visavis_domain::{
    Code, Fault,
    contract::rooms::{Add, Call, Called, Miss, Seat},
    event::{CloseReason, ServerEvent},
    id::{RoomId, SocketId, UserId},
    room::{self, Room, Who},
    wire::Path,
};
use visavis_platform::db::{
    self,
    calls::{self, Opening},
    users,
};

use super::{
    Live, MAX_ROOMS, Node,
    live::{AnyRoom, Input},
    who,
};

impl Node {
    pub(super) async fn open_call(&self, req: Call) -> Result<Called, Fault> {
        let (id, from, to) = (req.room, req.caller.id, req.callee.id);
        let (session, life) = (req.session, req.life);
        let made = self.make_call(req)?;
        let mut room = made.lock().await;
        let opened = match self.claim(id).await {
            Ok(true) => self.keep_call(id, [from, to], &room).await,
            Ok(false) => Err(Fault::new(Code::Conflict, "This call is held elsewhere.")),
            Err(fault) => Err(fault),
        };
        match opened {
            Ok(Opening::New) => {}
            refused => {
                self.lock_rooms().remove(&id);
                self.release(id).await;
                // Another answer than that can't be: the room is new.
                return refused.map(|_| Called::InCall);
            }
        }
        self.gauge();
        self.hears_now(None, session, life, None);
        // Should the store forget it, others could call meanwhile, and no more.
        let _ = self.deps.dials.hold(to, from, id, self.ring_time()).await;
        self.carry(id, &mut room).await;
        Ok(Called::Ringing)
    }

    fn make_call(&self, req: Call) -> Result<Live, Fault> {
        let mut rooms = self.lock_rooms();
        if rooms.contains_key(&req.room) {
            return Err(Fault::new(Code::Conflict, "This call rings already."));
        }
        if rooms.len() >= MAX_ROOMS {
            return Err(Fault::unavailable());
        }
        let participants = [self.deps.dice.id(&self.deps.clock), self.deps.dice.id(&self.deps.clock)];
        let caller = room::Caller { session: req.session, seen: req.seen, card: req.caller };
        let has_media = self.shards.is_some();
        let transport = if has_media { req.transport } else { Path::P2p };
        let now = self.deps.clock.now();
        let (id, settings) = (req.room, &self.deps.settings);
        let room = Room::call(now, id, caller, req.callee, participants, transport, settings);
        let live: Live = Arc::new(AsyncMutex::new(AnyRoom::Pair(room.movable(has_media))));
        rooms.insert(id, Arc::clone(&live));
        Ok(live)
    }

    async fn keep_call(&self, id: RoomId, [from, to]: [UserId; 2], room: &AnyRoom) -> Result<Opening, Fault> {
        let AnyRoom::Pair(room) = room else { return Err(Fault::internal()) };
        let participants = room.guests().map(|guest| guest.participant);
        let call = calls::Dialled {
            room: id,
            node: self.deps.node,
            at: self.deps.clock.now(),
            transport: if room.is_direct() { "p2p" } else { "sfu" },
            caller: (from, participants[0]),
            callee: (to, participants[1]),
        };
        Ok(calls::dial(&self.deps.db, &call).await?)
    }

    pub(super) async fn keep_missed(&self, req: Miss) -> Result<(), Fault> {
        let call = calls::Dialled {
            room: req.room,
            node: self.deps.node,
            at: self.deps.clock.now(),
            transport: "p2p",
            caller: (req.caller, self.deps.dice.id(&self.deps.clock)),
            callee: (req.callee, self.deps.dice.id(&self.deps.clock)),
        };
        Ok(calls::missed(&self.deps.db, &call, req.reason.as_str(), req.heard).await?)
    }

    /// Of the call that somebody was called into and didn't come to: it is a call of its own.
    pub(super) async fn note_missed(&self, (from, to): (UserId, UserId), reason: CloseReason, heard: bool) {
        let room = self.deps.dice.id(&self.deps.clock);
        if let Err(fault) = self.keep_missed(Miss { room, caller: from, callee: to, reason, heard }).await {
            tracing::warn!(fault.code = %fault.code, "a missed call was not kept");
        }
    }

    /// Whoever answers is written down as somebody in a call before anybody hears of it: nobody is in two.
    pub(super) async fn take_call(&self, seat: Seat) -> Result<(), Fault> {
        let live = self.room(seat.room)?;
        let mut room = live.lock().await;
        let rings = matches!(&*room, AnyRoom::Pair(pair) if pair.rings_first_for(seat.user));
        if rings {
            match calls::answered(&self.deps.db, seat.room, seat.user).await {
                Err(db::Error::Conflict) => {
                    return Err(Fault::new(Code::AlreadyInRoom, "Leave the other call first."));
                }
                written => written?,
            }
        }
        let reply = room.handle(self.deps.clock.now(), Input::Answer(who(seat)));
        self.carry(seat.room, &mut room).await;
        reply.map(drop)
    }

    pub(super) async fn call_in(&self, req: Add) -> Result<(), Fault> {
        if self.shards.is_none() {
            return Err(Fault::unavailable());
        }
        let (room, guest) = (req.seat.room, req.guest.id);
        let from = who(req.seat);
        let place = self.room(room)?;
        self.apply(room, &place, Input::Add { from, guest: req.guest, unwelcome: req.unwelcome }).await?;
        if place.lock().await.ringing_for(guest).is_some() {
            let _ = self.deps.dials.hold(guest, from.user, room, self.ring_time()).await;
        } else {
            // Whoever isn't disturbed stays free for other calls.
            self.ring_no_more(room, guest, from.user).await;
        }
        Ok(())
    }

    /// Whether two who are about to talk directly mustn't, as one of them hides their address. What isn't known now is as it was
    /// when they were matched or called.
    pub(super) async fn one_hides(&self, room: &Live) -> bool {
        let Some(both) = room.lock().await.will_talk_directly().filter(|_| self.shards.is_some()) else {
            return false;
        };
        users::any_hides(&self.deps.db, both).await.unwrap_or_else(|error| {
            let fault = Fault::from(error);
            tracing::warn!(fault.code = %fault.code, "whether somebody hides their address is not known");
            false
        })
    }

    fn ring_time(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.deps.settings.ring_s)
    }

    pub(super) async fn ring_once_more(&self, seat: Seat) -> Result<(), Fault> {
        let live = self.room(seat.room)?;
        let room = live.lock().await;
        if let Some(event) = room.ringing_for(seat.user) {
            self.emit_once(seat.session, &event, &mark(&event)).await?;
        }
        Ok(())
    }

    /// Tells every page of a person but one. A store that is away is no reason to end the call: the caller sees that
    /// nobody answers.
    pub(super) async fn ring_at(&self, user: UserId, except: Option<SocketId>, event: ServerEvent) {
        let sessions = match self.deps.pages.sessions(user).await {
            Ok(sessions) => sessions,
            Err(fault) => {
                tracing::warn!(fault.code = %fault.code, "a person's pages could not be found");
                return;
            }
        };
        for session in sessions.into_iter().filter(|session| Some(*session) != except) {
            let logged = match &event {
                // A page that has just come may have heard it.
                ServerEvent::IncomingCall { .. } => self.emit_once(session, &event, &mark(&event)).await,
                _ => self.deps.log.emit(session, event.clone()).await.map(drop),
            };
            if let Err(fault) = logged {
                tracing::warn!(fault.code = %fault.code, "a page could not be told of a call");
            }
        }
    }

    async fn emit_once(&self, session: SocketId, event: &ServerEvent, mark: &str) -> Result<(), Fault> {
        self.deps.log.emit_again(session, event, mark).await.map(drop)
    }

    pub(super) async fn ring_no_more(&self, room: RoomId, user: UserId, from: UserId) {
        if let Err(fault) = self.deps.dials.release(user, from, room).await {
            // It ends by itself.
            tracing::debug!(fault.code = %fault.code, "somebody could not be freed for other calls");
        }
    }

    /// From the answer on the page hears what happens in the room, though it joins a little later.
    pub(super) fn hears_answer(&self, who: Who) {
        self.hears_now(None, who.session, self.deps.log.life(), None);
    }
}

/// Each time that it rings is told to a page once.
fn mark(event: &ServerEvent) -> String {
    match event {
        ServerEvent::IncomingCall { room_id, expires_at, .. } => {
            format!("ring{}at{}", room_id.bits(), expires_at.as_millis())
        }
        _ => String::new(),
    }
}
