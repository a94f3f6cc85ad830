//! Pictures of people: set and taken away by their owners, seen by everybody.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use visavis_domain::{
    Fault,
    contract::users::{AvatarName, SetAvatar},
};

use super::route::{Route, delete, get, put};
use crate::{
    Edge,
    guard::extract::{Cx, PathText, Signed},
    picture::Upload,
    problem::Problem,
};

/// An address never changes its picture.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const WEBP: HeaderValue = HeaderValue::from_static("image/webp");

pub(super) fn routes() -> Vec<Route> {
    vec![
        put("/api/users/me/avatar", set, "Sets my picture: the raw bytes of a PNG, JPEG or WebP.").signed(),
        delete("/api/users/me/avatar", remove, "Takes my picture away.").signed(),
        get("/api/avatars/{name}", show, "A picture as WebP: SHA-256, hyphen, 256 or 64, `.webp`."),
    ]
}

async fn set(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    upload: Upload,
) -> Result<StatusCode, Problem> {
    let made = edge.studio.make(me.user, upload).await?;
    let [large, small] = [made.large, made.small].map(|webp| BASE64_STANDARD.encode(webp));
    edge.users.set_avatar(&cx, SetAvatar { user: me.user, large, small }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(State(edge): State<Edge>, Cx(cx): Cx, Signed(me): Signed) -> Result<StatusCode, Problem> {
    edge.users.remove_avatar(&cx, me.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn show(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    PathText(text): PathText,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = named(&text).ok_or_else(|| Fault::not_found("That picture"))?;
    let tag = format!("\"{}-{}\"", name.sha256, name.side);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let webp = edge.users.avatar(&cx, name).await?;
    let webp = BASE64_STANDARD.decode(webp).map_err(|_| Fault::internal())?;
    let tag = HeaderValue::try_from(tag).map_err(|_| Fault::internal())?;
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, IMMUTABLE)];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, WEBP)], webp).into_response())
}

fn named(text: &str) -> Option<AvatarName> {
    let (sha256, side) = text.strip_suffix(".webp")?.split_once('-')?;
    let is_hex = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let side = match side {
        "256" => 256,
        "64" => 64,
        _ => return None,
    };
    is_hex.then(|| AvatarName { sha256: sha256.to_owned(), side })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_digest_and_one_of_two_sizes() {
        let sha = "a".repeat(64);
        let side = |text: String| named(&text).map(|name| name.side);
        assert_eq!(side(format!("{sha}-256.webp")), Some(256));
        assert_eq!(side(format!("{sha}-64.webp")), Some(64));
        for bad in ["", "-64.webp", "../x-64.webp"] {
            assert_eq!(side(bad.to_owned()), None);
        }
        for bad in [
            format!("{sha}-65.webp"),
            format!("{sha}.webp"),
            format!("{sha}-64.png"),
            format!("{}-64.webp", sha.to_uppercase()),
        ] {
            assert_eq!(side(bad), None);
        }
    }
}
