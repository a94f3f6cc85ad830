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
/// Over plain http, where browsers refuse that prefix; and over https before it had it.
const PLAIN_NAME: &str = "device";
/// The path that it had then.
const OLD_PATH: &str = "/api/auth";
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
    /// By the name from before.
    Before(String),
    /// Two things at once.
    Unsure,
}

impl Known {
    fn of(headers: &HeaderMap, https: bool) -> Self {
        let one = |name| match cookie_of(headers, name) {
            Cookie::One(token) if is_ours(&token) => Self::Here(token),
            Cookie::One(_) | Cookie::None => Self::New,
            Cookie::Several => Self::Unsure,
        };
        let plain = one(PLAIN_NAME);
        if !https {
            return plain;
        }
        match (cookie_of(headers, HOST_NAME), plain) {
            (Cookie::None, Self::Here(token)) => Self::Before(token),
            // Of the old name nothing is believed that isn't clear.
            (Cookie::None, _) => Self::New,
            _ => one(HOST_NAME),
        }
    }
}

/// A token that we could have made.
fn is_ours(token: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(token).is_ok_and(|bytes| bytes.len() == BYTES)
}

impl Device {
    /// Its token, a new one where there was none; `None` where it can't be told which.
    pub fn token(&mut self, dice: &Dice) -> (Option<String>, Vec<HeaderValue>) {
        let fresh = || BASE64_URL_SAFE_NO_PAD.encode(dice.bytes::<BYTES>());
        let (token, lines) = match std::mem::replace(&mut self.known, Known::Unsure) {
            Known::Here(token) => return (Some(token), Vec::new()),
            Known::Unsure => return (None, Vec::new()),
            Known::New => {
                let token = fresh();
                let line = self.line(&token);
                (token, vec![line])
            }
            Known::Before(token) => {
                let gone =
                    format!("{PLAIN_NAME}=; HttpOnly; SameSite=Strict; Path={OLD_PATH}; Max-Age=0; Secure");
                let line = self.line(&token);
                (token, vec![line, gone])
            }
        };
        let values = lines.into_iter().filter_map(|line| {
            let mut value = HeaderValue::try_from(line).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        (Some(token), values.collect())
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
    fn the_old_name_is_read_once_and_the_token_goes_on_under_the_new_one() {
        let (token, lines) = of(&format!("device={OURS}"), true);
        assert_eq!(token.as_deref(), Some(OURS));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with(&format!("__Host-device={OURS};")));
        assert!(lines[1].starts_with("device=;") && lines[1].contains("Path=/api/auth; Max-Age=0"));
    }
}
