//! What went wrong, in the one closed list of codes a client may see (protocol section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::DecisionId};

/// The closed list of error codes. A client may match on them; adding one is a change of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request has the wrong shape.
    BadRequest,
    /// The sign-in code or link is not right.
    InvalidCode,
    /// The sign-in challenge is too old, used or unknown.
    ChallengeExpired,
    /// SDP or a candidate that can't be read.
    InvalidSdp,
    /// A message was held back by a text rule.
    HeldBack,
    /// No valid access token.
    Unauthorized,
    /// Needs a fresh sign-in.
    ReauthRequired,
    /// Not allowed.
    Forbidden,
    /// The account is suspended.
    Suspended,
    /// One of the two blocked the other.
    Blocked,
    /// Removed from this room.
    Removed,
    /// The 18+ declaration is missing.
    AgeRequired,
    /// No such thing (or not for this person).
    NotFound,
    /// The caller isn't in that room.
    NotInRoom,
    /// The other person has gone.
    PeerGone,
    /// Somebody else was faster.
    Conflict,
    /// The caller's seat is in a room already.
    AlreadyInRoom,
    /// Not possible in this state.
    WrongState,
    /// The room has no free place.
    RoomFull,
    /// The host locked the room.
    RoomLocked,
    /// The person is in another call.
    Busy,
    /// The person is not online.
    Offline,
    /// The person declined.
    Declined,
    /// Over a size limit.
    PayloadTooLarge,
    /// Not an accepted media type.
    UnsupportedMediaType,
    /// The request was for another host name.
    WrongHost,
    /// Too many requests.
    RateLimited,
    /// Too many wrong codes.
    TooManyTries,
    /// A bug or a broken part of ours.
    Internal,
    /// Something needed is away for the moment.
    Unavailable,
}

impl Code {
    /// Every code, in the order of the protocol.
    pub const ALL: [Self; 30] = [
        Self::BadRequest,
        Self::InvalidCode,
        Self::ChallengeExpired,
        Self::InvalidSdp,
        Self::HeldBack,
        Self::Unauthorized,
        Self::ReauthRequired,
        Self::Forbidden,
        Self::Suspended,
        Self::Blocked,
        Self::Removed,
        Self::AgeRequired,
        Self::NotFound,
        Self::NotInRoom,
        Self::PeerGone,
        Self::Conflict,
        Self::AlreadyInRoom,
        Self::WrongState,
        Self::RoomFull,
        Self::RoomLocked,
        Self::Busy,
        Self::Offline,
        Self::Declined,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::WrongHost,
        Self::RateLimited,
        Self::TooManyTries,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The HTTP status it travels with.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest
            | Self::InvalidCode
            | Self::ChallengeExpired
            | Self::InvalidSdp
            | Self::HeldBack => 400,
            Self::Unauthorized | Self::ReauthRequired => 401,
            Self::Forbidden | Self::Suspended | Self::Blocked | Self::Removed | Self::AgeRequired => 403,
            Self::NotFound | Self::NotInRoom | Self::PeerGone => 404,
            Self::Conflict
            | Self::AlreadyInRoom
            | Self::WrongState
            | Self::RoomFull
            | Self::RoomLocked
            | Self::Busy
            | Self::Offline
            | Self::Declined => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::WrongHost => 421,
            Self::RateLimited | Self::TooManyTries => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The name on the wire, for example `bad-request`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::InvalidCode => "invalid-code",
            Self::ChallengeExpired => "challenge-expired",
            Self::InvalidSdp => "invalid-sdp",
            Self::HeldBack => "held-back",
            Self::Unauthorized => "unauthorized",
            Self::ReauthRequired => "reauth-required",
            Self::Forbidden => "forbidden",
            Self::Suspended => "suspended",
            Self::Blocked => "blocked",
            Self::Removed => "removed",
            Self::AgeRequired => "age-required",
            Self::NotFound => "not-found",
            Self::NotInRoom => "not-in-room",
            Self::PeerGone => "peer-gone",
            Self::Conflict => "conflict",
            Self::AlreadyInRoom => "already-in-room",
            Self::WrongState => "wrong-state",
            Self::RoomFull => "room-full",
            Self::RoomLocked => "room-locked",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::Declined => "declined",
            Self::PayloadTooLarge => "payload-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::WrongHost => "wrong-host",
            Self::RateLimited => "rate-limited",
            Self::TooManyTries => "too-many-tries",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of a request that can't be accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFault {
    /// The JSON name of the field.
    pub field: String,
    /// What would be right, in words.
    pub message: String,
}

/// An error that crosses a role's contract. `detail` is safe to show to a stranger: it never holds personal data
/// or anything of the inside; causes go to the log where the fault is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {detail}")]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Which of the closed list.
    pub code: Code,
    /// One sentence for a person.
    pub detail: String,
    /// When trying again makes sense, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The fields at fault, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldFault>,
    /// Of `suspended`: until when, and by which decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Box<Suspended>>,
}

/// A suspension that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspended {
    /// Its end.
    pub until: Timestamp,
    /// What it rests on.
    #[serde(alias = "decision")]
    pub decision_id: DecisionId,
}

impl Fault {
    /// A fault with this code and sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after_ms: None, fields: Vec::new(), suspended: None }
    }

    /// The request has the wrong shape.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// One field of the request can't be accepted.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut fault = Self::new(Code::BadRequest, format!("{field}: {message}"));
        fault.fields.push(FieldFault { field: field.to_owned(), message });
        fault
    }

    /// No such thing, or not for this person.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} was not found."))
    }

    /// A bug or a broken part of ours. Tells nothing; log the cause where it is known.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side.")
    }

    /// Something needed is away for the moment.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable, "This is not available right now. Please try again in a moment.")
            .retry_in(1_000)
    }

    /// Too many requests; try again in `millis`.
    pub fn rate_limited(millis: u64) -> Self {
        Self::new(Code::RateLimited, "Too many requests. Please slow down.").retry_in(millis)
    }

    /// Whoever is suspended meets nobody.
    pub fn suspended(suspended: Suspended) -> Self {
        let detail = "Your account is suspended. Your page says why, until when, and how to appeal.";
        Self { suspended: Some(Box::new(suspended)), ..Self::new(Code::Suspended, detail) }
    }

    /// The same fault with a hint when to try again.
    #[must_use]
    pub const fn retry_in(mut self, millis: u64) -> Self {
        self.retry_after_ms = Some(millis);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 6 of the protocol, word for word.
    const PROTOCOL: &str = "400 bad-request invalid-code challenge-expired invalid-sdp held-back 401 unauthorized \
        reauth-required 403 forbidden suspended blocked removed age-required 404 not-found not-in-room peer-gone 409 \
        conflict already-in-room wrong-state room-full room-locked busy offline declined 413 payload-too-large 415 \
        unsupported-media-type 421 wrong-host 429 rate-limited too-many-tries 500 internal 503 unavailable";

    #[test]
    fn the_enum_is_exactly_the_protocols_closed_list() {
        let mut status = 0;
        let mut listed = Vec::new();
        for word in PROTOCOL.split_whitespace() {
            match word.parse::<u16>() {
                Ok(number) => status = number,
                Err(_) => listed.push((status, word.to_owned())),
            }
        }
        let ours: Vec<_> = Code::ALL.iter().map(|c| (c.status(), c.to_string())).collect();
        assert_eq!(ours, listed);
    }

    #[test]
    fn the_serialised_name_is_the_printed_name() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
