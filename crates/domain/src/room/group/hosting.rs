//! What the host decides about others, and what safety does about anybody.

use super::{Group, MAX_REMOVED};
use crate::{
    Code, Fault, Timestamp,
    contract::rooms::Action,
    event::{CloseReason, ServerEvent},
    id::{ParticipantId, UserId},
    room::{
        Output, Reply, Who,
        restraint::{Notice, Restraint},
    },
    wire::LeftReason,
};

impl Group {
    pub(super) fn moderate(
        &mut self,
        now: Timestamp,
        who: Who,
        action: Action,
        target: Option<ParticipantId>,
    ) -> Result<Reply, Fault> {
        let index = self.seated(who)?;
        if self.host != Some(self.people[index].participant) {
            return Err(Fault::new(Code::Forbidden, "Only the host can do that."));
        }
        match action {
            Action::Lock | Action::Unlock => {
                self.plan.locked = action == Action::Lock;
                self.out.push_back(Output::Keep { locked: self.plan.locked });
                self.tell_changed();
            }
            Action::ForbidScreen | Action::AllowScreen => {
                self.set_screens(action == Action::ForbidScreen);
                self.tell_changed();
            }
            Action::Mute | Action::AllowMic => {
                let target = self.target(target)?;
                self.mute(target, action == Action::Mute);
            }
            Action::Remove => {
                let target = self.target(target)?;
                if target == index {
                    return Err(Fault::bad_request("To leave is another event."));
                }
                self.expel(now, target, LeftReason::Removed, CloseReason::Removed);
            }
            Action::MakeHost => {
                let target = self.target(target)?;
                self.give_host(now, self.people[target].participant);
            }
        }
        Ok(Reply::Done)
    }

    pub(super) fn target(&self, target: Option<ParticipantId>) -> Result<usize, Fault> {
        let target = target.ok_or_else(|| Fault::field("participantId", "says whom it is about"))?;
        let found = self.people.iter().position(|p| p.participant == target);
        found.ok_or_else(|| Fault::new(Code::PeerGone, "They aren't in the room any more."))
    }

    pub(super) fn mute(&mut self, target: usize, muted: bool) {
        let person = &mut self.people[target];
        if std::mem::replace(&mut person.muted, muted) != muted {
            if muted {
                person.media.audio = false;
            }
            person.told = true;
            self.order_tracks(target);
            self.tell_state(target);
        }
    }

    pub(super) fn set_screens(&mut self, forbidden: bool) {
        self.screens_forbidden = forbidden;
        for i in 0..self.people.len() {
            let person = &self.people[i];
            if !person.told {
                self.order_tracks(i);
            } else if forbidden && person.media.screen && self.host != Some(person.participant) {
                self.people[i].media.screen = false;
                self.order_tracks(i);
                self.tell_state(i);
            }
        }
    }

    /// Whoever has left is meant as well, whether they are back or not: what is noticed comes late.
    pub(super) fn restrain(
        &mut self,
        now: Timestamp,
        about: ParticipantId,
        restraint: Restraint,
        notice: Option<Notice>,
    ) -> Result<Reply, Fault> {
        let was = self.departed.was(about).map(|(user, _)| user);
        let here = self.people.iter().position(|p| p.participant == about || Some(p.user) == was);
        let Some(target) = here else { return self.restrain_departed(about, restraint) };
        if let Some(notice) = notice {
            let (to, event) = (self.people[target].session, notice.event(self.plan.id));
            self.out.push_back(Output::Emit { to, event });
        }
        let person = &mut self.people[target];
        if person.held_back.take(restraint) {
            if restraint == Restraint::Mute {
                person.media.audio = false;
                self.order_tracks(target);
            }
            self.tell_state(target);
        }
        if restraint == Restraint::Remove {
            self.out.push_back(Output::KeepOut { user: self.people[target].user });
            self.expel(now, target, LeftReason::Safety, CloseReason::Safety);
        }
        Ok(Reply::Done)
    }

    /// Also of whoever is away. A host's own decisions stand.
    pub(super) fn pardon(&mut self, user: UserId, restraint: Restraint) -> Reply {
        if restraint == Restraint::Remove {
            self.removed.retain(|(other, why)| *other != user || *why != LeftReason::Safety);
        }
        if let Some(held) = self.departed.held_mut(user) {
            held.lift(restraint);
        }
        if let Some(here) = self.people.iter().position(|p| p.user == user)
            && self.people[here].held_back.lift(restraint)
        {
            self.order_tracks(here);
            self.tell_state(here);
        }
        Reply::Done
    }

    pub(super) fn restrain_again(
        &mut self,
        now: Timestamp,
        user: UserId,
        restraint: Restraint,
    ) -> Result<Reply, Fault> {
        if let Some(here) = self.people.iter().find(|p| p.user == user).map(|p| p.participant) {
            return self.restrain(now, here, restraint, None);
        }
        if let Some(held) = self.departed.held_mut(user) {
            held.take(restraint);
        }
        if restraint == Restraint::Remove {
            self.shut_out(user, LeftReason::Safety);
        }
        Ok(Reply::Done)
    }

    fn restrain_departed(&mut self, about: ParticipantId, restraint: Restraint) -> Result<Reply, Fault> {
        let gone = || Fault::new(Code::PeerGone, "They aren't in the room any more.");
        let (user, held) = self.departed.was(about).ok_or_else(gone)?;
        held.take(restraint);
        if restraint == Restraint::Remove {
            self.out.push_back(Output::KeepOut { user });
            self.shut_out(user, LeftReason::Safety);
        }
        Ok(Reply::Done)
    }

    pub(super) fn expel(&mut self, now: Timestamp, target: usize, left: LeftReason, close: CloseReason) {
        self.shut_out(self.people[target].user, left);
        let closed = ServerEvent::RoomClosed { room_id: self.plan.id, reason: close };
        self.out.push_back(Output::Emit { to: self.people[target].session, event: closed });
        self.depart(now, target, left);
    }

    fn shut_out(&mut self, user: UserId, why: LeftReason) {
        // A host's word and safety's stand beside each other: when one is taken back, the other one still holds.
        self.removed.retain(|(other, known)| *other != user || *known != why);
        if self.removed.len() >= MAX_REMOVED {
            self.removed.pop_front();
        }
        self.removed.push_back((user, why));
    }
}
