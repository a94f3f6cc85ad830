//! Two who share a block are kept apart in a group that is neither's own: to each it looks as if the other weren't there. Nobody
//! is in a room whose host they share a block with, else whom a host can't see couldn't be kept in check either.

use super::{Group, Person};
use crate::{
    Code, Fault, Timestamp,
    event::{CloseReason, ServerEvent},
    id::{ParticipantId, SocketId, UserId},
    room::{MediaOrder, Output},
    wire::LeftReason,
};

impl Group {
    /// Whether these two know nothing of one another here.
    pub(super) fn are_apart(&self, i: usize, j: usize) -> bool {
        let (a, b) = (&self.people[i], &self.people[j]);
        i != j && (a.apart.contains(&b.user) || b.apart.contains(&a.user))
    }

    /// From whom somebody here is kept apart.
    pub fn apart_from(&self, participant: ParticipantId) -> Vec<ParticipantId> {
        let Some(i) = self.people.iter().position(|p| p.participant == participant) else {
            return Vec::new();
        };
        let others = (0..self.people.len()).filter(|j| self.are_apart(i, *j));
        others.map(|j| self.people[j].participant).collect()
    }

    /// Everybody's session, and from whom they are kept apart.
    pub fn listeners(&self) -> impl Iterator<Item = (SocketId, Vec<ParticipantId>)> + '_ {
        self.people.iter().map(|p| (p.session, self.apart_from(p.participant)))
    }

    /// Who comes in must not share a block with whose room it is, nor with who hosts it now; the owner takes the chair back.
    pub(super) fn check_welcome(&self, person: &Person) -> Result<(), Fault> {
        let owner = person.user == self.plan.owner;
        let host = self.people.iter().find(|p| Some(p.participant) == self.host).filter(|_| !owner);
        let blocks =
            |other: &Person| person.apart.contains(&other.user) || other.apart.contains(&person.user);
        if person.apart.contains(&self.plan.owner) || host.is_some_and(blocks) {
            // Not whose: who was blocked isn't told.
            return Err(Fault::new(
                Code::Blocked,
                "There is a block between you and whoever hosts this room.",
            ));
        }
        Ok(())
    }

    /// One of the two has blocked the other.
    pub(super) fn part(&mut self, now: Timestamp, by: UserId, other: UserId) {
        self.part_rings(by, other);
        let place = |user| self.people.iter().position(|p| p.user == user);
        let (Some(i), Some(j)) = (place(by), place(other)) else { return };
        if self.are_apart(i, j) {
            return;
        }
        for (me, them) in [(i, j), (j, i)] {
            let participant = self.show(&self.people[them]);
            let event =
                ServerEvent::ParticipantLeft { room_id: self.plan.id, participant, reason: LeftReason::Left };
            self.out.push_back(Output::Emit { to: self.people[me].session, event });
        }
        let pair = [i, j].map(|k| self.people[k].participant);
        self.people[i].apart.push(other);
        self.out.push_back(Output::Media(MediaOrder::Apart(pair)));
        self.clear_chair(now);
    }

    /// Those whom the host has nothing to do with leave.
    pub(super) fn clear_chair(&mut self, now: Timestamp) {
        loop {
            let host = self.people.iter().position(|p| Some(p.participant) == self.host);
            let Some(gone) =
                host.and_then(|h| (0..self.people.len()).find(|i| *i != h && self.are_apart(h, *i)))
            else {
                return;
            };
            let event = ServerEvent::RoomClosed { room_id: self.plan.id, reason: CloseReason::Left };
            self.out.push_back(Output::Emit { to: self.people[gone].session, event });
            self.depart(now, gone, LeftReason::Left);
        }
    }
}
