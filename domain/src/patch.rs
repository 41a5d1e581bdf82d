//! Changing some fields and leaving the rest.

/// The wish, where it differs from what is there.
pub(crate) fn difference<T: PartialEq>(present: &T, wish: Option<T>) -> Option<T> {
    wish.filter(|w| w != present)
}

/// Puts a value in place, where there is one.
pub(crate) fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}
