//! Rooms, that is calls: who is in, signals between them, how they end.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    event::MatchSeat,
    id::{MessageId, ParticipantId, RoomId, SocketId, TicketId, UserId},
    wire::{Card, Media, Participant, Path},
};

crate::contract! {
    /// A room lives on one node from first join to last leave; that node alone writes its state.
    "rooms" => trait Rooms {
        /// Opens the room of two strangers; each must join within ten seconds of being told.
        fn open_pair(OpenPair) -> PairOpened [once, 2000 ms] opens room;
        /// Takes the caller's place. Joining again (another socket of the same user) keeps the participant id.
        fn join(Join) -> Joined [idempotent, 3000 ms] at room;
        /// Leaves on purpose.
        fn leave(Seat) -> () [idempotent, 3000 ms] at room;
        /// Relays an offer, answer or candidate to the other side of a P2P room.
        fn signal(Signal) -> () [once, 2000 ms] at seat.room;
        /// What the caller's media connection says of itself.
        fn link_state(LinkState) -> () [idempotent, 2000 ms] at seat.room;
        /// Which tracks the caller has on.
        fn media_state(MediaState) -> () [idempotent, 2000 ms] at seat.room;
        /// A message to everybody in the room. The same nonce twice is one message.
        fn chat(Chat) -> MessageId [idempotent, 2000 ms] at seat.room;
        /// The socket dropped: the seat is kept for its grace.
        fn park(Seat) -> () [idempotent, 1000 ms] at room;
        /// Whether this seat is still taken: the room is alive and the caller in it or expected.
        fn seated(Seat) -> bool [idempotent, 1000 ms] at room;
        /// The socket is back.
        fn unpark(Seat) -> () [idempotent, 1000 ms] at room;
    }
}

/// Two people who were matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenPair {
    /// The idempotence key of the match: the room that will be opened.
    pub room: RoomId,
    /// Both; the first is the initiator.
    pub guests: [Guest; 2],
    /// Which way their media goes.
    pub transport: Path,
    /// What both like, for the `match` event.
    pub common_interests: Vec<String>,
}

/// One side of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guest {
    /// Who.
    pub user: UserId,
    /// Who is told.
    pub session: SocketId,
    /// By which ticket.
    pub ticket: TicketId,
    /// Waiting since.
    pub since: Timestamp,
    /// What the other sees.
    pub card: Card,
}

/// What became of a pair's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PairOpened {
    /// It is open, and this is what the two seats are to be told, in order.
    Open(Box<[MatchSeat; 2]>),
    /// It was open once, or one of the tickets was matched before.
    Over,
    /// These are in another call, as far as is written down.
    InCall(Vec<(UserId, RoomId)>),
}

/// Takes a place in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Which room.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Through which socket session.
    pub session: SocketId,
    /// The address the server sees for this client: candidates are held against it.
    pub seen: IpAddr,
    /// The life of the shared store in which the session began: in another one it hears nothing any more.
    #[serde(default)]
    pub life: u64,
}

/// A room's public view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomView {
    /// The room.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// What a room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Two strangers.
    Random,
}

/// What a join is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The room.
    pub room: RoomView,
    /// My participant id.
    #[serde(rename = "self")]
    pub me: ParticipantId,
    /// Everybody who is in, me included.
    pub participants: Vec<Participant>,
    /// Which way media goes.
    pub transport: Path,
}

/// A user's seat in a room, as held by one socket session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Which room.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Through which session. Another session's seat is left alone.
    pub session: SocketId,
}

/// What is relayed between two browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// SDP offer.
    Offer,
    /// SDP answer.
    Answer,
    /// ICE candidate.
    Candidate,
}

/// A signal to the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The sender's seat.
    pub seat: Seat,
    /// To whom; absent means the other one.
    #[serde(default)]
    pub to: Option<ParticipantId>,
    /// What.
    pub kind: SignalKind,
    /// SDP text, or a candidate.
    pub body: SignalBody,
}

/// The body of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignalBody {
    /// Session description.
    Sdp(String),
    /// A candidate, or none at the end of candidates.
    Candidate(Option<Candidate>),
}

/// `RTCIceCandidateInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate attribute (RFC 8839 section 5.1), with or without `a=`; empty at the end of candidates.
    pub candidate: String,
    /// Media section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// Media section by index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// ICE user name fragment it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// State of a media connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// ICE or DTLS under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// Given up.
    Failed,
}

/// What a client says of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Whose.
    pub seat: Seat,
    /// Which connection.
    pub path: Path,
    /// Its state.
    pub state: Link,
}

/// Which tracks are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaState {
    /// Whose.
    pub seat: Seat,
    /// The tracks.
    pub media: Media,
}

/// A chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The sender's seat.
    pub seat: Seat,
    /// At most 2000 characters.
    pub text: String,
    /// The client's own name for the message, at most 64 characters.
    pub nonce: String,
}
