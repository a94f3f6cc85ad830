//! Why something in a call has happened, as pages and the call's row are told.

use serde::{Deserialize, Serialize};

use crate::wire::LeftReason;

/// Why a call is over, or rings no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallEnd {
    /// Whoever called has given up.
    Cancelled,
    /// Nobody answered.
    Timeout,
    /// The one who was called is in another call.
    Busy,
    /// One of the two has gone.
    HungUp,
    /// Answered, or declined, on another page.
    Elsewhere,
}

/// Why a call moves to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveReason {
    /// One side says that the direct connection has failed.
    LinkFailed,
    /// It didn't come up in time.
    LinkTimeout,
    /// What runs in the call must be looked at.
    Safety,
    /// A third person has come.
    Group,
    /// One of the two hides their address.
    Hidden,
}

/// Why a room was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseReason {
    /// Somebody left on purpose.
    Left,
    /// Somebody's connection was lost.
    Lost,
    /// One of the two never came.
    NeverJoined,
    /// A block, a report or a decision.
    Safety,
    /// The node that held the room is gone.
    ServerLost,
    /// The server is shutting down.
    Shutdown,
    /// The host has removed me.
    Removed,
    /// Its owner has ended the room for good.
    Deleted,
    /// The server has lost the room's media; come in again.
    MediaFailed,
    /// Whoever called has given up.
    Cancelled,
    /// Whoever was called doesn't want to.
    Declined,
    /// Nobody answered.
    Timeout,
    /// Whoever was called was in another call.
    Busy,
    /// Whoever was called wasn't there.
    Offline,
    /// A third person has come: it goes on as a group.
    Grown,
}

impl CloseReason {
    /// The wire form, also kept in the `calls` table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lost => "lost",
            Self::NeverJoined => "never-joined",
            Self::Safety => "safety",
            Self::ServerLost => "server-lost",
            Self::Shutdown => "shutdown",
            Self::Removed => "removed",
            Self::Deleted => "deleted",
            Self::MediaFailed => "media-failed",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::Grown => "grown",
        }
    }
}

impl From<LeftReason> for CloseReason {
    fn from(reason: LeftReason) -> Self {
        match reason {
            LeftReason::Left => Self::Left,
            LeftReason::Lost => Self::Lost,
            LeftReason::Removed => Self::Removed,
            LeftReason::Safety => Self::Safety,
        }
    }
}
