//! Waiting for entries.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use nexavpn_projections::audit::{self, Stretch, Wanted};
use tokio::time::{Instant, sleep_until};

use crate::{
    App,
    auth::{self, Caller, Principal},
    error::ApiError,
};

/// How often whoever waits is asked again who they are, at least.
const ADMITTED: Duration = Duration::from_secs(5);

/// Where a caller is in the log, for as long as it may read it.
pub(super) struct Reader {
    app: App,
    principal: Principal,
    headers: HeaderMap,
    wanted: Wanted,
    pub(super) after: i64,
}

impl Reader {
    pub(super) fn new(
        app: &App,
        caller: &Caller,
        headers: &HeaderMap,
        wanted: Wanted,
        after: i64,
    ) -> Self {
        let (app, principal, headers) = (app.clone(), caller.principal, headers.clone());
        Self { app, principal, headers, wanted, after }
    }

    /// The next entries as soon as there are any, or none at `until` and when the server stops.
    ///
    /// # Errors
    /// 401 where the caller has been shut out meanwhile; 409 where the log ends before the place
    /// that the caller names, and still does at `until`.
    pub(super) async fn next(&mut self, limit: u32, until: Instant) -> Result<Stretch, ApiError> {
        let mut closing = self.app.closing.clone();
        loop {
            let folded = self.app.projections.folded(audit::NAME);
            let read = self.app.feed.after(&self.wanted, self.after, limit, folded).await?;
            let ended = Instant::now() >= until || *closing.borrow();
            if read.end < self.after && ended {
                return Err(past_the_end(read.end));
            }
            self.after = read.next;
            if !read.items.is_empty() || ended {
                return Ok(read);
            }
            // What this process does not know of yet may be there already.
            let seen = self.after.max(self.app.projections.folded(audit::NAME));
            let asked = Instant::now() + ADMITTED;
            tokio::select! {
                more = self.app.projections.past(audit::NAME, seen) => if !more {
                    return Ok(read);
                },
                () = sleep_until(until.min(asked)) => {}
                // An error means that nobody is left who could close: the same.
                _ = closing.wait_for(|closing| *closing) => {}
            }
            self.still_admitted().await?;
        }
    }

    /// Much can happen in a wait.
    async fn still_admitted(&self) -> Result<(), ApiError> {
        let principal = auth::authenticate(&self.app, &self.headers).await?;
        if principal == self.principal { Ok(()) } else { Err(auth::sign_in()) }
    }
}

pub(super) fn past_the_end(end: i64) -> ApiError {
    let message = format!(
        "the log ends at {end}, before the number that `after` names: it may have been restored \
         from a backup. Go on from a number that it has"
    );
    ApiError::new(StatusCode::CONFLICT, "past_the_end", message)
}
