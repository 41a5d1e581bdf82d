//! What has to exist before anybody can work: an admin, and a key that signs bundles.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nexavpn_commands::{CommandError, Done, FirstAdmin, Random, Request, SIGNING_KEYS};
use nexavpn_domain::{DomainError, security::Security};
use nexavpn_store::{Guard, Position};

use super::{FirstAdminOptions, ServeError, ServeOptions};
use crate::App;

/// Makes what is missing.
pub(super) struct Establish {
    app: App,
    random: Arc<dyn Random>,
    first_admin: FirstAdminOptions,
    bound: Duration,
    done: bool,
}

impl Establish {
    pub(super) fn new(app: App, options: &ServeOptions) -> Self {
        let first_admin = options.first_admin.clone();
        let (random, bound) = (Arc::clone(&options.random), options.pace.establish);
        Self { app, random, first_admin, bound, done: false }
    }

    /// Makes what is missing, once writes are accepted. Answers the admin whom it made.
    pub(super) async fn run(&mut self) -> Result<Option<FirstAdmin>, ServeError> {
        if self.done || self.app.commands.store().guard() != Guard::Ok {
            return Ok(None);
        }
        let admin = self.ensure_admin().await?;
        let key = self.ensure_signing_key().await?;
        self.done = true;
        let admin = admin.map(|done| (done.value, done.position)).unzip();
        if let Some(last) = key.or(admin.1.flatten()) {
            self.settle(last).await;
        }
        Ok(admin.0)
    }

    async fn ensure_admin(&self) -> Result<Option<Done<FirstAdmin>>, ServeError> {
        let commands = &self.app.commands;
        if !commands.needs_first_admin().await? {
            return Ok(None);
        }
        let request = Request::system("setup", commands.new_id());
        let FirstAdminOptions { username, password } = self.first_admin.clone();
        match commands.create_admin(&request, &username, password).await {
            Ok(done) => Ok(Some(done)),
            // Another process was first, or the name belongs to somebody who is no admin any more.
            Err(CommandError::Domain(DomainError::Conflict { code, message, .. })) => {
                tracing::warn!(code, message, "no first admin was made; see `nexavpn admin reset`");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ensure_signing_key(&self) -> Result<Option<Position>, ServeError> {
        let commands = &self.app.commands;
        let known = commands.store().load::<Security>(SIGNING_KEYS).await?.state;
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        let Some(introduce) = self.app.keys.ensure(known.signing_key(), &seed).await? else {
            return Ok(None);
        };
        let request = Request::system("setup", commands.new_id());
        let done = commands.introduce_signing_key(&request, introduce).await?;
        tracing::info!("a new key signs the gateways' bundles");
        Ok(done.position)
    }

    /// Nobody should be turned away right after the first start, because the read models do not
    /// know the admin yet, or the fleet the key that join tokens name.
    async fn settle(&self, position: Position) {
        let deadline = Instant::now() + self.bound;
        let app = &self.app;
        let Ok(idx) = app.commands.store().wait_sequenced(position, deadline).await else { return };
        // Later ones are waited for only by those that have caught up.
        if app.projections.caught_up(deadline.into()).await.is_ok() {
            // It is only a courtesy: the start goes on without.
            let _ = app.projections.wait_for(idx, deadline.into()).await;
        }
        if app.fleet.wait_until_live(deadline).await {
            app.fleet.wait_for(idx, deadline).await;
        }
    }
}
