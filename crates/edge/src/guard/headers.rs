//! Security headers of every answer. There is no CORS: nothing here is for other sites, so no header says otherwise.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::guard::site::PublicUrl;

/// For answers that are only true now.
pub(crate) const NO_STORE: &str = "no-store";
/// Two years, as the browsers' preload lists ask for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Camera and screen are what this place is about; everything else a browser can do is off. Only what current browsers
/// know: they complain about every other name in the console of each page.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), \
    picture-in-picture=(self), autoplay=(self), accelerometer=(), browsing-topics=(), clipboard-read=(), \
    clipboard-write=(self), compute-pressure=(), encrypted-media=(), gamepad=(), geolocation=(), gyroscope=(), \
    hid=(), identity-credentials-get=(), idle-detection=(), keyboard-map=(), local-fonts=(), \
    magnetometer=(), midi=(), otp-credentials=(), payment=(), publickey-credentials-create=(), \
    publickey-credentials-get=(), screen-wake-lock=(self), serial=(), storage-access=(), sync-xhr=(), usb=(), \
    window-management=(), xr-spatial-tracking=()";

/// Everything from here, nothing inline, nobody frames us. `'self'` covers WebSockets only in newer browsers, so they
/// are named.
fn content_security_policy(public: &PublicUrl) -> String {
    let websocket = public.websocket();
    format!(
        "default-src 'self'; connect-src 'self' {websocket}; img-src 'self' data: blob:; \
         media-src 'self' blob: mediastream:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

/// Data is no page: if a browser is made to show it, it may do nothing at all.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds them; a header that a handler has set already stays.
pub fn secure(headers: &mut HeaderMap, public: &PublicUrl, is_api: bool) {
    if is_api {
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(DATA_POLICY);
    } else {
        if let Ok(policy) = HeaderValue::from_str(&content_security_policy(public)) {
            headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
        }
        headers
            .entry(HeaderName::from_static("permissions-policy"))
            .or_insert(HeaderValue::from_static(PERMISSIONS));
    }
    let fixed = [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if public.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(public: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        secure(&mut headers, &public.parse().unwrap(), false);
        headers
    }

    #[test]
    fn nothing_inline_and_nobody_frames_us() {
        let headers = of("https://meet.example");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        for part in ["frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "wss://meet.example;"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        let permissions = headers["permissions-policy"].to_str().unwrap();
        assert!(
            permissions.contains("camera=(self)") && permissions.contains("geolocation=()"),
            "{permissions}"
        );
        for unknown in ["ambient-light-sensor", "attribution-reporting", "battery", "bluetooth", "web-share"]
        {
            assert!(!permissions.contains(unknown), "browsers complain about {unknown}");
        }
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn only_under_tls_browsers_are_told_to_stay_with_it() {
        assert!(of("https://meet.example").contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert!(!of("http://127.0.0.1:8080").contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
