//! Who may call what: every route of the router, for every kind of caller.

use std::collections::BTreeSet;

use nexavpn_api::{
    BASE_PATH,
    auth::permissions::{self, TABLE, Who},
};
use nexavpn_tests::harness::{Answer, Client};
use reqwest::Method;
use serde_json::json;

use super::{NOBODY, Plane, assert_error, gateway, id, key};

/// What a route answers somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// It looks at the request.
    Yes,
    /// 401.
    SignIn,
    /// 403.
    Forbidden,
    /// 404, as if the object did not exist.
    Hidden,
}

/// Whoever calls.
#[derive(Debug, Clone, Copy)]
enum As {
    Admin,
    Auditor,
    User,
    Anonymous,
    Gateway,
}

/// Written down once more, apart from the code that decides.
const fn expected(who: Who, caller: As) -> Answered {
    use Answered::{Forbidden, SignIn, Yes};
    match (who, caller) {
        (Who::Public, _) => Yes,
        (_, As::Anonymous) => SignIn,
        (Who::SignedIn | Who::OwnerOrAdmin, As::Admin | As::Auditor | As::User) => Yes,
        (Who::SignedIn | Who::OwnerOrAdmin, As::Gateway) => Forbidden,
        (Who::Reader, As::Admin | As::Auditor) => Yes,
        (Who::Reader, As::User | As::Gateway) => Forbidden,
        (Who::Admin, As::Admin) => Yes,
        (Who::Admin, As::Auditor | As::User | As::Gateway) => Forbidden,
        (Who::OwnGateway, As::Admin | As::Auditor | As::User) => Forbidden,
        (Who::OwnGatewayOrAdmin, As::Admin) => Yes,
        (Who::OwnGatewayOrAdmin, As::Auditor | As::User) => Forbidden,
        // The path names another gateway.
        (Who::OwnGateway | Who::OwnGatewayOrAdmin, As::Gateway) => Answered::Hidden,
    }
}

async fn call(client: &Client, method: &str, path: &str) -> Answer {
    let method: Method = method.parse().unwrap();
    let body = if path.ends_with("/key") { json!({ "generate_key": true }) } else { json!({}) };
    let body = (method != Method::GET).then_some(body);
    client.send(method, path, &[], body).await
}

fn answered(who: Who, answer: &Answer) -> Answered {
    match (answer.status, answer.body["error"]["code"].as_str()) {
        (401, Some("unauthenticated")) => Answered::SignIn,
        (403, Some("forbidden")) => Answered::Forbidden,
        // A handler says so too, where it finds nothing.
        (404, _) if matches!(who, Who::OwnGateway | Who::OwnGatewayOrAdmin) => Answered::Hidden,
        _ => Answered::Yes,
    }
}

#[tokio::test]
async fn every_route_answers_whom_it_should_and_nobody_else() {
    let plane = Plane::start().await;
    let auditor = plane.server.user("audrey", "auditor").await;
    let user = plane.server.user("ulrich", "user").await;
    let node = join(&plane, "gw", "100.96.0.0/24").await.1;
    let callers = [
        (As::Admin, plane.admin.clone()),
        (As::Auditor, auditor),
        (As::User, user),
        (As::Anonymous, plane.server.client()),
        (As::Gateway, node),
    ];
    for row in TABLE {
        let path = row.path.replace("{id}", NOBODY).replace("{user_id}", NOBODY);
        for (caller, client) in &callers {
            let answer = call(client, row.method, &path).await;
            let mut wanted = expected(row.who, *caller);
            // Nothing has this id, so the admin is told the same as a stranger.
            if (row.who, wanted) == (Who::OwnGatewayOrAdmin, Answered::Yes) {
                wanted = Answered::Hidden;
            }
            let got = answered(row.who, &answer);
            let place = format!("{} {} as {caller:?}", row.method, row.path);
            assert_eq!(got, wanted, "{place}: {} {}", answer.status, answer.body);
            // Whatever the answer, it is in the contract's words, and no fault of the server.
            if answer.status >= 400 {
                assert!(answer.status < 500, "{place}: {} {}", answer.status, answer.body);
                assert!(answer.body["error"]["message"].is_string(), "{place}: {}", answer.body);
            }
            let message = answer.body["error"]["message"].as_str().unwrap_or_default();
            assert_ne!(message, "there is nothing at this address", "{place} is in the table only");
            assert_ne!(answer.status, 405, "{place} is in the table only");
        }
    }
}

