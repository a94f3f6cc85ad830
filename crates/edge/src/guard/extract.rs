//! What handlers take: the signed-in person, a checked JSON body, ids of the path, the refresh cookie. Every refusal
//! is a [`Problem`].

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{HeaderMap, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use visavis_domain::{
    Code, Fault,
    contract::Caller,
    id::{Id, Kind},
    wire::Role,
};

use crate::{
    Edge,
    guard::{count_user, frame::RequestCx, tokens::Access},
    problem::Problem,
};

/// Who calls, for contract calls.
#[derive(Debug)]
pub struct Cx(pub Caller);

impl FromRequestParts<Edge> for Cx {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let cx = parts.extensions.get::<RequestCx>().ok_or_else(Fault::internal)?;
        Ok(Self(cx.caller(&edge.clock)))
    }
}

/// The person behind the access token. Also counts the request against their limits.
#[derive(Debug)]
pub struct Signed(pub Access);

impl FromRequestParts<Edge> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| Fault::new(Code::Unauthorized, "This needs a sign-in (Authorization: Bearer)."))?;
        let access = edge.tokens.verify(token).await?;
        count_user(edge, &parts.method, access.user).await?;
        Ok(Self(access))
    }
}

/// A moderator, or an admin, at this very moment.
#[derive(Debug)]
pub struct Moderator(pub Access);

impl FromRequestParts<Edge> for Moderator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        // Who is suspended governs nobody meanwhile.
        let Welcome(access) = Welcome::from_request_parts(parts, edge).await?;
        match edge.tokens.role_now(&access).await? {
            Role::Moderator | Role::Admin => Ok(Self(access)),
            Role::User => Err(Fault::new(Code::Forbidden, "This is for moderators.").into()),
        }
    }
}

/// An admin, at this very moment.
#[derive(Debug)]
pub struct Admin(pub Access);

impl FromRequestParts<Edge> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let Welcome(access) = Welcome::from_request_parts(parts, edge).await?;
        match edge.tokens.role_now(&access).await? {
            Role::Admin => Ok(Self(access)),
            Role::Moderator | Role::User => Err(Fault::new(Code::Forbidden, "This is for admins.").into()),
        }
    }
}

/// What a query says, in this shape. Its faults are named like a body's.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Edge> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Edge) -> Result<Self, Problem> {
        let asked = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let fault = || Fault::bad_request("The query of this address can't be read.");
        Ok(Self(asked.map_err(|_| fault())?.0))
    }
}

/// Somebody who isn't suspended.
#[derive(Debug)]
pub struct Welcome(pub Access);

impl FromRequestParts<Edge> for Welcome {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let Signed(access) = Signed::from_request_parts(parts, edge).await?;
        let Cx(cx) = Cx::from_request_parts(parts, edge).await?;
        match edge.moderation.standing(&cx, access.user).await?.suspended {
            Some(suspended) => Err(Fault::suspended(suspended).into()),
            None => Ok(Self(access)),
        }
    }
}

/// The token of the one `Authorization` header (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(token)
}

/// The id at the end of the path. One that can't be an id is nobody's: not found.
#[derive(Debug)]
pub struct PathId<K: Kind>(pub Id<K>);

impl<K: Kind> FromRequestParts<Edge> for PathId<K> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, edge).await;
        let id = path.ok().and_then(|path| path.parse().ok());
        id.map(Self).ok_or_else(|| Fault::not_found("That").into())
    }
}

/// The text at the end of the path, decoded. What it means is for whoever reads it; it isn't longer than a head may be.
#[derive(Debug)]
pub struct PathText(pub String);

impl FromRequestParts<Edge> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, edge).await;
        path.map(|path| Self(path.0)).map_err(|_| Fault::not_found("That").into())
    }
}

/// A JSON body of exactly this shape.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Edge> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            let detail = "The body must be JSON (Content-Type: application/json), not encoded further.";
            return Err(Fault::new(Code::UnsupportedMediaType, detail).into());
        }
        let limit = edge.site.limits.json_bytes;
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                Fault::new(Code::PayloadTooLarge, format!("The body may have at most {limit} bytes."))
            } else {
                Fault::bad_request("The body broke off.")
            }
        })?;
        Ok(Self(read_json(&body.to_bytes())?))
    }
}

/// `application/json` in UTF-8, with no further encoding.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map_or(Some(""), |value| value.to_str().ok());
    let Some(kind) = text(header::CONTENT_TYPE) else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| {
        parameter.split_once('=').is_none_or(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    let plain =
        text(header::CONTENT_ENCODING).is_some_and(|c| c.is_empty() || c.eq_ignore_ascii_case("identity"));
    json && utf8 && plain
}

/// Reads a body, naming the field at fault. Depth is bounded by the parser (128).
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::bad_request("The body is not UTF-8."))?;
    // Serde would take a list for a struct's fields in order.
    if text.trim_start().starts_with('[') {
        return Err(Fault::bad_request("The body must be a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    reader.end().map_err(|_| Fault::bad_request("Something follows the JSON value."))?;
    Ok(value)
}

/// The parser's words without positions; cut, for they may quote the client's own value.
fn explain(path: &str, error: &serde_json::Error) -> Fault {
    const MOST: usize = 200;
    if !error.is_data() {
        return Fault::bad_request("The body is not JSON that can be read.");
    }
    let words = error.to_string();
    let words: String = words.split(" at line ").next().unwrap_or_default().chars().take(MOST).collect();
    let quoted = |start: &str| words.strip_prefix(start)?.split('`').next();
    let missing = quoted("missing field `").or_else(|| quoted("unknown field `"));
    match (path, missing) {
        (".", None) => Fault::bad_request(words),
        (_, Some(name)) => Fault::field(name, words.clone()),
        (path, None) => Fault::field(path, words.clone()),
    }
}

/// The refresh token of the cookie.
#[derive(Debug)]
pub struct RefreshCookie(pub Option<String>);

/// Ours are some 60 characters; what is longer isn't looked at.
const MAX_COOKIE: usize = 512;

impl FromRequestParts<Edge> for RefreshCookie {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Edge) -> Result<Self, Problem> {
        Ok(Self(refresh_cookie(&parts.headers)))
    }
}

/// Of two, one was planted by another host of the domain: nobody is signed in as somebody else by it.
pub(crate) fn refresh_cookie(headers: &HeaderMap) -> Option<String> {
    match cookie_of(headers, "refresh") {
        Cookie::One(token) => Some(token),
        Cookie::None | Cookie::Several => None,
    }
}

/// What a request says under the name of a cookie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    None,
    One(String),
    /// Different things: another host of the same domain can set a cookie of any name for this one.
    Several,
}

