//! `GET /admin/gateways/{id}/sync/stream`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use nexavpn_domain::ids::GatewayId;
use tokio::time::Instant;

use super::newest::Newest;
use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// How often a line is sent where nothing happens, so that nobody in between takes the connection
/// for dead, and we notice where it is.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After this time the stream ends, and the client comes again: connections spread anew over the
/// processes behind an address.
const LIFETIME: Duration = Duration::from_secs(3600);

/// What was sent last.
struct Sent {
    newest: Newest,
    until: Instant,
    has: Option<(i64, i64, String)>,
    ended: bool,
}

/// The gateway's bundles as server-sent events, each as soon as it is there: the newest one at
/// once, then what leads from each to the next. The `id` of an event is `<epoch>.<revision>`;
/// `Last-Event-ID` names the bundle that the client has. Whoever reads slowly skips bundles, never
/// the newest one. The event `error` ends the stream.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/sync/stream",
    operation_id = "gateways_sync_stream",
    tag = "gateways",
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event received.")),
    responses((status = 200, description = "The events `bundle`, whose data are those of `GET /admin/gateways/{id}/sync`.", body = String, content_type = "text/event-stream"), (status = 409, description = "`history_lost`: the gateway has applied a bundle that this control plane does not know")),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let named = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let named = named.and_then(|id| {
        let (epoch, revision) = id.split_once('.')?;
        Some((epoch.parse().ok()?, revision.parse().ok()?))
    });
    let mut newest = Newest::new(&app, id, &caller, &headers);
    // What is wrong from the beginning has a status of its own.
    let now = Instant::now();
    let first = newest.other_than(None, now, |_| false).await?;
    // A bundle of another epoch leads nowhere here. The key that signed is not named: where it is
    // another one, that has another revision too.
    let named = named.filter(|(epoch, _)| *epoch == first.bundle.epoch);
    let has = named.map(|(epoch, revision): (i64, i64)| {
        let same = (epoch, revision) == (first.bundle.epoch, first.bundle.revision);
        let key = if same { first.bundle.key_id.clone() } else { String::new() };
        (epoch, revision, key)
    });
    let sent = Sent { newest, until: now + LIFETIME, has, ended: false };
    let events = stream::unfold(sent, |mut sent| async move {
        if sent.ended {
            return None;
        }
        let event = sent.next().await?;
        Some((Ok::<_, Infallible>(event), sent))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Sent {
    /// The next bundle; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        let has = self.has.clone();
        let since = has.as_ref().map(|(_, revision, _)| *revision);
        let same = |epoch: i64, revision: i64, key_id: &str| {
            has.as_ref().is_some_and(|(e, r, k)| (*e, *r, k.as_str()) == (epoch, revision, key_id))
        };
        let served = self
            .newest
            .other_than(since, self.until, |b| same(b.epoch, b.revision, &b.key_id))
            .await;
        let served = match served {
            Ok(served) => served,
            Err(error) => {
                self.ended = true;
                return Some(Event::default().event("error").data(error.code()));
            }
        };
        let bundle = &served.bundle;
        if same(bundle.epoch, bundle.revision, &bundle.key_id) {
            return None;
        }
        self.has = Some((bundle.epoch, bundle.revision, bundle.key_id.clone()));
        let body = served.delta.as_ref().unwrap_or(&bundle.body);
        // JSON without white space: one line of UTF-8.
        let data = String::from_utf8_lossy(body);
        let id = format!("{}.{}", bundle.epoch, bundle.revision);
        Some(Event::default().event("bundle").id(id).data(data))
    }
}
