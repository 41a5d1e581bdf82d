//! Every change that takes an `Idempotency-Key`, answered while nothing of it can be read, and
//! again after its answer was lost. The client holds each answer against the document.

use std::time::Duration;

use nexavpn_api::{
    auth::permissions::{Permission, TABLE},
    openapi,
};
use nexavpn_tests::harness::{Client, OwnServer, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    spec::{Spec, spec},
    world::World,
};
use crate::api_admin::with;

/// What changes nothing here, or many things each for itself: it is answered as a whole, and again
/// by running again.
const WHOLE: &[&str] = &[
    "POST /devices/{id}/heartbeat",
    "POST /admin/users/bulk",
    "POST /admin/users/import",
    "POST /admin/users/{id}/enable",
    "PUT /admin/groups/{id}/members/{user_id}",
    "POST /admin/groups/{id}/restore",
    "POST /admin/devices/bulk",
    "POST /admin/devices/{id}/enable",
    "POST /admin/devices/{id}/restore",
    "POST /admin/policies/bulk",
    "POST /admin/policies/{id}/restore",
    "POST /admin/webhooks/{id}/test",
];

const ENROLMENTS: &[&str] = &["/me/devices", "/devices/enroll", "/admin/users/{id}/devices"];

/// A request that is ready to be sent.
struct Ready {
    row: &'static Permission,
    spec: Spec,
    client: Client,
    path: String,
    body: Option<Value>,
}

impl Ready {
    async fn make(row: &'static Permission, world: &World, admin: &Client) -> Self {
        let spec = spec(row.method, row.path, world).await;
        let spec = spec.unwrap_or_else(|| panic!("{} is not in matrix/spec.rs", row.name()));
        let client = if spec.uses_up { world.new_user("admin").await.0 } else { admin.clone() };
        let (id, second) = world.object(spec.object, &client).await;
        let path = row.path.replace("{id}", &id);
        let path = path.replace("{user_id}", &second).replace("{session_id}", &second);
        let mut body = world.present(spec.body.clone()).await;
        if ENROLMENTS.contains(&row.path) {
            // Not at one that another request is about.
            body = body.map(|body| with(body, json!({ "gateway_id": world.gateway })));
        }
        Self { row, spec, client, path, body }
    }

    /// The answer by a server, to the same request each time.
    async fn ask(&self, server: &TestServer) -> (Value, bool, bool) {
        let client = server.client().in_session(self.client.session.clone());
        let method: Method = self.row.method.parse().unwrap();
        let key = [("Idempotency-Key", self.row.path)];
        let answer = client.send(method, &self.path, &key, self.body.clone()).await;
        assert_eq!(answer.status, self.spec.success, "{}: {}", self.row.name(), answer.body);
        let pending = answer.header("x-consistency") == "pending";
        (answer.body.clone(), pending, answer.header("idempotency-replayed") == "true")
    }
}

fn takes_key(row: &&Permission) -> bool {
    let operation = &openapi::document()["paths"][row.path][row.method.to_lowercase()];
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.into_iter().any(|p| p["$ref"] == "#/components/parameters/IdempotencyKey")
}

#[tokio::test]
async fn what_cannot_be_read_yet_and_what_was_lost_is_answered_as_documented() {
    // Of its own: what is open there holds everything up.
    let db = OwnServer::start(false).await;
    let world = World::make_on(&db.server_url(), |_| {}).await;
    let admin = world.new_user("admin").await.0;
    let mut requests = vec![];
    for row in TABLE.iter().filter(takes_key) {
        requests.push(Ready::make(row, &world, &admin).await);
    }
    // Enrolments show preshared keys, too.
    let gateway = format!("/admin/gateways/{}", world.gateway);
    assert_eq!(admin.patch(&gateway, json!({ "preshared_keys": true })).await.0, 200);
    let behind = TestServer::start_with(&db.server_url(), |options| {
        options.http.consistency_wait = Duration::ZERO;
        options.settings.devices_per_user = 1_000;
    })
    .await;

    // What is not held up is read by then: what was made before.
    let reader = behind.client().in_session(admin.session.clone());
    poll_until(WIDE, || async {
        let users = reader.send(Method::GET, "/admin/users", &[], None).await;
        users.header("x-consistency").is_empty() && reader.get_outside("/readyz").await.0 == 200
    })
    .await;

    // No event gets its number while an older transaction is open.
    let pool = db.owner_pool();
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *holder).await.unwrap();
    let (mut bare, mut keys) = (0, 0);
    for request in &requests {
        let (body, pending, replayed) = request.ask(&behind).await;
        let name = request.row.name();
        assert!(!replayed && (pending || WHOLE.contains(&name.as_str())), "{name}: {body}");
        bare += usize::from(is_bare(&body));
        keys += usize::from(body["preshared_key"].is_string());
    }
    assert!(bare > 5, "only {bare} answers say no more than what was changed");
    assert_eq!(keys, ENROLMENTS.len(), "what enrolments say is not all");

    let lost = "UPDATE idempotency SET body = '', recorded_at = recorded_at - interval '1 hour'";
    sqlx::query(lost).execute(&pool).await.unwrap();
    for request in &requests {
        let (body, pending, replayed) = request.ask(&behind).await;
        let name = request.row.name();
        let whole = WHOLE.contains(&name.as_str());
        assert_eq!((pending, replayed), (!whole, !whole), "{name}: {body}");
        assert!(whole || body.is_null() || is_bare(&body), "{name}: {body}");
    }
    holder.rollback().await.unwrap();
    behind.stop().await;
}

/// Whether a body names what was changed, and says no more than that.
fn is_bare(body: &Value) -> bool {
    let names = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let known =
        ["id", "device", "gateway_id", "private_key", "preshared_key", "secret_already_shown"];
    let mut names = names.peekable();
    names.peek().is_some() && names.all(|name| known.contains(&name))
}
