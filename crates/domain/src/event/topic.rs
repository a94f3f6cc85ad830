//! What the bus carries by which name.

use serde::{Deserialize, Serialize};

/// What a bus subscriber asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// `MatchFound`, `SearchAgain`, `SeatEnded`, `TicketEnded`, `TicketVoid`, `AgeChanged`, `RoomLost`.
    Seats,
    /// `PoolGrew`.
    Pools,
    /// `LogGrew`, `Volatile`, `SessionMoved`.
    Sessions,
    /// `LoginRevoked`, `KeysChanged`.
    Logins,
    /// `Blocked`, `Parted`, `Pardoned`, `Reported`, `Restrained`, `RoleChanged`, `StandingChanged`.
    People,
    /// `NodesChanged`.
    Nodes,
    /// `JobAdded`.
    Jobs,
}

impl Topic {
    /// Every topic, in the order of the enum.
    pub const ALL: [Self; 7] =
        [Self::Seats, Self::Pools, Self::Sessions, Self::Logins, Self::People, Self::Nodes, Self::Jobs];

    /// Its name between processes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seats => "seats",
            Self::Pools => "pools",
            Self::Sessions => "sessions",
            Self::Logins => "logins",
            Self::People => "people",
            Self::Nodes => "nodes",
            Self::Jobs => "jobs",
        }
    }
}
