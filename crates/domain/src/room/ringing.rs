//! Calls: a room of two that rings at one of them first, and rings that bring more people into a call that runs. Who
//! answers first has it; a call that is over can't be answered; nobody learns from how it ends that they are blocked.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use super::{Input, Member, Output, Place, Reply, Room, Settings, Who, group, not_in_room, peer_gone};
use crate::{
    Code, Fault, Timestamp,
    contract::rooms::RoomKind,
    event::{CallEnd, CloseReason, ServerEvent},
    id::{ParticipantId, RoomId, SocketId, UserId},
    room::group::Group,
    wire::{Card, LeftReason, Path},
};

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Through which session.
    pub session: SocketId,
    /// The address the server sees.
    pub seen: IpAddr,
    /// What the other sees.
    pub card: Card,
}

/// Somebody at whose pages it rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ring {
    /// Who is called.
    pub(super) user: UserId,
    /// By whom.
    pub(super) from: Card,
    /// Then it stops.
    pub(super) until: Timestamp,
    /// How many are in the call.
    pub(super) people: usize,
    /// Whether it is heard. Whoever has a block with somebody in the call isn't disturbed, and nobody learns of the block: it
    /// looks as if they didn't answer.
    pub(super) heard: bool,
}

impl Ring {
    fn event(&self, room: RoomId) -> ServerEvent {
        ServerEvent::IncomingCall {
            room_id: room,
            from: self.from.clone(),
            expires_at: self.until,
            people: self.people,
        }
    }

    /// It rings no more, at any page but `except`.
    fn stop(&self, room: RoomId, why: CallEnd, except: Option<SocketId>, out: &mut VecDeque<Output>) {
        if !self.heard {
            return;
        }
        let event = ServerEvent::CallEnded { room_id: room, reason: why };
        out.push_back(Output::Pages { user: self.user, except, event });
        out.push_back(Output::Quiet { user: self.user, from: self.from.id });
    }

    /// Somebody who was called into a call finds it in their history, unless they said no.
    fn missed(&self, why: CallEnd, out: &mut VecDeque<Output>) {
        let reason = match why {
            CallEnd::Cancelled => CloseReason::Cancelled,
            CallEnd::Timeout => CloseReason::Timeout,
            CallEnd::Busy | CallEnd::HungUp | CallEnd::Elsewhere => return,
        };
        out.push_back(Output::Missed { from: self.from.id, user: self.user, reason, heard: self.heard });
    }

    /// Answered through `session`: the other pages hear it.
    fn answered(&self, room: RoomId, session: SocketId, out: &mut VecDeque<Output>) {
        let event = ServerEvent::CallAccepted { room_id: room, elsewhere: true, user_id: self.user };
        out.push_back(Output::Pages { user: self.user, except: Some(session), event });
        self.stop(room, CallEnd::Elsewhere, Some(session), out);
    }
}

/// Those who are called into a call that runs.
#[derive(Debug, Default)]
pub(super) struct Rings(Vec<Ring>);

