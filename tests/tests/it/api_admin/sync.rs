//! `GET /admin/gateways/{id}/sync`, and what the node reports back.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::{BundleError, JoinToken, SigningKeyChain, is_delta, verify, verify_delta};
use nexavpn_tests::harness::{Client, WIDE, request};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_error, gateway, id, key};

/// A gateway whose node has joined.
struct Node {
    id: String,
    credential: String,
    client: Client,
    signing: VerifyingKey,
}

impl Node {
    async fn join(plane: &Plane, name: &str, pool: &str) -> Self {
        let (id, joined) = plane.joined(name, pool, json!({})).await;
        let signing = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
        let signing = VerifyingKey::from_bytes(&signing.try_into().unwrap()).unwrap();
        let credential = joined["credential"].as_str().unwrap().to_owned();
        let client = plane.node(&joined);
        Self { id, credential, client, signing }
    }

    fn sync_path(&self) -> String {
        format!("/admin/gateways/{}/sync", self.id)
    }

    /// The answer's very bytes, which the client of the harness would parse.
    async fn fetch(&self, plane: &Plane, headers: &[(&str, &str)]) -> (reqwest::Response, Vec<u8>) {
        self.fetch_with(plane, "", headers).await
    }

    async fn fetch_since(&self, plane: &Plane, since: i64) -> (reqwest::Response, Vec<u8>) {
        self.fetch_with(plane, &format!("?since={since}"), &[]).await
    }

    async fn stream(&self, plane: &Plane, last: Option<&str>) -> Events {
        let url = format!("{}/api/v1{}/stream", plane.server.base_url, self.sync_path());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http.get(url).bearer_auth(&self.credential);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), "text/event-stream");
        Events { response, text: String::new() }
    }

    async fn fetch_with(
        &self,
        plane: &Plane,
        query: &str,
        headers: &[(&str, &str)],
    ) -> (reqwest::Response, Vec<u8>) {
        let url = format!("{}/api/v1{}{query}", plane.server.base_url, self.sync_path());
        let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
        let mut request = http.get(url).bearer_auth(&self.credential);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.unwrap();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        (response, body)
    }

    async fn report(&self, applied: Value) -> u16 {
        let report = json!({
            "agent_version": "0.1.0", "applied": applied, "rejected": null, "peers": [],
            "reported_at": "2026-01-01T00:00:00Z",
        });
        self.client.post(&format!("/gateways/{}/status", self.id), report).await.0
    }
}

