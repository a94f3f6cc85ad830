//! Ten minutes of what is no speech, a minute of each kind, the same every time: nothing, hiss, hum, whistling, a flute, a piano,
//! strings, drums, a band, and a choir that sings vowels without words.

use std::f32::consts::TAU;

use visavis_workers::listen::RATE;

const MINUTE: usize = 60 * RATE;
/// A quarter note.
const BEAT: usize = RATE * 6 / 10;
/// Semitones above a low A: four chords, and a tune over them.
const CHORDS: [[i32; 3]; 4] = [[12, 15, 19], [8, 12, 15], [15, 19, 22], [10, 14, 17]];
const TUNE: [i32; 16] = [24, 27, 31, 27, 32, 31, 27, 24, 27, 31, 34, 31, 29, 26, 22, 26];

/// What each minute is, and its samples.
pub fn ten_minutes() -> impl Iterator<Item = (&'static str, Vec<f32>)> {
    type Kind = fn(usize, f32) -> f32;
    const KINDS: [(&str, Kind); 10] = [
        ("silence", |_, _| 0.0),
        ("hiss", |at, _| noise(at) * 0.02),
        ("hum", |_, t| 0.1 * sine(50.0, t) + 0.05 * sine(150.0, t)),
        ("whistling", |at, t| 0.3 * sine(pitch(tune(at) + 24) * (1.0 + 0.01 * sine(5.0, t)), t) * swell(at)),
        ("flute", |at, t| 0.3 * swell(at) * harmonics(pitch(tune(at)), t, &[1.0, 0.4, 0.15, 0.05])),
        ("piano", |at, t| {
            0.4 * fade(at) * harmonics(pitch(tune(at)), t, &[1.0, 0.6, 0.4, 0.3, 0.2])
                + chord(at, t) * fade(at)
        }),
        ("strings", |at, t| chord(at, t + 0.000_5 * sine(6.0, t))),
        ("drums", drums),
        ("band", |at, t| {
            0.5 * drums(at, t)
                + 0.5 * chord(at, t)
                + 0.2 * harmonics(pitch(CHORDS[bar(at)][0] - 12), t, &[1.0, 0.5])
                + 0.2 * swell(at) * harmonics(pitch(tune(at)), t, &[1.0, 0.4, 0.2])
        }),
        ("choir", choir),
    ];
    #[expect(clippy::cast_precision_loss, reason = "a minute")]
    let minute = |kind: Kind| (0..MINUTE).map(|at| kind(at, at as f32 / RATE as f32)).collect();
    KINDS.into_iter().map(move |(what, kind)| (what, minute(kind)))
}

fn sine(pitch: f32, t: f32) -> f32 {
    (t * pitch % 1.0 * TAU).sin()
}

#[expect(clippy::cast_precision_loss, reason = "semitones")]
fn pitch(semitones: i32) -> f32 {
    110.0 * (semitones as f32 / 12.0).exp2()
}

fn harmonics(pitch: f32, t: f32, parts: &[f32]) -> f32 {
    (1_u8..).zip(parts).map(|(n, part)| part * sine(pitch * f32::from(n), t)).sum::<f32>() / 2.0
}

fn bar(at: usize) -> usize {
    at / (4 * BEAT) % CHORDS.len()
}

fn tune(at: usize) -> i32 {
    TUNE[at / BEAT % TUNE.len()]
}

fn chord(at: usize, t: f32) -> f32 {
    CHORDS[bar(at)].iter().map(|note| harmonics(pitch(*note), t, &[0.3, 0.2, 0.15, 0.1, 0.07])).sum::<f32>()
        * 0.4
}

/// How far a beat has come.
#[expect(clippy::cast_precision_loss, reason = "a beat")]
fn part(at: usize, of: usize) -> f32 {
    (at % of) as f32 / of as f32
}

fn swell(at: usize) -> f32 {
    (part(at, BEAT) * TAU / 2.0).sin().max(0.0).sqrt()
}

fn fade(at: usize) -> f32 {
    (-4.0 * part(at, BEAT)).exp()
}

fn noise(at: usize) -> f32 {
    let mixed = u32::try_from(at).unwrap_or_default().wrapping_mul(2_654_435_769);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519);
    f32::from(u16::try_from((mixed ^ (mixed >> 13)) >> 16).unwrap_or_default()) / 32_768.0 - 1.0
}

fn drums(at: usize, t: f32) -> f32 {
    let kick = sine(60.0, t) * (-12.0 * part(at, 2 * BEAT)).exp();
    let snare = noise(at) * (-14.0 * part(at + BEAT, 2 * BEAT)).exp();
    let hat = noise(at) * (-20.0 * part(at, BEAT / 2)).exp();
    0.6 * kick + 0.3 * snare + 0.1 * hat
}

/// Three voices on a vowel: harmonics that are louder near what a mouth makes of an *a* or an *o*.
fn choir(at: usize, t: f32) -> f32 {
    let formants = if bar(at).is_multiple_of(2) { [700.0, 1_200.0] } else { [450.0, 800.0] };
    let t = t + 0.000_4 * sine(5.5, t);
    let voice = |note: &i32| {
        let base = pitch(*note);
        let loud =
            |pitch: f32| formants.iter().map(|f| (-((pitch - f) / 150.0_f32).powi(2)).exp()).sum::<f32>();
        (1_u8..12)
            .map(|n| base * f32::from(n))
            .map(|pitch| (0.05 + loud(pitch)) * sine(pitch, t))
            .sum::<f32>()
    };
    CHORDS[bar(at)].iter().map(voice).sum::<f32>() * 0.12
}
