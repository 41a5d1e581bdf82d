//! How a pure `decide` and `evolve` become an aggregate of cqrs-es.

/// Implements [`cqrs_es::Aggregate`] for a state with `decide(&self, command)` and
/// `evolve(&mut self, &event)`.
macro_rules! aggregate {
    ($state:ty, $command:ty, $event:ty) => {
        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = <$event as crate::event::StoredEvent>::AGGREGATE_TYPE;
            type Command = $command;
            type Event = $event;
            type Error = crate::error::DomainError;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in self.decide(command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.evolve(&event);
            }
        }

        impl crate::aggregate::Decider for $state {
            fn decide(
                &self,
                command: Self::Command,
            ) -> Result<Vec<Self::Event>, crate::error::DomainError> {
                <$state>::decide(self, command)
            }
        }
    };
}

pub(crate) use aggregate;

/// An aggregate whose decision is a pure function, which the write side calls directly.
pub trait Decider:
    cqrs_es::Aggregate<Error = crate::error::DomainError, Event: crate::event::StoredEvent>
    + Clone
    + 'static
{
    /// The events that the command leads to in this state; none where nothing would change.
    ///
    /// # Errors
    /// Why the command is refused.
    fn decide(&self, command: Self::Command)
    -> Result<Vec<Self::Event>, crate::error::DomainError>;
}

/// Implements [`cqrs_es::DomainEvent`] with explicit wire names, one line for each event, so that
/// renaming a variant cannot rename what is stored.
macro_rules! wire_names {
    ($event:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
                .to_owned()
            }
            fn event_version(&self) -> String {
                crate::event::FIRST_VERSION.to_owned()
            }
        }

        impl $event {
            /// Every wire name of this aggregate's events.
            pub const WIRE_NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

pub(crate) use wire_names;
