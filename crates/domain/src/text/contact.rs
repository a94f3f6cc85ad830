//! Ways to be reached elsewhere: links, e-mail addresses, phone numbers, handles, also where they are thinly disguised
//! (`example dot com`, full-width letters, digits in words). Between strangers they are held back, since that is how
//! people are lured away from where somebody could help them. It must cost no more for a hostile text than for another
//! (one pass a rule), and must leave ordinary talk alone: dates, prices, scores, `gg`, a forgotten space after a full
//! stop. It can't stop two who are determined, and doesn't try.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seen::{fold, latin, together, undisguised};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// A link.
    Link,
    /// An address for mail.
    Email,
    /// A telephone number.
    Phone,
    /// A name on another service.
    Handle,
}

impl Contact {
    /// In words, as the object of a sentence.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Link => "a link",
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Handle => "a name on another service",
        }
    }
}

/// Digits from which on a number can be dialled: the shortest local numbers have seven.
const PHONE_DIGITS: usize = 7;
/// Letters of the shortest handle: two are mostly `@ 5` and the like.
const SHORTEST_HANDLE: usize = 3;

/// Endings that make `word.ending` a link: not a word with which a sentence begins.
const ENDINGS: &str = "com net org edu gov io xyz biz dev info ru su uk de eu jp cn kr br pl cz dk fi ch hu gr \
    ua au nz рф";
/// Endings that are words too (`great.me too`, `close one.gg`): a link only with a path behind.
const WORDY_ENDINGS: &str = "me gg tv ly be am is it in to at so us my no as la cc co ai app link live chat cam club \
    page site online shop store top pro fun one world es fr nl se pt ca ro rs sh st fm im li ws bio";
/// What stands for a dot in words.
const DOTS: &str = "dot d0t punkt";
/// Also, but only in brackets: in their languages they are words that come before `de` and `com`.
const BRACKETED_DOTS: &str = "dot d0t punkt punto ponto point";
/// Before `dot com`: then it is talk about such companies.
const ARTICLES: &str = "a an the this that of every";
const MAIL_PROVIDERS: &str = "gmail googlemail hotmail icloud gmx protonmail yahoo outlook proton aol";
/// Providers that nobody works *at*.
const PLAIN_PROVIDERS: &str = "gmail googlemail hotmail icloud gmx protonmail";
const SERVICES: &str = "snap snapchat sc insta instagram ig telegram tg kik discord whatsapp skype tiktok facebook fb \
    twitter onlyfans wechat viber vk reddit steam roblox";
/// Between a service and the name there.
const FILLERS: &str = "name user username handle id account tag nick nickname is s me at";
/// After `my snap is` or `insta:`, but no name there.
const NO_NAMES: &str = "the that this these those its not now mine your his her our their very really too full dead \
    down broken gone private public boring empty old new better great good bad banned deleted hacked blocked slow just \
    only always still mostly for because where what how who when why you and but yes all also like more never \
    nothing lol haha lmao okay";
/// After `@`, but no handle.
const NO_HANDLES: &str = "home work school night noon lunch all you the least everyone here";
const NUMBERS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// The first way to be reached elsewhere that `text` holds.
pub(super) fn find(text: &str) -> Option<Contact> {
    let text = fold(text);
    let together = together(&text);
    found_in(&text).or_else(|| together.and_then(|text| found_in(&text)))
}

fn found_in(text: &str) -> Option<Contact> {
    let words = words(text);
    (0..words.len())
        .find_map(|i| {
            let rest = Around { words: &words, at: i };
            email(rest).or_else(|| link(rest)).or_else(|| handle(rest))
        })
        .or_else(|| (has_phone(text) || has_spoken_phone(&words)).then_some(Contact::Phone))
}

/// A word and what stands before it.
#[derive(Debug, Clone, Copy)]
struct Word<'t> {
    gap: &'t str,
    text: &'t str,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (gap, tail) = rest.split_at(start);
        let (text, tail) = tail.split_at(tail.find(|c| !is_word(c)).unwrap_or(tail.len()));
        words.push(Word { gap, text });
        rest = tail;
    }
    words
}

