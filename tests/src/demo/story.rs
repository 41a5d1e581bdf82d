//! What happens, step by step.

use serde_json::{Value, json};

use super::{
    Outcome,
    api::{Api, text},
    check,
    client::{Client, routes},
    until,
    world::{APP, PASSWORD, VAULT, WEB, World},
};

pub(super) const OWN_PASSWORD: &str = "nobody else knows these words";

/// Tells the story; where it goes wrong, with what the programs wrote.
pub(super) fn tell(world: World, tell: &dyn Fn(&str)) -> Outcome {
    let (gateway, token) = set_up(&world, tell)?;
    world.start_gateway(&token)?;
    play(&world, &gateway, tell).map_err(|e| format!("{e}\n{}", world.logs()).into())
}

/// Signs the admin in for the first time and creates the gateway.
pub(super) fn set_up(world: &World, tell: &dyn Fn(&str)) -> Outcome<(String, String)> {
    tell("The admin signs in with the one-time password and must choose another one");
    let admin = Api::sign_in(world, "admin", PASSWORD)?;
    check("the one-time password opens nothing else", admin.get("/admin/users").is_err())?;
    let change = json!({ "current_password": PASSWORD, "password": OWN_PASSWORD });
    admin.post("/me/password", &change)?;

    tell("The admin creates a gateway; its node joins with a token that works once");
    let admin = Api::sign_in(world, "admin", OWN_PASSWORD)?;
    let gateway = admin.post(
        "/admin/gateways",
        &json!({
            "name": "demo-gateway",
            "endpoint": "198.51.100.2:51820",
            "address_pool_v4": "100.96.0.0/24",
            "dns_servers": ["172.16.20.53"],
            "dns_search": ["demo.test"],
        }),
    )?;
    let id = text(&gateway, "/id")?.to_owned();
    let token = admin.post(&format!("/admin/gateways/{id}/join-token"), &json!({}))?;
    Ok((id, text(&token, "/token")?.to_owned()))
}

fn play(world: &World, gateway: &str, tell: &dyn Fn(&str)) -> Outcome {
    let admin = Api::sign_in(world, "admin", OWN_PASSWORD)?;
    until("the gateway has joined and is in sync", || in_sync(&admin, gateway))?;

    tell("Alice and Bob are users; a group of both may reach 172.16.20.0/24");
    let [alice, bob] = ["alice", "bob"].map(|name| user(&admin, name));
    let (alice, bob) = (alice?, bob?);
    let group =
        admin.post("/admin/groups", &json!({ "name": "Engineers", "members": [alice, bob] }))?;
    let policy = admin.post(
        "/admin/policies",
        &json!({
            "name": "App servers", "description": "", "priority": 100, "effect": "allow",
            "full_tunnel": false, "destinations": ["172.16.20.0/24"],
            "targets": [{ "type": "group", "id": text(&group, "/id")? }],
        }),
    )?;
    let policy = text(&policy, "/id")?.to_owned();

    tell("Alice enrols with a key that her machine made; the private half never leaves it");
    let one = Client::new(world, 0, "alice")?;
    let as_alice = Api::sign_in(world, "alice", PASSWORD)?;
    let enrolment = one.enrol(&as_alice, "Alice's laptop")?;
    let profile = text(&enrolment, "/profile/content")?;
    check("her profile holds no private key", !profile.contains("\nPrivateKey"))?;
    one.connect_with_own_key(profile)?;

    tell("From now on devices get preshared keys, which only the gateway's node fetches");
    admin.patch(&format!("/admin/gateways/{gateway}"), &json!({ "preshared_keys": true }))?;
    tell("Bob lets NexaVPN make the keys; `wg-quick up` takes the profile exactly as it came");
    let two = Client::new(world, 1, "bob")?;
    let as_bob = Api::sign_in(world, "bob", PASSWORD)?;
    let device =
        as_bob.post("/me/devices", &json!({ "name": "Bob's phone", "generate_key": true }))?;
    let profile = text(&device, "/profile/content")?;
    check("his profile holds a preshared key", profile.contains("\nPresharedKey = "))?;
    two.quick_up(profile)?;
    until("the gateway has both devices", || in_sync(&admin, gateway))?;

    tell("Names resolve through the tunnel");
    for client in [&one, &two] {
        until("app.demo.test resolves", || client.resolves("app.demo.test", APP))?;
    }
    tell("The allowed server answers both");
    one.until_reaches(APP, WEB, true)?;
    two.until_reaches(APP, WEB, true)?;
    tell("The other one does not, though Alice's machine sends it into the tunnel all the same");
    let gateway_key = text(&enrolment, "/peer/gateway/public_key")?;
    one.widen(gateway_key, &["172.16.0.0/16", "100.96.0.0/24"])?;
    check("the vault does not answer", !one.reaches(VAULT, WEB))?;
    check("the app still does", one.reaches(APP, WEB))?;

    tell("The policy is edited: 172.16.21.0/24 opens, and Alice's profile says so");
    let wide = json!({ "destinations": ["172.16.20.0/24", "172.16.21.0/24"] });
    admin.patch(&format!("/admin/policies/{policy}"), &wide)?;
    one.until_reaches(VAULT, WEB, true)?;
    let fresh = as_alice.get("/me/profile")?;
    check("the profile's revision has risen", fresh["peer"]["profile_revision"] == 2)?;
    let fresh = text(&fresh, "/profile/content")?;
    let routed = routes(fresh).iter().any(|r| r == "172.16.20.0/23");
    check("the new destination is in AllowedIPs", routed)?;
    one.connect_with_own_key(fresh)?;
    one.until_reaches(VAULT, WEB, true)?;

    tell("A deny that comes first closes the vault again");
    admin.post(
        "/admin/policies",
        &json!({
            "name": "No vault", "description": "", "priority": 10, "effect": "deny",
            "full_tunnel": false, "destinations": [format!("{VAULT}/32")],
            "targets": [{ "type": "everyone" }],
        }),
    )?;
    one.until_reaches(VAULT, WEB, false)?;
    check("everything else stays open", one.reaches(APP, WEB))?;

    tell("Bob's device is revoked while a TCP stream of his is running");
    let mut stream = two.stream(APP, WEB)?;
    check("his stream runs", nexavpn_netns::answers(&mut stream))?;
    let id = text(&device, "/device/id")?;
    admin.post(&format!("/admin/devices/{id}/revoke"), &json!({ "reason": "lost" }))?;
    until("the stream stops", || Ok(!nexavpn_netns::answers(&mut stream)))?;
    check("nothing answers him any more", !two.reaches(APP, WEB))?;
    check("Alice goes on", one.reaches(APP, WEB))?;

    tell("The audit log tells it all, in order:");
    audit(&admin, tell)
}

