//! `at=`, on the question that has always been there.

use reqwest::Method;
use serde_json::json;

use super::{ask, newest};
use crate::api_admin::{NOBODY, Plane, assert_error, assert_invalid};

#[tokio::test]
async fn a_moment_is_named_by_event_or_by_time() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let (without, _) = newest(&plane).await;
    let device = plane.device(&alice, "laptop").await;
    let (closed, closed_at) = newest(&plane).await;
    let policy = json!({
        "name": "web", "effect": "allow", "destinations": ["172.16.20.0/24"],
        "targets": [{ "type": "user", "id": alice }],
    });
    plane.create("policies", policy).await;
    let (open, open_at) = newest(&plane).await;
    let revoke = format!("/admin/devices/{device}/revoke");
    assert_eq!(plane.admin.post(&revoke, json!({})).await.0, 200);

    let question =
        format!("/admin/access?device={device}&destination=172.16.20.7&protocol=tcp&port=443");
    let decided = async |at: &str| {
        let one = ask(&plane, &format!("{question}&at={at}")).await["items"][0].clone();
        (one["allowed"].as_bool().unwrap(), one["decided_by"].as_str().unwrap().to_owned())
    };
    let (no, yes) = ((false, "default".to_owned()), (true, "policy".to_owned()));
    let revoked = (false, "no_peer".to_owned());
    // In any order: what was folded for one moment is no answer about another.
    for (at, wanted) in [
        (open.to_string(), &yes),
        (closed.to_string(), &no),
        (open_at.clone(), &yes),
        (closed_at.clone(), &no),
        (String::new(), &revoked),
        ((open + 1).to_string(), &revoked),
        (open.to_string(), &yes),
        (open_at.replace('Z', "%2B00:00"), &yes),
        (open_at.replace('Z', "+00:00"), &yes),
    ] {
        assert_eq!(&decided(&at).await, wanted, "{at}");
    }
    for at in [without.to_string(), "0".to_owned(), "2001-02-03T04:05:06Z".to_owned()] {
        let answer = plane.admin.get(&format!("{question}&at={at}")).await;
        assert_error(&answer, 404, "not_found");
    }
}

#[tokio::test]
async fn a_moment_that_has_not_come_is_refused() {
    let plane = Plane::start().await;
    let (last, _) = newest(&plane).await;
    let question =
        format!("/admin/access?device={NOBODY}&destination=10.1.2.3&protocol=tcp&port=443");
    for at in [
        "yesterday".to_owned(),
        "-1".to_owned(),
        "2026-05-03".to_owned(),
        "9999-01-01T00:00:00Z".to_owned(),
        (last + 1).to_string(),
        i64::MAX.to_string(),
    ] {
        let path = format!("{question}&at={at}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, "at", &json!(at));
    }
}
