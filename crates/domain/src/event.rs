//! News. [`ServerEvent`] is what a page hears over its socket; [`Event`] is what roles tell one another by bus.

mod reason;
mod topic;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    contract::{friends::FriendRequest, rooms::Candidate},
    id::{
        DecisionId, LoginId, MessageId, ParticipantId, ReportId, RequestId, RoomId, SocketId, TicketId,
        UserId,
    },
    presence::Seen,
    queue::Pool,
    room::{restraint::Restraint, speaker::Loudness},
    strikes::Action,
    text::Contact,
    wire::{Band, Card, IceServer, LeftReason, Participant, Path, ReactionKind, Source},
};

pub use reason::{CallEnd, CloseReason, MoveReason};
pub use topic::Topic;

/// A Socket.IO event from server to client (protocol section 3). Reliable ones get a `seq` from the session's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "data", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ServerEvent {
    /// Another socket of this user has taken the seat.
    SeatTaken {
        /// The room, if the seat was in one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room_id: Option<RoomId>,
    },
    /// The server goes down for an upgrade; come back after a while.
    ServerDraining {
        /// Jittered, so that not everybody comes at once.
        reconnect_in_ms: u64,
    },
    /// Still searching. Volatile.
    MatchWaiting {
        /// The place in the queue.
        ticket_id: TicketId,
        /// Since the search began.
        waited_ms: u64,
        /// What has been relaxed meanwhile: `reputation`, `languages`, `interests`.
        widened: Vec<Widened>,
    },
    /// A partner was found.
    Match {
        /// To be joined within ten seconds.
        room_id: RoomId,
        /// My participant id.
        #[serde(rename = "self")]
        me: ParticipantId,
        /// The partner's.
        peer_id: ParticipantId,
        /// Exactly one of the two makes the offer.
        initiator: bool,
        /// The partner.
        peer: MatchPeer,
        /// Which way media goes.
        transport: Path,
        /// STUN and TURN, filled in where the socket is.
        ice_servers: Vec<IceServer>,
    },
    /// The partner's session description.
    Offer {
        /// Which room.
        room_id: RoomId,
        /// From whom.
        from: ParticipantId,
        /// Filtered (protocol, *Privacy of addresses*).
        sdp: String,
    },
    /// The partner's answer.
    Answer {
        /// Which room.
        room_id: RoomId,
        /// From whom.
        from: ParticipantId,
        /// Filtered.
        sdp: String,
    },
    /// A candidate of the partner's; null at the end.
    IceCandidate {
        /// Which room.
        room_id: RoomId,
        /// From whom.
        from: ParticipantId,
        /// Filtered.
        candidate: Option<Candidate>,
    },
    /// Somebody came in.
    ParticipantJoined {
        /// Which room.
        room_id: RoomId,
        /// Who.
        participant: Participant,
    },
    /// Something about a participant changed.
    ParticipantState {
        /// Which room.
        room_id: RoomId,
        /// As it is now.
        participant: Participant,
    },
    /// Somebody has gone.
    ParticipantLeft {
        /// Which room.
        room_id: RoomId,
        /// Who it was.
        participant: Participant,
        /// Why.
        reason: LeftReason,
    },
    /// The room is no more.
    RoomClosed {
        /// Which room.
        room_id: RoomId,
        /// Why.
        reason: CloseReason,
    },
    /// Somebody wrote.
    ChatMessage {
        /// Which room.
        room_id: RoomId,
        /// The message.
        id: MessageId,
        /// From whom; the sender has the ack instead.
        from: ParticipantId,
        /// The text.
        text: String,
        /// What in it leads away from here: a page shows it when whoever reads it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<Contact>,
        /// When the server took it.
        at: Timestamp,
    },
    /// Who is on which of my receiving lines: all of them, each time.
    Slots {
        /// Which room.
        room_id: RoomId,
        /// The lines.
        slots: Vec<SlotLine>,
    },
    /// Who speaks. Volatile.
    ActiveSpeaker {
        /// Which room.
        room_id: RoomId,
        /// Who has the floor.
        participant_id: Option<ParticipantId>,
        /// Everybody who is heard.
        levels: Vec<Loudness>,
    },
    /// The direct connection is given up: offer to the server, and keep the direct one until `moved`.
    MoveToSfu {
        /// Which room.
        room_id: RoomId,
        /// Why.
        reason: MoveReason,
    },
    /// Both have a picture through the server: the direct connection can go.
    Moved {
        /// Which room.
        room_id: RoomId,
    },
    /// What the host, or whoever made it, decided about the room. If it takes more people: offer again, with more
    /// receiving lines.
    RoomChanged {
        /// Which room.
        room_id: RoomId,
        /// Most people.
        max_participants: usize,
        /// Nobody but its owner comes in.
        locked: bool,
        /// Nobody but the host may share a screen.
        screens_forbidden: bool,
    },
    /// Somebody wants to speak, or no longer.
    Hand {
        /// Which room.
        room_id: RoomId,
        /// Who.
        from: ParticipantId,
        /// Or lowered.
        raised: bool,
    },
    /// Somebody reacts. Volatile.
    Reaction {
        /// Which room.
        room_id: RoomId,
        /// Who.
        from: ParticipantId,
        /// How.
        kind: ReactionKind,
    },
    /// What somebody else said, as far as it was understood; to pages that asked. Volatile.
    Caption {
        /// Which room.
        room_id: RoomId,
        /// Who.
        participant_id: ParticipantId,
        /// At most 500 characters.
        text: String,
        /// When they began to say it.
        at: Timestamp,
    },
    /// Somebody asks to be friends.
    FriendRequest {
        /// The request.
        request: FriendRequest,
    },
    /// Where a friend is.
    Presence {
        /// Who.
        user_id: UserId,
        /// Where.
        presence: Seen,
        /// When it was found so; what is older than what was heard before is late.
        at: Timestamp,
    },
    /// My friends or my requests are others than before: look again.
    FriendsChanged {},
    /// My account is another than before: look at it again.
    AccountChanged {},
    /// A friend calls, or wants me in the call they are in.
    IncomingCall {
        /// To be answered with `call-accept` or `call-decline`.
        room_id: RoomId,
        /// Who calls.
        from: Card,
        /// Then it stops ringing.
        expires_at: Timestamp,
        /// How many were in the call when it began to ring: one, or more where I am called into one that runs.
        #[serde(default)]
        people: usize,
    },
    /// Somebody who was called has answered.
    CallAccepted {
        /// Which call.
        room_id: RoomId,
        /// It was me, on another page.
        elsewhere: bool,
        /// Who.
        user_id: UserId,
    },
    /// Somebody who was called doesn't come. A call that others are in goes on.
    CallDeclined {
        /// Which call.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
    },
    /// The call is over, or rings here no more.
    CallEnded {
        /// Which call.
        room_id: RoomId,
        /// Why.
        reason: CallEnd,
    },
    /// Something was decided about me.
    SafetyNotice {
        /// In which room, if in one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room_id: Option<RoomId>,
        /// What is done.
        action: Action,
        /// The rule it rests on.
        rule: String,
        /// Of a suspension: its end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Where the statement of reasons is.
        decision_id: DecisionId,
        /// No person had a part in it.
        automated: bool,
    },
}

