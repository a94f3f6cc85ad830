//! Text that people write and others read: names, chat, words about oneself. Normalised (NFC) so that equal text is equal
//! bytes, bounded in what a reader perceives (graphemes), and free of characters that hide, reorder or imitate.

mod contact;
mod joins;
mod lists;
mod official;
mod seen;

pub use contact::Contact;

use rustrict::{CensorStr as _, Type};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Code, Fault};

/// The longest display name, in graphemes: fits a tile of a phone in one line.
pub const MAX_NAME: usize = 32;
/// The longest text about oneself, in graphemes.
pub const MAX_BIO: usize = 500;
/// The longest chat message, in characters (protocol section 3).
pub const MAX_CHAT: usize = 2_000;
/// Why something is done that is written down, in graphemes.
const MIN_REASON: usize = 3;
const MAX_REASON: usize = 200;
/// The longest interest, in graphemes.
pub const MAX_INTEREST: usize = 24;
/// Bytes per grapheme on average that a text may have: room for any script and for emoji sequences, none for towers of
/// combining marks.
const BYTES_PER_GRAPHEME: usize = 8;

/// A symbol without a dot: a name of those looks like none.
const BLANK_BRAILLE: char = '\u{2800}';

/// A name that others see. Compatibility forms (full-width, circled, mathematical) become the letters that they stand for, and
/// no word mixes alphabets: two names that look the same are the same. A name of whoever runs this place is nobody's.
pub fn display_name(text: &str) -> Result<String, Fault> {
    let name = line("displayName", &text.nfkc().collect::<String>(), MAX_NAME)?;
    if !name.chars().any(char::is_alphanumeric) {
        return Err(Fault::field("displayName", "must hold a letter or a digit"));
    }
    if name.split(|c: char| !c.is_alphanumeric()).any(mixes_alphabets) {
        return Err(Fault::field("displayName", "must not mix alphabets in one word"));
    }
    if official::is_taken(&name) {
        return Err(Fault::field(
            "displayName",
            "must not look like a name of the people who run this place",
        ));
    }
    leads_nowhere("displayName", &name)?;
    is_decent("displayName", &name)?;
    Ok(name)
}

/// What strangers read without having asked for it holds no way to be reached elsewhere.
fn leads_nowhere(field: &str, text: &str) -> Result<(), Fault> {
    contact::find(text)
        .map_or(Ok(()), |contact| Err(Fault::field(field, format!("must not hold {}", contact.name()))))
}

/// What everybody sees holds none of the worst words (the list of `rustrict`, its gravest class alone: below it are words that
/// people use of themselves).
fn is_decent(field: &str, text: &str) -> Result<(), Fault> {
    let worst = (Type::PROFANE | Type::OFFENSIVE | Type::SEXUAL | Type::MEAN) & Type::SEVERE;
    if without_numbers(&lookalikes(text)).as_str().is(worst) {
        return Err(Fault::field(field, "must not hold words that hurt people"));
    }
    Ok(())
}

