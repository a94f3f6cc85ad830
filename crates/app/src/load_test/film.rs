//! What load clients show and say: four seconds of a test picture in three layers and of a voice, made once by `film/make`
//! and carried in the binary. The parsers read these files alone.

use std::sync::Arc;

use visavis_sfu::guest::{Film, Reel};

/// Lowest first, as browsers order them.
const LAYERS: [&[u8]; 3] =
    [include_bytes!("film/l.ivf"), include_bytes!("film/m.ivf"), include_bytes!("film/h.ivf")];
const VOICE: &[u8] = include_bytes!("film/voice.opus");
/// Every second frame is one that no other stands on.
const TEMPORAL_LAYERS: [u8; 2] = [0, 1];
/// Of an IVF file, and of each of its frames.
const IVF_HEADER: usize = 32;
const IVF_FRAME: usize = 12;
/// Of an Ogg page, up to the lengths of its segments.
const OGG_HEADER: usize = 27;
/// Packets before the first sound: what the stream is, and who made it.
const OGG_HEADS: usize = 2;

/// The film; `None` when the files are broken, which a test rules out.
pub fn film() -> Option<Arc<Film>> {
    let layers = LAYERS.into_iter().map(reel).collect::<Option<Vec<Reel>>>()?;
    let voice = ogg(VOICE)?.split_off(OGG_HEADS);
    Some(Arc::new(Film { layers, voice }))
}

fn reel(ivf: &[u8]) -> Option<Reel> {
    let word = |at: usize| ivf.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let height = u16::from_le_bytes(ivf.get(14..16)?.try_into().ok()?);
    // The time base is a frame's length.
    let fps = word(16)? / word(20)?.max(1);
    let mut frames = Vec::new();
    let mut at = IVF_HEADER;
    let mut tids = TEMPORAL_LAYERS.into_iter().cycle();
    while at < ivf.len() {
        let start = at + IVF_FRAME;
        at = start + usize::try_from(word(at)?).ok()?;
        frames.push((tids.next()?, ivf.get(start..at)?.to_vec()));
    }
    Some(Reel { height, fps, frames })
}

/// The packets of an Ogg file with one stream (RFC 3533).
fn ogg(mut file: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut packets, mut open) = (Vec::new(), Vec::new());
    while !file.is_empty() {
        let count = usize::from(*file.get(OGG_HEADER - 1)?);
        let lengths = file.get(OGG_HEADER..OGG_HEADER + count)?;
        let mut at = OGG_HEADER + count;
        for &length in lengths {
            open.extend_from_slice(file.get(at..at + usize::from(length))?);
            at += usize::from(length);
            // A full segment goes on in the next one.
            if length < u8::MAX {
                packets.push(std::mem::take(&mut open));
            }
        }
        file = file.get(at..)?;
    }
    Some(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_film_has_three_layers_of_about_four_seconds_and_a_voice() {
        let film = film().unwrap();
        let heights: Vec<u16> = film.layers.iter().map(|layer| layer.height).collect();
        assert_eq!(heights, [180, 360, 720]);
        for layer in &film.layers {
            assert_eq!(layer.frames.len(), 4 * layer.fps as usize);
            let keys: Vec<bool> = layer.frames.iter().map(|(_, bytes)| bytes[0] & 1 == 0).collect();
            assert!(keys[0] && keys[1..].iter().all(|key| !key), "a key frame at its start alone");
        }
        // 20 ms each: Opus says so in the first five bits of a packet.
        assert!((195..=205).contains(&film.voice.len()), "{}", film.voice.len());
        assert!(film.voice.iter().all(|packet| matches!(packet[0] >> 3, 9 | 13 | 15 | 19 | 23 | 27 | 31)));
    }

    #[test]
    fn its_layers_cost_what_browsers_send() {
        let film = film().unwrap();
        let kbit = |layer: &Reel| {
            let bytes: usize = layer.frames.iter().map(|(_, bytes)| bytes.len()).sum();
            bytes * 8 * layer.fps as usize / layer.frames.len() / 1_000
        };
        let [low, middle, high] = [&film.layers[0], &film.layers[1], &film.layers[2]].map(kbit);
        assert!((80..=130).contains(&low) && (200..=300).contains(&middle) && (550..=850).contains(&high));
        let all: usize = LAYERS.iter().map(|layer| layer.len()).sum::<usize>() + VOICE.len();
        assert!(all < 700 << 10, "{all} bytes in the binary");
    }

    #[test]
    fn a_file_that_was_cut_off_is_no_film() {
        assert_eq!(reel(&LAYERS[0][..LAYERS[0].len() - 1]), None);
        assert_eq!(reel(&LAYERS[0][..20]), None);
        assert_eq!(ogg(&VOICE[..VOICE.len() - 1]), None);
    }
}
