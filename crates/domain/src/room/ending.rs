//! How a room of two ends, what each of them is told of it, and what becomes of their seats.

use std::time::Duration;

use super::{MediaOrder, Output, Place, Reply, Room};
use crate::{
    Timestamp,
    contract::rooms::RoomKind,
    event::{CallEnd, CloseReason, ServerEvent},
    id::UserId,
    wire::LeftReason,
};

/// How long an ended room still answers `peer-gone` instead of `not-in-room`: longer than any request in flight.
pub(super) const TOMBSTONE: Duration = Duration::from_secs(30);

impl Room {
    /// A block or report: the other one only sees that somebody left, or didn't come.
    pub(super) fn part(&mut self, now: Timestamp, by: UserId, other: UserId) -> Reply {
        if self.ended.is_some() || self.part_ringing(now, by, other) {
            return Reply::Done;
        }
        if let (Some(i), Some(_)) = (self.index_of(by), self.index_of(other)) {
            self.blocked = true;
            if matches!(self.members[i].place, Place::Expected { .. }) {
                self.never_came(now, &[i]);
                return Reply::Done;
            }
            self.tell_over(i, CallEnd::HungUp);
            self.tell(i, ServerEvent::RoomClosed { room_id: self.id, reason: CloseReason::Left });
            self.end_for(now, i, LeftReason::Left, CloseReason::Left);
        }
        Reply::Done
    }

    pub(super) fn close(&mut self, now: Timestamp, reason: CloseReason) -> Reply {
        if self.ended.is_none() {
            for i in 0..2 {
                self.tell(i, ServerEvent::RoomClosed { room_id: self.id, reason });
            }
            self.end(now, reason, vec![]);
        }
        Reply::Done
    }

    pub(super) fn never_came(&mut self, now: Timestamp, missing: &[usize]) {
        let left = missing.iter().map(|&i| (self.members[i].user, LeftReason::Lost)).collect();
        for i in (0..2).filter(|i| !missing.contains(i)) {
            let participant = self.members[1 - i].view();
            self.tell_anyway(
                i,
                ServerEvent::ParticipantLeft { room_id: self.id, participant, reason: LeftReason::Lost },
            );
            let me = &self.members[i];
            if self.kind == RoomKind::Random {
                self.out.push_back(Output::SearchAgain(me.who(), me.since));
            } else {
                self.tell_over(i, CallEnd::Timeout);
                self.out.push_back(Output::SeatEnded(self.members[i].who()));
            }
        }
        for &i in missing {
            self.members[i].place = Place::Gone;
            self.out.push_back(Output::SeatEnded(self.members[i].who()));
        }
        self.finish(now, CloseReason::NeverJoined, left);
    }

    /// `i` has gone; with one of two the call is over.
    pub(super) fn end_for(&mut self, now: Timestamp, i: usize, reason: LeftReason, close: CloseReason) {
        if self.gives_up(now, i, reason) {
            return;
        }
        let participant = self.members[i].view();
        self.tell_anyway(1 - i, ServerEvent::ParticipantLeft { room_id: self.id, participant, reason });
        self.tell_over(1 - i, CallEnd::HungUp);
        let user = self.members[i].user;
        self.members[i].place = Place::Gone;
        self.end(now, close, vec![(user, reason)]);
    }

    pub(super) fn end(&mut self, now: Timestamp, reason: CloseReason, left: Vec<(UserId, LeftReason)>) {
        for member in self.members.iter().filter(|m| m.place != Place::Rung) {
            self.out.push_back(Output::SeatEnded(member.who()));
        }
        self.finish(now, reason, left);
    }

    pub(super) fn finish(&mut self, now: Timestamp, reason: CloseReason, left: Vec<(UserId, LeftReason)>) {
        self.stop_ringing(CallEnd::Cancelled, None);
        self.adding.stop_all(self.id, None, &mut self.out);
        self.ended = Some(now);
        let shown = reason;
        let reason = if self.blocked { CloseReason::Safety } else { reason };
        self.out.push_front(Output::Ended { at: now, reason, shown, left });
        self.out.push_back(Output::Media(MediaOrder::Close));
        self.out.push_back(Output::WakeAt(now + TOMBSTONE));
    }
}
