//! Every body and every error comes with an example.

use nexavpn_api::openapi;
use nexavpn_tests::harness::resolved;
use serde_json::Value;

use super::operations;

fn has_example(media: &Value) -> bool {
    media["example"] != Value::Null || media["examples"].as_object().is_some_and(|e| !e.is_empty())
}

#[test]
fn every_answer_is_described_and_has_an_example() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        let statuses: Vec<&str> = responses.keys().map(String::as_str).collect();
        assert!(statuses.iter().any(|s| s.starts_with('2')), "{method} {path}: no success");
        for needed in ["400", "401", "413", "414", "429", "431", "500", "503"] {
            assert!(statuses.contains(&needed), "{method} {path}: {needed} is missing");
        }
        for (status, response) in responses {
            let response = resolved(response);
            let place = format!("{method} {path} {status}");
            assert!(
                !response["description"].as_str().unwrap().is_empty(),
                "{place}: no description"
            );
            let bodyless = matches!(status.as_str(), "204" | "304");
            let content = response["content"].as_object();
            assert_eq!(content.is_none(), bodyless, "{place}: body");
            for (kind, media) in content.into_iter().flatten() {
                assert!(has_example(media), "{place}: {kind} has no example");
                if status.starts_with(['4', '5']) {
                    assert_eq!(media["schema"]["$ref"], "#/components/schemas/Error", "{place}");
                }
            }
        }
    }
}

#[test]
fn every_request_has_an_example_and_every_parameter_a_text() {
    for (method, path, operation) in operations() {
        for (kind, media) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(has_example(media), "{method} {path}: {kind} has no example");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(parameter);
            let text = parameter["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path}: {} is not described", parameter["name"]);
        }
    }
}

/// A list that the document does not know takes none of the parameters that lists take.
#[test]
fn every_list_has_its_parameters() {
    for (method, path, operation) in operations() {
        let schema = "/responses/200/content/application~1json/schema/$ref";
        let schema = operation.pointer(schema).and_then(Value::as_str).unwrap_or_default();
        if !schema.ends_with("Page") {
            continue;
        }
        let parameters = operation["parameters"].as_array().unwrap();
        for name in ["page", "page_size", "after"] {
            let has = parameters.iter().any(|parameter| parameter["name"] == name);
            assert!(has, "{method} {path} has no {name}: add it to api/src/openapi/lists.rs");
        }
    }
}

/// The schema of every body that a request or an answer has.
#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &'static Value) {
        resolved(value);
        match value {
            Value::Object(object) => object.values().for_each(check),
            Value::Array(list) => list.iter().for_each(check),
            _ => {}
        }
    }
    check(openapi::document());
}
