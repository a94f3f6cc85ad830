//! Meeting strangers: tickets in, matches out (as `Event::MatchFound`).

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{SocketId, TicketId, UserId},
};

crate::contract! {
    /// The queue of people who want to meet somebody.
    "matchmaking" => trait Matchmaking {
        /// Takes a place, or updates the one the user has (one ticket a user; the latest session holds it).
        fn enqueue(Enqueue) -> Ticket [idempotent, 2000 ms];
        /// Gives the place up. False when there was none, or it was matched already.
        fn cancel(UserId) -> bool [idempotent, 2000 ms];
        /// The socket dropped: the ticket keeps its place and isn't matched until `unpark` (at most 15 s).
        fn park(Holder) -> () [idempotent, 500 ms];
        /// The socket is back.
        fn unpark(Holder) -> () [idempotent, 500 ms];
    }
}

/// Asks for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueue {
    /// Who.
    pub user: UserId,
    /// The socket session the match is told to.
    pub session: SocketId,
    /// The place's id, which the seat holds before the queue can match it.
    pub ticket: TicketId,
    /// What for; absent means the profile's.
    #[serde(default)]
    pub wishes: Wishes,
    /// Waiting since then, when a match fell through; absent means now.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

/// The body of `find-match`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// At most 10 words; absent means the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interests: Option<Vec<String>>,
    /// At most 8 language tags; absent means the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
    /// At most 8 countries the other should be from; absent or empty means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countries: Option<Vec<String>>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The place.
    pub ticket_id: TicketId,
    /// Waiting since.
    pub since: Timestamp,
}

/// A user's ticket as held by one socket session; another session's word doesn't move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub user: UserId,
    /// Through which session.
    pub session: SocketId,
}
