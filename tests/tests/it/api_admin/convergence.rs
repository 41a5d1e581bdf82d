//! How gateways stand to their bundles: the record, and `/metrics`.

use nexavpn_tests::harness::{Client, TestDb, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, assert_invalid};

/// A node that has joined as a new gateway.
async fn joined(plane: &Plane, name: &str, pool: &str) -> (String, Client) {
    let (gateway, joined) = plane.joined(name, pool, json!({})).await;
    (gateway, plane.node(&joined))
}

/// Fetches the newest bundle and says which it is.
async fn fetched(node: &Client, gateway: &str) -> Value {
    let (status, bundle) = node.get(&format!("/admin/gateways/{gateway}/sync")).await;
    assert_eq!(status, 200, "{bundle}");
    let payload = &bundle["payload"];
    json!({ "epoch": payload["epoch"], "revision": payload["revision"], "sha256": bundle["sha256"] })
}

async fn report(node: &Client, gateway: &str, applied: &Value, rejected: Option<&Value>) {
    let rejected = rejected.map(|bundle| {
        let why = json!({ "reason_code": "apply_failed", "reason": "nft said no" });
        super::with(bundle.clone(), why)
    });
    let report = json!({
        "agent_version": "0.1.0", "applied": applied, "rejected": rejected, "peers": [],
        "reported_at": "2026-05-03T12:00:00Z",
    });
    let answer = node.post(&format!("/gateways/{gateway}/status"), report).await;
    assert_eq!(answer.0, 204, "{}", answer.1);
}

async fn metrics(server: &TestServer) -> String {
    let answer = reqwest::get(format!("{}/metrics", server.base_url)).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    answer.text().await.unwrap()
}

