//! `GET /admin/audit-logs/stream`

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use nexavpn_projections::audit::{self, Entry};
use tokio::time::Instant;
use utoipa::IntoParams;

use super::{Filter, reader::Reader};
use crate::{App, auth::Caller, error::ApiError, extract::Query};

/// How often a line is sent where nothing happens, so that nobody in between takes the connection
/// for dead, and we notice where it is.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After this time the stream ends, and the client comes again: connections spread anew over the
/// processes behind an address.
const LIFETIME: Duration = Duration::from_secs(3600);
/// How many entries are read at a time.
const AT_A_TIME: u32 = 200;

/// Where a reader begins.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The number of the last entry that the reader has; 0 for the beginning of the log. Without
    /// it, and without `Last-Event-ID`, the stream begins with what happens next.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// What is still to be sent.
struct Rest {
    reader: Reader,
    until: Instant,
    read: VecDeque<Arc<Entry>>,
    ended: bool,
}

/// The audit log as server-sent events, in the order of its numbers, each as soon as it is there.
/// The `id` of an event is the entry's number; with `Last-Event-ID` (which browsers send by
/// themselves) the stream goes on after it, and nothing is left out. The event `error` ends the
/// stream.
#[utoipa::path(
    get,
    path = "/admin/audit-logs/stream",
    operation_id = "audit_logs_stream",
    tag = "audit",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event received; it comes before `after`."),
        Asked,
        Filter,
    ),
    responses(
        (status = 200, description = "The events `entry`, whose data are entries of the audit log.", body = String, content_type = "text/event-stream"),
        (status = 409, description = "`past_the_end`: the log ends before the number that was named, as one does that was restored from a backup"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (filter, numbers) = Filter::take(pairs, &["after"])?;
    let asked = Asked { after: numbers.get("after") };
    let last = match headers.get("last-event-id").map(|id| id.to_str().map(str::parse::<i64>)) {
        None => None,
        Some(Ok(Ok(id))) if id >= 0 => Some(id),
        Some(_) => return Err(ApiError::field("Last-Event-ID", "must be the id of an event")),
    };
    app.level_audit_log().await?;
    let newest = || app.projections.folded(audit::NAME);
    let after = last.or(asked.after).unwrap_or_else(newest);
    let mut reader = Reader::new(&app, &caller, &headers, filter.wanted()?, after);
    // What is wrong from the beginning has a status of its own.
    let now = Instant::now();
    let read = reader.next(AT_A_TIME, now).await?.items.into();
    let rest = Rest { reader, until: now + LIFETIME, read, ended: false };
    let events = stream::unfold(rest, |mut rest| async move {
        let event = rest.next().await?;
        Some((Ok::<_, Infallible>(event), rest))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Rest {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if self.read.is_empty() {
            match self.reader.next(AT_A_TIME, self.until).await {
                Ok(read) => self.read = read.items.into(),
                Err(error) => {
                    self.ended = true;
                    return Some(Event::default().event("error").data(error.code()));
                }
            }
        }
        let entry = self.read.pop_front()?;
        match Event::default().event("entry").id(entry.idx.to_string()).json_data(&*entry) {
            Ok(event) => Some(event),
            Err(error) => {
                // Never left out: the client asks for it again.
                tracing::error!(%error, idx = entry.idx, "an entry cannot be written as JSON");
                self.ended = true;
                Some(Event::default().event("error").data("internal_error"))
            }
        }
    }
}
