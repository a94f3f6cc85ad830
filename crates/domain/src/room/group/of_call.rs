//! A group that was a call of two: only who was called comes in, the two who had talked directly move to the server
//! without a gap, and more people can be called.

use std::collections::VecDeque;

use super::{Group, Person, Plan};
use crate::{
    Code, Fault, Timestamp,
    contract::rooms::{Link, LinkState, RoomKind, RoomView},
    event::{CallEnd, MoveReason, ServerEvent},
    id::{ParticipantId, SocketId, UserId},
    room::{
        Output, Reply, Settings, Who,
        member::Member,
        not_in_room,
        ringing::{Rings, answered_elsewhere, full, in_already, ring_parted, unwanted},
    },
    wire::{Card, Path},
};

/// What a call leaves to its group.
#[derive(Debug)]
pub(in crate::room) struct Grown<'a> {
    /// The two.
    pub(in crate::room) members: &'a [Member; 2],
    /// The third, who has answered.
    pub(in crate::room) newcomer: Who,
    /// The two talk directly.
    pub(in crate::room) direct: bool,
    /// They were told already to move to the server.
    pub(in crate::room) told: bool,
    /// Others who are called.
    pub(in crate::room) rings: Rings,
    /// What was not carried yet.
    pub(in crate::room) out: VecDeque<Output>,
}

/// What only such a group has.
#[derive(Debug)]
pub(super) struct Invited {
    /// Everybody who may come in, and through which session they answered.
    who: Vec<Who>,
    /// Who is called.
    pub(super) rings: Rings,
    /// The two who had talked directly, and whether they see each other through the server.
    moving: Vec<(ParticipantId, bool)>,
}

impl Invited {
    pub(super) fn has(&self, user: UserId) -> bool {
        self.who.iter().any(|who| who.user == user)
    }
}

impl Group {
    pub(in crate::room) fn of_call(
        now: Timestamp,
        plan: Plan,
        grown: Grown<'_>,
        settings: &Settings,
    ) -> Self {
        let Grown { members, newcomer, direct, told, rings, out } = grown;
        let mut who: Vec<_> = members.iter().map(Member::who).collect();
        who.push(newcomer);
        let moving =
            if direct { members.iter().map(|m| (m.participant, m.through)).collect() } else { Vec::new() };
        let mut group = Self::new(now, plan, settings);
        group.out = out;
        group.empty_since = None;
        group.call = Some(Invited { who, rings, moving });
        for member in members {
            let (participant, user) = (member.participant, member.user);
            group.out.push_back(Output::Came { participant, user, at: now, apart: Vec::new() });
            group.people.push(Person::of_member(member));
        }
        group.host = group.people.first().map(|p| p.participant);
        group.tell_changed();
        for i in 0..group.people.len() {
            group.order_tracks(i);
            if direct && !told {
                let event = ServerEvent::MoveToSfu { room_id: group.plan.id, reason: MoveReason::Group };
                group.out.push_back(Output::Emit { to: group.people[i].session, event });
            }
        }
        group
    }

    pub(super) fn view(&self) -> RoomView {
        RoomView {
            id: self.plan.id,
            kind: self.kind(),
            created_at: self.plan.created_at,
            name: self.plan.name.clone(),
            max_participants: self.plan.limit,
            locked: self.plan.locked,
            screens_forbidden: self.screens_forbidden,
            expires_at: (self.kind() == RoomKind::Group).then_some(self.plan.expires_at),
            caller: None,
            ringing_until: None,
        }
    }

    const fn kind(&self) -> RoomKind {
        if self.call.is_some() { RoomKind::Friends } else { RoomKind::Group }
    }

    /// What a page of somebody who is called has to hear.
    pub fn ringing_for(&self, user: UserId) -> Option<ServerEvent> {
        self.call.as_ref().and_then(|call| call.rings.event_for(self.plan.id, user))
    }

    /// Whether a block between these two changes something here.
    pub fn concerns(&self, a: UserId, b: UserId) -> bool {
        self.is_seated(a) && self.is_seated(b) || self.rings_between(a, b)
    }

    /// Whether one of these is called here while the other is in.
    pub fn rings_between(&self, a: UserId, b: UserId) -> bool {
        let rings = self.call.as_ref().is_some_and(|call| call.rings.concerns(a, b));
        rings && (self.is_seated(a) || self.is_seated(b))
    }

