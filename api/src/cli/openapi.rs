//! `nexavpn openapi`

use super::output::out;

/// Prints the API's document.
pub(super) fn run() {
    out(crate::openapi::text().trim_end());
}
