//! Given events, when a command, then events or a refusal.

mod device;
mod gateway;
mod group;
mod key_rotation;
mod policy;
mod restore;
mod security;
mod session;
mod user;
mod webhook;

use cqrs_es::{Aggregate, test::TestFramework};
use nexavpn_domain::{Decider, DomainError};

/// What the aggregate answers to the command after these events.
fn decide<A>(given: &[A::Event], command: A::Command) -> Result<Vec<A::Event>, DomainError>
where
    A: Decider<Services = ()> + Aggregate<Error = DomainError>,
{
    TestFramework::<A>::with(()).given(given.to_vec()).when(command).inspect_result()
}

/// The code of the refusal.
fn refusal<A>(given: &[A::Event], command: A::Command) -> &'static str
where
    A: Decider<Services = ()> + Aggregate<Error = DomainError>,
{
    match decide::<A>(given, command) {
        Ok(events) => panic!("expected a refusal, got {events:?}"),
        Err(e) => e.code(),
    }
}

/// Expects these events, and that the same command in the state after them changes nothing.
fn once<A>(given: &[A::Event], command: A::Command, events: Vec<A::Event>)
where
    A: Decider<Services = ()> + Aggregate<Error = DomainError>,
    A::Command: Clone,
{
    assert_eq!(decide::<A>(given, command.clone()), Ok(events.clone()));
    let after = [given.to_vec(), events].concat();
    assert_eq!(decide::<A>(&after, command), Ok(vec![]), "the second time");
}

/// The state after these events.
fn state<A: Aggregate>(given: &[A::Event]) -> A {
    let mut state = A::default();
    for event in given {
        state.apply(event.clone());
    }
    state
}
