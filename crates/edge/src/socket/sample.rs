//! What a page sees in a direct call between strangers, sent in for those who look at calls. It isn't decoded here.

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use visavis_domain::{
    Code, Fault,
    contract::{Caller, rooms::Sampled},
    id::{ParticipantId, RoomId},
};

use super::{
    Hub,
    inbound::done,
    payload::{MAX_SAMPLE, shape},
    session::Session,
};

/// The largest as text (base64).
pub(super) const MAX_TEXT: usize = MAX_SAMPLE.div_ceil(3) * 4;
/// Over all rooms and sockets of a person, a minute: twelve in a call, and some for calls that begin.
const PER_MIN: u32 = 60;

/// `{roomId, of, image}`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    room_id: RoomId,
    of: ParticipantId,
    image: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    room_id: RoomId,
    of: ParticipantId,
    image: Value,
}

/// The picture is attached, as Socket.IO does with bytes, or is text (base64).
pub(super) fn read(data: Value, attached: Option<&[u8]>) -> Result<Sample, Fault> {
    let Shape { room_id, of, image } = shape(data)?;
    let image = match (image, attached) {
        (Value::String(text), None) if text.len() > MAX_TEXT => return Err(too_large()),
        (Value::String(text), None) => STANDARD
            .decode(&text)
            .or_else(|_| STANDARD_NO_PAD.decode(&text))
            .map_err(|_| Fault::bad_request("The picture is no base64."))?,
        (place, Some(bytes)) if place == json!({"_placeholder": true, "num": 0}) => bytes.to_vec(),
        _ => return Err(Fault::bad_request("The event has the wrong shape.")),
    };
    if image.len() > MAX_SAMPLE {
        return Err(too_large());
    }
    if !is_still(&image) {
        return Err(Fault::bad_request("The picture is neither a JPEG nor a WebP."));
    }
    Ok(Sample { room_id, of, image })
}

fn too_large() -> Fault {
    Fault::new(Code::PayloadTooLarge, format!("A sample has at most {MAX_SAMPLE} bytes."))
}

/// By what it begins with, whatever it is called.
fn is_still(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    webp || bytes.starts_with(&[0xFF, 0xD8, 0xFF])
}

impl Hub {
    /// The answer is the same whatever is seen in it, and comes before anybody has looked.
    pub(super) async fn on_sample(
        &self,
        cx: &Caller,
        session: &Session,
        sample: Sample,
    ) -> Result<Value, Fault> {
        self.limit("sample", session, PER_MIN).await?;
        let Sample { room_id, of, image } = sample;
        let picture = self.watching.samples().then_some(image);
        let sampled = Sampled { seat: session.in_room(room_id), of, picture };
        self.rooms.sample(cx, sampled).await.map(|()| done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEBP: &[u8] = b"RIFF\x04\0\0\0WEBPVP8 ";
    const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 16];

    fn data(image: impl Into<Value>) -> Value {
        let (room, of) = (RoomId::from_bits(1), ParticipantId::from_bits(2));
        json!({"roomId": room, "of": of, "image": image.into()})
    }

    fn code(data: Value, attached: Option<&[u8]>) -> Result<usize, Code> {
        read(data, attached).map(|sample| sample.image.len()).map_err(|fault| fault.code)
    }

    #[test]
    fn a_picture_comes_attached_or_as_text_and_by_its_content() {
        let place = || data(json!({"_placeholder": true, "num": 0}));
        for still in [WEBP, JPEG] {
            assert_eq!(code(place(), Some(still)), Ok(still.len()));
            assert_eq!(code(data(STANDARD.encode(still)), None), Ok(still.len()));
            assert_eq!(code(data(STANDARD_NO_PAD.encode(still)), None), Ok(still.len()));
        }
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for wrong in [&png[..], b"", b"GIF89a", b"RIFF\x04\0\0\0WAVEfmt ", b"RIFF", &[0xFF, 0xD8], b"<svg/>"]
        {
            assert_eq!(code(place(), Some(wrong)), Err(Code::BadRequest), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_in_another_place_than_it_says_is_refused() {
        let place = |num: u32| json!({"_placeholder": true, "num": num});
        for (image, attached) in [
            (place(0), None),
            (place(1), Some(JPEG)),
            (json!(STANDARD.encode(JPEG)), Some(JPEG)),
            (json!([255, 216, 255]), None),
            (json!({"type": "Buffer", "data": [255, 216, 255]}), None),
            (json!("data:image/jpeg;base64,/9j/"), None),
            (json!("…"), None),
            (Value::Null, None),
        ] {
            assert_eq!(code(data(image.clone()), attached), Err(Code::BadRequest), "{image}");
        }
    }

    #[test]
    fn sixty_four_kib_are_taken_and_a_byte_more_is_not() {
        let still = |length| [JPEG, &vec![7; length - JPEG.len()]].concat();
        let place = || data(json!({"_placeholder": true, "num": 0}));
        assert_eq!(code(place(), Some(&still(MAX_SAMPLE))), Ok(MAX_SAMPLE));
        assert_eq!(code(place(), Some(&still(MAX_SAMPLE + 1))), Err(Code::PayloadTooLarge));
        assert_eq!(code(data(STANDARD.encode(still(MAX_SAMPLE))), None), Ok(MAX_SAMPLE));
        for length in [MAX_SAMPLE + 1, MAX_SAMPLE + 3, 2 * MAX_SAMPLE] {
            assert_eq!(code(data(STANDARD.encode(still(length))), None), Err(Code::PayloadTooLarge));
        }
    }
}
