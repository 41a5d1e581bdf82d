//! TLS with a certificate of one's own.

use std::{net::SocketAddr, path::Path};

use base64::Engine as _;
use nexavpn_api::serve::{ServeError, TlsError, TlsOptions};
use nexavpn_bundle::JoinToken;
use nexavpn_gateway::{
    join::{JoinError, join},
    state::StateDir,
};
use nexavpn_tests::harness::{
    ADMIN, Client, PASSWORD, ServerProcess, TestDb, TestServer, WIDE, data_dir, poll_until,
};
use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::api_admin::{gateway, id};

/// Writes a certificate that is its own issuer; gives its hash.
fn self_signed(dir: &Path) -> (TlsOptions, [u8; 32]) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let options = TlsOptions { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&options.cert, cert.pem()).unwrap();
    std::fs::write(&options.key, signing_key.serialize_pem()).unwrap();
    (options, Sha256::digest(cert.der()).into())
}

async fn admin(server: &TestServer) -> Client {
    Client::credulous(&server.base_url).login(ADMIN, PASSWORD).await
}

#[tokio::test]
async fn a_node_pins_the_certificate_and_refuses_another() {
    let db = TestDb::new().await;
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (tls, hash) = self_signed(ours.path());
    let (other_tls, other_hash) = self_signed(theirs.path());
    assert_ne!(hash, other_hash);
    let server = TestServer::start_with(&db.server_url, |o| o.tls = Some(tls)).await;
    assert!(server.base_url.starts_with("https://"), "{}", server.base_url);
    let admin = admin(&server).await;
    let created = admin.post("/admin/gateways", gateway("gw", "100.96.0.0/16")).await.1;
    let path = format!("/admin/gateways/{}/join-token", id(&created));
    let issued = admin.send(Method::POST, &path, &[], None).await;
    assert_eq!(issued.status, 201, "{}", issued.body);
    assert!(issued.header("strict-transport-security").contains("max-age="));
    let command = issued.body["command"].as_str().unwrap();
    assert!(command.contains(&server.base_url), "{command}");
    let token = issued.body["token"].as_str().unwrap();
    assert_eq!(token.parse::<JoinToken>().unwrap().tls_cert_sha256, Some(hash));

    // Whoever stands in between has another certificate, whatever else it has.
    let between = TestServer::start_with(&db.server_url, |o| o.tls = Some(other_tls)).await;
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::open(dir.path()).unwrap();
    let refused = join(&state, &between.base_url, token, None, false).await.unwrap_err();
    assert!(matches!(refused, JoinError::Client(_)), "{refused}");
    assert!(!state.is_joined());
    let joined = join(&state, &server.base_url, token, None, false).await.unwrap();
    let pinned = base64::prelude::BASE64_STANDARD.encode(hash);
    assert_eq!(joined.tls_cert_sha256.as_deref(), Some(pinned.as_str()));

    // Behind a proxy a node meets the proxy's certificate.
    let proxied = [("X-Forwarded-For", "192.0.2.1")];
    let issued = admin.send(Method::POST, &path, &proxied, None).await;
    let token: JoinToken = issued.body["token"].as_str().unwrap().parse().unwrap();
    assert_eq!(token.tls_cert_sha256, None);
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().unwrap();
    let (options, hash) = self_signed(dir.path());
    let server = TestServer::start_with(&db.server_url, |o| o.tls = Some(options.clone())).await;
    let tls = server.app.tls.clone().unwrap();
    assert_eq!(tls.pin(), Some(hash));
    let (_, renewed) = self_signed(dir.path());
    tls.reload().unwrap();
    assert_eq!(tls.pin(), Some(renewed));
    admin(&server).await;
    // Another certificate's key.
    let stranger = tempfile::tempdir().unwrap();
    let (stranger, _) = self_signed(stranger.path());
    std::fs::copy(&stranger.key, &options.key).unwrap();
    assert!(matches!(tls.reload().unwrap_err(), TlsError::Pair { .. }));
    std::fs::write(&options.cert, "no certificate").unwrap();
    assert!(matches!(tls.reload().unwrap_err(), TlsError::File { .. }));
    assert_eq!(tls.pin(), Some(renewed));
    admin(&server).await;
}