/// What must be in the log, in this order (with other events in between).
const EXPECTED: [&str; 11] = [
    "user.created",
    "user.password_changed",
    "gateway.created",
    "gateway.joined",
    "group.created",
    "policy.created",
    "device.enrolled",
    "device.enrolled",
    "policy.changed",
    "policy.created",
    "device.revoked",
];

fn audit(admin: &Api<'_>, tell: &dyn Fn(&str)) -> Outcome {
    let log = admin.get("/admin/audit-logs?page_size=200")?;
    let mut entries: Vec<&Value> =
        log["items"].as_array().map(|items| items.iter().collect()).unwrap_or_default();
    entries.sort_by_key(|e| e["idx"].as_i64());
    let mut expected = EXPECTED.iter().peekable();
    for entry in &entries {
        let kind = entry["event_type"].as_str().unwrap_or_default();
        expected.next_if(|e| **e == kind);
        let actor = entry["actor"]["name"].as_str().or(entry["actor"]["type"].as_str());
        let (idx, actor) = (&entry["idx"], actor.unwrap_or("-"));
        tell(&format!("   {idx:>3}  {}  {actor:<10} {kind}", text(entry, "/time")?));
    }
    match expected.next() {
        None => Ok(()),
        Some(missing) => Err(format!("{missing} is missing from the audit log").into()),
    }
}

pub(super) fn in_sync(admin: &Api<'_>, gateway: &str) -> Outcome<bool> {
    let gateway = admin.get(&format!("/admin/gateways/{gateway}"))?;
    let state = gateway.pointer("/convergence/status");
    Ok(state.and_then(Value::as_str) == Some("in_sync"))
}

/// Creates a user with the demo's password; gives the id.
pub(super) fn user(admin: &Api<'_>, name: &str) -> Outcome<String> {
    let body = json!({
        "username": name, "display_name": name, "password": PASSWORD,
        "must_change_password": false,
    });
    Ok(text(&admin.post("/admin/users", &body)?, "/id")?.to_owned())
}
