//! Canonical bytes: RFC 8785 (sorted keys, no white space, one form for every
//! string and number) with every array sorted by its elements' canonical bytes.
//! All arrays of a payload are sets, so sorting loses nothing.

use serde::Serialize;
use serde_json::Value;

use crate::{BundleError, Payload};

/// The bytes that are hashed, signed and sent.
///
/// # Errors
/// [`BundleError::Malformed`] if the payload cannot be written as JSON.
pub fn canonical(payload: &Payload) -> Result<Vec<u8>, BundleError> {
    canonical_value(payload)
}

/// Canonical bytes of anything that serialises.
pub(crate) fn canonical_value<T: Serialize>(value: &T) -> Result<Vec<u8>, BundleError> {
    let value = serde_json::to_value(value).map_err(malformed)?;
    serde_json_canonicalizer::to_vec(&sorted(value)?).map_err(malformed)
}

fn sorted(value: Value) -> Result<Value, BundleError> {
    match value {
        Value::Array(items) => {
            let mut keyed = items
                .into_iter()
                .map(|item| {
                    let item = sorted(item)?;
                    let key = serde_json_canonicalizer::to_vec(&item).map_err(malformed)?;
                    Ok((key, item))
                })
                .collect::<Result<Vec<_>, BundleError>>()?;
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Value::Array(keyed.into_iter().map(|(_, item)| item).collect()))
        }
        Value::Object(fields) => Ok(Value::Object(
            fields
                .into_iter()
                .map(|(key, field)| Ok((key, sorted(field)?)))
                .collect::<Result<_, BundleError>>()?,
        )),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(scalar),
    }
}

fn malformed(error: impl std::fmt::Display) -> BundleError {
    BundleError::Malformed(error.to_string())
}
