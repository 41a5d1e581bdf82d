//! Which event made another one necessary.

use std::{fmt, str::FromStr};

use nexavpn_domain::occasion::{Kind, Occasion};
use sqlx::PgPool;
use uuid::Uuid;

use super::{NewEvent, Stream};

/// An event, by its place among those of its aggregate. As text, in the metadata of those that it
/// caused: `<aggregate type>/<aggregate id>/<sequence>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    /// `user`, `device`, …
    pub aggregate_type: String,
    /// Whose event it is.
    pub aggregate_id: String,
    /// Its number among those of its aggregate, from 1.
    pub sequence: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.aggregate_type, self.aggregate_id, self.sequence)
    }
}

/// The text names no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event's id: expected <aggregate type>/<aggregate id>/<sequence>")]
pub struct ParseEventIdError;

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut parts = s.split('/');
        let (Some(aggregate_type), Some(aggregate_id), Some(sequence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseEventIdError);
        };
        Ok(Self {
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            sequence: sequence.parse().map_err(|_| ParseEventIdError)?,
        })
    }
}

/// Finds what made events necessary, of which nobody has said it but whose domain knows where to
/// look. Few kinds of events have it looked up, none of those that are appended by the thousand.
pub(crate) async fn find_causes(pool: &PgPool, streams: &mut [Stream]) -> Result<(), sqlx::Error> {
    for stream in streams {
        for n in 0..stream.events.len() {
            let NewEvent { cause: None, occasion: Some(occasion), .. } = &stream.events[n] else {
                continue;
            };
            let found = match among(&stream.events[..n], occasion) {
                Some(found) => found.map(|n| stream.expected_sequence + n as u64 + 1),
                None if occasion.alongside => None,
                None => stored(pool, stream.aggregate_type, stream.aggregate_id, occasion).await?,
            };
            stream.events[n].cause = found.map(|sequence| stream.event_id(sequence));
        }
    }
    Ok(())
}

/// The place of the reason among events of the same append; none where they say nothing about it,
/// and a none within where they say that there is none.
fn among(events: &[NewEvent], occasion: &Occasion) -> Option<Option<usize>> {
    events.iter().enumerate().rev().find_map(|(n, event)| {
        let has = |field: &str| event.payload.as_ref().is_ok_and(|p| p.get(field).is_some());
        let is = |k: &Kind| k.event_type == event.event_type && k.field.is_none_or(has);
        if occasion.kinds.iter().any(is) {
            return Some(Some(n));
        }
        occasion.over.contains(&event.event_type.as_str()).then_some(None)
    })
}

/// The same among the stored events.
pub(crate) async fn stored(
    pool: &PgPool,
    aggregate_type: &str,
    aggregate_id: Uuid,
    occasion: &Occasion,
) -> Result<Option<u64>, sqlx::Error> {
    let (types, fields): (Vec<&str>, Vec<Option<&str>>) =
        occasion.kinds.iter().map(|k| (k.event_type, k.field)).unzip();
    let last: Option<(i64, bool)> = sqlx::query_as(
        "SELECT e.sequence, e.event_type = ANY ($5)
         FROM events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2
           AND (e.event_type = ANY ($5)
                OR EXISTS (SELECT FROM unnest($3::text[], $4::text[]) k (event_type, field)
                           WHERE k.event_type = e.event_type
                             AND (k.field IS NULL OR e.payload->k.field IS NOT NULL)))
         ORDER BY e.sequence DESC LIMIT 1",
    )
    .bind(aggregate_type)
    .bind(aggregate_id.to_string())
    .bind(types)
    .bind(fields)
    .bind(occasion.over)
    .fetch_optional(pool)
    .await?;
    Ok(last.filter(|(_, over)| !over).and_then(|(sequence, _)| sequence.try_into().ok()))
}
