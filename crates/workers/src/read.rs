//! How hostile a text is: a network that reads English words, a list of the worst ones, and phrases that the
//! network misses. Of other languages only some German phrases are known: else their score says nothing.

mod phrases;

use std::collections::HashMap;

use regex::Regex;
use rustrict::{CensorStr as _, Type};

use self::phrases::{PHRASE, Phrases};
use crate::{
    Error, Score,
    models::Models,
    net::{Net, Values},
    score,
};

/// Words that the network looks at.
const WORDS: usize = 100;
/// Of a longer text two pieces share so many.
const SHARED: usize = 20;
/// Characters of a text that are looked at: five of the longest chat messages.
const MAX_CHARS: usize = 10_000;
/// What separates words, as when the network learnt.
const SEPARATORS: &str = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n ";
/// What may stand between two words of a pattern.
const BETWEEN: &str = r"[\s.,_*+-]+";
/// Where a word begins or ends. Of ASCII, as these words are: for that of Unicode the fast engine would give way to a slow one.
const EDGE: &str = r"(?-u:\b)";
/// Said to somebody: then rude words are meant for them.
const TO_SOMEBODY: &str = r"(?x)EDGE(
    you|u|ur|your|yours|yourself|urself|youre|ya|yall|thou
  | fuck \s off | shut \s up | go \s to \s hell | go \s die | eat \s shit | suck \s my | piss \s off | screw \s off | get \s (lost|off|out) | kys
)EDGE";
/// What people are called: said without a word of oneself or of a thing beside it, it is said to somebody as well.
const CALLED: &str = "idiot|moron|bitch|whore|slut|bastard|asshole|arsehole|cunt|loser|retard|cow|pig|scum|twat|dickhead|\
    dumbass|jerk|creep|freak|ugly|pathetic|piece of shit";
const OF_SOMETHING_ELSE: &str = "i|i'm|im|me|my|myself|mine|we|our|this|that|it|the";
/// Rude words that are said to nobody come to no more than this: below any threshold of the rules that come along.
const AT_NOBODY: Score = 500;

/// What people are. The network learnt that texts with such words are toxic, because so many about them were: it gives
/// "I'm gay and I live in Berlin" 0.72. It reads without them; who hates or threatens them says so in other words.
const PEOPLE: &str = "gay|lesbian|bisexual|homosexual|hetero|heterosexual|straight|queer|trans|transgender|transsexual|\
    black|white|asian|african|arab|latino|latina|hispanic|mexican|indian|chinese|muslim|islamic|jew|jewish|christian|\
    catholic|hindu|buddhist|atheist|immigrant|refugee|disabled|deaf|blind|autistic|woman|women|girl|man|men|boy|feminist";
/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// The most of the others; what is rude and said to nobody counts for little.
    pub hostile: Score,
    /// By the network: rude, disrespectful.
    pub toxic: Score,
    /// By the network or by its words.
    pub threat: Score,
    /// By the network.
    pub insult: Score,
    /// By the network: against a group of people.
    pub hate: Score,
}

/// The network and its words.
pub struct Reader {
    net: Net,
    numbers: HashMap<String, i64>,
    skipped: Regex,
    phrases: Phrases,
    to_somebody: Regex,
    called: Regex,
    of_something_else: Regex,
    people: Regex,
}

impl Reader {
    /// Loads them.
    ///
    /// # Errors
    /// When one isn't there, or isn't what it should be.
    pub fn open(models: &Models) -> Result<Self, Error> {
        let lines = |below: &str| {
            let path = models.path(below);
            std::fs::read_to_string(&path)
                .map_err(|err| Error::Load { what: path.display().to_string(), why: err.to_string() })
        };
        let words = lines("text/tox-block.txt")?;
        let numbers = (0..).zip(words.lines()).filter(|(_, word)| !word.is_empty());
        // An ending like 's has no boundary before it.
        let boundary = |word: &str| {
            let start = if word.starts_with(char::is_alphanumeric) { EDGE } else { "" };
            format!("{start}{}{EDGE}", regex::escape(word))
        };
        let skipped: Vec<String> = lines("text/tox-block-skipped.txt")?.lines().map(boundary).collect();
        let pattern = |text: &str| {
            Regex::new(text).map_err(|err| Error::Load { what: "text/".to_owned(), why: err.to_string() })
        };
        Ok(Self {
            net: Net::open(models, "text/tox-block.onnx")?,
            numbers: numbers.map(|(number, word)| (word.to_owned(), number)).collect(),
            skipped: pattern(&skipped.join("|"))?,
            phrases: Phrases::new()?,
            to_somebody: pattern(&TO_SOMEBODY.replace(r"\s", BETWEEN).replace("EDGE", EDGE))?,
            called: pattern(&format!("{EDGE}({CALLED})s?{EDGE}"))?,
            of_something_else: pattern(&format!("{EDGE}({OF_SOMETHING_ELSE}){EDGE}"))?,
            people: pattern(&format!("{EDGE}({PEOPLE})s?{EDGE}"))?,
        })
    }

