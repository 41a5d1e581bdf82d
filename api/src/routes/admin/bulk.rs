//! One action on many ids: each item is a command of its own, with the rules of the single route.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Display,
    hash::Hash,
    time::{Duration, Instant},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::{StreamExt as _, stream};
use nexavpn_commands::{CommandError, Done, Request};
use nexavpn_store::Position;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, ErrorFields, RefusedCodes},
};

/// The most ids of one request.
const MAX_IDS: usize = 1000;
/// How many commands of one request run at once where none depends on another. Together they share
/// commits; more would only take the connections of others.
pub(super) const TOGETHER: usize = 8;
/// One after the other, in the order of the request, where what one does depends on those before it.
pub(super) const IN_TURN: usize = 1;

/// What became of one id.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkItem)]
pub(super) struct Item<I> {
    id: I,
    /// The status that the single route would have answered.
    status: u16,
    /// What the single route would have said; none where it happened.
    error: Option<ErrorFields>,
}

/// The answer: one item for each id, in the order of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkAnswer)]
pub(super) struct Answer<I> {
    succeeded: usize,
    failed: usize,
    results: Vec<Item<I>>,
}

/// Ids to act on, checked.
pub(super) struct Ids<I> {
    all: Vec<I>,
}

/// What became of the distinct ids, in their order, and where the newest change is.
pub(super) struct Outcome {
    results: Vec<Result<StatusCode, ApiError>>,
    position: Option<Position>,
}

impl<I: Copy + Eq + Hash + Serialize> Ids<I> {
    /// The ids of a request.
    ///
    /// # Errors
    /// 400 where there are none or too many of them, or with `If-Match`, which names one entity's
    /// version.
    pub(super) fn of(caller: &Caller, ids: Vec<I>) -> Result<Self, ApiError> {
        if ids.is_empty() {
            return Err(ApiError::field("ids", "must name at least one id"));
        }
        if ids.len() > MAX_IDS {
            let message = format!("must name at most {MAX_IDS} ids, names {}", ids.len());
            return Err(ApiError::field("ids", message));
        }
        if caller.request.if_match.is_some() {
            let message = "names the version of one entity: leave it out of a bulk request";
            return Err(ApiError::field("If-Match", message));
        }
        Ok(Self { all: ids })
    }

    /// Every id once, in the order of the request.
    pub(super) fn distinct(&self) -> Vec<I> {
        let mut seen = HashSet::with_capacity(self.all.len());
        self.all.iter().copied().filter(|id| seen.insert(*id)).collect()
    }

    /// Runs a command for each id, so many at once. One that fails does not stop the others. What
    /// was not begun early enough to be answered in time is reported as such; what happened when
    /// the same request was sent before is done.
    pub(super) async fn each<F, Fut>(
        &self,
        at_once: usize,
        app: &App,
        caller: &Caller,
        done: StatusCode,
        command: F,
    ) -> Outcome
    where
        F: Fn(Request, I) -> Fut,
        Fut: Future<Output = Result<Done<()>, CommandError>>,
        I: Display,
    {
        let last_begin = Instant::now() + begin_within(app.http.timeout);
        let runs = self.distinct().into_iter().map(|id| {
            let command = &command;
            async move {
                if Instant::now() > last_begin {
                    return Err(not_tried());
                }
                let part = caller.request.part(id);
                let before = Done { value: (), position: None };
                if app.commands.part_happened(&part).await? {
                    return Ok(before);
                }
                match command(part.clone(), id).await {
                    // Another process was first with the same request.
                    Err(_) if app.commands.part_happened(&part).await? => Ok(before),
                    done => done.map_err(ApiError::from),
                }
            }
        });
        let runs: Vec<Result<Done<()>, ApiError>> =
            stream::iter(runs).buffered(at_once).collect().await;
        let position = runs.iter().flatten().filter_map(|run| run.position).max();
        let results = runs.into_iter().map(|run| run.map(|_| done)).collect();
        Outcome { results, position }
    }

    /// 200 with a result for each id, after one wait for the read models.
    pub(super) async fn answer(self, app: &App, outcome: Outcome) -> Response {
        let settled = app.settle(outcome.position).await;
        let results = self.items(outcome);
        let failed = results.iter().filter(|item| item.error.is_some()).count();
        let succeeded = results.len() - failed;
        let errors = results.iter().filter_map(|item| Some(item.error.as_ref()?.code));
        let codes: BTreeSet<&'static str> = errors.collect();
        let mut response = Json(Answer { succeeded, failed, results }).into_response();
        if !codes.is_empty() {
            response.extensions_mut().insert(RefusedCodes(codes.into_iter().collect()));
        }
        settled.answer(response)
    }

    /// Of a rehearsal: to which it would not be done, and why.
    ///
    /// # Errors
    /// 503 where there was no time for all of them: what the others would do is not the whole.
    pub(super) fn refused(self, outcome: Outcome) -> Result<Vec<Item<I>>, ApiError> {
        let not_tried = not_tried();
        let mut items = self.items(outcome);
        items.retain(|item| item.error.is_some());
        let code = |item: &Item<I>| item.error.as_ref().map(|error| error.code);
        if items.iter().any(|item| code(item) == Some(not_tried.code())) {
            return Err(not_tried);
        }
        Ok(items)
    }

    fn items(self, outcome: Outcome) -> Vec<Item<I>> {
        let mut results = outcome.results.into_iter();
        let mut seen = HashSet::with_capacity(self.all.len());
        let items = self.all.into_iter().map(|id| {
            let result = if seen.insert(id) { results.next() } else { Some(Err(twice())) };
            match result.unwrap_or_else(|| Err(not_tried())) {
                Ok(status) => Item { id, status: status.as_u16(), error: None },
                Err(e) => Item { id, status: e.status().as_u16(), error: Some(e.into_fields()) },
            }
        });
        items.collect()
    }
}

impl Outcome {
    /// The outcome of a command that answered for every distinct id.
    pub(super) const fn new(
        results: Vec<Result<StatusCode, ApiError>>,
        position: Option<Position>,
    ) -> Self {
        Self { results, position }
    }
}

/// How long after a request's beginning its last part may begin, so that the answer can be given
/// within the request's bound.
pub(super) fn begin_within(timeout: Duration) -> Duration {
    timeout.mul_f64(0.6)
}

/// The error of what was not begun any more.
pub(super) fn not_tried() -> ApiError {
    let message = "the request took too long before this one's turn: send it again";
    ApiError::unavailable("not_tried", message, 1)
}

fn twice() -> ApiError {
    let message = "the id is named before in this request, where its result stands";
    ApiError::new(StatusCode::BAD_REQUEST, "duplicate_id", message)
}
