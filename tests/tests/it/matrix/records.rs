//! Every command leaves its entries in the audit log, and every refused one a failure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use nexavpn_api::auth::permissions::{Permission, TABLE, Who};
use nexavpn_tests::harness::{ADMIN, Answer, Client, poll_for};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    As, NOBODY, Standing,
    left::{self, assert_recorded, entries, told},
    spec::{Object, Spec, spec},
    world::World,
};
use crate::api_client::TurnableClock;

const PATIENCE: Duration = Duration::from_secs(20);

fn commands() -> impl Iterator<Item = &'static Permission> {
    TABLE.iter().filter(|row| row.method != "GET" && !row.path.starts_with("/admin/preview/"))
}

/// The kinds of things that admins can look at, and where.
const SHOWN: [(&str, &str); 5] = [
    ("user", "users"),
    ("group", "groups"),
    ("device", "devices"),
    ("policy", "policies"),
    ("gateway", "gateways"),
];

/// How each thing that a request names is shown at present, by its id.
async fn shown(world: &World, asked: &str) -> BTreeMap<String, Value> {
    let mut views = BTreeMap::new();
    for id in asked.split(['/', '"', '?']).filter(|part| part.parse::<uuid::Uuid>().is_ok()) {
        for (_, list) in SHOWN {
            let (status, view) = world.admin.get(&format!("/admin/{list}/{id}")).await;
            if status == 200 {
                views.insert(id.to_owned(), view);
            }
        }
    }
    views
}

/// What an entry says a field was and is, is what was shown before and what is shown now. Answers how
/// many values were compared.
fn assert_shown(entry: &Value, before: Option<&Value>, now: Option<&Value>) -> usize {
    let mut compared = 0;
    for change in entry["changes"].as_array().unwrap() {
        let field = change["field"].as_str().unwrap();
        // An entry names the one member who came or went.
        if field == "members" {
            continue;
        }
        for (view, said) in [(before, &change["before"]), (now, &change["after"])] {
            if let Some(shown) = view.and_then(|view| view.get(field)) {
                assert_eq!(said, shown, "{field}: {entry}");
                compared += 1;
            }
        }
    }
    compared
}

/// A request with its object and the one that makes it a change.
struct Asked {
    path: String,
    body: Option<Value>,
}

async fn asked(world: &World, row: &Permission, spec: &Spec, owner: &Client) -> Asked {
    let (id, second) = world.object(spec.object, owner).await;
    let path = row.path.replace("{id}", &id);
    let path = path.replace("{user_id}", &second).replace("{session_id}", &second);
    let mut body = world.present(spec.body.clone()).await;
    if row.path.ends_with("/bulk") {
        let object = match row.path {
            "/admin/users/bulk" => Object::User,
            "/admin/devices/bulk" => Object::Device,
            _ => Object::Policy,
        };
        body = Some(json!({ "action": "disable", "ids": [world.object(object, owner).await.0] }));
    }
    // What is so already is no change.
    let undone = match row.path.rsplit('/').next() {
        Some("enable") => Some((Method::POST, path.replace("/enable", "/disable"))),
        Some("{user_id}") if row.method == "PUT" => Some((Method::DELETE, path.clone())),
        Some("restore") if row.path.starts_with("/admin/devices/") => {
            Some((Method::POST, path.replace("/restore", "/disable")))
        }
        Some("restore") => Some((Method::DELETE, path.replace("/restore", ""))),
        _ => None,
    };
    if let Some((method, path)) = undone {
        let answer = world.admin.send(method, &path, &[], Some(json!({}))).await;
        assert!(answer.status < 300, "{path}: {}", answer.body);
    }
    Asked { path, body }
}

async fn rightful(world: &World, row: &Permission, standing: &Standing) -> (Client, As) {
    match row.who {
        Who::Public => (world.server.client(), As::Anonymous),
        Who::OwnGateway => (standing.node.clone(), As::Gateway),
        Who::SignedIn | Who::OwnerOrAdmin => {
            (world.new_user("user").await.0, As::Signed(nexavpn_domain::values::Role::User))
        }
        Who::Reader | Who::Admin | Who::OwnGatewayOrAdmin => {
            (world.new_user("admin").await.0, As::Signed(nexavpn_domain::values::Role::Admin))
        }
    }
}

