//! The gateway's key is rotated: who has fetched the next one goes on, and who has not reaches
//! nothing until then.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    Outcome,
    api::{Api, text},
    check,
    client::Client,
    story::{OWN_PASSWORD, in_sync, set_up, user},
    until,
    world::{APP, PASSWORD, WEB, World},
};

/// Tells the story; where it goes wrong, with what the programs wrote.
pub(super) fn tell(world: World, tell: &dyn Fn(&str)) -> Outcome {
    let (gateway, token) = set_up(&world, tell)?;
    world.start_gateway(&token)?;
    play(&world, &gateway, tell).map_err(|e| format!("{e}\n{}", world.logs()).into())
}

fn play(world: &World, gateway: &str, tell: &dyn Fn(&str)) -> Outcome {
    let admin = Api::sign_in(world, "admin", OWN_PASSWORD)?;
    until("the gateway has joined and is in sync", || in_sync(&admin, gateway))?;
    for name in ["alice", "bob"] {
        user(&admin, name)?;
    }
    let everyone = json!({
        "name": "App servers", "priority": 100, "effect": "allow",
        "destinations": ["172.16.20.0/24"], "targets": [{ "type": "everyone" }],
    });
    admin.post("/admin/policies", &everyone)?;

    tell("Alice's client has made its key; Bob uses a plain file");
    let one = Client::new(world, 0, "alice")?;
    let as_alice = Api::sign_in(world, "alice", PASSWORD)?;
    let enrolment = one.enrol(&as_alice, "Alice's laptop")?;
    one.connect_with_own_key(text(&enrolment, "/profile/content")?)?;
    let two = Client::new(world, 1, "bob")?;
    let as_bob = Api::sign_in(world, "bob", PASSWORD)?;
    let device =
        as_bob.post("/me/devices", &json!({ "name": "Bob's router", "generate_key": true }))?;
    two.quick_up(text(&device, "/profile/content")?)?;
    one.until_reaches(APP, WEB, true)?;
    two.until_reaches(APP, WEB, true)?;

    tell("The admin has the gateway's key rotated; its node makes and announces the next one");
    let path = format!("/admin/gateways/{gateway}/key-rotation");
    let at = |seconds| json!({ "switch_at": Utc::now() + TimeDelta::seconds(seconds) });
    admin.post(&path, &at(3600))?;
    until("the node has announced its next key", || stands(&admin, &path, "announced"))?;
    let next = admin.get(&path)?;
    let (next, old) =
        (text(&next, "/next_gateway_key")?, text(&enrolment, "/peer/gateway/public_key")?);
    check("it is another one", next != old)?;

    tell("Alice's client fetches its profile and knows the next key; Bob does not look");
    let known = as_alice.get("/me/profile")?;
    check("her profile has the next key", text(&known, "/peer/gateway/next_gateway_key")? == next)?;
    check("and the present one", text(&known, "/peer/gateway/public_key")? == old)?;
    let mut stream = one.stream(APP, WEB)?;
    check("a stream of hers runs", nexavpn_netns::answers(&mut stream))?;
    let bobs = text(&device, "/device/id")?;
    check("only Bob's device is left", left(&admin, &path)? == [bobs])?;

    tell("The switch is brought forward, and comes by the clock");
    admin.post(&path, &at(2))?;
    until("the next key is in force", || stands(&admin, &path, "switched"))?;
    until("the gateway has it", || in_sync(&admin, gateway))?;
    let profile = text(&known, "/profile/content")?.replace(old, next);
    one.change_gateway(old, &profile)?;
    one.until_reaches(APP, WEB, true)?;
    check("her stream goes on", nexavpn_netns::answers(&mut stream))?;
    two.until_reaches(APP, WEB, false)?;
    check("Bob's device is the one that is left", left(&admin, &path)? == [bobs])?;

    tell("Bob fetches his profile, for which he needs no tunnel");
    let fresh = as_bob.get("/me/profile")?;
    check("it has the new key", text(&fresh, "/peer/gateway/public_key")? == next)?;
    two.change_gateway(old, text(&fresh, "/profile/content")?)?;
    two.until_reaches(APP, WEB, true)?;
    check("nobody is left", left(&admin, &path)?.is_empty())?;
    check("Alice goes on", one.reaches(APP, WEB))?;
    for event in ["key_rotation_requested", "next_key_announced", "key_switched"] {
        let log = admin.get(&format!("/admin/audit-logs?event_type=gateway.{event}"))?;
        check(event, log["total"].as_u64() >= Some(1))?;
    }
    Ok(())
}

fn stands(admin: &Api<'_>, path: &str, status: &str) -> Outcome<bool> {
    Ok(text(&admin.get(path)?, "/status")? == status)
}

/// The devices that have not fetched the key.
fn left(admin: &Api<'_>, path: &str) -> Outcome<Vec<String>> {
    let page = admin.get(&format!("{path}/devices"))?;
    let items = page["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item: &Value| Ok(text(item, "/id")?.to_owned())).collect()
}
