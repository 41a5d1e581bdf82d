//! `Idempotency-Key`: a change that is sent again under the same key happens once, and is answered
//! as it was the first time.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the layer around every route that changes something |
//! | `answer.rs` | answers as they are kept and given again, without their secrets |
//! | `turns.rs` | one after another, where the same request comes several times at once |
//!
//! What makes it safe is the record that the append writes ([`nexavpn_commands::Once`]); the turns
//! only spare the work.

mod answer;
mod turns;

use std::time::{Duration, Instant};

use axum::{
    body::Bytes,
    extract::{FromRequest as _, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use nexavpn_commands::{Once, Recorded};
use nexavpn_store::WrappedKey;
use sha2::{Digest, Sha256};

use crate::{
    App, BASE_PATH,
    auth::{Caller, Principal},
    error::ApiError,
    extract::body_refused,
    routes::{PREVIEWS, REPEATABLE},
};
use answer::Kept;
pub(crate) use answer::shows_secrets;
pub use turns::Turns;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` on an answer that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a request waits for another one with the same key.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks whether another process has answered.
const LOOK: Duration = Duration::from_millis(25);
/// What the wait for another process's answer adds to the wait for read models.
const GRACE: Duration = Duration::from_secs(1);

/// Lets a request with an `Idempotency-Key` happen once.
///
/// # Errors
/// 400 for a key that is none, 422 for one that another request has used, 409 where that other
/// one still runs.
pub async fn layer(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some((key, who, pattern)) = keyed(&request)? else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    // As the handler will take it, so that the same bodies are refused.
    let whole = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(whole, &app).await.map_err(body_refused)?;
    let mut parts = parts;
    let method = parts.method.clone();
    let query = parts.uri.query().unwrap_or_default();
    let fingerprint = format!("{query} {}", hex::encode(Sha256::digest(&body)));
    let route = format!("{method} {}", parts.uri.path());
    let status = usual_status(&method, &pattern).as_u16();
    let once = app.commands.once(who, route, &key, &fingerprint, status);
    let asked = Asked { app: &app, once: &once, pattern: &pattern, body: &body };

    let turn = app.turns.take(once.name(), PATIENCE).await;
    let _turn = turn.ok_or_else(still_running)?;
    let seal = app.commands.answer_key().await?;
    if let Some(answer) = asked.repeated(&seal).await? {
        return Ok(answer);
    }
    if let Some(caller) = parts.extensions.get_mut::<Caller>() {
        caller.request.once = Some(once.clone());
    }
    let answer = next.run(Request::from_parts(parts, body.clone().into())).await;
    Ok(asked.settle(&seal, answer).await)
}

/// The key, the principal and the route's pattern, where the header counts.
fn keyed(request: &Request) -> Result<Option<(String, String, String)>, ApiError> {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if !changes.contains(request.method()) {
        return Ok(None);
    }
    let Some(key) = key(request.headers())? else { return Ok(None) };
    let pattern = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let pattern = pattern.unwrap_or_default();
    let path = pattern.strip_prefix(BASE_PATH).unwrap_or(&pattern);
    // A preview changes nothing: the second one is about another moment.
    if path.starts_with("/auth/") || path.starts_with(PREVIEWS) || REPEATABLE.contains(&path) {
        return Ok(None);
    }
    let principal = request.extensions().get::<Caller>().map(|caller| caller.principal);
    // A gateway's own routes say what is, and may say it again.
    let Some(Principal::User(user)) = principal else { return Ok(None) };
    Ok(Some((key, format!("user:{}", user.user_id), path.to_owned())))
}

/// The status of a success, where the record is all that is left of it; what is made new is 201.
fn usual_status(method: &Method, pattern: &str) -> StatusCode {
    match pattern {
        "/me/password" => StatusCode::NO_CONTENT,
        "/admin/gateways/{id}/join-token" => StatusCode::CREATED,
        _ if method == Method::DELETE => StatusCode::NO_CONTENT,
        "/admin/gateways/{id}/drain"
        | "/admin/gateways/{id}/key-rotation"
        | "/admin/gateways/{id}/key-rotation/switch" => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let printable = |b: &u8| (b' '..=b'~').contains(b);
    let text = value
        .to_str()
        .ok()
        .filter(|t| (1..=255).contains(&t.len()) && t.as_bytes().iter().all(printable));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(ApiError::field(
            "Idempotency-Key",
            "must be given once, with 1 to 255 printable ASCII characters",
        )),
    }
}

/// A keyed request.
struct Asked<'a> {
    app: &'a App,
    once: &'a Once,
    pattern: &'a str,
    body: &'a Bytes,
}

impl Asked<'_> {
    /// The answer to a request that happened before; none where all that it did is on record
    /// elsewhere, or it did nothing: then it runs again, and cannot do more.
    async fn repeated(&self, seal: &WrappedKey) -> Result<Option<Response>, ApiError> {
        let patience = self.app.http.consistency_wait + GRACE;
        let deadline = Instant::now() + patience;
        loop {
            let recorded = self.app.commands.recorded(self.once, seal).await?;
            let Some(recorded) = recorded else { return Ok(None) };
            if !recorded.same {
                return Err(key_reused());
            }
            // Another process may be about to answer, or it ended before it could.
            let age = self.app.commands.now() - recorded.recorded_at;
            let may_come = TimeDelta::from_std(patience).is_ok_and(|patience| age < patience);
            if !recorded.unanswered || !may_come || Instant::now() >= deadline {
                return Ok(self.again(&recorded));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn again(&self, recorded: &Recorded) -> Option<Response> {
        let kept = recorded.answer.as_deref().and_then(Kept::from_bytes);
        let mut response = match kept {
            Some(kept) => kept.into_response(),
            None => answer::bare(recorded, self.pattern, self.body)?,
        };
        response.headers_mut().insert(REPLAYED, axum::http::HeaderValue::from_static("true"));
        Some(response)
    }

    /// Keeps a success for repeats. Where the request failed after its change was committed, the
    /// change is what is answered.
    async fn settle(&self, seal: &WrappedKey, answer: Response) -> Response {
        if answer.status().is_success() {
            return self.keep(seal, answer).await;
        }
        match self.app.commands.recorded(self.once, seal).await {
            Ok(Some(recorded)) if recorded.own => {
                answer::bare(&recorded, self.pattern, self.body).unwrap_or(answer)
            }
            Ok(Some(_)) => match self.repeated(seal).await {
                Ok(Some(first)) => first,
                Ok(None) => answer,
                Err(error) => error.into_response(),
            },
            Ok(None) => answer,
            Err(error) => {
                tracing::warn!(%error, "whether a request happened could not be looked up");
                answer
            }
        }
    }

    async fn keep(&self, seal: &WrappedKey, answer: Response) -> Response {
        let (answer, kept) = answer::keep(answer).await;
        let status = answer.status().as_u16();
        match self.app.commands.keep_answer(self.once, seal, status, kept.as_deref()).await {
            Ok(true) => answer,
            // Another process was first with the same request, and neither had to append.
            Ok(false) => match self.repeated(seal).await {
                Ok(Some(first)) => first,
                _ => answer,
            },
            Err(error) => {
                // What was appended is on record; a repeat is answered with that.
                tracing::warn!(%error, "the answer to a request could not be kept");
                answer
            }
        }
    }
}

pub(crate) fn key_reused() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "this Idempotency-Key was used for another request: use a new key for each request",
    )
}

pub(crate) fn still_running() -> ApiError {
    let message = "a request with this Idempotency-Key still runs: send it again for its answer";
    ApiError::new(StatusCode::CONFLICT, nexavpn_commands::rows::KEY_IN_USE, message).retry_after(1)
}
