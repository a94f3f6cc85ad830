//! Rooms, that is calls: who is in, signals between them, how they end.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    event::{CloseReason, MatchSeat},
    id::{MessageId, ParticipantId, RoomId, SocketId, TicketId, UserId},
    room::restraint::{Notice, Restraint},
    text::Contact,
    wire::{Card, Media, Participant, Path, ReactionKind, Source},
};

crate::contract! {
    /// A room lives on one node from first join to last leave; that node alone writes its state.
    "rooms" => trait Rooms {
        /// Makes the record of a group's room; nothing is live yet.
        fn create(CreateGroup) -> GroupRecord [once, 2000 ms];
        /// The record, whether the room is live or not.
        fn look(RoomId) -> GroupRecord [idempotent, 1000 ms];
        /// Ends a group's room for good: its owner only.
        fn delete(DeleteGroup) -> () [idempotent, 2000 ms];
        /// Opens the live room of a record, for its first guest.
        fn open_group(OpenGroup) -> () [idempotent, 2000 ms] opens room;
        /// Opens the room of two strangers; each must join within ten seconds of being told.
        fn open_pair(OpenPair) -> PairOpened [once, 2000 ms] opens room;
        /// Calls somebody: the room of two who know one another rings at the other's pages.
        fn call(Call) -> Called [once, 3000 ms] opens room;
        /// Keeps that a call came to nothing before it rang.
        fn miss(Miss) -> () [idempotent, 2000 ms];
        /// Whoever is called comes. The first page that says so has it.
        fn answer(Seat) -> () [idempotent, 3000 ms] at room;
        /// Whoever is called doesn't come.
        fn decline(Seat) -> () [idempotent, 3000 ms] at room;
        /// Gives a call up, or only one who was to be added.
        fn cancel(Cancel) -> () [idempotent, 3000 ms] at seat.room;
        /// Calls somebody into a call that runs.
        fn add(Add) -> () [idempotent, 3000 ms] at seat.room;
        /// Rings at one more page, if it still rings.
        fn ring(Seat) -> () [idempotent, 1000 ms] at room;
        /// Takes the caller's place. Joining again (another socket of the same user) keeps the participant id.
        fn join(Join) -> Joined [idempotent, 3000 ms] at room;
        /// Leaves on purpose.
        fn leave(Seat) -> () [idempotent, 3000 ms] at room;
        /// Relays an offer, answer or candidate to the other side of a P2P room.
        fn signal(Signal) -> () [once, 2000 ms] at seat.room;
        /// Answers the caller's offer to the server's media.
        fn offer(SfuOffer) -> SfuAnswer [idempotent, 4000 ms] at seat.room;
        /// What the caller shows, and how large.
        fn view(View) -> () [idempotent, 2000 ms] at seat.room;
        /// The caller wants to speak, or no longer.
        fn hand(Hand) -> () [idempotent, 2000 ms] at seat.room;
        /// The caller reacts.
        fn react(React) -> () [once, 2000 ms] at seat.room;
        /// The caller reads what others say, or no longer.
        fn caption(Caption) -> () [idempotent, 2000 ms] at seat.room;
        /// What was understood of somebody, for those who read.
        fn said(Said) -> () [once, 2000 ms] at room;
        /// The host decides.
        fn moderate(Moderate) -> () [idempotent, 2000 ms] at seat.room;
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
        /// Safety does something about somebody.
        fn restrain(Restrain) -> () [idempotent, 3000 ms] at room;
        /// What the caller's page sees of the other one in a direct call between strangers.
        fn sample(Sampled) -> () [once, 2000 ms] at seat.room;
        /// A direct call between strangers must be looked at: it moves to the server. Whether it does because of this.
        fn suspect(Whose) -> bool [once, 2000 ms] at room;
        /// Whose that participant is.
        fn whose(Whose) -> UserId [idempotent, 1000 ms] at room;
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
    /// Whether a direct call moves to the server when the two can't reach each other.
    #[serde(default)]
    pub movable: bool,
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
    /// What others see, for a room that doesn't know its guests beforehand.
    #[serde(default)]
    pub card: Option<Card>,
    /// The life of the shared store in which the session began: in another one it hears nothing any more.
    #[serde(default)]
    pub life: u64,
    /// What the page heard in an earlier session that it couldn't go on with: what was said to it after that is said again.
    #[serde(default)]
    pub heard: Option<Heard>,
}

/// What safety does about somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrain {
    /// Which room.
    pub room: RoomId,
    /// Who.
    pub participant: ParticipantId,
    /// What holds from now on.
    pub restraint: Restraint,
    /// What they are told; nothing when something only ends.
    pub notice: Option<Notice>,
}

/// Somebody in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// Which room.
    pub room: RoomId,
    /// Who.
    pub participant: ParticipantId,
}

