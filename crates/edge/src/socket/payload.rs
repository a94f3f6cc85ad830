//! What pages send: shapes and sizes of every client event (protocol section 3).

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use visavis_domain::{
    Code, Fault,
    contract::{
        matchmaking::Wishes,
        rooms::{Action, Candidate, Link, Wanted},
    },
    event::ServerEvent,
    id::{ParticipantId, RoomId, UserId},
    wire::{Media, Path, ReactionKind},
};

use super::sample::{self, Sample};

/// The largest session description.
pub(super) const MAX_SDP: usize = 128 * 1024;
/// The largest event that carries none.
pub(super) const MAX_EVENT: usize = 16 * 1024;
/// The longest chat message, in characters.
pub(super) const MAX_CHAT_CHARS: usize = 2_000;
/// The largest picture of a `sample`.
pub(super) const MAX_SAMPLE: usize = 64 * 1024;
/// Pictures a page can show: nine cameras and two screens, and some that are just leaving.
const MAX_WANTED: usize = 32;
/// The longest name a client gives its message.
const MAX_NONCE: usize = 64;

/// A client event that this build knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ClientEvent {
    FindMatch(Wishes),
    CancelMatch,
    Next(Wishes),
    JoinRoom(InRoom),
    LeaveRoom(InRoom),
    Offer(Described),
    Answer(Described),
    IceCandidate(Trickled),
    LinkState(Linked),
    MediaState(Tracks),
    ChatMessage(Message),
    View(Viewed),
    Hand(Raised),
    Reaction(Reacted),
    Captions(Read),
    Sample(Sample),
    ModerateRoom(Moderated),
    Presence(Looked),
    CallUser(Dialled),
    CallAccept(InRoom),
    CallDecline(InRoom),
    CallCancel(CalledOff),
    AddToCall(Added),
}

/// `{roomId}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InRoom {
    pub(super) room_id: RoomId,
}

/// `{roomId, to?, sdp}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    pub(super) room_id: RoomId,
    #[serde(default)]
    pub(super) to: Option<ParticipantId>,
    pub(super) sdp: String,
}

/// `{roomId, to?, candidate}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trickled {
    pub(super) room_id: RoomId,
    #[serde(default)]
    pub(super) to: Option<ParticipantId>,
    #[serde(deserialize_with = "present")]
    pub(super) candidate: Option<Candidate>,
}

/// Null says something; a missing field doesn't. A list isn't taken for the object whose fields it might be.
fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Candidate>, D::Error> {
    let Some(fields) = Option::<serde_json::Map<String, Value>>::deserialize(d)? else { return Ok(None) };
    serde_json::from_value(Value::Object(fields)).map(Some).map_err(serde::de::Error::custom)
}

/// `{roomId, path, state}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Linked {
    pub(super) room_id: RoomId,
    pub(super) path: Path,
    pub(super) state: Link,
}

/// `{roomId, audio, video, screen}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tracks {
    pub(super) room_id: RoomId,
    #[serde(flatten)]
    pub(super) media: Media,
}

/// `{roomId, text, nonce, anyway?}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) room_id: RoomId,
    pub(super) text: String,
    pub(super) nonce: String,
    /// Sent covered, if it would be held back.
    #[serde(default)]
    pub(super) anyway: bool,
}

/// `{roomId, wanted: [{participantId, source, maxHeight}]}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Viewed {
    pub(super) room_id: RoomId,
    pub(super) wanted: Vec<Wanted>,
}

/// `{roomId, raised}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raised {
    pub(super) room_id: RoomId,
    pub(super) raised: bool,
}

/// `{roomId, kind}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reacted {
    pub(super) room_id: RoomId,
    pub(super) kind: ReactionKind,
}

/// `{roomId, on}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read {
    pub(super) room_id: RoomId,
    pub(super) on: bool,
}

/// `{roomId, action, participantId?}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moderated {
    pub(super) room_id: RoomId,
    pub(super) action: Action,
    #[serde(default)]
    pub(super) participant_id: Option<ParticipantId>,
}

