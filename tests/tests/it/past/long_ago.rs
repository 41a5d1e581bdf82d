//! What was decided long ago, as events that may concern a device are counted.

use nexavpn_domain::policy::{Policy, PolicyEvent};
use nexavpn_store::{Append, Metadata, Stream};
use nexavpn_tests::harness::{WIDE, poll_until};
use serde_json::json;
use uuid::Uuid;

use super::{Node, ask, newest, policy};
use crate::api_admin::{Plane, id};

/// More than a list looks at on each side of a moment, and several looks of an explanation.
const EDITS: usize = 6_000;

/// Edits another policy over and over, which may concern everybody as far as its kind tells.
async fn edit(plane: &Plane, policy: &str) {
    let store = plane.server.commands().store();
    let id: Uuid = policy.parse().unwrap();
    let mut sequence = store.load::<Policy>(id).await.unwrap().sequence;
    for part in 0..EDITS / 2_000 {
        let edits: Vec<PolicyEvent> = (0..2_000)
            .map(|n| json!({ "type": "policy.changed", "description": format!("{part} {n}") }))
            .map(|event| serde_json::from_value(event).unwrap())
            .collect();
        let stream = Stream::new::<Policy>(id, sequence, edits);
        sequence = stream.sequence_after();
        let metadata = Metadata::system("test", Uuid::new_v4());
        store.append(Append::new(vec![stream], metadata)).await.unwrap();
    }
}

#[tokio::test]
async fn who_made_a_decision_is_found_behind_thousands_of_other_edits() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    let busy = policy(&plane, "busy", "10.9.0.0/24", json!({ "type": "user", "id": alice })).await;
    let group = id(&plane.create("groups", json!({ "name": "staff" })).await);
    let to_staff = json!({ "type": "group", "id": group });
    policy(&plane, "web", "172.16.20.0/24", to_staff).await;
    let path = format!("/admin/groups/{group}/members/{alice}");
    let joined = plane.admin.send(reqwest::Method::PUT, &path, &[], None).await;
    assert!(joined.status < 300, "{}", joined.body);
    let (opened, _) = newest(&plane).await;
    node.apply().await;
    edit(&plane, &busy).await;
    let last = opened + i64::try_from(EDITS).unwrap();
    poll_until(WIDE, || async { newest(&plane).await.0 >= last }).await;

    let web = "destination=172.16.20.5&protocol=tcp&port=443";
    for at in ["".to_owned(), (opened + 4_000).to_string()] {
        let path = format!("/admin/access/explain?user={alice}&{web}&at={at}");
        let answer = ask(&plane, &path).await["items"][0].clone();
        assert_eq!(
            (&answer["made_so_by"]["idx"], &answer["made_so_by"]["event_type"]),
            (&json!(opened), &json!("group.member_added")),
            "{answer}"
        );
        assert!(answer["searched_from"].as_i64().unwrap() < opened);
        assert_eq!(answer["enforcement"]["decided_since"]["idx"], opened, "{answer}");
    }
    let all = ask(&plane, &format!("/admin/access?device={laptop}")).await;
    assert_eq!(all["items"][0]["enforcement"]["decided_since"]["idx"], opened, "{all}");

    // It ends, and the gateway, which is away, goes on with what it fetched long ago.
    let left = plane.admin.send(reqwest::Method::DELETE, &path, &[], None).await;
    assert!(left.status < 300, "{}", left.body);
    let (closed, _) = newest(&plane).await;
    let explained = async |at: i64| {
        let path = format!("/admin/access/explain?user={alice}&{web}&at={at}");
        ask(&plane, &path).await["items"][0].clone()
    };
    let now = explained(closed).await;
    let enforcement = &now["enforcement"];
    assert_eq!((&now["allowed"], &enforcement["status"]), (&json!(false), &json!("not_enforced")));
    assert_eq!(enforcement["decided_since"]["idx"], closed, "{now}");
    assert_eq!(enforcement["in_force"]["allowed"], true, "{now}");
    // The end is found ahead as well, though no further than a look goes.
    for (before, until) in [(50, json!(closed)), (1_500, json!(closed)), (4_000, json!(null))] {
        let then = explained(closed - before).await;
        assert_eq!(then["enforcement"]["decided_until"]["idx"], until, "{before}: {then}");
    }
}
