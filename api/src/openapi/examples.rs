//! An example for every body and parameter, put together from one table of fields.

use serde_json::{Map, Value, json};

use super::{components, each_operation};

/// Values by `Schema.field`, else by `field`. Those of the contract are the contract's.
const TABLE: &str = include_str!("examples.json");

/// What a list begins with as lines of JSON.
const NDJSON: &str =
    "{\"id\":\"0198c2a4-7b3d-7c11-8f0e-2d4a6b8c0e11\",\"name\":\"Finance subnet access\"}\n";

/// What a list begins with as CSV.
const CSV: &str = "id,name\r\n0198c2a4-7b3d-7c11-8f0e-2d4a6b8c0e11,Finance subnet access\r\n";

pub(super) fn complete(document: &mut Value) {
    let schemas = components(document, "schemas").map(std::mem::take).unwrap_or_default();
    // A unit test reads it, so that it is never empty.
    let table = serde_json::from_str(TABLE).unwrap_or_default();
    let maker = Maker { schemas: &schemas, table: &table };
    each_operation(document, |operation| {
        let parameters = operation.fields.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(schema) = parameter.get("schema") {
                let example = maker.parameter(&name, schema);
                parameter.insert("example".into(), example);
            }
        }
        let bodies = operation.fields.get_mut("requestBody").into_iter();
        bodies.for_each(|body| maker.fill(body));
        let responses = operation.fields.get_mut("responses").and_then(Value::as_object_mut);
        responses.into_iter().flatten().for_each(|(_, response)| maker.fill(response));
    });
    if let Some(all) = components(document, "schemas") {
        *all = schemas;
    }
}

struct Maker<'a> {
    schemas: &'a Map<String, Value>,
    table: &'a Map<String, Value>,
}

impl Maker<'_> {
    /// Gives each media type of a body an example, where it has none.
    fn fill(&self, body: &mut Value) {
        let content = body.get_mut("content").and_then(Value::as_object_mut);
        for (kind, media) in content.into_iter().flatten() {
            let Some(media) = media.as_object_mut() else { continue };
            let has = media.contains_key("example") || media.contains_key("examples");
            if let Some(schema) = media.get("schema").filter(|_| !has) {
                let example = match kind.as_str() {
                    "text/csv" => json!(CSV),
                    "application/x-ndjson" => json!(NDJSON),
                    _ => self.value(schema, "", ""),
                };
                media.insert("example".into(), example);
            }
        }
    }

    fn parameter(&self, name: &str, schema: &Value) -> Value {
        let known = self.table.get(name).filter(|_| schema.get("format").is_none());
        let default = schema.get("default").or_else(|| schema.get("enum").and_then(|e| e.get(0)));
        default.or(known).cloned().unwrap_or_else(|| self.value(schema, "", name))
    }

    /// An example of the schema, which is that of a field of `owner`.
    fn value(&self, schema: &Value, owner: &str, field: &str) -> Value {
        // A generic type's rows are named like the type itself.
        let generic = ["BulkItem"].into_iter().find(|g| owner.ends_with(g)).unwrap_or(owner);
        let exact = self.table.get(&format!("{generic}.{field}"));
        if let Some(value) = exact {
            return value.clone();
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.rsplit('/').next().unwrap_or_default();
            let target = self.schemas.get(name).unwrap_or(&Value::Null);
            let whole = target.get("properties").is_some() || target.get("allOf").is_some();
            return self.value(target, if whole { name } else { owner }, field);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            let parts = all.iter().map(|part| self.value(part, owner, field));
            return Value::Object(parts.filter_map(|p| p.as_object().cloned()).flatten().collect());
        }
        if let Some(first) = schema.get("oneOf").and_then(|one| one.get(0)) {
            return self.value(first, owner, field);
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let value = |(name, inner): (&String, &Value)| {
                let value = self.value(inner, owner, name);
                (name.clone(), value)
            };
            return Value::Object(properties.iter().map(value).collect());
        }
        if let Some(first) = schema.get("enum").and_then(|e| e.get(0)) {
            return first.clone();
        }
        if let Some(known) = self.table.get(field).filter(|v| fits(schema, v)) {
            return known.clone();
        }
        self.by_type(schema, owner, field)
    }

    fn by_type(&self, schema: &Value, owner: &str, field: &str) -> Value {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        match (types(schema).first().copied().unwrap_or_default(), format) {
            ("array", _) => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                json!([self.value(items, owner, field)])
            }
            ("object", _) => match schema.get("additionalProperties") {
                Some(inner) if inner.is_object() => {
                    json!({ "p_a1b2c3d4e5f60718": self.value(inner, owner, field) })
                }
                _ => json!({}),
            },
            ("boolean", _) => json!(true),
            ("integer" | "number", _) => json!(1),
            ("string", "uuid") => self.table.get("id").cloned().unwrap_or_default(),
            ("string", "date-time") => self.table.get("issued_at").cloned().unwrap_or_default(),
            ("string", _) => json!(field),
            _ => Value::Null,
        }
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

/// Whether the table's value is of the schema's type; a field of this name may be something else
/// elsewhere.
fn fits(schema: &Value, value: &Value) -> bool {
    let types = types(schema);
    match value {
        Value::Null => types.contains(&"null"),
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(_) => types.contains(&"integer") || types.contains(&"number"),
        Value::String(_) => types.contains(&"string") && schema.get("format").is_none(),
        Value::Array(_) => types.contains(&"array"),
        Value::Object(_) => types.contains(&"object") || types.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let table: Map<String, Value> = serde_json::from_str(TABLE).unwrap();
        assert!(table.contains_key("username"));
    }
}