/// What a receiving line carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotLine {
    /// The line's name in the session description.
    pub mid: String,
    /// Who is on it.
    pub participant_id: Option<ParticipantId>,
    /// What; of an empty line, what it is for.
    pub source: Source,
}

impl ServerEvent {
    /// The names of all events, in the order of the enum.
    pub const NAMES: [&'static str; 28] = [
        "seat-taken",
        "server-draining",
        "match-waiting",
        "match",
        "offer",
        "answer",
        "ice-candidate",
        "participant-joined",
        "participant-state",
        "participant-left",
        "room-closed",
        "chat-message",
        "slots",
        "active-speaker",
        "move-to-sfu",
        "moved",
        "room-changed",
        "hand",
        "reaction",
        "caption",
        "friend-request",
        "presence",
        "friends-changed",
        "incoming-call",
        "call-accepted",
        "call-declined",
        "call-ended",
        "safety-notice",
    ];

    /// Volatile events skip the log: no `seq`, never replayed.
    pub const fn is_volatile(&self) -> bool {
        matches!(
            self,
            Self::MatchWaiting { .. }
                | Self::ActiveSpeaker { .. }
                | Self::Reaction { .. }
                | Self::Caption { .. }
        )
    }
}

/// A criterion that waiting has relaxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Widened {
    /// A larger reputation distance is accepted.
    Reputation,
    /// No shared language is needed.
    Languages,
    /// No shared interest is needed.
    Interests,
    /// Somebody met a short while ago is accepted.
    Rematch,
}

/// The partner, as `match` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchPeer {
    /// The account: for a block or a report.
    pub user_id: UserId,
    /// The chosen name.
    pub display_name: String,
    /// The picture.
    pub avatar_url: Option<String>,
    /// Reputation, roughly.
    pub band: Band,
    /// What both like.
    pub common_interests: Vec<String>,
}