#[tokio::test]
async fn an_object_is_its_owners_and_the_admins() {
    let plane = Plane::start().await;
    let (gateway, node) = join(&plane, "gw", "100.96.0.0/24").await;
    let (_, other_node) = join(&plane, "other", "100.97.0.0/24").await;
    let owner = plane.server.user("olga", "user").await;
    let other = plane.server.user("otto", "user").await;
    let auditor = plane.server.user("audrey", "auditor").await;
    let new = json!({ "name": "laptop", "public_key": key(), "gateway_id": gateway });
    let (status, enrolled) = owner.post("/me/devices", new).await;
    assert_eq!(status, 201, "{enrolled}");
    let device = id(&enrolled["device"]);
    let mut walked = 0;
    for row in TABLE.iter().filter(|row| row.path.contains("{id}")) {
        // `revoke` would change what the others see.
        if row.path.ends_with("/revoke") {
            continue;
        }
        match row.who {
            Who::OwnerOrAdmin => {
                let path = row.path.replace("{id}", &device);
                for (client, wanted) in
                    [(&owner, 200), (&plane.admin, 200), (&other, 404), (&auditor, 404)]
                {
                    let answer = call(client, row.method, &path).await;
                    assert_eq!(answer.status, wanted, "{}: {}", row.path, answer.body);
                }
            }
            Who::SignedIn => {
                let path = row.path.replace("{id}", &device);
                for (client, wanted) in [(&owner, 200), (&plane.admin, 404), (&other, 404)] {
                    let answer = call(client, row.method, &path).await;
                    assert_eq!(answer.status, wanted, "{}: {}", row.path, answer.body);
                }
            }
            Who::OwnGateway | Who::OwnGatewayOrAdmin => {
                let path = row.path.replace("{id}", &gateway);
                let own = call(&node, row.method, &path).await;
                // The empty body of a report is wrong, but looked at.
                assert!(matches!(own.status, 200 | 400), "{}: {}", row.path, own.body);
                let stranger = call(&other_node, row.method, &path).await;
                assert_eq!(stranger.status, 404, "{}: {}", row.path, stranger.body);
            }
            Who::Public | Who::Reader | Who::Admin => continue,
        }
        walked += 1;
    }
    assert!(walked >= 5, "only {walked} routes have an owner");
    let revoke = format!("/devices/{device}/revoke");
    assert_error(&other.post(&revoke, json!({})).await, 404, "not_found");
    assert_eq!(owner.post(&revoke, json!({})).await.0, 200);
}

/// An auditor changes nothing: whatever is not a GET and an auditor may call is about oneself.
#[test]
fn readers_only_read() {
    for row in TABLE {
        assert!(row.who != Who::Reader || row.method == "GET", "{} {}", row.method, row.path);
        let admins = row.path.starts_with("/admin/");
        let closed = matches!(row.who, Who::Reader | Who::Admin | Who::OwnGatewayOrAdmin);
        assert!(!admins || closed, "{} {}", row.method, row.path);
    }
    let rows: BTreeSet<_> = TABLE.iter().map(|row| (row.method, row.path)).collect();
    assert_eq!(rows.len(), TABLE.len(), "a route is in the table twice");
}

/// The paths that the router has, out of its Debug output, for it offers no other list.
fn paths_of(router: &impl std::fmt::Debug) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let quoted = text.split('"').filter_map(|text| text.strip_prefix(BASE_PATH));
    quoted.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn every_route_of_the_router_is_in_the_table() {
    let plane = Plane::start().await;
    let mut routes = BTreeSet::new();
    for path in paths_of(&nexavpn_api::router(plane.server.app.clone())) {
        // Nothing takes this method, so the answer names those that are taken.
        let concrete = path.replace("{id}", NOBODY).replace("{user_id}", NOBODY);
        let answer = plane.admin.send(Method::TRACE, &concrete, &[], None).await;
        assert_error(&(answer.status, answer.body.clone()), 405, "method_not_allowed");
        let allowed = answer.header("allow").split(',').map(str::trim).filter(|m| *m != "HEAD");
        routes.extend(allowed.map(|method| (method.to_owned(), path.clone())));
    }
    for (method, path) in &routes {
        assert!(permissions::find(method, path).is_some(), "{method} {path} is not in the table");
    }
    assert_eq!(routes.len(), TABLE.len(), "the table has rows without a route: {routes:?}");
}

/// A gateway and the client of its node.
async fn join(plane: &Plane, name: &str, pool: &str) -> (String, Client) {
    let id = id(&plane.create("gateways", gateway(name, pool)).await);
    let (_, issued) =
        plane.admin.post(&format!("/admin/gateways/{id}/join-token"), json!({})).await;
    let body = json!({ "token": issued["token"], "public_key": key(), "agent_version": "0.1.0" });
    let (status, joined) = plane.server.client().post("/gateways/join", body).await;
    assert_eq!(status, 201, "{joined}");
    let credential = joined["credential"].as_str().unwrap();
    (id, plane.server.client().with_token(credential))
}
