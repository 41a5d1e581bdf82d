//! HTTP to the control plane.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use nexavpn_bundle::{
    GatewaySecrets, JoinRequest, JoinResponse, SigningKeyChain, StatusReport, signer,
};
use reqwest::header::{DATE, ETAG, IF_NONE_MATCH};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use thiserror::Error;

use crate::pin;
use crate::state::Identity;

/// 10,000 devices are about 3 MB.
const MAX_BODY: usize = 64 << 20;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// No bundle is asked for meanwhile.
const SECRETS_LIMIT: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// The longest that a question for a newer bundle may be held.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A request that did not do what it should.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Not a URL to talk to.
    #[error("{0} is not the URL of a control plane (https://host[:port])")]
    Url(String),
    /// Plain HTTP to another machine.
    #[error(
        "{0} is neither https nor on this machine; credentials would travel in the clear. Use https, or --insecure to accept that"
    )]
    Insecure(String),
    /// No answer.
    #[error("no answer from the control plane: {0}")]
    Unreachable(String),
    /// An answer other than success.
    #[error("the control plane answered {status}: {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's code.
        code: String,
        /// The error's text.
        message: String,
    },
    /// An answer of unreasonable size.
    #[error("the answer is larger than {} MiB", MAX_BODY >> 20)]
    TooLarge,
    /// An answer that cannot be read.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

impl ClientError {
    /// With the chain of causes, since the outermost says little, and without
    /// the URL.
    fn unreachable(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Unreachable(text)
    }

    /// What an admin would call the same failure, whatever the details.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Refused { status, code, .. } => format!("{status} {code}"),
            Self::Url(_) => "url".to_owned(),
            Self::Insecure(_) => "insecure".to_owned(),
            Self::Unreachable(_) => "unreachable".to_owned(),
            Self::TooLarge => "too large".to_owned(),
            Self::Unreadable(_) => "unreadable".to_owned(),
        }
    }

    /// What an operator of the node can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { status: 401 | 403, .. } => {
                "the gateway was deleted, or joined from another node: `leave`, then `join` with a new token"
            }
            Self::Refused { status: 404, .. } => {
                "the control plane does not know this gateway, or has no bundle for it yet"
            }
            Self::Refused { status: 429, .. } => "too many requests: raise --poll-interval",
            Self::Refused { .. } => "see the control plane's log and its /readyz",
            Self::Unreachable(_) => {
                "check from this node that the control plane's name resolves and its port answers; `nexavpn-gateway doctor` tries it"
            }
            Self::Url(_) | Self::Insecure(_) => "`leave`, then `join` with another URL",
            Self::TooLarge | Self::Unreadable(_) => {
                "something other than the control plane may have answered: look at proxies in between"
            }
        }
    }
}

/// What the control plane has for this gateway.
#[derive(Debug)]
pub enum Fetched {
    /// The body of a bundle, or of a delta that leads to one.
    Bundle {
        /// The body.
        body: Vec<u8>,
        /// All signing keys, where the body is of one that is not known here.
        chain: Option<SigningKeyChain>,
    },
    /// Nothing newer than what was named.
    NotModified,
}

/// What is asked with [`Session::sync`].
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// What is held here; none where the whole of the newest bundle is wanted.
    pub held: Option<HeldBundle>,
    /// For how long the control plane may hold the question; whole seconds count.
    pub wait: Duration,
    /// The ids of the keys that are trusted here.
    pub known: Vec<String>,
}

/// A bundle as a question names it.
#[derive(Debug, Clone)]
pub struct HeldBundle {
    /// Its entity tag.
    pub etag: String,
    /// Its revision.
    pub revision: i64,
}

/// The control plane, as this node reaches it.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    base: Url,
    http: Client,
}