/// The words, seen from one of them. Beyond the ends there is nothing, which is no word of any list.
#[derive(Clone, Copy)]
struct Around<'t> {
    words: &'t [Word<'t>],
    at: usize,
}

impl<'t> Around<'t> {
    fn word(self, ahead: usize) -> &'t str {
        self.words.get(self.at + ahead).map_or("", |word| word.text)
    }

    fn gap(self, ahead: usize) -> &'t str {
        self.words.get(self.at + ahead).map_or("", |word| word.gap)
    }

    fn before(self) -> &'t str {
        self.at.checked_sub(1).and_then(|i| self.words.get(i)).map_or("", |word| word.text)
    }
}

fn among(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split_ascii_whitespace().any(|known| known == word)
}

fn is_bracketed(gap: &str) -> bool {
    gap.trim_end().ends_with(['(', '[', '{', '<'])
}

/// `ada@example.org`, `ada@gmail`, `ada (at) gmail`, `ada at gmail`.
fn email(w: Around<'_>) -> Option<Contact> {
    let provider = w.word(1);
    let direct = w.gap(1) == "@" && (w.gap(2) == "." || among(MAIL_PROVIDERS, provider));
    let spelled = w.word(1) == "at"
        && (among(PLAIN_PROVIDERS, w.word(2))
            || (is_bracketed(w.gap(1)) && among(MAIL_PROVIDERS, w.word(2))));
    let bare = among(PLAIN_PROVIDERS, w.word(0)) && w.gap(1) == " " && w.word(1) == "com";
    (direct || spelled || bare).then_some(Contact::Email)
}

fn link(w: Around<'_>) -> Option<Contact> {
    let scheme = w.gap(1).starts_with("://");
    let www = w.word(0) == "www" && !w.word(1).is_empty();
    let latin = latin(w.word(1));
    let ending = if w.word(0).is_ascii() { latin.as_str() } else { w.word(1) };
    let path = w.gap(2).starts_with('/');
    let plain = w.gap(1) == "." && (among(ENDINGS, ending) || (path && among(WORDY_ENDINGS, ending)));
    // Not with the space behind the dot: that is the end of a sentence ("Tudo bem. com você?").
    let loose = matches!(w.gap(1), " ." | " . " | ",") && matches!(ending, "com" | "org");
    let (dot, ending) = (w.word(1), w.word(2));
    let worded = among(DOTS, dot) && among(ENDINGS, ending) && !among(ARTICLES, w.word(0));
    let bracketed = among(BRACKETED_DOTS, dot)
        && is_bracketed(w.gap(1))
        && (among(ENDINGS, ending) || among(WORDY_ENDINGS, ending));
    let slash = |ahead| w.gap(ahead).trim_start().starts_with('/') || w.word(ahead) == "slash";
    let spelled = (w.word(0) == "t" && w.word(1) == "me" && slash(2))
        || (among(DOTS, dot) && among(WORDY_ENDINGS, w.word(2)) && slash(3));
    let signed = matches!(w.gap(1).trim(), "[.]" | "(.)" | "{.}") && among(ENDINGS, w.word(1));
    (scheme || www || plain || loose || worded || bracketed || spelled || signed).then_some(Contact::Link)
}

fn handle(w: Around<'_>) -> Option<Contact> {
    let (word, gap) = (w.word(0), w.gap(0));
    let is_name = word.chars().count() >= SHORTEST_HANDLE && word.chars().any(char::is_alphabetic);
    let mention = gap.ends_with('@')
        && (w.at == 0 || gap.len() > 1 || is_handle_like(word))
        && is_name
        && !among(NO_HANDLES, word);
    // `ada#1234`
    let number = w.word(1);
    let tag = w.gap(1) == "#" && number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) && is_name;
    (mention || tag || (among(SERVICES, &undisguised(word)) && names_somebody(w))).then_some(Contact::Handle)
}

