//! Version 14's `wg0.json`.

use std::{collections::BTreeMap, io, net::Ipv4Addr};

use ipnetwork::Ipv4Network;
use nexavpn_commands::{AdoptedClient, Secret};
use serde::Deserialize;

use super::{Client, Exported, Server, present, time};

/// The network of version 14 is always the /24 of its server's address.
const PREFIX: u8 = 24;

#[derive(Deserialize)]
struct File {
    server: FileServer,
    clients: BTreeMap<String, FileClient>,
}

/// Its private key is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileServer {
    public_key: String,
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct FileClient {
    name: Option<String>,
    address: Option<String>,
    public_key: Option<String>,
    private_key: Option<String>,
    pre_shared_key: Option<String>,
    created_at: Option<String>,
    /// Of 14's later builds.
    expired_at: Option<String>,
    enabled: Option<bool>,
}

/// Reads the file; otherwise says where it is not as expected.
pub(super) fn read(file: impl io::Read) -> Result<Exported, String> {
    let mut json = serde_json::Deserializer::from_reader(file);
    let File { server, clients } =
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            // The cause may quote what is there.
            let at = error.path().to_string();
            let (line, column) = (error.inner().line(), error.inner().column());
            format!("line {line}, column {column} ({at})")
        })?;
    let (address, _) = server.address.trim().split_once('/').unwrap_or((&server.address, ""));
    let address: Ipv4Addr = address.trim().parse().map_err(|_| "server.address is no address")?;
    let network = Ipv4Network::new(address, PREFIX).map_err(|_| "server.address is no address")?;
    let network =
        Ipv4Network::new(network.network(), PREFIX).map_err(|_| "server.address is no address")?;
    if network.nth(1) != Some(address) {
        return Err(format!(
            "server.address is {address}, and a gateway has the first address of its network, {}",
            network.nth(1).unwrap_or(address)
        ));
    }
    let mut read = Vec::with_capacity(clients.len());
    for (id, client) in clients {
        let name = client.name.unwrap_or_default();
        let expires_at = match present(client.expired_at) {
            None => None,
            Some(text) => {
                let at = time(&text);
                Some(at.ok_or_else(|| format!("clients.{id}.expiredAt is no time"))?)
            }
        };
        let adopted = AdoptedClient {
            name,
            address_v4: client.address.unwrap_or_default(),
            address_v6: None,
            public_key: client.public_key.unwrap_or_default(),
            private_key: present(client.private_key).map(Secret::new),
            preshared_key: present(client.pre_shared_key).map(Secret::new),
            // As wg-easy does: without the field it is no peer.
            enabled: client.enabled.unwrap_or(false),
            expires_at,
        };
        let created_at = client.created_at.as_deref().and_then(time);
        read.push(Client { adopted, created_at });
    }
    let left_out = vec![
        "what wg-easy 14 has in its environment (WG_HOST, WG_DEFAULT_DNS, WG_ALLOWED_IPS, WG_MTU, \
         hooks, …): see the gateway's settings above"
            .to_owned(),
    ];
    let server =
        Server { public_key: server.public_key, pool_v4: network.to_string(), ..Server::default() };
    Ok(Exported { version: "wg-easy 14", server, clients: read, left_out })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0Jx6l5dW3cWQyC4bq1Zk3sYtq0rT8m0S2Gk5yLw1nUY=";

    fn read_text(text: &str) -> Result<Exported, String> {
        read(text.as_bytes())
    }

    fn with_client(client: &Value) -> String {
        let server = json!({ "privateKey": SECRET, "publicKey": "p", "address": "10.8.0.1" });
        json!({ "server": server, "clients": { "id": client } }).to_string()
    }

    #[test]
    fn what_older_versions_leave_out_is_not_there() {
        let client =
            json!({ "name": "n", "address": "10.8.0.2", "publicKey": "p", "oneTimeLink": null });
        let read = read_text(&with_client(&client)).unwrap();
        assert_eq!(
            (read.server.public_key.as_str(), read.server.pool_v4.as_str()),
            ("p", "10.8.0.0/24")
        );
        let client = &read.clients[0];
        assert!(client.adopted.private_key.is_none() && client.adopted.preshared_key.is_none());
        assert!(client.created_at.is_none() && client.adopted.expires_at.is_none());
        assert!(!client.adopted.enabled, "wg-easy makes it no peer");
        assert!(
            read_text(r#"{"server": {"publicKey": "p", "address": "10.8.0.1/24"}, "clients": {}}"#)
                .is_ok()
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_never_repeated() {
        for client in [
            json!({ "privateKey": [SECRET] }),
            json!({ "enabled": SECRET }),
            json!({ "preSharedKey": { "k": SECRET } }),
            json!({ "expiredAt": SECRET }),
            json!(SECRET),
        ] {
            let why = read_text(&with_client(&client)).err().unwrap();
            assert!(why.contains("clients.id") && !why.contains(SECRET), "{why}");
        }
    }

    proptest! {
        #[test]
        fn clients_come_as_they_were_written(
            name in any::<String>(), key in "[a-zA-Z0-9+/]{43}=", enabled: bool, days in 0i64..20_000,
        ) {
            let at = DateTime::from_timestamp(days * 86_400, 250_000_000).unwrap();
            let text = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            let client = json!({
                "id": "id", "name": name, "address": "10.8.0.2", "privateKey": key, "publicKey": key,
                "preSharedKey": key, "createdAt": text, "updatedAt": text, "expiredAt": text,
                "enabled": enabled,
            });
            let read = read_text(&with_client(&client)).unwrap();
            let Client { adopted, created_at } = &read.clients[0];
            prop_assert_eq!(&adopted.name, &name);
            prop_assert_eq!(&adopted.public_key, &key);
            prop_assert_eq!(adopted.private_key.as_ref().map(Secret::expose), Some(key.as_str()));
            prop_assert_eq!(adopted.preshared_key.as_ref().map(Secret::expose), Some(key.as_str()));
            prop_assert_eq!((adopted.enabled, adopted.expires_at, *created_at), (enabled, Some(at), Some(at)));
        }

        #[test]
        fn a_damaged_file_is_refused_without_a_word_of_it(cut in 0usize..300, garbage in any::<Vec<u8>>()) {
            let whole = with_client(&json!({ "name": "n", "privateKey": SECRET, "preSharedKey": SECRET }));
            let mut bytes = whole.clone().into_bytes();
            bytes.truncate(cut.min(whole.len() - 1));
            bytes.extend(garbage);
            if let Err(why) = read(bytes.as_slice()) {
                prop_assert!(!why.contains(&SECRET[..20]), "{}", why);
            }
        }
    }
}
