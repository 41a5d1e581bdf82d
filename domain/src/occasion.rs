//! Why an event had to happen, where an earlier one of the same aggregate is the reason.

/// The earlier event of the same aggregate that made an event necessary: the latest of some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The kinds.
    pub kinds: &'static [Kind],
    /// Wire names of events after which what came before is no reason any more.
    pub over: &'static [&'static str],
    /// Whether only events count that were decided together with it.
    pub alongside: bool,
}

/// Events of one type, or only those of them that have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The wire name.
    pub event_type: &'static str,
    /// A top-level field of the payload that has to be there.
    pub field: Option<&'static str>,
}

impl Occasion {
    /// The latest of these kinds.
    #[must_use]
    pub const fn latest(kinds: &'static [Kind]) -> Self {
        Self { kinds, over: &[], alongside: false }
    }

    /// The latest of these kinds, if it was decided together with the event.
    #[must_use]
    pub const fn alongside(kinds: &'static [Kind]) -> Self {
        Self { alongside: true, ..Self::latest(kinds) }
    }

    /// The same, unless one of these has come after it.
    #[must_use]
    pub const fn unless(self, over: &'static [&'static str]) -> Self {
        Self { over, ..self }
    }
}

impl Kind {
    /// All events of a type.
    #[must_use]
    pub const fn all(event_type: &'static str) -> Self {
        Self { event_type, field: None }
    }

    /// Those that have a field.
    #[must_use]
    pub const fn with(event_type: &'static str, field: &'static str) -> Self {
        Self { event_type, field: Some(field) }
    }
}
