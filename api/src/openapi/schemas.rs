//! Names and texts of the schemas.

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{components, each_operation};

pub(super) fn complete(document: &mut Value) {
    split_creates(document);
    let Some(schemas) = components(document, "schemas") else { return };
    let renamed: Vec<(String, String)> =
        schemas.keys().filter_map(|name| Some((name.clone(), speaking(name)?))).collect();
    for (old, new) in &renamed {
        let Some(mut schema) = schemas.remove(old) else { continue };
        // utoipa repeats the item's schema here; it has a name.
        if let (Some(item), Some(items)) =
            (old.strip_prefix("Page_"), schema.pointer_mut("/properties/items/items"))
        {
            *items = reference(item);
        }
        schemas.insert(new.clone(), schema);
    }
    for (name, schema) in schemas.iter_mut() {
        if name.ends_with("Id")
            && let Some(Value::String(text)) = schema.get_mut("description")
            && let Some((first, rest)) = text.split_at_checked(1)
        {
            *text = format!("The id of {}{rest}", first.to_lowercase());
        }
    }
    let references: Vec<(String, String)> =
        renamed.iter().map(|(old, new)| (path_of(old), path_of(new))).collect();
    walk(document, &mut |object| {
        if let Some(Value::String(target)) = object.get_mut("$ref")
            && let Some((_, new)) = references.iter().find(|(old, _)| old == target)
        {
            target.clone_from(new);
        }
        for key in ["description", "summary"] {
            if let Some(Value::String(text)) = object.get_mut(key) {
                *text = plain(text);
            }
        }
    });
}

/// Requests to create whose type leaves to a change what they must hold: the schema of the change,
/// the one to create, and what that requires.
const CREATES: &[(&str, &str, &[&str])] = &[("PolicyPatch", "PolicyCreate", &["name", "effect"])];

/// Tells requests that create from those that change, where both have one type.
fn split_creates(document: &mut Value) {
    for (change, create, required) in CREATES {
        let Some(schemas) = components(document, "schemas") else { return };
        let Some(Value::Object(mut schema)) = schemas.get(*change).cloned() else { continue };
        schema.insert("required".into(), json!(required));
        for field in *required {
            // What is required may not be null either.
            let types = schema.get_mut("properties").and_then(|p| p.get_mut(*field));
            let Some(field) = types else { continue };
            if let Some(first) = field.pointer("/oneOf").and_then(Value::as_array) {
                let some = first.iter().find(|s| s.get("$ref").is_some()).cloned();
                *field = some.unwrap_or_default();
            } else if let Some(first) = field.pointer("/type/0").cloned() {
                field["type"] = first;
            }
        }
        schemas.insert((*create).into(), Value::Object(schema));
        each_operation(document, |operation| {
            let body = operation.fields.get_mut("requestBody");
            let schema = body.and_then(|b| b.pointer_mut("/content/application~1json/schema"));
            if let Some(schema) = schema.filter(|s| **s == reference(change))
                && operation.method == "POST"
            {
                *schema = reference(create);
            }
        });
    }
}

/// Adds a type that no handler names.
pub(super) fn register<T: ToSchema>(document: &mut Value) {
    let mut all = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut all);
    let Some(schemas) = components(document, "schemas") else { return };
    for (name, schema) in all {
        schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
}

/// What a generic type's name says the other way round: `Page_User` is a `UserPage`.
fn speaking(name: &str) -> Option<String> {
    let (generic, of) = name.split_once('_')?;
    Some(format!("{}{generic}", of.strip_suffix("Id").unwrap_or(of)))
}

fn path_of(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// A reference to a schema.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": path_of(name) })
}

/// Calls back for every object, the outer ones first.
pub(super) fn walk(value: &mut Value, f: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            f(object);
            object.values_mut().for_each(|inner| walk(inner, f));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| walk(inner, f)),
        _ => {}
    }
}

/// A documentation comment as readers of the document need it: paragraphs on one line each, no
/// links into the code, no references to the design.
pub(super) fn plain(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = paragraphs.filter(|p| !p.is_empty()).collect::<Vec<_>>().join("\n\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("[`") {
        let (before, link) = rest.split_at(start);
        out.push_str(before);
        let Some((name, after)) = link.get(1..).and_then(|l| l.split_once(']')) else {
            rest = link;
            break;
        };
        out.push_str(name);
        rest = match after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    match out.split_once(" (design, ") {
        Some((before, after)) => {
            format!("{before}{}", after.split_once(')').map_or("", |(_, after)| after))
        }
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_generic_types_speak() {
        assert_eq!(speaking("Page_User").as_deref(), Some("UserPage"));
        assert_eq!(speaking("BulkItem_UserId").as_deref(), Some("UserBulkItem"));
        assert_eq!(speaking("User"), None);
    }

    #[test]
    fn texts_lose_what_only_the_code_needs() {
        assert_eq!(plain("One\ntwo.\n\nThree."), "One two.\n\nThree.");
        assert_eq!(
            plain("A [`Code`](crate::Code) and [`More`] here."),
            "A `Code` and `More` here."
        );
        assert_eq!(plain("A role (design, section 5)."), "A role.");
    }
}
