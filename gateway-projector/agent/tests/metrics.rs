//! The agent in numbers, as a scraper sees it.

mod support;

use std::io::{Read, Write};

use support::{SERVER, World, open, wait_for};

const ADDRESS: &str = "127.0.0.1:9586";

fn ask(world: &World, request: &str) -> String {
    let mut stream = world.gateway.connect("127.0.0.1", 9586).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(world: &World) -> String {
    ask(world, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn value(world: &World, series: &str) -> f64 {
    let page = scrape(world);
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn is(world: &World, name: &str, expected: f64) -> bool {
    let found = value(world, &format!("nexavpn_gateway_{name}"));
    (found - expected).abs() < 0.01
}

#[test]
fn a_scraper_reads_and_nobody_writes() {
    let world = World::new(1);
    world.join();
    world.start(&["--metrics", ADDRESS]);
    world.publish(&world.payload(10, &open()));
    world.server.echo(443);
    world.connect_clients();
    wait_for("the first packet", || world.clients[0].namespace.reaches(SERVER, 443));

    assert!(is(&world, "applied_revision", 10.0), "{}", scrape(&world));
    assert!(is(&world, "applied_epoch", 7.0) && is(&world, "peers", 1.0));
    wait_for("the peer's handshake", || is(&world, "peers_connected", 1.0));
    wait_for("its traffic", || value(&world, "nexavpn_gateway_received_bytes_total") > 100.0);
    assert!(value(&world, "nexavpn_gateway_apply_duration_seconds_count") >= 1.0);
    assert!(value(&world, "nexavpn_gateway_last_contact_age_seconds") < 2.0);

    // A refusal, and an outage.
    world.plane.serve(b"<html>".to_vec(), "\"x\"".to_owned());
    wait_for("the refusal", || {
        value(&world, "nexavpn_gateway_rejected_bundles_total{code=\"malformed\"}") >= 1.0
    });
    world.plane.with(|shared| shared.down = true);
    wait_for("the failures", || value(&world, "nexavpn_gateway_fetch_failures_total") >= 2.0);
    wait_for("the silence", || value(&world, "nexavpn_gateway_last_contact_age_seconds") > 1.0);

    let page = scrape(&world);
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let secrets = [
        support::plane::CREDENTIAL.to_owned(),
        std::fs::read_to_string(world.state.path().join("private.key")).unwrap(),
        world.clients[0].key.public_key(),
    ];
    assert!(secrets.iter().all(|secret| !page.contains(secret.trim())), "{page}");

    for request in ["POST /metrics", "DELETE /metrics", "HEAD /metrics", "get /metrics"] {
        let answer = ask(&world, &format!("{request} HTTP/1.1\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 405"), "{request}: {answer}");
    }
    for path in ["/", "/metrics/../etc/passwd", "/status"] {
        let answer = ask(&world, &format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    // Somebody who says nothing keeps nobody else out.
    let silent: Vec<_> =
        (0..4).map(|_| world.gateway.connect("127.0.0.1", 9586).unwrap()).collect();
    assert!(scrape(&world).contains("nexavpn_gateway_peers 1"));
    drop(silent);
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9000));
    assert!(ask(&world, &long).starts_with("HTTP/1.1 431"));
}

#[test]
fn nothing_listens_unless_asked_to() {
    let world = World::new(0);
    world.join();
    world.start(&[]);
    world.publish(&world.payload(1, &open()));
    assert!(world.gateway.connect("127.0.0.1", 9586).is_err());
    world.stop();

    // An address that is taken is an error at the start, not a silent gap.
    let taken = world.gateway.listen(ADDRESS);
    let output = world.cli(&["run", "--tunnel", "userspace", "--metrics", ADDRESS]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--metrics"), "{output:?}");
    drop(taken);
    // Without a value it is loopback.
    world.start(&["--metrics"]);
    wait_for("the default address", || world.gateway.connect("127.0.0.1", 9586).is_ok());
}