/// `{away}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Looked {
    pub(super) away: bool,
}

/// `{userId}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dialled {
    pub(super) user_id: UserId,
}

/// `{roomId, userId?}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalledOff {
    pub(super) room_id: RoomId,
    #[serde(default)]
    pub(super) user_id: Option<UserId>,
}

/// `{roomId, userId}`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Added {
    pub(super) room_id: RoomId,
    pub(super) user_id: UserId,
}

impl ClientEvent {
    /// Reads an event with something binary attached: only a sample has that.
    pub(super) fn read_attached(
        name: &str,
        bytes: usize,
        data: Value,
        attached: &[u8],
    ) -> Result<Self, Fault> {
        match name {
            "sample" if bytes <= MAX_EVENT => sample::read(data, Some(attached)).map(Self::Sample),
            _ => Err(Fault::bad_request("The event has the wrong shape.")),
        }
    }

    /// Reads an event of `bytes` length; what isn't exactly right is refused before anything is done.
    pub(super) fn read(name: &str, bytes: usize, data: Value) -> Result<Self, Fault> {
        let most = match name {
            "offer" | "answer" => MAX_SDP + MAX_EVENT,
            "sample" => sample::MAX_TEXT + MAX_EVENT,
            _ => MAX_EVENT,
        };
        if bytes > most {
            return Err(Fault::new(
                Code::PayloadTooLarge,
                format!("At most {most} bytes are possible here."),
            ));
        }
        match name {
            "find-match" => shape(data).map(Self::FindMatch),
            "cancel-match" => shape::<Nothing>(data).map(|_| Self::CancelMatch),
            "next" => shape(data).map(Self::Next),
            "join-room" => shape(data).map(Self::JoinRoom),
            "leave-room" => shape(data).map(Self::LeaveRoom),
            "offer" => described(data).map(Self::Offer),
            "answer" => described(data).map(Self::Answer),
            "ice-candidate" => shape(data).map(Self::IceCandidate),
            "link-state" => shape(data).map(Self::LinkState),
            "media-state" => shape(data).map(Self::MediaState),
            "chat-message" => message(data).map(Self::ChatMessage),
            "view" => viewed(data).map(Self::View),
            "hand" => shape(data).map(Self::Hand),
            "reaction" => shape(data).map(Self::Reaction),
            "captions" => shape(data).map(Self::Captions),
            "sample" => sample::read(data, None).map(Self::Sample),
            "moderate-room" => shape(data).map(Self::ModerateRoom),
            "presence" => shape(data).map(Self::Presence),
            "call-user" => shape(data).map(Self::CallUser),
            "call-accept" => shape(data).map(Self::CallAccept),
            "call-decline" => shape(data).map(Self::CallDecline),
            "call-cancel" => shape(data).map(Self::CallCancel),
            "add-to-call" => shape(data).map(Self::AddToCall),
            _ => Err(Fault::bad_request("There is no such event.")),
        }
    }
}

/// `{}`
#[derive(Deserialize)]
struct Nothing {}

pub(super) fn shape<T: DeserializeOwned>(data: Value) -> Result<T, Fault> {
    let wrong = || Fault::bad_request("The event has the wrong shape.");
    let data = match data {
        Value::Object(_) => data,
        // An event without any payload is one with an empty object.
        Value::Null => Value::Object(serde_json::Map::new()),
        // Serde would take a list for a struct's fields in order.
        _ => return Err(wrong()),
    };
    serde_json::from_value(data).map_err(|_| wrong())
}

fn described(data: Value) -> Result<Described, Fault> {
    let described: Described = shape(data)?;
    if described.sdp.len() > MAX_SDP {
        return Err(Fault::new(
            Code::PayloadTooLarge,
            format!("At most {MAX_SDP} bytes of SDP are possible."),
        ));
    }
    Ok(described)
}

