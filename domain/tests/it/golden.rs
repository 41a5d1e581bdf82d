//! Golden files: every stored shape is frozen in `tests/golden/<event_type>.<version>[.variant].json`,
//! the plain payload as the domain sees it before sealing.
//!
//! A new event: add it to `samples.rs` and run the tests once with `UPDATE_GOLDEN=1`. That writes
//! missing files only; a file that exists is never edited, since such events are stored somewhere.

use std::{collections::BTreeSet, fs, path::PathBuf};

use cqrs_es::DomainEvent;
use nexavpn_domain::{
    Event, StoredEvent, device::DeviceEvent, gateway::GatewayEvent, group::GroupEvent,
    policy::PolicyEvent, security::SecurityEvent, session::SessionEvent, user::UserEvent,
    webhook::WebhookEvent,
};
use serde_json::Value;

use crate::{given::ID, samples};

/// Every wire name with its aggregate's type.
pub fn wire_names() -> Vec<(&'static str, &'static str)> {
    fn of<E: StoredEvent>(names: &[&'static str]) -> Vec<(&'static str, &'static str)> {
        names.iter().map(|n| (E::AGGREGATE_TYPE, *n)).collect()
    }
    [
        of::<UserEvent>(UserEvent::WIRE_NAMES),
        of::<GroupEvent>(GroupEvent::WIRE_NAMES),
        of::<DeviceEvent>(DeviceEvent::WIRE_NAMES),
        of::<PolicyEvent>(PolicyEvent::WIRE_NAMES),
        of::<GatewayEvent>(GatewayEvent::WIRE_NAMES),
        of::<SessionEvent>(SessionEvent::WIRE_NAMES),
        of::<SecurityEvent>(SecurityEvent::WIRE_NAMES),
        of::<WebhookEvent>(WebhookEvent::WIRE_NAMES),
    ]
    .concat()
}

pub struct Golden {
    pub file: String,
    pub aggregate_type: &'static str,
    pub event_type: &'static str,
    pub version: String,
    pub variant: Option<String>,
    pub payload: Value,
}

impl Golden {
    pub fn event(&self) -> Event {
        read(self.aggregate_type, self.payload.clone()).unwrap_or_else(|| panic!("{}", self.file))
    }
}

pub fn read(aggregate_type: &str, payload: Value) -> Option<Event> {
    Event::from_stored(aggregate_type, &ID.to_string(), payload).ok()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every golden file; one whose name says nothing that we know fails.
pub fn files() -> Vec<Golden> {
    write_missing();
    let mut files: Vec<Golden> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            parse(&file, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    files
}

fn parse(file: &str, payload: Value) -> Golden {
    let stem = file.strip_suffix(".json").unwrap_or_else(|| panic!("{file} is no JSON file"));
    let (aggregate_type, event_type, rest) = wire_names()
        .into_iter()
        .find_map(|(a, n)| Some((a, n, stem.strip_prefix(n)?.strip_prefix('.')?)))
        .unwrap_or_else(|| panic!("{file} is named after no event"));
    let parts: Vec<&str> = rest.split('.').collect();
    let (version, variant) = match parts[..] {
        [major, minor] => (format!("{major}.{minor}"), None),
        [major, minor, variant] => (format!("{major}.{minor}"), Some(variant.to_owned())),
        _ => panic!("{file} is not <event_type>.<version>[.variant].json"),
    };
    Golden { file: file.to_owned(), aggregate_type, event_type, version, variant, payload }
}

fn stored(event: &Event) -> (Value, String, String) {
    fn of<E: DomainEvent>(e: &E) -> (Value, String, String) {
        (serde_json::to_value(e).unwrap(), e.event_type(), e.event_version())
    }
    match event {
        Event::User(_, e) => of(e),
        Event::Group(_, e) => of(e),
        Event::Device(_, e) => of(e),
        Event::Policy(_, e) => of(e),
        Event::Gateway(_, e) => of(e),
        Event::Session(_, e) => of(e),
        Event::Security(_, e) => of(e),
        Event::Webhook(_, e) => of(e),
    }
}

fn file_of(variant: Option<&str>, event: &Event) -> String {
    let (_, event_type, version) = stored(event);
    let variant = variant.map(|v| format!(".{v}")).unwrap_or_default();
    format!("{event_type}.{version}{variant}.json")
}

fn write_missing() {
    if std::env::var_os("UPDATE_GOLDEN").is_none_or(|v| v != "1") {
        return;
    }
    fs::create_dir_all(directory()).unwrap();
    for (variant, event) in samples::all() {
        let path = directory().join(file_of(variant, &event));
        if !path.exists() {
            let text = serde_json::to_string_pretty(&stored(&event).0).unwrap() + "\n";
            // Tests run beside each other: the file appears whole or not at all.
            let draft = std::env::temp_dir().join(format!(
                "nexavpn-golden-{}-{:?}",
                std::process::id(),
                std::thread::current().id()
            ));
            fs::write(&draft, text).unwrap();
            fs::copy(&draft, &path).unwrap();
            fs::remove_file(&draft).unwrap();
        }
    }
}

#[test]
fn every_wire_name_has_a_golden_of_its_full_shape() {
    let full: BTreeSet<&str> =
        files().iter().filter(|g| g.variant.is_none()).map(|g| g.event_type).collect();
    let names: BTreeSet<&str> = wire_names().into_iter().map(|(_, n)| n).collect();
    assert_eq!(full, names);
}

#[test]
fn wire_names_are_unique_and_begin_with_their_aggregate() {
    let names = wire_names();
    let unique: BTreeSet<&str> = names.iter().map(|(_, n)| *n).collect();
    assert_eq!(unique.len(), names.len());
    for (aggregate, name) in names {
        assert_eq!(name.split_once('.').unwrap().0, aggregate);
    }
}

#[test]
fn every_golden_is_read_and_written_as_it_is() {
    for golden in files() {
        let event = golden.event();
        let (payload, event_type, version) = stored(&event);
        assert_eq!(payload, golden.payload, "{}", golden.file);
        assert_eq!(event_type, golden.event_type, "{}", golden.file);
        assert_eq!(event.event_type(), golden.event_type, "{}", golden.file);
        assert_eq!(golden.payload["type"], golden.event_type, "{}", golden.file);
        assert_eq!(version, golden.version, "{}", golden.file);
    }
}

#[test]
fn every_sample_is_frozen_and_means_the_same() {
    let files = files();
    for (variant, event) in samples::all() {
        let name = file_of(variant, &event);
        let golden = files.iter().find(|g| g.file == name);
        let golden = golden.unwrap_or_else(|| panic!("{name} is missing: see the module"));
        assert_eq!(golden.event(), event, "{name}");
        assert_eq!(golden.payload, stored(&event).0, "{name}");
    }
}

/// What was stored before an optional field existed is read as if it were absent.
#[test]
fn an_absent_field_reads_as_null() {
    for golden in files() {
        let mut payload = golden.payload.clone();
        payload.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        assert_eq!(read(golden.aggregate_type, payload), Some(golden.event()), "{}", golden.file);
    }
}

/// A reader that is older than the writer may meet fields that it does not know.
#[test]
fn an_unknown_field_is_passed_over() {
    for golden in files() {
        let mut payload = golden.payload.clone();
        payload["a_field_of_tomorrow"] = Value::from(1);
        assert_eq!(read(golden.aggregate_type, payload), Some(golden.event()), "{}", golden.file);
    }
}

#[test]
fn what_is_unknown_is_refused_without_repeating_it() {
    let secret = serde_json::json!({ "type": "user.renamed", "username": { "is": "s3cret" } });
    let id = ID.to_string();
    let refused = [
        Event::from_stored("user", &id, secret.clone()),
        Event::from_stored("user", &id, serde_json::json!({ "type": "user.s3cret" })),
        Event::from_stored("user", &id, serde_json::json!("s3cret")),
        Event::from_stored("nobody", &id, secret.clone()),
        Event::from_stored("user", "no id", secret),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
