//! One mail as RFC 5322 text. Headers are built from parsed addresses and checked ASCII only, so nothing that a
//! stranger typed can become a header.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{Body, Mailbox, SinglePart, header},
};
use visavis_domain::{Timestamp, id::JobId};

use super::{Mail, SendError};

/// Longest line of a text: below the 998 of RFC 5322, where 7-bit would have to become quoted-printable and the code
/// would no longer stand alone on its line.
const MAX_LINE: usize = 900;

/// Who sends.
#[derive(Debug, Clone)]
pub(super) struct Sender(Mailbox);

impl Sender {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !is_plain(text) {
            return None;
        }
        text.parse().ok().map(Self)
    }
}

/// Printable ASCII on one line.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

/// No line end, no space: whatever parses as an address then is one recipient. Letters beyond ASCII are for servers
/// that know SMTPUTF8 (RFC 6531); others refuse.
fn is_one_word(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

pub(super) fn build(from: &Sender, mail: &Mail, at: Timestamp, id: JobId) -> Result<Message, SendError> {
    let text_fits = mail
        .text
        .lines()
        .all(|line| line.len() <= MAX_LINE && line.chars().all(|c| c == '\t' || !c.is_control()));
    if !is_plain(&mail.subject) || !is_one_word(&mail.to) || !mail.text.is_ascii() || !text_fits {
        return Err(SendError::Permanent);
    }
    let to: Address = mail.to.parse().map_err(|_| SendError::Permanent)?;
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    let domain = from.0.email.domain();
    Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject.clone())
        .date(UNIX_EPOCH + Duration::from_millis(millis))
        // The same for the same mail: who gets it twice can tell.
        .message_id(Some(format!("<{:032x}@{domain}>", id.bits())))
        // RFC 3834: nobody's holiday notice should answer.
        .header(AutoSubmitted)
        .singlepart(
            SinglePart::builder()
                .header(header::ContentType::TEXT_PLAIN)
                .header(header::ContentTransferEncoding::SevenBit)
                .body(body(&mail.text)),
        )
        .map_err(|_| SendError::Permanent)
}

/// The text with the line ends of mail. Already checked to be 7-bit; lettre would rather quote lines longer than 76
/// characters, and a link that is cut in two is of no use to a program that reads it. (It adds the last line end.)
fn body(text: &str) -> Body {
    let lines: Vec<_> = text.trim_end().lines().collect();
    Body::dangerous_pre_encoded(lines.join("\r\n").into_bytes(), header::ContentTransferEncoding::SevenBit)
}

/// `Auto-Submitted: auto-generated`.
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            to: "ada@x.example".to_owned(),
            subject: "Your code".to_owned(),
            text: "Hello\n\n123456\n".to_owned(),
        }
    }

    fn formatted(mail: &Mail) -> Result<String, SendError> {
        let from = Sender::parse("Visavis <hello@v.example>").unwrap();
        let message = build(&from, mail, Timestamp::from_millis(1_795_421_400_120), JobId::from_bits(7))?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn a_mail_is_7_bit_plain_text_with_its_lines_as_they_are() {
        let text = formatted(&mail()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "To: ada@x.example",
            "Subject: Your code",
            "Content-Transfer-Encoding: 7bit",
            "Date: Mon, 23 Nov 2026 08:10:00 +0000",
            "Message-ID: <00000000000000000000000000000007@v.example>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.lines().any(|l| l == line), "{line} in\n{head}");
        }
        assert!(head.contains("Content-Type: text/plain"), "{head}");
        assert_eq!(body, "Hello\r\n\r\n123456\r\n");
    }

    #[test]
    fn a_long_link_stays_on_its_line() {
        for length in [75, 76, 77, 78, 200, MAX_LINE] {
            let link = format!("https://{}", "x".repeat(length - 8));
            let text = formatted(&Mail { text: format!("Hello\n\n{link}\n"), ..mail() }).unwrap();
            assert!(text.ends_with(&format!("\r\n\r\nHello\r\n\r\n{link}\r\n")), "{text}");
        }
    }

    #[test]
    fn nothing_can_become_a_second_header_or_recipient() {
        for to in [
            "a@x.example\r\nBcc: b@y.example",
            "a@x.example\nX: y",
            "a@x.example, b@y.example",
            "a",
            "",
            "<a@x.example>",
        ] {
            assert_eq!(
                formatted(&Mail { to: to.to_owned(), ..mail() }).unwrap_err(),
                SendError::Permanent,
                "{to:?}"
            );
        }
        for subject in ["Hi\r\nBcc: b@y.example", "Hi\n", "Hi\r", "H\0i"] {
            assert!(formatted(&Mail { subject: subject.to_owned(), ..mail() }).is_err(), "{subject:?}");
        }
        for text in ["é".to_owned(), "x".repeat(901), "a\0b".to_owned(), "a\rb".to_owned()] {
            assert!(formatted(&Mail { text, ..mail() }).is_err());
        }
        let unicode = formatted(&Mail { to: "é@x.example".to_owned(), ..mail() }).unwrap();
        assert!(unicode.lines().any(|l| l == "To: é@x.example"), "{unicode}");
        assert!(Sender::parse("Visavis <a@b.example>\r\nBcc: c@d.example").is_none());
        assert!(Sender::parse("nobody").is_none());
    }
}
