//! A request for every route that its rightful caller succeeds with.

use nexavpn_tests::harness::PASSWORD;
use serde_json::{Value, json};

use super::world::World;
use crate::api_admin::key;

/// What the `{id}` of a route names, or its query where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// Nothing.
    Nothing,
    /// A device of somebody's.
    Device,
    /// A device of somebody's, by `?device_id=`.
    DeviceInQuery,
    /// A session of somebody's.
    Session,
    /// A user; the caller is none of them.
    User,
    /// A user and a session of theirs.
    UserSession,
    /// A group.
    Group,
    /// A group and a user.
    GroupMember,
    /// A policy.
    Policy,
    /// A gateway without devices.
    Gateway,
    /// The same while it is drained.
    DrainedGateway,
    /// A gateway whose node can rotate its key.
    JoinedGateway,
    /// The same while its next key is announced.
    RotatedGateway,
    /// A webhook.
    Webhook,
}

/// A route: what it is about, what is sent and what the answer is.
pub(super) struct Spec {
    pub(super) object: Object,
    /// For the query, where one is needed.
    pub(super) query: String,
    pub(super) body: Option<Value>,
    /// What a browser sends.
    pub(super) cookie: Option<String>,
    pub(super) success: u16,
    /// Whether the caller's session does not outlive it.
    pub(super) uses_up: bool,
}

fn about(object: Object, success: u16, body: Option<Value>) -> Spec {
    Spec { object, query: String::new(), body, cookie: None, success, uses_up: false }
}

fn get(object: Object) -> Spec {
    about(object, 200, None)
}

fn post(object: Object, success: u16, body: Value) -> Spec {
    about(object, success, Some(body))
}

/// In the place of the number of the last event.
pub(super) const PRESENT: &str = "the present";

impl Spec {
    /// The headers of the request.
    pub(super) fn headers(&self) -> Vec<(&'static str, &str)> {
        self.cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect()
    }
}

/// Another one for each request, since names are unique.
fn new_name() -> String {
    format!("n{:016x}", rand::random::<u64>())
}

