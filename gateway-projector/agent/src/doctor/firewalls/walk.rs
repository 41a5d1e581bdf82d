//! Where a chain leads the packets that a gateway lives by.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    packets::{Kind, Share},
    ruleset::{Chain, Ruleset},
};

/// What may be the first to drop packets of a kind that come into a chain; `None` where they get
/// through, apart from particular ones of which somebody wanted it so.
pub(super) fn drops(ruleset: &Ruleset, chain: &Chain, kind: &Kind) -> Option<String> {
    let mut walk = Walk { ruleset, base: chain, kind, been: HashMap::new(), dropped: None };
    let comes_out = walk.through(&chain.name);
    if let Some(place) = walk.dropped {
        let own = place == chain.name;
        return Some(if own { "a rule of its own".into() } else { format!("a rule of {place}") });
    }
    (comes_out && chain.drops_at_its_end()).then(|| "its policy".into())
}

struct Walk<'a> {
    ruleset: &'a Ruleset,
    base: &'a Chain,
    kind: &'a Kind,
    /// Whether packets come out of the end of a chain.
    been: HashMap<String, bool>,
    /// The chain that is the first to drop some.
    dropped: Option<String>,
}

/// Where packets go that a rule does not let go on to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Nowhere: accepted or dropped.
    End,
    /// Back to where the chain was entered from.
    Back,
}

/// What a rule has said before its verdict.
#[derive(Debug, Clone, Copy)]
struct Conditions {
    share: Share,
    /// iptables tells connections apart by their state in a way that nft does not list.
    by_hidden_state: bool,
    /// And addresses by their type.
    by_hidden_type: bool,
}

impl Walk<'_> {
    /// Whether some packets come out of the end of a chain, or return from it.
    fn through(&mut self, name: &str) -> bool {
        if let Some(comes_out) = self.been.get(name) {
            return *comes_out;
        }
        // nft takes no circles; one would end here.
        self.been.insert(name.to_owned(), false);
        let ruleset = self.ruleset;
        let mut returns = false;
        let mut exit = None;
        for rule in ruleset.rules(self.base, name) {
            exit = self.rule(name, rule, &mut returns);
            if exit.is_some() {
                break;
            }
        }
        let comes_out = returns || exit != Some(Exit::End);
        self.been.insert(name.to_owned(), comes_out);
        comes_out
    }

    /// Where a rule leads all packets; `None` where some go on to the next one.
    fn rule(&mut self, chain: &str, rule: &[Value], returns: &mut bool) -> Option<Exit> {
        let mut conditions =
            Conditions { share: Share::All, by_hidden_state: false, by_hidden_type: false };
        let statements = rule.iter().filter_map(Value::as_object).flatten();
        for (name, statement) in statements {
            match name.as_str() {
                "match" => conditions.limit(self.kind.matched(statement)),
                "counter" | "log" | "mangle" => {}
                "limit" | "quota" | "ct count" => conditions.limit(Share::Few),
                "xt" => match (statement["type"].as_str(), statement["name"].as_str()) {
                    (Some("target"), Some("REJECT")) => {
                        return self.verdict(chain, "reject", statement, conditions, returns);
                    }
                    (Some("target"), _) | (_, Some("comment")) => {}
                    (_, Some("conntrack" | "state")) => conditions.by_hidden_state = true,
                    (_, Some("addrtype")) => conditions.by_hidden_type = true,
                    // Routing headers, which our packets have none of.
                    (_, Some("rt")) => conditions.limit(Share::Few),
                    _ => conditions.limit(Share::Unknown),
                },
                "vmap" => return self.map(chain, statement, conditions, returns),
                "accept" | "drop" | "reject" | "return" | "jump" | "goto" => {
                    return self.verdict(chain, name, statement, conditions, returns);
                }
                _ => conditions.limit(Share::Unknown),
            }
        }
        None
    }

    /// Where a map from values to verdicts leads them.
    fn map(
        &mut self,
        chain: &str,
        map: &Value,
        conditions: Conditions,
        returns: &mut bool,
    ) -> Option<Exit> {
        let data = &map["data"];
        let named = data.as_str().and_then(|name| name.strip_prefix('@'));
        let ruleset = self.ruleset;
        let elements = match named {
            Some(name) => ruleset.elements(self.base, name),
            None => data["set"].as_array().map_or(&[][..], Vec::as_slice),
        };
        let carrying = self.kind.carrying(&map["key"]);
        for element in elements {
            let mut conditions = conditions;
            conditions.limit(carrying);
            conditions.limit(self.kind.equal(&map["key"], &element[0]));
            let verdicts = element[1].as_object().into_iter().flatten();
            for (name, verdict) in verdicts {
                let exit = self.verdict(chain, name, verdict, conditions, returns);
                if exit.is_some() {
                    return exit;
                }
            }
        }
        None
    }

    /// Where a verdict leads all packets, if it is one of all.
    fn verdict(
        &mut self,
        chain: &str,
        name: &str,
        verdict: &Value,
        conditions: Conditions,
        returns: &mut bool,
    ) -> Option<Exit> {
        let share = conditions.share_of(name, self.kind);
        if share <= Share::Few {
            return None;
        }
        let exit = match name {
            "drop" | "reject" => {
                self.dropped.get_or_insert_with(|| chain.to_owned());
                Exit::End
            }
            "accept" => Exit::End,
            "return" => Exit::Back,
            "jump" | "goto" => match self.through(verdict["target"].as_str()?) {
                true if name == "jump" => return None,
                true => Exit::Back,
                false => Exit::End,
            },
            _ => return None,
        };
        *returns |= exit == Exit::Back;
        (share == Share::All).then_some(exit)
    }
}

