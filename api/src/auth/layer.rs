//! Authentication and the permission table, before any handler runs.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexavpn_commands::{Authenticated, Request as CommandRequest, Secret};
use nexavpn_domain::{
    ids::{GatewayId, UserId},
    security::FailureKind,
    values::Role,
};
use nexavpn_store::Actor;
use uuid::Uuid;

use super::{
    jwt::Checked,
    permissions::{self, Permission, Who},
};
use crate::{
    App, BASE_PATH,
    consistency::read_level,
    error::{ApiError, ErrorBody, RefusedCodes},
    http::{Client, Quota},
    idempotency::REPLAYED,
    routes::PREVIEWS,
};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// Nobody we know.
    Anonymous,
    /// A signed-in user.
    User(Authenticated),
    /// A gateway's node.
    Gateway(GatewayId),
}

/// The caller of a route and what its commands are recorded with.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// For the commands.
    pub request: CommandRequest,
}

impl Caller {
    /// The signed-in user.
    ///
    /// # Errors
    /// 401 for anybody else; the permission table makes sure of it before.
    pub fn user(&self) -> Result<Authenticated, ApiError> {
        match self.principal {
            Principal::User(user) => Ok(user),
            Principal::Anonymous | Principal::Gateway(_) => Err(sign_in()),
        }
    }

