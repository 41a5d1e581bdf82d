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
        let mut conditions = Conditions { share: Share::All, by_hidden_state: false };
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
        for element in elements {
            let mut conditions = conditions;
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
    /// what is invalid.
    fn share_of(self, verdict: &str, kind: &Kind) -> Share {
        match verdict {
            _ if !self.by_hidden_state => self.share,
            "accept" if kind.is_established() => self.share,
            "accept" | "drop" | "reject" => Share::None,
            _ => self.share.min(Share::Unknown),
        }
    }
}