/// Digits may stand for letters; but a number between words stands for itself, and no year or postal code is a word. Single ones among
/// single letters are a word that is spelled.
fn without_numbers(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_lone = |i: usize| words.get(i).is_some_and(|word| word.chars().count() == 1);
    let is_number = |i: usize, word: &str| {
        let digits = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        all && (digits.len() > 1 || !(is_lone(i + 1) || i.checked_sub(1).is_some_and(is_lone)))
    };
    let kept = words.iter().enumerate().filter(|(i, word)| !is_number(*i, word));
    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

/// A text in small letters with the letters that it looks like: compatibility forms, those of other alphabets in the place of Latin
/// ones, small capitals; without marks on them and what isn't seen.
pub fn lookalikes(text: &str) -> String {
    seen::letters(text)
}

/// Why somebody does something that is written down: what can be read later.
pub fn reason(field: &str, text: &str) -> Result<String, Fault> {
    let reason = line(field, text, MAX_REASON)?;
    if reason.chars().filter(|c| c.is_alphanumeric()).count() < MIN_REASON {
        let words = format!("must be {MIN_REASON} to {MAX_REASON} characters: it is written down");
        return Err(Fault::field(field, words));
    }
    Ok(reason)
}

/// Letters of two of the alphabets whose letters look alike: Latin, Greek, Cyrillic, Armenian, Cherokee, Canadian syllabics,
/// Coptic, Lisu.
fn mixes_alphabets(word: &str) -> bool {
    let alphabet = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{2AF}' | '\u{1D00}'..='\u{1D25}' | '\u{1E00}'..='\u{1EFF}' => {
            Some(0)
        }
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some(1),
        '\u{400}'..='\u{52F}' => Some(2),
        '\u{530}'..='\u{58F}' => Some(3),
        '\u{13A0}'..='\u{13FF}' | '\u{AB70}'..='\u{ABBF}' => Some(4),
        '\u{1400}'..='\u{167F}' => Some(5),
        '\u{2C80}'..='\u{2CFF}' => Some(6),
        '\u{A4D0}'..='\u{A4FF}' => Some(7),
        _ => None,
    };
    let mut known = word.chars().filter(|c| c.is_alphabetic()).filter_map(alphabet);
    let first = known.next();
    known.any(|other| Some(other) != first)
}

/// What a room is called.
pub fn room_name(text: &str) -> Result<String, Fault> {
    let name = line("name", text, MAX_NAME)?;
    is_decent("name", &name)?;
    Ok(name)
}

/// A few words about oneself; line breaks are kept, an empty text is fine.
pub fn bio(text: &str) -> Result<String, Fault> {
    let text: String = text.trim().replace("\r\n", "\n").nfc().collect();
    check("bio", &text, MAX_BIO, true)?;
    is_decent("bio", &text)?;
    Ok(text)
}

/// A chat message, and what in it leads away from here: whoever reads it decides whether to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What it holds, if its writer wanted it sent all the same.
    pub held: Option<Contact>,
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self { text, held: None }
    }
}

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A chat message: what cannot be seen is taken out; what would lead away from here (a link, an address, a number, a name
/// elsewhere) is `held-back` with the reason, or, if it is to be sent `anyway`, goes covered.
pub fn written(text: &str, anyway: bool) -> Result<Written, Fault> {
    let text = message(text)?;
    let held = contact::find(&text);
    if let Some(contact) = held.filter(|_| !anyway) {
        let name = contact.name();
        let reason =
            format!("This was not sent: it seems to hold {name}, and between strangers those are held back.");
        return Err(Fault::new(Code::HeldBack, reason));
    }
    Ok(Written { text, held })
}

/// The same of one that isn't sent covered.
pub fn chat(text: &str) -> Result<String, Fault> {
    written(text, false).map(|written| written.text)
}

/// A message of visible characters, whoever reads it.
fn message(text: &str) -> Result<String, Fault> {
    // Taken out before composing and trimming: what stood between two characters kept them apart.
    let seen = text.replace("\r\n", "\n");
    let text: String = seen.chars().filter(|c| !is_hidden(*c, true)).nfc().collect();
    let text = joins::without_towers(&text);
    let text = text.trim().to_owned();
    let chars = text.chars().count();
    if chars == 0 || chars > MAX_CHAT {
        return Err(Fault::field("text", format!("must have 1 to {MAX_CHAT} characters")));
    }
    Ok(text)
}

/// One interest: a lower-case word or a few. Strangers read those that both have.
pub fn interest(text: &str) -> Result<String, Fault> {
    let interest = line("interests", &text.to_lowercase(), MAX_INTEREST)?;
    leads_nowhere("interests", &interest)?;
    is_decent("interests", &interest)?;
    Ok(interest)
}

/// A language: the primary subtag of BCP 47 (ISO 639), lower-case; `de-AT` counts as `de`.
pub fn language(text: &str) -> Result<String, Fault> {
    let primary = text.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let known = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    if known && text.len() <= 35 {
        Ok(primary)
    } else {
        Err(Fault::field("languages", "must be language tags such as en or pt-BR"))
    }
}

/// A country: ISO 3166-1 alpha-2, upper-case.
pub fn country(text: &str) -> Result<String, Fault> {
    let code = text.trim().to_ascii_uppercase();
    if code.len() == 2 && lists::COUNTRIES.split(' ').any(|known| known == code) {
        Ok(code)
    } else {
        Err(Fault::field("country", "must be a two-letter country code such as DE"))
    }
}

/// A first display name: two friendly words and nothing of the person.
pub fn random_name(bits: u64) -> String {
    let pick = |words: &'static str, at: u64| {
        let count = words.split(' ').count() as u64;
        let at = usize::try_from(at % count).unwrap_or(0);
        words.split(' ').nth(at).unwrap_or_default()
    };
    format!("{} {}", pick(lists::ADJECTIVES, bits & 0xFFFF_FFFF), pick(lists::NOUNS, bits >> 32))
}

