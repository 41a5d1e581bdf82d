//! One message: signed, and sent where it may go.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use nexavpn_commands::WebhookRules;
use nexavpn_domain::{ids::WebhookId, values};
use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect,
};
use serde_json::{Value, json};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an endpoint may take altogether.
const ANSWER: Duration = Duration::from_secs(15);
/// How much of an answer is read, so that its connection can be used again.
const READ: usize = 16 * 1024;
/// How much is told of an error, in characters.
const TOLD: usize = 300;
/// The longest wait that an endpoint can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The same however often it is sent.
    pub(crate) id: String,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message with the specification's fields.
    pub(crate) fn new(id: String, kind: &str, time: DateTime<Utc>, data: &Value) -> Self {
        let body = json!({ "type": kind, "timestamp": time, "data": data });
        Self { id, body: body.to_string().into_bytes() }
    }
}

/// The id of the message about an event: the same each time that it is sent to this endpoint. The
/// generation tells it from another event of the same number, in a history that was restored over.
pub(crate) fn message_id(webhook: WebhookId, generation: i16, idx: i64) -> String {
    format!("msg_{}_{generation}_{idx}", webhook.0.simple())
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was taken.
    Taken {
        /// 2xx.
        status: u16,
    },
    /// 410: the endpoint wants nothing any more.
    Gone,
    /// It was not taken.
    Failed {
        /// What was answered, if anything was.
        status: Option<u16>,
        /// What is wrong, for people.
        error: String,
        /// How long the endpoint wants to be left alone.
        retry_after: Option<Duration>,
    },
}

/// Sends messages.
#[derive(Debug)]
pub struct Sender {
    http: Client,
    rules: WebhookRules,
}

impl Sender {
    /// # Errors
    /// Where there is no TLS to be had.
    pub fn new(rules: WebhookRules) -> Result<Self, io::Error> {
        let http = Client::builder()
            // A proxy would connect to what it finds for a name, whatever we found.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(Reachable(rules.clone()))
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("NexaVPN/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { http, rules })
    }

    /// Sends a message once, signed with each of these keys.
    pub(crate) async fn send(
        &self,
        url: &str,
        keys: &[Vec<u8>],
        message: &Message,
        now: DateTime<Utc>,
    ) -> Outcome {
        let failed = |error: String| Outcome::Failed { status: None, error, retry_after: None };
        // The rules may have become stricter, and an address needs no name to be looked up.
        if let Err(why) = values::webhook_url(url, self.rules.plain_http) {
            return failed(format!("the address {why}"));
        }
        if let Some(address) = values::literal_address(url)
            && !values::may_reach(address, &self.rules.networks)
        {
            return failed(NOT_PUBLIC.into());
        }
        if keys.is_empty() {
            return failed("there is no secret to sign with: rotate it".into());
        }
        let timestamp = now.timestamp();
        let sent = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures(keys, timestamp, message))
            .body(message.body.clone())
            .send();
        let mut response = match sent.await {
            Ok(response) => response,
            Err(error) => return failed(told(&error)),
        };
        let status = response.status();
        let retry_after = wait_of(response.headers(), now);
        let mut read = 0;
        while read < READ {
            match response.chunk().await {
                Ok(Some(chunk)) => read += chunk.len(),
                // The status is all that counts.
                Ok(None) | Err(_) => break,
            }
        }
        match status {
            StatusCode::GONE => Outcome::Gone,
            _ if status.is_success() => Outcome::Taken { status: status.as_u16() },
            _ => {
                let more =
                    if status.is_redirection() { ": redirects are not followed" } else { "" };
                let error = format!("the endpoint answered {}{more}", status.as_u16());
                Outcome::Failed { status: Some(status.as_u16()), error, retry_after }
            }
        }
    }
}

/// `v1,<base64>` for each key.
fn signatures(keys: &[Vec<u8>], timestamp: i64, message: &Message) -> String {
    let sign = |key: &Vec<u8>| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        context.update(format!("{}.{timestamp}.", message.id).as_bytes());
        context.update(&message.body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    };
    keys.iter().map(sign).collect::<Vec<_>>().join(" ")
}

/// What an endpoint asks for: seconds, or a date (RFC 9110, 10.2.3).
fn wait_of(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok()?,
    };
    Some(wait.min(LONGEST_WAIT))
}

const NOT_PUBLIC: &str = "the address is not one of the public internet: --webhook-networks allows \
                          others";

/// The innermost cause, which says the most. Never the address of the endpoint, which may hold what
/// only it should know.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return format!("no answer within {} seconds", ANSWER.as_secs());
    }
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = if cause.is::<reqwest::Error>() {
        "the request could not be sent".to_owned()
    } else {
        cause.to_string()
    };
    text.chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

/// Looks names up, and lets nothing through that may not be reached. The connection is made to what
/// it answers, so that a name which leads elsewhere a moment later does no harm.
#[derive(Debug, Clone)]
struct Reachable(WebhookRules);

impl Resolve for Reachable {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may: Vec<SocketAddr> =
                found.filter(|a| values::may_reach(a.ip(), &rules.networks)).collect();
            if may.is_empty() {
                return Err(NOT_PUBLIC.into());
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_the_specifications() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = Message {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(),
            body: br#"{"test": 2432232314}"#.to_vec(),
        };
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(std::slice::from_ref(&key), 1_614_265_330, &message), signature);
        let two = signatures(&[b"other".to_vec(), key], 1_614_265_330, &message);
        assert!(two.ends_with(&format!(" {signature}")) && two.starts_with("v1,"), "{two}");
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-05-03T12:00:00Z").unwrap().to_utc();
        let wait = |text: &'static str| {
            wait_of(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now)
        };
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 03 May 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait("Sun, 03 May 2026 11:00:00 GMT"), None);
        assert_eq!(wait("99999999999"), Some(LONGEST_WAIT));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait_of(&HeaderMap::new(), now), None);
    }

    /// Names are looked up and judged by what they lead to.
    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_reached() {
        let localhost = || "localhost".parse::<Name>().unwrap();
        let refused = Reachable(WebhookRules::default()).resolve(localhost()).await;
        assert!(refused.is_err_and(|e| e.to_string() == NOT_PUBLIC));
        let networks = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let rules = WebhookRules { plain_http: true, networks };
        assert!(Reachable(rules).resolve(localhost()).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_is_sent_where_it_may_not_go() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let rules = WebhookRules { plain_http: true, networks: vec![] };
        let sender = Sender::new(rules).unwrap();
        let message = Message { id: "msg".into(), body: b"{}".to_vec() };
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"] {
            let url = format!("http://{host}:{port}/");
            let outcome = sender.send(&url, &[vec![1; 32]], &message, Utc::now()).await;
            let error = match outcome {
                Outcome::Failed { error, status: None, .. } => error,
                other => panic!("{host}: {other:?}"),
            };
            assert!(error.contains("public internet"), "{host}: {error}");
        }
        assert!(listener.accept().is_err(), "somebody came all the same");
    }
}