#[tokio::test]
async fn every_command_leaves_exactly_its_entries() {
    let world = World::make().await;
    let standing = Standing::make(&world).await;
    let mut left = BTreeMap::new();
    let mut compared = 0;
    for row in commands() {
        let spec = spec(row.method, row.path, &world).await.unwrap();
        let (client, caller) = rightful(&world, row, &standing).await;
        let Asked { mut path, body } = asked(&world, row, &spec, &client).await;
        if caller == As::Gateway {
            path = row.path.replace("{id}", &standing.gateway);
        }
        let method = row.method.parse().unwrap();
        let named = format!("{path}/{}", body.as_ref().map(Value::to_string).unwrap_or_default());
        let before = shown(&world, &named).await;
        let answer = client.send(method, &path, &spec.headers(), body).await;
        assert_eq!(answer.status, spec.success, "{}: {}", row.name(), answer.body);
        let now = shown(&world, &named).await;
        let entries = entries(&world.admin, answer.header("x-request-id")).await;
        for entry in &entries {
            let id = entry["entity_id"].as_str().unwrap();
            compared += assert_shown(entry, before.get(id), now.get(id));
            assert!(entry["summary"].as_str().unwrap().len() > 5, "{entry}");
            assert_eq!(entry["status"], "success", "{entry}");
            let who = (caller != As::Anonymous).then(|| match caller {
                As::Gateway => standing.gateway.clone(),
                _ => client.user_id().to_owned(),
            });
            // A join and a login are by somebody who is nobody before.
            let actor = entry["actor"]["id"].as_str().map(ToOwned::to_owned);
            assert!(who.is_none() || actor == who, "{}: {entry}", row.name());
        }
        left.insert(row.name(), Value::from(entries.iter().map(told).collect::<Vec<_>>()));
    }
    assert!(compared > 40, "only {compared} values were held against what is shown");
    assert_recorded("matrix/records.json", &left);
}

/// A request that its rightful caller is refused.
async fn refused(world: &World, row: &Permission, spec: &Spec) -> (String, Option<Value>) {
    let path = row.path.replace("{id}", NOBODY);
    let path = path.replace("{user_id}", NOBODY).replace("{session_id}", NOBODY);
    let body = if path.contains(NOBODY) {
        world.present(spec.body.clone()).await
    } else {
        Some(match row.path {
            "/auth/login" => json!({ "username": "nobody", "password": "a wrong password" }),
            // Another account: guesses at one are counted together, however they are sent.
            "/auth/browser/login" => json!({ "username": ADMIN, "password": "a wrong password" }),
            "/auth/refresh" => json!({ "refresh_token": "stolen" }),
            _ => json!({ "surprise": 1 }),
        })
    };
    (path, body)
}

async fn failure(world: &World, answer: &Answer, place: &str) -> Value {
    left::failure(&world.admin, answer.header("x-request-id"), place).await
}

