//! Prefixed, opaque identifiers: `usr_01J…`. 128 bits, time-ordered (48 bits of milliseconds, 80 of randomness,
//! the layout of ULID), so that rows made together lie together and ids can't be guessed.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// What an id names; its prefix is part of the text form.
pub trait Kind: 'static {
    /// For example `usr_`.
    const PREFIX: &'static str;
}

/// An identifier of one [`Kind`]. Two kinds never compare or mix.
pub struct Id<K>(u128, PhantomData<fn() -> K>);

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 128 bits in base32.
const DIGITS: usize = 26;

impl<K: Kind> Id<K> {
    /// An id made at `now` from 80 bits (the lower ones of `random`).
    pub fn new(now: Timestamp, random: u128) -> Self {
        let millis = u128::from(now.as_millis().unsigned_abs()) & 0xFFFF_FFFF_FFFF;
        Self::from_bits((millis << 80) | (random & ((1 << 80) - 1)))
    }

    /// The id with exactly these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits, PhantomData)
    }

    /// The raw bits, for hashing and sharding.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; DIGITS];
        let mut rest = self.0;
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(K::PREFIX)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct BadId;

impl<K: Kind> FromStr for Id<K> {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let digits = text.strip_prefix(K::PREFIX).ok_or(BadId)?.as_bytes();
        // The first digit carries three bits only: anything above 7 would overflow and alias another id.
        if digits.len() != DIGITS || digits[0] > b'7' {
            return Err(BadId);
        }
        digits
            .iter()
            .try_fold(0u128, |bits, digit| {
                let value = ALPHABET.iter().position(|a| a == digit)?;
                Some((bits << 5) | value as u128)
            })
            .map(Self::from_bits)
            .ok_or(BadId)
    }
}

impl<K: Kind> schemars::JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        K::PREFIX.trim_end_matches('_').into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": format!("^{}[0-7][0-9A-HJKMNP-TV-Z]{{{}}}$", K::PREFIX, DIGITS - 1),
        })
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Marker types, one per kind of id.
pub mod kind {
    use super::Kind;

    /// A person's account.
    #[derive(Debug)]
    pub enum User {}
    /// A login session (one device, one refresh-token family).
    #[derive(Debug)]
    pub enum Login {}
    /// A socket session: one page's connection, surviving reconnects.
    #[derive(Debug)]
    pub enum Socket {}
    /// A place in the matchmaking queue.
    #[derive(Debug)]
    pub enum Ticket {}
    /// A room, that is a call.
    #[derive(Debug)]
    pub enum Room {}
    /// A user in a room.
    #[derive(Debug)]
    pub enum Participant {}
    /// A report of a person by a person.
    #[derive(Debug)]
    pub enum Report {}
    /// A wish to be somebody's friend.
    #[derive(Debug)]
    pub enum Request {}
    /// A pending sign-in by e-mail.
    #[derive(Debug)]
    pub enum Challenge {}
    /// A chat message.
    #[derive(Debug)]
    pub enum Message {}
    /// A process of the cluster.
    #[derive(Debug)]
    pub enum Node {}
    /// Something that is done after the request that asked for it.
    #[derive(Debug)]
    pub enum Job {}
    /// Something that was noticed of a person.
    #[derive(Debug)]
    pub enum Signal {}
    /// See [`super::DecisionId`].
    #[derive(Debug)]
    pub enum Decision {}
    /// See [`super::CaseId`].
    #[derive(Debug)]
    pub enum Case {}
    /// See [`super::AppealId`].
    #[derive(Debug)]
    pub enum Appeal {}
    /// See [`super::EvidenceId`].
    #[derive(Debug)]
    pub enum Evidence {}

    impl Kind for User {
        const PREFIX: &'static str = "usr_";
    }
    impl Kind for Login {
        const PREFIX: &'static str = "ses_";
    }
    impl Kind for Socket {
        const PREFIX: &'static str = "sck_";
    }
    impl Kind for Ticket {
        const PREFIX: &'static str = "tkt_";
    }
    impl Kind for Room {
        const PREFIX: &'static str = "rm_";
    }
    impl Kind for Participant {
        const PREFIX: &'static str = "par_";
    }
    impl Kind for Report {
        const PREFIX: &'static str = "rpt_";
    }
    impl Kind for Request {
        const PREFIX: &'static str = "req_";
    }
    impl Kind for Challenge {
        const PREFIX: &'static str = "chl_";
    }
    impl Kind for Message {
        const PREFIX: &'static str = "msg_";
    }
    impl Kind for Node {
        const PREFIX: &'static str = "nod_";
    }
    impl Kind for Job {
        const PREFIX: &'static str = "job_";
    }
    impl Kind for Signal {
        const PREFIX: &'static str = "sig_";
    }
    impl Kind for Decision {
        const PREFIX: &'static str = "dec_";
    }
    impl Kind for Case {
        const PREFIX: &'static str = "cas_";
    }
    impl Kind for Appeal {
        const PREFIX: &'static str = "apl_";
    }
    impl Kind for Evidence {
        const PREFIX: &'static str = "evd_";
    }
}

/// A person's account.
pub type UserId = Id<kind::User>;
/// A login session.
pub type LoginId = Id<kind::Login>;
/// A socket session.
pub type SocketId = Id<kind::Socket>;
/// A place in the matchmaking queue.
pub type TicketId = Id<kind::Ticket>;
/// A room.
pub type RoomId = Id<kind::Room>;
/// A user in a room.
pub type ParticipantId = Id<kind::Participant>;
/// A report.
pub type ReportId = Id<kind::Report>;
/// A wish to be somebody's friend.
pub type RequestId = Id<kind::Request>;
/// A pending sign-in.
pub type ChallengeId = Id<kind::Challenge>;
/// A chat message.
pub type MessageId = Id<kind::Message>;
/// A process.
pub type NodeId = Id<kind::Node>;
/// A job.
pub type JobId = Id<kind::Job>;
/// Something that was noticed.
pub type SignalId = Id<kind::Signal>;
/// What was decided about somebody.
pub type DecisionId = Id<kind::Decision>;
/// What moderators have to decide about somebody.
pub type CaseId = Id<kind::Case>;
/// An appeal against a decision.
pub type AppealId = Id<kind::Appeal>;
/// Something kept that shows what a decision or report rests on.
pub type EvidenceId = Id<kind::Evidence>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_form_round_trips(bits: u128) {
            let id = UserId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        }

        #[test]
        fn any_text_that_parses_prints_the_same(text in "usr_[0-9A-Z]{26}") {
            if let Ok(id) = text.parse::<UserId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn another_kind_or_shape_is_refused() {
        let room = RoomId::from_bits(7).to_string();
        assert_eq!(room.parse::<UserId>(), Err(BadId));
        assert_eq!("usr_".parse::<UserId>(), Err(BadId));
        assert_eq!("usr_ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<UserId>(), Err(BadId));
        assert_eq!("usr_0000000000000000000000000i".parse::<UserId>(), Err(BadId));
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = UserId::new(Timestamp::from_millis(1_000), u128::MAX);
        let late = UserId::new(Timestamp::from_millis(1_001), 0);
        assert!(early < late && early.to_string() < late.to_string());
    }
}