/// A text in one line: white space becomes single spaces.
fn line(field: &str, text: &str, most: usize) -> Result<String, Fault> {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if line.is_empty() {
        return Err(Fault::field(field, "must not be empty"));
    }
    check(field, &line, most, false)?;
    Ok(line)
}

fn check(field: &str, text: &str, most: usize, breaks: bool) -> Result<(), Fault> {
    if text.len() > most * BYTES_PER_GRAPHEME || text.graphemes(true).count() > most {
        return Err(Fault::field(field, format!("must have at most {most} characters")));
    }
    let hidden = |c| is_hidden(c, breaks) || c == BLANK_BRAILLE || (!breaks && is_format(c));
    if text.chars().any(hidden) || !joins::are_in_place(text) {
        return Err(Fault::field(field, "must not hold invisible characters"));
    }
    if joins::has_tower(text) {
        return Err(Fault::field(field, "must not pile up marks on a letter"));
    }
    Ok(())
}

/// Characters that aren't seen or that change what is seen around them: what Unicode calls default ignorable, and more.
/// Joiners and the two selectors of emoji and text style stay: scripts and emoji need them.
fn is_hidden(c: char, breaks: bool) -> bool {
    match c {
        '\n' => !breaks,
        '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' => false,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer inherent vowels, Mongolian selectors
        // and vowel separator, zero-width and directional marks, embeddings and overrides, word joiner and invisible
        // operators, isolates, variation selectors, byte order mark, interlinear annotations and what stands for an
        // object, shorthand and musical controls, tags; private use, on which no two fonts agree.
        '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0D}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFC}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}'
        | '\u{E000}'..='\u{F8FF}'
        | '\u{F0000}'..='\u{10FFFD}' => true,
        c => c.is_control(),
    }
}

