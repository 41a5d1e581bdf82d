//! Reading after writing: whoever wrote sees it in the next read, from anywhere.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexavpn_gateway_projector::Waited;
use nexavpn_projections::ReadError;
use nexavpn_store::Position;

use crate::{App, error::ApiError};

/// Names the position of a write; sent back, it makes a read wait for that write.
pub const TOKEN: &str = "x-consistency-token";
/// `pending` where the write is committed but the read models were not there in time.
pub const CONSISTENCY: &str = "x-consistency";

/// Which read models are waited for.
#[derive(Clone, Copy)]
enum ReadModels {
    /// Those that every write waits for.
    Awaited,
    /// Those that trail, too.
    All,
}

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

impl App {
    /// Whether everything that this process acknowledged can be read.
    pub async fn has_settled(&self) -> bool {
        let Some(position) = self.unread.furthest() else { return true };
        let reached = self.reach(position, ReadModels::Awaited, Duration::ZERO).await;
        if reached {
            self.unread.seen(position);
        }
        reached
    }

    /// Waits until the read models and the fleet have a command's events, within the bound.
    pub async fn settle(&self, position: Option<Position>) -> Settled {
        self.settle_in(position, ReadModels::Awaited).await
    }

    /// The same for a command whose answer speaks of every table: an erasure.
    pub async fn settle_everywhere(&self, position: Option<Position>) -> Settled {
        self.settle_in(position, ReadModels::All).await
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
        let store = self.commands.store();
        let Ok(idx) = store.wait_sequenced(position, deadline).await else { return false };
        let read_models = async {
            match read_models {
                ReadModels::Awaited => self.projections.wait_for(idx, deadline.into()).await,
                ReadModels::All => self.projections.wait_for_all(idx, deadline.into()).await,
            }
        };
        let fleet = self.fleet.wait_for(idx, deadline);
        let (read_models, fleet) = tokio::join!(read_models, fleet);
        read_models.is_ok() && fleet != Waited::TimedOut
    }
}

impl Settled {
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
        if !app.reach(position, ReadModels::Awaited, app.http.consistency_wait).await {
            return Err(not_yet("the change that the token names is not readable yet: try again"));
        }
    }
    Ok(next.run(request).await)
}

fn not_yet(message: &str) -> ApiError {
    ApiError::unavailable("not_yet_consistent", message, 1)
}
