//! Bundles of any revision, and what became of them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Node, ask, newest, policy};
use crate::api_admin::{NOBODY, Plane, assert_error, assert_invalid};

#[tokio::test]
async fn a_bundle_of_any_revision_is_what_was_published() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let path = format!("/admin/gateways/{}", node.gateway);
    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let sync = async || node.client.get(&format!("{path}/sync")).await.1;
    let first = node.apply().await;
    let first_bundle = sync().await;
    // This is no gateway's matter.
    plane.user("bob").await;
    let (then, _) = newest(&plane).await;
    let target = json!({ "type": "user", "id": alice });
    policy(&plane, "web", "172.16.20.0/24", target.clone()).await;
    let (skipped, _) = newest(&plane).await;
    policy(&plane, "mail", "172.16.21.0/24", target).await;
    let second = node.apply().await;
    let second_bundle = sync().await;
    assert!(first < skipped && skipped < second);

    let record = ask(&plane, &format!("{path}/bundles")).await;
    let items = record["items"].as_array().unwrap();
    let told: Vec<(i64, &Value)> =
        items.iter().map(|one| (one["revision"].as_i64().unwrap(), &one["sha256"])).collect();
    assert_eq!(told, [(second, &second_bundle["sha256"]), (first, &first_bundle["sha256"])]);
    assert!(items.iter().all(|one| one["applied_at"].is_string()), "{record}");
    let page = ask(&plane, &format!("{path}/bundles?page_size=1")).await;
    assert_eq!(page["items"], json!([items[0]]));
    let next = page["next"].as_str().unwrap();
    let page = ask(&plane, &format!("{path}/bundles?page_size=1&after={next}")).await;
    assert_eq!((&page["items"], &page["next"]), (&json!([items[1]]), &Value::Null));

    for (query, published) in [
        (format!("revision={first}"), &first_bundle),
        (format!("at={then}"), &first_bundle),
        (format!("revision={second}"), &second_bundle),
        (String::new(), &second_bundle),
    ] {
        let bundle = ask(&plane, &format!("{path}/bundle?{query}")).await;
        assert_eq!(bundle["payload"], published["payload"], "{query}");
        assert_eq!(bundle["sha256"], published["sha256"]);
        assert_eq!(bundle["as_published"], true);
        assert_eq!(bundle["published"]["sha256"], published["sha256"]);
    }
    // It was there to be fetched, but nobody did.
    let bundle = ask(&plane, &format!("{path}/bundle?revision={skipped}")).await;
    assert_eq!((&bundle["published"], &bundle["as_published"]), (&Value::Null, &Value::Null));
    assert_eq!(bundle["payload"]["revision"], skipped);

    for (query, field) in [
        ("bundle?revision=99999".to_owned(), "revision"),
        (format!("bundle?revision={first}&at={then}"), "at"),
        ("bundle?at=soon".to_owned(), "at"),
        ("bundles?after=x".to_owned(), "after"),
        ("bundles?page_size=0".to_owned(), "page_size"),
    ] {
        let answer = plane.admin.send(Method::GET, &format!("{path}/{query}"), &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    let between = ask(&plane, &format!("{path}/bundle?at={}", first + 1)).await["revision"].clone();
    assert_eq!(between, first);
    let answer = plane
        .admin
        .send(Method::GET, &format!("{path}/bundle?revision={}", first + 1), &[], None)
        .await;
    assert_invalid(&answer, "revision", &json!(first + 1));
    // At the first event there was no gateway at all.
    assert_error(&plane.admin.get(&format!("{path}/bundle?revision=1")).await, 404, "not_found");
    for what in ["bundle", "bundles"] {
        let answer = plane.admin.get(&format!("/admin/gateways/{NOBODY}/{what}")).await;
        assert_error(&answer, 404, "not_found");
    }
    // The record of a gateway outlives it.
    assert_eq!(plane.admin.delete(&format!("{path}?force=true")).await.0, 204);
    assert_eq!(ask(&plane, &format!("{path}/bundles")).await["items"].as_array().unwrap().len(), 2);
    let bundle = ask(&plane, &format!("{path}/bundle?revision={first}")).await;
    assert_eq!(bundle["as_published"], true);
}
