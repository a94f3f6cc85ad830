//! What goes into a room, and what it has to say.

use std::net::IpAddr;

use super::restraint::{Notice, Restraint};
use crate::{
    Timestamp,
    contract::rooms::{Joined, LinkState, SignalBody, SignalKind},
    event::{CloseReason, ServerEvent},
    id::{MessageId, ParticipantId, SocketId, TicketId, UserId},
    text::Written,
    wire::{Card, LeftReason, Media},
};

/// Somebody who was matched for a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// Who.
    pub user: UserId,
    /// As what.
    pub participant: ParticipantId,
    /// By which ticket.
    pub ticket: TicketId,
    /// Waiting since.
    pub since: Timestamp,
}

/// What happens to a room.
#[derive(Debug, Clone)]
pub enum Input {
    /// Somebody takes the place kept for them (again, maybe from another socket).
    Join {
        /// Who.
        user: UserId,
        /// Through which session; it is the seat from now on.
        session: SocketId,
        /// The address the server sees.
        seen: IpAddr,
    },
    /// Somebody leaves on purpose.
    Leave(Who),
    /// A signal for the other side.
    Signal {
        /// From whom.
        from: Who,
        /// To whom; `None` is the other one.
        to: Option<ParticipantId>,
        /// What.
        kind: SignalKind,
        /// The body, as the browser made it.
        body: SignalBody,
    },
    /// What somebody's media connection says.
    Link(LinkState),
    /// Somebody's tracks.
    Media(Who, Media),
    /// Somebody writes.
    Chat {
        /// From whom.
        from: Who,
        /// The checked text.
        text: Written,
        /// The client's name for it.
        nonce: String,
        /// The id it gets, unless this nonce has one.
        id: MessageId,
    },
    /// A socket dropped.
    Park(Who),
    /// A socket is back.
    Unpark(Who),
    /// Nothing comes over somebody's connection to the server any more, or it does again.
    Silent(ParticipantId, bool),
    /// What runs in the call must be looked at: it moves to the server.
    Watch,
    /// Somebody's page has a picture of what that one shows.
    Sample(Who, ParticipantId),
    /// One of the two hides their address.
    Hide,
    /// `by` has blocked or reported `other`: whatever they share ends.
    Part {
        /// Who acted.
        by: UserId,
        /// Towards whom.
        other: UserId,
    },
    /// Whoever is called comes, through this session.
    Answer(Who),
    /// They don't.
    Decline(Who),
    /// The call is given up, or only one who was to be added.
    Cancel(Who, Option<UserId>),
    /// Somebody is called into the call.
    Add {
        /// By whom.
        from: Who,
        /// Who is to come.
        guest: Card,
        /// With whom the guest shares a block.
        unwelcome: Vec<UserId>,
    },
    /// Safety does something about somebody.
    Restrain(ParticipantId, Restraint, Option<Notice>),
    /// And takes it back.
    Pardon(UserId, Restraint),
    /// And does it again, wherever they are by now.
    RestrainAgain(UserId, Restraint),
    /// The node shuts down.
    Close(CloseReason),
    /// Time has passed.
    Tick,
}

/// A user through one socket session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The account.
    pub user: UserId,
    /// The session; when another one holds the seat, it's not in the room.
    pub session: SocketId,
}

/// The answer to an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing to add.
    Done,
    /// To a join.
    Joined(Box<Joined>),
    /// To a chat message.
    Said(MessageId),
    /// To a sample: whether it is to be looked at.
    Sampled(bool),
    /// To `Watch`: whether the call moves because of it.
    Moves(bool),
}

/// What the driver must do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Keep that the call began: both are in.
    Started {
        /// When.
        at: Timestamp,
    },
    /// Keep how the call ended.
    Ended {
        /// When.
        at: Timestamp,
        /// Why.
        reason: CloseReason,
        /// What the two are told of it, now and ever: a block looks like something else.
        shown: CloseReason,
        /// Who went, and why.
        left: Vec<(UserId, LeftReason)>,
    },
    /// Append to a session's log.
    Emit {
        /// Whose.
        to: SocketId,
        /// What.
        event: ServerEvent,
    },
    /// Tell every page of a person, but that one.
    Pages {
        /// Whose.
        user: UserId,
        /// Not this one.
        except: Option<SocketId>,
        /// What.
        event: ServerEvent,
    },
    /// Somebody is no longer called by `from`: others can call them.
    Quiet {
        /// Who.
        user: UserId,
        /// By whom.
        from: UserId,
    },
    /// Keep that whoever was called has come.
    Answered(Who),
    /// Keep that somebody was called into a call and didn't answer.
    Missed {
        /// Who called.
        from: UserId,
        /// Whom.
        user: UserId,
        /// Why it rings no more.
        reason: CloseReason,
        /// Whether they heard it; else it is none of theirs.
        heard: bool,
    },
    /// The seat is free.
    SeatEnded(Who),
    /// The match came to nothing for this one: search on with the old waiting time.
    SearchAgain(Who, Timestamp),
    /// What the room's media is told.
    Media(MediaOrder),
    /// A group's record is in use: it lives on.
    Used,
    /// Keep that safety has removed somebody: they don't come into this room again, also when it is opened anew.
    KeepOut {
        /// Who.
        user: UserId,
    },
    /// Keep that somebody's stay in a group has begun.
    Came {
        /// As what.
        participant: ParticipantId,
        /// Who.
        user: UserId,
        /// When.
        at: Timestamp,
        /// Of those who are there: whom they don't see, nor are seen by.
        apart: Vec<ParticipantId>,
    },
    /// Keep that it is over.
    Went {
        /// As what.
        participant: ParticipantId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: CloseReason,
    },
    /// Keep a host's decision in the record.
    Keep {
        /// Nobody but the owner comes in.
        locked: bool,
    },
    /// Call `handle(Tick)` then.
    WakeAt(Timestamp),
    /// Forget the room.
    Gone,
}

/// What others may have of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Of their microphone, camera and screen.
    pub media: Media,
    /// The sound of the screen: of whoever was muted it would be another microphone.
    pub screen_audio: bool,
}

impl Allowed {
    pub(super) const fn new(media: Media, muted: bool) -> Self {
        Self { media, screen_audio: media.screen && !muted }
    }
}

impl From<Media> for Allowed {
    fn from(media: Media) -> Self {
        Self::new(media, false)
    }
}

/// What a room's media is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaOrder {
    /// What others may have of somebody.
    Tracks(ParticipantId, Allowed),
    /// Somebody has gone.
    Leave(ParticipantId),
    /// Neither gets anything of the other any more.
    Apart([ParticipantId; 2]),
    /// All have.
    Close,
}
