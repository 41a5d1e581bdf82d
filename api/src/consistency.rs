//! Reading after writing: whoever wrote sees it in the next read, from anywhere.
//!
//! It is the reader who waits. A command is answered once its events have their numbers, and each
//! request asks, with who sent it, where the log ends: what it reads is at least as new as that.
//! Commands whose answer is read back, or that read before they act, wait for the same reason.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexavpn_gateway_projector::Waited;
use nexavpn_projections::ReadError;
use nexavpn_store::{Position, Recorded};
use uuid::Uuid;

use crate::{App, error::ApiError};

/// Names the position of a write; sent back, it makes a read wait for that write.
pub const TOKEN: &str = "x-consistency-token";
/// `pending` where the write is committed but the read models were not there in time.
pub const CONSISTENCY: &str = "x-consistency";

/// How many events may be acknowledged before they are folded: whoever makes more waits.
const AHEAD: i64 = 256;

/// What is waited for, besides an event's number and the fleet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadModels {
    /// Those that do not trail have all but this many of the events.
    AllBut(i64),
    /// Those that trail have all of them, too.
    Everything,
}

/// All that reads wait for.
const READABLE: ReadModels = ReadModels::AllBut(0);

/// How the answer to a command tells where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    position: Option<Position>,
    pending: bool,
}

/// The furthest change of this process that was acknowledged before it could be read, until it
/// can be.
///
/// Such changes are there where PostgreSQL fails between a commit and its fold: they were never in
/// a read model, so the checkpoints do not tell that one of them is missing.
#[derive(Debug, Default)]
pub struct Unread(Mutex<Option<Position>>);

impl Unread {
    fn note(&self, position: Position) {
        let mut furthest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *furthest = (*furthest).max(Some(position));
    }

    fn furthest(&self) -> Option<Position> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, position: Position) {
        let mut furthest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *furthest <= Some(position) {
            *furthest = None;
        }
    }
}

/// Since when reads have been waiting for the read models, and where those stood then.
#[derive(Debug, Default)]
pub struct Stalled(Mutex<Option<(i64, Instant)>>);

impl Stalled {
    /// Until when to wait for read models that are here, and behind: where they have not moved for
    /// so long, nobody waits any more.
    fn deadline(&self, folded: i64, bound: Duration) -> Instant {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *since {
            Some((at, since)) if at == folded => since + bound,
            _ => {
                let now = Instant::now();
                *since = Some((folded, now));
                now + bound
            }
        }
    }
}

impl App {
    /// Whether everything that this process acknowledged can be read.
    pub async fn has_settled(&self) -> bool {
        let Some(position) = self.unread.furthest() else { return true };
        let reached = self.reach(position, READABLE, Duration::ZERO).await;
        if reached {
            self.unread.seen(position);
        }
        reached
    }

    /// Waits until a command's events have their numbers and the fleet has them, within the bound.
    /// Whoever reads them waits for the read models: see [`level`](Self::level). Here they are
    /// waited for only where they are far behind; where they do not move the answer is `pending`.
    pub async fn acknowledge(&self, position: Option<Position>) -> Settled {
        let settled = self.settle_in(position, ReadModels::AllBut(AHEAD)).await;
        if let Some(position) = position {
            self.unread.note(position);
        }
        let pending = settled.pending || self.level_by() < Instant::now();
        Settled { pending: pending && position.is_some(), ..settled }
    }

    /// Waits until the read models and the fleet have a command's events, within the bound: for
    /// answers that are read from there.
    pub async fn settle(&self, position: Option<Position>) -> Settled {
        self.settle_in(position, READABLE).await
    }

    /// The same for a command whose answer speaks of every table: an erasure.
    pub async fn settle_everywhere(&self, position: Option<Position>) -> Settled {
        self.settle_in(position, ReadModels::Everything).await
    }

    async fn settle_in(&self, position: Option<Position>, read_models: ReadModels) -> Settled {
        let Some(at) = position else { return Settled { position, pending: false } };
        let reached = self.reach(at, read_models, self.http.consistency_wait).await;
        if !reached {
            tracing::warn!(position = %at, "the read models were not there in time for an answer");
            self.unread.note(at);
        }
        Settled { position, pending: !reached }
    }

    /// Waits until the read models and the fleet have everything up to event `log_end`, which was
    /// asked for when a request came. `false` where they are not there in time, and at once where
    /// they have not moved for that long.
    pub async fn level(&self, log_end: i64) -> bool {
        let store = self.commands.store();
        store.look_for(log_end);
        // What this process knows besides, PostgreSQL may have forgotten for a moment.
        let idx = log_end.max(store.head().borrow().idx);
        self.caught_up(idx, READABLE, self.level_by()).await
    }

