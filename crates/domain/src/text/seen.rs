//! What a reader takes a text for: compatibility forms, letters of other alphabets, digits and signs in the place of letters, and
//! words that are written character by character.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::confusable_detection::skeleton;

/// Characters that stand alone in a row before they are taken for a word: `I 2 c u` isn't one.
const SHORTEST_SPELLED: usize = 4;

/// What a reader takes for the same: compatibility forms (full-width, circled, mathematical), case, digits of other
/// scripts, the ideographic full stop, key-cap emoji, a dollar sign before a letter.
pub(super) fn fold(text: &str) -> String {
    let seen = |c: &char| {
        !is_combining_mark(*c) && !matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{20E3}')
    };
    let dot = |c: char| if c == '。' { '.' } else { c };
    let mut all = text.nfkc().filter(seen).flat_map(char::to_lowercase).map(digit).map(dot).peekable();
    let mut folded = String::with_capacity(text.len());
    while let Some(c) = all.next() {
        let is_letter = c == '$' && all.peek().is_some_and(|next| next.is_alphabetic());
        folded.push(if is_letter { 's' } else { c });
    }
    folded
}

/// Small capitals, which the skeleton of UTS #39 keeps apart from letters, and what is written in their place.
const SMALL_CAPITALS: &str = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz";

/// What a reader of Latin takes it for, in small letters: nothing of it is a joiner, a mark, or a letter that only looks like one.
pub(super) fn letters(text: &str) -> String {
    let seen = |c: &char| {
        !is_combining_mark(*c)
            && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{AD}' | '\u{FEFF}')
    };
    text.nfkd().filter(seen).map(like_latin).flat_map(char::to_lowercase).collect()
}

fn like_latin(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let mut pairs = SMALL_CAPITALS.chars();
    while let (Some(small), Some(plain)) = (pairs.next(), pairs.next()) {
        if small == c {
            return plain;
        }
    }
    // In its own case first: what looks alike in capitals may not in small letters.
    let lower = c.to_lowercase().next().unwrap_or(c);
    [c, lower].into_iter().find_map(ascii_of).unwrap_or(c)
}

/// The letter that the skeleton of UTS #39 has for it, if that is one of ASCII.
fn ascii_of(c: char) -> Option<char> {
    let mut buffer = [0; 4];
    let mut skeleton = skeleton(c.encode_utf8(&mut buffer));
    skeleton.next().filter(|like| like.is_ascii_alphabetic() && skeleton.next().is_none())
}

/// The same with what is written character by character (`e v i l . c o m`) as words, if there is any.
pub(super) fn together(text: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut run, mut found) = (Vec::new(), false);
    for word in text.split_whitespace().chain([""]) {
        let mut chars = word.chars();
        if chars.next().is_some_and(|c| c.is_alphabetic() || ".@_".contains(c)) && chars.next().is_none() {
            run.push(word);
            continue;
        }
        let is_spelled = run.len() >= SHORTEST_SPELLED;
        found |= is_spelled;
        if is_spelled {
            words.push(run.concat());
        } else {
            words.extend(run.iter().map(|one| (*one).to_owned()));
        }
        run.clear();
        words.push(word.to_owned());
    }
    found.then(|| words.join(" "))
}

/// The ASCII digit for a decimal digit of any script of Unicode's basic plane (general category Nd); the others are
/// compatibility forms.
fn digit(c: char) -> char {
    const ZEROS: [u32; 35] = [
        0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50,
        0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
        0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    ];
    let value = |zero: &u32| u32::from(c).checked_sub(*zero).filter(|value| *value < 10);
    ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

/// A word with the Cyrillic and Greek letters that look like Latin ones as those: behind a Latin name they imitate an ending.
pub(super) fn latin(word: &str) -> String {
    const ALIKE: [(char, char); 16] = [
        ('а', 'a'),
        ('с', 'c'),
        ('е', 'e'),
        ('о', 'o'),
        ('р', 'p'),
        ('х', 'x'),
        ('у', 'y'),
        ('і', 'i'),
        ('ѕ', 's'),
        ('ј', 'j'),
        ('м', 'm'),
        ('т', 't'),
        ('к', 'k'),
        ('ο', 'o'),
        ('ν', 'v'),
        ('ρ', 'p'),
    ];
    word.chars().map(|c| ALIKE.iter().find(|(other, _)| *other == c).map_or(c, |(_, latin)| *latin)).collect()
}

/// A word without the letters of other alphabets and the digits that stand for some of its own.
pub(super) fn undisguised(word: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    latin(word).chars().map(letter).collect()
}
