//! Waiting for a bundle.

use axum::http::HeaderMap;
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::{Published, Served};
use tokio::time::{Instant, sleep_until};

use super::refused;
use crate::{
    App,
    auth::{self, Caller, Principal},
    error::ApiError,
};

/// What a caller may fetch of a gateway, for as long as it may.
pub(super) struct Newest {
    app: App,
    id: GatewayId,
    principal: Principal,
    headers: HeaderMap,
}

impl Newest {
    pub(super) fn new(app: &App, id: GatewayId, caller: &Caller, headers: &HeaderMap) -> Self {
        Self { app: app.clone(), id, principal: caller.principal, headers: headers.clone() }
    }

    /// The newest bundle as soon as it is not one that the caller has, or the one that the caller
    /// has at `until` and when the server stops.
    ///
    /// # Errors
    /// What keeps it from being published; 401 where the caller has been shut out meanwhile.
    pub(super) async fn other_than(
        &mut self,
        since: Option<i64>,
        until: Instant,
        has: impl Fn(&Published) -> bool,
    ) -> Result<Served, ApiError> {
        let mut closing = self.app.closing.clone();
        let mut waited = false;
        loop {
            // Before the bundle is asked for, so that none slips in between.
            let revisions = self.app.publisher.revisions(self.id);
            let now = self.app.commands.now();
            let served = self.app.publisher.serve(self.id, since, waited, now);
            let served = if waited {
                // At once, for a node waits; and only who is still admitted is told anything.
                let (admitted, served) = tokio::join!(self.still_admitted(), served);
                admitted?;
                served
            } else {
                served.await
            };
            let served = served.map_err(refused)?;
            let Some(mut revisions) = revisions.filter(|_| has(&served.bundle)) else {
                return Ok(served);
            };
            tokio::select! {
                // An end means that the gateway was deleted, which is found out next.
                _ = revisions.changed() => {}
                () = sleep_until(until) => return Ok(served),
                // An error means that nobody is left who could close: the same.
                _ = closing.wait_for(|closing| *closing) => return Ok(served),
            }
            waited = true;
        }
    }

    /// Much can happen in a wait.
    async fn still_admitted(&self) -> Result<(), ApiError> {
        let principal = auth::authenticate(&self.app, &self.headers).await?;
        if principal == self.principal { Ok(()) } else { Err(auth::sign_in()) }
    }
}
