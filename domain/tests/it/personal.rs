//! Personal fields: each is listed, and every fold does without them.

use cqrs_es::{Aggregate, DomainEvent};
use nexavpn_domain::{
    DomainError, Event, Personal, StoredEvent,
    device::Device,
    event::personal_fields,
    gateway::Gateway,
    group::Group,
    policy::Policy,
    security::Security,
    session::Session,
    user::{User, UserEvent},
    webhook::Webhook,
};
use serde_json::Value;

use crate::{
    given::{ID, alice},
    golden::{Golden, files, read},
};

/// How many personal values the event holds: their Debug says that they are there, and not what.
fn present(event: &Event) -> usize {
    format!("{event:?}").matches("Personal(..)").count()
}

fn without(golden: &Golden, fields: &[&str]) -> Event {
    let mut payload = golden.payload.clone();
    for field in fields {
        let place = payload.get_mut(*field).unwrap_or_else(|| panic!("{field}: {}", golden.file));
        *place = Value::Null;
    }
    read(golden.aggregate_type, payload).unwrap_or_else(|| panic!("{}", golden.file))
}

/// The listed fields, and whether a subject is named whose data key seals them.
fn of(event: &Event) -> (&'static [&'static str], bool) {
    fn of<E: StoredEvent>(e: &E) -> (&'static [&'static str], bool) {
        (e.personal_fields(), e.subject(ID).is_some())
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

#[test]
fn every_personal_value_is_in_a_listed_field_and_every_listed_field_is_personal() {
    for golden in files() {
        let event = golden.event();
        let (fields, _) = of(&event);
        assert_eq!(personal_fields(golden.event_type), fields, "{}", golden.file);
        assert_eq!(present(&without(&golden, fields)), 0, "{}: not listed", golden.file);
        if golden.variant.is_none() {
            assert_eq!(present(&event), fields.len(), "{}: show each field", golden.file);
            for field in fields {
                let rest = present(&without(&golden, &[field]));
                assert_eq!(rest, fields.len() - 1, "{}: {field}", golden.file);
            }
        }
    }
}

/// Whatever is personal has a key; and so has an admin's reason for anything done to a user.
#[test]
fn a_subject_is_named_where_there_is_something_to_seal() {
    for golden in files() {
        let (fields, has_subject) = of(&golden.event());
        let expected = !fields.is_empty() || golden.aggregate_type == "user";
        assert_eq!(has_subject, expected, "{}", golden.file);
    }
    let event = UserEvent::Renamed { username: "alice".into() };
    assert_eq!(event.subject(alice().0), Some(alice()));
    assert_eq!(personal_fields("nothing.known"), [""; 0]);
}

#[test]
fn debug_shows_no_personal_value() {
    for golden in files() {
        let event = golden.event();
        let (fields, _) = of(&event);
        let text = format!("{event:?}");
        for field in fields {
            if let Some(value) = golden.payload[*field].as_str() {
                assert!(!text.contains(value), "{}: {text}", golden.file);
            }
        }
    }
    assert_eq!(format!("{:?}", Personal::ERASED), "Personal(erased)");
}

/// Erasure blanks the past: every aggregate folds the same life with and without personal data,
/// and everything else in the state stays the same.
#[test]
fn every_fold_is_total_over_missing_keys() {
    fn fold<A: Aggregate<Error = DomainError>>(events: &[A::Event]) -> Value {
        let mut state = A::default();
        for event in events {
            state.apply(event.clone());
        }
        serde_json::to_value(&state).unwrap()
    }
    fn check<A: Aggregate<Error = DomainError>>(
        open: Vec<A::Event>,
        erased: Vec<A::Event>,
        personal: &[&str],
    ) {
        let (open, erased) = (fold::<A>(&open), fold::<A>(&erased));
        assert_eq!(blank(open, personal), blank(erased, personal));
    }
    macro_rules! events {
        ($kind:ident) => {{
            let (mut open, mut erased) = (vec![], vec![]);
            for golden in files() {
                let event = golden.event();
                let fields = of(&event).0;
                if let (Event::$kind(_, a), Event::$kind(_, b)) = (event, without(&golden, fields))
                {
                    open.push(a);
                    erased.push(b);
                }
            }
            // The first event of a life first; the rest in whatever order the files have.
            let first = |e: &dyn Fn(usize) -> String, n: usize| {
                (0..n).find(|i| {
                    let t = e(*i);
                    [".created", ".enrolled", ".started"].iter().any(|s| t.ends_with(s))
                })
            };
            if let Some(i) = first(&|i| open[i].event_type(), open.len()) {
                open.swap(0, i);
                erased.swap(0, i);
            }
            (open, erased)
        }};
    }
    let (open, erased) = events!(User);
    for n in 1..=open.len() {
        let personal = ["username", "display_name", "email"];
        check::<User>(open[..n].to_vec(), erased[..n].to_vec(), &personal);
    }
    let (open, erased) = events!(Device);
    for n in 1..=open.len() {
        check::<Device>(
            open[..n].to_vec(),
            erased[..n].to_vec(),
            &["name", "os_version", "fingerprint"],
        );
    }
    let (open, erased) = events!(Group);
    check::<Group>(open, erased, &[]);
    let (open, erased) = events!(Policy);
    check::<Policy>(open, erased, &[]);
    let (open, erased) = events!(Gateway);
    check::<Gateway>(open, erased, &[]);
    let (open, erased) = events!(Session);
    check::<Session>(open, erased, &[]);
    let (open, erased) = events!(Security);
    check::<Security>(open, erased, &[]);
}

/// The state without what may differ.
fn blank(mut state: Value, fields: &[&str]) -> Value {
    if let Value::Object(map) = &mut state {
        for field in fields {
            map.remove(*field);
        }
        for value in map.values_mut() {
            *value = blank(value.take(), fields);
        }
    }
    state
}

/// An event that stands alone, without those before it, is folded without a panic too.
#[test]
fn every_fold_takes_any_event_first() {
    fn alone<A: Aggregate>(event: A::Event) {
        A::default().apply(event);
    }
    for golden in files() {
        match golden.event() {
            Event::User(_, e) => alone::<User>(e),
            Event::Group(_, e) => alone::<Group>(e),
            Event::Device(_, e) => alone::<Device>(e),
            Event::Policy(_, e) => alone::<Policy>(e),
            Event::Gateway(_, e) => alone::<Gateway>(e),
            Event::Session(_, e) => alone::<Session>(e),
            Event::Security(_, e) => alone::<Security>(e),
            Event::Webhook(_, e) => alone::<Webhook>(e),
        }
    }
}
