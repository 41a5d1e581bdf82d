//! The web UI as a browser gets it, with what `npm run build` has left in `web/dist`.

use std::path::{Path, PathBuf};

use nexavpn_tests::harness::{TestDb, TestServer};
use reqwest::{Client, Method, Response, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What a browser sends as it opens a page.
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn dist() -> PathBuf {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    assert!(
        dist.join("index.html").exists(),
        "the web UI is not built: `./test` does so, or `npm ci && npm run build` in web/"
    );
    dist
}

struct Ui {
    server: TestServer,
    http: Client,
    _db: TestDb,
}

impl Ui {
    async fn start() -> Self {
        let db = TestDb::new().await;
        let server = TestServer::start(&db).await;
        // What is compressed is to be seen as it comes.
        let http = Client::builder().no_proxy().no_gzip().build().unwrap();
        Self { server, http, _db: db }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.server.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let answer = self.send(Method::GET, path, headers).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap().to_vec())
    }

    /// A path as it is written, which a client would have tidied; the whole answer.
    async fn raw(&self, path: &str) -> String {
        let address = self.server.base_url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// Answers in words, as the API does.
fn assert_nothing(answer: &(u16, HeaderMap, Vec<u8>), place: &str) {
    let body: serde_json::Value = serde_json::from_slice(&answer.2)
        .unwrap_or_else(|_| panic!("{place}: {}", String::from_utf8_lossy(&answer.2)));
    assert_eq!((answer.0, &body["error"]["code"]), (404, &"not_found".into()), "{place}");
}

#[tokio::test]
async fn every_page_has_a_nonce_of_its_own() {
    let ui = Ui::start().await;
    dist();
    let mut seen = vec![];
    for path in ["/", "/", "/users", "/devices/1f0c.2?tab=a.b", "/index.html", "/apis"] {
        let (status, headers, body) = ui.get(path, &[PAGE]).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(text(&headers, "content-type"), "text/html; charset=utf-8");
        assert_eq!(text(&headers, "cache-control"), "no-store");
        assert_eq!(text(&headers, "cross-origin-opener-policy"), "same-origin");
        assert_eq!(text(&headers, "x-frame-options"), "DENY");
        for gadget in ["camera", "microphone", "geolocation"] {
            assert!(text(&headers, "permissions-policy").contains(&format!("{gadget}=()")));
        }
        let policy = text(&headers, "content-security-policy").to_owned();
        let (before, rest) = policy.split_once("'nonce-").unwrap();
        let (nonce, after) = rest.split_once('\'').unwrap();
        // 128 bits.
        assert_eq!(nonce.len(), 22, "{policy}");
        assert_eq!(
            format!("{before}{after}"),
            "default-src 'none'; script-src 'self'; style-src 'self' ; img-src 'self' data: blob:; \
             font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        let page = String::from_utf8(body).unwrap();
        assert!(page.contains(&format!("nonce=\"{nonce}\"")), "{page}");
        assert!(!page.contains("__NONCE__"), "{page}");
        assert!(!seen.contains(&nonce.to_owned()), "{seen:?}");
        seen.push(nonce.to_owned());
    }
    // Whoever asks for the first page gets it, whatever it takes.
    let (status, headers, _) = ui.get("/", &[("accept", "application/json")]).await;
    assert_eq!((status, text(&headers, "content-type")), (200, "text/html; charset=utf-8"));
    let head = ui.send(Method::HEAD, "/users", &[PAGE]).await;
    assert_eq!(head.status(), 200);
    assert!(head.headers().contains_key("content-security-policy"));
    assert_eq!(head.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_the_page_loads_is_kept_for_good_and_comes_compressed() {
    let ui = Ui::start().await;
    let assets = std::fs::read_dir(dist().join("assets")).unwrap();
    let names = assets.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| name.ends_with(".js")).collect();
    let compressed = names.iter().filter(|name| dist().join(format!("assets/{name}.br")).exists());
    let names: Vec<&String> = compressed.collect();
    assert!(!names.is_empty(), "the build has compressed nothing");
    for name in names {
        let path = format!("/assets/{name}");
        let file = |end: &str| std::fs::read(dist().join(format!("assets/{name}{end}"))).unwrap();
        let mut tags = vec![];
        for (accepted, encoding, end) in [
            ("gzip, deflate, br, zstd", "br", ".br"),
            ("gzip, br;q=0", "gzip", ".gz"),
            ("gzip", "gzip", ".gz"),
            ("identity", "", ""),
        ] {
            let (status, headers, body) = ui.get(&path, &[("accept-encoding", accepted)]).await;
            assert_eq!((status, text(&headers, "content-encoding")), (200, encoding), "{accepted}");
            assert_eq!(text(&headers, "vary"), "accept-encoding");
            assert_eq!(text(&headers, "content-type"), "text/javascript");
            let kept = "public, max-age=31536000, immutable";
            assert_eq!(text(&headers, "cache-control"), kept);
            assert!(body == file(end), "{path}: {accepted}");
            tags.push(text(&headers, "etag").to_owned());
        }
        tags.dedup();
        assert_eq!(tags.len(), 3, "other bytes have another tag: {tags:?}");
        let head = ui.send(Method::HEAD, &path, &[]).await;
        assert_eq!(head.status(), 200);
        assert_eq!(text(head.headers(), "content-length"), file("").len().to_string());
        // What the build has compressed is no file of its own.
        for end in [".br", ".gz"] {
            assert_nothing(&ui.get(&format!("{path}{end}"), &[PAGE]).await, end);
        }
    }
}

#[tokio::test]
async fn other_files_are_asked_for_again() {
    let ui = Ui::start().await;
    let icon = std::fs::read(dist().join("favicon.svg")).unwrap();
    let (status, headers, body) = ui.get("/favicon.svg", &[PAGE]).await;
    assert_eq!((status, text(&headers, "content-type")), (200, "image/svg+xml"));
    assert_eq!(text(&headers, "cache-control"), "no-cache");
    assert_eq!(
        text(&headers, "content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert!(body == icon);
    let tag = text(&headers, "etag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let (status, headers, body) = ui.get("/favicon.svg", &[("if-none-match", &known)]).await;
        assert_eq!((status, body.len(), text(&headers, "etag")), (304, 0, tag.as_str()), "{known}");
    }
    let other = [("if-none-match", "\"other\"")];
    assert_eq!(ui.get("/favicon.svg", &other).await.0, 200);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_programs() {
    let ui = Ui::start().await;
    for path in [
        "/api",
        "/api/v1/nothing",
        "/api/v2/users",
        "/healthz/nothing",
        "/readyz/nothing",
        "/metrics/nothing",
        "/assets/nothing-a1b2c3.js",
        "/assets/",
    ] {
        assert_nothing(&ui.get(path, &[PAGE]).await, path);
    }
    assert_eq!(ui.get("/docs/nothing", &[PAGE]).await.0, 404);
    for path in ["/users", "/nothing.js"] {
        assert_nothing(&ui.get(path, &[]).await, path);
        assert_nothing(&ui.get(path, &[("accept", "application/json")]).await, path);
        assert_nothing(&ui.get(path, &[("accept", "text/html;q=0, */*")]).await, path);
        let posted = ui.send(Method::POST, path, &[PAGE]).await;
        assert_eq!(posted.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_ui() {
    let ui = Ui::start().await;
    dist();
    for path in [
        "/assets/../../Cargo.toml",
        "/assets/../../package.json",
        "/assets/../index.html",
        "/../package.json",
        "/assets/%2e%2e/%2e%2e/package.json",
        "/assets/..%2f..%2fpackage.json",
        "/assets/..\\..\\package.json",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/./favicon.svg",
    ] {
        let answer = ui.raw(path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains("\"not_found\""), "{path}: {answer}");
    }
}
