//! The page, embedded in the binary: hashed files that never change, one HTML file that is asked for each time, and
//! the paths that the page itself understands.

use std::borrow::Cow;

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;
use visavis_domain::Fault;

use crate::{Edge, problem::Problem};

/// What `npm run build` left; empty until then.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Addresses that the page renders itself.
const PAGES: [&str; 8] = ["/", "/login/magic", "/check", "/chat", "/friends", "/console", "/rules", "/me"];
/// And below this one each room's.
const ROOM: &str = "/room/";
/// The builder puts a hash of the content into every name below it.
const HASHED: &str = "assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// May be kept, but has to be asked for each time.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");
/// `/` when the page isn't in the binary.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Visavis</title>\
    <h1>The page is not built into this program</h1><p>The server runs, but it was compiled without its page. Build \
    both with <code>cargo xtask run</code> (or <code>npm ci && npm run build</code> in <code>web/</code>, then \
    <code>cargo build</code>).</p></html>";

/// Everything that isn't a route of the API. Only these answers are compressed: no secret is ever in them.
pub(crate) fn routes() -> Router<Edge> {
    Router::new().fallback(page).layer(CompressionLayer::new())
}

async fn page(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/socket.io") || path.starts_with("/.well-known") {
        return Problem::from(Fault::not_found("This address")).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::method_not_allowed().into_response();
    }
    let name = path.trim_start_matches('/');
    match Dist::get(name).filter(|_| !name.is_empty()) {
        Some(file) => answer(&request, name, file, StatusCode::OK),
        None => html(&request, if is_page(path) { StatusCode::OK } else { StatusCode::NOT_FOUND }),
    }
}

/// Whether the page knows what to show there; if there is such a room, it finds out itself.
fn is_page(path: &str) -> bool {
    PAGES.contains(&path) || path.strip_prefix(ROOM).is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// The one HTML file, which says itself that it doesn't know an address.
fn html(request: &Request, status: StatusCode) -> Response {
    let wants_html = request.headers().get(header::ACCEPT).is_none_or(|accept| {
        accept.to_str().is_ok_and(|accept| accept.contains("text/html") || accept.contains("*/*"))
    });
    if status == StatusCode::NOT_FOUND && (!wants_html || request.uri().path().starts_with("/assets/")) {
        return Problem::from(Fault::not_found("This address")).into_response();
    }
    if let Some(file) = Dist::get("index.html") {
        return answer(request, "index.html", file, status);
    }
    let status = if status == StatusCode::OK { StatusCode::SERVICE_UNAVAILABLE } else { status };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], NOT_BUILT)
        .into_response()
}

fn answer(request: &Request, name: &str, file: EmbeddedFile, status: StatusCode) -> Response {
    let etag = etag(&file);
    let cache = if name.starts_with(HASHED) { IMMUTABLE } else { ASK };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag));
    let tag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, cache)];
    if fresh && status == StatusCode::OK {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)))];
    match file.data {
        Cow::Borrowed(bytes) => (status, headers, kind, bytes).into_response(),
        Cow::Owned(bytes) => (status, headers, kind, bytes).into_response(),
    }
}

/// Weak, because the same tag names the compressed and the plain form.
fn etag(file: &EmbeddedFile) -> String {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash());
    format!("W/\"{hash}\"")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("mp3") => "audio/mpeg",
        Some("ogg") => "audio/ogg",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn get(path: &str, accept: &str) -> Response {
        page(Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_known_address_is_the_page_or_says_that_it_is_not_built() {
        for path in PAGES {
            let response = get(path, "text/html").await;
            let expected = if Dist::get("index.html").is_some() { 200 } else { 503 };
            assert_eq!(response.status(), expected, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        }
    }

    #[test]
    fn the_page_and_the_server_know_the_same_addresses() {
        let app = std::fs::read_to_string("../../web/src/ui/app.tsx").unwrap();
        let known: Vec<&str> = app
            .lines()
            .filter_map(|line| line.trim().strip_prefix('\'')?.split_once("': { page:"))
            .map(|(path, _)| path)
            .collect();
        assert!(known.len() > 5, "{known:?}");
        for path in &known {
            assert!(is_page(path), "{path} is a page that the server answers with 404");
        }
        for path in PAGES {
            assert!(known.contains(&path), "{path} is no page");
        }
    }

    #[tokio::test]
    async fn an_unknown_address_is_404_in_the_form_that_is_wanted() {
        let page = get("/nowhere", "text/html").await;
        assert_eq!(page.status(), 404);
        assert!(page.extensions().get::<Problem>().is_none());
        for (path, accept) in
            [("/nowhere", "application/json"), ("/assets/x.js", "*/*"), ("/socket.io/", "*/*")]
        {
            let response = get(path, accept).await;
            assert_eq!(response.extensions().get::<Problem>().unwrap().status, 404, "{path}");
        }
        for path in ["/../Cargo.toml", "/assets/../../src/web.rs", "//etc/passwd", "/%2e%2e/Cargo.toml"] {
            assert_eq!(get(path, "text/html").await.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn every_embedded_file_has_a_type_a_tag_and_the_right_life() {
        for name in Dist::iter() {
            let response = get(&format!("/{name}"), "*/*").await;
            assert_eq!(response.status(), 200, "{name}");
            assert_ne!(response.headers()[header::CONTENT_TYPE], "application/octet-stream", "{name}");
            let immutable = response.headers()[header::CACHE_CONTROL] == IMMUTABLE;
            assert_eq!(immutable, name.starts_with(HASHED), "{name}");
            let tag = response.headers()[header::ETAG].clone();
            let again = Request::get(format!("/{name}")).header(header::IF_NONE_MATCH, tag);
            assert_eq!(page(again.body(Body::empty()).unwrap()).await.status(), 304, "{name}");
        }
    }
}
