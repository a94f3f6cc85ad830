//! The random token of a browser, by which whoever is suspended is known again under another name.
//!
//! A cookie of another host of the same domain (`Domain=…`) looks like our own in a request. Over https the name begins with
//! `__Host-`, which browsers take from this very host alone (RFC 6265bis section 4.1.3.2). Where two claim to be it, nobody can
//! say which of them is ours: then nothing is inherited, and nothing is written over it.

use axum::extract::FromRequestParts;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, request::Parts};
use visavis_platform::Dice;

use crate::{
    Edge,
    guard::{
        client::{self, ClientAddr},
        extract::{Cookie, cookie_of},
    },
    problem::Problem,
};

/// Over https.
const HOST_NAME: &str = "__Host-device";
/// Over plain http, where browsers refuse that prefix.
const PLAIN_NAME: &str = "device";
const BYTES: usize = 16;
/// For how long it is known: a year.
const MAX_AGE_S: u32 = 31_536_000;

/// Whoever signs in, by their browser and the network it is in: never by its address.
#[derive(Debug)]
pub struct Device {
    known: Known,
    https: bool,
    /// A /24 or /48; none of this machine's own.
    pub network: Option<String>,
}

/// What a request says of its browser.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// Nothing yet, or nothing of ours.
    New,
    /// It is this one.
    Here(String),
    /// Two things at once.
    Unsure,
}

impl Known {
    fn of(headers: &HeaderMap, https: bool) -> Self {
        match cookie_of(headers, if https { HOST_NAME } else { PLAIN_NAME }) {
            Cookie::One(token) if is_ours(&token) => Self::Here(token),
            Cookie::One(_) | Cookie::None => Self::New,
            Cookie::Several => Self::Unsure,
        }
    }
}

/// A token that we could have made.
fn is_ours(token: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(token).is_ok_and(|bytes| bytes.len() == BYTES)
}

impl Device {
    /// Its token, a new one where there was none; `None` where it can't be told which.
    pub fn token(&mut self, dice: &Dice) -> (Option<String>, Option<HeaderValue>) {
        match std::mem::replace(&mut self.known, Known::Unsure) {
            Known::Here(token) => (Some(token), None),
            Known::Unsure => (None, None),
            Known::New => {
                let token = BASE64_URL_SAFE_NO_PAD.encode(dice.bytes::<BYTES>());
                let line = HeaderValue::try_from(self.line(&token)).ok().map(|mut value| {
                    value.set_sensitive(true);
                    value
                });
                (Some(token), line)
            }
        }
    }

    fn line(&self, token: &str) -> String {
        let (name, secure) = if self.https { (HOST_NAME, "; Secure") } else { (PLAIN_NAME, "") };
        format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={MAX_AGE_S}{secure}")
    }
}

impl FromRequestParts<Edge> for Device {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let seen = parts.extensions.get::<ClientAddr>().map(|addr| addr.0);
        let https = edge.site.hosts.public.is_https();
        Ok(Self { known: Known::of(&parts.headers, https), https, network: seen.and_then(client::block) })
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    const OURS: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "BBBBBBBBBBBBBBBBBBBBBA";

    /// The token, and the cookies that are set.
    fn of(cookies: &str, https: bool) -> (Option<String>, Vec<String>) {
        let headers = HeaderMap::from_iter([(header::COOKIE, cookies.parse().unwrap())]);
        let mut device = Device { known: Known::of(&headers, https), https, network: None };
        let (token, lines) = device.token(&Dice::Secure);
        (token, lines.iter().map(|line| line.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_new_browser_gets_a_token_for_this_host_alone() {
        for cookies in ["a=b", "device=short; __Host-device=<script>"] {
            let (token, lines) = of(cookies, true);
            let token = token.unwrap();
            assert!(is_ours(&token));
            let line =
                format!("__Host-device={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000; Secure");
            assert_eq!(lines, [line]);
        }
        let (token, lines) = of("__Host-device=x", false);
        let line = format!("device={}; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000", token.unwrap());
        assert_eq!(lines, [line], "browsers refuse the prefix over plain http");
    }

    #[test]
    fn whoever_has_one_keeps_it_whatever_another_host_has_planted() {
        let ours = Some(OURS.to_owned());
        assert_eq!(of(&format!("device={OTHER}; __Host-device={OURS}"), true), (ours.clone(), vec![]));
        assert_eq!(
            of(&format!("device={OTHER}; device=x; __Host-device={OURS}"), true),
            (ours.clone(), vec![])
        );
        assert_eq!(of(&format!("device={OURS}"), false), (ours.clone(), vec![]));
        let twice = of(&format!("device={OURS}; device={OURS}"), false);
        assert_eq!(twice, (ours, vec![]), "the same on two paths is one");
    }

    #[test]
    fn of_two_neither_is_believed_and_nothing_is_written_over_them() {
        assert_eq!(of(&format!("device={OTHER}; device={OURS}"), false), (None, vec![]));
        assert_eq!(of(&format!("__Host-device={OTHER}; __Host-device={OURS}"), true), (None, vec![]));
        let (token, lines) = of(&format!("device={OTHER}; device={OURS}"), true);
        let token = token.unwrap();
        assert!(token != OURS && token != OTHER && lines.len() == 1, "the old name is of no use then");
    }

    #[test]
    fn over_https_the_plain_name_is_nobodys() {
        let (token, lines) = of(&format!("device={OURS}"), true);
        assert!(token.is_some_and(|token| token != OURS) && lines.len() == 1);
        assert!(lines[0].starts_with("__Host-device="));
    }
}
