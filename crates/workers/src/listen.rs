//! What is in a piece of sound: whether somebody speaks and what is said, and what else can be heard. Speech goes to the
//! network that writes it down only where a voice was noticed: of silence and music it would invent sentences.

use opus_pure::OpusDecoder;

use crate::{
    Error, Score,
    models::Models,
    net::{Net, Values},
    score,
};

/// All networks here hear so many samples in a second.
pub const RATE: usize = 16_000;
/// Longest piece: what the network that writes speech down was made for.
pub const MAX_SECONDS: usize = 15;
/// An Opus packet holds at most 120 ms (RFC 6716 section 2.1.4).
const MAX_PACKET: usize = RATE * 120 / 1_000;
/// Packets of a piece: 2.5 ms each would be the shortest.
const MAX_PACKETS: usize = MAX_SECONDS * 400;

/// The voice detector hears so many new samples at a time, after as many old ones.
const STEP: usize = 512;
const BEFORE: usize = 64;
const STATE: usize = 2 * 128;
/// Above it there is a voice; a pause is where it stays below the lower one (hysteresis as its authors advise).
const VOICE: f32 = 0.5;
const NO_VOICE: f32 = 0.35;
/// Steps of a pause that ends what was said, and of a sound too short to be said: 32 ms each.
const PAUSE: usize = 10;
const SHORTEST: usize = 8;
/// Steps kept around what was said.
const MARGIN: usize = 3;

/// What the network that writes begins and ends with, and how much it may write in a second.
const START: i64 = 1;
const STOP: i64 = 2;
const TOKENS_A_SECOND: f32 = 6.5;
/// Decoder: layers, heads, size of a head.
const LAYERS: usize = 6;
const HEADS: usize = 8;
const HEAD: usize = 36;
/// Mean log-probability of a token below which it is a guess.
const FLOOR: f32 = -0.9;
/// A byte that stands for a space, in UTF-8.
const SPACE: &str = "\u{2581}";

/// What was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// From which sample of the piece.
    pub from: usize,
    /// Up to which.
    pub until: usize,
    /// In words.
    pub text: String,
    /// How sure the network is of them: the mean logarithm of a token's probability.
    pub confidence: f32,
}

/// What else was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Somebody screams.
    pub scream: Score,
    /// A shot or an explosion.
    pub shot: Score,
}

/// Classes of `AudioSet`: screaming; gunshot, machine gun, fusillade, artillery fire, explosion.
const SCREAM: &[usize] = &[14];
const SHOT: &[usize] = &[426, 427, 428, 429, 430];
const CLASSES: usize = 527;
/// The network of other sounds hears ten seconds at a time.
const MAX_WINDOW: usize = 10 * RATE;

/// The networks.
pub struct Listener {
    voice: Net,
    encoder: Net,
    decoder: Net,
    events: Net,
    tokens: Vec<Vec<u8>>,
    past: Vec<String>,
    present: Vec<String>,
}

/// Packets of a run, each with the sample at which it begins, as samples. What is missing, lost or broken is silence of the
/// same length, so that times stay true.
pub fn decode<'a>(packets: impl IntoIterator<Item = (usize, &'a [u8])>) -> Result<Vec<f32>, Error> {
    let rate = i32::try_from(RATE).unwrap_or_default();
    let mut decoder = OpusDecoder::new(rate, 1).map_err(|err| Error::Run(err.to_string()))?;
    let (mut samples, mut buffer) = (Vec::new(), vec![0.0; MAX_PACKET]);
    for (at, packet) in packets.into_iter().take(MAX_PACKETS) {
        if at > RATE * MAX_SECONDS {
            break;
        }
        // One that comes before the end of what is there was sent twice, or lies about its time.
        samples.resize(samples.len().max(at), 0.0);
        if let Ok(count) = decoder.decode(packet, MAX_PACKET, &mut buffer) {
            samples.extend_from_slice(&buffer[..count]);
        }
    }
    samples.truncate(RATE * MAX_SECONDS);
    Ok(samples)
}

