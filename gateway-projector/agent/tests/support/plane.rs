//! The control plane of the tests: it serves the body it was given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{
    GatewaySecrets, JoinRequest, JoinResponse, Payload, SigningKeyChain, StatusReport, sign,
};
use serde::Deserialize;
use serde_json::json;

use super::net::Namespace;

pub const SECRET: [u8; 32] = [42; 32];
pub const CREDENTIAL: &str = "the gateway's credential";

#[derive(Default)]
pub struct Shared {
    pub body: Option<Vec<u8>>,
    pub etag: String,
    pub down: bool,
    pub reports: Vec<StatusReport>,
    pub not_modified: usize,
    pub joined: Option<JoinRequest>,
    pub join_keys: Vec<String>,
    pub secrets: GatewaySecrets,
    pub asked_for_secrets: usize,
    /// What leads from a revision to the newest bundle.
    pub deltas: HashMap<i64, Vec<u8>>,
    pub deltas_served: usize,
    pub bundles_served: usize,
    pub chain: SigningKeyChain,
    /// Whether questions are held until there is something new.
    pub holds: bool,
}

/// Serves from inside the gateway's namespace, on loopback.
pub struct Plane {
    pub url: String,
    pub shared: Arc<Mutex<Shared>>,
    runtime: Option<tokio::runtime::Runtime>,
}

type Held = State<Arc<Mutex<Shared>>>;

impl Plane {
    pub fn start(namespace: &Namespace, key: &SigningKey) -> Self {
        let listener = namespace.listen("127.0.0.1:0");
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Shared {
            holds: true,
            join_keys: vec![STANDARD.encode(key.verifying_key().as_bytes())],
            ..Shared::default()
        }));
        let app = Router::new()
            .route("/api/v1/gateways/join", post(join))
            .route("/api/v1/admin/gateways/{id}/sync", get(sync))
            .route("/api/v1/admin/gateways/{id}/secrets", get(secrets))
            .route("/api/v1/admin/gateways/{id}/signing-keys", get(signing_keys))
            .route("/api/v1/gateways/{id}/status", post(status))
            .with_state(Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        Self { url, shared, runtime: Some(runtime) }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn publish(&self, key: &SigningKey, payload: &Payload) {
        let signed = sign(payload, key).unwrap();
        self.serve(signed.body(), signed.etag());
    }

    pub fn serve(&self, body: Vec<u8>, etag: String) {
        self.with(|shared| {
            shared.body = Some(body);
            shared.etag = etag;
            shared.reports.clear();
        });
    }

    pub fn last_report(&self) -> Option<StatusReport> {
        self.with(|shared| shared.reports.last().cloned())
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": "no"}}))).into_response()
}

async fn join(State(shared): Held, Json(request): Json<JoinRequest>) -> Response {
    let mut shared = shared.lock().unwrap();
    let token: nexavpn_bundle::JoinToken = request.token.parse().unwrap();
    if token.secret != SECRET || shared.joined.is_some() {
        return error(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    shared.joined = Some(request);
    let answer = JoinResponse {
        gateway_id: token.gateway_id,
        name: "primary-gateway".into(),
        credential: CREDENTIAL.into(),
        signing_keys: shared.join_keys.clone(),
    };
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn is_allowed(shared: &Shared, id: &str, headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {CREDENTIAL}");
    let presented = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
    !shared.down && id == super::GATEWAY && presented == Some(expected.as_str())
}

#[derive(Deserialize)]
struct Asked {
    since: Option<i64>,
    #[serde(default)]
    wait: u64,
}

async fn sync(
    State(shared): Held,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let until = Instant::now() + Duration::from_secs(asked.wait);
    loop {
        {
            let mut shared = shared.lock().unwrap();
            if !is_allowed(&shared, &id, &headers) {
                return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
            }
            let Some(body) = shared.body.clone() else {
                return error(StatusCode::NOT_FOUND, "not_found");
            };
            let tag = headers.get(header::IF_NONE_MATCH).map(|tag| tag.to_str().unwrap());
            if tag != Some(shared.etag.as_str()) {
                let etag = [(header::ETAG, shared.etag.clone())];
                let delta = asked.since.and_then(|since| shared.deltas.get(&since).cloned());
                if let Some(delta) = delta {
                    shared.deltas_served += 1;
                    return (etag, delta).into_response();
                }
                shared.bundles_served += 1;
                return (etag, body).into_response();
            }
            if !shared.holds || Instant::now() >= until {
                shared.not_modified += 1;
                return StatusCode::NOT_MODIFIED.into_response();
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn signing_keys(State(shared): Held, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let shared = shared.lock().unwrap();
    if !is_allowed(&shared, &id, &headers) {
        return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    Json(shared.chain.clone()).into_response()
}

async fn secrets(State(shared): Held, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut shared = shared.lock().unwrap();
    if !is_allowed(&shared, &id, &headers) {
        return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    shared.asked_for_secrets += 1;
    Json(shared.secrets.clone()).into_response()
}

async fn status(
    State(shared): Held,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(report): Json<StatusReport>,
) -> Response {
    let mut shared = shared.lock().unwrap();
    if !is_allowed(&shared, &id, &headers) {
        return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    shared.reports.push(report);
    StatusCode::NO_CONTENT.into_response()
}
