//! How gateways stand to their bundles: the record, and `/metrics`.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use chrono::TimeDelta;
use nexavpn_gateway_projector::Convergence;
use nexavpn_tests::harness::{Client, TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{NOBODY, Plane, assert_error, assert_invalid};
use crate::api_client::TurnableClock;

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
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let plane = Plane::start_with(|options| options.clock = Arc::new(turned)).await;
    let (good, node) = joined(&plane, "good", "100.96.0.0/24").await;
    let (bad, bad_node) = joined(&plane, "bad", "100.97.0.0/24").await;
    let silent = plane.gateway("silent", "100.98.0.0/24").await;
    let (away, away_node) = joined(&plane, "away", "100.99.0.0/24").await;
    let (behind, behind_node) = joined(&plane, "behind", "100.100.0.0/24").await;
    let (lost, lost_node) = joined(&plane, "lost", "100.101.0.0/24").await;
    report(&away_node, &away, &fetched(&away_node, &away).await, None).await;
    clock.forward(TimeDelta::minutes(3));
    report(&behind_node, &behind, &fetched(&behind_node, &behind).await, None).await;
    let foreign =
        super::with(fetched(&lost_node, &lost).await, json!({ "sha256": "f".repeat(64) }));
    report(&lost_node, &lost, &foreign, None).await;
    for changed in [&away, &behind, &lost] {
        let path = format!("/admin/gateways/{changed}");
        for mtu in [1380, 1381] {
            assert_eq!(plane.admin.patch(&path, json!({ "mtu": mtu })).await.0, 200);
        }
    }
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
        ("nexavpn_gateways{state=\"behind\"}".to_owned(), 1.0),
        ("nexavpn_gateways{state=\"unreachable\"}".to_owned(), 1.0),
        ("nexavpn_gateways{state=\"history_lost\"}".to_owned(), 1.0),
        (format!("nexavpn_gateway_in_sync{{gateway=\"{good}\"}}"), 1.0),
        (format!("nexavpn_gateway_in_sync{{gateway=\"{bad}\"}}"), 0.0),
        (format!("nexavpn_gateway_behind_seconds{{gateway=\"{good}\"}}"), 0.0),
        (format!("nexavpn_gateway_rejections_total{{gateway=\"{bad}\"}}"), 1.0),
        ("nexavpn_gateway_reports_total{outcome=\"accepted\"}".to_owned(), 4.0),
        ("nexavpn_gateway_reports_total{outcome=\"history_lost\"}".to_owned(), 1.0),
        ("nexavpn_gateway_reports_total{outcome=\"invalid\"}".to_owned(), 1.0),
    ] {
        assert!((value(&sample) - wanted).abs() < 0.001, "{sample} is not {wanted} in\n{text}");
    }
    for (gateway, present) in [
        (&good, "in_sync"),
        (&bad, "rejecting"),
        (&silent, "never_joined"),
        (&away, "unreachable"),
        (&behind, "behind"),
        (&lost, "history_lost"),
    ] {
        for state in Convergence::NAMES {
            let sample =
                format!("nexavpn_gateway_state{{gateway=\"{gateway}\",state=\"{state}\"}}");
            let wanted = if state == present { 1.0 } else { 0.0 };
            assert!((value(&sample) - wanted).abs() < 0.001, "{sample} is not {wanted} in\n{text}");
        }
        let view = plane.admin.get(&format!("/admin/gateways/{gateway}")).await.1;
        assert_eq!(view["convergence"]["status"], present, "{view}");
    }
    // Whatever its state, one that lacks something is behind.
    let since_ever = plane.admin.get(&format!("/admin/gateways/{bad}")).await.1;
    let since_ever = since_ever["convergence"]["revisions_behind"].as_u64().unwrap();
    for (gateway, revisions) in [(&bad, since_ever), (&away, 2), (&behind, 2), (&lost, 2)] {
        let sample = format!("nexavpn_gateway_behind_seconds{{gateway=\"{gateway}\"}}");
        assert!(value(&sample) > 0.0, "{sample} in\n{text}");
        let path = format!("/admin/gateways/{gateway}/convergence");
        let view = plane.admin.get(&path).await.1["convergence"].clone();
        assert_eq!(view["revisions_behind"], revisions, "{view}");
        assert!(view["lacks_since"].is_string(), "{view}");
        assert_eq!(view["applied_at"].is_string(), view["applied"].is_object(), "{view}");
    }
    let view = plane.admin.get(&format!("/admin/gateways/{good}")).await.1["convergence"].clone();
    for none in ["revisions_behind", "lacks_since"] {
        assert_eq!(view[none], Value::Null, "{none}: {view}");
    }
    let age = value(&format!("nexavpn_gateway_report_age_seconds{{gateway=\"{away}\"}}"));
    assert!(age >= 180.0, "{age}");
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
async fn the_time_from_event_to_bundle_is_counted_where_a_node_waits() {
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
    let mtu = AtomicU16::new(1300);
    let change = async || {
        let mtu = json!({ "mtu": mtu.fetch_add(1, Ordering::Relaxed) });
        assert_eq!(plane.admin.patch(&format!("/admin/gateways/{gateway}"), mtu).await.0, 200);
    };
    // A node that is away says nothing of how long publishing takes.
    change().await;
    fetched(&node, &gateway).await;
    assert_eq!(count("nexavpn_bundle_render_seconds_count").await, rendered + 1.0);
    assert_eq!(count("nexavpn_bundle_publish_seconds_count").await, 0.0, "nobody waited");
    assert_eq!(count("nexavpn_bundle_publish_seconds_sum").await, 0.0);

    let begin = Instant::now();
    let path = format!("/admin/gateways/{gateway}/sync");
    poll_until(WIDE, || async {
        let held = node.send(Method::GET, &path, &[], None).await;
        let headers = [("if-none-match", held.header("etag"))];
        let wait = format!("{path}?wait=20");
        // Where the change comes before the node waits, it is fetched at once, and not counted.
        let (waited, ()) = tokio::join!(node.send(Method::GET, &wait, &headers, None), change());
        assert_eq!(waited.status, 200, "{}", waited.body);
        count("nexavpn_bundle_publish_seconds_count").await > 0.0
    })
    .await;
    assert_eq!(count("nexavpn_bundle_publish_seconds_count").await, 1.0);
    assert_eq!(count("nexavpn_bundle_publish_seconds_bucket{le=\"+Inf\"}").await, 1.0);
    let sum = count("nexavpn_bundle_publish_seconds_sum").await;
    assert!(sum > 0.0 && sum < begin.elapsed().as_secs_f64(), "{sum}");
    assert_eq!(count("nexavpn_fleet_behind_events").await, 0.0);
    assert_eq!(count("nexavpn_append_queue").await, 0.0);
    assert!(count("nexavpn_horizon_age_seconds").await < 60.0);
}