impl Listener {
    /// Loads them.
    ///
    /// # Errors
    /// When one isn't there, or isn't a network.
    pub fn open(models: &Models) -> Result<Self, Error> {
        let path = models.path("speech/tokens.bin");
        let unreadable = |why: String| Error::Load { what: path.display().to_string(), why };
        let bytes = std::fs::read(&path).map_err(|err| unreadable(err.to_string()))?;
        let names = |kind: &str| -> Vec<String> {
            let of = |layer: usize| {
                ["decoder", "encoder"].into_iter().flat_map(move |side| {
                    ["key", "value"].into_iter().map(move |what| format!("{layer}.{side}.{what}"))
                })
            };
            (0..LAYERS).flat_map(of).map(|rest| format!("{kind}.{rest}")).collect()
        };
        Ok(Self {
            voice: Net::open(models, "voice/silero.onnx")?,
            encoder: Net::open(models, "speech/encoder.ort")?,
            decoder: Net::open(models, "speech/decoder.ort")?,
            events: Net::open(models, "sound/ced-tiny.onnx")?,
            tokens: tokens(&bytes).ok_or_else(|| unreadable("isn't a list of tokens".to_owned()))?,
            past: names("past_key_values"),
            present: names("present"),
        })
    }

    /// Where somebody speaks, as ranges of samples.
    ///
    /// # Errors
    /// When the network fails.
    pub fn voices(&mut self, samples: &[f32]) -> Result<Vec<(usize, usize)>, Error> {
        let (mut state, mut before) = (vec![0.0; STATE], vec![0.0; BEFORE]);
        let (mut found, mut open, mut quiet) = (Vec::new(), None::<usize>, 0);
        let steps = samples.chunks_exact(STEP);
        let count = steps.len();
        for (step, new) in steps.enumerate() {
            let input = [before.as_slice(), new].concat();
            before = new[STEP - BEFORE..].to_vec();
            let inputs = vec![
                ("input", Values::Floats(vec![1, BEFORE + STEP], input)),
                ("state", Values::Floats(vec![2, 1, 128], state)),
                ("sr", Values::Integers(Vec::new(), vec![16_000])),
            ];
            let mut outputs = self.voice.run(inputs, &["output", "stateN"])?;
            state = outputs.pop().unwrap_or_default();
            let voice = outputs.pop().and_then(|values| values.first().copied()).unwrap_or_default();
            quiet = if voice < NO_VOICE { quiet + 1 } else { 0 };
            match open {
                None if voice >= VOICE => open = Some(step),
                Some(from) if quiet >= PAUSE => {
                    found.push((from, step + 1 - quiet));
                    open = None;
                }
                _ => {}
            }
        }
        found.extend(open.map(|from| (from, count)));
        let samples_of = |(from, until): (usize, usize)| {
            (from.saturating_sub(MARGIN) * STEP, (until + MARGIN).min(count) * STEP)
        };
        Ok(found.into_iter().filter(|(from, until)| until - from >= SHORTEST).map(samples_of).collect())
    }

    /// What is said in a piece of at most [`MAX_SECONDS`].
    ///
    /// # Errors
    /// When it is longer, or a network fails.
    pub fn said(&mut self, samples: &[f32]) -> Result<Vec<Said>, Error> {
        if samples.len() > RATE * MAX_SECONDS {
            return Err(Error::Sample("longer than can be written down at once"));
        }
        let mut all = Vec::new();
        for (from, until) in self.voices(samples)? {
            let (text, confidence) = self.written(&samples[from..until])?;
            if !text.is_empty() && confidence >= FLOOR {
                all.push(Said { from, until, text, confidence });
            }
        }
        Ok(all)
    }

    /// What else is heard in a piece: the most of its windows.
    ///
    /// # Errors
    /// When it is longer than can be, or the network fails.
    pub fn heard(&mut self, samples: &[f32]) -> Result<Heard, Error> {
        if samples.len() > RATE * MAX_SECONDS {
            return Err(Error::Sample("longer than can be listened to at once"));
        }
        let mut most = Heard::default();
        for window in samples.chunks(MAX_WINDOW) {
            let mut window = window.to_vec();
            window.resize(window.len().max(RATE), 0.0);
            let input = Values::Floats(vec![1, window.len()], window);
            let scores = self.events.run(vec![("waveform", input)], &["logits"])?.concat();
            if scores.len() != CLASSES {
                return Err(Error::Run("its output has another shape than it should".to_owned()));
            }
            let of =
                |classes: &[usize]| score(classes.iter().map(|class| scores[*class]).fold(0.0, f32::max));
            most = Heard { scream: most.scream.max(of(SCREAM)), shot: most.shot.max(of(SHOT)) };
        }
        Ok(most)
    }

