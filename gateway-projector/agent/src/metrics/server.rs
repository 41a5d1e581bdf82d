//! Answers `GET /metrics` and nothing else.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

use super::Metrics;
use crate::contact::since_boot;

/// A scraper's request is a few hundred bytes.
const LONGEST_REQUEST: usize = 8192;
/// For reading a request and writing the answer, together.
const LIMIT: Duration = Duration::from_secs(5);
/// More scrapers at once than these wait.
const AT_ONCE: usize = 8;

/// Serves for ever.
pub async fn serve(listener: TcpListener, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    let answered = tokio::time::timeout(LIMIT, answer(stream, &metrics)).await;
                    if let Ok(Err(error)) = answered {
                        debug!(%error, "a scrape broke off");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: it passes.
                debug!(%error, "cannot accept a scraper");
                tokio::time::sleep(LIMIT).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() >= LONGEST_REQUEST {
            return write(&mut stream, "431 Request Header Fields Too Large", "", "too large\n")
                .await;
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&request);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => {
            let page = metrics.render(since_boot(), Utc::now().timestamp());
            write(&mut stream, "200 OK", "", &page).await
        }
        (Some("GET"), _) => {
            write(&mut stream, "404 Not Found", "", "there is only /metrics\n").await
        }
        _ => write(&mut stream, "405 Method Not Allowed", "Allow: GET\r\n", "only GET\n").await,
    }
}

async fn write(
    stream: &mut TcpStream,
    status: &str,
    header: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\n{header}Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