impl Conditions {
    fn limit(&mut self, share: Share) {
        self.share = self.share.min(share);
    }

    /// Which packets get a verdict. Firewalls accept by the state what is established and drop
    /// what is invalid. By the type of an address they let in what is for the node itself.
    fn share_of(self, verdict: &str, kind: &Kind) -> Share {
        let lets_in = kind.comes_in() && matches!(verdict, "accept" | "return");
        let share = if self.by_hidden_type && !lets_in {
            self.share.min(Share::Unknown)
        } else {
            self.share
        };
        match verdict {
            _ if !self.by_hidden_state => share,
            "accept" if kind.is_established() => share,
            "accept" | "drop" | "reject" => Share::None,
            _ => share.min(Share::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::found;

    fn equals(left: &Value, right: &Value) -> Value {
        json!({"match": {"op": "==", "left": left, "right": right}})
    }

    fn from(interface: &str) -> Value {
        equals(&json!({"meta": {"key": "iifname"}}), &json!(interface))
    }

    fn port(protocol: &str) -> Value {
        json!({"payload": {"protocol": protocol, "field": "dport"}})
    }

    fn accept() -> Value {
        json!({"accept": null})
    }

    fn drop() -> Value {
        json!({"drop": null})
    }

    fn jump(chain: &str) -> Value {
        json!({"jump": {"target": chain}})
    }

    /// A match of iptables, of which nft lists no more than its name.
    fn hidden(name: &str) -> Value {
        json!({"xt": {"type": "match", "name": name}})
    }

    fn wireguard() -> (&'static str, Value) {
        ("base", json!([equals(&port("udp"), &json!(51820)), accept()]))
    }

    #[test]
    fn a_map_of_a_protocol_is_looked_at_in_its_packets_alone() {
        let map = |key: Value, data: Value| json!({"vmap": {"key": key, "data": {"set": data}}});
        let services = |protocol: &str| {
            let data = json!([[22, accept()], [53, accept()]]);
            [wireguard(), ("base", json!([from("wg0"), map(port(protocol), data)]))]
        };
        let input = ("inet", "input", "drop");
        let said = ["the chain inet t base may drop what comes from wg0, by its policy"];
        // Devices ask by UDP too.
        assert_eq!(found(input, &services("tcp")), said);
        assert_eq!(found(input, &services("th")), [""; 0]);

        let both = |protocol: &str| {
            let key = json!({"concat": [{"meta": {"key": "iifname"}}, port(protocol)]});
            let data = json!([[{"concat": ["wg0", 53]}, accept()]]);
            [wireguard(), ("base", json!([map(key, data)]))]
        };
        assert_eq!(found(input, &both("tcp")), said);
        assert_eq!(found(input, &both("th")), [""; 0]);

        let high = json!([[{"range": [1024, 65535]}, drop()]]);
        let high = [("base", json!([map(port("tcp"), high)]))];
        assert_eq!(found(("inet", "input", "accept"), &high), [""; 0]);
        let others = json!({"match": {"op": "!=", "left": port("tcp"), "right": 53}});
        let others = [("base", json!([others, drop()]))];
        assert_eq!(found(("inet", "input", "accept"), &others), [""; 0]);
    }

    /// What ufw writes for a hook of `ip` or `ip6`, with these rules of its user.
    fn ufw(family: &str, hook: &str, user: &[Value]) -> Vec<String> {
        let back = json!({"return": null});
        let limit = json!({"limit": {"rate": 3, "burst": 10, "per": "minute"}});
        let mut rules = vec![("base", json!([jump("before")])), ("base", json!([jump("after")]))];
        if family == "ip6" {
            rules.push(("before", json!([hidden("rt"), drop()])));
        }
        rules.extend([
            ("before", json!([hidden("conntrack"), accept()])),
            ("logging-deny", json!([hidden("conntrack"), limit, back])),
            ("before", json!([hidden("conntrack"), jump("logging-deny")])),
            ("before", json!([hidden("conntrack"), drop()])),
        ]);
        if (family, hook) == ("ip", "input") {
            rules.push(("before", json!([jump("not-local")])));
            rules.extend([(); 3].map(|()| ("not-local", json!([hidden("addrtype"), back]))));
            rules.push(("not-local", json!([limit, jump("logging-deny")])));
            rules.push(("not-local", json!([drop()])));
            rules.push(("after", json!([hidden("addrtype"), jump("skip-to-policy")])));
            rules.push(("skip-to-policy", json!([drop()])));
        }
        rules.push(("before", json!([jump("user")])));
        rules.extend(user.iter().map(|rule| ("user", rule.clone())));
        found((family, hook, if hook == "output" { "accept" } else { "drop" }), &rules)
    }

    #[test]
    fn ufw_is_content_with_what_its_user_allows() {
        let tunnel = json!([from("wg0"), accept()]);
        let (_, wireguard) = wireguard();
        for family in ["ip", "ip6"] {
            let allowed = |hook: &str, user: &[Value]| ufw(family, hook, user);
            for hook in ["forward", "input"] {
                let said = allowed(hook, &[]);
                assert!(said[0].contains("what comes from wg0"), "{family} {said:?}");
                assert!(!said[0].contains("not-local"), "{family} {said:?}");
            }
            let said = allowed("input", std::slice::from_ref(&tunnel));
            assert!(said[0].contains("UDP to port 51820"), "{family} {said:?}");
            assert_eq!(allowed("input", &[tunnel.clone(), wireguard.clone()]), [""; 0]);
            assert_eq!(allowed("forward", std::slice::from_ref(&tunnel)), [""; 0]);
            assert_eq!(allowed("output", &[]), [""; 0]);
        }
    }

    #[test]
    fn what_comes_in_is_for_the_node_itself() {
        let by_type = |flags: Value, types: Value| {
            equals(&json!({"fib": {"result": "type", "flags": flags}}), &types)
        };
        let local = by_type(json!(["daddr"]), json!({"set": ["local", "multicast"]}));
        let at_interface = by_type(json!(["daddr", "iif"]), json!("local"));
        let elsewhere = by_type(json!(["daddr"]), json!("broadcast"));
        let addrtype = hidden("addrtype");
        for (hook, condition, verdict, through) in [
            ("input", &local, accept(), true),
            ("input", &elsewhere, accept(), false),
            ("input", &at_interface, accept(), false),
            ("input", &addrtype, accept(), true),
            ("input", &addrtype, jump("nowhere"), false),
            ("forward", &local, accept(), false),
            ("forward", &addrtype, accept(), false),
        ] {
            let rule = [("base", json!([condition, verdict]))];
            let said = found(("inet", hook, "drop"), &rule);
            assert_eq!(said.is_empty(), through, "{hook} {condition} {verdict} {said:?}");
        }
        let none = json!({"match": {"op": "!=", "left": local["match"]["left"], "right": "local"}});
        let none = [("base", json!([none, drop()]))];
        assert_eq!(found(("inet", "input", "accept"), &none), [""; 0]);
        let may_be = [("base", json!([addrtype, drop()]))];
        assert_eq!(found(("inet", "input", "accept"), &may_be).len(), 1);
    }
}
