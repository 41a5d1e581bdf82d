//! Calls routes, and keeps what was answered.

use std::{collections::BTreeSet, fmt::Write as _};

use nexavpn_api::{auth::permissions, openapi};
use nexavpn_tests::harness::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ADDRESS, MARK,
    faults::{faults, holds_secret},
    search::Told,
};
use crate::api_client::read_svg;

/// Calls routes, and remembers which, and what was answered.
///
/// A body with a secret in it is sent with faults first, which are refused; a list is written as a
/// file as well, in each form that it has.
pub(super) struct Drive {
    driven: BTreeSet<(String, String)>,
    /// All answers by their routes, with their headers and what their QR codes say.
    pub(super) answers: Vec<(String, String)>,
    pub(super) told: Told,
    /// Routes that were sent a secret with a fault.
    faulted: BTreeSet<String>,
    /// The lists that can be written as files.
    lists: BTreeSet<String>,
    keys: usize,
    /// The cookie that a browser would have, as it sends it.
    pub(super) cookie: String,
}

/// A route with its parameters filled in.
struct Place<'a> {
    route: &'a str,
    method: Method,
    pattern: &'a str,
    path: String,
}

impl<'a> Place<'a> {
    /// `method pattern?query`, the parameters of which are `ids` in their order.
    fn of(route: &'a str, ids: &[&str]) -> Self {
        let (method, rest) = route.split_once(' ').unwrap();
        let (pattern, query) = rest.split_once('?').map_or((rest, ""), |(p, q)| (p, q));
        let mut ids = ids.iter();
        let parts = pattern.split('/');
        let parts =
            parts.map(|part| if part.starts_with('{') { ids.next().unwrap() } else { part });
        let mut path = parts.collect::<Vec<_>>().join("/");
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        Self { route, method: method.parse().unwrap(), pattern, path }
    }

    /// Whether it is a node's, which is nobody.
    fn is_nodes(&self) -> bool {
        let pattern = self.pattern;
        pattern.starts_with("/gateways/")
            || pattern.contains("/sync")
            || pattern.ends_with("/signing-keys")
            || pattern.ends_with("/secrets")
    }

    fn takes_key(&self) -> bool {
        let without = ["/auth/", "/gateways/", "/admin/preview/"];
        self.method != Method::GET && !without.iter().any(|start| self.pattern.starts_with(start))
    }
}

impl Drive {
    pub(super) fn new() -> Self {
        let paths = openapi::document()["paths"].as_object().unwrap();
        let is_list =
            |methods: &Value| methods["get"]["responses"]["200"]["content"]["text/csv"].is_object();
        let lists =
            paths.iter().filter(|(_, methods)| is_list(methods)).map(|(path, _)| path.clone());
        Self {
            driven: BTreeSet::new(),
            answers: vec![],
            told: Told::default(),
            faulted: BTreeSet::new(),
            lists: lists.collect(),
            keys: 0,
            cookie: String::new(),
        }
    }

