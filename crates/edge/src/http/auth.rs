//! Sign-in, tokens and login sessions. The refresh token lives in a cookie that scripts can't read; it is never in a
//! body, and no answer tells a known address from an unknown one.

use axum::{
    Json as Reply,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Code, Fault, Timestamp,
    contract::{
        Caller,
        auth::{
            Challenge, Jwks, Login, LoginSession, Magic, MagicSignIn, MaskedEmail, Refresh, Revoke, Sessions,
            SignedIn, Verify,
        },
        moderation::Seen,
    },
    id::kind,
    wire::Me,
};

use super::route::{Route, delete, get, post};
use crate::{
    Edge,
    guard::{
        device::Device,
        extract::{Agent, Cx, Json, PathId, RefreshCookie, Signed},
    },
    problem::Problem,
};

/// 30 days, as long as a login session may lie idle (protocol section 2).
const COOKIE_MAX_AGE_S: u32 = 2_592_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/auth/login", login, "Mails a code and a link to sign in with.")
            .takes::<LoginBody>()
            .answers::<Challenge>(202),
        post("/api/auth/verify", verify, "Signs in with the code of the mail.")
            .takes::<VerifyBody>()
            .answers::<SignedInBody>(200),
        post("/api/auth/magic/peek", peek, "Tells whose link this is. Consumes nothing.")
            .takes::<MagicBody>()
            .answers::<MaskedEmail>(200),
        post("/api/auth/magic", magic, "Signs in with the link of the mail.")
            .takes::<MagicBody>()
            .answers::<SignedInBody>(200),
        post(
            "/api/auth/refresh",
            refresh,
            "Trades the refresh cookie for a new access token and a new cookie.",
        )
        .cookie()
        .answers::<SignedInBody>(200),
        post("/api/auth/logout", logout, "Ends the login session of the refresh cookie.").cookie(),
        get("/api/auth/sessions", sessions, "My login sessions.").signed().answers::<SessionsBody>(200),
        delete("/api/auth/sessions/{id}", end_session, "Ends one of my login sessions.").signed(),
        get("/.well-known/jwks.json", jwks, "The keys that access tokens are signed with.")
            .answers::<Jwks>(200),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Login")]
pub(super) struct LoginBody {
    /// The address to mail to.
    email: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Verify")]
pub(super) struct VerifyBody {
    /// Of the answer to `login`.
    challenge_id: String,
    /// Six digits.
    code: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Magic")]
pub(super) struct MagicBody {
    /// From the fragment of the mailed link.
    token: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SignedIn")]
struct SignedInBody {
    /// JWT (EdDSA), at most 15 minutes.
    access_token: String,
    /// When the access token ends.
    expires_at: Timestamp,
    /// My account.
    user: Me,
    /// First sign-in of this address.
    new_user: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sessions")]
struct SessionsBody {
    sessions: Vec<LoginSession>,
}

async fn login(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Json(body): Json<LoginBody>,
) -> Result<impl IntoResponse, Problem> {
    let challenge = edge.auth.login(&cx, Login { email: body.email }).await?;
    metrics::counter!("visavis_logins_total", "step" => "requested").increment(1);
    Ok((StatusCode::ACCEPTED, Reply(challenge)))
}

async fn verify(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Agent(agent): Agent,
    device: Device,
    Json(body): Json<VerifyBody>,
) -> Result<Response, Problem> {
    let signed_in =
        edge.auth.verify(&cx, Verify { challenge_id: body.challenge_id, code: body.code, agent }).await;
    signed_from(&edge, &cx, "code", signed_in, device).await
}

async fn peek(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Json(body): Json<MagicBody>,
) -> Result<Reply<MaskedEmail>, Problem> {
    Ok(Reply(edge.auth.peek(&cx, Magic { token: body.token }).await?))
}

async fn magic(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Agent(agent): Agent,
    device: Device,
    Json(body): Json<MagicBody>,
) -> Result<Response, Problem> {
    let signed_in = edge.auth.magic(&cx, MagicSignIn { token: body.token, agent }).await;
    signed_from(&edge, &cx, "link", signed_in, device).await
}

async fn refresh(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    RefreshCookie(token): RefreshCookie,
) -> Result<Response, Problem> {
    let token = token.ok_or_else(|| Fault::new(Code::Unauthorized, "Please sign in again."))?;
    signed(&edge, "refresh", edge.auth.refresh(&cx, Refresh { token }).await)
}

async fn logout(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    RefreshCookie(token): RefreshCookie,
) -> Result<impl IntoResponse, Problem> {
    if let Some(token) = token {
        edge.auth.logout(&cx, Refresh { token }).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&edge, "", 0)?)]))
}

async fn sessions(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
) -> Result<Reply<SessionsBody>, Problem> {
    let sessions = edge.auth.sessions(&cx, Sessions { user: me.user, current: me.login }).await?;
    Ok(Reply(SessionsBody { sessions }))
}

async fn end_session(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(login): PathId<kind::Login>,
) -> Result<StatusCode, Problem> {
    edge.auth.revoke(&cx, Revoke { user: me.user, login }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn jwks(State(edge): State<Edge>, Cx(cx): Cx) -> Result<impl IntoResponse, Problem> {
    // A new key is here well before its first use, so a minute of caching never hides one that is needed.
    Ok(([(header::CACHE_CONTROL, "public, max-age=60")], Reply(edge.auth.jwks(&cx, ()).await?)))
}

/// A sign-in, and where it came from: whoever is suspended and comes back under another name is known again.
async fn signed_from(
    edge: &Edge,
    cx: &Caller,
    step: &'static str,
    result: Result<SignedIn, Fault>,
    mut device: Device,
) -> Result<Response, Problem> {
    let (token, cookie) = device.token(&edge.dice);
    if let Ok(signed_in) = &result {
        let seen = Seen { user: signed_in.user.id, device: token, network: device.network };
        // Whom that role can't be asked about now is asked about at their next sign-in.
        if let Err(fault) = edge.moderation.seen(cx, seen).await {
            tracing::warn!(fault.code = %fault.code, "where somebody signed in from could not be kept");
        }
    }
    let mut response = signed(edge, step, result)?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The answer to a sign-in: access token in the body, refresh token in the cookie.
fn signed(edge: &Edge, step: &'static str, result: Result<SignedIn, Fault>) -> Result<Response, Problem> {
    let outcome = if result.is_ok() { step } else { "refused" };
    metrics::counter!("visavis_logins_total", "step" => outcome).increment(1);
    let SignedIn { access_token, expires_at, refresh_token, user, new_user } = result?;
    let cookie = cookie(edge, &refresh_token, COOKIE_MAX_AGE_S)?;
    let body = SignedInBody { access_token, expires_at, user, new_user };
    Ok(([(header::SET_COOKIE, cookie)], Reply(body)).into_response())
}

fn cookie(edge: &Edge, token: &str, max_age_s: u32) -> Result<HeaderValue, Fault> {
    let secure = if edge.site.hosts.public.is_https() { "; Secure" } else { "" };
    let text =
        format!("refresh={token}; HttpOnly; SameSite=Strict; Path=/api/auth; Max-Age={max_age_s}{secure}");
    let mut value = HeaderValue::try_from(text).map_err(|_| Fault::internal())?;
    value.set_sensitive(true);
    Ok(value)
}
