//! Bodies that are too large, too deep, or not what they say.

use nexavpn_tests::harness::{ADMIN, PASSWORD};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{assert_refused, send};
use crate::api_admin::Plane;

/// Sends raw bytes and gives the head of what comes back.
async fn raw(plane: &Plane, request: &[u8]) -> String {
    let address = plane.server.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and hung up before it has all.
    let _ = stream.write_all(request).await;
    let mut head = vec![0; 64];
    let n = stream.read(&mut head).await.unwrap_or(0);
    String::from_utf8_lossy(&head[..n]).into_owned()
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_large_body_is_not_read() {
    let plane = Plane::start().await;
    let large = json!({ "username": ADMIN, "password": "x".repeat(10_000_000) });
    for path in ["/auth/login", "/auth/refresh", "/admin/users", "/devices/enroll"] {
        // A client that goes on sending may not get to read the answer.
        let method = reqwest::Method::POST;
        let answer = plane.admin.try_send(method, path, &[], Some(large.clone())).await;
        if let Ok(answer) = answer {
            assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        }
    }
    // Before a byte of it has come, and in pieces that nobody announced.
    let announced = raw(&plane, &post("Content-Length: 99999999999\r\n", b"{")).await;
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced}");
    let piece = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let pieces = piece.repeat(16);
    let chunked = raw(&plane, &post("Transfer-Encoding: chunked\r\n", &pieces)).await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    // Two lengths, or a length and pieces: whoever stands between might see another request.
    let lengths = "Content-Length: 2\r\nContent-Length: 50\r\n";
    assert!(raw(&plane, &post(lengths, b"{}")).await.starts_with("HTTP/1.1 400"));
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    let smuggled = b"0\r\n\r\nGET /api/v1/admin/users HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = raw(&plane, &post(both, smuggled)).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    plane.server.client().login(ADMIN, PASSWORD).await;
}

#[tokio::test]
async fn deep_json_is_refused() {
    let plane = Plane::start().await;
    for depth in [129, 10_000, 100_000] {
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        for deep in [&arrays, &objects] {
            let bodies = [
                deep.clone(),
                format!("{{\"username\": {deep}, \"password\": \"x\"}}"),
                format!("{{\"unknown\": {deep}}}"),
            ];
            for body in bodies {
                let headers =
                    format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
                let answer = raw(&plane, &post(&headers, body.as_bytes())).await;
                let status = answer.get(9..12).unwrap_or_default();
                assert!(["400", "413"].contains(&status), "{depth}: {answer}");
            }
        }
    }
    plane.server.client().login(ADMIN, PASSWORD).await;
}

#[tokio::test]
async fn a_body_is_what_it_says_or_is_refused() {
    let plane = Plane::start().await;
    let login = json!({ "username": ADMIN, "password": PASSWORD }).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json5"] {
        let length = login.len();
        let headers = format!("Content-Type: {content_type}\r\nContent-Length: {length}\r\n");
        let answer = raw(&plane, &post(&headers, login.as_bytes())).await;
        assert!(answer.starts_with("HTTP/1.1 415"), "{content_type}: {answer}");
    }
    // A small body that would become a large one is not unpacked.
    let headers =
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n";
    let answer = raw(&plane, &post(headers, &[0x1f, 0x8b, 8, 0])).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for body in ["", "null", "[]", "1", "\"x\"", "{", "{}{}", "{\"username\":1}", "\u{feff}{}"] {
        let headers =
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let answer = raw(&plane, &post(&headers, body.as_bytes())).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{body}: {answer}");
    }
    let twice = r#"{"username":"admin","username":"x","password":"y"}"#;
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", twice.len());
    assert!(raw(&plane, &post(&headers, twice.as_bytes())).await.starts_with("HTTP/1.1 400"));
    // More fields than there are change nothing.
    let user = json!({ "username": "mallory", "id": "x", "enabled": true, "password_hash": "x" });
    assert_refused(&send(&plane.admin, "POST", "/admin/users", &user).await, "unknown fields");
}
