//! Who calls, how often, and what was refused: before and after every handler.

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexavpn_commands::{Authenticated, Request as CommandRequest, Secret};
use nexavpn_domain::{ids::SessionId, security::FailureKind};

use super::{
    NAME, WgEasy,
    error::{DialectError, Refused},
    limits,
    table::{self, Counted, Opens, Route},
    token,
};
use crate::{
    auth::{Checked, Principal, TokenUse, caller, is_own},
    consistency::read_level,
    http::{Client, Quota},
};

/// Who calls, for handlers.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    /// The session, where there is one.
    session: Option<Session>,
    /// For the commands.
    pub(super) request: CommandRequest,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    id: SessionId,
    user: Authenticated,
    /// Where the log ended when it was asked for.
    log_end: i64,
    /// By the header, as the contract has it, and not by the cookie.
    by_bearer: bool,
}

/// Who sent a request.
enum Sender {
    Session(Session),
    /// Somebody whose session has come to its end.
    Expired,
    Nobody,
}

impl Guest {
    /// The session.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.session.map(|session| session.id)
    }

    /// Whether this is a client of the published contract. Those of version 14, which has no
    /// tokens, send the cookie alone.
    pub(super) fn follows_contract(&self) -> bool {
        self.session.is_some_and(|session| session.by_bearer)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = DialectError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, DialectError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(not_signed_in)
    }
}

/// Admits whom the table admits, as often as it says.
pub(super) async fn admit(State(dialect): State<WgEasy>, request: Request, next: Next) -> Response {
    let mut quota = None;
    let answer = admitted(&dialect, request, next, &mut quota).await;
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if let Some(quota) = quota {
        limits::write(quota, dialect.app.commands.now().timestamp(), response.headers_mut());
    }
    response
}

async fn admitted(
    dialect: &WgEasy,
    mut request: Request,
    next: Next,
    quota: &mut Option<Quota>,
) -> Result<Response, DialectError> {
    let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let Some(route) = pattern.and_then(|p| table::find(request.method().as_str(), p)) else {
        return Err(super::nothing_here().await);
    };
    let stranger = Client::of(&request);
    let (session, expired) = match identify(dialect, request.headers()).await? {
        Sender::Session(session) => (Some(session), false),
        Sender::Expired => (None, true),
        Sender::Nobody => (None, false),
    };
    let guest = guest(session, &request);
    *quota = match (route.opens, session) {
        (Opens::Session, None) => dialect.app.rates.count(stranger),
        (_, session) => count(dialect, route, stranger, session),
    };
    let recorded = |error: DialectError| {
        if route.is_command() {
            record_refusal(dialect, &guest, route, error.status(), error.cause());
        }
        error
    };
    limits::check(*quota).map_err(recorded)?;
    if route.opens == Opens::Session && session.is_none() {
        // A session ends with the day, and its client signs in again: that is no failure.
        return Err(if expired { not_signed_in() } else { recorded(not_signed_in()) });
    }
    request.extensions_mut().insert(guest.clone());
    let response = match session {
        Some(session) if !route.reads_nothing() => {
            read_level::<DialectError>(&dialect.app, session.log_end, next.run(request)).await
        }
        _ => next.run(request).await,
    };
    let status = response.status();
    // A login records wrong passwords itself.
    let login = route.counted == Counted::Session;
    let tried = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    if route.is_command() && !(login && tried) {
        let code = response.extensions().get::<Refused>().map_or("refused", |refused| refused.0);
        record_refusal(dialect, &guest, route, status, code);
    }
    Ok(response)
}

fn count(
    dialect: &WgEasy,
    route: &Route,
    stranger: Client,
    session: Option<Session>,
) -> Option<Quota> {
    let limits = &dialect.limits;
    match (route.counted, session) {
        (Counted::Session, _) => limits.session(stranger),
        (Counted::Create, _) => limits.create(),
        (Counted::Delete, _) => limits.delete(),
        (Counted::List, Some(session)) => limits.list(session.id),
        (Counted::Usual, Some(session)) => {
            dialect.app.rates.count(Client::User(session.user.user_id))
        }
        (Counted::List | Counted::Usual, None) => dialect.app.rates.count(stranger),
    }
}

/// The session of the header's or the cookie's token, whichever works. A cookie comes with whatever
/// request a browser makes: it counts in those of our own pages, and of programs.
async fn identify(dialect: &WgEasy, headers: &HeaderMap) -> Result<Sender, DialectError> {
    let mut sender = Sender::Nobody;
    let cookie = token::cookie().sent(headers).filter(|_| is_own(headers));
    let tokens = [(token::bearer(headers), true), (cookie.as_ref().map(Secret::expose), false)];
    for (token, by_bearer) in tokens {
        let Some(token) = token else { continue };
        let app = &dialect.app;
        let checked = app.tokens.check_for(TokenUse::WgEasy, token, app.commands.now()).await?;
        let claims = match checked {
            Checked::Works(claims) => claims,
            Checked::Expired => {
                sender = Sender::Expired;
                continue;
            }
            Checked::Unknown => continue,
        };
        // The owner of a session from before another owner was configured is none any more.
        if claims.sub == dialect.owner
            && let Some((user, log_end)) = app.commands.authenticate_at(claims.sid).await?
            && user.user_id == dialect.owner
        {
            return Ok(Sender::Session(Session { id: claims.sid, user, log_end, by_bearer }));
        }
    }
    Ok(sender)
}

fn guest(session: Option<Session>, request: &Request) -> Guest {
    let principal = session.map_or(Principal::Anonymous, |session| Principal::User(session.user));
    let mut request = caller(principal, request).request;
    request.auth_method = session.map(|_| NAME.to_owned());
    request.log_end = session.map(|session| session.log_end);
    // It has no versions to match.
    request.if_match = None;
    Guest { session, request }
}

fn not_signed_in() -> DialectError {
    DialectError::unauthorized("Not Logged In")
}

/// Records a command that was refused.
fn record_refusal(
    dialect: &WgEasy,
    guest: &Guest,
    route: &Route,
    status: StatusCode,
    code: &'static str,
) {
    let kind = match status {
        StatusCode::UNAUTHORIZED => FailureKind::Token,
        status if status.is_client_error() => FailureKind::Refused,
        _ => return,
    };
    let at = format!("{} {}", route.method, route.path);
    let user = guest.session.map(|s| s.user.user_id);
    dialect.app.commands.record_failure_later(&guest.request, kind, user, code, Some(at));
}
