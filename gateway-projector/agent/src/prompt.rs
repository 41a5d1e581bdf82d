//! Asks for a secret.

use std::io::{self, BufRead, IsTerminal, Read};

/// Longer than every token.
const LONGEST: u64 = 4096;

/// Reads a line of standard input. On a terminal it asks for it first, and does
/// not show what is typed.
///
/// # Errors
/// [`io::Error`] if standard input cannot be read.
pub fn secret(question: &str) -> io::Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return rpassword::prompt_password(question);
    }
    let mut line = String::new();
    stdin.lock().take(LONGEST).read_line(&mut line)?;
    Ok(line)
}
