//! A control plane that speaks the dialect, and somebody who speaks it.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexavpn_api::{
    dialects::wg_easy::{WgEasyOptions, WgEasyRates},
    serve::Pace,
};
use nexavpn_commands::{PasswordHasher, Secret};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::{Outcome, ground::Ground};
use crate::harness::{ADMIN, PASSWORD, TestServer};

const CLIENTS: &str = "/api/wireguard/client";

/// A running control plane, a session, and the ids of the clients that it made.
pub(super) struct Plane {
    server: TestServer,
    http: reqwest::Client,
    token: String,
    names: AtomicUsize,
    made: Mutex<Vec<String>>,
}

impl Plane {
    pub(super) async fn start(ground: &Ground, name: &str) -> Outcome<Self> {
        ground.database(name).await?;
        let url = ground.url(name);
        let server = TestServer::start_with(&url, |_| {}).await;
        let admin = server.client().login(ADMIN, PASSWORD).await;
        let gateway = json!({
            "public_key": STANDARD.encode(rand::random::<[u8; 32]>()),
            "name": "primary", "endpoint": "vpn.example.com:51820",
            "address_pool_v4": "10.0.0.0/12", "address_pool_v6": "fd00:96::/64",
            "dns_servers": ["172.16.0.53"],
        });
        for (path, body) in
            [("/admin/gateways", gateway), ("/admin/users", json!({ "username": "bots" }))]
        {
            let (status, answer) = admin.post(path, body).await;
            if status != 201 {
                return Err(format!("{path}: {status} {answer}").into());
            }
        }
        server.stop().await;

        // As cheap as argon2 allows: signing in is not what is measured.
        let hasher = PasswordHasher::new((8, 1, 1), 1)?;
        let password_hash = hasher.hash(Secret::new(PASSWORD), [1; 16]).await?;
        let server = TestServer::start_with(&url, |options| {
            options.database.max_connections = 32;
            options.pace = Pace::default();
            let rates = WgEasyRates { session: 0, create: 0, list: 0, delete: 0 };
            let (owner, gateway) = ("bots".to_owned(), None);
            options.wg_easy = Some(WgEasyOptions { owner, password_hash, gateway, rates });
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let login = http.post(format!("{}/api/session", server.base_url));
        let login: Value =
            login.json(&json!({ "password": PASSWORD })).send().await?.json().await?;
        let token = login["sessionToken"].as_str().ok_or("there is no session")?.to_owned();
        Ok(Self { server, http, token, names: AtomicUsize::default(), made: Mutex::default() })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<(StatusCode, String)> {
        let mut request = self.http.request(method, format!("{}{path}", self.server.base_url));
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        if answer.headers().contains_key("x-consistency") {
            return Err(format!("{path} is not readable with its answer").into());
        }
        Ok((answer.status(), answer.text().await?))
    }

    /// Makes a client; the answer has to hold all that it needs.
    pub(super) async fn create(&self) -> Outcome<()> {
        let name = format!("client-{}", self.names.fetch_add(1, Ordering::Relaxed));
        let (status, text) =
            self.send(Method::POST, CLIENTS, Some(json!({ "name": name }))).await?;
        let client: Value = serde_json::from_str(&text)?;
        let whole = client["name"] == name
            && client["configuration"].as_str().is_some_and(|c| c.contains("PrivateKey = "))
            && client["qrcodeDataURL"].as_str().is_some_and(|c| c.starts_with("data:image/png;"));
        match client["id"].as_str() {
            Some(id) if status == StatusCode::CREATED && whole => {
                self.lock().push(id.to_owned());
                Ok(())
            }
            _ => Err(format!("{status} {text}").into()),
        }
    }

    /// The list as it comes.
    pub(super) async fn list(&self) -> Outcome<String> {
        match self.send(Method::GET, CLIENTS, None).await? {
            (StatusCode::OK, text) => Ok(text),
            (status, text) => Err(format!("{status} {text}").into()),
        }
    }

    /// The ids that are listed.
    pub(super) async fn listed(&self) -> Outcome<BTreeSet<String>> {
        let list: Vec<Value> = serde_json::from_str(&self.list().await?)?;
        Ok(list.iter().filter_map(|client| client["id"].as_str()).map(str::to_owned).collect())
    }

    /// Deletes one of those that were made; false where none is left.
    pub(super) async fn delete(&self) -> Outcome<bool> {
        let Some(id) = self.lock().pop() else { return Ok(false) };
        match self.send(Method::DELETE, &format!("{CLIENTS}/{id}"), None).await? {
            (StatusCode::NO_CONTENT, text) if text.is_empty() => Ok(true),
            (status, text) => Err(format!("{status} {text}").into()),
        }
    }

    /// Deletes all that were made, by eight callers.
    pub(super) async fn empty(&self) -> Outcome<()> {
        let all = stream::iter(0..self.made()).map(|_| self.delete());
        all.buffer_unordered(super::CALLERS).try_for_each(async |_| Ok(())).await
    }

    /// How many were made and not deleted.
    pub(super) fn made(&self) -> usize {
        self.lock().len()
    }

    /// Their ids.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.lock().iter().cloned().collect()
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
