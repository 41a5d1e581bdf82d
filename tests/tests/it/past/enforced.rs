//! What was decided, and what gateways made of it.

use serde_json::{Value, json};

use super::{Node, ask, newest, policy};
use crate::api_admin::Plane;

const WEB: &str = "destination=172.16.20.5&protocol=tcp&port=443";

/// A device revoked while its gateway was away goes on reaching what it did, until the gateway
/// comes back: all of it is told.
#[tokio::test]
async fn a_gateway_that_was_away_is_seen_to_lag_behind() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let target = json!({ "type": "user", "id": alice });
    policy(&plane, "web", "172.16.20.0/24", target).await;
    let (opened, _) = newest(&plane).await;
    let about = async |at: &str| {
        let answer = ask(&plane, &format!("/admin/access?device={device}&{WEB}&at={at}")).await;
        answer["items"][0].clone()
    };
    // Nobody knows what a gateway does that has never reported.
    let one = about("").await;
    let told = &one["enforcement"];
    assert_eq!((&one["allowed"], &told["status"]), (&json!(true), &json!("unknown")), "{one}");
    assert_eq!(told["decided_since"]["idx"], opened);
    assert_eq!((&told["published_at"], &told["in_force"]), (&Value::Null, &Value::Null));

    let applied = node.apply().await;
    let one = about("").await;
    let told = &one["enforcement"];
    assert_eq!(told["status"], "enforced", "{one}");
    assert_eq!(told["in_force"]["revision"], applied);
    assert!(told["enforced_from"].is_string() && told["published_at"].is_string(), "{told}");
    assert_eq!((&told["enforced_until"], &told["decided_until"]), (&Value::Null, &Value::Null));

    // The gateway goes away; the device is revoked; and other things happen.
    let revoke = format!("/admin/devices/{device}/revoke");
    assert_eq!(plane.admin.post(&revoke, json!({})).await.0, 200);
    let (revoked, _) = newest(&plane).await;
    let phone = plane.device(&alice, "phone").await;
    let one = about("").await;
    let told = &one["enforcement"];
    assert_eq!((&one["allowed"], &one["decided_by"]), (&json!(false), &json!("no_peer")));
    assert_eq!(told["status"], "not_enforced", "{one}");
    assert_eq!(told["decided_since"]["idx"], revoked);
    assert_eq!(told["enforced_from"], Value::Null);
    assert_eq!(
        (&told["in_force"]["allowed"], &told["in_force"]["agrees"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(told["in_force"]["revision"], applied);
    // Of what had been decided before it is told when that ended, and that it is still enforced.
    let before = about(&opened.to_string()).await;
    let told = &before["enforcement"];
    assert_eq!(told["decided_until"]["idx"], revoked, "{before}");
    assert_eq!(told["enforced_until"], Value::Null);

    // It comes back.
    let back = node.apply().await;
    assert!(back > revoked);
    let one = about("").await;
    let told = &one["enforcement"];
    assert_eq!(told["status"], "enforced", "{one}");
    assert!(told["enforced_from"].is_string());
    let end = told["enforced_from"].clone();
    let before = about(&opened.to_string()).await;
    assert_eq!(before["enforcement"]["enforced_until"], end, "{before}");
    // At the moment of the revocation it did something else.
    let then = about(&revoked.to_string()).await;
    assert_eq!(then["enforcement"]["status"], "not_enforced", "{then}");
    assert_eq!(then["enforcement"]["enforced_from"], end);
    // Right after it came back it did not.
    let then = about(end.as_str().unwrap()).await;
    assert_eq!(then["enforcement"]["status"], "enforced", "{then}");

    // The same about everything that is reached, and in an explanation.
    let reach = ask(&plane, &format!("/admin/access?device={device}&at={revoked}")).await;
    let told = &reach["items"][0]["enforcement"];
    assert_eq!(
        (&told["status"], &told["enforced_from"]),
        (&json!("not_enforced"), &end),
        "{reach}"
    );
    let path = format!("/admin/access/explain?device={device}&{WEB}&at={revoked}");
    let explained = ask(&plane, &path).await["items"][0].clone();
    assert_eq!(explained["enforcement"]["status"], "not_enforced", "{explained}");
    assert_eq!(explained["made_so_by"]["event_type"], "device.revoked");
    // Another device of the same gateway is another matter.
    let path = format!("/admin/access?device={phone}&{WEB}");
    let other = ask(&plane, &path).await["items"][0].clone();
    assert_eq!(
        (&other["allowed"], &other["enforcement"]["status"]),
        (&json!(true), &json!("enforced"))
    );
}

/// What was decided and undone while the gateway was away was never in force.
#[tokio::test]
async fn what_no_gateway_ever_had_was_never_enforced() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    node.apply().await;
    let target = json!({ "type": "user", "id": alice });
    let open = policy(&plane, "web", "172.16.20.0/24", target).await;
    let (opened, _) = newest(&plane).await;
    assert_eq!(plane.admin.delete(&format!("/admin/policies/{open}")).await.0, 204);
    let (closed, _) = newest(&plane).await;
    node.apply().await;
    let path = format!("/admin/access?device={device}&{WEB}&at={opened}");
    let one = ask(&plane, &path).await["items"][0].clone();
    let told = &one["enforcement"];
    assert_eq!((&one["allowed"], &told["status"]), (&json!(true), &json!("not_enforced")), "{one}");
    assert_eq!(told["decided_until"]["idx"], closed);
    for never in ["published_at", "enforced_from", "enforced_until"] {
        assert_eq!(told[never], Value::Null, "{never}: {told}");
    }
}

/// A node that goes back to the bundle before, and forth again, is believed each time.
#[tokio::test]
async fn a_bundle_that_comes_into_force_again_is_on_record_again() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let one = node.fetch().await;
    let target = json!({ "type": "user", "id": alice });
    policy(&plane, "web", "172.16.20.0/24", target).await;
    let two = node.fetch().await;
    let path = format!("/admin/access?device={device}&{WEB}");
    let record = format!("/admin/gateways/{}/convergence", node.gateway);
    let enforcement = async |at: &Value| {
        let at = at.as_str().unwrap_or_default();
        let answer = ask(&plane, &format!("{path}&at={at}")).await;
        let told = &answer["items"][0]["enforcement"];
        (told["status"].clone(), told["in_force"]["revision"].clone())
    };
    let bundles = [&one, &two, &one, &two];
    let told = |bundle: &Value| {
        let status = if *bundle == two { "enforced" } else { "not_enforced" };
        (json!(status), bundle["revision"].clone())
    };
    let mut first = Value::Null;
    for bundle in bundles {
        node.says(bundle).await;
        // Said again, it is no news.
        node.says(bundle).await;
        assert_eq!(enforcement(&Value::Null).await, told(bundle));
        let stands = ask(&plane, &record).await;
        assert_eq!(stands["convergence"]["applied"], *bundle, "{stands}");
        assert_eq!(stands["convergence"]["applied_at"], stands["items"][0]["at"], "{stands}");
        if first.is_null() && *bundle == two {
            first = stands["items"][0]["at"].clone();
        }
    }
    let record = ask(&plane, &record).await;
    let entries = record["items"].as_array().unwrap();
    let applied: Vec<_> = entries.iter().filter(|e| e["outcome"] == "applied").rev().collect();
    let revisions: Vec<_> = applied.iter().map(|entry| &entry["revision"]).collect();
    assert_eq!(revisions, bundles.map(|bundle| &bundle["revision"]), "{record}");
    // Of each moment it is told what was in force then.
    for (entry, bundle) in applied.iter().zip(bundles) {
        assert_eq!(enforcement(&entry["at"]).await, told(bundle), "{entry}");
    }
    // When the decision first came into force is what it was.
    let answer = ask(&plane, &path).await;
    assert_eq!(answer["items"][0]["enforcement"]["enforced_from"], first, "{answer}");
}
