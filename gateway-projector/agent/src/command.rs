//! Runs the system's tools: `nft`, `ip`, `wg`.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use thiserror::Error;
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
        source: io::Error,
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

/// What a tool reads.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its standard input.
    pub text: &'a str,
    /// Stays locked until the tool has ended, also where this process ends before it.
    pub lock: Option<&'a File>,
}

/// Runs `program` and returns its standard output; nothing where it was given a lock.
///
/// # Errors
/// [`CommandError`] if it cannot be started, fails, or hangs.
pub async fn run(
    program: &'static str,
    args: &[&str],
    input: Option<Input<'_>>,
) -> Result<Vec<u8>, CommandError> {
    let start = |source| CommandError::Start { program, source };
    let (mut stdin, mut stdout) = (Stdio::null(), Stdio::piped());
    if let Some(Input { text, lock }) = input {
        stdin = whole(text).map_err(start)?.into();
        if let Some(lock) = lock {
            // A tool that is given something to do has nothing to say, and so this
            // is a way to have it share the open file, to which the lock belongs.
            stdout = lock.try_clone().map_err(start)?.into();
        }
    }
    let child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
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

/// A file in memory. From a pipe a tool would take what there is for all, if
/// this process were killed while it writes: half a firewall.
fn whole(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("input", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tool_has_all_of_its_input_from_the_beginning() {
        let input = Input { text: &"x".repeat(1 << 20), lock: None };
        let size = run("stat", &["-L", "-c", "%s", "/dev/stdin"], Some(input)).await.unwrap();
        assert_eq!(String::from_utf8(size).unwrap().trim(), "1048576");
    }

    /// `flock` gets a lock that is taken already only where it belongs to the very
    /// open file that it was given.
    #[tokio::test]
    async fn a_tool_shares_the_lock_that_it_is_given() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let lock = File::options().write(true).open(&path).unwrap();
        let other = File::options().write(true).open(&path).unwrap();
        lock.lock().unwrap();
        let shares = async |lock| {
            let input = Input { text: "", lock: Some(lock) };
            run("flock", &["--exclusive", "--nonblock", "1"], Some(input)).await.is_ok()
        };
        assert!(shares(&lock).await);
        assert!(!shares(&other).await);
    }
}