/// A stream of server-sent events.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    /// The id and the data of the next one.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = line("data: ")
                    .map(|data| (line("id: ").unwrap_or_default().to_owned(), data.to_owned()));
                self.text = rest.to_owned();
                match found {
                    Some(event) => return Some(event),
                    // Only to keep the connection alive.
                    None => continue,
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn header(response: &reqwest::Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_node_gets_its_signed_bundle_and_304_until_it_changes() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;

    let (response, body) = node.fetch(&plane, &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let bundle = verify(&body, &[node.signing]).unwrap();
    assert_eq!(bundle.payload.gateway_id, node.id);
    let devices: Vec<_> = bundle.payload.devices.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(devices, [device.as_str()]);
    let etag = header(&response, "etag");
    assert_eq!(etag, bundle.etag());

    let (response, body) = node.fetch(&plane, &[("if-none-match", &etag)]).await;
    assert_eq!((response.status().as_u16(), body.len()), (304, 0));
    assert_eq!(header(&response, "etag"), etag);
    // The admin sees the same bytes.
    let admin = plane.admin.send(Method::GET, &node.sync_path(), &[], None).await;
    assert_eq!(admin.header("etag").replace("-gzip", ""), etag);

    let revoke = plane.admin.post(&format!("/admin/devices/{device}/revoke"), json!({})).await;
    assert_eq!(revoke.0, 200);
    let (response, body) = node.fetch(&plane, &[("if-none-match", &etag)]).await;
    assert_eq!(response.status(), 200);
    let newer = verify(&body, &[node.signing]).unwrap();
    assert!(newer.payload.devices.is_empty());
    assert!(newer.payload.revision > bundle.payload.revision);
}

#[tokio::test]
async fn a_compressed_bundle_is_the_same_under_a_tag_of_its_own() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let (plain, body) = node.fetch(&plane, &[]).await;
    // This client asks for gzip by itself, and unpacks.
    let packed = node.client.send(Method::GET, &node.sync_path(), &[], None).await;
    assert_eq!(packed.body, serde_json::from_slice::<Value>(&body).unwrap());
    let (tag, plain) = (packed.header("etag").to_owned(), header(&plain, "etag"));
    assert_eq!(tag.strip_suffix("-gzip\""), plain.strip_suffix('"'));
    for tag in [tag, plain] {
        let headers = [("if-none-match", tag.as_str()), ("accept-encoding", "gzip")];
        let (response, body) = node.fetch(&plane, &headers).await;
        assert_eq!((response.status().as_u16(), body.len()), (304, 0), "{tag}");
    }
}

#[tokio::test]
async fn a_node_that_has_a_bundle_gets_what_leads_to_the_newest() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    for n in 0..5 {
        plane.device(&alice, &format!("laptop {n}")).await;
    }
    let (_, body) = node.fetch(&plane, &[]).await;
    let mut held = verify(&body, &[node.signing]).unwrap();
    let first = held.payload.revision;
    for n in 5..8 {
        plane.device(&alice, &format!("laptop {n}")).await;
        let (response, body) = node.fetch_since(&plane, held.payload.revision).await;
        assert!(is_delta(&body));
        let newer = verify_delta(&body, &held, &[node.signing]).unwrap();
        assert_eq!(newer.payload.devices.len(), n + 1);
        let tag = newer.etag();
        let tag = format!("{}-since-{}\"", tag.trim_end_matches('"'), held.payload.revision);
        assert_eq!(header(&response, "etag"), tag);
        held = newer;
    }
    let (_, full) = node.fetch(&plane, &[]).await;
    assert_eq!(verify(&full, &[node.signing]).unwrap().bytes, held.bytes);

    // What nobody knows any more, or never was, leads nowhere: then it is the whole bundle.
    for since in [0, first - 1, held.payload.revision, held.payload.revision + 10] {
        let (response, body) = node.fetch_since(&plane, since).await;
        assert_eq!(response.status(), 200);
        assert_eq!(verify(&body, &[node.signing]).unwrap().bytes, held.bytes, "{since}");
    }
    let (response, body) = node.fetch_with(&plane, "?since=x", &[]).await;
    assert_eq!(response.status(), 400, "{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn a_node_waits_for_the_next_bundle() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let (response, _) = node.fetch(&plane, &[]).await;
    let etag = header(&response, "etag");

    let headers = [("if-none-match", etag.as_str())];
    let (response, _) = node.fetch_with(&plane, "?wait=1", &headers).await;
    assert_eq!(response.status(), 304, "nothing came");

    let waiting = node.fetch_with(&plane, "?wait=20", &headers);
    let change = async {
        // Nobody can tell that it waits: if it does not yet, it finds the change at once.
        plane.device(&alice, "laptop").await;
        tokio::time::Instant::now()
    };
    let ((response, body), changed) = tokio::join!(waiting, change);
    assert_eq!(response.status(), 200);
    assert!(changed.elapsed() < WIDE, "long before its wait is over");
    let bundle = verify(&body, &[node.signing]).unwrap();
    assert_eq!(bundle.payload.devices.len(), 1);

    // Whoever is shut out while waiting learns nothing.
    let etag = bundle.etag();
    let headers = [("if-none-match", etag.as_str())];
    let waiting = node.fetch_with(&plane, "?wait=20", &headers);
    let path = format!("/admin/gateways/{}?force=true", node.id);
    let delete = plane.admin.delete(&path);
    let ((response, _), deleted) = tokio::join!(waiting, delete);
    assert_eq!(deleted.0, 204);
    assert!([401, 404].contains(&response.status().as_u16()), "{response:?}");
}

#[tokio::test]
async fn those_who_wait_do_not_keep_the_server_from_stopping() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let (response, _) = node.fetch(&plane, &[]).await;
    let etag = header(&response, "etag");
    let url = format!("{}/api/v1{}?wait=20", plane.server.base_url, node.sync_path());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let waiting = http.get(url).bearer_auth(&node.credential).header("if-none-match", etag).send();
    let waiting = tokio::spawn(waiting);
    let mut stream = node.stream(&plane, None).await;
    assert!(stream.next().await.is_some());
    let begin = tokio::time::Instant::now();
    plane.server.stop().await;
    assert!(begin.elapsed() < WIDE, "{:?}", begin.elapsed());
    assert_eq!(stream.next().await, None);
    // It was answered, or came too late to be.
    if let Ok(response) = waiting.await.unwrap() {
        assert_eq!(response.status(), 304);
    }
}

#[tokio::test]
async fn bundles_are_pushed_as_they_come() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    for n in 0..5 {
        plane.device(&alice, &format!("laptop {n}")).await;
    }
    let mut stream = node.stream(&plane, None).await;
    let (id, body) = stream.next().await.unwrap();
    let mut held = verify(body.as_bytes(), &[node.signing]).unwrap();
    assert_eq!(id, format!("{}.{}", held.payload.epoch, held.payload.revision));
    plane.device(&alice, "laptop 5").await;
    let (id, body) = stream.next().await.unwrap();
    held = verify_delta(body.as_bytes(), &held, &[node.signing]).unwrap();
    assert_eq!(held.payload.devices.len(), 6);
    drop(stream);

    // Whoever comes again goes on from there.
    plane.device(&alice, "laptop 6").await;
    let mut stream = node.stream(&plane, Some(&id)).await;
    let (id, body) = stream.next().await.unwrap();
    held = verify_delta(body.as_bytes(), &held, &[node.signing]).unwrap();
    assert_eq!(held.payload.devices.len(), 7);
    drop(stream);
    let mut stream = node.stream(&plane, Some(&id)).await;
    plane.device(&alice, "laptop 7").await;
    let (_, body) = stream.next().await.unwrap();
    held = verify_delta(body.as_bytes(), &held, &[node.signing]).unwrap();
    assert_eq!(held.payload.devices.len(), 8);

    // The end of the gateway is the end of its stream.
    let delete = plane.admin.delete(&format!("/admin/gateways/{}?force=true", node.id)).await;
    assert_eq!(delete.0, 204);
    while let Some((_, body)) = stream.next().await {
        assert!(!body.contains("payload"), "{body}");
    }
}