    /// Makes sure that an object belongs to the caller, or that the caller is an admin.
    ///
    /// # Errors
    /// 404: whoever may not see an object does not learn that it exists.
    pub fn owns(&self, owner: Option<UserId>, entity: &'static str) -> Result<(), ApiError> {
        let user = self.user()?;
        match owner {
            Some(owner) if owner == user.user_id || user.role == Role::Admin => Ok(()),
            _ => Err(ApiError::not_found(entity)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(sign_in)
    }
}

/// Where a request came from, and its id; set by the outermost layer.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The request's id.
    pub request_id: Uuid,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Whether the client speaks TLS, with us or with a proxy that we trust.
    pub tls: bool,
}

/// 401.
pub(crate) fn sign_in() -> ApiError {
    ApiError::unauthenticated("unauthenticated", "sign in first")
}

/// Finds out who calls and refuses whom the permission table does not admit, and who calls too
/// often.
pub async fn authorise(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut quota = None;
    let answer = admitted(&app, request, next, &mut quota).await;
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if let Some(quota) = quota {
        quota.write(response.headers_mut());
    }
    response
}

async fn admitted(
    app: &App,
    mut request: Request,
    next: Next,
    quota: &mut Option<Quota>,
) -> Result<Response, ApiError> {
    let pattern = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let path = pattern.as_deref().and_then(|p| p.strip_prefix(BASE_PATH)).unwrap_or_default();
    let Some(permission) = permissions::find(request.method().as_str(), path) else {
        tracing::error!(path, method = %request.method(), "a route is not in the permission table");
        return Err(ApiError::forbidden("this route is not open to anybody"));
    };
    let mut count = |client| {
        *quota = app.rates.count(client);
        quota.map_or(Ok(()), Quota::check)
    };
    // Whoever says who it is, and is not, is a stranger.
    let stranger = Client::of(&request);
    let known = request.headers().contains_key(header::AUTHORIZATION);
    let public = permission.who == Who::Public;
    if public || !known {
        count(stranger)
            .inspect_err(|_| too_many(app, Principal::Anonymous, &request, permission))?;
    }
    let (principal, log_end) = match identify(app, request.headers()).await? {
        Ok(identified) => identified,
        Err(doubt) => {
            if !public {
                count(stranger)
                    .inspect_err(|_| too_many(app, Principal::Anonymous, &request, permission))?;
            }
            let asked = caller(Principal::Anonymous, &request).request;
            record_doubt(app, &asked, permission, doubt);
            return Err(invalid_token());
        }
    };
    let counted = match principal {
        Principal::User(user) if !public => count(Client::User(user.user_id)),
        Principal::Gateway(id) if !public => count(Client::Gateway(id)),
        _ => Ok(()),
    };
    counted.inspect_err(|_| too_many(app, principal, &request, permission))?;
    let mut caller = caller(principal, &request);
    caller.request.log_end = log_end;
    if let Err(error) = admit(permission, &caller, request.uri().path()) {
        match principal {
            // Who asks for something to be read without having signed in is told to, and no more.
            Principal::Anonymous if !is_command(permission) => {}
            Principal::Anonymous => {
                refused(app, &caller, FailureKind::Token, error.code(), permission);
            }
            // Also a gateway that names another one, for which that does not exist.
            Principal::User(_) | Principal::Gateway(_) => {
                refused(app, &caller, FailureKind::Forbidden, error.code(), permission);
            }
        }
        return Err(error);
    }
    request.extensions_mut().insert(caller.clone());
    let response = match log_end {
        Some(end) if !permissions::reads_nothing(permission) => {
            read_level::<ApiError>(app, end, next.run(request)).await
        }
        _ => next.run(request).await,
    };
    if is_command(permission) {
        record_refusal(app, &caller, permission, &response);
    }
    Ok(response)
}

/// Records a command that was one too many.
fn too_many(app: &App, by: Principal, request: &Request, permission: &Permission) {
    if is_command(permission) {
        let caller = caller(by, request);
        refused(app, &caller, FailureKind::Refused, "rate_limited", permission);
    }
}

/// Whether it is there to change something.
fn is_command(permission: &Permission) -> bool {
    permission.method != "GET" && !permission.path.starts_with(PREVIEWS)
}

/// Records what a command's answer says was refused, also of single items.
fn record_refusal(app: &App, caller: &Caller, permission: &Permission, response: &Response) {
    // A login records wrong passwords itself: it knows whose they are.
    let login = ["/auth/login", "/auth/browser/login"].contains(&permission.path);
    let status = response.status();
    let tried = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    if (login && tried) || response.headers().contains_key(REPLAYED) {
        return;
    }
    let kind = match status {
        _ if permission.path == "/gateways/join" => FailureKind::GatewayJoin,
        StatusCode::UNAUTHORIZED => FailureKind::Token,
        StatusCode::FORBIDDEN => FailureKind::Forbidden,
        _ => FailureKind::Refused,
    };
    if let Some(codes) = response.extensions().get::<RefusedCodes>() {
        for code in &codes.0 {
            refused(app, caller, kind, code, permission);
        }
    } else if response.status().is_client_error() {
        let body = response.extensions().get::<ErrorBody>();
        let code = body.map_or("refused", |body| body.error.code);
        refused(app, caller, kind, code, permission);
    }
}

fn record_doubt(app: &App, request: &CommandRequest, permission: &Permission, doubt: Doubt) {
    // Every client's token expires: then it fetches the next one.
    if let Doubt::Bad(user) = doubt {
        let route = permission.name();
        let kind = FailureKind::Token;
        app.commands.record_failure_later(request, kind, user, "invalid_token", Some(route));
    }
}

fn refused(app: &App, caller: &Caller, kind: FailureKind, code: &'static str, at: &Permission) {
    let user = caller.user().ok().map(|u| u.user_id);
    app.commands.record_failure_later(&caller.request, kind, user, code, Some(at.name()));
}

/// Why a token does not say who its bearer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// It did until a while ago.
    Expired,
    /// It is unknown, malformed or revoked; this user's, where it is one of ours.
    Bad(Option<UserId>),
}

fn invalid_token() -> ApiError {
    let message = "the access token is unknown, expired or revoked: sign in again";
    ApiError::unauthenticated("invalid_token", message)
}

/// Who sent these headers.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, ApiError> {
    identify(app, headers).await?.map(|(principal, _)| principal).map_err(|_| invalid_token())
}

