//! An endpoint that does what the test tells it to, and remembers what it was sent.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mood {
    /// 204.
    Takes,
    /// This status, with these headers.
    Answers(u16, &'static str),
    /// Nothing, and leaves the connection open.
    Hangs,
    /// Hangs up without a word.
    HangsUp,
    /// Any of these, by chance.
    Moody,
}

/// A request that it was sent.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether it was taken.
    pub(super) taken: bool,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The number of the event that it is about.
    pub(super) fn idx(&self) -> i64 {
        let json = self.json();
        json["data"]["idx"].as_i64().unwrap_or_else(|| panic!("no event: {json}"))
    }

    /// Whether the signature is right, by code that is not ours.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(&self.body, &self.headers).is_ok()
    }
}

#[derive(Clone)]
struct State {
    mood: Arc<Mutex<Mood>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// An endpoint; gone with this value.
pub(super) struct Receiver {
    state: State,
    port: u16,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { mood: Arc::new(Mutex::new(Mood::Takes)), received: Arc::default() };
        let serving = tokio::spawn(serve(listener, state.clone()));
        Self { state, port, serving }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(super) fn be(&self, mood: Mood) {
        *self.state.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Everything that it was sent so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What of it was taken.
    pub(super) fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|r| r.taken).collect()
    }

    /// The numbers of the events, each where it was taken first.
    pub(super) fn first_taken(&self) -> Vec<i64> {
        let mut seen = std::collections::HashSet::new();
        self.taken().iter().map(Received::idx).filter(|idx| seen.insert(*idx)).collect()
    }

    /// Lets nobody connect for a while.
    pub(super) async fn stop(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Comes back at the same address.
    pub(super) async fn restart(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serving = tokio::spawn(serve(listener, self.state.clone()));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: State) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = state.clone();
        tokio::spawn(async move {
            // Whoever is killed in the middle is none of its business.
            let _ = answer(stream, &state).await;
        });
    }
}

async fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&read[..head]).into_owned();
    assert!(text.starts_with("POST /hook HTTP/1.1\r\n"), "{text}");
    let mut headers = HeaderMap::new();
    for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    while read.len() < head + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let mood = *state.mood.lock().unwrap_or_else(PoisonError::into_inner);
    let mood = match mood {
        Mood::Moody => match rand::random_range(0..6) {
            0 => Mood::Answers(500, ""),
            1 => Mood::HangsUp,
            2 => Mood::Answers(429, "retry-after: 0\r\n"),
            _ => Mood::Takes,
        },
        mood => mood,
    };
    let received =
        Received { headers, body: read[head..].to_vec(), taken: matches!(mood, Mood::Takes) };
    state.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    let (status, more) = match mood {
        Mood::Takes | Mood::Moody => (204, ""),
        Mood::Answers(status, more) => (status, more),
        Mood::HangsUp => return Ok(()),
        Mood::Hangs => return std::future::pending().await,
    };
    let answer = format!(
        "HTTP/1.1 {status} Whatever\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await
}
