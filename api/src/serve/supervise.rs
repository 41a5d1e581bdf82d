//! Keeps the embedded PostgreSQL running as long as the server runs.

use std::time::Duration;

use tokio::sync::oneshot;

use super::ServeError;
use crate::postgres::{EmbeddedPostgres, Error, Options};

/// The pause after a start that failed, doubled each time up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Starts PostgreSQL again where it ends by itself (killed for want of memory, for example). The
/// connections of the pools come back by themselves, since the socket keeps its place.
pub(super) struct Supervisor {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Result<(), Error>>,
}

impl Supervisor {
    /// On a thread and a runtime of its own, which go on when everything else has ended.
    pub(super) fn start(postgres: EmbeddedPostgres, options: Options) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Supervisor { source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (stop, told) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("supervisor".to_owned());
        let supervisor = move || {
            let result = runtime.block_on(supervise(postgres, options, told));
            // Where nobody asks any more, there is nobody to tell.
            let _ = done.send(result);
        };
        thread.spawn(supervisor).map_err(failed)?;
        Ok(Self { stop, stopped })
    }

    /// Shuts PostgreSQL down.
    pub(super) async fn stop(self) -> Result<(), ServeError> {
        // Where the thread has ended there is nobody to tell, and nothing to stop.
        let _ = self.stop.send(());
        self.stopped.await.unwrap_or(Ok(())).map_err(ServeError::from)
    }
}

async fn supervise(
    mut postgres: EmbeddedPostgres,
    options: Options,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            _ = &mut stop => return postgres.stop().await,
            () = postgres.exited() => {}
        }
        tracing::error!(log = %postgres.log_file().display(), "PostgreSQL has ended: starting it again");
        // Lets go of the lock on the directory.
        drop(postgres);
        let mut pause = FIRST_PAUSE;
        postgres = loop {
            let started = tokio::select! {
                _ = &mut stop => return Ok(()),
                started = EmbeddedPostgres::start(options.clone()) => started,
            };
            match started {
                Ok(postgres) => break postgres,
                Err(error) => tracing::error!(%error, "PostgreSQL does not start: trying again"),
            }
            tokio::select! {
                _ = &mut stop => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        tracing::info!("PostgreSQL runs again");
    }
}