#[tokio::test]
async fn what_was_published_applied_and_rejected_is_on_record() {
    let plane = Plane::start().await;
    let (gateway, node) = joined(&plane, "gw", "100.96.0.0/24").await;
    let (other, _) = joined(&plane, "other", "100.97.0.0/24").await;
    let first = fetched(&node, &gateway).await;
    report(&node, &gateway, &first, None).await;
    let mtu = json!({ "mtu": 1380 });
    assert_eq!(plane.admin.patch(&format!("/admin/gateways/{gateway}"), mtu).await.0, 200);
    let second = fetched(&node, &gateway).await;
    report(&node, &gateway, &first, Some(&second)).await;
    // Said again, it is no news.
    report(&node, &gateway, &first, Some(&second)).await;

    let path = format!("/admin/gateways/{gateway}/convergence");
    let whole = plane.admin.get(&path).await.1;
    assert_eq!(whole["convergence"]["status"], "rejecting", "{whole}");
    assert_eq!(whole["convergence"]["reason"], "nft said no");
    let entries = whole["items"].as_array().unwrap();
    let told: Vec<(&str, &Value)> =
        entries.iter().map(|e| (e["outcome"].as_str().unwrap(), &e["revision"])).collect();
    let (old, new) = (&first["revision"], &second["revision"]);
    assert_eq!(told, [("rejected", new), ("published", new), ("applied", old), ("published", old)]);
    assert_eq!(entries[0]["code"], "apply_failed");
    assert_eq!(entries[3]["sha256"], first["sha256"]);
    assert_eq!(whole["next"], Value::Null);

    // Page by page it is the same record.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = plane.admin.get(&format!("{path}?page_size=1{after}")).await.1;
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(&paged, entries);
    let theirs = plane.admin.get(&format!("/admin/gateways/{other}/convergence")).await.1;
    assert_eq!(theirs["items"], json!([]));

    for (query, field) in
        [("after=x", "after"), ("page_size=0", "page_size"), ("page_size=201", "page_size")]
    {
        let answer = plane.admin.send(Method::GET, &format!("{path}?{query}"), &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    let nobody = plane.admin.get(&format!("/admin/gateways/{NOBODY}/convergence")).await;
    assert_error(&nobody, 404, "not_found");
}

#[tokio::test]
async fn metrics_count_gateways_by_state() {
    let plane = Plane::start().await;
    let (good, node) = joined(&plane, "good", "100.96.0.0/24").await;
    let (bad, bad_node) = joined(&plane, "bad", "100.97.0.0/24").await;
    plane.gateway("silent", "100.98.0.0/24").await;
    report(&node, &good, &fetched(&node, &good).await, None).await;
    let newest = fetched(&bad_node, &bad).await;
    report(&bad_node, &bad, &Value::Null, Some(&newest)).await;
    let wrong = json!({ "agent_version": "1", "peers": [], "reported_at": "soon" });
    assert_eq!(node.post(&format!("/gateways/{good}/status"), wrong).await.0, 400);

    let text = metrics(&plane.server).await;
    let value = |sample: &str| -> f64 {
        let line = text.lines().find_map(|l| l.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{sample} is not in\n{text}")).parse().unwrap()
    };
    assert!((value("nexavpn_fleet_live") - 1.0).abs() < 0.1);
    for (sample, wanted) in [
        ("nexavpn_gateways{state=\"in_sync\"}".to_owned(), 1.0),
        ("nexavpn_gateways{state=\"rejecting\"}".to_owned(), 1.0),
        ("nexavpn_gateways{state=\"never_joined\"}".to_owned(), 1.0),
        ("nexavpn_gateways{state=\"history_lost\"}".to_owned(), 0.0),
        (format!("nexavpn_gateway_in_sync{{gateway=\"{good}\"}}"), 1.0),
        (format!("nexavpn_gateway_in_sync{{gateway=\"{bad}\"}}"), 0.0),
        (format!("nexavpn_gateway_behind_seconds{{gateway=\"{good}\"}}"), 0.0),
        (format!("nexavpn_gateway_rejections_total{{gateway=\"{bad}\"}}"), 1.0),
        ("nexavpn_gateway_reports_total{outcome=\"accepted\"}".to_owned(), 2.0),
        ("nexavpn_gateway_reports_total{outcome=\"invalid\"}".to_owned(), 1.0),
    ] {
        assert!((value(&sample) - wanted).abs() < 0.001, "{sample} is not {wanted} in\n{text}");
    }
    // Rejecting it is behind all the same.
    assert!(value(&format!("nexavpn_gateway_behind_seconds{{gateway=\"{bad}\"}}")) > 0.0);
    assert_eq!(plane.admin.delete(&format!("/admin/gateways/{bad}")).await.0, 204);
    assert!(!metrics(&plane.server).await.contains(&bad), "a deleted gateway has no samples");
}

#[tokio::test]
async fn metrics_are_shown_to_named_networks_only() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        options.http.metrics_networks = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let ask = async |server: &TestServer, client: &str| {
        let request = reqwest::Client::new().get(format!("{}/metrics", server.base_url));
        request.header("x-forwarded-for", client).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&server, "192.0.2.7").await, 200);
    assert_eq!(ask(&server, "198.51.100.7").await, 403);
    server.stop().await;
    // Whom a proxy that nobody trusts speaks for cannot be known.
    let server = TestServer::start(&db).await;
    assert_eq!(ask(&server, "127.0.0.1").await, 403);
    metrics(&server).await;
}

#[tokio::test]
async fn the_time_from_event_to_bundle_is_counted() {
    let plane = Plane::start().await;
    let (gateway, node) = joined(&plane, "gw", "100.96.0.0/24").await;
    let count = async |name: &str| {
        let text = metrics(&plane.server).await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        line.and_then(|count| count.parse::<f64>().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    fetched(&node, &gateway).await;
    let rendered = count("nexavpn_bundle_render_seconds_count").await;
    assert_eq!(count("nexavpn_bundle_publish_seconds_count").await, 0.0, "it had none before");
    let mtu = json!({ "mtu": 1380 });
    assert_eq!(plane.admin.patch(&format!("/admin/gateways/{gateway}"), mtu).await.0, 200);
    fetched(&node, &gateway).await;
    assert_eq!(count("nexavpn_bundle_render_seconds_count").await, rendered + 1.0);
    assert_eq!(count("nexavpn_bundle_publish_seconds_count").await, 1.0);
    assert_eq!(count("nexavpn_bundle_publish_seconds_bucket{le=\"+Inf\"}").await, 1.0);
    assert!(count("nexavpn_bundle_publish_seconds_sum").await > 0.0);
    assert_eq!(count("nexavpn_fleet_behind_events").await, 0.0);
    assert_eq!(count("nexavpn_append_queue").await, 0.0);
    assert!(count("nexavpn_horizon_age_seconds").await < 60.0);
}