impl ControlPlane {
    /// Prepares for a base URL. `pin` is the SHA-256 of the only certificate to
    /// accept.
    ///
    /// # Errors
    /// [`ClientError`] if the URL is not acceptable.
    pub fn new(url: &str, pin: Option<[u8; 32]>, insecure: bool) -> Result<Self, ClientError> {
        let not_usable = || ClientError::Url(url.to_owned());
        let mut base: Url = url.trim_end_matches('/').parse().map_err(|_| not_usable())?;
        let has_credentials = !base.username().is_empty() || base.password().is_some();
        if base.host_str().is_none() || has_credentials || base.query().is_some() {
            return Err(not_usable());
        }
        // `join` replaces what follows the last slash.
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        // A redirect could carry the credential elsewhere.
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(REQUEST_LIMIT)
            .user_agent(concat!("nexavpn-gateway/", env!("CARGO_PKG_VERSION")));
        match base.scheme() {
            "https" => {
                if let Some(pin) = pin {
                    builder = builder.tls_backend_preconfigured(
                        pin::config(pin).map_err(ClientError::Unreadable)?,
                    );
                }
            }
            // A proxy would be the other machine that must not be.
            "http" if insecure || is_loopback(&base) => builder = builder.no_proxy(),
            "http" => return Err(ClientError::Insecure(url.to_owned())),
            _ => return Err(not_usable()),
        }
        let http = builder.build().map_err(ClientError::unreachable)?;
        Ok(Self { base, http })
    }

    fn url(&self, path: &str) -> Result<Url, ClientError> {
        self.base.join(path).map_err(|_| ClientError::Url(path.to_owned()))
    }

    /// Joins.
    ///
    /// # Errors
    /// [`ClientError`] if the control plane does not take the node.
    pub async fn join(&self, request: &JoinRequest) -> Result<JoinResponse, ClientError> {
        let response =
            send(self.http.post(self.url("api/v1/gateways/join")?).json(request)).await?;
        if response.status() != StatusCode::CREATED {
            return Err(refused(response).await);
        }
        let body = body(response).await?;
        // The cause could quote the credential.
        serde_json::from_slice(&body)
            .map_err(|_| ClientError::Unreadable("not a join's answer".to_owned()))
    }
}

/// The control plane, with what this gateway shows to be itself. `Debug` hides it.
#[derive(Clone)]
pub struct Session {
    control_plane: ControlPlane,
    gateway_id: String,
    credential: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("gateway_id", &self.gateway_id).finish_non_exhaustive()
    }
}

impl Session {
    /// As a join has left it.
    ///
    /// # Errors
    /// [`ClientError`] if the URL that was joined is not acceptable.
    pub fn new(identity: &Identity, credential: String) -> Result<Self, ClientError> {
        let pin = identity.tls_cert_sha256.as_deref().and_then(|text| STANDARD.decode(text).ok());
        let pin = pin.and_then(|raw| raw.try_into().ok());
        let control_plane = ControlPlane::new(&identity.url, pin, identity.insecure)?;
        Ok(Self { control_plane, gateway_id: identity.gateway_id.clone(), credential })
    }

    fn get(&self, path: &str) -> Result<RequestBuilder, ClientError> {
        let url = self.control_plane.url(path)?;
        Ok(self.control_plane.http.get(url).bearer_auth(&self.credential))
    }

    async fn ask(&self, held: Option<&str>, query: &str) -> Result<Response, ClientError> {
        let path = format!("api/v1/admin/gateways/{}/sync{query}", self.gateway_id);
        let mut request = self.get(&path)?;
        if let Some(held) = held {
            request = request.header(IF_NONE_MATCH, held);
        }
        send(request).await
    }

    /// Asks as [`Session::sync`] does, and answers the control plane's time
    /// where it tells it. The bundle is not read.
    ///
    /// # Errors
    /// [`ClientError`] if there is no answer, or neither 200 nor 304.
    pub async fn probe(&self, held: Option<&str>) -> Result<Option<DateTime<Utc>>, ClientError> {
        let response = self.ask(held, "").await?;
        match response.status() {
            StatusCode::NOT_MODIFIED | StatusCode::OK => {
                let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
                let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
                Ok(date.map(|date| date.with_timezone(&Utc)))
            }
            _ => Err(refused(response).await),
        }
    }