/// What else Unicode calls format characters: they go around or under what follows. A text may hold them, a name has no use
/// for them: Arabic and Syriac number and verse signs, Kaithi number signs, joiners of hieroglyphs.
const fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{605}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'
            | '\u{891}'
            | '\u{8E2}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{13430}'..='\u{1345F}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_one_line_of_at_most_32_visible_characters() {
        assert_eq!(display_name("  Ada \t Love\nlace ").unwrap(), "Ada Love lace");
        assert_eq!(display_name("e\u{301}va").unwrap(), "\u{e9}va");
        assert!(display_name(&"é".repeat(32)).is_ok());
        assert!(display_name(&"é".repeat(33)).is_err());
        assert!(display_name("👩‍👩‍👧 family").is_ok(), "emoji sequences hold joiners");
        for fine in ["Ada ❤️", "Ada 🏳️‍🌈", "1️⃣ Ada", "می‌خواهم", "क्‍ष", "Nguyễn", "שָׁלוֹם", "น้ำ", "👩🏽‍🚀 Ada"]
        {
            assert!(display_name(fine).is_ok(), "{fine}");
        }
        for fine in ["written 0 at 60028", "Moved here 8003, by 2003", "Room 6 at 60035, or 60 084"] {
            assert!(bio(fine).is_ok() && room_name(fine).is_ok(), "{fine}");
        }
        for hurts in ["kill all niggers", "n1gger", "n i g g e r", "n 1 g g e r", "n1gger 60028"] {
            assert!(
                display_name(hurts).is_err() && room_name(hurts).is_err() && bio(hurts).is_err(),
                "{hurts}"
            );
        }
        for fine in ["Gay Ada", "Scunthorpe", "Dick", "Black Bear"] {
            assert!(display_name(fine).is_ok(), "{fine}");
        }
        assert!(
            reason("reason", "\u{200B}\u{200B}\u{200B}").is_err()
                && reason("reason", " abc ").unwrap() == "abc"
        );
        for wrong in [
            "",
            "   ",
            "...",
            "\u{200B}",
            "a\u{202E}b",
            "a\u{0}",
            "a\u{E001}",
            "a\u{E0041}",
            "\u{3164}",
            "Ad\u{34F}a",
            "Ada\u{FE00}",
            "Ada\u{E0101}",
            "A\u{17B5}da",
            "Ada\u{200D}",
            "A\u{200D}da",
            "A\u{200C}da",
            "Ada\u{FE0F}",
            "Ada\u{FE0E} L",
            "Ada\u{2800}",
            "Z\u{30D}\u{30E}\u{304}\u{305}\u{33F}algo",
            "Ada\u{600}",
            "\u{604}Ada",
            "A\u{6DD}da",
            "Ada\u{110BD}",
            "Ada\u{13430}",
            "Ada\u{FFFC}",
        ] {
            assert!(display_name(wrong).is_err(), "{wrong:?}");
        }
        let tower = format!("a{}", "\u{301}".repeat(400));
        assert!(display_name(&tower).is_err(), "one grapheme, eight hundred bytes");
    }

    #[test]
    fn a_name_that_looks_like_another_is_the_other_or_refused_and_leads_nowhere() {
        assert_eq!(display_name("Ａｄａ Ⓛovelace").unwrap(), "Ada Lovelace");
        for imitation in ["Аda", "Adа", "Lοvelace", "xВx", "Ꭺda", "Аdɑ", "ᗅda", "Visavis Team", "ɑdmin"]
        {
            assert!(display_name(imitation).is_err(), "{imitation}");
        }
        for fine in
            ["Ада Лавлейс", "Αλίκη", "Ada Лавлейс", "José", "Łukasz", "李 Ada", "Nguyễn Ánh", "Adaさん"]
        {
            assert!(display_name(fine).is_ok(), "{fine}");
        }
        for contact in ["snap: ada_l", "example.com", "ada@example.org", "+49 170 1234567"] {
            assert!(display_name(contact).is_err(), "{contact}");
        }
    }

    #[test]
    fn a_bio_keeps_its_lines_and_may_be_empty() {
        assert_eq!(bio(" a\r\nb ").unwrap(), "a\nb");
        assert_eq!(bio("").unwrap(), "");
        assert!(bio(&"x".repeat(500)).is_ok());
        assert!(bio(&"x".repeat(501)).is_err());
        assert!(bio("a\u{202E}").is_err());
    }

    #[test]
    fn chat_loses_what_cannot_be_seen_and_is_bounded() {
        assert_eq!(chat(" hi\u{202E} there\u{200B} ").unwrap(), "hi there");
        assert_eq!(chat("a\nb").unwrap(), "a\nb");
        assert_eq!(
            chat(&format!("Z{}a", "\u{30D}".repeat(50))).unwrap(),
            format!("Z{}a", "\u{30D}".repeat(4))
        );
        assert!(chat("\u{200B} ").is_err());
        assert!(chat("").is_err());
        assert!(chat(&"é".repeat(2_000)).is_ok());
        assert!(chat(&"é".repeat(2_001)).is_err());
    }

    #[test]
    fn a_way_to_be_reached_elsewhere_is_held_back_with_the_reason() {
        for (text, what) in [
            ("https://example.com/me", "a link"),
            ("ada@example.org", "an e-mail address"),
            ("+49 170 1234567", "a phone number"),
            ("snap: ada_l", "a name on another service"),
            ("exa\u{200B}mple.c\u{2060}om", "a link"),
            ("exa\u{34F}mple.c\u{E0100}om", "a link"),
            ("exa\u{FE0E}mple.c\u{FE01}om", "a link"),
        ] {
            let fault = chat(text).unwrap_err();
            assert_eq!(fault.code, Code::HeldBack, "{text}");
            assert!(fault.detail.contains(what) && !fault.detail.contains(text), "{}", fault.detail);
        }
        assert!(chat("Nice to meet you!").is_ok());
        assert_eq!(written("Nice to meet you!", true).unwrap(), "Nice to meet you!".into());
        let covered = written("see example.com", true).unwrap();
        assert_eq!((covered.text.as_str(), covered.held), ("see example.com", Some(Contact::Link)));
        assert!(written("", true).is_err());
    }

    #[test]
    fn what_is_taken_out_leaves_composed_text_behind() {
        assert_eq!(chat("e\u{200B}\u{301}").unwrap(), "\u{e9}");
        assert_eq!(chat("\u{200B} a \u{2060}\n").unwrap(), "a");
    }

    #[test]
    fn interests_languages_and_countries_have_one_form() {
        assert_eq!(interest("  Board   GAMES ").unwrap(), "board games");
        for wrong in ["x".repeat(25), "t.me/eve99".to_owned(), "snap: eve".to_owned(), "fаggot".to_owned()] {
            assert!(interest(&wrong).is_err(), "{wrong}");
        }
        for fine in
            ["c++", "node.js", "sci-fi", "cars & bikes", "90s music", "gay rights", "breast cancer support"]
        {
            assert_eq!(interest(fine).unwrap(), fine);
        }
        assert_eq!(language(" de-AT ").unwrap(), "de");
        assert_eq!(language("FIL").unwrap(), "fil");
        for wrong in ["", "e", "english", "e1", "日本"] {
            assert!(language(wrong).is_err(), "{wrong}");
        }
        assert_eq!(country("de").unwrap(), "DE");
        for wrong in ["", "D", "DEU", "XX", "UK", "D "] {
            assert!(country(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_lists_are_whole_and_hold_no_word_twice() {
        for (list, least) in [(lists::COUNTRIES, 249), (lists::ADJECTIVES, 128), (lists::NOUNS, 128)] {
            let words: Vec<_> = list.split(' ').collect();
            let unique: std::collections::BTreeSet<_> = words.iter().collect();
            assert_eq!(words.len(), unique.len());
            assert!(words.len() >= least, "{} of {least}", words.len());
        }
        assert_eq!(lists::COUNTRIES.split(' ').count(), 249);
    }

    proptest! {
        #[test]
        fn every_random_name_is_a_valid_name(bits: u64) {
            let name = random_name(bits);
            prop_assert_eq!(display_name(&name).unwrap(), name);
        }

        #[test]
        fn any_chat_is_judged(text in "[a-z0-9@.:/+# \\-_\\PC]{0,200}") {
            let _ = chat(&text);
        }

        #[test]
        fn a_number_is_held_back_wherever_it_stands(
            before in "[a-z ]{0,20}", after in "[a-z ]{0,20}", number in "\\+[1-9][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{4}",
        ) {
            let text = format!("{before} {number} {after}");
            prop_assert!(chat(&text).is_err());
        }

        #[test]
        fn what_was_accepted_is_accepted_unchanged(text in "[\\PC\u{200B}\u{301}]{0,80}") {
            for check in [display_name, bio, chat, interest, language, country] {
                if let Ok(once) = check(&text) {
                    prop_assert_eq!(check(&once).unwrap(), once);
                }
            }
        }
    }
}
