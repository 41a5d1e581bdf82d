//! Events as people are told of them: a sentence, and which fields were changed to what.
//!
//! An event that gets no sentence does not compile. What a field was before is not in most events:
//! it is what an earlier event of the same entity set, which the audit log remembers.

mod device;
mod gateway;
mod group;
mod policy;
mod security;
mod session;
mod user;
mod webhook;

use serde::Serialize;
use serde_json::Value;

use crate::{Event, Personal, ids::UserId};

/// What is told of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// A sentence without a full stop. It may hold personal data.
    pub words: String,
    /// What is set.
    pub fields: Vec<Field>,
    /// Whether the entity is gone with it, and all of its fields.
    pub ends: bool,
}

/// A field that an event sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name, as the API has it where the API shows it.
    pub name: String,
    /// Where to find what it was.
    pub before: Before,
    /// What it is from then on.
    pub after: Value,
}

/// What a field was before an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    /// What the last event said that set it; this where there is none.
    Earlier(Value),
    /// This.
    Known(Value),
}

/// What is told of an event.
#[must_use]
pub fn told(event: &Event) -> Told {
    match event {
        Event::User(_, e) => user::told(e),
        Event::Group(_, e) => group::told(e),
        Event::Device(_, e) => device::told(e),
        Event::Policy(_, e) => policy::told(e),
        Event::Gateway(_, e) => gateway::told(e),
        Event::Session(_, e) => session::told(e),
        Event::Security(_, e) => security::told(e),
        Event::Webhook(_, e) => webhook::told(e),
    }
}

/// Whom the event concerns, where it says so itself: later events of a device or a session concern
/// the user whom an earlier one named.
#[must_use]
pub fn about(event: &Event) -> Option<UserId> {
    match event {
        Event::User(id, _) => Some(*id),
        Event::Group(_, e) => group::about(e),
        Event::Device(_, e) => device::about(e),
        Event::Session(_, e) => session::about(e),
        Event::Security(_, e) => security::about(e),
        Event::Policy(..) | Event::Gateway(..) | Event::Webhook(..) => None,
    }
}

impl Told {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), fields: vec![], ends: false }
    }

    /// Sets a field that an earlier event has set, or none.
    fn set(self, name: &str, after: impl Serialize) -> Self {
        self.set_first(name, (), after)
    }

    /// The same, of a field that is something before any event has set it.
    fn set_first(self, name: &str, first: impl Serialize, after: impl Serialize) -> Self {
        self.with(name, Before::Earlier(value(first)), after)
    }

    /// Sets a field of which the event itself tells what it was.
    fn turn(self, name: &str, before: impl Serialize, after: impl Serialize) -> Self {
        self.with(name, Before::Known(value(before)), after)
    }

    fn with(mut self, name: &str, before: Before, after: impl Serialize) -> Self {
        self.fields.push(Field { name: name.to_owned(), before, after: value(after) });
        self
    }

    /// Sets each field of a structure.
    fn set_all(mut self, fields: impl Serialize) -> Self {
        if let Value::Object(fields) = value(fields) {
            for (name, after) in fields {
                self = self.set(&name, after);
            }
        }
        self
    }

    /// With the entity goes all that it was.
    fn ending(self) -> Self {
        Self { ends: true, ..self }
    }
}

/// What serde makes of a value of the domain's; all of them have a JSON form.
fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// A name in a sentence.
fn quoted(name: &Personal) -> String {
    name.get().map_or_else(|| "(erased)".to_owned(), |n| format!("“{n}”"))
}
