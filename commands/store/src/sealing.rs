//! Personal data is sealed where events are written and opened where they are read: here.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use nexavpn_domain::{event::personal_fields, ids::UserId};
use serde_json::{Value, json};

use crate::{
    KeyError, Keyring,
    append::SEALABLE,
    keyring::{DataKeys, Key},
};

const MARK: &str = "$sealed";
const METADATA_PREFIX: &str = "$sealed:";

/// Where a sealed value belongs; it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) sequence: i64,
}

impl Place<'_> {
    fn context(&self, field: &str) -> Vec<u8> {
        let Self { aggregate_type, aggregate_id, sequence } = self;
        format!("{aggregate_type}|{aggregate_id}|{sequence}|{field}").into_bytes()
    }
}

/// Seals the personal fields of a payload with the keys of all their owners; where one of these
/// has none they are lost, as after an erasure.
pub(crate) fn seal_payload(
    payload: &mut Value,
    fields: &[&str],
    place: Place<'_>,
    owners: &[UserId],
    keys: &DataKeys,
) -> Result<(), KeyError> {
    let keys: Option<Vec<(UserId, &Key)>> =
        owners.iter().map(|owner| Some((*owner, keys.get(owner)?))).collect();
    for field in fields {
        let Some(value) = payload.get_mut(field).filter(|v| !v.is_null()) else { continue };
        *value = match &keys {
            None => Value::Null,
            Some(keys) => json!({ MARK: seal(keys, place, field, value.to_string().as_bytes())? }),
        };
    }
    Ok(())
}

/// A sealed metadata field as stored.
pub(crate) fn seal_metadata(
    field: &str,
    value: &str,
    place: Place<'_>,
    owner: UserId,
    key: &Key,
) -> Result<String, KeyError> {
    let sealed = seal(&[(owner, key)], place, &format!("metadata.{field}"), value.as_bytes())?;
    Ok(format!("{METADATA_PREFIX}{sealed}"))
}

/// `v1.<owner>[+<owner>…].<base64>`: sealed with the key of the first owner, that with the key of
/// the second, and so on.
fn seal(
    keys: &[(UserId, &Key)],
    place: Place<'_>,
    field: &str,
    plain: &[u8],
) -> Result<String, KeyError> {
    let mut sealed = plain.to_vec();
    for (_, key) in keys {
        sealed = key.seal(&place.context(field), &sealed)?;
    }
    let owners: Vec<String> = keys.iter().map(|(owner, _)| owner.to_string()).collect();
    Ok(format!("v1.{}.{}", owners.join("+"), BASE64_STANDARD_NO_PAD.encode(sealed)))
}

/// A stored event's parts that may be sealed.
pub(crate) struct Sealed<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) event_type: &'a str,
    pub(crate) payload: &'a mut Value,
    pub(crate) metadata: &'a mut HashMap<String, String>,
}

impl Sealed<'_> {
    /// Whose keys are needed.
    pub(crate) fn owners(&self) -> impl Iterator<Item = UserId> {
        let payload = personal_fields(self.event_type).iter().filter_map(|f| {
            self.payload.get(f)?.get(MARK)?.as_str().and_then(parse).map(|(owners, _)| owners)
        });
        let metadata = SEALABLE.iter().filter_map(|f| {
            parse(self.metadata.get(*f)?.strip_prefix(METADATA_PREFIX)?).map(|(owners, _)| owners)
        });
        payload.chain(metadata).flatten()
    }

    /// Opens what can be opened: without a key a payload field becomes null and a metadata field
    /// goes.
    ///
    /// # Errors
    /// The field that was damaged or moved.
    pub(crate) fn open(&mut self, keys: &DataKeys) -> Result<(), String> {
        let mut damaged = Ok(());
        for field in personal_fields(self.event_type) {
            let Some(value) = self.payload.get_mut(field) else { continue };
            let Some(sealed) = value.get(MARK).and_then(Value::as_str) else { continue };
            let opened = open(sealed, self.place, field, keys)
                .and_then(|o| o.map(|plain| serde_json::from_slice(&plain)).transpose().ok());
            *value = match opened {
                Some(plain) => plain.unwrap_or(Value::Null),
                None => {
                    damaged = Err(format!("its sealed field {field} is damaged"));
                    Value::Null
                }
            };
        }
        for field in SEALABLE {
            let Some(sealed) =
                self.metadata.get(field).and_then(|v| v.strip_prefix(METADATA_PREFIX))
            else {
                continue;
            };
            let opened = open(sealed, self.place, &format!("metadata.{field}"), keys);
            match opened.flatten().and_then(|plain| String::from_utf8(plain).ok()) {
                Some(plain) => self.metadata.insert(field.to_owned(), plain),
                None => self.metadata.remove(field),
            };
        }
        damaged
    }
}

/// `None` where the value is damaged, `Some(None)` where its key is gone.
fn open(sealed: &str, place: Place<'_>, field: &str, keys: &DataKeys) -> Option<Option<Vec<u8>>> {
    let (owners, mut bytes) = parse(sealed)?;
    for owner in owners.iter().rev() {
        let Some(key) = keys.get(owner) else { return Some(None) };
        bytes = key.open(&place.context(field), &bytes)?;
    }
    Some(Some(bytes))
}

fn parse(sealed: &str) -> Option<(Vec<UserId>, Vec<u8>)> {
    let (owners, bytes) = sealed.strip_prefix("v1.")?.split_once('.')?;
    let owners = owners.split('+').map(|owner| owner.parse().ok()).collect::<Option<_>>()?;
    Some((owners, BASE64_STANDARD_NO_PAD.decode(bytes).ok()?))
}

/// Opens a batch with one query for its keys. The answers are those of [`Sealed::open`].
pub(crate) async fn open_all(
    keyring: &Keyring,
    batch: &mut [Sealed<'_>],
) -> Result<Vec<Result<(), String>>, KeyError> {
    let keys = keys_of(keyring, batch).await?;
    Ok(batch.iter_mut().map(|s| s.open(&keys)).collect())
}

/// The keys of all whose data is sealed here, of those who still have one.
pub(crate) async fn keys_of(keyring: &Keyring, batch: &[Sealed<'_>]) -> Result<DataKeys, KeyError> {
    let mut owners: Vec<UserId> = batch.iter().flat_map(Sealed::owners).collect();
    owners.sort_unstable();
    owners.dedup();
    keyring.data_keys(&owners).await
}