    /// Reads one text, as it is written and as it is meant.
    ///
    /// # Errors
    /// When the network fails.
    pub fn read(&mut self, text: &str) -> Result<Read, Error> {
        let text: String = text.chars().take(MAX_CHARS).collect();
        // One character may stand for many.
        let text: String =
            visavis_domain::text::lookalikes(&without_tall_i(&text)).chars().take(MAX_CHARS).collect();
        let (text, plain) = (self.phrases.meant(&text), self.phrases.meant(&self.plain(&text)));
        let (mut read, meant) = (self.score(&text)?, self.score(&plain)?);
        read.toxic = read.toxic.max(meant.toxic);
        read.threat = read.threat.max(meant.threat);
        read.insult = read.insult.max(meant.insult);
        read.hate = read.hate.max(meant.hate);
        let found = self.phrases.find(&text).or(self.phrases.find(&plain));
        let phrase = |found| if found { PHRASE } else { 0 };
        read.threat = read.threat.max(phrase(found.threat));
        read.hate = read.hate.max(phrase(found.hate));
        let mut rude = read.toxic.max(read.insult);
        if !self.is_said_to_somebody(&text) && !self.is_said_to_somebody(&plain) {
            rude = rude.min(AT_NOBODY);
        }
        (read.insult, rude) = (read.insult.max(phrase(found.insult)), rude.max(phrase(found.insult)));
        // The list also knows words of dishes and of oneself: the network must have a part in it, or somebody be spoken to.
        if text.as_str().is(Type::SEVERE) && (read.toxic.max(read.insult) >= AT_NOBODY) {
            (read.toxic, rude) = (1_000, 1_000);
        }
        read.hostile = rude.max(read.threat).max(read.hate);
        Ok(read)
    }

    fn is_said_to_somebody(&self, text: &str) -> bool {
        self.to_somebody.is_match(text)
            || (self.called.is_match(text) && !self.of_something_else.is_match(text))
    }

    /// Toxic, severely so, obscene, a threat, an insult, hate.
    fn score(&mut self, text: &str) -> Result<Read, Error> {
        let kept = self.people.replace_all(text, "");
        let kept = self.skipped.replace_all(&kept, "");
        let numbers: Vec<i64> = kept
            .split(|c: char| SEPARATORS.contains(c))
            .filter_map(|word| self.numbers.get(word).copied())
            .collect();
        // What stands behind it hides nothing: it is read piece by piece, and where two meet both have it.
        let mut read = Read::default();
        for start in (0..numbers.len()).step_by(WORDS - SHARED) {
            let piece = self.piece(&numbers[start..numbers.len().min(start + WORDS)])?;
            read.toxic = read.toxic.max(piece.toxic);
            read.threat = read.threat.max(piece.threat);
            read.insult = read.insult.max(piece.insult);
            read.hate = read.hate.max(piece.hate);
        }
        Ok(read)
    }

    fn piece(&mut self, words: &[i64]) -> Result<Read, Error> {
        let padded = std::iter::repeat_n(0, WORDS - words.len()).chain(words.iter().copied()).collect();
        let input = Values::Integers(vec![1, WORDS], padded);
        let scores = self.net.run(vec![("words", input)], &["scores"])?.concat();
        let &[toxic, _, _, threat, insult, hate] = scores.as_slice() else {
            return Err(Error::Run("its output has another shape than it should".to_owned()));
        };
        let [toxic, threat, insult, hate] = [toxic, threat, insult, hate].map(score);
        Ok(Read { hostile: 0, toxic, threat, insult, hate })
    }

    /// Without the tricks: letters that are written as digits, drawn out or one by one.
    fn plain(&self, text: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut letters = String::new();
        // Two spaces in a row end a word that is written letter by letter.
        for word in text.split(char::is_whitespace) {
            let mut chars = word.chars();
            let single = chars.next().filter(|c| chars.next().is_none() && c.is_alphabetic());
            if let Some(letter) = single.filter(|c| !matches!(c, 'i' | 'a') || !letters.is_empty()) {
                letters.push(letter);
                continue;
            }
            if !letters.is_empty() {
                words.push(std::mem::take(&mut letters));
            }
            if !word.is_empty() {
                words.push(self.usual(word));
            }
        }
        words.push(letters);
        words.join(" ")
    }

    /// A disguised word as it is usually written.
    fn usual(&self, word: &str) -> String {
        let [one, other] = [self.drawn_in(&undisguised(word, 'i')), self.drawn_in(&undisguised(word, 'l'))];
        if self.numbers.contains_key(&other) && !self.numbers.contains_key(&one) { other } else { one }
    }

    /// A drawn-out word as it is usually written, if that is known.
    fn drawn_in(&self, word: &str) -> String {
        if self.numbers.contains_key(word) {
            return word.to_owned();
        }
        let mut short = String::with_capacity(word.len());
        for c in word.chars() {
            if !short.ends_with(c) {
                short.push(c);
            }
        }
        if self.numbers.contains_key(&short) { short } else { word.to_owned() }
    }
}

/// A capital I behind a small letter is an l: nothing else is written so.
fn without_tall_i(text: &str) -> String {
    let mut small = false;
    let seen = |c: char| {
        let c = if c == 'I' && small { 'l' } else { c };
        small = c.is_lowercase();
        c
    };
    text.chars().map(seen).collect()
}

/// Digits and signs among letters are the letters that they look like; a one is either of two.
fn undisguised(word: &str, one: char) -> String {
    let core = word.trim_matches(|c: char| ",.;:?\"'()".contains(c));
    let sign = |c: char| "0134578@$!".contains(c);
    if !(core.chars().any(char::is_alphabetic) && core.chars().any(sign)) {
        return core.to_owned();
    }
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    core.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disguise_is_taken_off_and_numbers_stay_numbers() {
        assert_eq!(
            ["1d10t", "$tup1d!", "h3ll0", "2026", "(ok)"].map(|word| undisguised(word, 'i')),
            ["idiot", "stupidi", "hello", "2026", "ok"]
        );
        assert_eq!(undisguised("k1ll", 'l'), "klll");
        assert_eq!(undisguised("he1l", 'l'), "hell");
        assert_eq!(without_tall_i("I wiII kiII, IBM"), "I will kill, IBM");
    }
}