    /// When the read models should have what is in the log now: in the past where they have not
    /// moved for long.
    fn level_by(&self) -> Instant {
        let bound = self.http.consistency_wait;
        let folded = self.projections.leading();
        if folded < self.commands.store().head().borrow().idx {
            self.stalled.deadline(folded, bound)
        } else {
            Instant::now() + bound
        }
    }

    /// Waits until the audit log has every change that was answered before, by any process: it
    /// trails the other read models, and only its readers wait for it.
    ///
    /// # Errors
    /// 503 where it is not there in time.
    pub async fn level_audit_log(&self) -> Result<(), ApiError> {
        let deadline = Instant::now() + self.http.consistency_wait;
        let head = self.commands.store().log().head().await.map_err(ReadError::from)?;
        self.projections
            .wait_for_all(head.idx, deadline.into())
            .await
            .map_err(|_| not_yet("the newest changes are not in the audit log yet: try again"))
    }

    async fn reach(&self, position: Position, read_models: ReadModels, bound: Duration) -> bool {
        let deadline = Instant::now() + bound;
        match self.commands.store().wait_sequenced(position, deadline).await {
            Ok(idx) => self.caught_up(idx, read_models, deadline).await,
            Err(_) => false,
        }
    }

    async fn caught_up(&self, idx: i64, read_models: ReadModels, deadline: Instant) -> bool {
        let folded = async {
            let deadline = deadline.into();
            match read_models {
                ReadModels::AllBut(few) => self.projections.wait_for(idx - few, deadline).await,
                ReadModels::Everything => self.projections.wait_for_all(idx, deadline).await,
            }
        };
        let (folded, fleet) = tokio::join!(folded, self.fleet.wait_for(idx, deadline));
        folded.is_ok() && fleet != Waited::TimedOut
    }
}

impl Settled {
    /// The events that the command appended to an aggregate, where this process has them at hand.
    pub(crate) fn just_appended(&self, app: &App, of: (&str, Uuid)) -> Vec<Recorded> {
        let log = app.commands.store().log();
        self.position.map_or_else(Vec::new, |position| log.just_appended(position, of.0, of.1))
    }

    /// The same once the read models have the command's events.
    pub(crate) async fn readable(self, app: &App) -> Self {
        // A command that changed nothing is answered with what others did before.
        let level = match self.position {
            Some(_) => return app.settle(self.position).await,
            None => app.level(0).await,
        };
        Self { pending: !level, ..self }
    }

    /// The answer with the headers that say where it stands.
    #[must_use]
    pub fn answer(self, response: impl IntoResponse) -> Response {
        let mut response = response.into_response();
        self.write(response.headers_mut());
        response
    }

    /// The answer to a change with what it made. Where that cannot be read back the change has
    /// happened all the same: the answer then is `bare`, and says that reading is behind.
    ///
    /// # Errors
    /// What kept it from being read, where nothing was changed.
    pub fn answer_or(
        self,
        view: Result<Response, ApiError>,
        bare: impl IntoResponse,
    ) -> Result<Response, ApiError> {
        match view {
            Ok(view) => Ok(self.answer(view)),
            Err(_) if self.position.is_some() => Ok(Self { pending: true, ..self }.answer(bare)),
            Err(error) => Err(error),
        }
    }

    fn write(self, headers: &mut HeaderMap) {
        if let Some(position) = self.position
            && let Ok(value) = HeaderValue::from_str(&position.to_string())
        {
            headers.insert(TOKEN, value);
        }
        if self.pending {
            headers.insert(CONSISTENCY, HeaderValue::from_static("pending"));
        }
    }
}

/// Answers once the read models have all that was acknowledged when the request came. Where they
/// are not there in time the answer says so; and what it did not find may be about to be there.
pub(crate) async fn read_level<E: From<ApiError> + IntoResponse>(
    app: &App,
    log_end: i64,
    answer: impl Future<Output = Response>,
) -> Response {
    if app.level(log_end).await {
        return answer.await;
    }
    let mut response = answer.await;
    if response.status() == StatusCode::NOT_FOUND {
        let not_yet = not_yet("the newest changes are not readable yet: try again");
        response = E::from(not_yet).into_response();
    }
    response.headers_mut().insert(CONSISTENCY, HeaderValue::from_static("pending"));
    response
}

/// Makes a request that names a position wait for it.
///
/// # Errors
/// 400 for a malformed token, 503 where the position is not reached in time.
pub async fn wait_for_token(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(token) = request.headers().get(TOKEN) {
        let position: Option<Position> = token.to_str().ok().and_then(|t| t.parse().ok());
        let Some(position) = position else {
            return Err(ApiError::field("X-Consistency-Token", "is not a token of ours"));
        };
        if !app.reach(position, READABLE, app.http.consistency_wait).await {
            return Err(not_yet("the change that the token names is not readable yet: try again"));
        }
    }
    Ok(next.run(request).await)
}

fn not_yet(message: &str) -> ApiError {
    ApiError::unavailable("not_yet_consistent", message, 1)
}
