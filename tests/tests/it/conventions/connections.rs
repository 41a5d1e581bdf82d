//! Clients that hold on to a connection without using it.

use std::{net::SocketAddr, time::Duration};

use nexavpn_tests::harness::{ADMIN, Client, PASSWORD, TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

async fn impatient(db: &TestDb) -> TestServer {
    TestServer::start_with(&db.server_url, |o| {
        o.connections.head = Duration::from_millis(300);
        o.connections.total = 32;
        o.http.timeout = Duration::from_millis(800);
    })
    .await
}

fn address(server: &TestServer) -> SocketAddr {
    server.base_url.trim_start_matches("http://").parse().unwrap()
}

async fn connect(server: &TestServer, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address(server)).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream
}

/// What the server says until it hangs up.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(WIDE, stream.read_to_end(&mut text)).await;
    assert!(read.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_slow_client_is_hung_up() {
    let db = TestDb::new().await;
    let server = impatient(&db).await;
    let silent = connect(&server, b"").await;
    let half = connect(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow").await;
    let body = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    let slow_body = connect(&server, body).await;
    let idle = connect(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (silent, half, slow_body, idle) =
        tokio::join!(rest(silent), rest(half), rest(slow_body), rest(idle));
    assert_eq!(silent, "");
    assert!(!half.contains("200 OK"), "{half}");
    assert!(slow_body.contains("408") && slow_body.contains("body_too_slow"), "{slow_body}");
    assert!(idle.contains("200 OK"), "{idle}");
    // Nobody else was kept from anything.
    server.client().login(ADMIN, PASSWORD).await;
}

/// One byte of a head at a time does not help.
#[tokio::test]
async fn a_trickle_is_hung_up() {
    let db = TestDb::new().await;
    let server = impatient(&db).await;
    let stream = connect(&server, b"GET /healthz HTTP/1.1\r\n").await;
    let (mut read, mut write) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while write.write_all(b"X-A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut text = Vec::new();
    // Either an end or a reset: the connection is over.
    let over = timeout(WIDE, read.read_to_end(&mut text)).await;
    assert!(over.is_ok(), "the connection stays open");
    assert!(!String::from_utf8_lossy(&text).contains("200 OK"));
    trickle.abort();
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| o.connections.total = 32).await;
    // A quarter of them, and silence.
    let mut held = vec![];
    for _ in 0..8 {
        held.push(connect(&server, b"").await);
    }
    poll_until(WIDE, || async {
        let client = Client::new(&server.base_url);
        client.try_send(Method::GET, "/auth/me", &[], None).await.is_err()
    })
    .await;
    let elsewhere = Client::from_address(&server.base_url, "127.0.0.2".parse().unwrap());
    elsewhere.login(ADMIN, PASSWORD).await;
    drop(held);
    poll_until(WIDE, || async {
        let client = Client::new(&server.base_url);
        client.try_send(Method::GET, "/auth/me", &[], None).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_head_has_bounds() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let client = server.client();
    let long = format!("/auth/me?x={}", "x".repeat(9000));
    let answer = client.send(Method::GET, &long, &[], None).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (414, &"uri_too_long".into()));
    let large = "x".repeat(40_000);
    let answer = client.send(Method::GET, "/auth/me", &[("X-Large", &large)], None).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (431, &"headers_too_large".into()));
    let names: Vec<String> = (0..120).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let answer = client.send(Method::GET, "/auth/me", &many, None).await;
    assert_eq!(answer.status, 431);
    let larger = "x".repeat(100_000);
    let answer = client.send(Method::GET, "/auth/me", &[("X-Large", &larger)], None).await;
    assert_eq!(answer.status, 431);
    let mut socket = TcpSocket::new_v4().unwrap().connect(address(&server)).await.unwrap();
    let endless = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
    let _ = socket.write_all(endless.as_bytes()).await;
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 414");
}
