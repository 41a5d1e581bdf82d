//! Other people's firewalls. An accept in one table does not keep another from dropping, so that
//! each of their chains on our packets' way has the last word: of those, the ones in the hooks input,
//! forward and output of `ip`, `ip6` and `inet` are followed. Where it cannot be told whether a rule
//! drops packets, it counts as one that does.
//!
//! | file | holds |
//! | --- | --- |
//! | `packets.rs` | the packets that a gateway lives by, and which of them a condition holds for |
//! | `values.rs` | ports and addresses in such conditions |
//! | `ruleset.rs` | tables, chains and rules as nft lists them |
//! | `walk.rs` | where a chain leads such packets |

mod packets;
mod ruleset;
mod values;
mod walk;

use packets::Kind;
use ruleset::Ruleset;

use super::{Check, network::Names};
use crate::command::run;

const NAME: &str = "tables";

/// Our table, and other firewalls that may have the last word.
pub(super) async fn tables(names: &Names) -> Vec<Check> {
    let listing = match run("nft", &["-j", "list", "ruleset"], None).await {
        Ok(listing) => listing,
        Err(error) => {
            let advice = "see the checks of nft and privileges";
            return vec![Check::failure(NAME, error.to_string(), advice)];
        }
    };
    let Some(ruleset) = Ruleset::read(&listing) else {
        return vec![Check::warning(NAME, "unreadable listing", "look at nft list ruleset")];
    };
    let mut checks = judge(names, &ruleset);
    let legacy = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];
    let legacy = legacy.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    if legacy.iter().any(|text| text.lines().any(|table| table == "filter")) {
        checks.push(Check::warning(
            NAME,
            "iptables-legacy has a filter table too",
            format!("see that it lets {} through: iptables-legacy -S FORWARD", names.interface),
        ));
    }
    if checks.is_empty() {
        checks.push(Check::ok(NAME, format!("nothing stands in the way of inet {}", names.table)));
    }
    checks
}

