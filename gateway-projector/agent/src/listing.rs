//! Reads back what an nftables table holds.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::Value;

use crate::command::{self, CommandError};
use crate::desired::DeviceMaps;

/// What a table holds, without the elements.
#[derive(Debug, Default)]
pub struct Listing {
    /// Its maps.
    pub maps: BTreeSet<String>,
    /// Its sets.
    pub sets: BTreeSet<String>,
    /// How many rules each chain has.
    pub rules: BTreeMap<String, usize>,
}

/// Lists the table `table`.
///
/// # Errors
/// [`CommandError`] if it cannot be listed.
pub async fn list(table: &str) -> Result<Listing, CommandError> {
    let parsed = read(&["-j", "-t", "list", "table", "inet", table]).await?;
    let mut listing = Listing::default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    for entry in parsed["nftables"].as_array().into_iter().flatten() {
        if let Some(map) = entry.get("map") {
            listing.maps.insert(text(map, "name"));
        } else if let Some(set) = entry.get("set") {
            listing.sets.insert(text(set, "name"));
        } else if let Some(chain) = entry.get("chain") {
            listing.rules.entry(text(chain, "name")).or_default();
        } else if let Some(rule) = entry.get("rule") {
            *listing.rules.entry(text(rule, "chain")).or_default() += 1;
        }
    }
    Ok(listing)
}

/// Whether there is a table `table` of family `inet`.
///
/// # Errors
/// [`CommandError`] if the tables cannot be listed.
pub async fn has_table(table: &str) -> Result<bool, CommandError> {
    let parsed = read(&["-j", "list", "tables", "inet"]).await?;
    let mut tables = parsed["nftables"].as_array().into_iter().flatten();
    Ok(tables.any(|entry| entry["table"]["name"] == table))
}

/// The elements of the device maps, `None` where one is not of the agent's
/// kind: one address that goes to a profile.
///
/// # Errors
/// [`CommandError`] if a map cannot be listed.
pub async fn list_maps(table: &str) -> Result<Option<DeviceMaps>, CommandError> {
    let v4 = read(&["-j", "list", "map", "inet", table, "dev4"]).await?;
    let v6 = read(&["-j", "list", "map", "inet", table, "dev6"]).await?;
    Ok(elements(&v4).zip(elements(&v6)).map(|(v4, v6)| DeviceMaps { v4, v6 }))
}

async fn read(args: &[&str]) -> Result<Value, CommandError> {
    let output = command::run("nft", args, None).await?;
    serde_json::from_slice(&output).map_err(|error| CommandError::Failed {
        program: "nft",
        message: format!("unreadable listing: {error}"),
    })
}

fn elements<A: FromStr + Ord>(listing: &Value) -> Option<BTreeMap<A, String>> {
    let map = listing["nftables"].as_array()?.iter().find_map(|entry| entry.get("map"))?;
    // An empty map has no list at all.
    let elements = map.get("elem").and_then(Value::as_array).into_iter().flatten();
    elements
        .map(|element| {
            let address = element[0].as_str()?.parse().ok()?;
            Some((address, element[1]["goto"]["target"].as_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::json;

    use super::*;

    fn parsed(element: &Value) -> Option<BTreeMap<Ipv4Addr, String>> {
        let map = json!({"map": {"name": "dev4", "elem": [element]}});
        elements(&json!({"nftables": [{"metainfo": {}}, map]}))
    }

    #[test]
    fn only_elements_of_the_agents_kind_are_understood() {
        let good = json!(["100.96.0.10", {"goto": {"target": "p_a"}}]);
        let expected = (Ipv4Addr::new(100, 96, 0, 10), "p_a".to_owned());
        assert_eq!(parsed(&good), Some([expected].into()));
        for other in [
            json!(["100.96.0.10", {"accept": null}]),
            json!([{"prefix": {"addr": "100.96.0.0", "len": 16}}, {"goto": {"target": "p_a"}}]),
        ] {
            assert_eq!(parsed(&other), None, "{other}");
        }
        let empty = json!({"nftables": [{"map": {"name": "dev4"}}]});
        assert_eq!(elements::<Ipv4Addr>(&empty), Some(BTreeMap::new()));
    }
}
