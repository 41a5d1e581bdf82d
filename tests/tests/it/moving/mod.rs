//! Devices that go from one gateway to another, one by one or with all others by a drain, or from one
//! owner to another.

mod devices;
mod drains;
mod handed_over;
mod overtaken;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::{VerifiedBundle, is_delta, verify, verify_delta};
use nexavpn_projections::{REGISTRY, compare};
use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use crate::api_admin::{Plane, id, key};

/// What `verify` finds.
async fn problems(plane: &Plane) -> Vec<String> {
    let keyring = plane.server.commands().store().keyring();
    nexavpn_store::verify(&plane.db.pool, keyring).await.unwrap().problems
}

/// What is kept beside the events is what they give.
pub(crate) async fn assert_true(plane: &Plane) {
    assert_eq!(problems(plane).await, Vec::<String>::new());
    let log = plane.server.commands().store().log();
    for projection in REGISTRY {
        let differences = compare(&plane.db.owner_pool, &log, projection.name()).await.unwrap();
        assert!(differences.is_empty(), "{}: {differences:#?}", projection.name());
    }
    let strangers: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM device_index i FULL JOIN (
             SELECT * FROM read.devices WHERE revoked_at IS NULL) d ON d.id = i.device_id
         WHERE (i.gateway_id, i.user_id) IS DISTINCT FROM (d.gateway_id, d.owner_id)",
    )
    .fetch_one(&plane.db.pool)
    .await
    .unwrap();
    assert_eq!(strangers, 0);
}

/// A node that has joined a gateway, and believes what its signing key says.
struct Node {
    id: String,
    client: Client,
    url: String,
    credential: String,
    signing: VerifyingKey,
}

impl Node {
    async fn join(plane: &Plane, gateway: Value) -> Self {
        let id = id(&plane.create("gateways", gateway).await);
        let path = format!("/admin/gateways/{id}/join-token");
        let (_, issued) = plane.admin.post(&path, json!({})).await;
        let body =
            json!({ "token": issued["token"], "public_key": key(), "agent_version": "0.1.0" });
        let (status, joined) = plane.server.client().post("/gateways/join", body).await;
        assert_eq!(status, 201, "{joined}");
        let signing = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
        let signing = VerifyingKey::from_bytes(&signing.try_into().unwrap()).unwrap();
        let credential = joined["credential"].as_str().unwrap().to_owned();
        let client = plane.server.client().with_token(credential.clone());
        let url = format!("{}/api/v1/admin/gateways/{id}/sync", plane.server.base_url);
        Self { id, client, url, credential, signing }
    }

    /// The newest bundle; where one is held, by what leads from it to the newest.
    async fn newest(&self, held: Option<&VerifiedBundle>) -> VerifiedBundle {
        let since = held.map(|held| format!("?since={}", held.payload.revision));
        let url = format!("{}{}", self.url, since.unwrap_or_default());
        let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
        let response = http.get(url).bearer_auth(&self.credential).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.bytes().await.unwrap();
        let bundle = match held.filter(|_| is_delta(&body)) {
            Some(held) => verify_delta(&body, held, &[self.signing]),
            None => verify(&body, &[self.signing]),
        };
        let bundle = bundle.unwrap();
        bundle.check_gateway(&self.id).unwrap();
        bundle
    }
}