fn viewed(data: Value) -> Result<Viewed, Fault> {
    let viewed: Viewed = shape(data)?;
    if viewed.wanted.len() > MAX_WANTED {
        return Err(Fault::field("wanted", format!("can have at most {MAX_WANTED} pictures")));
    }
    Ok(viewed)
}

fn message(data: Value) -> Result<Message, Fault> {
    let message: Message = shape(data)?;
    if message.nonce.is_empty() || message.nonce.len() > MAX_NONCE {
        return Err(Fault::field("nonce", format!("must have 1 to {MAX_NONCE} characters")));
    }
    Ok(message)
}

/// Name and payload of a server event.
pub(super) fn parts(event: &ServerEvent) -> Option<(String, Value)> {
    match serde_json::to_value(event) {
        Ok(Value::Object(mut fields)) => match (fields.remove("name"), fields.remove("data")) {
            (Some(Value::String(name)), Some(data)) => Some((name, data)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NAMES: [&str; 23] = [
        "find-match",
        "cancel-match",
        "next",
        "join-room",
        "leave-room",
        "offer",
        "answer",
        "ice-candidate",
        "link-state",
        "media-state",
        "chat-message",
        "sample",
        "view",
        "hand",
        "reaction",
        "captions",
        "moderate-room",
        "presence",
        "call-user",
        "call-accept",
        "call-decline",
        "call-cancel",
        "add-to-call",
    ];

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        let key = prop_oneof![
            Just("roomId".to_owned()),
            Just("to".to_owned()),
            Just("sdp".to_owned()),
            Just("candidate".to_owned()),
            Just("text".to_owned()),
            Just("nonce".to_owned()),
            Just("of".to_owned()),
            Just("image".to_owned()),
            Just("interests".to_owned()),
            "[a-z]{1,6}",
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(key.clone(), inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused_with_a_client_code(i in 0..NAMES.len(), data in any_json()) {
            if let Err(fault) = ClientEvent::read(NAMES[i], 10, data) {
                prop_assert!(matches!(fault.code, Code::BadRequest | Code::PayloadTooLarge));
            }
        }
    }

    #[test]
    fn a_null_candidate_is_the_end_and_a_missing_one_is_wrong() {
        let room = RoomId::from_bits(1).to_string();
        let end = ClientEvent::read("ice-candidate", 9, json!({"roomId": room, "candidate": null}));
        assert!(matches!(end, Ok(ClientEvent::IceCandidate(Trickled { candidate: None, .. }))));
        let missing = ClientEvent::read("ice-candidate", 9, json!({"roomId": room}));
        assert_eq!(missing.unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn a_list_is_not_an_object_at_any_depth() {
        let room = RoomId::from_bits(1).to_string();
        for (name, data) in [
            ("join-room", json!([room])),
            ("find-match", json!([])),
            ("ice-candidate", json!({"roomId": room, "candidate": ["candidate:"]})),
        ] {
            let read = ClientEvent::read(name, 9, data);
            assert_eq!(read.map_err(|fault| fault.code), Err(Code::BadRequest), "{name}");
        }
    }

    #[test]
    fn sizes_are_held_against_the_kind_of_event() {
        let room = RoomId::from_bits(1).to_string();
        let sdp = "x".repeat(MAX_SDP + 1);
        let code = |name, bytes, data| ClientEvent::read(name, bytes, data).map(drop).map_err(|f| f.code);
        assert_eq!(code("offer", MAX_SDP, json!({"roomId": room, "sdp": sdp})), Err(Code::PayloadTooLarge));
        assert_eq!(code("offer", MAX_SDP, json!({"roomId": room, "sdp": "v=0"})), Ok(()));
        assert_eq!(code("join-room", MAX_EVENT + 1, json!({"roomId": room})), Err(Code::PayloadTooLarge));
        assert_eq!(code("join-room", MAX_EVENT, json!({"roomId": room})), Ok(()));
        assert_eq!(code("no-such-event", 2, json!({})), Err(Code::BadRequest));
        assert_eq!(code("cancel-match", 0, Value::Null), Ok(()));
    }
}