impl Rings {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.0.iter().any(|ring| ring.user == user)
    }

    /// Whether one of these is called and the other isn't.
    pub(super) fn concerns(&self, a: UserId, b: UserId) -> bool {
        self.has(a) != self.has(b)
    }

    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        room: RoomId,
        (from, user): (Card, UserId),
        (people, heard): (usize, bool),
        settings: &Settings,
        out: &mut VecDeque<Output>,
    ) {
        let until = now + Duration::from_secs(settings.ring_s);
        let ring = Ring { user, from, until, people, heard };
        if heard {
            out.push_back(Output::Pages { user, except: None, event: ring.event(room) });
        }
        out.push_back(Output::WakeAt(ring.until));
        self.0.push(ring);
    }

    /// Answered: whoever wanted them is told through `adder`.
    pub(super) fn answer(
        &mut self,
        room: RoomId,
        who: Who,
        adder: impl Fn(UserId) -> Option<SocketId>,
        out: &mut VecDeque<Output>,
    ) -> bool {
        if self.event_for(room, who.user).is_none() {
            return false;
        }
        let Some(ring) = self.take(who.user) else { return false };
        ring.answered(room, who.session, out);
        let event = ServerEvent::CallAccepted { room_id: room, elsewhere: false, user_id: who.user };
        out.extend(adder(ring.from.id).map(|to| Output::Emit { to, event }));
        true
    }

    /// One doesn't come, by their own will or not: whoever wanted them is told the same in either case.
    pub(super) fn end(
        &mut self,
        room: RoomId,
        user: UserId,
        (why, except): (CallEnd, Option<SocketId>),
        adder: impl Fn(UserId) -> Option<SocketId>,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let Some(ring) = self.take(user) else { return false };
        ring.stop(room, why, except, out);
        ring.missed(why, out);
        let event = ServerEvent::CallDeclined { room_id: room, user_id: user };
        out.extend(adder(ring.from.id).map(|to| Output::Emit { to, event }));
        true
    }

    /// The next one that has rung for long enough.
    pub(super) fn late(&self, now: Timestamp) -> Option<UserId> {
        self.0.iter().find(|ring| ring.until <= now).map(|ring| ring.user)
    }

    /// Those whom one person called, or all.
    pub(super) fn stop_all(&mut self, room: RoomId, from: Option<UserId>, out: &mut VecDeque<Output>) {
        let ends = |ring: &Ring| from.is_none_or(|from| ring.from.id == from);
        for ring in self.0.iter().filter(|ring| ends(ring)) {
            ring.stop(room, CallEnd::Cancelled, None, out);
            ring.missed(CallEnd::Cancelled, out);
        }
        self.0.retain(|ring| !ends(ring));
    }

    /// What a page that has just come has to hear.
    pub(super) fn event_for(&self, room: RoomId, user: UserId) -> Option<ServerEvent> {
        self.0.iter().find(|ring| ring.user == user && ring.heard).map(|ring| ring.event(room))
    }

    fn take(&mut self, user: UserId) -> Option<Ring> {
        let index = self.0.iter().position(|ring| ring.user == user)?;
        Some(self.0.swap_remove(index))
    }
}

impl Room {
    /// Somebody calls somebody they know. The caller is in from the beginning; the other is when they have answered and
    /// joined.
    pub fn call(
        now: Timestamp,
        id: RoomId,
        caller: Caller,
        other: Card,
        participants: [ParticipantId; 2],
        transport: Path,
        settings: &Settings,
    ) -> Self {
        let until = now + Duration::from_secs(settings.ring_s);
        let ring = Ring { user: other.id, from: caller.card.clone(), until, people: 1, heard: true };
        let mut first = Member::known(participants[0], caller.session, caller.card, Place::In);
        first.seen = Some(caller.seen);
        let second = Member::known(participants[1], SocketId::from_bits(0), other, Place::Rung);
        let event = ring.event(id);
        let out =
            VecDeque::from([Output::Pages { user: ring.user, except: None, event }, Output::WakeAt(until)]);
        Self {
            id,
            kind: RoomKind::Friends,
            transport,
            movable: false,
            moving: false,
            safe_by: None,
            both_in: None,
            created_at: now,
            settings: settings.clone(),
            members: [first, second],
            ring: Some(ring),
            adding: Rings::default(),
            grown: None,
            blocked: false,
            ended: None,
            out,
        }
    }

    /// Who called, if it is a call.
    pub const fn caller(&self) -> Option<UserId> {
        match self.kind {
            RoomKind::Friends => Some(self.members[0].user),
            RoomKind::Random | RoomKind::Group => None,
        }
    }

    /// What a page of somebody who is called has to hear.
    pub fn ringing_for(&self, user: UserId) -> Option<ServerEvent> {
        let ring = self.ring.as_ref().filter(|ring| ring.user == user);
        ring.map(|ring| ring.event(self.id)).or_else(|| self.adding.event_for(self.id, user))
    }