/// From a service's name on: `snap: ada`, `my snap is ada`, `snap ada_99`.
fn names_somebody(w: Around<'_>) -> bool {
    let mine = w.before() == "my";
    let (mut pointed, mut said) = (false, false);
    for ahead in 1..=4 {
        let (gap, word) = (w.gap(ahead).trim(), w.word(ahead));
        pointed |= matches!(gap, ":" | "=" | ":@" | "->" | "=>" | "-->" | ": @");
        let plain =
            pointed || gap.chars().all(|c| matches!(c, '-' | '–' | '\'' | '’' | '"' | '@' | '(' | ','));
        if !plain || word.is_empty() {
            return false;
        }
        if among(FILLERS, word) {
            said |= word == "is" || word == "s";
            continue;
        }
        let told = pointed || (mine && said);
        return is_handle_like(word)
            || (told && word.chars().count() >= SHORTEST_HANDLE && !among(NO_NAMES, word));
    }
    false
}

/// Not a word of any language: an underline inside, or letters and then digits.
fn is_handle_like(word: &str) -> bool {
    let letters = word.chars().any(char::is_alphabetic);
    let underlined = word.trim_matches('_').contains('_');
    let numbered = word.starts_with(char::is_alphabetic)
        && word.len() >= 4
        && word.ends_with(|c: char| c.is_ascii_digit());
    letters && (underlined || numbered)
}

/// A run of digits with what people put between them.
fn has_phone(text: &str) -> bool {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, tail) = rest.split_at(start);
        let (digits, tail) = tail.split_at(tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len()));
        rest = tail;
        let joins = gap.chars().count() <= 3 && gap.chars().all(|c| " -.()/–—_*:|~·•".contains(c));
        if !joins && is_phone(&std::mem::take(&mut groups)) {
            return true;
        }
        groups.push(Group { gap, digits });
    }
    is_phone(&groups)
}

#[derive(Debug, Clone, Copy)]
struct Group<'t> {
    /// What stands before; of the first group whatever precedes the run.
    gap: &'t str,
    digits: &'t str,
}

impl Group<'_> {
    /// Its value; too long ones are no date, count or time.
    fn value(self) -> u32 {
        self.digits.parse().unwrap_or(u32::MAX)
    }

    fn is_year(self) -> bool {
        self.digits.len() == 4 && (1900..2100).contains(&self.value())
    }
}

