//! Keys and checkpoints from files.

use std::path::{Path, PathBuf};

use nexavpn_proof::{Checkpoint, NoteVerifier};

use crate::cli::CliError;

/// The checkpoints in these files, each with the file, where the log has signed them.
pub(super) fn kept<'a>(
    key: &NoteVerifier,
    files: &'a [PathBuf],
) -> Result<Vec<(&'a Path, Checkpoint)>, CliError> {
    let read = |path: &'a PathBuf| {
        let said = |error: &dyn std::fmt::Display| {
            CliError::Said(format!("the checkpoint {}: {error}", path.display()))
        };
        let note = std::fs::read_to_string(path).map_err(|error| said(&error))?;
        Ok((path.as_path(), key.open(&note).map_err(|error| said(&error))?))
    };
    files.iter().map(read).collect()
}

/// A verifier key, or the first line of the file of this name.
pub(super) fn verifier(text: &str) -> Result<NoteVerifier, CliError> {
    if let Ok(key) = NoteVerifier::parse(text.trim()) {
        return Ok(key);
    }
    let read = std::fs::read_to_string(text).ok();
    let line = read.as_deref().and_then(|read| read.lines().next()).unwrap_or(text);
    NoteVerifier::parse(line.trim()).map_err(|error| {
        CliError::Said(format!("--key: {error}; `nexavpn audit key` prints it on the server"))
    })
}
