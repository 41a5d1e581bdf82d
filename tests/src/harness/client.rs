//! HTTP as a test speaks it.

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use super::document;

/// A client of one server, signed in or not. Paths are below `/api/v1`. What it is answered has to
/// be in the API's document.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
    /// The answer to its login.
    pub session: Value,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, null where there is none.
    pub body: Value,
}

impl Answer {
    /// A header's text; empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Client {
    /// A client that has not signed in.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self::build(base_url, |http| http)
    }

    /// The same, speaking from another address of the loopback network.
    #[must_use]
    pub fn from_address(base_url: &str, address: std::net::IpAddr) -> Self {
        Self::build(base_url, |http| http.local_address(address))
    }

    /// The same, for whom any certificate will do.
    #[must_use]
    pub fn credulous(base_url: &str) -> Self {
        Self::build(base_url, |http| http.tls_danger_accept_invalid_certs(true))
    }

    fn build(
        base_url: &str,
        change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        // No proxy of the machine's: everything is on the loopback.
        let http = change(reqwest::Client::builder().no_proxy()).build();
        let http = http.unwrap_or_else(|error| panic!("no HTTP client: {error}"));
        Self { http, base_url: base_url.to_owned(), token: None, session: Value::Null }
    }

    /// The same client with a bearer token, such as a gateway's credential.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// Signs in.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn login(&self, username: &str, password: &str) -> Self {
        let body = json!({ "username": username, "password": password });
        let (status, session) = self.post("/auth/login", body).await;
        assert_eq!(status, 200, "{username} cannot sign in: {session}");
        self.in_session(session)
    }

    /// The same client in the session of which this is the answer to the login, or to a refresh.
    #[must_use]
    pub fn in_session(&self, session: Value) -> Self {
        let token = session["access_token"].as_str().unwrap_or_default().to_owned();
        Self { session, ..self.with_token(token) }
    }

    /// The signed-in user's id.
    ///
    /// # Panics
    /// Where nobody is signed in.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.session["user"]["id"].as_str().unwrap_or_else(|| panic!("nobody is signed in"))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.short(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.short(Method::POST, path, Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.short(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.short(Method::DELETE, path, None).await
    }

    /// Any request, with headers, answered with headers.
    ///
    /// # Panics
    /// Where the server does not answer, or not as its document says.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let answer = self.try_send(method, path, headers, body).await;
        answer.unwrap_or_else(|error| panic!("no answer from {path}: {error}"))
    }

    /// The same, where the server may be gone.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let url = format!("{}{}{path}", self.base_url, nexavpn_api::BASE_PATH);
        self.send_to(method, &url, headers, body).await
    }

    /// POST of a body that is no JSON, or no valid one.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn post_text(&self, path: &str, media_type: &str, body: impl Into<String>) -> Answer {
        let url = format!("{}{}{path}", self.base_url, nexavpn_api::BASE_PATH);
        let request = self.http.post(url).header("content-type", media_type).body(body.into());
        let answer = self.answer(request).await;
        answer.unwrap_or_else(|error| panic!("no answer from {path}: {error}"))
    }

    /// GET of a path that is not below `/api/v1`, such as `/readyz`.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn get_outside(&self, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.base_url);
        let answer = self.send_to(Method::GET, &url, &[], None).await;
        let answer = answer.unwrap_or_else(|error| panic!("no answer from {path}: {error}"));
        (answer.status, answer.body)
    }

    async fn short(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.send(method, path, &[], body).await;
        (answer.status, answer.body)
    }

    async fn send_to(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answer(request).await
    }

    async fn answer(&self, mut request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let request = request.build()?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let mut response = self.http.execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let text = if kind == "text/event-stream" {
            // It does not end: what comes first is all.
            let first = response.chunk().await?.unwrap_or_default();
            String::from_utf8_lossy(&first).into_owned()
        } else {
            response.text().await?
        };
        // Benches measure, and are built without it.
        if cfg!(debug_assertions) {
            document::check(&method, &path, status, kind, &text);
        }
        // What is not JSON is kept as it is, for the assertion that then fails.
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok(Answer { status, headers, body })
    }
}