#[tokio::test]
async fn the_next_signing_key_is_trusted_because_the_one_before_has_signed_it() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let late = id(&plane.create("gateways", gateway("late", "100.97.0.0/24")).await);
    let (_, token) =
        plane.admin.post(&format!("/admin/gateways/{late}/join-token"), json!({})).await;
    let (response, body) = node.fetch(&plane, &[]).await;
    let held = verify(&body, &[node.signing]).unwrap();
    let etag = header(&response, "etag");
    let headers = [("if-none-match", etag.as_str())];
    let waiting = node.fetch_with(&plane, "?wait=20", &headers);
    let rotation = async {
        // As `nexavpn keys rotate-bundles` does.
        let app = &plane.server.app;
        let in_force = app.fleet.read(|fleet| fleet.signing_key().unwrap().to_owned());
        let introduce = app.keys.next(&in_force, &rand::random()).await.unwrap();
        let done = app.commands.introduce_signing_key(&request(), introduce).await.unwrap();
        app.settle(done.position).await;
    };
    let ((response, body), ()) = tokio::join!(waiting, rotation);
    assert_eq!(response.status(), 200, "a new key is a new bundle");
    let refused = verify(&body, &[node.signing]).unwrap_err();
    assert!(matches!(refused, BundleError::UnknownKey(_)), "{refused:?}");

    let path = format!("/admin/gateways/{}/signing-keys", node.id);
    let (status, chain) = node.client.get(&path).await;
    assert_eq!(status, 200);
    let chain: SigningKeyChain = serde_json::from_value(chain).unwrap();
    let next = chain.follow(&[node.signing]);
    assert_eq!(next.len(), 1);
    let newer = verify(&body, &next).unwrap();
    assert!(newer.check_newer(&held).unwrap());

    // A node with a token from before, which names the key before.
    let text = token["token"].as_str().unwrap();
    assert!(text.parse::<JoinToken>().unwrap().names_signing_key(&node.signing));
    let body = json!({ "token": text, "public_key": key(), "agent_version": "0.1.0" });
    let (_, joined) = plane.server.client().post("/gateways/join", body).await;
    let known = |key: &VerifyingKey| BASE64_STANDARD.encode(key.as_bytes());
    assert_eq!(joined["signing_keys"], json!([known(&next[0]), known(&node.signing)]));
}

#[tokio::test]
async fn convergence_is_what_the_node_reports() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let (_, body) = node.fetch(&plane, &[]).await;
    let bundle = verify(&body, &[node.signing]).unwrap();
    let (epoch, revision) = bundle.position();
    let applied = json!({ "epoch": epoch, "revision": revision, "sha256": bundle.sha256 });
    assert_eq!(node.report(applied.clone()).await, 204);
    let path = format!("/admin/gateways/{}", node.id);
    let convergence = || async { plane.admin.get(&path).await.1["convergence"].clone() };
    let view = convergence().await;
    assert_eq!((&view["status"], &view["applied"]), (&json!("in_sync"), &applied), "{view}");
    assert_eq!(view["revision"], json!(revision));

    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let view = convergence().await;
    assert_eq!(
        (&view["status"], &view["revisions_behind"]),
        (&json!("behind"), &json!(1)),
        "{view}"
    );
    assert!(view["since"].is_string());

    let ahead = json!({ "epoch": epoch, "revision": revision + 1000, "sha256": "a".repeat(64) });
    assert_eq!(node.report(ahead).await, 204);
    assert_eq!(convergence().await["status"], "history_lost");
    assert_error(&node.client.get(&node.sync_path()).await, 409, "history_lost");
}

#[tokio::test]
async fn a_credential_opens_its_own_gateway_only() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let other = Node::join(&plane, "other", "100.97.0.0/24").await;
    assert_eq!(node.client.get(&node.sync_path()).await.0, 200);
    assert_error(&node.client.get(&other.sync_path()).await, 404, "not_found");
    let anonymous = plane.server.client();
    assert_error(&anonymous.get(&node.sync_path()).await, 401, "unauthenticated");
    let guess = anonymous.with_token("guess").get(&node.sync_path()).await;
    assert_error(&guess, 401, "invalid_token");
    let auditor = plane.server.user("audrey", "auditor").await;
    assert_error(&auditor.get(&node.sync_path()).await, 403, "forbidden");
}
