//! A room of two, who were matched or know one another: who is expected, in, away or gone; signals held for a peer who is still coming; how it
//! ends. Pure: the node that holds the room drives it, carries its outputs and owns its clock.
//!
//! It must never tell one guest the other's address: every signal passes [`crate::privacy`] on its way out.

pub mod captions;
mod ending;
pub mod group;
mod hiding;
mod io;
pub mod keyframes;
pub mod layers;
mod member;
pub mod restraint;
mod ringing;
pub mod sampling;
pub mod slots;
pub mod speaker;
pub mod tap;
mod way;

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Fault, Timestamp,
    contract::rooms::{Guest, Joined, Link, RoomKind, RoomView},
    event::{CallEnd, CloseReason, MatchPeer, MatchSeat, MoveReason, ServerEvent},
    id::{MessageId, ParticipantId, RoomId, SocketId, UserId},
    text::Written,
    wire::{LeftReason, Media, Path},
};
use ending::TOMBSTONE;
pub use io::{Allowed, Input, Matched, MediaOrder, Output, Reply, Who};
use member::{Member, Place};
use restraint::{Notice, Restraint};
pub use ringing::Caller;
use ringing::{Ring, Rings};
pub use way::SAFE_WITHIN;

/// Deadlines and bounds of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds a matched person has to join before the other searches on.
    pub join_within_s: u64,
    /// Seconds a dropped socket's seat is kept.
    pub seat_grace_s: u64,
    /// Seconds a call rings before nobody has answered.
    #[schemars(range(min = 1, max = 300))]
    pub ring_s: u64,
    /// A report about somebody who is in a direct call with another stranger moves it to the server within so many seconds, at a
    /// random moment: at once would say whom they had met last.
    #[schemars(range(min = 0, max = 300))]
    pub watch_within_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { join_within_s: 10, seat_grace_s: 15, ring_s: 45, watch_within_s: 45 }
    }
}

/// How long a direct connection has from when both are in: then the call moves to the server (protocol section 4).
const DIRECT_WITHIN: Duration = Duration::from_secs(5);
/// A silent connection to the server is told of after about this; the rest of the grace it has left.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// The machine.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    kind: RoomKind,
    transport: Path,
    /// Whether the call may move to the server, and whether it is on its way there.
    movable: bool,
    moving: bool,
    /// When it has to have moved, if it must for safety.
    safe_by: Option<Timestamp>,
    /// Since when both are in.
    both_in: Option<Timestamp>,
    created_at: Timestamp,
    settings: Settings,
    members: [Member; 2],
    /// It rings at the second one's.
    ring: Option<Ring>,
    /// More who are called.
    adding: Rings,
    /// A third person who has answered.
    grown: Option<Who>,
    /// A block ends it.
    blocked: bool,
    /// Set once: when it ended, to be forgotten after [`TOMBSTONE`].
    ended: Option<Timestamp>,
    out: VecDeque<Output>,
}

impl Room {
    /// The room of two people who were matched. The first guest is the initiator.
    pub fn pair(
        now: Timestamp,
        id: RoomId,
        guests: [Guest; 2],
        participants: [ParticipantId; 2],
        transport: Path,
        settings: &Settings,
    ) -> Self {
        let until = now + Duration::from_secs(settings.join_within_s);
        let [first, second] = guests;
        let members = [
            Member::expected(participants[0], first, until),
            Member::expected(participants[1], second, until),
        ];
        let out = VecDeque::from([Output::WakeAt(until)]);
        Self {
            id,
            kind: RoomKind::Random,
            transport,
            movable: false,
            moving: false,
            safe_by: None,
            both_in: None,
            created_at: now,
            settings: settings.clone(),
            members,
            ring: None,
            adding: Rings::default(),
            grown: None,
            blocked: false,
            ended: None,
            out,
        }
    }

    /// The same, and the server's media stands behind it when the two can't reach each other.
    #[must_use]
    pub const fn movable(mut self, movable: bool) -> Self {
        self.movable = movable;
        self
    }

    /// The participant that acts through this seat and may offer to the server's media.
    pub fn offering(&self, who: Who) -> Result<ParticipantId, Fault> {
        let i = self.seated(who)?;
        if self.ended.is_some() {
            return Err(peer_gone());
        }
        if self.transport != Path::Sfu && !self.moving {
            return Err(Fault::new(Code::WrongState, "This call runs directly between the two."));
        }
        Ok(self.members[i].participant)
    }

    /// Through which session somebody who is here is told of things.
    pub fn session(&self, participant: ParticipantId) -> Option<SocketId> {
        self.members.iter().find(|m| m.participant == participant && m.is_in()).map(|m| m.session)
    }

