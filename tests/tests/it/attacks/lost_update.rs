//! Two who change the same thing at once: the later one does not undo what it has not seen.

use futures::future::join_all;
use nexavpn_tests::harness::Answer;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{Plane, id};

async fn patch(plane: &Plane, path: &str, version: &str, body: Value) -> Answer {
    plane.admin.send(Method::PATCH, path, &[("If-Match", version)], Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_who_saw_the_same_version_one_changes_it() {
    let plane = Plane::start().await;
    let gw = plane.gateway("gw", "100.96.0.0/16").await;
    let user = plane.user("alice").await;
    let device = plane.device(&user, "laptop").await;
    let group = id(&plane.create("groups", json!({ "name": "staff" })).await);
    let policy = json!({ "name": "p", "effect": "allow", "destinations": ["10.0.0.0/8"] });
    let policy = id(&plane.create("policies", policy).await);
    let entities = [
        (format!("/admin/users/{user}"), "display_name"),
        (format!("/admin/groups/{group}"), "name"),
        (format!("/admin/policies/{policy}"), "name"),
        (format!("/admin/gateways/{gw}"), "name"),
        (format!("/admin/devices/{device}"), "name"),
    ];
    for (path, field) in entities {
        let seen = plane.admin.send(Method::GET, &path, &[], None).await.header("etag").to_owned();
        assert!(!seen.is_empty(), "{path}");
        let all = (0..16).map(|n| patch(&plane, &path, &seen, json!({ field: format!("n{n}") })));
        let answers = join_all(all).await;
        let changed: Vec<&Answer> = answers.iter().filter(|a| a.status == 200).collect();
        let [changed] = changed[..] else { panic!("{path}: {} succeeded", changed.len()) };
        for answer in answers.iter().filter(|a| a.status != 200) {
            assert_eq!(answer.status, 412, "{path}: {}", answer.body);
            assert_eq!(answer.body["error"]["code"], "precondition_failed");
        }
        let (_, now) = plane.admin.get(&path).await;
        assert_eq!(now[field], changed.body[field], "{path}");
        // Who saw the new one may go on; what is no version of ours is none.
        let next = changed.header("etag").to_owned();
        assert_ne!(next, seen);
        for stale in [&seen, "\"999\"", "nonsense", "W/\"x\"", "\"18446744073709551616\""] {
            let answer = patch(&plane, &path, stale, json!({ field: "late" })).await;
            assert_eq!(answer.status, 412, "{path} {stale}: {}", answer.body);
        }
        let answer = patch(&plane, &path, &next, json!({ field: "fresh" })).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        // The same holds for taking it away.
        let answer = plane.admin.send(Method::DELETE, &path, &[("If-Match", &seen)], None).await;
        assert!([405, 412].contains(&answer.status), "{path}: {}", answer.body);
    }
}
