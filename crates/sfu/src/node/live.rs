//! A live room of either kind, as the node drives it.

use visavis_domain::{
    Code, Fault, Timestamp,
    contract::rooms::{Action, Join, LinkState, Signal, SignalKind},
    event::{CloseReason, ServerEvent},
    id::{MessageId, ParticipantId, SocketId, UserId},
    room::{
        self, Allowed, Output, Reply, Room, Who,
        group::{self, Group},
        restraint::{Notice, Restraint},
        sampling::not_sampled,
    },
    text::Written,
    wire::{Card, Media, ReactionKind},
};

/// Either kind.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each room, and a pair is most of them")]
pub(super) enum AnyRoom {
    Pair(Room),
    Group(Group),
}

/// What happens to a room, whichever kind it is.
#[derive(Debug)]
pub(super) enum Input {
    /// With whom of those there they share a block.
    Join(Join, ParticipantId, Vec<UserId>),
    Leave(Who),
    Signal(Signal, Who),
    Link(LinkState),
    Media(Who, Media),
    Chat {
        from: Who,
        text: Written,
        nonce: String,
        id: MessageId,
    },
    Hand(Who, bool),
    React(Who, ReactionKind),
    Moderate(Who, Action, Option<ParticipantId>),
    Park(Who),
    Unpark(Who),
    Silent(ParticipantId, bool),
    Part {
        by: UserId,
        other: UserId,
    },
    Answer(Who),
    Decline(Who),
    Cancel(Who, Option<UserId>),
    Add {
        from: Who,
        guest: Card,
        unwelcome: Vec<UserId>,
    },
    Watch,
    /// A still by whoever sits there, of that one.
    Sample(Who, ParticipantId),
    Hide,
    Restrain(ParticipantId, Restraint, Option<Notice>),
    Pardon(UserId, Restraint),
    RestrainAgain(UserId, Restraint),
    Close(CloseReason),
    Tick,
}

impl AnyRoom {
    pub(super) fn poll(&mut self) -> Option<Output> {
        match self {
            Self::Pair(room) => room.poll(),
            Self::Group(room) => room.poll(),
        }
    }

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) -> Result<Reply, Fault> {
        match self {
            Self::Pair(room) => {
                let reply = room.handle(now, pair(input)?);
                self.grow(now);
                reply
            }
            Self::Group(room) => {
                if let Input::Sample(who, _) = input {
                    room.participant(who)?;
                }
                match group(input)? {
                    Some(input) => room.handle(now, input),
                    None => Ok(Reply::Done),
                }
            }
        }
    }

    pub(super) fn is_seated(&self, user: UserId) -> bool {
        match self {
            Self::Pair(room) => room.is_seated(user),
            Self::Group(room) => room.is_seated(user),
        }
    }

    /// Two who were matched, as long as their room is open.
    pub(super) fn strangers(&self) -> Option<[UserId; 2]> {
        match self {
            Self::Pair(room) => room.strangers(),
            Self::Group(_) => None,
        }
    }

    /// Whether two have begun to talk.
    pub(super) const fn has_begun(&self) -> bool {
        match self {
            Self::Pair(room) => room.has_begun(),
            Self::Group(_) => true,
        }
    }

    /// Two who are to talk directly and haven't begun to.
    pub(super) fn will_talk_directly(&self) -> Option<[UserId; 2]> {
        match self {
            Self::Pair(room) => room.will_talk_directly(),
            Self::Group(_) => None,
        }
    }

    /// Those who are here, and whose page isn't known to be away.
    pub(super) fn here(&self) -> Vec<Who> {
        match self {
            Self::Pair(room) => room.here().collect(),
            Self::Group(room) => room.here().collect(),
        }
    }

    /// A call that a third person comes into goes on as a group.
    fn grow(&mut self, now: Timestamp) {
        if let Self::Pair(pair) = self
            && let Some(group) = pair.grow(now)
        {
            *self = Self::Group(group);
        }
    }

    /// Whether a block between these ends something.
    pub(super) fn concerns(&self, a: UserId, b: UserId) -> bool {
        match self {
            Self::Pair(room) => room.concerns(a, b),
            Self::Group(room) => room.concerns(a, b),
        }
    }

    /// Whether one of these is called by the other and hasn't answered.
    pub(super) fn rings_between(&self, a: UserId, b: UserId) -> bool {
        match self {
            Self::Pair(room) => room.rings_between(a, b),
            Self::Group(room) => room.rings_between(a, b),
        }
    }

    /// Whose blocks matter to somebody who comes in; nobody's for a pair, or when they are in.
    pub(super) fn hosts_and_guests(&self, newcomer: UserId) -> Vec<UserId> {
        match self {
            Self::Group(room) if !room.is_seated(newcomer) => room.hosts_and_guests(),
            Self::Pair(_) | Self::Group(_) => Vec::new(),
        }
    }

    /// Who is in a group, and whose room it is.
    pub(super) fn people(&self) -> Vec<UserId> {
        match self {
            Self::Pair(_) => Vec::new(),
            Self::Group(room) => room.hosts_and_guests(),
        }
    }

    /// From whom somebody is kept apart.
    pub(super) fn apart_from(&self, participant: ParticipantId) -> Vec<ParticipantId> {
        match self {
            Self::Pair(_) => Vec::new(),
            Self::Group(room) => room.apart_from(participant),
        }
    }

    /// What a page of somebody who is called here has to hear.
    pub(super) fn ringing_for(&self, user: UserId) -> Option<ServerEvent> {
        match self {
            Self::Pair(room) => room.ringing_for(user),
            Self::Group(room) => room.ringing_for(user),
        }
    }

    /// Who may offer through this seat.
    pub(super) fn offering(&self, who: Who) -> Result<ParticipantId, Fault> {
        match self {
            Self::Pair(room) => room.offering(who),
            Self::Group(room) => room.participant(who),
        }
    }

    pub(super) const fn limit(&self) -> usize {
        match self {
            Self::Pair(_) => 2,
            Self::Group(room) => room.limit(),
        }
    }

    pub(super) fn tracks(&self, participant: ParticipantId) -> Option<Allowed> {
        match self {
            Self::Pair(room) => room.tracks(participant),
            Self::Group(room) => room.tracks(participant),
        }
    }

    /// The participant that somebody is, unless this is a call of two friends.
    pub(super) fn openly(&self, user: UserId) -> Option<ParticipantId> {
        match self {
            Self::Pair(room) => room.openly(user),
            Self::Group(room) => room.participant_of(user),
        }
    }

    /// Whose that participant is.
    pub(super) fn user(&self, participant: ParticipantId) -> Option<UserId> {
        match self {
            Self::Pair(room) => room.user(participant),
            Self::Group(room) => room.user(participant),
        }
    }

    pub(super) fn session(&self, participant: ParticipantId) -> Option<SocketId> {
        match self {
            Self::Pair(room) => room.session(participant),
            Self::Group(room) => room.session(participant),
        }
    }

    pub(super) fn session_of(&self, user: UserId) -> Option<SocketId> {
        match self {
            Self::Pair(room) => room.session_of(user),
            Self::Group(room) => room.session_of(user),
        }
    }

    /// Everybody's session, and from whom they are kept apart.
    pub(super) fn listeners(&self) -> Vec<(SocketId, Vec<ParticipantId>)> {
        match self {
            Self::Pair(room) => room.sessions().map(|session| (session, Vec::new())).collect(),
            Self::Group(room) => room.listeners().collect(),
        }
    }
}

