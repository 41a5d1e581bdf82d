//! Bodies that hold secrets, with faults: whatever is said of those must not repeat them.

use nexavpn_tests::harness::resolved;
use serde_json::{Map, Value, json};

/// Fields of bodies that hold a secret.
const SECRETS: [&str; 4] = ["password", "current_password", "refresh_token", "token"];

/// A body that holds secrets, with a fault: each secret where a text is asked for and none is, the
/// same under a name that no field has (to which a server pays no heed that is older than the node)
/// and where other fields want something else, and an end too early.
pub(super) fn faults(body: &Value, of_node: bool) -> Vec<String> {
    let mut faulty = vec![];
    for object in objects(body, "") {
        let fields = body.pointer(&object).and_then(Value::as_object).unwrap();
        for (name, secret) in fields.iter().filter(|(name, _)| SECRETS.contains(&name.as_str())) {
            let mut with = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut body = body.clone();
                change(body.pointer_mut(&object).and_then(Value::as_object_mut).unwrap());
                faulty.push(body.to_string());
            };
            with(&|fields| {
                fields.insert(name.clone(), json!([secret]));
            });
            if !of_node {
                with(&|fields| {
                    fields.insert("surplus".to_owned(), secret.clone());
                });
            }
            if fields.len() > 1 {
                with(&|fields| {
                    for (_, value) in fields.iter_mut().filter(|(other, _)| *other != name) {
                        *value = if value.is_string() { json!([secret]) } else { secret.clone() };
                    }
                });
            }
        }
    }
    if !faulty.is_empty() {
        let whole = body.to_string();
        faulty.push(whole[..whole.len() - 1].to_owned());
    }
    faulty
}

/// Where in a value there are objects.
fn objects(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(name, v)| objects(v, &format!("{at}/{name}")));
            std::iter::once(at.to_owned()).chain(inner).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.flat_map(|(n, v)| objects(v, &format!("{at}/{n}"))).collect()
        }
        _ => vec![],
    }
}

/// Whether a part of the API's document describes a field that holds a secret.
pub(super) fn holds_secret(part: &'static Value) -> bool {
    match resolved(part) {
        Value::Object(fields) => fields.iter().any(|(name, value)| match value {
            Value::Object(properties) if name == "properties" => {
                properties.keys().any(|name| SECRETS.contains(&name.as_str()))
                    || properties.values().any(holds_secret)
            }
            value => holds_secret(value),
        }),
        Value::Array(parts) => parts.iter().any(holds_secret),
        _ => false,
    }
}
