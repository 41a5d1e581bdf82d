//! Load, decide, append; and again where somebody else was first.

use std::future::Future;

use nexavpn_domain::{Decider, Event, ids::UserId};
use nexavpn_store::{Append, EventId, Loaded, Position, Reservation, SideRow, Stream};
use uuid::Uuid;

use crate::{CommandError, Commands, Once, Request, error::append_failed, rows::Happened};

/// How often a command loads and decides again before it gives up.
const ATTEMPTS: usize = 12;

/// A command that happened.
#[derive(Debug, Clone)]
pub struct Done<T> {
    /// Its answer.
    pub value: T,
    /// Where in the store its events are; none where nothing had to change.
    pub position: Option<Position>,
}

impl<T> Done<T> {
    /// Another answer for the same change.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Done<U> {
        Done { value: f(self.value), position: self.position }
    }
}

/// What a command has decided to append.
pub(crate) struct Plan<T> {
    streams: Vec<Stream>,
    /// What the streams to come follow from.
    cause: Option<EventId>,
    rows: Vec<Box<dyn SideRow>>,
    reservations: Vec<Reservation>,
    forget: Vec<UserId>,
    value: T,
}

impl<T> Plan<T> {
    /// Nothing yet.
    pub(crate) fn new(value: T) -> Self {
        let (streams, rows) = (vec![], vec![]);
        Self { streams, cause: None, rows, reservations: vec![], forget: vec![], value }
    }

    /// What the command answers.
    pub(crate) fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The events that follow from the command in the loaded state. Says whether there are any.
    pub(crate) fn decide<A: Decider>(
        &mut self,
        id: Uuid,
        loaded: &Loaded<A>,
        command: A::Command,
    ) -> Result<bool, CommandError> {
        let events = loaded.state.decide(command)?;
        let any = !events.is_empty();
        if any {
            self.push(Stream::new::<A>(id, loaded.sequence, events));
        }
        Ok(any)
    }

    /// The events that follow from several commands in a row, as one stream. Gives the state
    /// after them, and whether there are any.
    pub(crate) fn decide_all<A: Decider + Clone>(
        &mut self,
        id: Uuid,
        loaded: &Loaded<A>,
        commands: Vec<A::Command>,
    ) -> Result<(A, bool), CommandError> {
        let mut state = loaded.state.clone();
        let mut events = Vec::new();
        for command in commands {
            for event in state.decide(command)? {
                state.apply(event.clone());
                events.push(event);
            }
        }
        let any = !events.is_empty();
        if any {
            self.push(Stream::new::<A>(id, loaded.sequence, events));
        }
        Ok((state, any))
    }

    fn push(&mut self, stream: Stream) {
        self.streams.push(match &self.cause {
            Some(cause) => stream.because_of(cause),
            None => stream,
        });
    }

    /// Says that what is decided from here on follows from this event.
    pub(crate) fn because_of(&mut self, cause: Option<EventId>) {
        self.cause = cause;
    }

    /// Says that what is decided from here on follows from the event of this type that was decided
    /// last.
    pub(crate) fn because_of_its(&mut self, event_type: &str) {
        let of_type = |stream: &Stream| stream.event_of_type(event_type);
        self.cause = self.streams.iter().rev().find_map(of_type);
    }

    /// Says that the stream added last is about this person: a reason given is about them too.
    pub(crate) fn about(&mut self, person: Option<UserId>) {
        if let Some(person) = person
            && let Some(stream) = self.streams.pop()
        {
            self.streams.push(stream.about(person));
        }
    }

    /// A row that is written with the events.
    pub(crate) fn row(&mut self, row: impl SideRow + 'static) {
        self.rows.push(Box::new(row));
    }

    /// A reserved address that is held from now on.
    pub(crate) fn hold(&mut self, reservation: Reservation) {
        self.reservations.push(reservation);
    }

    /// A person whose data key is destroyed.
    pub(crate) fn forget(&mut self, user: UserId) {
        self.forget.push(user);
    }
}

impl Commands {
    /// Runs a plan until it is stored, deciding anew each time that somebody else was first.
    pub(crate) async fn transact<T, F, Fut>(
        &self,
        request: &Request,
        entity: &'static str,
        plan: F,
    ) -> Result<Done<T>, CommandError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Plan<T>, CommandError>>,
    {
        for _ in 0..ATTEMPTS {
            let Plan { streams, cause: _, mut rows, reservations, forget, value } = plan().await?;
            let Some(first) = streams.first() else {
                return Ok(Done { value, position: None });
            };
            self.fits_devices(request, &streams).await?;
            if let Some(once) = &request.once {
                rows.push(Box::new(self.happened(once, first)));
            }
            let metadata = request.metadata();
            let events = request.rehearsal.as_ref().map(|_| events_of(&streams)).transpose()?;
            let append = Append { streams, metadata, reservations, rows, forget };
            let appended = match (&request.rehearsal, events) {
                (Some(rehearsal), Some(events)) => {
                    let refused = self.store.rehearse(append).await;
                    refused.map(|()| {
                        rehearsal.keep(events);
                        None
                    })
                }
                _ => self.store.append(append).await.map(Some),
            };
            match appended {
                Ok(position) => return Ok(Done { value, position }),
                Err(e) => {
                    if let Some(e) = append_failed(e) {
                        return Err(e);
                    }
                }
            }
        }
        Err(CommandError::Busy { entity })
    }

    /// The record of a request, about the aggregate that it is about first.
    fn happened(&self, once: &Once, first: &Stream) -> Happened {
        let status = if first.begins() && once.status == 200 { 201 } else { once.status };
        Happened {
            once: once.clone(),
            entity_id: Some(first.aggregate_id()),
            status,
            answer: vec![],
            now: self.now(),
        }
    }

    /// Loads an aggregate for a command, and checks the version that the request is based on.
    pub(crate) async fn load_for<A: Decider>(
        &self,
        request: &Request,
        entity: &'static str,
        id: Uuid,
    ) -> Result<Loaded<A>, CommandError> {
        let loaded = self.store.load::<A>(id).await?;
        is_as_seen(request, entity, &loaded)?;
        Ok(loaded)
    }
}

/// Checks the version that the request is based on.
pub(crate) fn is_as_seen<A: Decider>(
    request: &Request,
    entity: &'static str,
    loaded: &Loaded<A>,
) -> Result<(), CommandError> {
    if request.if_match.is_some_and(|v| v != loaded.sequence) && loaded.sequence > 0 {
        return Err(CommandError::PreconditionFailed { entity });
    }
    Ok(())
}

/// The events in the order in which they are stored.
pub(crate) fn events_of(streams: &[Stream]) -> Result<Vec<Event>, CommandError> {
    let mut events = Vec::new();
    for stream in streams {
        events.append(&mut stream.events()?);
    }
    Ok(events)
}

/// An aggregate of which nothing is stored yet.
pub(crate) fn fresh<A: Decider>() -> Loaded<A> {
    Loaded { state: A::default(), sequence: 0 }
}
