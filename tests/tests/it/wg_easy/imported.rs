//! Clients that moved over are clients here as any other.

use nexavpn_tests::harness::{WIDE, poll_for};
use serde_json::json;

use super::{CLIENTS, Dialect};
use crate::{
    api_admin::with,
    moving_over::{Importer, client, pair, wg0_json},
};

#[tokio::test]
async fn clients_that_moved_over_are_listed_and_show_their_configuration() {
    let dialect = Dialect::start().await;
    let importer = Importer::new(&dialect.db.server_url);
    let server = pair();
    // The dialect takes no such name for a new client.
    let phone = client("Anna's phone", "10.9.0.2");
    let old = with(client("old", "10.9.0.3"), json!({ "enabled": false }));
    let mut file = wg0_json(&server, &[phone.clone(), old]);
    file["server"]["address"] = json!("10.9.0.1");
    let file = importer.write("wg0.json", file.to_string());
    importer.imports(&file, &["--owner", "bots", "--endpoint", "vpn.example.com:51820"]).await;

    let guest = dialect.cookie().await;
    let listed = poll_for(WIDE, || async {
        let clients = guest.get(CLIENTS).await.body;
        clients.as_array().is_some_and(|clients| clients.len() == 2).then_some(clients)
    })
    .await;
    for (n, name, address, enabled) in
        [(0, "Anna's phone", "10.9.0.2", true), (1, "old", "10.9.0.3", false)]
    {
        let one = &listed[n];
        assert_eq!(
            (&one["name"], &one["address"], &one["enabled"]),
            (&json!(name), &json!(address), &json!(enabled)),
            "{listed}"
        );
    }
    assert_eq!(listed[0]["publicKey"], phone["publicKey"]);
    let id = listed[0]["id"].as_str().unwrap();
    let shown = guest.get(&format!("{CLIENTS}/{id}/configuration")).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    for line in [
        format!("PrivateKey = {}", phone["privateKey"].as_str().unwrap()),
        format!("PresharedKey = {}", phone["preSharedKey"].as_str().unwrap()),
        format!("PublicKey = {}", server.1),
    ] {
        assert!(shown.text.lines().any(|l| l == line), "{}", shown.text.lines().count());
    }
    // Once it is deleted nobody sees its keys again, and it does not come back by the same file.
    assert_eq!(guest.delete(&format!("{CLIENTS}/{id}")).await.status, 204);
    let again = importer.imports(&file, &["--owner", "bots"]).await;
    assert!(again.contains("revoked since"), "{again}");
    assert_eq!(guest.get(&format!("{CLIENTS}/{id}/configuration")).await.status, 404);
}
