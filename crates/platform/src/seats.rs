//! Where a person's one seat is, for those who don't move it. The edge alone does; but a room must not depend on the edge's
//! word that somebody has gone: it looks for itself whether they still have their seat here, and a page.

use serde::Deserialize;
use visavis_domain::{
    Fault,
    id::{RoomId, SocketId, UserId},
};

use crate::Kv;

/// Where a person's seat is written down.
pub fn seat_key(user: UserId) -> String {
    format!("seat/{user}")
}

/// Where it is written down that a page's session goes on.
pub fn session_key(session: SocketId) -> String {
    format!("session/{session}")
}

/// As much of a seat as says where it is.
#[derive(Deserialize)]
struct Seat {
    holding: Holding,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Holding {
    Ticket {},
    Room { room: RoomId },
}

/// Everybody's seats.
#[derive(Debug, Clone)]
pub struct Seats {
    kv: Kv,
}

impl Seats {
    /// In this store.
    pub const fn new(kv: Kv) -> Self {
        Self { kv }
    }

    /// Whether a person's seat is in that room, and the session they are there by goes on (its page may be away for a
    /// moment).
    pub async fn is_held(&self, room: RoomId, user: UserId, session: SocketId) -> Result<bool, Fault> {
        let Some(text) = self.kv.get(&seat_key(user)).await? else { return Ok(false) };
        let seat: Seat = serde_json::from_str(&text).map_err(|_| Fault::internal())?;
        match seat.holding {
            Holding::Room { room: held } if held == room => self.kv.exists(&session_key(session)).await,
            Holding::Room { .. } | Holding::Ticket {} => Ok(false),
        }
    }
}
