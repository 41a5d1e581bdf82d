//! Tables, chains and rules as nft lists them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// Everything that is loaded.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    chains: Vec<Chain>,
    /// The statements of each rule, in order.
    rules: HashMap<Place, Vec<Vec<Value>>>,
    /// The elements of named maps.
    maps: HashMap<Place, Vec<Value>>,
}

/// Something's family, table and name.
type Place = (String, String, String);

/// A chain. One without a hook sees packets only where another one sends them.
#[derive(Debug, Deserialize)]
pub(super) struct Chain {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) name: String,
    pub(super) hook: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct Rule {
    family: String,
    table: String,
    chain: String,
    #[serde(default)]
    expr: Vec<Value>,
}

#[derive(Deserialize)]
struct Map {
    family: String,
    table: String,
    name: String,
    #[serde(default)]
    elem: Vec<Value>,
}

impl Chain {
    /// Whether it drops what comes to its end.
    pub(super) fn drops_at_its_end(&self) -> bool {
        self.policy.as_deref() == Some("drop")
    }
}

impl Ruleset {
    /// `None` where it is no listing.
    pub(super) fn read(listing: &[u8]) -> Option<Self> {
        let mut listing: Value = serde_json::from_slice(listing).ok()?;
        let mut this = Self::default();
        let entries = listing.get_mut("nftables")?.as_array_mut()?;
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(chain) = entry.remove("chain") {
                this.chains.push(serde_json::from_value(chain).ok()?);
            } else if let Some(rule) = entry.remove("rule") {
                let Rule { family, table, chain, expr } = serde_json::from_value(rule).ok()?;
                this.rules.entry((family, table, chain)).or_default().push(expr);
            } else if let Some(map) = entry.remove("map") {
                let Map { family, table, name, elem } = serde_json::from_value(map).ok()?;
                this.maps.insert((family, table, name), elem);
            }
        }
        Some(this)
    }

    pub(super) fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.chains.iter()
    }

    /// The rules of a chain in the table of another one.
    pub(super) fn rules(&self, beside: &Chain, name: &str) -> &[Vec<Value>] {
        self.rules.get(&place(beside, name)).map_or(&[], Vec::as_slice)
    }

    /// The elements of a named map in the table of a chain.
    pub(super) fn elements(&self, beside: &Chain, name: &str) -> &[Value] {
        self.maps.get(&place(beside, name)).map_or(&[], Vec::as_slice)
    }
}

fn place(beside: &Chain, name: &str) -> Place {
    (beside.family.clone(), beside.table.clone(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_listing_is_refused() {
        for text in
            ["", "[]", "7", "null", "{}", r#"{"nftables": {}}"#, r#"{"nftables": [{"rule": 7}]}"#]
        {
            assert!(Ruleset::read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Ruleset::read(br#"{"nftables": [{"metainfo": {}}]}"#).is_some());
    }
}
