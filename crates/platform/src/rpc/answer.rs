//! The answering side. Who can't show the seal learns nothing: 401 and an empty body, whatever was wrong.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use visavis_domain::{
    Code, Fault,
    contract::{self, Caller, Dispatch},
    replay::Verdict,
};

use super::{
    MAX_REPLY, MAX_REQUEST, Rpc, Told,
    seal::{Head, Kind},
};

/// A caller that takes longer to send a body is not one of ours.
const BODY_TIME: Duration = Duration::from_secs(5);
/// No request of ours wants an answer for longer.
const LONGEST: Duration = Duration::from_mins(1);

/// Why a request is not a call.
enum NoCall {
    /// Nothing is said.
    Refused,
    /// More than was to be expected.
    TooLarge,
}

impl Rpc {
    /// Answers one request of the private listener.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        match self.hear(path, &parts.headers, body).await {
            Ok((head, body)) => {
                let (reply, waited) = self.reply(path, &head, body).await;
                self.seal_reply(head.nonce, waited, reply)
            }
            Err(NoCall::TooLarge) => bare(StatusCode::PAYLOAD_TOO_LARGE),
            Err(NoCall::Refused) => {
                metrics::counter!("visavis_rpc_refused_total").increment(1);
                bare(StatusCode::UNAUTHORIZED)
            }
        }
    }

    /// The head and body of a genuine call.
    async fn hear<B>(&self, path: &str, headers: &HeaderMap, body: B) -> Result<(Head, Bytes), NoCall>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let head = Head::read(headers, Kind::Call).ok_or(NoCall::Refused)?;
        // A look at the time costs nothing; strangers' bodies aren't even read.
        if !self.is_timely(&head) {
            return Err(NoCall::Refused);
        }
        let body = Limited::new(body, MAX_REQUEST).collect();
        let body = match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(NoCall::TooLarge),
            _ => return Err(NoCall::Refused),
        };
        if self.0.seal.is_genuine(headers, Kind::Call, path, &head, &body) {
            Ok((head, body))
        } else {
            Err(NoCall::Refused)
        }
    }

    pub(super) fn is_timely(&self, head: &Head) -> bool {
        let replay = self.0.replay.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        replay.is_timely(self.0.clock.now(), head.at)
    }

    /// Whether a genuine message is heard for the first time.
    pub(super) fn is_first(&self, head: &Head) -> Verdict {
        let mut replay = self.0.replay.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        replay.handle(self.0.clock.now(), head.at, head.nonce)
    }

    /// What is answered, and how long that waited for stores.
    async fn reply(&self, path: &str, head: &Head, body: Bytes) -> (Reply, Duration) {
        match self.find(path, head) {
            Ok((role, method)) => {
                let told = self.ask_role(role, method, head, body).await;
                (Reply::Said(told.reply), told.waited)
            }
            Err(reply) => (reply, Duration::ZERO),
        }
    }

    /// What a call is for.
    fn find(&self, path: &str, head: &Head) -> Result<(Arc<dyn Dispatch>, String), Reply> {
        match self.is_first(head) {
            Verdict::Fresh => {}
            Verdict::Stale => return Err(Reply::Nothing),
            Verdict::Full => return Err(Reply::Said(Err(Fault::unavailable()))),
        }
        let mut parts = path.strip_prefix("/rpc/").unwrap_or_default().splitn(2, '/');
        let (role, method) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let anybody = head.to.is_empty() && role == "node";
        if !anybody && head.to != self.0.nodes.id().to_string() {
            return Err(Reply::NotMe);
        }
        let not_found = |what| Reply::Said(Err(Fault::not_found(what)));
        let role = self.role(role).ok_or_else(|| not_found("That role"))?;
        if role.methods().iter().all(|known| known.name != method) {
            return Err(not_found("That method"));
        }
        Ok((role, method.to_owned()))
    }

    async fn ask_role(&self, role: Arc<dyn Dispatch>, method: String, head: &Head, body: Bytes) -> Told {
        let cx = Caller { request: head.about.clone(), remaining_ms: head.remaining_ms };
        let wait = Duration::from_millis(head.remaining_ms).min(LONGEST);
        let patience = head.patience_ms.map(Duration::from_millis);
        match self.run(role, method, cx, patience, body.into()) {
            Some(running) => Told::within(wait, running).await,
            None => Told::at_once(Err(Fault::unavailable())),
        }
    }

    fn seal_reply(&self, nonce: u128, waited: Duration, reply: Reply) -> Response<Full<Bytes>> {
        let (status, body) = match reply {
            Reply::Nothing => return bare(StatusCode::UNAUTHORIZED),
            Reply::NotMe => (StatusCode::MISDIRECTED_REQUEST, Vec::new()),
            Reply::Said(Ok(body)) if body.len() > MAX_REPLY => {
                tracing::error!(reply.bytes = body.len(), "a reply is too large to be sent");
                fault(&Fault::internal())
            }
            Reply::Said(Ok(body)) => (StatusCode::OK, body),
            Reply::Said(Err(said)) => fault(&said),
        };
        let mut response = bare(status);
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.0.seal.write_reply(response.headers_mut(), nonce, status.as_u16(), waited_ms, &body);
        *response.body_mut() = Full::new(Bytes::from(body));
        response
    }
}

/// What a genuine call is answered.
enum Reply {
    /// What the role said.
    Said(Result<Vec<u8>, Fault>),
    /// It was for another process.
    NotMe,
    /// It was heard before: whoever sends it again is not the one who made it.
    Nothing,
}

fn fault(said: &Fault) -> (StatusCode, Vec<u8>) {
    // 421 has a meaning of its own here.
    let status = if said.code == Code::WrongHost { 400 } else { said.code.status() };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, contract::encode(said).unwrap_or_default())
}

fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
