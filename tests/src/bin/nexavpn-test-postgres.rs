//! Keeps the PostgreSQL that the tests share.
//!
//! `nexavpn-test-postgres DIR [IDLE_SECONDS]` runs it in DIR until it is told to stop, or until
//! no test process has used it for a while (30 seconds).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nexavpn_tests::harness::Keeper;
use tokio::signal::unix::{SignalKind, signal};

const IDLE_SECONDS: u64 = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(dir) = arguments.next() else {
        eprintln!("usage: nexavpn-test-postgres DIR [IDLE_SECONDS]");
        return ExitCode::from(2);
    };
    let idle = arguments.next();
    let idle = idle.and_then(|text| text.to_str().and_then(|text| text.parse().ok()));
    let patience = Duration::from_secs(idle.unwrap_or(IDLE_SECONDS));
    match keep(PathBuf::from(dir), patience).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nexavpn-test-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn keep(dir: PathBuf, patience: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let keeper = Keeper::start(&dir).await?;
    // Held over the stop, so that no test process walks in meanwhile.
    let _start = tokio::select! {
        idle = keeper.until_idle(patience) => idle?,
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    keeper.stop().await
}
