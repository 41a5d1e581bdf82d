//! What the audit log says of each event.

use std::collections::BTreeMap;

use nexavpn_domain::{
    event::personal_fields,
    told::{Before, told},
};
use serde_json::Value;

use crate::golden::{files, read, wire_names};

/// Fields that are told in other words, or say what other events have said: with the event's name.
const SILENT: &[(&str, &str)] = &[
    ("device.address_changed", "slot"),
    ("device.enrolled", "slot"),
    ("device.gateway_changed", "slot"),
    ("device.owner_changed", "former_owners"),
    ("device.renamed", "owner"),
    ("device.reprovisioned", "owner"),
    ("device.revoked", "owner"),
    ("security.failure", "kind"),
    ("security.failure", "user_id"),
    ("security.signing_key_introduced", "signed_by_previous"),
    ("user.enabled", "role"),
    ("user.role_changed", "enabled"),
];

/// Every value within, as text.
fn values(of: &Value, into: &mut Vec<String>) {
    match of {
        Value::Array(items) => items.iter().for_each(|v| values(v, into)),
        Value::Object(fields) => fields.values().for_each(|v| values(v, into)),
        Value::String(text) => into.push(text.clone()),
        Value::Null => {}
        other => into.push(other.to_string()),
    }
}

#[test]
fn every_event_is_told_in_words_of_its_own_with_all_that_it_holds() {
    let mut words = BTreeMap::new();
    for golden in files() {
        let said = told(&golden.event());
        let name = &golden.file;
        assert!(said.words.len() > 5 && !said.words.ends_with(['.', ' ']), "{name}: {said:?}");
        let other = words.insert(said.words.clone(), golden.event_type);
        assert!(other.is_none_or(|o| o == golden.event_type), "{name} reads like {other:?}");
        let fields = golden.payload.as_object().unwrap();
        let mut told_values = vec![said.words.clone()];
        for field in &said.fields {
            assert!(field.before != Before::Known(field.after.clone()), "{name}: {}", field.name);
            values(&field.after, &mut told_values);
            if let Before::Known(before) = &field.before {
                values(before, &mut told_values);
            }
        }
        for (field, value) in fields {
            if field == "type" || SILENT.contains(&(golden.event_type, field)) {
                continue;
            }
            let mut held = Vec::new();
            values(value, &mut held);
            for text in held {
                // The same moment may be written in two ways.
                let day = text.get(..10).filter(|_| text.ends_with('Z'));
                let needle = day.unwrap_or(&text).replace('_', " ");
                let found = told_values.iter().any(|t| t.replace('_', " ").contains(&needle));
                assert!(found, "{name}: {field} {text} is not told: {said:?}");
            }
        }
    }
    for (_, name) in wire_names() {
        assert!(words.values().any(|n| *n == name), "{name} is told nowhere");
    }
}

#[test]
fn nothing_personal_is_left_of_an_erased_event() {
    for golden in files() {
        let mut erased = golden.payload.clone();
        for field in personal_fields(golden.event_type) {
            erased[*field] = Value::Null;
        }
        let said = told(&read(golden.aggregate_type, erased).unwrap());
        let mut left = vec![said.words];
        said.fields.iter().for_each(|f| values(&f.after, &mut left));
        for field in personal_fields(golden.event_type) {
            let Some(secret) = golden.payload[*field].as_str() else { continue };
            assert!(!left.iter().any(|t| t.contains(secret)), "{}: {field}", golden.file);
        }
    }
}