/// The hash of the certificate that a server shows to whoever connects now.
async fn shown(server: &ServerProcess) -> [u8; 32] {
    let http = reqwest::Client::builder().no_proxy().tls_info(true);
    let http = http.tls_danger_accept_invalid_certs(true).build().unwrap();
    let answer = http.get(format!("{}/healthz", server.base_url)).send().await.unwrap();
    let info: &reqwest::tls::TlsInfo = answer.extensions().get().unwrap();
    Sha256::digest(info.peer_certificate().unwrap()).into()
}

#[tokio::test]
async fn sighup_has_the_program_read_its_certificate_again() {
    let (dir, data) = (tempfile::tempdir().unwrap(), data_dir(false));
    let (tls, hash) = self_signed(dir.path());
    let text = |path: &Path| path.display().to_string();
    let (cert, key, data) = (text(&tls.cert), text(&tls.key), text(data.path()));
    let arguments = ["--data-dir", &data, "--tls-cert", &cert, "--tls-key", &key];
    let server = ServerProcess::start_with(&arguments, &[]).await;
    assert_eq!(shown(&server).await, hash);
    let (_, renewed) = self_signed(dir.path());
    assert_eq!(shown(&server).await, hash, "nobody has said anything yet");
    server.signal(Signal::SIGHUP);
    poll_until(WIDE, || async { shown(&server).await == renewed }).await;
    // One that cannot be used leaves the other in place.
    std::fs::write(&tls.cert, "no certificate").unwrap();
    server.signal(Signal::SIGHUP);
    poll_until(WIDE, || async { server.output().contains("stays the old one") }).await;
    assert_eq!(shown(&server).await, renewed);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn other_machines_are_answered_with_tls_only() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().unwrap();
    let (tls, _) = self_signed(dir.path());
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let server = TestServer::start_with(&db.server_url, |o| {
        o.listen = everywhere;
        o.tls = Some(tls);
    })
    .await;
    let port = server.base_url.rsplit(':').next().unwrap().to_owned();
    let client = Client::credulous(&format!("https://127.0.0.1:{port}"));
    client.login(ADMIN, PASSWORD).await;
    // Plain HTTP on the same port is no HTTP at all.
    let plain = Client::new(&format!("http://127.0.0.1:{port}"));
    assert!(plain.try_send(Method::GET, "/auth/me", &[], None).await.is_err());

    let mut options =
        nexavpn_api::serve::ServeOptions::new(nexavpn_api::serve::DatabaseOptions::new(dir.path()));
    options.listen = everywhere;
    let Err(refused) = nexavpn_api::serve::start(options).await else { panic!("it started") };
    assert!(matches!(refused, ServeError::Insecure { .. }), "{refused}");
    assert!(refused.to_string().contains("--tls-cert"), "{refused}");
}

#[tokio::test]
async fn a_browsers_cookie_is_for_tls_where_that_is_spoken() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().unwrap();
    let (tls, _) = self_signed(dir.path());
    let server = TestServer::start_with(&db.server_url, |o| o.tls = Some(tls)).await;
    let client = Client::credulous(&server.base_url);
    let login = json!({ "username": ADMIN, "password": PASSWORD });
    let answer = client.send(Method::POST, "/auth/browser/login", &[], Some(login)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let set = answer.header("set-cookie");
    assert!(set.split("; ").any(|part| part == "Secure"), "{set}");
}

#[tokio::test]
async fn hsts_is_for_tls_only() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let login = json!({ "username": ADMIN, "password": PASSWORD });
    let answer = server.client().send(Method::POST, "/auth/login", &[], Some(login)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("strict-transport-security"), "");
}
