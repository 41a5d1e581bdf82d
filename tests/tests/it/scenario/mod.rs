//! The running system: commands over HTTP that race, servers and databases that are killed in the
//! middle of a load, a dump that is restored elsewhere. PostgreSQL is the test's own each time,
//! because transaction ids, and what holds them up, are shared by a cluster.

mod bundles;
mod crash;
mod drain;
mod load;
pub(crate) mod persons;
mod races;
mod restored;
mod silent;
mod truth;
mod waiting;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::VerifiedBundle;
use nexavpn_tests::harness::{
    ADMIN, Client, OwnServer, PASSWORD, ServerProcess, TestServer, write_master_key,
};
use serde_json::{Value, json};

/// A WireGuard public key: nearly every 32 bytes are one.
fn key() -> String {
    let mut bytes: [u8; 32] = rand::random();
    bytes[31] &= 0x3f;
    BASE64_STANDARD.encode(bytes)
}

/// The id of an entity.
fn id(entity: &Value) -> String {
    entity["id"].as_str().unwrap_or_else(|| panic!("no id in {entity}")).to_owned()
}

/// Creates something and answers its id.
async fn create(admin: &Client, collection: &str, body: Value) -> String {
    let (status, entity) = admin.post(&format!("/admin/{collection}"), body).await;
    assert_eq!(status, 201, "{collection}: {entity}");
    id(&entity)
}

async fn user(admin: &Client, username: &str) -> String {
    create(admin, "users", json!({ "username": username })).await
}

/// A gateway with a key, so that devices can enrol at it.
async fn gateway(admin: &Client, name: &str, pool: &str) -> String {
    let mut body = unjoined(name, pool);
    body["public_key"] = key().into();
    create(admin, "gateways", body).await
}

fn unjoined(name: &str, pool: &str) -> Value {
    json!({ "name": name, "endpoint": "vpn.example.com:51820", "address_pool_v4": pool })
}

/// Adds a device for a user, whatever comes of it.
async fn enrol(admin: &Client, user: &str, name: &str) -> (u16, Value) {
    let body = json!({ "name": name, "public_key": key() });
    admin.post(&format!("/admin/users/{user}/devices"), body).await
}

async fn device(admin: &Client, user: &str, name: &str) -> String {
    let (status, answer) = enrol(admin, user, name).await;
    assert_eq!(status, 201, "{answer}");
    id(&answer["device"])
}

/// The code of an error answer.
fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

/// The real program on a PostgreSQL of the test's own, with the keys of every test server.
async fn start_program(db: &OwnServer) -> ServerProcess {
    let variables = settings(db);
    let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    ServerProcess::start_with(&[], &variables).await
}

/// A durable database with an admin whose password is settled.
async fn established() -> OwnServer {
    let db = OwnServer::start(true).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    db
}

async fn admin(server: &ServerProcess) -> Client {
    server.client().login(ADMIN, PASSWORD).await
}

/// What the program has to be told for that.
pub(crate) fn settings(db: &OwnServer) -> [(&'static str, String); 4] {
    let keys = db.scratch_dir();
    [
        ("DATABASE_URL", db.server_url()),
        ("NEXAVPN_MIGRATE_URL", db.owner_url()),
        ("NEXAVPN_MASTER_KEY_FILE", write_master_key(keys).display().to_string()),
        ("NEXAVPN_DATA_DIR", keys.join("data").display().to_string()),
    ]
}

/// A node that has joined: it believes its signing key and keeps what it has taken.
struct Node {
    gateway: String,
    credential: String,
    signing: VerifyingKey,
}

impl Node {
    async fn join(admin: &Client, name: &str, pool: &str) -> Self {
        let gateway = create(admin, "gateways", unjoined(name, pool)).await;
        let path = format!("/admin/gateways/{gateway}/join-token");
        let (_, issued) = admin.post(&path, json!({})).await;
        let body =
            json!({ "token": issued["token"], "public_key": key(), "agent_version": "0.1.0" });
        let (status, joined) = admin.post("/gateways/join", body).await;
        assert_eq!(status, 201, "{joined}");
        let signing = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
        let signing = VerifyingKey::from_bytes(&signing.try_into().unwrap()).unwrap();
        let credential = joined["credential"].as_str().unwrap().to_owned();
        Self { gateway, credential, signing }
    }

    /// What a control plane serves this node.
    async fn sync(&self, base_url: &str, etag: Option<&str>) -> (u16, Vec<u8>) {
        let headers = etag.map(|etag| ("if-none-match", etag));
        raw_sync(base_url, &self.gateway, &self.credential, headers).await
    }

    fn believe(&self, body: &[u8]) -> VerifiedBundle {
        let bundle = nexavpn_bundle::verify(body, &[self.signing]).unwrap();
        bundle.check_gateway(&self.gateway).unwrap();
        bundle
    }
}

/// The very bytes of a bundle, which [`Client`] would parse.
async fn raw_sync(
    base_url: &str,
    gateway: &str,
    token: &str,
    header: Option<(&str, &str)>,
) -> (u16, Vec<u8>) {
    let url = format!("{base_url}/api/v1/admin/gateways/{gateway}/sync");
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let mut request = http.get(url).bearer_auth(token);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

/// What a signed-in client proves itself with.
fn token(client: &Client) -> &str {
    client.session["access_token"].as_str().unwrap()
}