    /// The participant that somebody is, unless the two are friends.
    pub fn openly(&self, user: UserId) -> Option<ParticipantId> {
        let i = self.index_of(user).filter(|_| self.kind == RoomKind::Random)?;
        Some(self.members[i].participant)
    }

    /// Whose that participant is, while they are here.
    pub fn user(&self, participant: ParticipantId) -> Option<UserId> {
        self.members.iter().find(|m| m.participant == participant && m.is_in()).map(|m| m.user)
    }

    /// The sessions of both, as far as they are here.
    pub fn sessions(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.members.iter().filter(|m| m.is_in()).map(|m| m.session)
    }

    /// Those who are here, and whose page isn't known to be away.
    pub fn here(&self) -> impl Iterator<Item = Who> + '_ {
        let here = |m: &&Member| self.ended.is_none() && m.place == Place::In;
        self.members.iter().filter(here).map(Member::who)
    }

    /// What others may have of somebody, whether their page has said what is on or not.
    pub fn tracks(&self, participant: ParticipantId) -> Option<Allowed> {
        self.members.iter().find(|m| m.participant == participant).map(Member::open)
    }

    /// What both seats are told; `common_interests` come from the matcher.
    pub fn match_seats(&self, common_interests: &[String]) -> [MatchSeat; 2] {
        [0, 1].map(|i| {
            let (me, peer) = (&self.members[i], &self.members[1 - i]);
            MatchSeat {
                user: me.user,
                session: me.session,
                ticket: me.ticket,
                room: self.id,
                event: ServerEvent::Match {
                    room_id: self.id,
                    me: me.participant,
                    peer_id: peer.participant,
                    initiator: i == 0,
                    peer: MatchPeer {
                        user_id: peer.user,
                        display_name: peer.card.display_name.clone(),
                        avatar_url: peer.card.avatar_url.clone(),
                        band: peer.card.band,
                        common_interests: common_interests.to_vec(),
                    },
                    transport: self.transport,
                    ice_servers: Vec::new(),
                },
            }
        })
    }

    /// Who was matched.
    pub fn guests(&self) -> [Matched; 2] {
        [0, 1].map(|i| {
            let Member { user, participant, ticket, since, .. } = self.members[i];
            Matched { user, participant, ticket, since }
        })
    }

    /// The session that holds somebody's place.
    pub fn session_of(&self, user: UserId) -> Option<SocketId> {
        self.index_of(user).map(|i| self.members[i].session)
    }

    /// Whether the call has ended.
    pub const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input. A fault changes nothing.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Result<Reply, Fault> {
        if self.kind != RoomKind::Friends && input.is_of_calls() {
            return Err(not_in_room());
        }
        match input {
            Input::Join { user, session, seen } => self.join(now, user, session, seen),
            Input::Leave(who) => self.leave(now, who),
            Input::Signal { from, to, kind, body } => self.signal(from, to, kind, body),
            Input::Link(link) => self.link(link),
            Input::Media(who, media) => self.media(who, media),
            Input::Chat { from, text, nonce, id } => self.chat(now, from, text, nonce, id),
            Input::Park(who) => self.park(now, who),
            Input::Unpark(who) => self.unpark(who),
            Input::Silent(participant, silent) => Ok(self.silent(now, participant, silent)),
            Input::Watch => Ok(self.watch(now)),
            Input::Sample(from, of) => self.sample(now, from, of),
            Input::Hide => Ok(self.hide()),
            Input::Part { by, other } => Ok(self.part(now, by, other)),
            Input::Answer(who) => self.answer(now, who),
            Input::Decline(who) => self.decline(now, who),
            Input::Cancel(who, only) => self.cancel(now, who, only),
            Input::Add { from, guest, unwelcome } => self.add(now, from, &guest, &unwelcome),
            Input::Restrain(about, restraint, notice) => self.restrain(now, about, restraint, notice),
            Input::Pardon(user, restraint) => Ok(self.pardon(user, restraint)),
            Input::RestrainAgain(user, restraint) => {
                let member = self.index_of(user).map(|i| self.members[i].participant);
                self.restrain(now, member.ok_or_else(peer_gone)?, restraint, None)
            }
            Input::Close(reason) => Ok(self.close(now, reason)),
            Input::Tick => Ok(self.tick(now)),
        }
    }

    fn restrain(
        &mut self,
        now: Timestamp,
        about: ParticipantId,
        restraint: Restraint,
        notice: Option<Notice>,
    ) -> Result<Reply, Fault> {
        let here = |m: &Member| m.participant == about && m.is_in();
        let Some(i) = self.members.iter().position(here).filter(|_| self.ended.is_none()) else {
            return Err(peer_gone());
        };
        if let Some(notice) = notice {
            self.tell(i, notice.event(self.id));
        }
        let member = &mut self.members[i];
        if member.held_back.take(restraint) {
            if restraint == Restraint::Mute {
                self.out.push_back(Output::Media(MediaOrder::Tracks(about, member.open())));
            }
            self.tell_state(i);
            // Their page says how others see them.
            let participant = self.members[i].view();
            self.tell(i, ServerEvent::ParticipantState { room_id: self.id, participant });
        }
        if restraint == Restraint::Remove {
            self.tell_over(i, CallEnd::HungUp);
            self.tell(i, ServerEvent::RoomClosed { room_id: self.id, reason: CloseReason::Safety });
            self.end_for(now, i, LeftReason::Safety, CloseReason::Safety);
        }
        Ok(Reply::Done)
    }

    fn pardon(&mut self, user: UserId, restraint: Restraint) -> Reply {
        if let Some(i) = self.index_of(user)
            && self.members[i].held_back.lift(restraint)
        {
            let member = &self.members[i];
            self.out.push_back(Output::Media(MediaOrder::Tracks(member.participant, member.open())));
            self.tell_state(i);
            let participant = self.members[i].view();
            self.tell(i, ServerEvent::ParticipantState { room_id: self.id, participant });
        }
        Reply::Done
    }

    /// Whether this user's place is still kept (whichever session holds it).
    pub fn is_seated(&self, user: UserId) -> bool {
        self.ended.is_none() && self.index_of(user).is_some_and(|i| self.members[i].is_awaited())
    }

    fn index_of(&self, user: UserId) -> Option<usize> {
        self.members.iter().position(|m| m.user == user)
    }

    /// The index of somebody who is in (or just parked) and acts through the session that holds the seat.
    fn seated(&self, who: Who) -> Result<usize, Fault> {
        self.index_of(who.user)
            .filter(|&i| self.members[i].is_in() && self.members[i].session == who.session)
            .ok_or_else(not_in_room)
    }

    fn join(
        &mut self,
        now: Timestamp,
        user: UserId,
        session: SocketId,
        seen: IpAddr,
    ) -> Result<Reply, Fault> {
        let i =
            self.index_of(user).filter(|&i| self.members[i].place != Place::Gone).ok_or_else(not_in_room)?;
        if self.ended.is_some() {
            return Err(peer_gone());
        }
        if self.members[i].place == Place::Rung {
            return Err(Fault::new(Code::WrongState, "Answer the call first."));
        }
        let was = self.members[i].place;
        let me = &mut self.members[i];
        me.session = session;
        me.seen = Some(seen);
        me.place = Place::In;
        match was {
            Place::Expected { .. } => {
                if self.members[1 - i].is_in() {
                    self.out.push_back(Output::Started { at: now });
                    self.both_in = Some(now);
                    if self.movable && self.transport == Path::P2p {
                        self.out.push_back(Output::WakeAt(now + DIRECT_WITHIN));
                    }
                }
                let participant = self.members[i].view();
                self.tell(1 - i, ServerEvent::ParticipantJoined { room_id: self.id, participant });
            }
            Place::Parked { .. } => self.tell_state(i),
            Place::In | Place::Rung | Place::Gone => {}
        }
        self.flush_held(i);
        let room = RoomView {
            id: self.id,
            kind: self.kind,
            created_at: self.created_at,
            name: None,
            max_participants: 2,
            locked: false,
            screens_forbidden: false,
            expires_at: None,
            caller: self.caller(),
            ringing_until: self.ring.as_ref().map(|ring| ring.until),
        };
        let participants = self.members.iter().filter(|m| m.is_in()).map(Member::view).collect();
        let me = self.members[i].participant;
        Ok(Reply::Joined(Box::new(Joined { room, me, participants, transport: self.transport })))
    }

    fn leave(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        let known = |place| !matches!(place, Place::Gone | Place::Rung);
        let i = self
            .index_of(who.user)
            .filter(|&i| known(self.members[i].place) && self.members[i].session == who.session)
            .ok_or_else(not_in_room)?;
        if self.ended.is_some() {
            self.members[i].place = Place::Gone;
            return Ok(Reply::Done);
        }
        match self.members[i].place {
            Place::Expected { .. } => self.never_came(now, &[i]),
            _ => self.end_for(now, i, LeftReason::Left, CloseReason::Left),
        }
        Ok(Reply::Done)
    }

    fn media(&mut self, who: Who, media: Media) -> Result<Reply, Fault> {
        let i = self.seated(who)?;
        let member = &mut self.members[i];
        if media.audio && member.held_back.silenced {
            return Err(Fault::new(Code::Forbidden, "You were muted for safety."));
        }
        let changed = std::mem::replace(&mut member.media, media) != media;
        let first = !std::mem::replace(&mut member.told, true);
        if changed || first {
            self.out.push_back(Output::Media(MediaOrder::Tracks(member.participant, member.open())));
        }
        if changed {
            self.tell_state(i);
        }
        Ok(Reply::Done)
    }

    fn silent(&mut self, now: Timestamp, participant: ParticipantId, silent: bool) -> Reply {
        let Some(i) = self.members.iter().position(|m| m.participant == participant) else {
            return Reply::Done;
        };
        if self.transport != Path::Sfu || self.ended.is_some() {
            return Reply::Done;
        }
        let grace = Duration::from_secs(self.settings.seat_grace_s).saturating_sub(SILENT_AFTER);
        let until = silent.then(|| now + grace);
        let was = std::mem::replace(&mut self.members[i].silent, until);
        self.out.extend(until.map(Output::WakeAt));
        if was.is_some() != silent {
            self.tell_state(i);
        }
        Reply::Done
    }

    fn chat(
        &mut self,
        now: Timestamp,
        from: Who,
        Written { text, held }: Written,
        nonce: String,
        id: MessageId,
    ) -> Result<Reply, Fault> {
        let i = self.seated(from)?;
        if let Some(said) = self.members[i].said(&nonce) {
            return Ok(Reply::Said(said));
        }
        if self.ended.is_some() {
            return Err(peer_gone());
        }
        if !self.members[1 - i].is_in() {
            return Err(Fault::new(Code::WrongState, "The other person isn't here yet."));
        }
        self.members[i].remember(nonce, id);
        let from = self.members[i].participant;
        self.tell(1 - i, ServerEvent::ChatMessage { room_id: self.id, id, from, text, held, at: now });
        Ok(Reply::Said(id))
    }

    fn park(&mut self, now: Timestamp, who: Who) -> Result<Reply, Fault> {
        let i = self.seated(who)?;
        if self.ended.is_none() && self.members[i].place == Place::In {
            let until = now + Duration::from_secs(self.settings.seat_grace_s);
            self.members[i].place = Place::Parked { until };
            self.tell_state(i);
            self.out.push_back(Output::WakeAt(until));
        }
        Ok(Reply::Done)
    }

    fn unpark(&mut self, who: Who) -> Result<Reply, Fault> {
        let i = self.seated(who)?;
        if matches!(self.members[i].place, Place::Parked { .. }) {
            self.members[i].place = Place::In;
            self.tell_state(i);
        }
        Ok(Reply::Done)
    }

    fn tick(&mut self, now: Timestamp) -> Reply {
        if let Some(ended) = self.ended {
            if now >= ended + TOMBSTONE {
                self.out.push_back(Output::Gone);
            }
            return Reply::Done;
        }
        self.ring_tick(now);
        if self.ended.is_some() {
            return Reply::Done;
        }
        let due = |p: &Place| match p {
            Place::Expected { until } | Place::Parked { until } => *until <= now,
            _ => false,
        };
        let silent = |m: &Member| m.silent.is_some_and(|until| until <= now);
        let late: Vec<usize> =
            (0..2).filter(|&i| due(&self.members[i].place) || silent(&self.members[i])).collect();
        let (missing, lost): (Vec<_>, Vec<_>) =
            late.into_iter().partition(|&i| matches!(self.members[i].place, Place::Expected { .. }));
        if !missing.is_empty() {
            self.never_came(now, &missing);
        } else if let [i, ..] = lost[..] {
            self.end_for(now, i, LeftReason::Lost, CloseReason::Lost);
        } else if self.safe_by.is_some_and(|by| now >= by) {
            self.end_unsafe(now);
        } else if self.both_in.is_some_and(|since| now >= since + DIRECT_WITHIN)
            && self.members.iter().any(|m| m.link != Some(Link::Connected))
        {
            self.start_move(MoveReason::LinkTimeout);
        }
        Reply::Done
    }

    /// `missing` didn't join (or gave up before joining): whoever else there is searches on.
    fn tell_state(&mut self, i: usize) {
        let participant = self.members[i].view();
        self.tell(1 - i, ServerEvent::ParticipantState { room_id: self.id, participant });
    }

    /// To somebody who is in (a parked one reads it on return).
    fn tell(&mut self, i: usize, event: ServerEvent) {
        if self.members[i].is_in() {
            self.tell_anyway(i, event);
        }
    }

    fn tell_anyway(&mut self, i: usize, event: ServerEvent) {
        if self.members[i].is_awaited() {
            self.out.push_back(Output::Emit { to: self.members[i].session, event });
        }
    }
}

fn not_in_room() -> Fault {
    Fault::new(Code::NotInRoom, "You are not in that room.")
}

fn peer_gone() -> Fault {
    Fault::new(Code::PeerGone, "The other person has gone.")
}
