//! Every error answer of the HTTP API, in one place: RFC 9457 `application/problem+json`.
//!
//! Whoever refuses a request returns a [`Problem`]; the frame around all routes gives it its request id and its body.
//! Nothing from the inside may get in: a [`Fault`]'s sentence is written for strangers, causes are logged where they
//! are known. `type` is a URN (no page stands behind it), and the status is the one the code travels with, but for
//! one case: a known route asked with another method is 405 with the code `bad-request`, for the closed list of codes
//! has none of its own.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use visavis_domain::{Code, Fault, Timestamp, fault::FieldFault, id::DecisionId};

use crate::guard::headers::NO_STORE;

/// The media type of RFC 9457 section 3.
pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A refused request. As a response it is an empty body with itself as an extension, until the frame renders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub fault: Fault,
    /// The HTTP status.
    pub status: StatusCode,
}

/// The body, as a client reads it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(crate) struct Body<'a> {
    /// `urn:visavis:problem:` and the code.
    r#type: String,
    /// The code in words, always the same.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time, in a sentence for a person.
    detail: &'a str,
    /// For programs.
    code: Code,
    /// To be named when asking the people who run this place.
    request_id: &'a str,
    /// The fields at fault, if any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [FieldFault],
    /// Of `suspended`: its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    until: Option<Timestamp>,
    /// Of `suspended`: what it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_id: Option<DecisionId>,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let status = StatusCode::from_u16(fault.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { fault, status }
    }
}

impl Problem {
    /// A known path, but not with this method.
    pub fn method_not_allowed() -> Self {
        let fault = Fault::bad_request("This address doesn't know that method.");
        Self { fault, status: StatusCode::METHOD_NOT_ALLOWED }
    }

    /// For an error answer that was made without a [`Problem`] (by the framework itself).
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let fault = match status {
            StatusCode::NOT_FOUND => Fault::not_found("This address"),
            StatusCode::METHOD_NOT_ALLOWED => return Self::method_not_allowed(),
            StatusCode::PAYLOAD_TOO_LARGE => Fault::new(Code::PayloadTooLarge, "The body is too large."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Fault::new(Code::UnsupportedMediaType, "The body has a type that isn't taken here.")
            }
            StatusCode::SERVICE_UNAVAILABLE => Fault::unavailable(),
            status if status.is_client_error() => Fault::bad_request("The request can't be read."),
            _ => Fault::internal(),
        };
        fault.into()
    }

    /// The answer itself. Headers that were set before (`Allow`, `Set-Cookie`) stay.
    pub(crate) fn render(&self, request_id: &str, mut response: Response) -> Response {
        let code = self.fault.code;
        let body = Body {
            r#type: format!("urn:visavis:problem:{code}"),
            title: title(code),
            status: self.status.as_u16(),
            detail: &self.fault.detail,
            code,
            request_id,
            fields: &self.fault.fields,
            until: self.fault.suspended.as_ref().map(|suspended| suspended.until),
            decision_id: self.fault.suspended.as_ref().map(|suspended| suspended.decision_id),
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        headers.remove(header::CONTENT_LENGTH);
        // Also outside the API: what is missing or refused now may be there at the next request.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        *response.body_mut() = bytes.into();
        response
    }

    /// Whole seconds, rounded up, so that a client that obeys is never refused again for coming early.
    fn retry_after_s(&self) -> Option<u64> {
        let wanted = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        // What somebody else has until then.
        let busy = self.fault.retry_after_ms.filter(|_| self.fault.code == Code::Busy);
        let millis = if wanted { Some(self.fault.retry_after_ms.unwrap_or(1_000)) } else { busy };
        millis.map(|millis| millis.div_ceil(1_000).max(1))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

const fn title(code: Code) -> &'static str {
    match code {
        Code::BadRequest => "The request has the wrong shape",
        Code::InvalidCode => "The code is not right",
        Code::ChallengeExpired => "The sign-in has expired",
        Code::InvalidSdp => "The session description can't be read",
        Code::HeldBack => "The message was held back",
        Code::Unauthorized => "Not signed in",
        Code::ReauthRequired => "A fresh sign-in is needed",
        Code::Forbidden => "Not allowed",
        Code::Suspended => "The account is suspended",
        Code::Blocked => "There is a block between the two",
        Code::Removed => "Removed from this room",
        Code::AgeRequired => "The age declaration is missing",
        Code::NotFound => "Not found",
        Code::NotInRoom => "Not in that room",
        Code::PeerGone => "The other person has gone",
        Code::Conflict => "Somebody else was faster",
        Code::AlreadyInRoom => "Already in a room",
        Code::WrongState => "Not possible now",
        Code::RoomFull => "The room is full",
        Code::RoomLocked => "The room is locked",
        Code::Busy => "Somebody else is first",
        Code::Offline => "The person is not online",
        Code::Declined => "The person declined",
        Code::PayloadTooLarge => "Too large",
        Code::UnsupportedMediaType => "Unsupported media type",
        Code::WrongHost => "Another host's address",
        Code::RateLimited => "Too many requests",
        Code::TooManyTries => "Too many tries",
        Code::Internal => "Something went wrong",
        Code::Unavailable => "Not available right now",
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    async fn rendered(problem: Problem) -> (Response, Value) {
        let response = problem.render("0123", problem.clone().into_response());
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, axum::body::Body::empty()), serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_problem_has_the_shape_of_rfc_9457_and_names_the_field() {
        let (response, body) = rendered(Fault::field("email", "must be an address").into()).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            response.headers()[header::CACHE_CONTROL],
            "no-store",
            "no cache on the way keeps a refusal"
        );
        assert_eq!(
            body,
            json!({
                "type": "urn:visavis:problem:bad-request", "title": "The request has the wrong shape", "status": 400,
                "detail": "email: must be an address", "code": "bad-request", "requestId": "0123",
                "fields": [{ "field": "email", "message": "must be an address" }],
            })
        );
    }

    #[tokio::test]
    async fn every_code_travels_with_its_own_status() {
        for code in Code::ALL {
            let (response, body) = rendered(Fault::new(code, "x").into()).await;
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(body["status"], code.status());
            assert_eq!(body["code"], code.as_str());
        }
    }

    #[tokio::test]
    async fn retry_after_is_rounded_up_and_only_where_it_means_something() {
        let wait = |problem: Problem| async {
            rendered(problem).await.0.headers().get(header::RETRY_AFTER).cloned()
        };
        assert_eq!(wait(Fault::rate_limited(1_001).into()).await.unwrap(), "2");
        assert_eq!(wait(Fault::rate_limited(0).into()).await.unwrap(), "1");
        assert_eq!(wait(Fault::unavailable().into()).await.unwrap(), "1");
        assert_eq!(wait(Fault::bad_request("x").retry_in(5_000).into()).await, None);
        assert_eq!(wait(Fault::new(Code::Busy, "x").retry_in(5_000).into()).await.unwrap(), "5");
        assert_eq!(wait(Fault::new(Code::Busy, "x").into()).await, None);
    }

    #[tokio::test]
    async fn a_method_that_is_not_known_is_405_with_a_code_of_the_list() {
        let (response, body) = rendered(Problem::method_not_allowed()).await;
        assert_eq!((response.status().as_u16(), &body["code"]), (405, &json!("bad-request")));
    }
}
