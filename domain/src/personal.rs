//! Personal data in events.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A piece of personal data: a name, an address, a fingerprint.
///
/// The event store seals it with its subject's data key when an event is written and opens it when
/// the event is read. After the subject has been erased the key is gone and the value is
/// [`Personal::ERASED`], so every fold must do without it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Personal(Option<String>);

impl Personal {
    /// What is left of personal data once its subject has been erased.
    pub const ERASED: Self = Self(None);

    /// The value, unless it was erased.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The value, or the empty string where it was erased.
    #[must_use]
    pub fn or_empty(&self) -> &str {
        self.get().unwrap_or("")
    }

    /// The value as an owned option.
    #[must_use]
    pub fn into_option(self) -> Option<String> {
        self.0
    }
}

impl<T: Into<String>> From<T> for Personal {
    fn from(value: T) -> Self {
        Self(Some(value.into()))
    }
}

/// Never shows the value: personal data has no place in a log line.
impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Personal(..)" } else { "Personal(erased)" })
    }
}
