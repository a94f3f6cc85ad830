//! Whoever hides their address talks over the server. That counts as it is when the two begin to talk, not as it was when they
//! were matched or it began to ring.

use super::{Reply, Room};
use crate::{
    contract::rooms::RoomKind,
    event::{MoveReason, ServerEvent},
    id::UserId,
    wire::Path,
};

impl Room {
    /// The two, if they were matched and haven't parted.
    pub fn strangers(&self) -> Option<[UserId; 2]> {
        let are = self.kind == RoomKind::Random && self.ended.is_none();
        are.then(|| self.members.each_ref().map(|m| m.user))
    }

    /// Whether both have been in.
    pub const fn has_begun(&self) -> bool {
        self.both_in.is_some()
    }

    /// The two, as long as they are to talk directly and haven't begun to.
    pub fn will_talk_directly(&self) -> Option<[UserId; 2]> {
        let will = self.transport == Path::P2p && self.both_in.is_none() && self.ended.is_none();
        will.then(|| self.members.each_ref().map(|m| m.user))
    }

    /// Over the server, then. Whoever is in already changes over, with nothing to wait for; what they have said to the other so
    /// far is of their own address, and is forgotten.
    pub(super) fn hide(&mut self) -> Reply {
        if self.will_talk_directly().is_none() {
            return Reply::Done;
        }
        self.transport = Path::Sfu;
        for i in 0..2 {
            self.members[i].held.clear();
            self.tell(i, ServerEvent::MoveToSfu { room_id: self.id, reason: MoveReason::Hidden });
            self.tell(i, ServerEvent::Moved { room_id: self.id });
        }
        Reply::Done
    }
}
