//! The real models on what packages bring along: their scores stay what they were when they were chosen, and pictures that
//! anybody may see and voices that read aren't taken for something else.

#![expect(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "tests")]

mod bad_days;
mod music;
mod table;

use std::{fs::File, io::BufReader, path::Path};

use visavis_workers::{
    listen::{Listener, MAX_SECONDS, RATE},
    look::{Effort, Looker, NOTHING},
    models::{Models, State},
    picture::Picture,
    read::Reader,
};

fn models() -> Models {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let models = Models::open(&folder).unwrap();
    let file = models.files().iter().find(|file| file.path == "runtime/libonnxruntime.so").unwrap();
    assert_eq!(models.verify(file), State::Right, "cargo xtask models brings them");
    models
}

fn png(models: &Models, name: &str) -> Picture {
    let file = File::open(models.path(&format!("samples/{name}.png"))).unwrap();
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let rgb = match info.color_type {
        png::ColorType::Rgb => bytes,
        png::ColorType::Grayscale => bytes.iter().flat_map(|grey| [*grey; 3]).collect(),
        other => panic!("{other:?}"),
    };
    Picture { width: info.width, height: info.height, rgb }
}

/// Samples of a WAV file of 16 bits and one channel, whatever its rate: the nearest ones.
fn wav(models: &Models, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(models.path(&format!("samples/{name}.wav"))).unwrap();
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
    assert_eq!(bytes[22..24], [1, 0], "one channel");
    let data = bytes.windows(4).position(|word| word == b"data").unwrap() + 8;
    let all: Vec<f32> = bytes[data..]
        .chunks_exact(2)
        .map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0)
        .collect();
    (0..all.len() * RATE / rate).map(|at| all[at * rate / RATE]).collect()
}

/// The same noise every time.
fn noise(seconds: usize, loud: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
    };
    (0..seconds * RATE).map(|_| next() * loud).collect()
}

#[test]
fn every_file_is_what_the_manifest_says() {
    let models = models();
    for file in models.files() {
        assert_eq!(models.verify(file), State::Right, "{}", file.path);
    }
}

#[test]
fn pictures_that_anybody_may_see_are_nothing_else() {
    let models = models();
    let mut looker = Looker::open(&models).unwrap();
    for name in ["astronaut", "camera", "chelsea", "coffee", "motorcycle"] {
        let seen = looker.look(&png(&models, name), Effort::Thorough).unwrap();
        println!("{name}: {seen:?}");
        assert!(seen.nudity < 100 && seen.nudity_first < 100 && seen.weapon < 100, "{name}: {seen:?}");
        // Who isn't asked couldn't have changed what becomes of it.
        let usual = looker.look(&png(&models, name), Effort::Usual).unwrap();
        assert_eq!(usual.nudity_second.is_some(), seen.nudity_first >= NOTHING);
        assert!(usual.nudity == seen.nudity || usual.nudity.max(seen.nudity) < NOTHING, "{usual:?}");
        assert_eq!(usual.weapon, seen.weapon);
        // In four turns everything has been looked at.
        let turns =
            (0..4).map(|turn| looker.look(&png(&models, name), Effort::Hurried(turn)).unwrap().weapon);
        assert_eq!(turns.max(), Some(seen.weapon));
    }
    let black = Picture { width: 320, height: 180, rgb: vec![0; 320 * 180 * 3] };
    assert!(looker.look(&black, Effort::Thorough).unwrap().nudity < 500);
}

