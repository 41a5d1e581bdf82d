//! `/admin/groups`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_conflict, assert_error, id, ids};

#[tokio::test]
async fn a_group_is_created_read_changed_and_deleted() {
    let plane = Plane::start().await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let new = json!({ "name": "Finance", "description": "Money", "members": [alice] });
    let made = plane.admin.send(Method::POST, "/admin/groups", &[], Some(new)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/admin/groups/{}", id(&made.body));
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.body["members"], json!([alice]));
    let read = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((read.status, &read.body), (200, &made.body));
    assert_eq!(read.header("etag"), made.header("etag"));

    let member = format!("{path}/members/{bob}");
    let added = plane.admin.send(Method::PUT, &member, &[], None).await;
    assert_eq!((added.status, &added.body["member_count"]), (200, &json!(2)), "{}", added.body);
    let again = plane.admin.send(Method::PUT, &member, &[], None).await;
    assert_eq!((again.status, again.body), (200, added.body));
    assert_eq!(plane.admin.delete(&member).await.0, 204);
    assert_eq!(plane.admin.delete(&member).await.0, 204);
    assert_eq!(plane.admin.get(&path).await.1["members"], json!([alice]));

    let (status, changed) =
        plane.admin.patch(&path, json!({ "name": "Treasury", "members": [bob] })).await;
    assert_eq!((status, &changed["name"]), (200, &json!("Treasury")));
    assert_eq!((&changed["description"], &changed["members"]), (&json!("Money"), &json!([bob])));
    // A deleted user is no member.
    assert_eq!(plane.admin.delete(&format!("/admin/users/{bob}")).await.0, 204);
    assert_eq!(plane.admin.get(&path).await.1["members"], json!([]));
    assert_eq!(plane.admin.delete(&path).await, (204, Value::Null));
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.delete(&path).await, 404, "not_found");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let plane = Plane::start().await;
    let valid = json!({ "name": "Finance" });
    let cases = [
        ("name", json!({ "name": null })),
        ("name", json!({ "name": " " })),
        ("name", json!({ "name": "a".repeat(65) })),
        ("description", json!({ "description": "a".repeat(1001) })),
        ("members[0]", json!({ "members": [NOBODY] })),
        ("members[0]", json!({ "members": ["alice"] })),
        ("owner", json!({ "owner": NOBODY })),
    ];
    plane.refuses(Method::POST, "/admin/groups", &valid, &cases).await;
    let group = id(&plane.create("groups", valid.clone()).await);
    let path = format!("/admin/groups/{group}");
    let cases = [("name", json!({ "name": "" })), ("members[0]", json!({ "members": [NOBODY] }))];
    plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
    let taken = plane.admin.post("/admin/groups", json!({ "name": "FINANCE" })).await;
    assert_conflict(&taken, "group_name_taken", "name");
    let other = id(&plane.create("groups", json!({ "name": "Sales" })).await);
    let rename = json!({ "name": "Finance" });
    let taken = plane.admin.patch(&format!("/admin/groups/{other}"), rename).await;
    assert_conflict(&taken, "group_name_taken", "name");
}

#[tokio::test]
async fn unknown_groups_and_members_are_404_and_stale_versions_412() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let group = id(&plane.create("groups", json!({ "name": "Finance" })).await);
    for (group, user) in [(NOBODY, alice.as_str()), (group.as_str(), NOBODY), (&group, "alice")] {
        let path = format!("/admin/groups/{group}/members/{user}");
        assert_eq!(plane.admin.send(Method::PUT, &path, &[], None).await.status, 404, "{path}");
    }
    let path = format!("/admin/groups/{NOBODY}");
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.patch(&path, json!({ "name": "x" })).await, 404, "not_found");
    assert_error(&plane.admin.get("/admin/groups/finance").await, 404, "not_found");
    let path = format!("/admin/groups/{group}");
    assert_eq!(plane.admin.patch(&path, json!({ "name": "Treasury" })).await.0, 200);
    let stale = [("if-match", "\"1\"")];
    for (method, path) in [
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::PUT, format!("{path}/members/{alice}")),
    ] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "Finance" }));
        let answer = plane.admin.send(method, &path, &stale, body).await;
        assert_error(&(answer.status, answer.body), 412, "precondition_failed");
    }
}

