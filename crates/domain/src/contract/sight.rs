//! Those who look, listen and read: models on the operator's own machine. They say what they notice and decide nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Thousandths.
pub type Score = u16;

crate::contract! {
    /// What models notice of one piece of a call. The same piece gives the same answer.
    "sight" => trait Sight {
        /// Looks at a picture.
        fn look(Look) -> Seen [idempotent, 10000 ms];
        /// Listens to a stretch of sound, writes down what is said, and reads it.
        fn listen(Listen) -> Heard [idempotent, 20000 ms];
        /// Reads what was written.
        fn read(Read) -> Scores [idempotent, 5000 ms];
        /// Which kinds this node can notice.
        fn able(()) -> Able [idempotent, 1000 ms];
    }
}

/// A picture to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// How it is coded.
    pub form: Form,
    /// As it was sent: it may be anything.
    #[serde(with = "bytes")]
    pub picture: Vec<u8>,
}

/// How a picture is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A key frame of VP8 (RFC 6386).
    Vp8,
    /// A key frame of H.264, behind start codes (Annex B).
    H264,
    /// A still: JPEG or WebP.
    Still,
}

/// What can be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Nudity or sexual acts.
    Nudity,
    /// Something that looks like a weapon.
    Weapon,
    /// Violence, where an operator has put a model of their own.
    Violence,
    /// Hostile words, said or written.
    Hostile,
    /// Somebody screams.
    Scream,
    /// A shot or an explosion.
    Shot,
}

/// How sure the models are together, by what can be noticed, and each of them alone (`nudity.nsfwjs`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scores {
    /// Together.
    pub slots: Vec<(Slot, Score)>,
    /// Alone.
    pub models: Vec<(String, Score)>,
}

impl Scores {
    /// Of one slot; nothing is known of what isn't there.
    pub fn of(&self, slot: Slot) -> Option<Score> {
        self.slots.iter().find(|(known, _)| *known == slot).map(|(_, score)| *score)
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Scores.
    pub scores: Scores,
    /// The picture, blurred beyond recognition of a person, as WebP: whoever decides about it must see what it rests on.
    #[serde(default, with = "maybe_bytes")]
    pub blurred: Option<Vec<u8>>,
    /// It shows nothing: dark, or one colour.
    pub blank: bool,
    /// What it looks like, so that a frozen picture is noticed: equal for equal pictures.
    pub print: u64,
}

/// Sound to listen to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// In order.
    pub packets: Vec<Packet>,
}

/// One packet of Opus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Samples at 48 kHz since the stretch began. What is missing between two of them was silent or lost.
    pub offset: u32,
    /// The packet.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// What was said, with when in the stretch and how hostile it is.
    pub said: Vec<Said>,
    /// Other sounds.
    pub scores: Scores,
}

/// A piece of speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Milliseconds since the stretch began.
    pub from_ms: u32,
    /// And up to.
    pub until_ms: u32,
    /// In words, as far as they were understood.
    pub text: String,
    /// Of the words.
    pub scores: Scores,
}

/// Words to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// A chat message.
    pub text: String,
}

/// What can be noticed here, and what can't for want of models.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Able {
    /// On.
    pub on: Vec<Slot>,
    /// Off.
    pub off: Vec<Slot>,
}

/// Bytes in JSON: base64, a third longer than they are, where a list of numbers is four times.
mod bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)
    }
}

/// The same, or nothing.
pub(crate) mod maybe_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Bytes(#[serde(with = "super::bytes")] Vec<u8>);

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.clone().map(Bytes).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Bytes>::deserialize(from)?.map(|Bytes(bytes)| bytes))
    }
}
