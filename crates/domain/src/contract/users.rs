//! Accounts: profile, age declaration, reputation, roles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    age::AgeClass,
    contract::rooms::RoomKind,
    id::{RoomId, UserId},
    reputation::settle::Kind,
    wire::{Card, Me, Role},
};

crate::contract! {
    /// Accounts and what is known of a person.
    "users" => trait Users {
        /// The account of a verified address; made on the first sign-in.
        fn ensure(Ensure) -> Ensured [idempotent, 2000 ms];
        /// The account as its owner sees it.
        fn me(UserId) -> Me [idempotent, 2000 ms];
        /// Changes a profile; absent fields stay.
        fn update(Update) -> Me [idempotent, 2000 ms];
        /// Gives an account another private id; the one before finds nobody from now on.
        fn rotate_private_id(UserId) -> Me [once, 2000 ms];
        /// Gives an account this picture.
        fn set_avatar(SetAvatar) -> () [idempotent, 2000 ms];
        /// Takes an account's picture away.
        fn remove_avatar(UserId) -> () [idempotent, 2000 ms];
        /// All that is held of somebody: rows by table, and their picture.
        fn held(UserId) -> serde_json::Value [idempotent, 20000 ms];
        /// A picture, as WebP in base64.
        fn avatar(AvatarName) -> String [idempotent, 2000 ms];
        /// The 18+ declaration.
        fn declare_age(UserId) -> () [idempotent, 2000 ms];
        /// What strangers see.
        fn card(UserId) -> Card [idempotent, 2000 ms];
        /// What matchmaking needs to know of a person.
        fn seeker(UserId) -> Seeker [idempotent, 2000 ms];
        /// Score, band and the ledger that explains them.
        fn reputation(UserId) -> ReputationView [idempotent, 2000 ms];
        /// My last calls, missed ones too.
        fn calls(UserId) -> Vec<PastCall> [idempotent, 2000 ms];
        /// What I thought of a call.
        fn rate(Rate) -> () [idempotent, 2000 ms];
        /// Sets an account's role (administration).
        fn grant(Grant) -> UserId [idempotent, 2000 ms];
        /// An admin looks somebody up; written into the audit log before.
        fn find(Find) -> Account [once, 5000 ms];
        /// An admin sets somebody's role; written into the audit log. The same role again changes nothing.
        fn set_role(SetRole) -> Account [idempotent, 5000 ms];
    }
}

/// A verified address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ensure {
    /// Normalised by auth.
    pub email: String,
}

/// The account, and whether it is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ensured {
    /// The account.
    pub user: Me,
    /// Made just now.
    pub new_user: bool,
}

/// A picture in its two sizes, made by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAvatar {
    /// Whose.
    pub user: UserId,
    /// WebP in base64 (RFC 4648 section 4), 256 pixels a side.
    pub large: String,
    /// The same, 64 pixels a side.
    pub small: String,
}

/// Which picture, in which size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvatarName {
    /// SHA-256 of the larger one, in hexadecimal.
    pub sha256: String,
    /// 256 or 64.
    pub side: u16,
}

/// Changes of a profile. An absent field stays; `country: null` clears it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Update {
    /// Whose.
    pub user: UserId,
    /// What.
    pub patch: Patch,
}

/// The body of `PATCH /api/users/me`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// 1 to 32 graphemes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// At most 500 graphemes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// At most 8 tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
    /// At most 10 words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interests: Option<Vec<String>>,
    /// ISO 3166-1 alpha-2, or null.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub country: Option<Option<String>>,
    /// Never P2P.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_ip: Option<bool>,
    /// No ringing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_not_disturb: Option<bool>,
}

/// Tells an absent field (`None`) from `null` (`Some(None)`).
mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, clippy::ref_option, reason = "absent and null differ; serde's signature")]
    pub(super) fn serialize<S: Serializer>(v: &Option<Option<String>>, s: S) -> Result<S::Ok, S::Error> {
        v.as_ref().and_then(Option::as_ref).serialize(s)
    }

    #[expect(clippy::option_option, reason = "absent and null differ")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(d).map(Some)
    }
}

/// What matchmaking needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeker {
    /// What the other will see.
    pub card: Card,
    /// 0 to 100.
    pub reputation: u8,
    /// From the profile.
    pub languages: Vec<String>,
    /// From the profile.
    pub interests: Vec<String>,
    /// From the profile.
    pub country: Option<String>,
    /// Without it nobody is matched.
    pub age_declared: bool,
    /// With whom they may be.
    #[serde(default = "adult")]
    pub age_class: AgeClass,
    /// Never P2P.
    pub hide_ip: bool,
    /// Nobody's call rings.
    #[serde(default)]
    pub do_not_disturb: bool,
}

/// A call as one person remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastCall {
    /// The room.
    pub room_id: RoomId,
    /// With whom one talks in such a room.
    pub kind: RoomKind,
    /// When it began to ring, was opened, or I came.
    pub at: Timestamp,
    /// When it was over, or I went; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How long I talked, in milliseconds: 0 if nobody came.
    pub duration_ms: u64,
    /// Of a call among friends: whether I was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<bool>,
    /// I was called, and didn't answer or decline.
    pub missed: bool,
    /// Why it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who else was in it, or was to be.
    pub people: Vec<Card>,
}

/// Score and ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReputationView {
    /// 0 to 100.
    pub score: u8,
    /// What others see.
    pub band: crate::wire::Band,
    /// Newest first, at most 100.
    pub entries: Vec<ReputationEntry>,
}

/// One move of the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReputationEntry {
    /// When; what calls and reports have done at the end of their day (UTC).
    pub at: Timestamp,
    /// By how much.
    pub delta: i32,
    /// Why, for a page that says it in its own words; nothing for the start, and for words of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Why, in words.
    pub reason: String,
    /// When a loss is forgiven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover_by: Option<Timestamp>,
}

/// What somebody thought of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Who.
    pub user: UserId,
    /// Of which call.
    pub room: RoomId,
    /// 1 to 5.
    pub stars: u8,
}

/// Sets a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// Whose account.
    pub email: String,
    /// The new role.
    pub role: Role,
}

/// A look-up by an admin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Find {
    /// Who looks.
    pub admin: UserId,
    /// An address, a private id or an id, all of it.
    pub who: String,
    /// Why, in 3 to 200 characters.
    pub reason: String,
}

/// An admin gives somebody a role, or takes it away.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetRole {
    /// Who does it: not about themselves.
    pub admin: UserId,
    /// Whose.
    pub user: UserId,
    /// The role from now on.
    pub role: Role,
    /// Why, in 3 to 200 characters.
    pub reason: String,
}

/// An account as admins see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// What everybody sees.
    pub card: Card,
    /// By which friends find them.
    pub private_id: String,
    /// What they may do.
    pub role: Role,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// A suspension that runs; of several the longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Away>,
}

/// Somebody is kept away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// Until then.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// By this rule.
    pub rule: String,
}

/// A node that doesn't know of classes knows adults alone.
const fn adult() -> AgeClass {
    AgeClass::Adult
}