/// News between roles. Delivery is at most once and unordered across topics; whatever must not be missed is also
/// in `Kv` or `Db`, and the event is only the nudge to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A pair's room is open; whoever holds the seats tells both.
    MatchFound {
        /// One per guest.
        seats: Box<[MatchSeat; 2]>,
    },
    /// A match fell through (the other never joined): search again with the old waiting time.
    SearchAgain {
        /// Who.
        user: UserId,
        /// Through which session.
        session: SocketId,
        /// The room that came to nothing.
        room: RoomId,
        /// The old waiting time counts.
        since: Timestamp,
    },
    /// A user's seat in a room has ended on the room's side.
    SeatEnded {
        /// Who.
        user: UserId,
        /// Through which session.
        session: SocketId,
        /// Which room.
        room: RoomId,
    },
    /// A parked ticket's grace is over: the seat is free.
    TicketEnded {
        /// Who.
        user: UserId,
        /// Which ticket.
        ticket: TicketId,
    },
    /// A ticket is no good (any more), though its owner did nothing: the seat that still holds it needs a new one, or goes
    /// back to the call its owner is in.
    TicketVoid {
        /// Who.
        user: UserId,
        /// Through which session.
        session: SocketId,
        /// Which ticket.
        ticket: TicketId,
        /// The old waiting time counts.
        since: Timestamp,
        /// The call its owner is in, as far as is known.
        room: Option<RoomId>,
    },
    /// Whom somebody may meet has changed: a search of theirs begins anew.
    AgeChanged {
        /// Who.
        user: UserId,
    },
    /// Tickets of a pool have changed.
    PoolGrew {
        /// Which pool.
        pool: Pool,
    },
    /// A session's log has something new.
    LogGrew {
        /// Whose.
        session: SocketId,
    },
    /// A volatile event for one session.
    Volatile {
        /// Whose.
        session: SocketId,
        /// What.
        event: ServerEvent,
    },
    /// A session goes on in another connection, maybe at another node: cut the earlier ones.
    SessionMoved {
        /// Whose.
        session: SocketId,
        /// The number of the new connection; earlier ones are smaller.
        connection: u64,
    },
    /// The node that held a room is gone, and the call with it.
    RoomLost {
        /// Which room.
        room: RoomId,
        /// Who was in.
        users: Vec<UserId>,
    },
    /// A login session has ended: cut its sockets, refuse its tokens.
    LoginRevoked {
        /// The session.
        login: LoginId,
    },
    /// One of the two has blocked the other: end what is between them.
    Blocked {
        /// Who blocked.
        user: UserId,
        /// Whom.
        other: UserId,
    },
    /// Somebody was reported: what they do in calls must be seen by the server, and whoever saw them there adds what they saw.
    Reported {
        /// Who.
        user: UserId,
        /// Where the two met.
        room: RoomId,
        /// The report.
        report: ReportId,
    },
    /// What was between these two has ended, by a block or because one wants no friend: both are to look again.
    Parted {
        /// Who ended it.
        user: UserId,
        /// Whom.
        other: UserId,
        /// The request that it once came from, so that both are told once.
        request: RequestId,
    },
    /// What holds for a person is another than before: suspended, or no longer.
    StandingChanged {
        /// Who.
        user: UserId,
    },
    /// What safety did to somebody in a room was taken back.
    Pardoned {
        /// Who.
        user: UserId,
        /// Where.
        room: RoomId,
        /// What.
        restraint: Restraint,
    },
    /// And holds again all the same.
    Restrained {
        /// Who.
        user: UserId,
        /// Where.
        room: RoomId,
        /// What.
        restraint: Restraint,
    },
    /// Somebody has another role: their pages are to look at their account again.
    RoleChanged {
        /// Who.
        user: UserId,
        /// Since when, so that their pages are told once.
        at: Timestamp,
    },
    /// New signing keys: fetch them.
    KeysChanged,
    /// A node has come or is about to go: look who is there.
    NodesChanged,
    /// There is a job to do.
    JobAdded,
}

impl Event {
    /// The topic it is published on.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::MatchFound { .. }
            | Self::SearchAgain { .. }
            | Self::SeatEnded { .. }
            | Self::TicketEnded { .. }
            | Self::TicketVoid { .. }
            | Self::AgeChanged { .. }
            | Self::RoomLost { .. } => Topic::Seats,
            Self::PoolGrew { .. } => Topic::Pools,
            Self::LogGrew { .. } | Self::Volatile { .. } | Self::SessionMoved { .. } => Topic::Sessions,
            Self::LoginRevoked { .. } | Self::KeysChanged => Topic::Logins,
            Self::Blocked { .. }
            | Self::Parted { .. }
            | Self::Pardoned { .. }
            | Self::Restrained { .. }
            | Self::Reported { .. }
            | Self::RoleChanged { .. }
            | Self::StandingChanged { .. } => Topic::People,
            Self::NodesChanged => Topic::Nodes,
            Self::JobAdded => Topic::Jobs,
        }
    }
}

/// One side of `MatchFound`: the seat that must still hold `ticket`, and the event its session gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchSeat {
    /// Who.
    pub user: UserId,
    /// Through which session.
    pub session: SocketId,
    /// The ticket that was matched.
    pub ticket: TicketId,
    /// Which room.
    pub room: RoomId,
    /// The `match` event, without `iceServers`.
    pub event: ServerEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_travel_under_their_protocol_names() {
        let event =
            ServerEvent::RoomClosed { room_id: RoomId::from_bits(1), reason: CloseReason::NeverJoined };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["name"], "room-closed");
        assert_eq!(json["data"]["reason"], "never-joined");
        assert_eq!(json["data"]["roomId"], RoomId::from_bits(1).to_string());
        assert!(ServerEvent::NAMES.contains(&json["name"].as_str().unwrap()));
    }
}