    /// Writes a voice down, word by word: each token is the likeliest after those before it.
    fn written(&mut self, samples: &[f32]) -> Result<(String, f32), Error> {
        let mask = Values::Integers(vec![1, samples.len()], vec![1; samples.len()]);
        let inputs = vec![
            ("input_values", Values::Floats(vec![1, samples.len()], samples.to_vec())),
            ("attention_mask", mask),
        ];
        let hidden = self.encoder.run(inputs, &["last_hidden_state"])?.concat();
        let width = HEADS * HEAD;
        let frames = hidden.len() / width;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a hundred at most"
        )]
        let most = (samples.len() as f32 / RATE as f32 * TOKENS_A_SECOND) as usize + 4;
        let mut past: Vec<Vec<f32>> = vec![Vec::new(); self.past.len()];
        let (mut written, mut last, mut sum) = (Vec::new(), START, 0.0);
        for step in 0..most {
            let mut inputs = vec![
                ("input_ids", Values::Integers(vec![1, 1], vec![last])),
                ("encoder_hidden_states", Values::Floats(vec![1, frames, width], hidden.clone())),
                // The mask of the samples, not of the frames: with the latter it fails beyond nine seconds.
                ("encoder_attention_mask", Values::Integers(vec![1, samples.len()], vec![1; samples.len()])),
                ("use_cache_branch", Values::Flags(vec![1], vec![step > 0])),
            ];
            for (name, values) in self.past.iter().zip(&past) {
                let length = values.len() / width;
                inputs.push((name, Values::Floats(vec![1, HEADS, length, HEAD], values.clone())));
            }
            let wanted: Vec<&str> =
                ["logits"].into_iter().chain(self.present.iter().map(String::as_str)).collect();
            let mut outputs = self.decoder.run(inputs, &wanted)?;
            let present = outputs.split_off(1);
            for ((name, old), new) in self.past.iter().zip(&mut past).zip(present) {
                // What it knows of the encoder's frames doesn't change after the first step.
                if step == 0 || name.contains(".decoder.") {
                    *old = new;
                }
            }
            let (token, log) = likeliest(&outputs.concat(), self.tokens.len());
            sum += log;
            if token == STOP {
                break;
            }
            written.push(token);
            last = token;
        }
        #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
        let confidence = sum / (written.len() + 1) as f32;
        Ok((self.text(&written), confidence))
    }

    fn text(&self, written: &[i64]) -> String {
        let token = |number: &i64| usize::try_from(*number).ok().and_then(|at| self.tokens.get(at));
        let bytes: Vec<u8> = written.iter().filter_map(token).flatten().copied().collect();
        String::from_utf8_lossy(&bytes).replace(SPACE, " ").trim().to_owned()
    }
}

/// The last row's likeliest token, and the logarithm of how likely it is.
fn likeliest(logits: &[f32], tokens: usize) -> (i64, f32) {
    let row = &logits[logits.len().saturating_sub(tokens.max(1))..];
    let best =
        (0_i64..).zip(row).fold((STOP, f32::MIN), |best, (i, v)| if *v > best.1 { (i, *v) } else { best });
    let sum: f32 = row.iter().map(|v| (v - best.1).exp()).sum();
    (best.0, -sum.ln())
}

/// A list of byte strings, each behind its length: one byte, or from 128 on two.
fn tokens(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    while let Some((&first, after)) = rest.split_first() {
        let (length, after) = if first < 128 {
            (usize::from(first), after)
        } else {
            let (&second, after) = after.split_first()?;
            (usize::from(second) * 128 + usize::from(first) - 128, after)
        };
        let (token, after) = after.split_at_checked(length)?;
        all.push(token.to_vec());
        rest = after;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_lengths_of_one_or_two_bytes() {
        let long = [&[128, 1], vec![b'x'; 128].as_slice()].concat();
        let all = tokens(&[&[2, b'h', b'i', 0], long.as_slice()].concat()).unwrap();
        assert_eq!(all, [b"hi".to_vec(), Vec::new(), vec![b'x'; 128]]);
        assert_eq!(tokens(&[3, b'a']), None);
        assert_eq!(tokens(&[200]), None);
    }

    #[test]
    fn broken_packets_are_silence_and_no_panic() {
        let packets: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; usize::from(n) % 40]).collect();
        let timed = packets.iter().enumerate().map(|(n, packet)| (n * RATE / 50, packet.as_slice()));
        let samples = decode(timed).unwrap();
        assert!(samples.len() <= RATE * MAX_SECONDS);
    }
}
