//! The two tokens of a login session. The access token is a JWT that anybody can check with the published keys. The
//! refresh token is opaque: which session, 256 random bits, and a MAC by which even a token that is long forgotten is
//! known to have been ours. So reuse of any old one ends its session, and no guess ever ends one.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault, Timestamp,
    id::{LoginId, UserId},
    wire::Role,
};
use visavis_platform::{Dice, secret, secret::Secret};

use super::keys::Signer;

/// Media type of access tokens in the header (RFC 9068).
const TYPE: &str = "at+jwt";
const ID_BYTES: usize = 16;
const RANDOM_BYTES: usize = 32;
/// 128 bits: nobody forges one within the age of the universe.
const MAC_BYTES: usize = 16;
const TOKEN_BYTES: usize = ID_BYTES + RANDOM_BYTES + MAC_BYTES;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: the public URL.
    pub iss: String,
    /// For whom: the same.
    pub aud: String,
    /// The account.
    pub sub: UserId,
    /// The login session.
    pub sid: LoginId,
    /// Second of issue.
    pub iat: i64,
    /// First second in which it is no longer good.
    pub exp: i64,
    /// Account role at the time of issue.
    pub role: Role,
    /// Unique.
    pub jti: String,
}

/// Signs an access token.
pub(super) fn sign(signer: &Signer, claims: &Claims) -> Result<String, Fault> {
    let header =
        Header { typ: Some(TYPE.to_owned()), kid: Some(signer.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, claims, &signer.key).map_err(|_| {
        tracing::error!("an access token could not be signed");
        Fault::internal()
    })
}

/// A genuine refresh token; whether it is the current one is for the database to say.
pub(super) struct RefreshToken([u8; TOKEN_BYTES]);

impl RefreshToken {
    pub(super) fn new(login: LoginId, secret: &Secret, dice: &Dice) -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..ID_BYTES].copy_from_slice(&login.bits().to_be_bytes());
        dice.fill(&mut bytes[ID_BYTES..ID_BYTES + RANDOM_BYTES]);
        let mac = tag(&bytes, secret);
        bytes[ID_BYTES + RANDOM_BYTES..].copy_from_slice(&mac[..MAC_BYTES]);
        Self(bytes)
    }

    /// Reads a token that this installation has made.
    pub(super) fn parse(text: &str, secret: &Secret) -> Option<Self> {
        let bytes: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let mac = tag(&bytes, secret);
        verify_slices_are_equal(&mac[..MAC_BYTES], &bytes[ID_BYTES + RANDOM_BYTES..]).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn login(&self) -> LoginId {
        let mut bits = [0; ID_BYTES];
        bits.copy_from_slice(&self.0[..ID_BYTES]);
        LoginId::from_bits(u128::from_be_bytes(bits))
    }

    /// What the database keeps of it.
    pub(super) fn hash(&self, secret: &Secret) -> String {
        URL_SAFE_NO_PAD.encode(secret.mac("refresh token hash", &[&self.0]))
    }

    /// Seals `successor` so that only a holder of this token can read it.
    pub(super) fn seal(&self, successor: &Self, secret: &Secret, dice: &Dice) -> Result<String, Fault> {
        secret::seal(&self.successor_key(secret), SUCCESSOR, dice, &successor.0).map_err(|_| {
            tracing::error!("a refresh token could not be sealed");
            Fault::internal()
        })
    }

    /// Opens what [`RefreshToken::seal`] made of this very token.
    pub(super) fn open(&self, sealed: &str, secret: &Secret) -> Option<Self> {
        let plain = secret::open(&self.successor_key(secret), SUCCESSOR, sealed).ok()?;
        plain.try_into().ok().map(Self)
    }

    fn successor_key(&self, secret: &Secret) -> [u8; secret::KEY_BYTES] {
        secret.mac("refresh token successor", &[&self.0])
    }
}

const SUCCESSOR: &str = "refresh successor";

fn tag(bytes: &[u8; TOKEN_BYTES], secret: &Secret) -> [u8; secret::KEY_BYTES] {
    secret.mac("refresh token", &[&bytes[..ID_BYTES + RANDOM_BYTES]])
}

/// When an access token issued now ends: whole seconds, as its claim.
pub(super) fn end_of(iat: Timestamp, ttl: std::time::Duration) -> Timestamp {
    Timestamp::from_millis((iat + ttl).as_secs() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_that_were_made_here_are_read() {
        let (secret, dice) = (Secret::from_bytes([1; 32]), Dice::seeded(1));
        let token = RefreshToken::new(LoginId::from_bits(77), &secret, &dice);
        let text = token.text();
        assert_eq!(RefreshToken::parse(&text, &secret).unwrap().login(), LoginId::from_bits(77));
        assert!(RefreshToken::parse(&text, &Secret::from_bytes([2; 32])).is_none());
        for bad in ["", "AAAA", &text[1..], &format!("{text}A"), &"A".repeat(86), &text.to_lowercase()] {
            assert!(RefreshToken::parse(bad, &secret).is_none(), "{bad}");
        }
        let mut bytes = token.0;
        for at in 0..TOKEN_BYTES {
            bytes[at] ^= 1;
            assert!(RefreshToken::parse(&URL_SAFE_NO_PAD.encode(bytes), &secret).is_none(), "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn a_successor_is_readable_by_a_holder_of_its_predecessor_only() {
        let (secret, dice) = (Secret::from_bytes([1; 32]), Dice::seeded(1));
        let token = || RefreshToken::new(LoginId::from_bits(77), &secret, &dice);
        let (first, second, other) = (token(), token(), token());
        let sealed = first.seal(&second, &secret, &dice).unwrap();
        assert_eq!(first.open(&sealed, &secret).unwrap().text(), second.text());
        assert!(other.open(&sealed, &secret).is_none());
        assert_ne!(first.hash(&secret), second.hash(&secret));
    }
}
