//! What ends by itself: expiries and the control plane's silence, also over a
//! restart; and what the log says of it.

mod support;

use chrono::{SecondsFormat, Utc};
use support::{World, open, wait_for};

fn log(world: &World) -> String {
    String::from_utf8(support::read(&world.log())).unwrap()
}

/// How many lines at info or above contain `text`.
fn lines(world: &World, text: &str) -> usize {
    log(world).lines().filter(|line| line.contains(text) && !line.contains("DEBUG")).count()
}

#[test]
fn what_expires_while_the_agent_is_down_goes_at_its_start() {
    let world = World::new(2);
    world.join();
    world.start(&[]);
    let mut payload = world.payload(1, &open());
    let end = Utc::now() + chrono::Duration::seconds(3);
    payload.devices[0].not_after = Some(end.to_rfc3339_opts(SecondsFormat::Millis, true));
    world.publish(&payload);
    assert_eq!(world.peers().len(), 2, "not yet");
    world.crash();
    world.plane.with(|shared| shared.down = true);
    wait_for("the expiry", || Utc::now() > end);
    assert_eq!(world.peers().len(), 2, "nobody was there to remove it");

    world.start(&[]);
    let (gone, kept) = (&world.clients[0], &world.clients[1]);
    wait_for("the peer to go", || world.peers().len() == 1);
    let ruleset = world.ruleset();
    assert!(!ruleset.contains(&format!("{} :", gone.v4)), "{ruleset}");
    assert!(!ruleset.contains(&format!("{} :", gone.v6)), "{ruleset}");
    assert!(ruleset.contains(&format!("{} :", kept.v4)), "{ruleset}");
}

#[test]
fn a_restart_does_not_make_old_news_fresh() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    let mut payload = world.payload(1, &open());
    payload.max_stale_s = Some(3);
    world.publish(&payload);
    let open_maps = || world.ruleset().contains(" : goto p_");
    assert!(open_maps());
    world.plane.with(|shared| shared.down = true);
    wait_for("the maps to be emptied", || !open_maps());
    assert_eq!(lines(&world, "all access is closed"), 1);

    // A restart counts on from where the last agent was.
    for starts in 2..=3 {
        world.crash();
        world.start(&[]);
        wait_for("the start", || lines(&world, "agent runs") == starts);
        for _ in 0..30 {
            assert!(!open_maps(), "{}", log(&world));
        }
    }
    world.plane.with(|shared| shared.down = false);
    wait_for("the maps to be filled again", open_maps);

    // So it does where nothing is left in the kernel, and after a power cut
    // (another boot) a node may come back by itself.
    world.plane.with(|shared| shared.down = true);
    wait_for("the maps to be emptied", || !open_maps());
    world.crash();
    let contact = world.state.path().join("contact.json");
    let text = String::from_utf8(support::read(&contact)).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    kept["boot_id"] = "another".into();
    std::fs::write(&contact, kept.to_string()).unwrap();
    world.start(&[]);
    wait_for("the maps after a reboot", open_maps);
    wait_for("the maps to be emptied again", || !open_maps());
}

#[test]
fn an_outage_is_one_line_at_its_beginning_and_one_at_its_end() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    world.publish(&world.payload(1, &open()));
    world.plane.with(|shared| shared.down = true);
    let failures = || log(&world).matches("still cannot fetch").count();
    wait_for("some attempts", || failures() >= 4);
    assert_eq!(lines(&world, "cannot fetch bundles"), 1, "{}", log(&world));
    let said = log(&world);
    let line = said.lines().find(|line| line.contains("cannot fetch bundles")).unwrap();
    assert!(line.contains("advice=") && line.contains("7.1"), "{line}");
    assert_eq!(lines(&world, "the control plane answers again"), 0);
    world.plane.with(|shared| shared.down = false);
    wait_for("the end of the outage", || lines(&world, "the control plane answers again") == 1);

    // A refusal is said once too, with its code.
    world.plane.serve(b"<html>".to_vec(), "\"x\"".to_owned());
    wait_for("refusals", || log(&world).matches("refused again").count() >= 3);
    assert_eq!(lines(&world, "refused a bundle"), 1, "{}", log(&world));
    world.publish(&world.payload(2, &open()));
    assert_eq!(lines(&world, "bundles are accepted again"), 1);

    assert!(!log(&world).contains(support::plane::CREDENTIAL));
}
