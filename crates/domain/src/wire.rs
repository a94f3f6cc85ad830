//! Shapes that several contracts, the HTTP API and the socket events share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{ParticipantId, UserId},
};

/// What strangers may see of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The account; in events about a room `userId` carries it instead.
    pub id: UserId,
    /// The name the person chose (or two random words).
    pub display_name: String,
    /// Public and immutable; absent until the person has set one.
    pub avatar_url: Option<String>,
    /// Others see a band, never the score.
    pub band: Band,
}

/// Reputation as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Below 40.
    Low,
    /// 40 to 74: where everybody starts.
    New,
    /// 75 to 89.
    Good,
    /// 90 and above.
    Trusted,
}

/// Account role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everybody.
    User,
    /// Decides cases.
    Moderator,
    /// Runs the place.
    Admin,
}

impl Role {
    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = crate::Fault;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "user" => Ok(Self::User),
            "moderator" => Ok(Self::Moderator),
            "admin" => Ok(Self::Admin),
            _ => Err(crate::Fault::field("role", "must be user, moderator or admin")),
        }
    }
}

/// The account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    pub id: UserId,
    /// What others see.
    pub display_name: String,
    /// Absent until set.
    pub avatar_url: Option<String>,
    /// About me.
    pub bio: String,
    /// BCP 47 primary language tags, most liked first.
    pub languages: Vec<String>,
    /// Lower-case words.
    pub interests: Vec<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Short, readable, checksummed; for friends to find me.
    pub private_id: String,
    /// 0 to 100.
    pub reputation: u8,
    /// What others see of it.
    pub band: Band,
    /// Account role.
    pub role: Role,
    /// Declared to be 18 or older.
    pub age_declared: bool,
    /// Never talk P2P: my address stays with the server.
    pub hide_ip: bool,
    /// Nobody's call rings.
    pub do_not_disturb: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:` and `turn:` URLs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// For TURN: expiry and a random name (coturn's REST scheme).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN: base64 of the HMAC-SHA1 over the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Which way media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Directly between the two.
    P2p,
    /// Through the server.
    Sfu,
}

/// What somebody sends on one of the four lines of their connection (protocol section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Microphone.
    Mic,
    /// Camera.
    Camera,
    /// Shared screen.
    Screen,
    /// Its sound.
    ScreenAudio,
}

impl Source {
    /// All, in the order of their lines.
    pub const ALL: [Self; 4] = [Self::Mic, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// Whether it is sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Mic | Self::ScreenAudio)
    }

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mic => "mic",
            Self::Camera => "camera",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen-audio",
        }
    }
}

/// Which of my tracks are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Media {
    /// Microphone.
    pub audio: bool,
    /// Camera.
    pub video: bool,
    /// Screen share.
    #[serde(default)]
    pub screen: bool,
}

impl Media {
    /// All of them.
    pub const ALL: Self = Self { audio: true, video: true, screen: true };
}

/// What can be said with one sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReactionKind {
    /// Well said.
    ThumbsUp,
    /// Not so.
    ThumbsDown,
    /// Hands together.
    Clap,
    /// Funny.
    Laugh,
    /// Lovely.
    Heart,
    /// Unexpected.
    Surprise,
    /// Time to celebrate.
    Party,
}

/// Whether a participant's socket is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// There.
    Connected,
    /// Dropped, may be back within the seat's grace.
    Reconnecting,
}

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the public contract")]
pub struct Participant {
    /// Stable for the whole call, reconnects included.
    pub id: ParticipantId,
    /// The account behind it.
    pub user_id: UserId,
    /// From the card at join.
    pub display_name: String,
    /// From the card at join.
    pub avatar_url: Option<String>,
    /// From the card at join.
    pub band: Band,
    /// Whether the socket is there.
    pub state: Presence,
    /// Which tracks are on.
    pub media: Media,
    /// May moderate the room.
    pub host: bool,
    /// Wants to speak.
    pub hand_raised: bool,
    /// By the host, until they allow it again, or for safety: the microphone stays off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
    /// For safety: their pictures are shown blurred.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blurred: bool,
}

/// Why a participant is no longer in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftReason {
    /// On purpose.
    Left,
    /// The connection didn't come back, or never came.
    Lost,
    /// By the host.
    Removed,
    /// By moderation, a block or a report.
    Safety,
}

impl LeftReason {
    /// The wire form, also kept in the `call_members` table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Removed => "removed",
            Self::Safety => "safety",
        }
    }
}