pub(crate) fn cookie_of(headers: &HeaderMap, wanted: &str) -> Cookie {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, value)| *name == wanted && !value.is_empty()).map(|pair| pair.1);
    let Some(first) = values.next() else { return Cookie::None };
    if values.any(|other| other != first) {
        return Cookie::Several;
    }
    if first.len() <= MAX_COOKIE { Cookie::One(first.to_owned()) } else { Cookie::None }
}

/// What the device says it is, cut as the contract wants it.
#[derive(Debug)]
pub struct Agent(pub String);

impl FromRequestParts<Edge> for Agent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Edge) -> Result<Self, Problem> {
        const MOST: usize = 200;
        let agent =
            parts.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Ok(Self(agent.map(|agent| agent.chars().take(MOST).collect()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        numbers: Vec<u8>,
    }

    fn fault(text: &str) -> (String, Vec<String>) {
        let fault = read_json::<Sample>(text.as_bytes()).unwrap_err();
        assert_eq!(fault.code, Code::BadRequest);
        (fault.detail, fault.fields.into_iter().map(|field| field.field).collect())
    }

    #[test]
    fn a_refused_body_names_its_field() {
        assert_eq!(fault("{}").1, ["name"]);
        assert_eq!(fault(r#"{"name": 5}"#).1, ["name"]);
        assert_eq!(fault(r#"{"name": null}"#).1, ["name"]);
        assert_eq!(fault(r#"{"name": "a", "numbers": [1, "x"]}"#).1, ["numbers[1]"]);
        assert_eq!(fault(r#"{"name": "a", "numbers": [300]}"#).1, ["numbers[0]"]);
        assert_eq!(fault(r#"{"name": "a", "nmae": 1}"#).1, ["nmae"]);
        assert!(fault(r#"{"name": "a", "name": "b"}"#).0.contains("duplicate"));
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_in_words() {
        let deep = format!("{{\"name\":{}", "[".repeat(100_000));
        for text in ["", "{", "[]x", "\u{feff}{}", "{\"name\": \"a\"} {}", &deep, "nul", "5", "\"text\""] {
            let (detail, _) = fault(text);
            assert!(!detail.is_empty() && detail.len() < 300 && !detail.contains(" line "), "{detail}");
        }
        assert!(read_json::<Sample>(b"{\"name\": \"\xFF\"}").is_err());
        let read = read_json::<Sample>(br#"{"name": "a", "numbers": [1]}"#).unwrap();
        assert_eq!((read.name.as_str(), read.numbers), ("a", vec![1]));
    }

    #[test]
    fn only_plain_json_in_utf_8_is_taken() {
        let of = |kind: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]));
        assert!(
            of("application/json") && of("Application/JSON; charset=\"UTF-8\"") && of("application/json;a=b")
        );
        assert!(
            !of("text/plain")
                && !of("application/json; charset=latin1")
                && !of("")
                && !of("application/jsonp")
        );
        assert!(!is_json(&HeaderMap::new()));
        let mut zipped = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        zipped.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(!is_json(&zipped));
    }

    #[test]
    fn one_bearer_token_and_one_cookie_are_found() {
        let headers = |pairs: &[(header::HeaderName, &str)]| -> HeaderMap {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.append(name, value.parse().unwrap());
            }
            map
        };
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "bearer a.b.c")])), Some("a.b.c"));
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Basic a")])), None);
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Bearer")])), None);
        let twice = [(header::AUTHORIZATION, "Bearer a"), (header::AUTHORIZATION, "Bearer b")];
        assert_eq!(bearer(&headers(&twice)), None);

        let cookie = |text: &str| refresh_cookie(&headers(&[(header::COOKIE, text)]));
        assert_eq!(cookie("a=b; refresh=xyz; c=d").as_deref(), Some("xyz"));
        assert_eq!(cookie("xrefresh=a; refresh="), None);
        assert_eq!(cookie(&format!("refresh={}", "a".repeat(600))), None);
        assert_eq!(cookie("refresh=theirs; refresh=mine"), None, "which of them is ours can't be told");
        assert_eq!(cookie("refresh=mine; refresh=mine").as_deref(), Some("mine"));
        let lines = [(header::COOKIE, "refresh=theirs"), (header::COOKIE, "refresh=mine")];
        assert_eq!(refresh_cookie(&headers(&lines)), None);
    }

    proptest! {
        #[test]
        fn no_body_whatever_panics_or_blames_us(bytes: Vec<u8>) {
            if let Err(fault) = read_json::<Sample>(&bytes) {
                prop_assert_eq!(fault.code, Code::BadRequest);
            }
        }
    }
}
