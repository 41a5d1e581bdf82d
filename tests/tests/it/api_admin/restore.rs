//! `/admin/…/restore`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, assert_invalid, id};

/// The number of the last event.
async fn head(plane: &Plane) -> i64 {
    plane.server.commands().store().log().head().await.unwrap().idx
}

/// What a view says, without what says which change was the last.
fn settings(mut view: Value) -> Value {
    for field in ["updated_at", "version", "profile_revision"] {
        view.as_object_mut().unwrap().remove(field);
    }
    view
}

#[tokio::test]
async fn a_policy_and_a_group_are_again_what_they_were_also_after_a_deletion() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let device = plane.device(&alice, "laptop").await;
    let group = plane.create("groups", json!({ "name": "staff", "members": [alice, bob] })).await;
    let group = id(&group);
    let policy = json!({
        "name": "servers", "effect": "allow", "destinations": ["172.16.0.0/24"],
        "targets": [{ "type": "group", "id": group }],
    });
    let policy = id(&plane.create("policies", policy).await);
    let (policy, group) = (format!("/policies/{policy}"), format!("/groups/{group}"));
    let view = async |path: &str| settings(plane.admin.get(&format!("/admin{path}")).await.1);
    let (then, was) = (head(&plane).await, [view(&policy).await, view(&group).await]);
    let reaches = async || {
        let path = format!("/admin/access?device={device}&destination=172.16.0.9&protocol=icmp");
        plane.admin.get(&path).await.1["items"][0]["allowed"].clone()
    };
    assert_eq!(reaches().await, true);

    let patch = json!({ "name": "all", "destinations": ["10.0.0.0/8"], "priority": 3 });
    assert_eq!(plane.admin.patch(&format!("/admin{policy}"), patch).await.0, 200);
    let patch = json!({ "name": "few", "members": [bob] });
    assert_eq!(plane.admin.patch(&format!("/admin{group}"), patch).await.0, 200);
    let changed = head(&plane).await;
    let restore = async |path: &str, at: Value| {
        let body = json!({ "at": at });
        let preview =
            plane.admin.post(&format!("/admin/preview{path}/restore"), body.clone()).await;
        let before = head(&plane).await;
        let done = plane.admin.post(&format!("/admin{path}/restore"), body).await;
        assert_eq!(preview.0, done.0, "{} {}", preview.1, done.1);
        (preview.1, done.1, before)
    };
    for (path, was) in [(&policy, &was[0]), (&group, &was[1])] {
        let (_, now, before) = restore(path, json!(then)).await;
        assert_eq!(&settings(now), was);
        assert_eq!(&view(path).await, was);
        assert!(head(&plane).await > before);
        // And once more: nothing is left to do.
        let end = head(&plane).await;
        restore(path, json!(then)).await;
        assert_eq!(head(&plane).await, end);
    }
    assert_eq!(reaches().await, true);

    // Deleted, together with a member.
    assert_eq!(plane.admin.delete(&format!("/admin{policy}")).await.0, 204);
    assert_eq!(plane.admin.delete(&format!("/admin{group}")).await.0, 204);
    assert_eq!(plane.admin.delete(&format!("/admin/users/{bob}")).await.0, 204);
    assert_eq!(reaches().await, false);
    let (_, now, _) = restore(&group, json!(then)).await;
    assert_eq!((&now["name"], &now["member_count"]), (&json!("staff"), &json!(1)));
    let (told, now, _) = restore(&policy, json!(then)).await;
    assert_eq!(&settings(now), &was[0]);
    assert_eq!(told["changes"]["items"][0]["devices"]["total"], 1, "{told}");
    assert_eq!(reaches().await, true);
    let (_, page) = plane.admin.get("/admin/policies").await;
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(1), 1));

    // To what it was in between, by its time.
    let (_, log) = plane.admin.get(&format!("/admin/audit-logs?from={changed}&to={changed}")).await;
    let (_, now, _) = restore(&group, log["items"][0]["time"].clone()).await;
    assert_eq!(now["name"], "few");
    let (_, page) = plane.admin.get("/admin/audit-logs?event_type=policy.restored").await;
    assert_eq!(page["items"][0]["summary"], "Policy “servers” restored after its deletion");
}

#[tokio::test]
async fn a_device_gets_its_settings_back_but_nobody_elses_name() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let device = plane.device(&alice, "laptop").await;
    let path = format!("/admin/devices/{device}");
    let then = head(&plane).await;
    let was = settings(plane.admin.get(&path).await.1);
    let patch = json!({
        "name": "brick", "platform": "bsd", "enabled": false, "expires_at": "2999-01-01T00:00:00Z",
    });
    let (status, answer) = plane.admin.patch(&path, patch.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let restore = async || {
        let body = json!({ "at": then });
        plane.admin.post(&format!("{path}/restore"), body).await
    };
    let (status, now) = restore().await;
    assert_eq!((status, settings(now)), (200, was.clone()));

    let handed = json!({ "user_id": bob, "name": "bob's", "platform": "bsd" });
    assert_eq!(plane.admin.patch(&path, handed).await.0, 200);
    let (status, now) = restore().await;
    assert_eq!((status, &now["name"], &now["user_id"]), (200, &json!("bob's"), &json!(bob)));
    assert_eq!(now["platform"], was["platform"]);
    assert_eq!(plane.admin.post(&format!("{path}/revoke"), json!({})).await.0, 200);
    assert_error(&restore().await, 409, "device_revoked");
}

#[tokio::test]
async fn what_cannot_be_gone_back_to_is_refused() {
    let plane = Plane::start().await;
    let before = head(&plane).await;
    let group = id(&plane.create("groups", json!({ "name": "staff" })).await);
    for prefix in ["/admin", "/admin/preview"] {
        let path = format!("{prefix}/groups/{group}/restore");
        let refused = plane.admin.post(&path, json!({ "at": before })).await;
        assert_error(&refused, 409, "no_such_state");
        for at in
            [json!(999_999), json!("soon"), json!(-1), json!(""), json!("2999-01-01T00:00:00Z")]
        {
            let body = Some(json!({ "at": at }));
            let refused = plane.admin.send(Method::POST, &path, &[], body).await;
            assert_invalid(&refused, "at", &at);
        }
        for kind in ["groups", "policies", "devices"] {
            let path = format!("{prefix}/{kind}/{NOBODY}/restore");
            let refused = plane.admin.post(&path, json!({ "at": before })).await;
            assert_error(&refused, 404, "not_found");
        }
    }
    // The name belongs to another one by now.
    let then = head(&plane).await;
    assert_eq!(plane.admin.delete(&format!("/admin/groups/{group}")).await.0, 204);
    plane.create("groups", json!({ "name": "Staff" })).await;
    let path = format!("/admin/groups/{group}/restore");
    let refused = plane.admin.post(&path, json!({ "at": then })).await;
    assert_error(&refused, 409, "group_name_taken");
}
