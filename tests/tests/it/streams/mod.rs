//! What machines read of the audit log: files, the feed, and what is pushed to them.

mod export;
mod feed;
mod receiver;
mod webhooks;

use nexavpn_tests::harness::{Client, WIDE};
use serde_json::Value;
use tokio::time::timeout;

/// A stream of server-sent events.
struct Events {
    response: reqwest::Response,
    read: String,
}

/// One of them.
#[derive(Debug)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

impl Events {
    /// Opens one; the path is below `/api/v1`.
    async fn open(base_url: &str, token: &str, path: &str, last: Option<i64>) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{base_url}/api/v1{path}");
        let mut request = http.get(url).bearer_auth(token);
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = timeout(WIDE, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, read: String::new() }
    }

    /// The next event; `None` at the end. Comments do not count.
    async fn next(&mut self) -> Option<Event> {
        timeout(WIDE, self.read_on()).await.expect("nothing came")
    }

    async fn read_on(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                if let Some(event) = Event::read(&event) {
                    return Some(event);
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap();
            self.read.push_str(std::str::from_utf8(&chunk?).unwrap());
        }
    }
}

impl Event {
    /// `None` for a comment.
    fn read(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let lines = text.lines().filter_map(|l| l.split_once(": "));
            lines.filter(|(n, _)| *n == name).map(|(_, v)| v.to_owned()).next()
        };
        let data = field("data")?;
        let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
        Some(Self { id: field("id").unwrap_or_default(), kind: field("event")?, data })
    }
}

/// What a signed-in client proves itself with.
fn token(client: &Client) -> &str {
    client.session["access_token"].as_str().unwrap()
}

/// The numbers of entries.
fn numbers(items: &Value) -> Vec<i64> {
    items.as_array().unwrap().iter().map(|e| e["idx"].as_i64().unwrap()).collect()
}
