//! A wg-easy server moves over: its client goes on with the profile that it has.

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{
    Outcome,
    api::{Api, text},
    check,
    client::Client,
    story::{OWN_PASSWORD, in_sync},
    until, until_within,
    world::{APP, PASSWORD, VAULT, WEB, World},
};

/// How long a client goes on with a session that nobody knows any more: it notices after 15
/// seconds without an answer (wireguard.com/protocol), and has to be heard then.
const NOTICED: std::time::Duration = std::time::Duration::from_secs(60);

/// A key pair in base64.
struct Pair {
    private: String,
    public: String,
}

impl Pair {
    fn new() -> Self {
        let private = StaticSecret::from(rand::random::<[u8; 32]>());
        let public = PublicKey::from(&private);
        let [private, public] =
            [private.to_bytes(), public.to_bytes()].map(|key| BASE64_STANDARD.encode(key));
        Self { private, public }
    }
}

/// Tells the story; where it goes wrong, with what the programs wrote.
pub(super) fn tell(world: World, tell: &dyn Fn(&str)) -> Outcome {
    play(&world, tell).map_err(|e| format!("{e}\n{}", world.logs()).into())
}

fn play(world: &World, tell: &dyn Fn(&str)) -> Outcome {
    tell("wg-easy 14 serves a phone, which reaches everything");
    let (server, phone) = (Pair::new(), Pair::new());
    let preshared = BASE64_STANDARD.encode(rand::random::<[u8; 32]>());
    let (json, conf) = write_wg_easy(world, &server, &phone, &preshared)?;
    let old = world.start_wireguard(&conf)?;
    // As version 14 writes it, empty lines and all.
    let profile = format!(
        "\n[Interface]\nPrivateKey = {}\nAddress = 10.8.0.2/24\nDNS = 172.16.20.53\n\n\n[Peer]\n\
         PublicKey = {}\nPresharedKey = {preshared}\nAllowedIPs = 0.0.0.0/0, ::/0\n\
         PersistentKeepalive = 0\nEndpoint = 198.51.100.2:51820",
        phone.private, server.public,
    );
    let client = Client::new(world, 0, "phone")?;
    client.quick_up(&profile)?;
    client.until_reaches(APP, WEB, true)?;
    client.until_reaches(VAULT, WEB, true)?;

    tell("NexaVPN looks at wg-easy's file, and says what would happen");
    let admin = Api::sign_in(world, "admin", PASSWORD)?;
    let change = json!({ "current_password": PASSWORD, "password": OWN_PASSWORD });
    admin.post("/me/password", &change)?;
    let admin = Api::sign_in(world, "admin", OWN_PASSWORD)?;
    let json = json.to_string_lossy().into_owned();
    let import = ["import", "wg-easy", &json, "--owner", "admin"];
    let import = [&import[..], &["--endpoint", "198.51.100.2:51820"]].concat();
    let dry = world.control(&[&import[..], &["--dry-run"]].concat())?;
    check("a dry run says so", dry.contains("dry run"))?;
    check("and changes nothing", items(&admin, "/admin/gateways")?.is_empty())?;
    tell("It moves over, all at once");
    let said = world.control(&import)?;
    check("it says so", said.contains("Done."))?;
    until("the gateway is there", || Ok(items(&admin, "/admin/gateways")?.len() == 1))?;
    let gateway = text(&items(&admin, "/admin/gateways")?[0], "/id")?.to_owned();

    tell("wg-easy is stopped; a node without the server's key is refused, with it the node joins");
    world.stop_wireguard(&old);
    let token = || -> Outcome<String> {
        let path = format!("/admin/gateways/{gateway}/join-token");
        Ok(text(&admin.post(&path, &json!({}))?, "/token")?.to_owned())
    };
    let refused = world.join_gateway(&token()?, None).err().map(|e| e.to_string());
    let refused = refused.unwrap_or_default();
    check("another key is refused", refused.contains("gateway_key_mismatch"))?;
    check("with what to do", refused.contains("--private-key-file"))?;
    world.join_gateway(&token()?, Some(&conf))?;
    world.run_gateway()?;
    until("the gateway is in sync", || in_sync(&admin, &gateway))?;

    tell("The phone's profile has not changed, and without a policy it reaches nothing");
    let devices = items(&admin, "/admin/devices")?;
    let device = text(&devices[0], "/id")?;
    check("its name is kept", devices[0]["name"] == "Anna's phone")?;
    let shaken = || -> Outcome<bool> {
        check("nothing is reached", !client.reaches(APP, WEB))?;
        Ok(admin.get(&format!("/admin/devices/{device}"))?["latest_handshake_at"].is_string())
    };
    until_within("the phone has shaken hands with the gateway", NOTICED, shaken)?;
    tell("A policy opens one host, and that is what it reaches");
    admin.post(
        "/admin/policies",
        &json!({
            "name": "App", "effect": "allow", "destinations": [format!("{APP}/32")],
            "targets": [{ "type": "device", "id": device }],
        }),
    )?;
    client.until_reaches(APP, WEB, true)?;
    check("and nothing else", !client.reaches(VAULT, WEB))?;

    tell("wg-easy's access comes with a second import, which leaves everything else as it is");
    let again = world.control(&[&import[..], &["--allow-all"]].concat())?;
    check("the phone is there already", again.contains("there already"))?;
    client.until_reaches(VAULT, WEB, true)?;
    tell("The phone is revoked");
    admin.post(&format!("/admin/devices/{device}/revoke"), &json!({}))?;
    client.until_reaches(APP, WEB, false)
}

/// Writes `wg0.json` and `wg0.conf` as version 14 does.
fn write_wg_easy(
    world: &World,
    server: &Pair,
    phone: &Pair,
    preshared: &str,
) -> Outcome<(PathBuf, PathBuf)> {
    let id = "4f9a3f0e-0000-4000-8000-000000000001";
    let json = json!({
        "server": {
            "privateKey": server.private, "publicKey": server.public, "address": "10.8.0.1",
        },
        "clients": { id: {
            "id": id, "name": "Anna's phone", "address": "10.8.0.2",
            "privateKey": phone.private, "publicKey": phone.public, "preSharedKey": preshared,
            "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2024-05-01T10:00:00.000Z",
            "expiredAt": null, "enabled": true,
        } },
    });
    let conf = format!(
        "\n# Note: Do not edit this file directly.\n# Your changes will be overwritten!\n\n\
         # Server\n[Interface]\nPrivateKey = {}\nAddress = 10.8.0.1/24\nListenPort = 51820\n\
         PreUp = \nPostUp = \nPreDown = \nPostDown = \n\n\n# Client: Anna's phone ({id})\n[Peer]\n\
         PublicKey = {}\nPresharedKey = {preshared}\nAllowedIPs = 10.8.0.2/32",
        server.private, phone.public,
    );
    let (json_file, conf_file) = (world.file("wg0.json"), world.file("wg0.conf"));
    std::fs::write(&json_file, serde_json::to_string_pretty(&json)?)?;
    std::fs::write(&conf_file, conf)?;
    Ok((json_file, conf_file))
}

fn items(admin: &Api<'_>, path: &str) -> Outcome<Vec<Value>> {
    Ok(admin.get(path)?["items"].as_array().cloned().unwrap_or_default())
}
