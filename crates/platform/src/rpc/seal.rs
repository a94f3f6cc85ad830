//! What makes a call genuine: an HMAC-SHA-256 over everything that matters of it, under a key that every node derives
//! from `secret_key`. A reply is bound to its call by the call's nonce, a passed-on socket to the path it was asked for.

use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use visavis_domain::Timestamp;

use crate::secret::{KEY_BYTES, Secret, mac};

pub(super) const TO: HeaderName = HeaderName::from_static("x-rpc-to");
pub(super) const REQUEST: HeaderName = HeaderName::from_static("x-rpc-request");
pub(super) const REMAINING: HeaderName = HeaderName::from_static("x-rpc-remaining-ms");
/// How long the call may wait for stores.
pub(super) const PATIENCE: HeaderName = HeaderName::from_static("x-rpc-patience-ms");
/// How long a reply's call did.
const WAITED: HeaderName = HeaderName::from_static("x-rpc-waited-ms");
pub(super) const AT: HeaderName = HeaderName::from_static("x-rpc-at");
pub(super) const NONCE: HeaderName = HeaderName::from_static("x-rpc-nonce");
pub(super) const MAC: HeaderName = HeaderName::from_static("x-rpc-mac");
/// The address of the client whose socket is passed on.
pub(super) const CLIENT: HeaderName = HeaderName::from_static("x-rpc-client");

/// What the key is for.
const PURPOSE: &str = "rpc";

/// Makes and checks seals.
pub(super) struct Seal([u8; KEY_BYTES]);

/// What a message says of itself beside its path and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The node it is for; empty when the caller knows but an address.
    pub(super) to: String,
    /// The request id of the edge; for a socket, the client's address.
    pub(super) about: String,
    /// For how long the answer is wanted.
    pub(super) remaining_ms: u64,
    /// For how long it may wait for stores, if anybody counts that.
    pub(super) patience_ms: Option<u64>,
    /// When it was made.
    pub(super) at: Timestamp,
    /// Never the same twice.
    pub(super) nonce: u128,
}

/// The kinds of sealed messages: the seal of one is no seal of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call of a method.
    Call,
    /// A socket that is passed on.
    Socket,
}

impl Kind {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Call => b"call",
            Self::Socket => b"socket",
        }
    }

    const fn about(self) -> HeaderName {
        match self {
            Self::Call => REQUEST,
            Self::Socket => CLIENT,
        }
    }
}

impl Seal {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(secret.key(PURPOSE))
    }

    fn message(&self, kind: Kind, path: &str, head: &Head, body: &[u8]) -> [u8; KEY_BYTES] {
        let Head { to, about, remaining_ms, patience_ms, at, nonce } = head;
        mac(
            &self.0,
            &[
                kind.name(),
                path.as_bytes(),
                to.as_bytes(),
                about.as_bytes(),
                &remaining_ms.to_be_bytes(),
                &patience_ms.unwrap_or(u64::MAX).to_be_bytes(),
                &at.as_millis().to_be_bytes(),
                &nonce.to_be_bytes(),
                body,
            ],
        )
    }

    fn reply(&self, nonce: u128, status: u16, waited_ms: u64, body: &[u8]) -> [u8; KEY_BYTES] {
        mac(&self.0, &[b"reply", &nonce.to_be_bytes(), &status.to_be_bytes(), &waited_ms.to_be_bytes(), body])
    }

    /// Writes the head and its seal into `headers`. `None` when a text can't be a header.
    pub(super) fn write(
        &self,
        headers: &mut HeaderMap,
        kind: Kind,
        path: &str,
        head: &Head,
        body: &[u8],
    ) -> Option<()> {
        let text = |text: &str| HeaderValue::from_str(text).ok();
        headers.insert(TO, text(&head.to)?);
        headers.insert(kind.about(), text(&head.about)?);
        headers.insert(REMAINING, HeaderValue::from(head.remaining_ms));
        if let Some(patience) = head.patience_ms {
            headers.insert(PATIENCE, HeaderValue::from(patience));
        }
        headers.insert(AT, HeaderValue::from(head.at.as_millis()));
        headers.insert(NONCE, once(&format!("{:032x}", head.nonce))?);
        headers.insert(MAC, once(&URL_SAFE_NO_PAD.encode(self.message(kind, path, head, body)))?);
        Some(())
    }

    /// Whether head, path and body are what the other side sealed.
    pub(super) fn is_genuine(
        &self,
        headers: &HeaderMap,
        kind: Kind,
        path: &str,
        head: &Head,
        body: &[u8],
    ) -> bool {
        same(headers, &self.message(kind, path, head, body))
    }

    pub(super) fn write_reply(
        &self,
        headers: &mut HeaderMap,
        nonce: u128,
        status: u16,
        waited_ms: u64,
        body: &[u8],
    ) {
        headers.insert(WAITED, HeaderValue::from(waited_ms));
        if let Some(value) = once(&URL_SAFE_NO_PAD.encode(self.reply(nonce, status, waited_ms, body))) {
            headers.insert(MAC, value);
        }
    }

    /// How long the call waited for stores, if this is its reply.
    pub(super) fn read_reply(
        &self,
        headers: &HeaderMap,
        nonce: u128,
        status: u16,
        body: &[u8],
    ) -> Option<u64> {
        let waited_ms = only(headers, &WAITED)?.parse().ok()?;
        same(headers, &self.reply(nonce, status, waited_ms, body)).then_some(waited_ms)
    }
}