/// How far a page heard a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The session.
    pub session: SocketId,
    /// The number of the last event that arrived.
    pub seq: u64,
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
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Most people: it decides how many lines are offered to the server.
    #[serde(default)]
    pub max_participants: usize,
    /// Nobody but its owner comes in.
    #[serde(default)]
    pub locked: bool,
    /// Nobody but the host may share a screen.
    #[serde(default)]
    pub screens_forbidden: bool,
    /// When its record ends unless it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Of a call between two who know one another: who called, and so makes the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<UserId>,
    /// Until when it rings at the other's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ringing_until: Option<Timestamp>,
}

/// What a room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Two strangers.
    Random,
    /// Up to ten who have the link.
    Group,
    /// A call between people who know one another.
    Friends,
}

/// Calls somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The room to be opened.
    pub room: RoomId,
    /// Who calls, through which session.
    pub session: SocketId,
    /// The life of the shared store in which it began.
    pub life: u64,
    /// The address the server sees for the caller.
    pub seen: IpAddr,
    /// What the other sees.
    pub caller: Card,
    /// Who is called.
    pub callee: Card,
    /// Which way the two talk.
    pub transport: Path,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Called {
    /// It rings.
    Ringing,
    /// The caller is in another call, as far as is written down.
    InCall,
}

/// A call that came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miss {
    /// The room it would have had.
    pub room: RoomId,
    /// Who called.
    pub caller: UserId,
    /// Whom.
    pub callee: UserId,
    /// Why.
    pub reason: CloseReason,
    /// Whether the one who was called is to know of it.
    #[serde(default = "yes")]
    pub heard: bool,
}

const fn yes() -> bool {
    true
}

/// Gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Whose seat.
    pub seat: Seat,
    /// Only this one, who was to be added.
    #[serde(default)]
    pub user: Option<UserId>,
}

/// Calls somebody into a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// Who wants them in.
    pub seat: Seat,
    /// Who is to come.
    pub guest: Card,
    /// With whom the guest shares a block.
    pub unwelcome: Vec<UserId>,
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
    /// What in it leads away from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Contact>,
    /// The client's own name for the message, at most 64 characters.
    pub nonce: String,
}

/// A room to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGroup {
    /// The room, made by the caller: asked twice, it is one.
    pub room: RoomId,
    /// Who makes it, and hosts it.
    pub owner: UserId,
    /// The checked name.
    pub name: Option<String>,
    /// Most people, 2 to 10.
    pub limit: usize,
    /// Nobody but the owner comes in.
    pub locked: bool,
}

/// A room's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// What everybody may see of it.
    pub room: RoomView,
    /// Who made it.
    pub owner: UserId,
}

/// A room to be ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteGroup {
    /// Which.
    pub room: RoomId,
    /// Who asks.
    pub user: UserId,
}

/// A room to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// Which.
    pub room: RoomId,
}

/// An offer to the server's media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SfuOffer {
    /// The sender's seat.
    pub seat: Seat,
    /// The session description.
    pub sdp: String,
}

/// Its answer, with all of the server's candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SfuAnswer {
    /// The session description.
    pub sdp: String,
}

/// What somebody shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whose seat.
    pub seat: Seat,
    /// The pictures.
    pub wanted: Vec<Wanted>,
}

/// One picture and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// Whose.
    pub participant_id: ParticipantId,
    /// Which.
    pub source: Source,
    /// Lines it is shown with; 0 when it isn't.
    pub max_height: u16,
}

/// A raised hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// Whose.
    pub seat: Seat,
    /// Or lowered.
    pub raised: bool,
}

/// A reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct React {
    /// Whose.
    pub seat: Seat,
    /// Which.
    pub kind: ReactionKind,
}

/// Whether a page reads what others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caption {
    /// Whose.
    pub seat: Seat,
    /// Or no longer.
    pub on: bool,
}

/// What somebody said, as far as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// In which room.
    pub room: RoomId,
    /// Who.
    pub participant: ParticipantId,
    /// In words; more than a caption holds is cut off.
    pub text: String,
    /// When they began to say it.
    pub at: Timestamp,
}

/// A still of what somebody's page shows of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// The seat it comes from.
    pub seat: Seat,
    /// Of whom.
    pub of: ParticipantId,
    /// As it was sent: it may be anything. Nothing where nobody looks.
    #[serde(default, with = "super::sight::maybe_bytes")]
    pub picture: Option<Vec<u8>>,
}

/// What a host can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Switch a microphone off, until it is allowed again.
    Mute,
    /// Allow it again.
    AllowMic,
    /// Out, and kept out.
    Remove,
    /// Nobody else comes in.
    Lock,
    /// Others may come in.
    Unlock,
    /// Nobody but the host shares a screen.
    ForbidScreen,
    /// Everybody may.
    AllowScreen,
    /// Somebody else hosts.
    MakeHost,
}

/// A host's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moderate {
    /// The host's seat.
    pub seat: Seat,
    /// What.
    pub action: Action,
    /// About whom.
    #[serde(default)]
    pub participant: Option<ParticipantId>,
}
