//! Rules of signing in by e-mail: what an address is, when a mail goes out, when a code counts. The service keeps the
//! rows and asks; nothing here knows a code.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{Code, Fault, Timestamp};

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// The longest address: RFC 5321 section 4.5.3.1.3 leaves 254 between the brackets of a path.
const MAX_ADDRESS: usize = 254;
/// The longest part before the @: RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL: usize = 64;

/// Limits of codes and mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Life of a code and its link, in seconds.
    #[schemars(range(min = 30, max = 3_600))]
    pub code_ttl_s: u64,
    /// Wrong codes that a challenge takes.
    #[schemars(range(min = 1, max = 10))]
    pub code_tries: u32,
    /// Challenges of one address that may live at once; a further mail is not sent.
    #[schemars(range(min = 1, max = 10))]
    pub live_challenges: u32,
    /// Mails to one address within an hour.
    #[schemars(range(min = 1))]
    pub mails_per_hour: u32,
    /// Between two mails to one address, in seconds.
    pub resend_after_s: u64,
    /// Wrong codes of one address within a day, after which only links work for it.
    #[schemars(range(min = 1))]
    pub failures_per_day: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            code_ttl_s: 300,
            code_tries: 5,
            live_challenges: 3,
            mails_per_hour: 5,
            resend_after_s: 30,
            failures_per_day: 20,
        }
    }
}

/// The window of [`Settings::mails_per_hour`].
pub const HOUR: Duration = Duration::from_hours(1);
/// The window of [`Settings::failures_per_day`].
pub const DAY: Duration = Duration::from_hours(24);

/// A normalised e-mail address: what makes two spellings one account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Trims, lower-cases and composes (NFC), in this order: a small letter may compose where the capital didn't. RFC 5321 lets the part before the @ depend on case, but no provider that
    /// people use does, and two accounts that differ by a capital would be a trap.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::field("email", "must be an e-mail address such as ada@example.org");
        let address: String = text.trim().to_lowercase().nfc().collect();
        let (local, domain) = address.split_once('@').ok_or_else(wrong)?;
        let fits = address.len() <= MAX_ADDRESS && !local.is_empty() && local.len() <= MAX_LOCAL;
        if !fits || !local.chars().all(is_local) || local.starts_with('.') || local.ends_with('.') {
            return Err(wrong());
        }
        if local.contains("..") || !is_domain(domain) {
            return Err(wrong());
        }
        Ok(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `a…@b.example`: enough for its owner, nothing for anybody else.
    pub fn mask(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or(("", ""));
        format!("{}…@{domain}", local.chars().next().unwrap_or('?'))
    }
}

/// Never the address: it would end up in a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(hidden)")
    }
}

/// An unquoted local part: RFC 5322 `atext` and dots, and letters beyond ASCII (RFC 6532).
fn is_local(c: char) -> bool {
    c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

/// The digits of a code as people type and paste it: spaces and dashes between them don't matter.
pub fn code(text: &str) -> Result<String, Fault> {
    if text.len() > 32 {
        return Err(invalid_code());
    }
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(invalid_code())
    }
}

/// The fault of a code or link that isn't right.
pub fn invalid_code() -> Fault {
    Fault::new(Code::InvalidCode, "That code is not right.")
}

/// What the service knows of one earlier challenge of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it was mailed.
    pub at: Timestamp,
    /// End of its life.
    pub expires: Timestamp,
    /// Whether it was traded for a session.
    pub used: bool,
}

/// Whether a mail goes out. The answer to the client is the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Send.
    Send,
    /// The last mail is too fresh, too many live, or too many in this hour: answer as always, send nothing.
    Hold,
}

/// Decides about another mail, given the address' challenges of the last hour.
pub fn may_send(now: Timestamp, history: &[Sent], settings: &Settings) -> Sending {
    let resend = Duration::from_secs(settings.resend_after_s);
    let this_hour = history.iter().filter(|sent| now.since(sent.at) < HOUR).count();
    let live = history.iter().filter(|sent| !sent.used && now < sent.expires).count();
    // A resend that is early by the page's clock isn't an attack; it just isn't sent.
    let fresh = history.iter().any(|sent| !sent.used && now.since(sent.at) < resend);
    let full = this_hour >= settings.mails_per_hour as usize || live >= settings.live_challenges as usize;
    if fresh || full { Sending::Hold } else { Sending::Send }
}

