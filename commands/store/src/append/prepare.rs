//! From events to rows: sequence numbers, metadata, sealing.

use std::collections::{BTreeMap, HashMap};

use nexavpn_domain::{DomainError, ids::UserId};
use serde_json::Value;

use super::{
    Append, NewEvent,
    effects::{Company, Effects},
};
use crate::{
    AppendError, Keyring, StoreError,
    keyring::DataKeys,
    sealing::{Place, seal_metadata, seal_payload},
};

/// The one event with which a person gets a data key. No other event may make one: it would bring
/// back the key of somebody erased.
const BRINGS_A_KEY: &str = "user.created";

/// A row of `events`.
pub(crate) struct Row {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: String,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
    pub(crate) event_version: String,
    pub(crate) payload: String,
    pub(crate) metadata: String,
}

/// An append that is ready to be written, more than once if need be.
pub(crate) struct Prepared {
    pub(crate) rows: Vec<Row>,
    pub(crate) effects: Effects,
    /// What the rows were sealed with.
    pub(crate) keys: DataKeys,
    /// New data keys, wrapped.
    pub(crate) data_keys: Vec<(UserId, Vec<u8>)>,
    pub(crate) append: Append,
}

impl Prepared {
    pub(crate) async fn new(append: Append, keyring: &Keyring) -> Result<Self, AppendError> {
        let effects = Effects::of(&append, keyring)?;
        if let Some([twice, _]) =
            effects.takes.windows(2).find(|w| (w[0].kind, &w[0].key) == (w[1].kind, &w[1].key))
        {
            return Err(AppendError::Conflict(claim_conflict(twice.kind)));
        }
        let mut keys = keyring.sealing_keys(&key_owners(&append)).await?;
        let mut data_keys = Vec::new();
        for event in append.streams.iter().flat_map(|s| &s.events) {
            if let (BRINGS_A_KEY, Some(user)) = (event.event_type.as_str(), event.subject) {
                let (key, wrapped) = keyring.new_data_key(user)?;
                keys.insert(user, key);
                data_keys.push((user, wrapped));
            }
        }
        let rows = rows(&append, &keys)?;
        Ok(Self { rows, effects, keys, data_keys, append })
    }

    /// With whom it may share a transaction, if with anybody.
    pub(crate) fn company(&self) -> Option<Company> {
        self.effects.company().filter(|_| self.append.forget.is_empty())
    }
}

/// The typed refusal of a claim.
pub(crate) fn claim_conflict(kind: nexavpn_domain::ClaimKind) -> DomainError {
    DomainError::conflict_on(kind.field(), kind.conflict_code(), kind.conflict_message())
}

/// Whose existing keys are needed: those of the actor and of the subjects.
fn key_owners(append: &Append) -> Vec<UserId> {
    let with_reason = append.metadata.reason.is_some();
    let subjects = append
        .streams
        .iter()
        .flat_map(|s| &s.events)
        .filter(|e| e.event_type != BRINGS_A_KEY)
        .filter(|e| with_reason || !e.personal_fields.is_empty())
        .flat_map(|e| e.subject.into_iter().chain(e.further_subjects.iter().copied()));
    let actor_has_some = with_reason || !append.metadata.actor_fields().is_empty();
    let actor = append.metadata.person().filter(|_| actor_has_some);
    let mut owners: Vec<UserId> = subjects.chain(actor).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

fn rows(append: &Append, keys: &DataKeys) -> Result<Vec<Row>, AppendError> {
    let open = append.metadata.open_fields();
    let of_actor = append.metadata.actor_fields();
    let mut rows = Vec::with_capacity(append.streams.iter().map(|s| s.events.len()).sum());
    for stream in &append.streams {
        let aggregate_id = stream.aggregate_id.to_string();
        for (event, sequence) in stream.events.iter().zip(stream.expected_sequence + 1..) {
            let sequence = i64::try_from(sequence).map_err(|_| AppendError::Sequence)?;
            let place = Place {
                aggregate_type: stream.aggregate_type,
                aggregate_id: &aggregate_id,
                sequence,
            };
            let payload = payload(event, place, keys)?;
            let metadata = metadata(append, event, place, keys, open.clone(), &of_actor)?;
            rows.push(Row {
                aggregate_type: stream.aggregate_type,
                sequence,
                event_type: event.event_type.clone(),
                event_version: event.event_version.clone(),
                payload: payload.to_string(),
                // In order, which is how the transparency log hashes it.
                metadata: serde_json::to_string(&BTreeMap::from_iter(metadata))
                    .map_err(|e| StoreError::Encode(e.to_string()))?,
                aggregate_id: aggregate_id.clone(),
            });
        }
    }
    Ok(rows)
}

fn payload(event: &NewEvent, place: Place<'_>, keys: &DataKeys) -> Result<Value, AppendError> {
    let mut payload = event.payload.clone().map_err(StoreError::Encode)?;
    match event.subject {
        Some(subject) => {
            let owners = [&[subject], &event.further_subjects[..]].concat();
            seal_payload(&mut payload, event.personal_fields, place, &owners, keys)?;
        }
        // Nobody's personal data cannot be sealed, and must not be written.
        None if !event.personal_fields.is_empty() => {
            return Err(StoreError::Encode(format!("{} has no subject", event.event_type)).into());
        }
        None => {}
    }
    Ok(payload)
}

fn metadata(
    append: &Append,
    event: &NewEvent,
    place: Place<'_>,
    keys: &DataKeys,
    mut map: HashMap<&'static str, String>,
    of_actor: &[(&'static str, String)],
) -> Result<HashMap<&'static str, String>, AppendError> {
    let actor = append.metadata.person();
    map.extend(event.cause.as_ref().map(|cause| ("causation_id", cause.to_string())));
    let reason = append.metadata.reason.as_ref().map(|r| ("reason", r));
    let of_actor = of_actor.iter().map(|(field, value)| (*field, value, actor));
    // A reason is about the subject; where there is none it is the actor's own text.
    let reason = reason.map(|(field, value)| (field, value, event.subject.or(actor)));
    for (field, value, owner) in of_actor.chain(reason) {
        let Some(owner) = owner else {
            map.insert(field, value.clone());
            continue;
        };
        if let Some(key) = keys.get(&owner) {
            map.insert(field, seal_metadata(field, value, place, owner, key)?);
        }
    }
    Ok(map)
}
