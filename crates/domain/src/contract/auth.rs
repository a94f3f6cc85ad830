//! Signing in without a password: one-time codes, magic links, token families.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{ChallengeId, LoginId, UserId},
    wire::{Me, Role},
};

crate::contract! {
    /// Sign-in by e-mail, access and refresh tokens, login sessions.
    "auth" => trait Auth {
        /// Mails a code and a link. The same answer and the same work for known and unknown addresses.
        fn login(Login) -> Challenge [once, 5000 ms];
        /// Trades a code for a session.
        fn verify(Verify) -> SignedIn [once, 5000 ms];
        /// Whose link is this? Consumes nothing.
        fn peek(Magic) -> MaskedEmail [idempotent, 2000 ms];
        /// Trades a link's token for a session.
        fn magic(MagicSignIn) -> SignedIn [once, 5000 ms];
        /// Rotates the refresh token and issues an access token.
        fn refresh(Refresh) -> SignedIn [once, 5000 ms];
        /// Ends a login session; every socket of it is cut.
        fn revoke(Revoke) -> () [idempotent, 5000 ms];
        /// Ends the login session of a refresh token (signing out also works with an expired access token).
        fn logout(Refresh) -> () [idempotent, 5000 ms];
        /// The person's login sessions.
        fn sessions(Sessions) -> Vec<LoginSession> [idempotent, 2000 ms];
        /// Erases the account of somebody who has just shown who they are, from every table. What is left outside of them
        /// (mails that lie in a folder) goes within a minute.
        fn erase(Erase) -> Erased [once, 5000 ms];
        /// The public keys access tokens are verified with, as a JWK Set (RFC 7517, RFC 8037).
        fn jwks(()) -> Jwks [idempotent, 2000 ms];
        /// Whether this login session has ended (asked once per token, when it is first seen).
        fn is_revoked(LoginId) -> bool [idempotent, 500 ms];
        /// The role that holds now of whoever has this login session; nothing when it has ended. Asked where a role opens
        /// something: a token only says which one held when it was made.
        fn role_of(LoginId) -> Option<Role> [idempotent, 2000 ms];
    }
}

/// Somebody wants to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erase {
    /// Who.
    pub user: UserId,
    /// The login session that asks: a fresh one.
    pub login: LoginId,
}

/// The receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// When.
    #[schemars(with = "String")]
    pub erased_at: Timestamp,
    /// What was kept all the same, and why.
    pub kept: Vec<Kept>,
}

/// Something that outlives the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
    /// Until then; absent where a person has to end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

/// Start of a sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Login {
    /// As typed; normalised by the service.
    pub email: String,
}

/// A mail is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// To be sent back with the code.
    pub challenge_id: ChallengeId,
    /// End of the code's life.
    pub expires_at: Timestamp,
    /// Earliest time for another mail.
    pub resend_at: Timestamp,
}

/// The code of a mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verify {
    /// From [`Challenge`]. A text, so that a malformed one is `challenge-expired`, as an unknown one.
    pub challenge_id: String,
    /// Six digits.
    pub code: String,
    /// `User-Agent` of the device, cut to 200 characters, for the list of sessions.
    #[serde(default)]
    pub agent: String,
}

/// The token of a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Magic {
    /// From the fragment of the mailed link.
    pub token: String,
}

/// The token of a link, to be consumed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MagicSignIn {
    /// From the fragment of the mailed link.
    pub token: String,
    /// As in [`Verify`].
    #[serde(default)]
    pub agent: String,
}

/// `a…@b.example`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaskedEmail {
    /// First letter and domain only.
    pub email: String,
}

/// A refresh token, from the cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refresh {
    /// The secret.
    pub token: String,
}

/// A signed-in session. The refresh token goes to the cookie, never into a body.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// JWT (EdDSA), at most 15 minutes.
    pub access_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// The successor token.
    pub refresh_token: String,
    /// The account.
    pub user: Me,
    /// First sign-in of this address.
    pub new_user: bool,
}

/// Ends one login session of a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revoke {
    /// The owner.
    pub user: UserId,
    /// The login session; somebody else's is `not-found`.
    pub login: LoginId,
}

/// Asks for a person's login sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sessions {
    /// The owner.
    pub user: UserId,
    /// The asking session, to be marked.
    pub current: LoginId,
}

/// One signed-in device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginSession {
    /// The session.
    pub id: LoginId,
    /// First sign-in.
    pub created_at: Timestamp,
    /// Last refresh.
    pub last_used_at: Timestamp,
    /// The browser's own words.
    pub user_agent: String,
    /// The asking one.
    pub current: bool,
}

/// A JWK Set (RFC 7517) of OKP keys (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jwks {
    /// Newest first; a key is here before its first use and until its last token has ended.
    pub keys: Vec<Jwk>,
}

/// One Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Key id, in the header of every token.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}