#[tokio::test]
async fn members_are_listed_in_pages() {
    let plane = Plane::start().await;
    let made = (0..60).map(|n| plane.user_quietly(format!("user{n:02}")));
    let members = futures::future::join_all(made).await;
    plane.user("stranger").await;
    let new = json!({ "name": "Finance", "members": members });
    let path = format!("/admin/groups/{}/members", id(&plane.create("groups", new).await));
    let (status, first) = plane.admin.get(&path).await;
    assert_eq!((status, &first["total"]), (200, &json!(60)), "{first}");
    assert_eq!(ids(&first), members[..50]);
    let next = first["next"].as_str().unwrap();
    let (_, second) = plane.admin.get(&format!("{path}?after={next}")).await;
    assert_eq!(ids(&second), members[50..]);
    assert_eq!(ids(&plane.admin.get(&format!("{path}?q=user59")).await.1), members[59..]);
    let table = super::export::export(&plane, &format!("{path}?format=csv&sort=-username")).await;
    assert_eq!((table.rows.len(), table.column("groups")[0]), (60, "Finance"));
    let other = plane.admin.send(Method::GET, &format!("{path}?group={NOBODY}"), &[], None).await;
    super::assert_invalid(&other, "group", &json!({}));
    let nowhere = format!("/admin/groups/{NOBODY}/members");
    assert_error(&plane.admin.get(&nowhere).await, 404, "not_found");
}

#[tokio::test]
async fn a_policy_for_a_deleted_group_matches_nobody() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let members = json!({ "name": "Finance", "members": [alice] });
    let group = id(&plane.create("groups", members.clone()).await);
    let policy = json!({
        "name": "web", "effect": "allow", "destinations": ["172.16.20.0/24"],
        "targets": [{ "type": "group", "id": group }],
    });
    let policy = format!("/admin/policies/{}", id(&plane.create("policies", policy).await));
    let question =
        format!("/admin/access?device={device}&destination=172.16.20.7&protocol=tcp&port=443");
    let allowed = || async { plane.admin.get(&question).await.1["items"][0]["allowed"].clone() };
    assert_eq!(allowed().await, true);

    assert_eq!(plane.admin.delete(&format!("/admin/groups/{group}")).await.0, 204);
    assert_eq!(allowed().await, false);
    // The policy says whom it was for, and still can be changed.
    let (_, left) = plane.admin.get(&policy).await;
    assert_eq!(left["targets"], json!([{ "type": "group", "id": group }]));
    assert_eq!(plane.admin.patch(&policy, json!({ "priority": 7 })).await.0, 200);
    assert_eq!(allowed().await, false);
    // Another group of the same name is another group.
    let other = id(&plane.create("groups", members).await);
    assert_eq!(allowed().await, false);
    let dead = json!({ "targets": [{ "type": "group", "id": group }] });
    let refused = plane.admin.send(Method::PATCH, &policy, &[], Some(dead)).await;
    super::assert_invalid(&refused, "targets[0].id", &json!({}));
    let targets = json!({ "targets": [{ "type": "group", "id": other }] });
    assert_eq!(plane.admin.patch(&policy, targets).await.0, 200);
    assert_eq!(allowed().await, true);
}

#[tokio::test]
async fn the_list_is_filtered_by_member() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let finance =
        id(&plane.create("groups", json!({ "name": "Finance", "members": [alice] })).await);
    let sales = id(&plane.create("groups", json!({ "name": "Sales" })).await);
    let (_, all) = plane.admin.get("/admin/groups").await;
    assert_eq!((ids(&all), &all["total"]), (vec![finance.clone(), sales.clone()], &json!(2)));
    assert_eq!(ids(&plane.admin.get(&format!("/admin/groups?member={alice}")).await.1), [finance]);
    assert_eq!(ids(&plane.admin.get("/admin/groups?q=sa").await.1), [sales]);
}
