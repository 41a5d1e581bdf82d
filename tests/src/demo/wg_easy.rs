//! A client made through wg-easy's API: its packets pass under policy, and stop when it is deleted.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    Outcome,
    api::{Api, text},
    check,
    client::Client,
    story::{OWN_PASSWORD, in_sync, set_up},
    until,
    world::{APP, VAULT, WEB, World},
};

const PASSWORD: &str = "what the bots know";
const CLIENTS: &str = "/api/wireguard/client";

/// What switches the API on.
pub(super) fn variables(binaries: &Path) -> Outcome<Vec<(&'static str, String)>> {
    let mut hash = Command::new(binaries.join("nexavpn"))
        .args(["wg-easy", "hash-password"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = hash.stdin.take() {
        writeln!(stdin, "{PASSWORD}")?;
    }
    let output = hash.wait_with_output()?;
    check("the password was hashed", output.status.success())?;
    let hash = String::from_utf8(output.stdout)?.trim().to_owned();
    Ok(vec![("NEXAVPN_WG_EASY_OWNER", "admin".to_owned()), ("NEXAVPN_WG_EASY_PASSWORD_HASH", hash)])
}

/// Tells the story; where it goes wrong, with what the programs wrote.
pub(super) fn tell(world: World, tell: &dyn Fn(&str)) -> Outcome {
    let (gateway, token) = set_up(&world, tell)?;
    world.start_gateway(&token)?;
    play(&world, &gateway, tell).map_err(|e| format!("{e}\n{}", world.logs()).into())
}

fn play(world: &World, gateway: &str, tell: &dyn Fn(&str)) -> Outcome {
    let admin = Api::sign_in(world, "admin", OWN_PASSWORD)?;
    until("the gateway has joined and is in sync", || in_sync(&admin, gateway))?;

    tell("A bot signs in to wg-easy's API and makes a client");
    let bot = Api::sign_in_as_bot(world, PASSWORD)?;
    let made = bot.outside("POST", CLIENTS, Some(&json!({ "name": "user_1" })))?;
    let one = format!("{CLIENTS}/{}", text(&made, "/id")?);
    let listed = || -> Outcome<Value> {
        Ok(bot.outside("GET", CLIENTS, None)?.get(0).cloned().unwrap_or_default())
    };
    check("it has never been connected", listed()?["latestHandshakeAt"].is_null())?;

    tell("`wg-quick up` takes its configuration; nothing is allowed until a policy says so");
    let client = Client::new(world, 0, "user_1")?;
    client.quick_up(text(&made, "/configuration")?)?;
    check("nothing is reached", !client.reaches(APP, WEB))?;
    let policy = json!({
        "name": "App servers", "priority": 100, "effect": "allow",
        "destinations": ["172.16.20.0/24"], "targets": [{ "type": "everyone" }],
    });
    admin.post("/admin/policies", &policy)?;
    // Its configuration was made before: it learns of the network by fetching it again.
    until("the gateway has the policy", || in_sync(&admin, gateway))?;
    let fresh = bot.outside("GET", &one, None)?;
    let fresh = text(&fresh, "/configuration")?;
    let key =
        |text: &str| text.lines().find(|line| line.starts_with("PrivateKey")).map(str::to_owned);
    check("with the same key", key(fresh) == key(text(&made, "/configuration")?))?;
    client.quick_again(fresh)?;
    client.until_reaches(APP, WEB, true)?;
    check("what no policy names stays closed", !client.reaches(VAULT, WEB))?;
    let mut stream = client.stream(APP, WEB)?;
    check("a stream runs", nexavpn_netns::answers(&mut stream))?;
    until("its handshake and transfer are listed", || {
        let client = listed()?;
        let moved = |field: &str| client[field].as_u64() > Some(0);
        Ok(client["latestHandshakeAt"].is_string() && moved("transferRx") && moved("transferTx"))
    })?;

    tell("The bot disables and enables it");
    bot.outside("POST", &format!("{one}/disable"), None)?;
    client.until_reaches(APP, WEB, false)?;
    bot.outside("POST", &format!("{one}/enable"), None)?;
    client.until_reaches(APP, WEB, true)?;

    tell("The bot deletes it: its running stream dies");
    let mut stream = client.stream(APP, WEB)?;
    check("a stream runs", nexavpn_netns::answers(&mut stream))?;
    bot.outside("DELETE", &one, None)?;
    until("the stream dies", || Ok(!nexavpn_netns::answers(&mut stream)))?;
    client.until_reaches(APP, WEB, false)?;
    check("it is gone", bot.outside("GET", CLIENTS, None)? == json!([]))
}