fn pair(input: Input) -> Result<room::Input, Fault> {
    Ok(match input {
        Input::Join(join, ..) => {
            room::Input::Join { user: join.user, session: join.session, seen: join.seen }
        }
        Input::Leave(who) => room::Input::Leave(who),
        Input::Signal(signal, from) => {
            room::Input::Signal { from, to: signal.to, kind: signal.kind, body: signal.body }
        }
        Input::Link(link) => room::Input::Link(link),
        Input::Media(who, media) => room::Input::Media(who, media),
        Input::Chat { from, text, nonce, id } => room::Input::Chat { from, text, nonce, id },
        Input::Hand(..) | Input::React(..) | Input::Moderate(..) => {
            return Err(Fault::new(Code::WrongState, "Only groups have that."));
        }
        Input::Park(who) => room::Input::Park(who),
        Input::Unpark(who) => room::Input::Unpark(who),
        Input::Silent(participant, silent) => room::Input::Silent(participant, silent),
        Input::Part { by, other } => room::Input::Part { by, other },
        Input::Answer(who) => room::Input::Answer(who),
        Input::Decline(who) => room::Input::Decline(who),
        Input::Cancel(who, only) => room::Input::Cancel(who, only),
        Input::Add { from, guest, unwelcome } => room::Input::Add { from, guest, unwelcome },
        Input::Watch => room::Input::Watch,
        Input::Sample(from, of) => room::Input::Sample(from, of),
        Input::Hide => room::Input::Hide,
        Input::Restrain(about, restraint, notice) => room::Input::Restrain(about, restraint, notice),
        Input::Pardon(user, restraint) => room::Input::Pardon(user, restraint),
        Input::RestrainAgain(user, restraint) => room::Input::RestrainAgain(user, restraint),
        Input::Close(reason) => room::Input::Close(reason),
        Input::Tick => room::Input::Tick,
    })
}

/// `None`: nothing is to be done.
fn group(input: Input) -> Result<Option<group::Input>, Fault> {
    Ok(Some(match input {
        Input::Join(Join { user, session, card, .. }, participant, apart) => {
            group::Input::Join { user, session, card, apart, participant }
        }
        Input::Leave(who) => group::Input::Leave(who),
        // The server needs none: it answers whoever proves themselves.
        Input::Signal(signal, _) if signal.kind == SignalKind::Candidate => return Ok(None),
        Input::Signal(..) => return Err(Fault::new(Code::WrongState, "This call runs through the server.")),
        Input::Sample(..) => return Err(not_sampled()),
        // The server sees a group's media in any case.
        Input::Watch | Input::Hide => return Ok(None),
        Input::Restrain(about, restraint, notice) => group::Input::Restrain(about, restraint, notice),
        Input::Pardon(user, restraint) => group::Input::Pardon(user, restraint),
        Input::RestrainAgain(user, restraint) => group::Input::RestrainAgain(user, restraint),
        Input::Link(link) => group::Input::Link(link),
        Input::Part { by, other } => group::Input::Part { by, other },
        Input::Answer(who) => group::Input::Answer(who),
        Input::Decline(who) => group::Input::Decline(who),
        Input::Cancel(who, only) => group::Input::Cancel(who, only),
        Input::Add { from, guest, unwelcome } => group::Input::Add { from, guest, unwelcome },
        Input::Media(who, media) => group::Input::Media(who, media),
        Input::Chat { from, text, nonce, id } => group::Input::Chat { from, text, nonce, id },
        Input::Hand(who, raised) => group::Input::Hand(who, raised),
        Input::React(who, kind) => group::Input::React(who, kind),
        Input::Moderate(who, action, target) => group::Input::Moderate(who, action, target),
        Input::Park(who) => group::Input::Park(who),
        Input::Unpark(who) => group::Input::Unpark(who),
        Input::Silent(participant, silent) => group::Input::Silent(participant, silent),
        Input::Close(reason) => group::Input::Close(reason),
        Input::Tick => group::Input::Tick,
    }))
}