fn is_phone(groups: &[Group<'_>]) -> bool {
    let count = |groups: &[Group<'_>]| groups.iter().map(|group| group.digits.len()).sum::<usize>();
    let Some(first) = groups.first() else { return false };
    if count(groups) < PHONE_DIGITS {
        return false;
    }
    if first.gap.trim_end_matches('(').ends_with('+') {
        return true;
    }
    let mut kept = Vec::new();
    let mut rest = groups;
    while let [group, tail @ ..] = rest {
        if is_date(rest) {
            rest = &rest[3..];
        } else {
            kept.push(*group);
            rest = tail;
        }
    }
    let innocent = kept.iter().all(|group| group.is_year())
        || is_count(&kept)
        || is_amount(&kept)
        || is_times(&kept)
        || is_laughter(&kept);
    count(&kept) >= PHONE_DIGITS && !innocent
}

/// `23.11.2026`, `11/23/2026`, `2026-11-23`, at the head of `groups`.
fn is_date(groups: &[Group<'_>]) -> bool {
    let [a, b, c, ..] = groups else { return false };
    let same = b.gap == c.gap && matches!(b.gap, "." | "-" | "/" | ". ");
    let pair = |a: &Group<'_>, b: &Group<'_>| {
        let (a, b) = (a.value(), b.value());
        (1..=31).contains(&a) && (1..=31).contains(&b) && (a <= 12 || b <= 12)
    };
    same && ((a.is_year() && pair(b, c)) || (c.is_year() && pair(a, b)))
}

/// `1 2 3 4 5 6 7`, or backwards.
fn is_count(groups: &[Group<'_>]) -> bool {
    let steps =
        |by: i64| groups.windows(2).all(|two| i64::from(two[0].value()) + by == i64::from(two[1].value()));
    groups.len() > 2 && (steps(1) || steps(-1))
}

/// `10 000 000`, `1.234.567`, `10000000`, `3.14159265`.
fn is_amount(groups: &[Group<'_>]) -> bool {
    let [first, rest @ ..] = groups else { return false };
    let zeros = |digits: &str| digits.bytes().all(|b| b == b'0');
    let thousands =
        !rest.is_empty() && rest.iter().all(|group| group.digits.len() == 3 && group.gap.len() == 1);
    let small = first.digits.len() <= 2 && !first.digits.starts_with('0') && rest.len() == 2;
    let round = first.digits.len() <= 3 && rest.iter().all(|group| zeros(group.digits));
    let decimal = matches!(rest, [fraction] if fraction.gap == "." && first.digits.len() <= 2);
    // Of a lone group, which has seven digits at least.
    let long = rest.is_empty() && !first.digits.starts_with('0') && zeros(&first.digits[2..]);
    (thousands && (small || round)) || decimal || long
}

/// `10.30 - 12.45`
fn is_times(groups: &[Group<'_>]) -> bool {
    let [a, b, c, d] = groups else { return false };
    let time = |hour: &Group<'_>, minute: &Group<'_>| {
        matches!(minute.gap, "." | ":")
            && hour.value() <= 24
            && minute.value() < 60
            && minute.digits.len() == 2
    };
    time(a, b) && time(c, d) && c.gap.contains(['-', '–'])
}

/// `555555555`, as people laugh in Thai; no number anybody has.
fn is_laughter(groups: &[Group<'_>]) -> bool {
    let mut digits = groups.iter().flat_map(|group| group.digits.bytes());
    let first = digits.next();
    digits.all(|digit| Some(digit) == first)
}

/// `five five five, one two three four`: digits in words, figures among them or not.
fn has_spoken_phone(words: &[Word<'_>]) -> bool {
    let value = |word: &Word<'_>| NUMBERS.iter().position(|name| *name == word.text);
    let (mut run, mut spoken): (Vec<usize>, usize) = (Vec::new(), 0);
    for word in words {
        let figures = word.text.bytes().all(|b| b.is_ascii_digit());
        match value(word) {
            Some(value) => {
                run.push(value);
                spoken += 1;
            }
            None if figures => run.extend(word.text.bytes().map(|b| usize::from(b - b'0'))),
            None => {
                run.clear();
                spoken = 0;
            }
        }
        let counting = run.windows(2).all(|two| two[1].abs_diff(two[0]) == 1);
        if run.len() >= PHONE_DIGITS && spoken >= 3 && !counting {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_are(contact: Contact, texts: &[&str]) {
        for text in texts {
            assert_eq!(find(text), Some(contact), "{text}");
        }
    }

    fn all_pass(texts: &[&str]) {
        for text in texts {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        all_are(
            Contact::Link,
            &[
                "https://example.com/me",
                "e v i l . c o m",
                "evil,com",
                "www evil com",
                "see http://10.0.0.1 now",
                "HTTPS://EXAMPLE.ORG",
                "hxxps://bad.example",
                "look at example.com",
                "look at example。com",
                "look at example.сom",
                "look at example.соm",
                "example.com.",
                "(example.co.uk)",
                "sub.domain-name.net/path?x=1",
                "www.example.museum",
                "www dot example",
                "t.me/ada_l",
                "discord.gg/abcd",
                "youtu.be/xyz",
                "example dot com",
                "example [dot] com",
                "example(dot)me",
                "example[.]com",
                "example . com",
                "example .com",
                "beispiel punkt de",
                "ｅｘａｍｐｌｅ．ｃｏｍ",
                "𝐞𝐱𝐚𝐦𝐩𝐥𝐞.𝐜𝐨𝐦",
                "пример.рф",
            ],
        );
    }

    #[test]
    fn mail_addresses_are_found() {
        all_are(
            Contact::Email,
            &[
                "ada@example.org",
                "foo gmail com",
                "f o o @ g m a i l . c o m",
                "mail me: ada.lovelace+x@mail.example.co",
                "ada@gmail",
                "ada at gmail",
                "ada (at) yahoo",
                "ada [at] outlook",
                "ADA＠EXAMPLE．ORG",
            ],
        );
    }

    #[test]
    fn phone_numbers_are_found_in_every_grouping() {
        all_are(
            Contact::Phone,
            &[
                "155*512*34",
                "155:512:34",
                "១៥៥៥១២៣៤",
                "୧୫୫୫୧୨୩୪",
                "+49 170 1234567",
                "+1 (555) 010-0199",
                "call 5550100",
                "555-0100 ext 1",
                "(555) 555-0100",
                "555.555.0100",
                "0170/1234567",
                "06 12 34 56 78",
                "612 345 678",
                "my number is 01701234567 ok",
                "5 5 5 0 1 9 9",
                "٠١٧٠١٢٣٤٥٦٧",
                "０１７０１２３４５６７",
                "5️⃣5️⃣5️⃣0️⃣1️⃣9️⃣9️⃣",
                "five five five zero one nine nine",
                "it's five five five 01 nine nine",
                "2026-11-23 5550100",
            ],
        );
    }

    #[test]
    fn handles_are_found_with_and_without_their_service() {
        all_are(
            Contact::Handle,
            &[
                "@ada_lovelace",
                "$nap lovely99",
                "1nsta foo_bar",
                "d1scord: foo_bar",
                "ѕnapchat: foo99",
                "i'm @ada on there",
                "follow me@ada_99",
                "snap: ada",
                "Snapchat : ada.l",
                "insta=adal",
                "IG -> adal",
                "my snap is ada",
                "my snapchat name is lovelace",
                "my insta's lovelace",
                "add me on snap ada_99",
                "add my insta lovelace1815",
                "discord ada1815",
                "ada#1815",
                "kik - ada_l",
                "telegram: @ada",
            ],
        );
    }

    #[test]
    fn ordinary_talk_is_left_alone() {
        all_pass(&[
            "Hello — you there?",
            "hi. how are you?",
            "hi.how are you",
            "great.me too",
            "yes.it is",
            "close one.gg",
            "Tudo bem. com você?",
            "c'est un point de vue",
            "en ese punto de la historia",
            "the dot com bubble",
            "I do a bit of C# and .net",
            "version 1.2.3 of node.js",
            "e.g. this, i.e. that, p.s. hello",
            "so... what now?",
            "and/or, he/she, w/o",
            "ok :// that is sad",
            "meet @ 5",
            "I'm @home, not @work",
            "@everyone is asleep",
            "I work at yahoo",
            "look at this",
            "oh snap: that was close",
            "snapchat :) lol nice",
            "I like instagram more than tiktok",
            "my instagram is boring",
            "do you have discord?",
            "facebook is for my 2nd cousin",
            "telegram, no thanks",
            "I was born in 1999",
            "from 1999 - 2005, or 2010/2011",
            "on 23.11.2026 or 2026-11-23 09:30",
            "11/23/2026 works",
            "10 000 000 people, 1.234.567 more, 25000000 in all",
            "1,000,000 dollars and 99.99",
            "pi is 3.14159265",
            "from 10.30 - 12.45",
            "from 10:30 - 12:45",
            "Я видел её.сом большой",
            "on 2026-11-23 09:30:15",
            "we won 3:2, 1:0, 4:4 and 2:2",
            "1 2 3 4 5 6 7 8 9 10",
            "10 9 8 7 6 5 4 3 2 1 0",
            "one two three four five six seven",
            "5555555555",
            "we won 3-2, 1-0, 4-4 and 2-2",
            "24/7, 365 days",
            "I'm 25, you are 27, she is 30",
            "it costs 15 or 20 euros, maybe 100",
            "one of two or three",
            "#1234 is my favourite",
            "日本語で話しましょう。",
            "Привет! Как дела?",
            "😀😀😀",
            "",
        ]);
    }
}
