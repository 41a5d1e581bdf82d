//! The native API, spoken from inside a namespace.

use std::time::Duration;

use nexavpn_netns::Namespace;
use serde_json::{Value, json};

use super::{Outcome, world::World};

/// Somebody who speaks to the control plane.
pub(super) struct Api<'a> {
    from: &'a Namespace,
    base: String,
    token: Option<String>,
}

impl<'a> Api<'a> {
    pub(super) fn anonymous(world: &'a World) -> Self {
        Self { from: &world.control_plane, base: world.base_url.clone(), token: None }
    }

    /// Signs in.
    pub(super) fn sign_in(world: &'a World, username: &str, password: &str) -> Outcome<Self> {
        let mut api = Self::anonymous(world);
        let body = json!({ "username": username, "password": password });
        let session = api.post("/auth/login", &body)?;
        api.token = session["access_token"].as_str().map(Into::into);
        Ok(api)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.send("GET", &format!("{}/readyz", self.base), None).is_ok_and(|(s, _)| s == 200)
    }

    pub(super) fn get(&self, path: &str) -> Outcome<Value> {
        self.call("GET", path, None)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.call("POST", path, Some(body))
    }

    pub(super) fn patch(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.call("PATCH", path, Some(body))
    }

    /// Signs in by wg-easy's API.
    pub(super) fn sign_in_as_bot(world: &'a World, password: &str) -> Outcome<Self> {
        let mut api = Self::anonymous(world);
        let session =
            api.outside("POST", "/api/session", Some(&json!({ "password": password })))?;
        api.token = session["sessionToken"].as_str().map(Into::into);
        Ok(api)
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        self.outside(method, &format!("/api/v1{path}"), body)
    }

    /// The same for a path that is not below the native API's.
    pub(super) fn outside(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        let (status, answer) = self.send(method, &format!("{}{path}", self.base), body)?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(format!("{method} {path} answered {status}: {answer}").into())
    }

    fn send(&self, method: &str, url: &str, body: Option<&Value>) -> Outcome<(u16, Value)> {
        self.from.inside(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
                let mut request = client.request(method.parse()?, url);
                if let Some(token) = &self.token {
                    request = request.bearer_auth(token);
                }
                if let Some(body) = body {
                    request = request.json(body);
                }
                let response = request.send().await?;
                let status = response.status().as_u16();
                let text = response.text().await?;
                Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
            })
        })
    }
}

/// A text of an answer.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Outcome<&'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("no {pointer} in {value}").into())
}
