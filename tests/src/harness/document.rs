//! The API's document as a test: whatever a test is answered has to be in it, the status, an
//! error's code, and the body by its schema.

use std::sync::OnceLock;

use chrono::DateTime;
use nexavpn_api::{BASE_PATH, openapi};
use reqwest::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

/// An operation of the document.
struct Operation {
    method: String,
    segments: Vec<&'static str>,
    /// Whether its last parameter is the rest of a path.
    open: bool,
    fields: &'static Value,
}

/// Holds an answer against the document. What is no operation of the API is not looked at.
///
/// # Panics
/// Where the answer is not one that the document has for the operation.
pub(super) fn check(method: &Method, path: &str, status: u16, media_type: &str, text: &str) {
    let Some(path) = path.strip_prefix(BASE_PATH) else { return };
    let name = if method == Method::HEAD { "GET" } else { method.as_str() };
    let Some(operation) = find(name, path) else { return };
    let place = format!("{method} {path} answers {status}");
    let declared = resolved(&operation.fields["responses"][status.to_string()]);
    assert!(declared.is_object(), "{place}, which api/openapi.json does not have: {text}");
    let content = declared["content"].as_object();
    // The connection itself refuses a head that is larger still, and says no more than that.
    if method == Method::HEAD || (text.is_empty() && matches!(status, 414 | 431)) {
        return;
    }
    let Some(content) = content else {
        assert!(
            text.is_empty(),
            "{place} with a body, which api/openapi.json does not have: {text}"
        );
        return;
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let declared = content.get(essence);
    let declared = declared.unwrap_or_else(|| panic!("{place} as {media_type:?}: {text}"));
    if essence != "application/json" {
        return;
    }
    let body: Value = serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("{place} with what is no JSON ({error}): {text}"));
    if let Err(wrong) = fits(&declared["schema"], &body) {
        panic!("{place} outside of its schema ({wrong}): {body:#}");
    }
    // An answer that is a success may tell of an error, such as that of a drain.
    let code = body.pointer("/error/code").and_then(Value::as_str).filter(|_| status >= 400);
    if let Some(code) = code {
        assert!(
            declared["examples"].get(code).is_some(),
            "{place} {code}, which api/openapi.json does not have: {body}"
        );
    }
}

fn operations() -> &'static [Operation] {
    static ALL: OnceLock<Vec<Operation>> = OnceLock::new();
    ALL.get_or_init(|| {
        let paths = openapi::document()["paths"].as_object().into_iter().flatten();
        let all = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, fields)| Operation {
                method: method.to_uppercase(),
                segments: path.split('/').collect(),
                open: is_open(fields),
                fields,
            })
        });
        all.collect()
    })
}

/// A parameter that may hold a slash is the rest of a path.
fn is_open(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_path = parameters.filter(|parameter| parameter["in"] == "path");
    let patterns = in_path.filter_map(|parameter| parameter["schema"]["pattern"].as_str());
    patterns.into_iter().any(|pattern| pattern.contains('/'))
}

fn find(method: &str, path: &str) -> Option<&'static Operation> {
    let asked: Vec<&str> = path.split('/').collect();
    let parameters = |o: &&Operation| o.segments.iter().filter(|s| s.starts_with('{')).count();
    let all = operations().iter().filter(|o| o.method == method && o.matches(&asked));
    // What is named as it is comes before what a parameter stands for.
    all.min_by_key(parameters)
}

impl Operation {
    fn matches(&self, asked: &[&str]) -> bool {
        let length = self.segments.len();
        let long_enough = if self.open { asked.len() >= length } else { asked.len() == length };
        let same = |(known, asked): (&&str, &&str)| {
            if known.starts_with('{') { !asked.is_empty() } else { known == asked }
        };
        long_enough && self.segments.iter().zip(asked).all(same)
    }
}

/// What a part of the API's document stands for, where it is a reference.
///
/// # Panics
/// Where it refers to nothing.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let place = openapi::document().pointer(reference.trim_start_matches('#'));
            place.unwrap_or_else(|| panic!("{reference} is nowhere"))
        }
        None => value,
    }
}

/// Whether a value fits a schema, as far as our document uses JSON Schema.
///
/// # Errors
/// What does not, and where.
fn fits(schema: &'static Value, value: &Value) -> Result<(), String> {
    let none = Map::new();
    let object = value.as_object();
    let fields = object.unwrap_or(&none);
    for (keyword, rule) in schema.as_object().into_iter().flatten() {
        let holds = match keyword.as_str() {
            "$ref" => {
                fits(resolved(schema), value)?;
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|one| is_a(one, value)),
                one => is_a(one, value),
            },
            "enum" => rule.as_array().is_some_and(|all| all.contains(value)),
            "required" => {
                let mut names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                object.is_none() || names.all(|name| fields.contains_key(name))
            }
            "properties" => {
                for (name, rule) in rule.as_object().into_iter().flatten() {
                    let field = fields.get(name).map_or(Ok(()), |field| fits(rule, field));
                    field.map_err(|wrong| format!("{name}: {wrong}"))?;
                }
                true
            }
            "additionalProperties" => {
                let known = |name: &str| schema["properties"].get(name).is_some();
                let mut others = fields.iter().filter(|(name, _)| !known(name));
                match rule {
                    Value::Bool(allowed) => *allowed || others.next().is_none(),
                    rule => others.all(|(_, field)| fits(rule, field).is_ok()),
                }
            }
            "propertyNames" => {
                fields.keys().all(|name| fits(rule, &Value::String(name.clone())).is_ok())
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    fits(rule, item).map_err(|wrong| format!("{place}: {wrong}"))?;
                }
                true
            }
            "allOf" => {
                for part in rule.as_array().into_iter().flatten() {
                    fits(part, value)?;
                }
                true
            }
            "oneOf" => {
                let parts = rule.as_array().into_iter().flatten();
                let found: Vec<_> = parts.map(|part| fits(part, value)).collect();
                let fit = found.iter().filter(|found| found.is_ok()).count();
                let why: Vec<String> = found.into_iter().filter_map(Result::err).collect();
                if fit != 1 {
                    return Err(format!("it fits {fit} of several; {}", why.join("; ")));
                }
                true
            }
            "format" => value.as_str().is_none_or(|text| match rule.as_str() {
                Some("uuid") => text.parse::<Uuid>().is_ok(),
                Some("date-time") => DateTime::parse_from_rfc3339(text).is_ok(),
                _ => true,
            }),
            "minimum" => {
                value.as_f64().is_none_or(|n| rule.as_f64().is_none_or(|least| n >= least))
            }
            "description" | "example" | "default" => true,
            _ => panic!("the tests do not know {keyword} in a schema: add it here"),
        };
        if !holds {
            return Err(format!("{value} does not fit {keyword} {rule}"));
        }
    }
    Ok(())
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