    /// The two who had talked directly say whether they see each other through the server.
    pub(super) fn link(&mut self, link: LinkState) -> Result<Reply, Fault> {
        let index = self.seated(Who { user: link.seat.user, session: link.seat.session })?;
        let participant = self.people[index].participant;
        if link.path == Path::Sfu
            && let Some(call) = &mut self.call
            && let Some(one) = call.moving.iter_mut().find(|(p, _)| *p == participant)
        {
            one.1 = link.state == Link::Connected;
            self.may_have_moved();
        }
        Ok(Reply::Done)
    }

    /// Once both are there, or one has gone, the direct connection isn't needed any more.
    pub(super) fn may_have_moved(&mut self) {
        let Some(call) = &mut self.call else { return };
        let people = &self.people;
        call.moving.retain(|(p, _)| people.iter().any(|person| person.participant == *p));
        if call.moving.is_empty() || !call.moving.iter().all(|(_, through)| *through) {
            return;
        }
        for (participant, _) in std::mem::take(&mut call.moving) {
            if let Some(to) = people.iter().find(|p| p.participant == participant).map(|p| p.session) {
                self.out.push_back(Output::Emit { to, event: ServerEvent::Moved { room_id: self.plan.id } });
            }
        }
    }

    pub(super) fn add(
        &mut self,
        now: Timestamp,
        who: Who,
        guest: &Card,
        unwelcome: &[UserId],
    ) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        let Some(call) = &mut self.call else { return Err(not_a_call()) };
        if self.people.iter().any(|p| p.user == guest.id) {
            return Err(in_already());
        }
        if call.rings.has(guest.id) {
            return Ok(Reply::Done);
        }
        if self.removed.iter().any(|(user, _)| *user == guest.id) {
            return Err(unwanted());
        }
        if self.people.len() + call.rings.len() >= self.plan.limit {
            return Err(full());
        }
        let parties = (self.people[index].card.clone(), guest.id);
        let heard = !self.people.iter().any(|p| unwelcome.contains(&p.user));
        let there = (self.people.len(), heard);
        call.rings.begin(now, self.plan.id, parties, there, &self.settings, &mut self.out);
        Ok(Reply::Done)
    }

    pub(super) fn answer(&mut self, who: Who) -> Result<Reply, Fault> {
        let people = &self.people;
        let session = |user| people.iter().find(|p| p.user == user).map(|p| p.session);
        let call = self.call.as_mut().ok_or_else(not_in_room)?;
        if call.rings.answer(self.plan.id, who, session, &mut self.out) {
            call.who.retain(|other| other.user != who.user);
            call.who.push(who);
            return Ok(Reply::Done);
        }
        match call.who.iter().find(|other| other.user == who.user) {
            Some(other) if other.session == who.session => Ok(Reply::Done),
            Some(_) => Err(answered_elsewhere()),
            None => Err(not_in_room()),
        }
    }

    pub(super) fn decline(&mut self, who: Who) -> Result<Reply, Fault> {
        if self.end_ring(who.user, CallEnd::Elsewhere, Some(who.session)) {
            Ok(Reply::Done)
        } else {
            Err(not_in_room())
        }
    }

    pub(super) fn cancel(&mut self, now: Timestamp, who: Who, only: Option<UserId>) -> Result<Reply, Fault> {
        self.seated(who)?;
        match only.filter(|user| !self.is_seated(*user)) {
            Some(user) => {
                self.end_ring(user, CallEnd::Cancelled, None);
                Ok(Reply::Done)
            }
            None => self.leave(now, who),
        }
    }

    /// A call that hasn't been answered ends.
    pub(super) fn part_rings(&mut self, by: UserId, other: UserId) {
        if self.rings_between(by, other) {
            let called = self.call.as_ref().is_some_and(|call| call.rings.has(by));
            let (user, why) = ring_parted(called, by, other);
            self.end_ring(user, why, None);
        }
    }

    pub(super) fn ring_tick(&mut self, now: Timestamp) {
        while let Some(user) = self.call.as_ref().and_then(|call| call.rings.late(now)) {
            self.end_ring(user, CallEnd::Timeout, None);
        }
    }

    /// Those whom somebody called who has gone, or everybody, ring no more.
    pub(super) fn stop_rings(&mut self, from: Option<UserId>) {
        if let Some(call) = &mut self.call {
            call.rings.stop_all(self.plan.id, from, &mut self.out);
        }
    }

    fn end_ring(&mut self, user: UserId, why: CallEnd, except: Option<SocketId>) -> bool {
        let people = &self.people;
        let session = |user| people.iter().find(|p| p.user == user).map(|p| p.session);
        let Some(call) = &mut self.call else { return false };
        call.rings.end(self.plan.id, user, (why, except), session, &mut self.out)
    }
}

fn not_a_call() -> Fault {
    Fault::new(Code::WrongState, "Whoever has this room's link comes in without a call.")
}
