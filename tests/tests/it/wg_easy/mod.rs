//! The wg-easy dialect.

mod clients;
mod contract;
mod errors;
mod imported;
mod keys;
mod limits;
mod lists;
mod many;
mod records;
mod rotation;
mod sessions;
mod start;
mod version14;

use nexavpn_api::{
    dialects::wg_easy::{WgEasyOptions, WgEasyRates},
    serve::ServeOptions,
};
use nexavpn_commands::{PasswordHasher, Secret};
use nexavpn_tests::harness::{Client, TestDb, TestServer};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::api_admin::Plane;

/// The dialect's password in these tests, and in the contract.
const PASSWORD: &str = "your-password";
/// Any number.
const UNLIMITED: WgEasyRates = WgEasyRates { session: 0, create: 0, list: 0, delete: 0 };
const CLIENTS: &str = "/api/wireguard/client";

/// The hash of a password, as cheap as argon2 allows.
async fn hash(password: &str) -> String {
    let hasher = PasswordHasher::new((8, 1, 1), 1).unwrap();
    hasher.hash(Secret::new(password), [1; 16]).await.unwrap()
}

async fn options(rates: WgEasyRates) -> WgEasyOptions {
    let password_hash = hash(PASSWORD).await;
    WgEasyOptions { owner: "bots".into(), password_hash, gateway: None, rates }
}

/// A control plane that speaks the dialect, with one gateway.
struct Dialect {
    server: TestServer,
    admin: Client,
    gateway: String,
    owner: String,
    db: TestDb,
}

impl Dialect {
    async fn start() -> Self {
        Self::with(UNLIMITED, |_| {}).await
    }

    async fn with(rates: WgEasyRates, change: impl FnOnce(&mut ServeOptions)) -> Self {
        // The owner has to be there before it is switched on.
        let plane = Plane::start().await;
        let owner = plane.user("bots").await;
        let gateway = plane.gateway("berlin", "10.8.0.0/16").await;
        let Plane { server, db, .. } = plane;
        server.stop().await;
        let wg_easy = options(rates).await;
        let server = TestServer::start_with(&db.server_url, |options| {
            options.wg_easy = Some(wg_easy);
            change(options);
        })
        .await;
        let admin = server.admin().await;
        Self { server, admin, gateway, owner, db }
    }

    fn stranger(&self) -> Guest {
        Guest::new(&self.server.base_url)
    }

    /// A client of the contract, which sends the token.
    async fn bearer(&self) -> Guest {
        let stranger = self.stranger();
        let answer = stranger.login().await;
        let token = answer.body["sessionToken"].as_str().unwrap().to_owned();
        Guest { token: Some(token), ..stranger }
    }

    /// A client of version 14, which sends the cookie.
    async fn cookie(&self) -> Guest {
        let stranger = self.stranger();
        let answer = stranger.login().await;
        Guest { cookie: Some(answer.cookie()), ..stranger }
    }

    async fn device(&self, id: &str) -> Value {
        let (status, device) = self.admin.get(&format!("/admin/devices/{id}")).await;
        assert_eq!(status, 200, "{device}");
        device
    }
}

/// Somebody who speaks the dialect.
#[derive(Clone)]
struct Guest {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
    cookie: Option<String>,
}

/// An answer in the dialect.
struct Said {
    status: u16,
    headers: HeaderMap,
    text: String,
    /// Null where it is no JSON.
    body: Value,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The cookie that came with it, as it is sent back.
    fn cookie(&self) -> String {
        let set = self.header("set-cookie");
        set.split(';').next().filter(|pair| !pair.is_empty()).unwrap().to_owned()
    }

    /// It is this error, in the contract's shape.
    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.body["code"]), (status, &json!(code)), "{}", self.text);
        assert!(self.body["error"].as_str().is_some_and(|e| !e.is_empty()), "{}", self.text);
        assert_eq!(self.body["statusCode"], status, "{}", self.text);
        assert_eq!(self.body["message"], self.body["error"], "{}", self.text);
    }
}

impl Guest {
    fn new(base_url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base_url: base_url.to_owned(), token: None, cookie: None }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Said {
        let mut request = self.http.request(method, format!("{}{path}", self.base_url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let answer = request.send().await.unwrap_or_else(|e| panic!("no answer from {path}: {e}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Said { status, headers, text, body }
    }

    async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, &[], None).await
    }

    async fn post(&self, path: &str, body: Value) -> Said {
        self.json(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> Said {
        self.json(Method::PUT, path, body).await
    }

    async fn delete(&self, path: &str) -> Said {
        self.send(Method::DELETE, path, &[], None).await
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Said {
        let headers = [("content-type", "application/json")];
        self.send(method, path, &headers, Some(&body.to_string())).await
    }

    async fn login(&self) -> Said {
        let answer = self.post("/api/session", json!({ "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// Makes a client; all of the answer.
    async fn create(&self, name: &str) -> Value {
        let answer = self.post(CLIENTS, json!({ "name": name })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body
    }

    async fn list(&self) -> Vec<Value> {
        let answer = self.get(CLIENTS).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body.as_array().unwrap().clone()
    }
}

fn of(client: &Value) -> String {
    format!("{CLIENTS}/{}", client["id"].as_str().unwrap())
}