impl Head {
    /// What the headers say; `None` when one is missing, twice there or of the wrong form.
    pub(super) fn read(headers: &HeaderMap, kind: Kind) -> Option<Self> {
        let nonce = only(headers, &NONCE)?;
        let form =
            nonce.len() == 32 && nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        Some(Self {
            to: only(headers, &TO)?.to_owned(),
            about: only(headers, &kind.about())?.to_owned(),
            remaining_ms: only(headers, &REMAINING)?.parse().ok()?,
            patience_ms: if headers.contains_key(&PATIENCE) {
                Some(only(headers, &PATIENCE)?.parse().ok()?)
            } else {
                None
            },
            at: Timestamp::from_millis(only(headers, &AT)?.parse().ok()?),
            nonce: u128::from_str_radix(nonce, 16).ok().filter(|_| form)?,
        })
    }
}

/// A header value that will not come again: HTTP/2 need not remember it.
fn once(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn same(headers: &HeaderMap, expected: &[u8; KEY_BYTES]) -> bool {
    let found = only(headers, &MAC).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    found.is_some_and(|found| constant_time::verify_slices_are_equal(&found, expected).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&Secret::from_bytes([byte; KEY_BYTES]))
    }

    fn heads() -> impl Strategy<Value = Head> {
        let patience = prop::option::of(0_u64..1_000);
        ("[a-z0-9_]{0,30}", "[a-f0-9]{0,20}", any::<u64>(), patience, any::<i64>(), any::<u128>()).prop_map(
            |(to, about, remaining_ms, patience_ms, at, nonce)| Head {
                to,
                about,
                remaining_ms,
                patience_ms,
                at: Timestamp::from_millis(at),
                nonce,
            },
        )
    }

    /// One of the ways in which a message can be another one.
    fn changed(head: &Head, what: usize) -> Head {
        let mut head = head.clone();
        match what {
            0 => head.to.push('x'),
            1 => head.about.push('0'),
            2 => head.remaining_ms ^= 1,
            3 => head.patience_ms = head.patience_ms.map_or(Some(1), |ms| ms.checked_sub(1)),
            4 => head.at = Timestamp::from_millis(head.at.as_millis() ^ 1),
            _ => head.nonce ^= 1,
        }
        head
    }

    proptest! {
        #[test]
        fn a_message_is_genuine_as_it_was_sealed_and_in_no_other_form(
            head in heads(), path in "/[a-z/]{1,20}", body in prop::collection::vec(any::<u8>(), 0..200),
            what in 0_usize..6, flip in any::<prop::sample::Index>(),
        ) {
            let mut headers = HeaderMap::new();
            seal(1).write(&mut headers, Kind::Call, &path, &head, &body).unwrap();
            let read = Head::read(&headers, Kind::Call).unwrap();
            prop_assert_eq!(&read, &head);
            let genuine = |seal: Seal, kind, path: &str, head: &Head, body: &[u8]| {
                seal.is_genuine(&headers, kind, path, head, body)
            };
            prop_assert!(genuine(seal(1), Kind::Call, &path, &head, &body));
            prop_assert!(!genuine(seal(2), Kind::Call, &path, &head, &body), "another key");
            prop_assert!(!genuine(seal(1), Kind::Socket, &path, &head, &body), "another kind");
            prop_assert!(!genuine(seal(1), Kind::Call, &format!("{path}x"), &head, &body), "another path");
            prop_assert!(!genuine(seal(1), Kind::Call, &path, &changed(&head, what), &body), "another head");
            let mut other = body.clone();
            if other.is_empty() { other.push(0) } else { let at = flip.index(other.len()); other[at] ^= 1; }
            prop_assert!(!genuine(seal(1), Kind::Call, &path, &head, &other), "another body");
        }

        #[test]
        fn a_reply_is_genuine_for_its_call_alone(
            nonce: u128, status in 200_u16..600, waited in 0_u64..1_000, body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut headers = HeaderMap::new();
            seal(1).write_reply(&mut headers, nonce, status, waited, &body);
            prop_assert_eq!(seal(1).read_reply(&headers, nonce, status, &body), Some(waited));
            prop_assert_eq!(seal(1).read_reply(&headers, nonce ^ 1, status, &body), None);
            prop_assert_eq!(seal(1).read_reply(&headers, nonce, status ^ 1, &body), None);
            prop_assert_eq!(seal(2).read_reply(&headers, nonce, status, &body), None);
            headers.insert(WAITED, HeaderValue::from(waited + 1));
            prop_assert_eq!(seal(1).read_reply(&headers, nonce, status, &body), None);
        }

        #[test]
        fn headers_of_any_form_are_read_without_harm(values in prop::collection::vec("[ -~]{0,60}", 6)) {
            let mut headers = HeaderMap::new();
            for (name, value) in [TO, REQUEST, REMAINING, AT, NONCE, MAC].into_iter().zip(values) {
                headers.insert(name, value.parse().unwrap());
            }
            if let Some(head) = Head::read(&headers, Kind::Call) {
                prop_assert!(!seal(1).is_genuine(&headers, Kind::Call, "/x", &head, b""));
            }
        }
    }

    #[test]
    fn a_header_that_is_there_twice_is_nobodys() {
        let head = Head {
            to: String::new(),
            about: String::new(),
            remaining_ms: 1,
            patience_ms: None,
            at: Timestamp::default(),
            nonce: 1,
        };
        let mut headers = HeaderMap::new();
        seal(1).write(&mut headers, Kind::Call, "/x", &head, b"").unwrap();
        headers.append(TO, HeaderValue::from_static("nod_x"));
        assert_eq!(Head::read(&headers, Kind::Call), None);
    }
}
