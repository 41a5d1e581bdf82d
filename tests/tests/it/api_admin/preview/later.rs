//! What a change leaves to the clock is told with it, and warned of.

use super::*;

const SOON: &str = "2098-01-01T00:00:00Z";
const THEN: &str = "2099-01-01T00:00:00Z";

/// Each later moment in short: when, what, how many devices of how many gateways, which warnings.
fn later(preview: &Value) -> Vec<Value> {
    let list = &preview["later"];
    let moments = list["items"].as_array().unwrap();
    assert_eq!((&list["total"], &list["truncated"]), (&json!(moments.len()), &json!(false)));
    let short = |moment: &Value| {
        let (devices, gateways) = (&moment["devices"]["total"], &moment["gateways"]["total"]);
        json!([moment["at"], moment["events"][0]["event_type"], devices, gateways, codes(moment)])
    };
    moments.iter().map(short).collect()
}

#[tokio::test]
async fn a_policy_that_waits_is_told_and_warned_of_for_its_time() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let me = plane.admin.user_id().to_owned();
    let own = plane.device(&me, "own").await;
    let net = allow("net", &["10.1.0.0/16"], everyone());
    let net = format!("/admin/policies/{}", id(&plane.create("policies", net).await));

    // At once nothing happens; then it cuts off whoever asks, and then it does not any more.
    let deny = json!({
        "name": "nothing", "effect": "deny", "priority": 1, "destinations": ["0.0.0.0/0"],
        "targets": [everyone()], "valid_from": SOON, "valid_until": THEN,
    });
    let told = preview(&plane, Method::POST, "/admin/policies", Some(deny)).await;
    let at_once = (&told["devices"]["total"], &told["gateways"]["total"], codes(&told));
    assert_eq!(at_once, (&json!(0), &json!(0), vec![]), "{told}");
    assert_eq!(
        later(&told),
        [
            json!([SOON, "policy.activated", 1, 1, ["own_access_lost", "everything_lost"]]),
            json!([THEN, "policy.expired", 1, 1, []]),
        ],
        "{told}"
    );
    let [begins, ends] = [0, 1].map(|n| told["later"]["items"][n]["changes"]["items"][0].clone());
    for (side, change) in [("lost", &begins), ("gained", &ends)] {
        assert_eq!(change["devices"]["items"][0]["device_id"], json!(own));
        assert_eq!(change["devices"]["items"][0]["device_name"], "own");
        assert_eq!(change[side]["items"][0]["network"], "10.1.0.0/16", "{change}");
    }
    // One moment goes on from the one before.
    let revision = |change: &Value, field: &str| change["devices"]["items"][0][field].clone();
    let between = revision(&begins, "profile_revision_after");
    assert_eq!(between, revision(&ends, "profile_revision_before"));
    let decider = &begins["lost"]["items"][0]["after"];
    assert_eq!(decider["policy"]["name"], "nothing");

    // What one depends on gets an end.
    let end = json!({ "valid_until": SOON });
    let told = preview(&plane, Method::PATCH, &net, Some(end.clone())).await;
    assert_eq!((&told["devices"]["total"], codes(&told)), (&json!(0), vec![]));
    let warned = json!([SOON, "policy.expired", 1, 1, ["own_access_lost", "everything_lost"]]);
    assert_eq!(later(&told), [warned]);
    // Deleted or disabled, it waits for nothing.
    assert_eq!(plane.admin.patch(&net, end).await.0, 200);
    let off = Some(json!({ "enabled": false }));
    for (method, body) in [(Method::DELETE, None), (Method::PATCH, off)] {
        let told = preview(&plane, method, &net, body).await;
        assert_eq!((codes(&told).len(), later(&told)), (2, vec![]), "{told}");
    }
    // What is given for a time only is not lost by whoever does not have it now.
    let guest = allow("guest", &["10.9.0.0/16"], everyone());
    let guest = with(guest, json!({ "valid_until": THEN }));
    let told = preview(&plane, Method::POST, "/admin/policies", Some(guest)).await;
    assert_eq!(told["devices"]["gaining"], 1);
    assert_eq!(later(&told), [json!([THEN, "policy.expired", 1, 1, []])], "{told}");
    // Somebody else's window is no matter of this change.
    let other = allow("other", &["10.8.0.0/16"], everyone());
    let told = preview(&plane, Method::POST, "/admin/policies", Some(other)).await;
    assert_eq!(later(&told), [Value::Null; 0]);
}

#[tokio::test]
async fn a_device_that_is_let_in_expires_later() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    plane.create("policies", allow("net", &["10.1.0.0/16"], everyone())).await;
    let path = format!("/admin/devices/{laptop}");
    let until = json!({ "enabled": false, "expires_at": SOON });
    assert_eq!(plane.admin.patch(&path, until).await.0, 200);

    let told = preview(&plane, Method::POST, &format!("{path}/enable"), None).await;
    assert_eq!((&told["devices"]["gaining"], codes(&told)), (&json!(1), vec![]));
    assert_eq!(later(&told), [json!([SOON, "device.expired", 1, 1, []])]);
    let change = &told["later"]["items"][0]["changes"]["items"][0];
    let device = &change["devices"]["items"][0];
    let status = (&device["status_before"], &device["status_after"]);
    assert_eq!(status, (&json!("active"), &json!("expired")), "{told}");
    assert_eq!(change["lost"]["items"][0]["after"]["decided_by"], "no_peer");

    let bulk = json!({ "action": "enable", "ids": [laptop] });
    let many = preview(&plane, Method::POST, "/admin/devices/bulk", Some(bulk)).await;
    assert_eq!(later(&many["preview"]), later(&told));
}

#[tokio::test]
async fn of_many_moments_the_first_are_told_and_how_many_there_are() {
    let plane = Plane::start().await;
    let mut ids = vec![];
    for n in 0..12 {
        // The first two at the same time, the others earlier.
        let from = format!("20{}-01-01T00:00:00Z", 99 - n.max(1));
        let window = json!({ "enabled": false, "valid_from": from });
        let body = with(allow(&format!("p{n}"), &["10.1.0.0/16"], everyone()), window);
        ids.push(id(&plane.create("policies", body).await));
    }
    let enabled = async |some: &[String]| {
        let bulk = json!({ "action": "enable", "ids": some });
        preview(&plane, Method::POST, "/admin/policies/bulk", Some(bulk)).await["preview"].clone()
    };
    let told = enabled(&ids).await;
    let list = &told["later"];
    assert_eq!((&list["total"], &list["truncated"]), (&json!(11), &json!(true)), "{told}");
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["at"]), (10, &json!("2088-01-01T00:00:00Z")));
    let both = enabled(&ids[..2]).await;
    let event = json!([{ "event_type": "policy.activated", "count": 2 }]);
    assert_eq!((later(&both).len(), &both["later"]["items"][0]["events"]), (1, &event));
}
