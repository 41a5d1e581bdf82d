//! Kept private keys: sealed, served again, and gone with what they belong to.

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_commands::{DeviceSecrets, EnrolRequest, ForUser, NewKey, Secret};
use nexavpn_domain::{
    ids::{DeviceId, UserId},
    values::PublicKey,
};
use nexavpn_tests::harness::{WIDE, poll_until, request};
use serde_json::{Value, json};

use crate::api_admin::{Plane, key};

struct World {
    plane: Plane,
    owner: String,
}

/// A device whose private key is kept.
struct Kept {
    id: DeviceId,
    public_key: PublicKey,
    private_key: Secret,
}

impl World {
    async fn new() -> Self {
        let plane = Plane::start().await;
        plane.gateway("berlin", "100.96.0.0/16").await;
        let owner = plane.user("bots").await;
        Self { plane, owner }
    }

    async fn enrol(&self, name: &str) -> Kept {
        let owner = UserId(self.owner.parse().unwrap());
        let new = EnrolRequest {
            name: name.to_owned(),
            platform: None,
            os_version: None,
            app_version: None,
            fingerprint: None,
            key: NewKey::GenerateKept,
            gateway_id: None,
            address: None,
            expires_at: None,
            meanwhile: None,
        };
        let commands = self.plane.server.commands();
        let done = commands.enrol_device(&request(), ForUser::Dialect(owner), new).await.unwrap();
        self.plane.server.app.settle(done.position).await;
        let enrolled = done.value;
        let shown = self.get(enrolled.device_id).await;
        let public_key = PublicKey::parse(shown["public_key"].as_str().unwrap()).unwrap();
        let private_key = enrolled.private_key.unwrap();
        assert!(enrolled.preshared_key.is_some(), "there is no preshared key");
        Kept { id: enrolled.device_id, public_key, private_key }
    }

    async fn get(&self, id: DeviceId) -> Value {
        let (status, device) = self.plane.admin.get(&format!("/admin/devices/{id}")).await;
        assert_eq!(status, 200, "{device}");
        device
    }

    async fn secrets(&self, kept: &Kept) -> DeviceSecrets {
        let secrets = self.plane.server.commands().device_secrets(kept.id, &kept.public_key).await;
        secrets.unwrap()
    }

    async fn rows(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM device_private_key");
        count.fetch_one(&self.plane.db.pool).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) {
        let (status, answer) = self.plane.admin.post(path, body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_kept_key_is_served_again_and_is_nowhere_in_the_clear() {
    let world = World::new().await;
    let kept = world.enrol("phone").await;
    let secrets = world.secrets(&kept).await;
    assert_eq!(secrets.private_key, Some(kept.private_key.clone()));
    let private = BASE64_STANDARD.decode(kept.private_key.expose()).unwrap();
    let private: [u8; 32] = private.try_into().unwrap();
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(private));
    assert_eq!(BASE64_STANDARD.encode(public.to_bytes()), kept.public_key.to_string());

    let raw: String = private.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = kept.private_key.expose().bytes().map(|b| format!("{b:02x}")).collect();
    for sql in ["SELECT t::text FROM events t", "SELECT t::text FROM device_private_key t"] {
        let rows: Vec<String> =
            sqlx::query_scalar(sql).fetch_all(&world.plane.db.pool).await.unwrap();
        assert!(!rows.is_empty(), "{sql}");
        for row in rows {
            for secret in [raw.as_str(), &text, kept.private_key.expose()] {
                assert!(!row.contains(secret), "{sql} shows the private key");
            }
        }
    }
    // Of another device, or with another public key, it does not open.
    let other = world.enrol("laptop").await;
    let mixed = Kept { id: kept.id, ..other };
    assert_eq!(world.secrets(&mixed).await.private_key, None);
    let swap = "UPDATE device_private_key a SET sealed = b.sealed FROM device_private_key b
                WHERE a.device_id <> b.device_id";
    sqlx::query(swap).execute(&world.plane.db.owner_pool).await.unwrap();
    assert_eq!(world.secrets(&kept).await.private_key, None);
}

#[tokio::test]
async fn a_kept_key_goes_with_its_device_its_successor_and_its_owner() {
    let world = World::new().await;
    let (revoked, renewed, given, left) = (
        world.enrol("revoked").await,
        world.enrol("renewed").await,
        world.enrol("given away").await,
        world.enrol("left").await,
    );
    assert_eq!(world.rows().await, 4);
    world.post(&format!("/admin/devices/{}/revoke", revoked.id), json!({})).await;
    assert_eq!(world.rows().await, 3);
    assert!(world.secrets(&revoked).await.private_key.is_none());

    world.post(&format!("/devices/{}/key", renewed.id), json!({ "public_key": key() })).await;
    assert_eq!(world.rows().await, 2);

    let other = world.plane.user("other").await;
    let path = format!("/admin/devices/{}", given.id);
    let answer = world.plane.admin.patch(&path, json!({ "user_id": other })).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert_eq!(world.rows().await, 1);
    assert!(world.secrets(&given).await.private_key.is_none());

    assert!(world.secrets(&left).await.private_key.is_some());
    world.post(&format!("/admin/users/{}/erase", world.owner), json!({})).await;
    poll_until(WIDE, || async { world.rows().await == 0 }).await;
    let secrets = world.secrets(&left).await;
    assert!(secrets.private_key.is_none() && secrets.preshared_key.is_none());
}

#[tokio::test]
async fn the_clients_of_a_dialect_are_as_many_as_there_are() {
    let world = World::new().await;
    let limit = world.plane.server.commands().settings().devices_per_user;
    for n in 0..=limit {
        world.enrol(&format!("client-{n}")).await;
    }
    // By itself the user may have no more.
    let body = json!({ "name": "one more", "public_key": key() });
    let path = format!("/admin/users/{}/devices", world.owner);
    let (status, answer) = world.plane.admin.post(&path, body).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("device_limit")), "{answer}");
}