    /// Asks for a bundle newer than the one held, and waits for it a while.
    ///
    /// # Errors
    /// [`ClientError`] if there is no answer, or neither 200 nor 304.
    pub async fn sync(&self, question: &Question) -> Result<Fetched, ClientError> {
        let Question { held, wait, known } = question;
        let (tag, query) = match held {
            Some(held) => {
                let query = format!("?wait={}&since={}", wait.as_secs(), held.revision);
                (Some(held.etag.as_str()), query)
            }
            None => (None, String::new()),
        };
        let response = self.ask(tag, &query).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED if held.is_some() => Ok(Fetched::NotModified),
            StatusCode::OK => {
                let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
                tracing::debug!(etag = tag, "received a bundle");
                let body = body(response).await?;
                let news = signer(&body).is_some_and(|key| !known.contains(&key));
                // Without the chain the bundle is refused, and the next one asked for.
                let chain = if news { self.signing_keys().await.ok() } else { None };
                Ok(Fetched::Bundle { body, chain })
            }
            _ => Err(refused(response).await),
        }
    }

    async fn signing_keys(&self) -> Result<SigningKeyChain, ClientError> {
        let path = format!("api/v1/admin/gateways/{}/signing-keys", self.gateway_id);
        let response = send(self.get(&path)?).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        serde_json::from_slice(&body(response).await?)
            .map_err(|error| ClientError::Unreadable(error.to_string()))
    }

    /// Asks for the preshared keys of this gateway's devices.
    ///
    /// # Errors
    /// [`ClientError`] if they are not given.
    pub async fn secrets(&self) -> Result<GatewaySecrets, ClientError> {
        let request = self.get(&format!("api/v1/admin/gateways/{}/secrets", self.gateway_id))?;
        let response = send(request.timeout(SECRETS_LIMIT)).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        // The cause could quote a key.
        serde_json::from_slice(&body(response).await?)
            .map_err(|_| ClientError::Unreadable("not preshared keys".to_owned()))
    }

    /// Reports.
    ///
    /// # Errors
    /// [`ClientError`] if the report is not taken.
    pub async fn report(&self, report: &StatusReport) -> Result<(), ClientError> {
        let url = self.control_plane.url(&format!("api/v1/gateways/{}/status", self.gateway_id))?;
        let request = self.control_plane.http.post(url).bearer_auth(&self.credential).json(report);
        let response = send(request).await?;
        if response.status().is_success() { Ok(()) } else { Err(refused(response).await) }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    request.send().await.map_err(ClientError::unreachable)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

async fn body(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ClientError::unreachable)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ClientError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn refused(response: Response) -> ClientError {
    #[derive(Deserialize)]
    struct Body {
        error: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        code: String,
        message: String,
    }
    let status = response.status().as_u16();
    let detail = body(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    let Body { error: Detail { code, message } } = detail.unwrap_or_else(|| Body {
        error: Detail { code: "unknown".to_owned(), message: "no explanation".to_owned() },
    });
    let short = |text: String| text.chars().take(300).collect();
    ClientError::Refused { status, code: short(code), message: short(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine_unless_accepted() {
        for url in ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:1", "https://a.b"]
        {
            assert!(ControlPlane::new(url, None, false).is_ok(), "{url}");
        }
        for url in ["http://192.0.2.1:8080", "http://example.com", "http://127.0.0.1.example.com"] {
            let refused = ControlPlane::new(url, None, false).unwrap_err();
            assert!(matches!(refused, ClientError::Insecure(_)), "{url}");
            assert!(ControlPlane::new(url, None, true).is_ok(), "{url}");
        }
        for url in ["", "ftp://a.b", "a.b:80", "https://user:password@a.b", "https://a.b/?q"] {
            let refused = ControlPlane::new(url, None, true).unwrap_err();
            assert!(matches!(refused, ClientError::Url(_)), "{url}");
        }
    }

    #[test]
    fn a_pinned_certificate_is_taken_by_the_tls_backend() {
        assert!(ControlPlane::new("https://a.b", Some([7; 32]), false).is_ok());
    }

    #[test]
    fn a_base_path_is_kept() {
        let plane = ControlPlane::new("https://a.b/vpn/", None, false).unwrap();
        assert_eq!(plane.url("api/v1/x").unwrap().as_str(), "https://a.b/vpn/api/v1/x");
    }
}
