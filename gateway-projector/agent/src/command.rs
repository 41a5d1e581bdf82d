//! Runs the system's tools: `nft`, `ip`, `wg`.

use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Long enough for a first load on a busy node, short enough to notice a hang.
const LIMIT: Duration = Duration::from_secs(60);

/// A tool that did not do what it was asked.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It could not be started at all.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The tool.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} failed: {message}")]
    Failed {
        /// The tool.
        program: &'static str,
        /// The beginning of what it wrote to stderr.
        message: String,
    },
    /// It did not end.
    #[error("{program} did not finish within {} s", LIMIT.as_secs())]
    TimedOut {
        /// The tool.
        program: &'static str,
    },
}

/// Runs `program` and returns its standard output.
///
/// # Errors
/// [`CommandError`] if it cannot be started, fails, or hangs.
pub async fn run(
    program: &'static str,
    args: &[&str],
    stdin: Option<&str>,
) -> Result<Vec<u8>, CommandError> {
    let start = |source| CommandError::Start { program, source };
    let mut child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let pipe = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(text)) = (pipe, stdin) {
            // A tool that stops reading says why on stderr.
            let _ = pipe.write_all(text.as_bytes()).await;
        }
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = tokio::time::timeout(LIMIT, both)
        .await
        .map_err(|_| CommandError::TimedOut { program })?
        .map_err(start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut message: String = text.trim().chars().take(600).collect();
    if message.is_empty() {
        message = output.status.to_string();
    }
    Err(CommandError::Failed { program, message })
}