fn judge(names: &Names, ruleset: &Ruleset) -> Vec<Check> {
    let mut checks = Vec::new();
    let ours = |family: &str, table: &str| family == "inet" && table == names.table;
    if !names.table_is_ours && ruleset.chains().any(|chain| ours(&chain.family, &chain.table)) {
        checks.push(Check::failure(
            NAME,
            format!("the table inet {} is there and not of this agent", names.table),
            "the agent would replace it: remove it if nobody needs it, or run with another --table",
        ));
    }
    let kinds = Kind::all(names);
    for chain in ruleset.chains().filter(|chain| !ours(&chain.family, &chain.table)) {
        let Some(hook) = &chain.hook else { continue };
        let (mut concerned, mut places) = (Vec::new(), Vec::new());
        let seen = |kind: &&Kind| kind.hook == hook && kind.is_seen_in(&chain.family);
        for kind in kinds.iter().filter(seen) {
            let Some(place) = walk::drops(ruleset, chain, kind) else { continue };
            if !concerned.contains(&kind.told.as_str()) {
                concerned.push(&kind.told);
            }
            if !places.contains(&place) {
                places.push(place);
            }
        }
        if concerned.is_empty() {
            continue;
        }
        let (what, by) = (concerned.join(" and "), places.join(" and "));
        let filtered = if hook == "forward" { "; the agent filters it" } else { "" };
        checks.push(Check::warning(
            NAME,
            format!(
                "the chain {} {} {} may drop {what}, by {by}",
                chain.family, chain.table, chain.name
            ),
            format!("let it accept {what} before that{filtered}"),
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::Verdict;

    fn names(ours: bool, networks: &[&str]) -> Names {
        Names {
            interface: "wg0".into(),
            table: "nexavpn".into(),
            interface_is_ours: ours,
            table_is_ours: ours,
            mtu: Some(1420),
            port: Some(51820),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    fn judged(ours: bool, entries: &Value) -> Vec<Check> {
        let listing = json!({ "nftables": entries }).to_string();
        let names = names(ours, &["100.96.0.1/16"]);
        judge(&names, &Ruleset::read(listing.as_bytes()).unwrap())
    }

    /// What is found of a table at a gateway with devices of IPv4 and of IPv6. Its chain `base` is in
    /// the hook; each rule has the name of its chain, and its statements.
    pub(super) fn found(
        (family, hook, policy): (&str, &str, &str),
        rules: &[(&str, Value)],
    ) -> Vec<String> {
        let base = json!({"chain": {"family": family, "table": "t", "name": "base", "hook": hook, "policy": policy}});
        let rule = |(chain, expr): &(&str, Value)| json!({"rule": {"family": family, "table": "t", "chain": chain, "expr": expr}});
        let entries: Vec<Value> = [base].into_iter().chain(rules.iter().map(rule)).collect();
        let listing = json!({ "nftables": entries }).to_string();
        let names = names(true, &["100.96.0.1/16", "fd00:96::1/64"]);
        let checks = judge(&names, &Ruleset::read(listing.as_bytes()).unwrap());
        checks.into_iter().map(|check| check.found).collect()
    }

    #[test]
    fn each_ip_version_is_followed_where_a_table_sees_both() {
        let from = |protocol: &str, addr: &str, len: u8| json!({"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": "saddr"}}, "right": {"prefix": {"addr": addr, "len": len}}}});
        let (accept, drop) = (json!({"accept": null}), json!({"drop": null}));
        let to =
            json!({"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "wg0"}});
        let said = "the chain inet t base may drop what comes from wg0, by ";

        let shared = [("base", json!([from("ip", "100.64.0.0", 10), drop]))];
        let by_rule = format!("{said}a rule of its own");
        assert_eq!(found(("inet", "forward", "accept"), &shared), [by_rule]);
        let mut own = vec![
            ("base", json!([to, accept])),
            ("base", json!([from("ip", "100.96.0.0", 16), accept])),
        ];
        let by_policy = format!("{said}its policy");
        assert_eq!(found(("inet", "forward", "drop"), &own), [by_policy]);
        own.push(("base", json!([from("ip6", "fd00:96::", 64), accept])));
        assert_eq!(found(("inet", "forward", "drop"), &own), [""; 0]);
    }

    #[test]
    fn tables_that_drop_are_named() {
        let chain = |table: &str, hook: &str, policy: &str| json!([{"chain": {"family": "inet", "table": table, "name": "c", "hook": hook, "policy": policy}}]);
        assert_eq!(judged(true, &chain("nexavpn", "forward", "accept")), []);
        assert_eq!(judged(true, &chain("nexavpn", "forward", "drop")), []);
        assert_eq!(judged(true, &chain("filter", "forward", "accept")), []);
        assert_eq!(judged(true, &chain("filter", "prerouting", "drop")), []);
        let foreign = judged(false, &chain("nexavpn", "forward", "accept"));
        assert_eq!(foreign[0].verdict, Verdict::Failure);
        for (hook, word) in [("forward", "wg0"), ("input", "51820"), ("output", "51820")] {
            let found = judged(true, &chain("filter", hook, "drop"));
            assert_eq!((found.len(), found[0].verdict), (1, Verdict::Warning), "{hook}");
            assert!(found[0].found.contains("inet filter c") && found[0].advice.contains(word));
        }
    }

    #[test]
    fn families_that_carry_no_ip_packets_of_ours_are_left_out() {
        for family in ["bridge", "arp", "netdev", "ip6"] {
            let chain = json!([{"chain": {"family": family, "table": "t", "name": "c", "hook": "forward", "policy": "drop"}}]);
            assert_eq!(judged(true, &chain), [], "{family}");
        }
    }

    /// A forward chain of iptables-nft, whose rules have these statements, as nft lists them.
    fn iptables(rules: &[Value]) -> Vec<Check> {
        let chain = json!({"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "accept"}});
        let rule = |expr: &Value| json!({"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "expr": expr}});
        let entries: Vec<Value> = [chain].into_iter().chain(rules.iter().map(rule)).collect();
        judged(true, &json!(entries))
    }

    #[test]
    fn what_nft_does_not_list_of_iptables_is_read_as_firewalls_use_it() {
        let counter = json!({"counter": {"packets": 0, "bytes": 0}});
        let matching = |name: &str| json!({"xt": {"type": "match", "name": name}});
        let rejects = json!({"xt": {"type": "target", "name": "REJECT"}});
        let (accept, drop) = (json!({"accept": null}), json!({"drop": null}));
        let from = |name: &str| json!({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": name}});
        let last = json!([matching("comment"), counter, rejects]);
        let invalid = json!([matching("conntrack"), counter, drop]);
        let established = json!([matching("conntrack"), counter, accept]);
        let own = json!([from("wg*"), counter, accept]);

        let found = iptables(&[invalid.clone(), established.clone(), last.clone()]);
        assert!(found[0].found.contains("what comes from wg0, by"), "{found:?}");
        let found = iptables(&[invalid.clone(), own.clone(), last.clone()]);
        assert!(found[0].found.contains("what goes to wg0, by"), "{found:?}");
        assert_eq!(iptables(&[invalid, established, own, last]), []);
        // What cannot be read may be true.
        assert_eq!(iptables(&[json!([matching("multiport"), counter, drop])]).len(), 1);
        assert_eq!(iptables(&[json!([{"xt": {"type": "target", "name": "LOG"}}])]), []);
    }
}