/// Who it is, and where the log ended then, for those who read.
type Identified = (Principal, Option<i64>);

async fn identify(app: &App, headers: &HeaderMap) -> Result<Result<Identified, Doubt>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(Ok((Principal::Anonymous, None)));
    };
    let token = value.to_str().ok().and_then(|v| {
        let (scheme, token) = v.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else { return Ok(Err(Doubt::Bad(None))) };
    // A JWT has dots; a gateway's credential has none.
    if token.contains('.') {
        let claims = match app.tokens.check(token, app.commands.now()).await? {
            Checked::Works(claims) => claims,
            Checked::Expired => return Ok(Err(Doubt::Expired)),
            Checked::Unknown => return Ok(Err(Doubt::Bad(None))),
        };
        let user = app.commands.authenticate_at(claims.sid).await?;
        let user = user.filter(|(user, _)| user.user_id == claims.sub);
        let identified = user.map(|(user, end)| (Principal::User(user), Some(end)));
        return Ok(identified.ok_or(Doubt::Bad(Some(claims.sub))));
    }
    let gateway = app.commands.gateway_of_credential(&Secret::new(token)).await?;
    let identified = gateway.map(|id| (Principal::Gateway(id), None));
    Ok(identified.ok_or(Doubt::Bad(None)))
}

pub(crate) fn caller(principal: Principal, request: &Request) -> Caller {
    let headers = request.headers();
    let text = |name: header::HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.chars().take(256).collect::<String>())
    };
    let origin = request.extensions().get::<Origin>().copied();
    let request_id = origin.map_or_else(Uuid::nil, |o| o.request_id);
    let (actor, method) = match principal {
        Principal::Anonymous => (Actor::Anonymous, None),
        Principal::User(u) => (Actor::User(u.user_id), Some("access_token")),
        Principal::Gateway(id) => (Actor::Gateway(id), Some("gateway_credential")),
    };
    // Only from whom it can be sealed for: words of strangers are not kept.
    let reason = headers.get("x-reason").filter(|_| matches!(principal, Principal::User(_)));
    let reason = reason.map(|value| words(value.as_bytes()));
    let request = CommandRequest {
        actor,
        client_address: origin.and_then(|o| o.address),
        user_agent: text(header::USER_AGENT),
        auth_method: method.map(Into::into),
        reason: reason.map(|r| r.chars().take(1000).collect()),
        // What is no version of ours matches none.
        if_match: text(header::IF_MATCH)
            .filter(|v| v != "*")
            .map(|v| v.trim_matches('"').parse().unwrap_or(u64::MAX)),
        ..CommandRequest::system("api", request_id)
    };
    Caller { principal, request }
}

/// A header's words: UTF-8, as programs send them, else ISO 8859-1, as HTTP once had it.
fn words(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn admit(permission: &Permission, caller: &Caller, path: &str) -> Result<(), ApiError> {
    match caller.principal {
        _ if permission.who == Who::Public => Ok(()),
        Principal::Anonymous => Err(sign_in()),
        Principal::Gateway(id) => {
            if !permission.who.admits_gateway() {
                return Err(ApiError::forbidden("a gateway may only fetch and report for itself"));
            }
            // Another gateway's resources do not exist for it.
            let named = path.split('/').any(|part| part == id.to_string());
            if named { Ok(()) } else { Err(ApiError::not_found("gateway")) }
        }
        Principal::User(user) if !permission.who.admits(user.role) => {
            Err(ApiError::forbidden(match permission.who {
                Who::Reader => "this needs the role admin or auditor",
                Who::OwnGateway => "only the gateway itself may do this",
                _ => "this needs the role admin",
            }))
        }
        Principal::User(user)
            if user.must_change_password && !permissions::while_password_due(permission) =>
        {
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "password_change_required",
                "choose a new password first: POST /api/v1/me/password",
            ))
        }
        Principal::User(_) => Ok(()),
    }
}
