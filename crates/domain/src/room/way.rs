//! The way of a call: signals between the two, the direct connection, and the move to the server when that fails or when somebody has to
//! look. Every signal passes [`crate::privacy`] on its way out.

use std::{net::IpAddr, time::Duration};

use super::{Output, Reply, Room, Who, member::Held, not_in_room, peer_gone};
use crate::{
    Code, Fault, Timestamp,
    contract::rooms::{Link, LinkState, RoomKind, SignalBody, SignalKind},
    event::{CloseReason, MoveReason, ServerEvent},
    id::ParticipantId,
    privacy,
    wire::{LeftReason, Path},
};

/// A call that moves to the server for safety, because something was reported or seen, is there within this, or ends. A page
/// needs two or three seconds for it.
pub const SAFE_WITHIN: Duration = Duration::from_secs(15);
/// Signals held for a peer who hasn't joined: an offer and all candidates of a host with many interfaces.
const HELD_SIGNALS: usize = 64;

impl Room {
    pub(super) fn signal(
        &mut self,
        from: Who,
        to: Option<ParticipantId>,
        kind: SignalKind,
        body: SignalBody,
    ) -> Result<Reply, Fault> {
        let i = self.seated(from)?;
        if to.is_some_and(|to| to != self.members[1 - i].participant) || self.ended.is_some() {
            return Err(peer_gone());
        }
        let ours = self.transport == Path::Sfu || (self.moving && to.is_none());
        if ours && kind == SignalKind::Candidate {
            // The server needs none: it answers whoever proves themselves.
            return Ok(Reply::Done);
        }
        if self.transport != Path::P2p {
            return Err(Fault::new(Code::WrongState, "This call runs through the server."));
        }
        let own = self.members[i].seen.ok_or_else(not_in_room)?;
        if let Some(peer) = self.members[1 - i].seen {
            if let Some(body) = filter(&body, own, peer)? {
                let event = self.signal_event(i, kind, body)?;
                self.tell(1 - i, event);
            }
        } else {
            // Held as it came, since what may pass depends on the peer's address; refused now if unreadable.
            filter(&body, own, own)?;
            let held = &mut self.members[1 - i].held;
            if held.len() >= HELD_SIGNALS {
                return Err(Fault::rate_limited(self.settings.join_within_s * 1_000));
            }
            held.push_back(Held { kind, body });
        }
        Ok(Reply::Done)
    }

    /// Sends on what was held for `i`, now that its address is known.
    pub(super) fn flush_held(&mut self, i: usize) {
        let (Some(own), Some(peer)) = (self.members[1 - i].seen, self.members[i].seen) else { return };
        for Held { kind, body } in std::mem::take(&mut self.members[i].held) {
            let Ok(Some(body)) = filter(&body, own, peer) else { continue };
            if let Ok(event) = self.signal_event(1 - i, kind, body) {
                self.tell(i, event);
            }
        }
    }

    pub(super) fn signal_event(
        &self,
        from: usize,
        kind: SignalKind,
        body: SignalBody,
    ) -> Result<ServerEvent, Fault> {
        let (room_id, from) = (self.id, self.members[from].participant);
        match (kind, body) {
            (SignalKind::Offer, SignalBody::Sdp(sdp)) => Ok(ServerEvent::Offer { room_id, from, sdp }),
            (SignalKind::Answer, SignalBody::Sdp(sdp)) => Ok(ServerEvent::Answer { room_id, from, sdp }),
            (SignalKind::Candidate, SignalBody::Candidate(candidate)) => {
                Ok(ServerEvent::IceCandidate { room_id, from, candidate })
            }
            _ => Err(Fault::bad_request("The signal's body doesn't fit its kind.")),
        }
    }

    pub(super) fn link(&mut self, link: LinkState) -> Result<Reply, Fault> {
        let i = self.seated(Who { user: link.seat.user, session: link.seat.session })?;
        match link.path {
            Path::Sfu if self.moving => {
                self.members[i].through = link.state == Link::Connected;
                if self.members.iter().all(|m| m.through) {
                    (self.moving, self.transport, self.safe_by) = (false, Path::Sfu, None);
                    (0..2).for_each(|i| self.tell(i, ServerEvent::Moved { room_id: self.id }));
                }
            }
            path if path == self.transport => {
                self.members[i].link = Some(link.state);
                if path == Path::P2p && link.state == Link::Failed && self.both_in.is_some() {
                    self.start_move(MoveReason::LinkFailed);
                }
            }
            // Said just before the move was done.
            Path::P2p if self.both_in.is_some() && self.movable => {}
            _ => return Err(Fault::new(Code::WrongState, "This call doesn't take that path.")),
        }
        Ok(Reply::Done)
    }

    /// Make before break: both offer to the server and keep the direct connection until each sees the other there.
    /// Whether it begins by this.
    pub(super) fn start_move(&mut self, reason: MoveReason) -> bool {
        if !self.movable || self.moving || self.transport != Path::P2p || self.ended.is_some() {
            return false;
        }
        self.moving = true;
        (0..2).for_each(|i| self.tell(i, ServerEvent::MoveToSfu { room_id: self.id, reason }));
        true
    }

    pub(super) fn watch(&mut self, now: Timestamp) -> Reply {
        // What friends say to one another isn't watched.
        if self.kind != RoomKind::Random {
            return Reply::Moves(false);
        }
        let begins = self.start_move(MoveReason::Safety);
        if self.moving && self.safe_by.is_none() {
            self.safe_by = Some(now + SAFE_WITHIN);
            self.out.push_back(Output::WakeAt(now + SAFE_WITHIN));
        }
        Reply::Moves(begins)
    }

    /// A call that had to move for safety, and in which somebody hasn't come to the server, doesn't go on where nobody sees it.
    pub(super) fn end_unsafe(&mut self, now: Timestamp) {
        let Some(i) = self.members.iter().position(|member| !member.through) else { return };
        self.tell(i, ServerEvent::RoomClosed { room_id: self.id, reason: CloseReason::Lost });
        self.end_for(now, i, LeftReason::Lost, CloseReason::Lost);
    }
}

fn filter(body: &SignalBody, own: IpAddr, peer: IpAddr) -> Result<Option<SignalBody>, Fault> {
    let rule = privacy::Rule { own, peer };
    match body {
        SignalBody::Sdp(sdp) => privacy::filter_sdp(sdp, &rule).map(|sdp| Some(SignalBody::Sdp(sdp))),
        SignalBody::Candidate(None) => Ok(Some(SignalBody::Candidate(None))),
        SignalBody::Candidate(Some(candidate)) => Ok(privacy::filter_candidate(candidate, &rule)?
            .map(|candidate| SignalBody::Candidate(Some(candidate)))),
    }
}