    /// Whether `user` is the one whom the call is for, and nobody has answered for them.
    pub fn rings_first_for(&self, user: UserId) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.user == user)
    }

    /// Whether the two talk directly.
    pub fn is_direct(&self) -> bool {
        self.transport == Path::P2p
    }

    /// Whether a block between these two ends something here.
    pub fn concerns(&self, a: UserId, b: UserId) -> bool {
        let here = |user| self.index_of(user).is_some();
        here(a) && here(b) || self.rings_between(a, b)
    }

    /// Whether one of these is called and hasn't answered, and the other is in.
    pub fn rings_between(&self, a: UserId, b: UserId) -> bool {
        let here = |user| self.index_of(user).is_some();
        let called = self.ring.is_some() && here(a) && here(b);
        called || self.adding.concerns(a, b) && (here(a) || here(b))
    }

    /// A third person has answered: the same call as a group. Nobody hangs up, and the direct connection stays until both see
    /// each other through the server.
    pub fn grow(&mut self, now: Timestamp) -> Option<Group> {
        let newcomer = self.grown.take()?;
        self.out.push_front(Output::Ended {
            at: now,
            reason: CloseReason::Grown,
            shown: CloseReason::Grown,
            left: Vec::new(),
        });
        let plan = group::Plan {
            id: self.id,
            name: None,
            owner: self.members[0].user,
            limit: group::MOST,
            locked: false,
            created_at: self.created_at,
            expires_at: now,
        };
        let grown = group::Grown {
            members: &self.members,
            newcomer,
            direct: self.transport == Path::P2p,
            told: self.moving,
            rings: std::mem::take(&mut self.adding),
            out: std::mem::take(&mut self.out),
        };
        Some(Group::of_call(now, plan, grown, &self.settings))
    }

    pub(super) fn answer(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        if self.ended.is_some() {
            return if self.index_of(who.user).is_some() { Err(peer_gone()) } else { Err(not_in_room()) };
        }
        let Some(i) = self.index_of(who.user) else {
            let session = |user| self.members.iter().find(|m| m.user == user).map(|m| m.session);
            if !self.adding.answer(self.id, who, session, &mut self.out) {
                return Err(not_in_room());
            }
            self.grown = Some(who);
            return Ok(Reply::Done);
        };
        match self.ring.take_if(|ring| ring.user == who.user) {
            Some(ring) => {
                let until = now + Duration::from_secs(self.settings.join_within_s);
                self.members[i].session = who.session;
                self.members[i].place = Place::Expected { until };
                ring.answered(self.id, who.session, &mut self.out);
                self.out.push_back(Output::WakeAt(until));
                self.out.push_back(Output::Answered(who));
                let (room_id, user_id) = (self.id, who.user);
                self.tell(1 - i, ServerEvent::CallAccepted { room_id, elsewhere: false, user_id });
                Ok(Reply::Done)
            }
            None if i == 1 && self.members[i].session == who.session => Ok(Reply::Done),
            None if i == 1 => Err(answered_elsewhere()),
            None => Err(Fault::new(Code::WrongState, "You are the one who called.")),
        }
    }

    pub(super) fn decline(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        let room_id = self.id;
        if self.ended.is_some() && self.index_of(who.user).is_some() {
            // What they want is so.
            return Ok(Reply::Done);
        }
        if self.ring.as_ref().is_some_and(|ring| ring.user == who.user) {
            self.tell(0, ServerEvent::CallDeclined { room_id, user_id: who.user });
            self.stop_ringing(CallEnd::Elsewhere, Some(who.session));
            self.end(now, CloseReason::Declined, Vec::new());
            return Ok(Reply::Done);
        }
        let members = &self.members;
        let session = |user| members.iter().find(|m| m.user == user).map(|m| m.session);
        let how = (CallEnd::Elsewhere, Some(who.session));
        if self.adding.end(room_id, who.user, how, session, &mut self.out) {
            return Ok(Reply::Done);
        }
        match self.index_of(who.user) {
            Some(1) => Err(answered_elsewhere()),
            _ => Err(not_in_room()),
        }
    }

    /// Whoever called gives up, wherever the call is by now; or one who was to be added needn't come.
    pub(super) fn cancel(&mut self, now: Timestamp, who: Who, only: Option<UserId>) -> Result<Reply, Fault> {
        let Some(user) = only.filter(|user| self.index_of(*user).is_none()) else {
            return self.leave(now, who);
        };
        self.seated(who)?;
        let members = &self.members;
        let session = |user| members.iter().find(|m| m.user == user).map(|m| m.session);
        // One who has been too late to be called off has come, or doesn't ring any more: either is told by events.
        self.adding.end(self.id, user, (CallEnd::Cancelled, None), session, &mut self.out);
        Ok(Reply::Done)
    }

    pub(super) fn add(
        &mut self,
        now: Timestamp,
        who: Who,
        guest: &Card,
        unwelcome: &[UserId],
    ) -> Result<Reply, Fault> {
        let i = self.seated(who)?;
        if self.ended.is_some() {
            return Err(peer_gone());
        }
        if self.kind != RoomKind::Friends || self.ring.is_some() || !self.members[1 - i].is_in() {
            return Err(Fault::new(Code::WrongState, "Somebody can be added once a friend has answered."));
        }
        if self.index_of(guest.id).is_some() {
            return Err(in_already());
        }
        if self.adding.has(guest.id) {
            return Ok(Reply::Done);
        }
        if self.members.len() + self.adding.len() >= group::MOST {
            return Err(full());
        }
        let parties = (self.members[i].card.clone(), guest.id);
        let heard = !self.members.iter().any(|m| unwelcome.contains(&m.user));
        let there = (self.members.len(), heard);
        self.adding.begin(now, self.id, parties, there, &self.settings, &mut self.out);
        Ok(Reply::Done)
    }

    /// Nobody has answered in time.
    pub(super) fn ring_tick(&mut self, now: Timestamp) {
        if self.ring.as_ref().is_some_and(|ring| ring.until <= now) {
            self.tell(0, ServerEvent::CallEnded { room_id: self.id, reason: CallEnd::Timeout });
            self.stop_ringing(CallEnd::Timeout, None);
            self.end(now, CloseReason::Timeout, Vec::new());
        }
        let members = &self.members;
        let session = |user| members.iter().find(|m| m.user == user).map(|m| m.session);
        while let Some(user) = self.adding.late(now) {
            self.adding.end(self.id, user, (CallEnd::Timeout, None), session, &mut self.out);
        }
    }

    /// The caller goes while it rings. True when that was so.
    pub(super) fn gives_up(&mut self, now: Timestamp, i: usize, reason: LeftReason) -> bool {
        if self.ring.is_none() {
            return false;
        }
        let left = vec![(self.members[i].user, reason)];
        self.end(now, CloseReason::Cancelled, left);
        true
    }

    /// A block while it rings: to whoever was called it looks as if the other had given up, to whoever called as if it
    /// was declined, now and in what they remember. True when that was so.
    pub(super) fn part_ringing(&mut self, now: Timestamp, by: UserId, other: UserId) -> bool {
        if self.adding.concerns(by, other) {
            let (user, why) = ring_parted(self.adding.has(by), by, other);
            let members = &self.members;
            let session = |user| members.iter().find(|m| m.user == user).map(|m| m.session);
            self.adding.end(self.id, user, (why, None), session, &mut self.out);
            return true;
        }
        let Some(ring) = &self.ring else { return false };
        let (room_id, user_id) = (self.id, ring.user);
        self.blocked = true;
        if self.members[0].user == by {
            self.tell(0, ServerEvent::CallEnded { room_id, reason: CallEnd::Cancelled });
            self.end(now, CloseReason::Cancelled, vec![(by, LeftReason::Left)]);
        } else {
            self.tell(0, ServerEvent::CallDeclined { room_id, user_id });
            self.end(now, CloseReason::Declined, Vec::new());
        }
        true
    }

    /// Says to `i`, if this is a call, that it is over.
    pub(super) fn tell_over(&mut self, i: usize, reason: CallEnd) {
        if self.kind == RoomKind::Friends {
            self.tell_anyway(i, ServerEvent::CallEnded { room_id: self.id, reason });
        }
    }

    /// Whatever rings stops.
    pub(super) fn stop_ringing(&mut self, why: CallEnd, except: Option<SocketId>) {
        if let Some(ring) = self.ring.take() {
            ring.stop(self.id, why, except, &mut self.out);
        }
    }
}

/// Who of two rings no more, and what a block looks like then: whoever is called declines, or isn't wanted any more.
pub(super) const fn ring_parted(by_is_called: bool, by: UserId, other: UserId) -> (UserId, CallEnd) {
    if by_is_called { (by, CallEnd::Elsewhere) } else { (other, CallEnd::Cancelled) }
}

impl Input {
    /// Whether it can only be said of calls among people who know one another.
    pub(super) const fn is_of_calls(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Decline(_) | Self::Cancel(..) | Self::Add { .. })
    }
}

pub(super) fn answered_elsewhere() -> Fault {
    Fault::new(Code::Conflict, "You have answered on another page.")
}

pub(super) fn in_already() -> Fault {
    Fault::new(Code::Conflict, "They are in this call already.")
}

/// Whoever was put out of a call isn't called into it again.
pub(super) fn unwanted() -> Fault {
    Fault::new(Code::Forbidden, "This person can't be added to this call.")
}

pub(super) fn full() -> Fault {
    Fault::new(Code::RoomFull, format!("A call has at most {} people.", group::MOST))
}