#[tokio::test]
async fn every_refused_command_leaves_a_failure() {
    let world = World::make().await;
    let standing = Standing::make(&world).await;
    let (other_gateway, _) = world.node().await;
    let mut tried = 0;
    for row in commands() {
        let place = row.name();
        let spec = spec(row.method, row.path, &world).await.unwrap();
        let method: Method = row.method.parse().unwrap();
        let (path, body) = refused(&world, row, &spec).await;
        // Signing out is never refused to whoever may.
        let out = ["/auth/logout", "/auth/browser/logout", "/auth/logout-all"].contains(&row.path);
        if !out && row.path != "/gateways/{id}/status" {
            let (client, _) = rightful(&world, row, &standing).await;
            let stolen = [("cookie", "nexavpn_refresh=stolen")];
            let answer = client.send(method.clone(), &path, &stolen, body.clone()).await;
            assert!((400..500).contains(&answer.status), "{place}: {}", answer.body);
            let entry = failure(&world, &answer, &place).await;
            let code = &answer.body["error"]["code"];
            assert_eq!(&entry["data"]["code"], code, "{place}: {entry}");
            if !row.path.ends_with("/login") {
                assert_eq!(entry["data"]["route"], json!(place), "{entry}");
            }
            tried += 1;
        }
        if row.who == Who::Public {
            continue;
        }
        // Nor to those who do not say who they are.
        let nobody = world.server.client().send(method.clone(), &path, &[], body.clone()).await;
        assert_eq!(nobody.status, 401, "{place}: {}", nobody.body);
        let entry = failure(&world, &nobody, &place).await;
        assert_eq!(
            (&entry["data"]["kind"], &entry["data"]["route"], &entry["actor"]["type"]),
            (&json!("token"), &json!(place), &json!("anonymous")),
            "{entry}"
        );
        // Another gateway's routes do not exist for a node, which is worth an entry all the same.
        if matches!(row.who, Who::OwnGateway | Who::OwnGatewayOrAdmin) {
            let foreign = row.path.replace("{id}", &other_gateway);
            let answer = standing.node.send(method.clone(), &foreign, &[], body.clone()).await;
            assert_eq!(answer.status, 404, "{place}: {}", answer.body);
            let entry = failure(&world, &answer, &place).await;
            assert_eq!(
                (&entry["data"]["kind"], &entry["actor"]["id"]),
                (&json!("forbidden"), &json!(standing.gateway)),
                "{entry}"
            );
        }
        // Nor to those who may not.
        let answer = match row.who {
            Who::Admin | Who::OwnGateway => standing.auditor.send(method, &path, &[], body).await,
            _ => {
                let stranger = world.server.client().with_token("made.up.token");
                stranger.send(method, &path, &[], body).await
            }
        };
        assert!(matches!(answer.status, 401 | 403), "{place}: {}", answer.body);
        let entry = failure(&world, &answer, &place).await;
        assert_eq!(entry["data"]["route"], json!(place), "{entry}");
        let kind = if answer.status == 401 { "token" } else { "forbidden" };
        assert_eq!(entry["data"]["kind"], kind, "{place}: {entry}");
        tried += 1;
    }
    assert!(tried > commands().count(), "{tried}");
}

#[tokio::test]
async fn a_login_that_is_none_leaves_a_failure_too() {
    let world = World::make().await;
    for path in ["/auth/login", "/auth/browser/login"] {
        let body = Some(json!({ "surprise": 1 }));
        let answer = world.server.client().send(Method::POST, path, &[], body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let entry = failure(&world, &answer, path).await;
        assert_eq!(entry["data"]["code"], answer.body["error"]["code"], "{entry}");
        assert_eq!(entry["data"]["route"], json!(format!("POST {path}")), "{entry}");
    }
}

#[tokio::test]
async fn an_item_that_is_refused_leaves_a_failure_too_and_a_repeated_answer_none() {
    let world = World::make().await;
    let path = "/admin/users/bulk";
    let body = json!({ "action": "disable", "ids": [NOBODY] });
    let keyed = [("idempotency-key", "one")];
    let answer = world.admin.send(Method::POST, path, &keyed, Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let entry = failure(&world, &answer, path).await;
    assert_eq!(entry["data"]["code"], "not_found");

    // A refusal is not repeated from the record, so the same is tried with one that is.
    let again = world.admin.send(Method::POST, path, &keyed, Some(body)).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = world
        .admin
        .send(Method::PATCH, &format!("/admin/users/{NOBODY}"), &[], Some(json!({})))
        .await;
    failure(&world, &other, "the next one").await;
    assert_eq!(entries(&world.admin, again.header("x-request-id")).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_flood_of_refusals_is_one_entry_and_a_count() {
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let world = World::make_with(|options| options.clock = Arc::new(turned)).await;
    let path = format!("/admin/users/{NOBODY}");
    let mut first = None;
    for _ in 0..20 {
        let answer = world.admin.send(Method::PATCH, &path, &[], Some(json!({}))).await;
        assert_eq!(answer.status, 404);
        first.get_or_insert(answer);
    }
    failure(&world, first.as_ref().unwrap(), "the first").await;
    let failures = async || {
        let (_, page) = world.admin.get("/admin/audit-logs?status=failure").await;
        page["items"].as_array().unwrap().clone()
    };
    assert_eq!(failures().await.len(), 1);
    clock.forward(TimeDelta::minutes(2));
    let counted = poll_for(PATIENCE, async || {
        let failures = failures().await;
        (failures.len() == 2).then(|| failures[0].clone())
    })
    .await;
    assert_eq!(counted["data"], json!({ "count": 19 }));
    assert_eq!(counted["cause"]["event_type"], "security.failure");
}
