//! Writing to the terminal.

use std::io::Write as _;

/// A line on standard output. A reader that has gone (`| head`) is no reason to panic.
pub(super) fn out(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error.
pub(super) fn err(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Lines in a frame, so that they are not missed between others.
pub(super) fn frame(lines: &[String]) {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = "─".repeat(width + 4);
    out(&format!("┌{rule}┐"));
    for line in lines {
        let rest = " ".repeat(width - line.chars().count());
        out(&format!("│  {line}{rest}  │"));
    }
    out(&format!("└{rule}┘"));
}

/// `1 event`, `2 events`.
pub(super) fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}