    /// Calls `method pattern`, the parameters of which are filled with `ids` in their order.
    pub(super) async fn call(
        &mut self,
        client: &Client,
        route: &str,
        ids: &[&str],
        body: Option<Value>,
    ) -> Value {
        let place = Place::of(route, ids);
        for faulty in body.iter().flat_map(|body| faults(body, place.is_nodes())) {
            self.faulted.insert(place.route.to_owned());
            self.refuses_text(client, route, ids, "application/json", faulty).await;
        }
        let answer = self.send(client, &place, None, body).await;
        assert!((200..300).contains(&answer.status), "{route}: {} {}", answer.status, answer.body);
        self.driven.insert((place.method.to_string(), place.pattern.to_owned()));
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = cookie.to_owned();
        }
        if self.lists.contains(place.pattern) && place.method == Method::GET {
            for form in ["text/csv", "application/x-ndjson"] {
                self.read_as(client, route, ids, form).await;
            }
        }
        answer.body
    }

    /// Reads something in another form than JSON.
    pub(super) async fn read_as(&mut self, client: &Client, route: &str, ids: &[&str], form: &str) {
        let answer = self.send(client, &Place::of(route, ids), Some(form), None).await;
        let kind = answer.header("content-type");
        assert!(answer.status == 200 && kind.starts_with(form), "{route}: {kind} {}", answer.body);
    }

    /// A request that is refused with this status.
    pub(super) async fn refuses(
        &mut self,
        client: &Client,
        route: &str,
        body: Option<Value>,
        ids: &[&str],
        status: u16,
    ) {
        let answer = self.send(client, &Place::of(route, ids), None, body).await;
        assert_eq!(answer.status, status, "{route}: {}", answer.body);
    }

    /// A body that is refused for its form.
    pub(super) async fn refuses_text(
        &mut self,
        client: &Client,
        route: &str,
        ids: &[&str],
        kind: &str,
        text: String,
    ) {
        let place = Place::of(route, ids);
        let answer = client.post_text(&place.path, kind, text.clone()).await;
        assert_eq!(answer.status, 400, "{route} {text}: {}", answer.body);
        self.keep(&place, &answer);
    }

    async fn send(
        &mut self,
        client: &Client,
        place: &Place<'_>,
        form: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let (reason, agent) = (format!("asked for by {MARK}"), format!("{MARK}/1.0"));
        self.keys += 1;
        let idempotency = format!("key-{}", self.keys);
        let mut headers = vec![];
        if !place.is_nodes() {
            headers.push(("x-reason", reason.as_str()));
            headers.push(("user-agent", agent.as_str()));
            headers.push(("x-forwarded-for", ADDRESS));
        }
        if place.takes_key() {
            headers.push(("idempotency-key", &idempotency));
        }
        if place.pattern.starts_with("/auth/browser/") && !self.cookie.is_empty() {
            headers.push(("cookie", &self.cookie));
        }
        headers.extend(form.map(|form| ("accept", form)));
        let answer = client.send(place.method.clone(), &place.path, &headers, body).await;
        self.keep(place, &answer);
        answer
    }

    /// Whatever it is: errors too.
    fn keep(&mut self, place: &Place<'_>, answer: &Answer) {
        let mut text = answer.body.to_string();
        for code in codes(&answer.body) {
            let _ = write!(text, "\n{code}");
        }
        let _ = write!(text, "\n{:?}", answer.headers);
        self.answers.push((place.route.to_owned(), text));
    }

    /// The refresh token in the cookie.
    pub(super) fn cookie_token(&self) -> Value {
        json!(self.cookie.split_once('=').unwrap().1)
    }

    /// Signs in, marked.
    pub(super) async fn login(
        &mut self,
        client: &Client,
        username: &str,
        password: &str,
    ) -> Client {
        let body = json!({ "username": username, "password": password });
        let session = self.call(client, "POST /auth/login", &[], Some(body)).await;
        self.told.note_session(&session);
        client.in_session(session)
    }

    pub(super) fn undriven(&self) -> Vec<String> {
        let rows = permissions::TABLE.iter();
        rows.filter(|p| !self.driven.contains(&(p.method.to_owned(), p.path.to_owned())))
            .map(|p| format!("{} {}", p.method, p.path))
            .collect()
    }

    /// Routes whose bodies hold a secret that was never sent with a fault.
    pub(super) fn unfaulted(&self) -> Vec<String> {
        let paths = openapi::document()["paths"].as_object().unwrap();
        let routes = paths.iter().flat_map(|(path, methods)| {
            let posts = methods.get("post").filter(|post| holds_secret(&post["requestBody"]));
            posts.map(|_| format!("POST {path}"))
        });
        routes.filter(|route| !self.faulted.contains(route)).collect()
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What the QR codes in an answer say.
fn codes(body: &Value) -> Vec<String> {
    match body {
        Value::String(text) if text.contains(" d=\"M") => vec![read_svg(text)],
        Value::Array(items) => items.iter().flat_map(codes).collect(),
        Value::Object(fields) => fields.values().flat_map(codes).collect(),
        _ => vec![],
    }
}
