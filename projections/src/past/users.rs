//! Users as they were.

use std::collections::HashMap;

use nexavpn_domain::{
    Event, StoredEvent as _,
    ids::UserId,
    user::{User, UserEvent},
};
use nexavpn_store::{Log, Recorded};
use uuid::Uuid;

use super::{Dates, begins, each_stream, known};
use crate::{ReadError, users::UserRow};

/// These users as they were right after an event, deleted ones among them.
///
/// # Errors
/// Where the database fails or an event is unknown.
pub async fn users(
    log: &Log,
    ids: &[UserId],
    idx: i64,
) -> Result<HashMap<UserId, UserRow>, ReadError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let events = log.streams(UserEvent::AGGREGATE_TYPE, &uuids, idx).await?;
    let rows = each_stream(&events).filter_map(|stream| user(stream).transpose());
    rows.map(|row| row.map(|row| (row.id, row))).collect()
}

/// The user that these events made, if they are the first ones of a user.
///
/// # Errors
/// Where an event is unknown.
pub fn new_user(events: &[Recorded]) -> Result<Option<UserRow>, ReadError> {
    if begins(events) { user(events) } else { Ok(None) }
}

fn user(stream: &[Recorded]) -> Result<Option<UserRow>, ReadError> {
    let (mut user, mut of, mut erased) = (User::default(), None, false);
    for recorded in stream {
        let Event::User(id, event) = known(recorded)? else { continue };
        of = Some(*id);
        erased |= matches!(event, UserEvent::Erased {});
        user.evolve(event);
    }
    let Some((id, dates)) = of.zip(Dates::of(stream)) else { return Ok(None) };
    let status = match (erased, user.exists(), user.is_enabled()) {
        (true, ..) => "erased",
        (false, false, _) => "deleted",
        (false, true, false) => "disabled",
        (false, true, true) => "active",
    };
    Ok(Some(UserRow {
        id,
        username: user.username().get().map(str::to_owned),
        display_name: user.display_name().get().map(str::to_owned),
        email: user.email().and_then(|email| email.get()).map(str::to_owned),
        role: user.role(),
        enabled: user.is_enabled(),
        must_change_password: user.must_change_password(),
        status: status.to_owned(),
        version: dates.version,
        created_at: dates.created_at,
        updated_at: dates.updated_at,
    }))
}

/// What says what a user is called.
const NAMING: &[&str] = &["user.created", "user.renamed", "user.erased"];

/// What these users were called right after an event, as far as they had names that can be told.
pub(super) async fn usernames(
    log: &Log,
    ids: &[UserId],
    idx: i64,
) -> Result<HashMap<UserId, String>, ReadError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let events = log.streams_of(UserEvent::AGGREGATE_TYPE, &uuids, idx, NAMING).await?;
    let mut names = HashMap::new();
    for stream in each_stream(&events) {
        let (mut user, mut of) = (User::default(), None);
        for recorded in stream {
            let Event::User(id, event) = known(recorded)? else { continue };
            of = Some(*id);
            user.evolve(event);
        }
        let name = user.username().get().map(str::to_owned);
        names.extend(of.zip(name));
    }
    Ok(names)
}