/// The request of a route. A route that is missing here fails the test: say what a rightful caller
/// sends and is answered.
pub(super) async fn spec(method: &str, path: &str, world: &World) -> Option<Spec> {
    use Object as O;
    let name = new_name();
    let empty = || json!({});
    let device = || json!({ "name": new_name(), "public_key": key() });
    Some(match (method, path) {
        ("POST", "/auth/login" | "/auth/browser/login") => {
            let username = world.new_user("user").await.1;
            post(O::Nothing, 200, json!({ "username": username, "password": PASSWORD }))
        }
        ("POST", "/auth/refresh" | "/auth/logout") => {
            let client = world.new_user("user").await.0;
            let success = if path == "/auth/logout" { 204 } else { 200 };
            let token = &client.session["refresh_token"];
            post(O::Nothing, success, json!({ "refresh_token": token }))
        }
        ("POST", "/auth/browser/refresh" | "/auth/browser/logout") => {
            let client = world.new_user("user").await.0;
            let success = if path == "/auth/browser/logout" { 204 } else { 200 };
            let token = client.session["refresh_token"].as_str()?;
            let cookie = Some(format!("nexavpn_refresh={token}"));
            Spec { cookie, ..about(O::Nothing, success, None) }
        }
        ("POST", "/auth/logout-all") => Spec { uses_up: true, ..post(O::Nothing, 204, empty()) },
        ("GET", "/auth/me" | "/me/activity" | "/me/devices" | "/me/sessions" | "/openapi.json") => {
            get(O::Nothing)
        }
        ("POST", "/me/devices") => post(O::Nothing, 201, device()),
        ("POST", "/devices/enroll") => Spec { uses_up: true, ..post(O::Nothing, 201, device()) },
        (
            "GET",
            "/me/devices/{id}" | "/me/devices/{id}/profile" | "/me/devices/{id}/profile.conf",
        ) => get(O::Device),
        ("PATCH", "/me/devices/{id}") => post(O::Device, 200, json!({ "name": name })),
        ("GET", "/me/profile" | "/connection/status") => get(O::DeviceInQuery),
        ("POST", "/me/password") => {
            let body =
                json!({ "current_password": PASSWORD, "password": "a jar of quiet thunder" });
            Spec { uses_up: true, ..post(O::Nothing, 204, body) }
        }
        ("DELETE", "/me/sessions/{id}") => about(O::Session, 204, None),
        ("GET", "/devices/{id}/profile" | "/devices/{id}/profile.conf" | "/admin/devices/{id}") => {
            get(O::Device)
        }
        (
            "POST",
            "/devices/{id}/rotate"
            | "/devices/{id}/revoke"
            | "/devices/{id}/heartbeat"
            | "/admin/devices/{id}/enable"
            | "/admin/devices/{id}/disable"
            | "/admin/devices/{id}/revoke"
            | "/admin/devices/{id}/rotate",
        ) => post(O::Device, 200, empty()),
        ("POST", "/devices/{id}/key") => post(O::Device, 200, json!({ "public_key": key() })),
        ("PATCH", "/admin/devices/{id}") => post(O::Device, 200, json!({ "name": name })),
        (
            "GET",
            "/admin/users"
            | "/admin/groups"
            | "/admin/devices"
            | "/admin/policies"
            | "/admin/gateways"
            | "/admin/audit-logs"
            | "/admin/audit-logs/feed"
            | "/admin/audit/log"
            | "/admin/audit/checkpoint"
            | "/admin/audit/pins"
            | "/admin/audit/archive",
        ) => get(O::Nothing),
        // From the beginning, so that something comes at once.
        ("GET", "/admin/audit-logs/stream") => Spec { query: "?after=0".into(), ..get(O::Nothing) },
        ("GET", "/admin/audit/inclusion") => Spec { query: "?idx=1".into(), ..get(O::Nothing) },
        ("GET", "/admin/audit/consistency") => Spec { query: "?from=1".into(), ..get(O::Nothing) },
        ("GET", "/admin/audit/tile/{level}/{place}") => get(O::Nothing),
        ("POST", "/admin/audit/pins") => {
            post(O::Nothing, 201, json!({ "note": world.checkpoint().await }))
        }
        ("POST", "/admin/users") => post(O::Nothing, 201, json!({ "username": name })),
        (
            "POST",
            "/admin/users/bulk"
            | "/admin/devices/bulk"
            | "/admin/policies/bulk"
            | "/admin/preview/users/bulk"
            | "/admin/preview/devices/bulk"
            | "/admin/preview/policies/bulk",
        ) => post(O::Nothing, 200, json!({ "action": "disable", "ids": [super::NOBODY] })),
        ("POST", "/admin/users/import") => {
            post(O::Nothing, 200, json!([{ "username": new_name() }]))
        }
        ("POST", "/admin/preview/policies") => post(O::Nothing, 200, World::policy(&name)),
        ("PATCH", "/admin/preview/policies/{id}") => post(O::Policy, 200, json!({ "name": name })),
        ("DELETE", "/admin/preview/policies/{id}") => about(O::Policy, 200, None),
        ("POST", "/admin/preview/groups") => post(O::Nothing, 200, json!({ "name": name })),
        ("PATCH", "/admin/preview/groups/{id}") => post(O::Group, 200, json!({ "name": name })),
        ("DELETE", "/admin/preview/groups/{id}") => about(O::Group, 200, None),
        ("PUT" | "DELETE", "/admin/preview/groups/{id}/members/{user_id}") => {
            about(O::GroupMember, 200, None)
        }
        ("DELETE", "/admin/preview/users/{id}") => about(O::User, 200, None),
        ("POST", "/admin/preview/users/{id}/disable" | "/admin/preview/users/{id}/enable") => {
            post(O::User, 200, empty())
        }
        (
            "POST",
            "/admin/preview/devices/{id}/disable"
            | "/admin/preview/devices/{id}/enable"
            | "/admin/preview/devices/{id}/revoke",
        ) => post(O::Device, 200, empty()),
        ("GET", "/admin/users/{id}" | "/admin/users/{id}/sessions") => get(O::User),
        ("PATCH", "/admin/users/{id}") => post(O::User, 200, json!({ "display_name": "Anna" })),
        ("DELETE", "/admin/users/{id}" | "/admin/users/{id}/sessions") => about(O::User, 204, None),
        (
            "POST",
            "/admin/users/{id}/disable" | "/admin/users/{id}/enable" | "/admin/users/{id}/erase",
        ) => post(O::User, 200, empty()),
        ("POST", "/admin/users/{id}/password") => {
            post(O::User, 200, json!({ "password": PASSWORD }))
        }
        ("POST", "/admin/users/{id}/devices") => post(O::User, 201, device()),
        ("DELETE", "/admin/users/{id}/sessions/{session_id}") => about(O::UserSession, 204, None),
        ("POST", "/admin/groups") => post(O::Nothing, 201, json!({ "name": name })),
        ("GET", "/admin/groups/{id}" | "/admin/groups/{id}/members") => get(O::Group),
        ("PATCH", "/admin/groups/{id}") => post(O::Group, 200, json!({ "name": name })),
        ("DELETE", "/admin/groups/{id}") => about(O::Group, 204, None),
        ("PUT", "/admin/groups/{id}/members/{user_id}") => about(O::GroupMember, 200, None),
        ("DELETE", "/admin/groups/{id}/members/{user_id}") => about(O::GroupMember, 204, None),
        ("POST", "/admin/policies") => post(O::Nothing, 201, World::policy(&name)),
        ("GET", "/admin/policies/{id}") => get(O::Policy),
        ("PATCH", "/admin/policies/{id}") => post(O::Policy, 200, json!({ "name": name })),
        ("DELETE", "/admin/policies/{id}") => about(O::Policy, 204, None),
        ("POST", "/admin/gateways") => post(O::Nothing, 201, world.new_gateway(&name)),
        (
            "GET",
            "/admin/gateways/{id}"
            | "/admin/gateways/{id}/convergence"
            | "/admin/gateways/{id}/bundles"
            | "/admin/gateways/{id}/bundle"
            | "/admin/gateways/{id}/metrics"
            | "/admin/gateways/{id}/secrets"
            | "/admin/gateways/{id}/signing-keys"
            | "/admin/gateways/{id}/sync"
            | "/admin/gateways/{id}/sync/stream",
        ) => get(O::Gateway),
        ("PATCH", "/admin/gateways/{id}") => post(O::Gateway, 200, json!({ "mtu": 1380 })),
        ("DELETE", "/admin/gateways/{id}") => about(O::Gateway, 204, None),
        ("POST", "/admin/gateways/{id}/drain") => post(O::Gateway, 202, empty()),
        ("GET", "/admin/gateways/{id}/drain") => get(O::DrainedGateway),
        ("DELETE", "/admin/gateways/{id}/drain") => about(O::DrainedGateway, 204, None),
        ("POST", "/admin/gateways/{id}/key-rotation") => {
            post(O::JoinedGateway, 202, json!({ "switch_at": world.tomorrow() }))
        }
        (
            "GET",
            "/admin/gateways/{id}/key-rotation" | "/admin/gateways/{id}/key-rotation/devices",
        ) => get(O::RotatedGateway),
        ("DELETE", "/admin/gateways/{id}/key-rotation") => about(O::RotatedGateway, 204, None),
        ("POST", "/admin/gateways/{id}/key-rotation/switch") => {
            post(O::RotatedGateway, 202, empty())
        }
        ("POST", "/admin/policies/{id}/restore" | "/admin/preview/policies/{id}/restore") => {
            post(O::Policy, 200, json!({ "at": PRESENT }))
        }
        ("POST", "/admin/groups/{id}/restore" | "/admin/preview/groups/{id}/restore") => {
            post(O::Group, 200, json!({ "at": PRESENT }))
        }
        ("POST", "/admin/devices/{id}/restore" | "/admin/preview/devices/{id}/restore") => {
            post(O::Device, 200, json!({ "at": PRESENT }))
        }
        ("POST", "/admin/gateways/{id}/join-token") => post(O::Gateway, 201, empty()),
        ("POST", "/gateways/join") => {
            let token = world.join_token().await;
            let body = json!({ "token": token, "public_key": key(), "agent_version": "0.1.0" });
            post(O::Nothing, 201, body)
        }
        ("POST", "/gateways/{id}/status") => {
            let report = json!({
                "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
                "reported_at": "2026-01-01T00:00:00Z",
            });
            post(O::Gateway, 204, report)
        }
        ("GET", "/admin/webhooks") => get(O::Nothing),
        ("POST", "/admin/webhooks") => post(O::Nothing, 201, World::webhook()),
        ("GET", "/admin/webhooks/{id}") => get(O::Webhook),
        ("PATCH", "/admin/webhooks/{id}") => post(O::Webhook, 200, json!({ "enabled": false })),
        ("DELETE", "/admin/webhooks/{id}") => about(O::Webhook, 204, None),
        ("POST", "/admin/webhooks/{id}/rotate-secret" | "/admin/webhooks/{id}/test") => {
            post(O::Webhook, 200, empty())
        }
        ("POST", "/admin/webhooks/{id}/replay") => post(O::Webhook, 200, json!({ "from": 1 })),
        ("GET", "/admin/access/diff") => Spec { query: "?from=0".into(), ..get(O::Nothing) },
        ("GET", "/admin/access" | "/admin/access/explain") => {
            let user = world.new_user("user").await.0.user_id().to_owned();
            let query = format!("?user={user}&destination=172.16.0.1&protocol=icmp");
            Spec { query, ..get(O::Nothing) }
        }
        _ => return None,
    })
}