#[test]
fn a_voice_that_reads_is_written_down() {
    let models = models();
    let mut listener = Listener::open(&models).unwrap();
    let samples = wav(&models, "two-cities");
    let mut text = String::new();
    for piece in samples.chunks(RATE * MAX_SECONDS).take(2) {
        for said in listener.said(piece).unwrap() {
            println!(
                "{:.1} s to {:.1} s, {:.2}: {}",
                said.from as f32 / RATE as f32,
                said.until as f32 / RATE as f32,
                said.confidence,
                said.text
            );
            text = text + " " + &said.text.to_lowercase();
        }
        let heard = listener.heard(piece).unwrap();
        assert!(heard.scream < 100 && heard.shot < 100, "nobody screams or shoots: {heard:?}");
    }
    for words in ["best of times", "worst of times", "age of wisdom"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn silence_noise_and_a_tune_are_no_sentences() {
    let mut listener = Listener::open(&models()).unwrap();
    let tune: Vec<f32> = (0..RATE * 10)
        .map(|at| {
            let time = at as f32 / RATE as f32;
            let pitch = [262.0, 330.0, 392.0, 523.0][at / (RATE / 2) % 4];
            (time * pitch * std::f32::consts::TAU).sin() * 0.4
                + (time * pitch * 2.0 * std::f32::consts::TAU).sin() * 0.2
        })
        .collect();
    for piece in [vec![0.0; RATE * 10], noise(10, 0.05), noise(10, 0.5), tune] {
        assert_eq!(listener.said(&piece).unwrap(), []);
    }
}

/// As the watcher cuts it: runs of five seconds, each with the last second of the one before.
#[test]
fn ten_minutes_of_music_and_silence_are_no_text() {
    let mut listener = Listener::open(&models()).unwrap();
    let (mut minutes, mut voices, mut written) = (0, 0, Vec::new());
    for (what, minute) in music::ten_minutes() {
        minutes += minute.len() / (60 * RATE);
        for from in (0..=minute.len() - 5 * RATE).step_by(4 * RATE) {
            let run = &minute[from..from + 5 * RATE];
            voices += listener.voices(run).unwrap().len();
            written.extend(listener.said(run).unwrap().into_iter().map(|said| (what, said)));
        }
    }
    println!("{voices} pieces were taken for a voice, {} of them written down", written.len());
    assert_eq!(minutes, 10);
    assert!(written.is_empty(), "{written:#?}");
}

#[test]
fn hostile_words_score_and_kind_ones_do_not() {
    let mut reader = Reader::open(&models()).unwrap();
    let mut hostile = |text: &str| {
        let read = reader.read(text).unwrap();
        println!("{:>4} {text:?} {read:?}", read.hostile);
        read.hostile
    };
    for text in [
        "you are a stupid idiot and I hate you",
        "shut up you fucking moron",
        "i will kill you",
        "I have a gun and I know where you live",
        "you are an 1d10t, a st00pid 1d10t",
        "s t u p i d  i d i o t",
        "you stuuuuuupid idiooooot",
        "you are a stupid gay idiot",
        "I hate all muslims",
        "kill the jews",
        "they should hang all black people",
    ] {
        assert!(hostile(text) > 500, "{text}");
    }
    for text in [
        "thank you very much for the kind help",
        "what a lovely day to talk",
        "my grandmother had breast cancer last year",
        "I'm gay and I live in Berlin",
        "I am a black muslim woman",
        "we are a lesbian couple, she is deaf",
        "are you jewish? my family is catholic",
        "that joke killed me",
        "I like to shoot black and white film",
        "see you at 10 30, room 404",
        "",
        "🙂🙂🙂",
    ] {
        assert!(hostile(text) < 500, "{text}");
    }
}

/// Whoever swears at nobody harms nobody.
#[test]
fn swearing_at_nobody_is_not_hostile() {
    let mut reader = Reader::open(&models()).unwrap();
    for text in [
        "shit",
        "fuck yeah",
        "oh fuck, my bus",
        "what the fuck that is awesome",
        "damn, shit happens",
        "my ass hurts from sitting",
        "stupid me",
        "I am so stupid",
        "suck it up",
        "this movie is the shit",
        "I had a shitty day",
        "holy shit that was close",
        "that exam was fucking hard",
        "I fucking love this song",
        "fucking hell",
        "this stupid printer again",
        "my idiot dog ate it",
        "bullshit",
    ] {
        let read = reader.read(text).unwrap();
        println!("{:>4} {text:?} {read:?}", read.hostile);
        assert!(read.hostile <= 500, "{text}");
    }
    for text in [
        "fuck you",
        "fuck off",
        "stupid idiot",
        "dumb bitch",
        "you suck",
        "what an idiot",
        "eat shit",
        "kys",
        "piece of shit",
        "i.will.kill.you",
        "i will k\u{456}ll \u{443}ou",
    ] {
        let read = reader.read(text).unwrap();
        println!("{:>4} {text:?} {read:?}", read.hostile);
        assert!(read.hostile >= 900, "{text}");
    }
}