/// A challenge whose code is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// End of its life.
    pub expires: Timestamp,
    /// Wrong codes so far.
    pub tries: u32,
    /// Whether it was traded for a session already.
    pub used: bool,
}

/// What a try comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Signed in; the challenge is used up.
    Accept,
    /// Not this code: the challenge and the address each have one failure more.
    Wrong,
    /// Unknown, used or too old.
    Expired,
    /// The challenge or the address has had too many wrong codes; the link still works.
    TooMany,
}

/// Judges one try. `failures` are the address' wrong codes of the last day; `matches` is computed in any case, so
/// that every verdict takes the same work.
pub fn judge(
    now: Timestamp,
    challenge: &Tried,
    failures: u32,
    matches: bool,
    settings: &Settings,
) -> Verdict {
    if challenge.used || now >= challenge.expires {
        Verdict::Expired
    } else if challenge.tries >= settings.code_tries || failures >= settings.failures_per_day {
        Verdict::TooMany
    } else if matches {
        Verdict::Accept
    } else {
        Verdict::Wrong
    }
}

impl Verdict {
    /// The fault it means for the client; `None` when accepted.
    pub fn fault(self) -> Option<Fault> {
        match self {
            Self::Accept => None,
            Self::Wrong => Some(invalid_code()),
            Self::Expired => Some(Fault::new(
                Code::ChallengeExpired,
                "This code is no longer valid. Please ask for a new one.",
            )),
            Self::TooMany => {
                let fault =
                    Fault::new(Code::TooManyTries, "Too many wrong codes. Please use the link in the mail.");
                Some(fault.retry_in(60_000))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000) + Duration::from_secs(seconds)
    }

    fn sent(seconds: u64) -> Sent {
        Sent { at: at(seconds), expires: at(seconds + 300), used: false }
    }

    fn used(seconds: u64) -> Sent {
        Sent { used: true, ..sent(seconds) }
    }

    fn tried(tries: u32) -> Tried {
        Tried { expires: at(300), tries, used: false }
    }

    #[test]
    fn an_address_that_is_logged_by_mistake_shows_nothing() {
        let shown = format!("{:?}", Email::parse("ada@example.org").unwrap());
        assert_eq!(shown, "Email(hidden)");
    }

    #[test]
    fn spellings_of_one_address_are_one_account() {
        let ada = Email::parse("ada@example.org").unwrap();
        for spelling in [" Ada@Example.ORG ", "ADA@EXAMPLE.ORG\n"] {
            assert_eq!(Email::parse(spelling).unwrap(), ada);
        }
        assert_eq!(
            Email::parse("e\u{301}va@x.example").unwrap(),
            Email::parse("\u{e9}va@x.example").unwrap()
        );
        // A capital with an iota below, which only the small letter composes with.
        assert_eq!(
            Email::parse("\u{386}\u{345}@x.example").unwrap(),
            Email::parse("\u{1fb4}@x.example").unwrap()
        );
        assert_ne!(Email::parse("ada+1@example.org").unwrap(), ada);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@x.example", "a".repeat(65));
        let long = format!("a@{}.example", "b.".repeat(130));
        for wrong in [
            "",
            "ada",
            "@x.example",
            "ada@",
            "ada@x",
            "a b@x.example",
            "a@b@x.example",
            ".a@x.example",
            "a.@x.example",
            "a..b@x.example",
            "a@-x.example",
            "a@x-.example",
            "a@.example",
            "a@x..example",
            "a\r\nBcc: b@x.example",
            "a@x.example\u{0}",
            "\"a\"@x.example",
            "a,b@x.example",
            "<a@x.example>",
            "a@[127.0.0.1]",
            &long_local,
            &long,
        ] {
            assert_eq!(Email::parse(wrong).map_err(|f| f.code), Err(Code::BadRequest), "{wrong}");
        }
        assert!(Email::parse(&format!("{}@x.example", "a".repeat(64))).is_ok());
    }

    #[test]
    fn a_masked_address_shows_one_letter_and_debug_shows_none() {
        let email = Email::parse("ada@example.org").unwrap();
        assert_eq!(email.mask(), "a…@example.org");
        assert!(!format!("{email:?}").contains("ada"));
        assert_eq!(email.as_str(), "ada@example.org");
    }

    #[test]
    fn codes_are_taken_as_people_paste_them() {
        for text in ["123456", " 123456 ", "123 456", "123-456", "1 2 3 4 5 6"] {
            assert_eq!(code(text).unwrap(), "123456");
        }
        let padded = |spaces| format!("123456{}", " ".repeat(spaces));
        assert_eq!(code(&padded(26)).unwrap(), "123456");
        for text in ["12345", "1234567", "12345a", "", "١٢٣٤٥٦", &padded(27)] {
            assert_eq!(code(text).map_err(|f| f.code), Err(Code::InvalidCode), "{text}");
        }
    }

    #[test]
    fn the_first_mail_goes_out_and_the_next_waits_thirty_seconds() {
        let rules = Settings::default();
        assert_eq!(may_send(at(0), &[], &rules), Sending::Send);
        assert_eq!(may_send(at(29), &[sent(0)], &rules), Sending::Hold);
        assert_eq!(may_send(at(30), &[sent(0)], &rules), Sending::Send);
        assert_eq!(may_send(at(1), &[used(0)], &rules), Sending::Send, "signed in, and out again");
    }

    #[test]
    fn a_fourth_live_challenge_is_not_mailed() {
        let rules = Settings::default();
        let three = [sent(0), sent(40), sent(80)];
        assert_eq!(may_send(at(120), &three[..2], &rules), Sending::Send);
        assert_eq!(may_send(at(299), &three, &rules), Sending::Hold);
        assert_eq!(may_send(at(300), &three, &rules), Sending::Send, "the first has expired");
    }

    #[test]
    fn a_sixth_mail_within_the_hour_is_not_sent_even_if_all_were_used() {
        let rules = Settings::default();
        let five: Vec<_> = (0..5).map(|i| used(i * 10)).collect();
        assert_eq!(may_send(at(1_000), &five[..4], &rules), Sending::Send);
        assert_eq!(may_send(at(3_599), &five, &rules), Sending::Hold);
        assert_eq!(may_send(at(3_600), &five, &rules), Sending::Send);
    }

    #[test]
    fn five_wrong_codes_end_a_challenge() {
        let rules = Settings::default();
        assert_eq!(judge(at(0), &tried(4), 0, true, &rules), Verdict::Accept);
        assert_eq!(judge(at(0), &tried(4), 0, false, &rules), Verdict::Wrong);
        assert_eq!(judge(at(0), &tried(5), 0, true, &rules), Verdict::TooMany);
    }

    #[test]
    fn a_challenge_ends_after_exactly_five_minutes_and_after_use() {
        let rules = Settings::default();
        assert_eq!(judge(at(299), &tried(0), 0, true, &rules), Verdict::Accept);
        assert_eq!(judge(at(300), &tried(0), 0, true, &rules), Verdict::Expired);
        let used = Tried { used: true, ..tried(0) };
        assert_eq!(judge(at(0), &used, 0, true, &rules), Verdict::Expired);
    }

    #[test]
    fn after_twenty_failures_in_a_day_even_the_right_code_is_refused() {
        let rules = Settings::default();
        assert_eq!(judge(at(0), &tried(0), 19, true, &rules), Verdict::Accept);
        assert_eq!(judge(at(0), &tried(0), 20, true, &rules), Verdict::TooMany);
    }

    #[test]
    fn each_verdict_has_its_code() {
        let codes: Vec<_> = [Verdict::Accept, Verdict::Wrong, Verdict::Expired, Verdict::TooMany]
            .map(|v| v.fault().map(|f| f.code))
            .to_vec();
        let expected =
            [None, Some(Code::InvalidCode), Some(Code::ChallengeExpired), Some(Code::TooManyTries)];
        assert_eq!(codes, expected);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}@\\PC{0,40}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
            }
        }

        #[test]
        fn an_accepted_address_holds_nothing_that_could_break_a_mail_header(text in ".{0,60}") {
            if let Ok(email) = Email::parse(&text) {
                let clean = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,;:\"\\()[]".contains(c);
                prop_assert!(email.as_str().chars().all(clean));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
            }
        }

        #[test]
        fn a_guesser_gets_no_more_tries_than_the_limits(limit in 1u32..10, day in 1u32..30) {
            let rules = Settings { code_tries: limit, failures_per_day: day, ..Settings::default() };
            let (mut tries, mut failures) = (0, 0);
            while judge(at(0), &tried(tries), failures, false, &rules) == Verdict::Wrong {
                tries += 1;
                failures += 1;
            }
            prop_assert_eq!(tries, limit.min(day));
        }
    }
}
