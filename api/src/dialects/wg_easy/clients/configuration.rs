//! `GET /api/wireguard/client/{id}/configuration`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use super::{
    super::{WgEasy, error::DialectError},
    ClientId,
};

/// The longest file name without its ending, as version 14 cuts it.
const LONGEST: usize = 32;

/// The file for WireGuard, with its keys where they are kept.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    ClientId(id): ClientId,
) -> Result<Response, DialectError> {
    let device = dialect.device(id).await?;
    let file = file_name(device.name.as_deref().unwrap_or_default());
    let file = if file.is_empty() { id.to_string() } else { file };
    let headers = [
        (header::CONTENT_TYPE, "text/plain".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.conf\"")),
    ];
    Ok((headers, dialect.configuration(&device).await?).into_response())
}

/// What WireGuard's programs take as the name of an interface, more or less.
fn file_name(name: &str) -> String {
    let mut file = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || "_=+.-".contains(c) { c } else { '-' };
        if !(c == '-' && file.ends_with('-')) {
            file.push(c);
        }
    }
    file.truncate(LONGEST);
    file.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_client() {
        assert_eq!(file_name("alice_1"), "alice_1");
        assert_eq!(file_name("Alice's  phone "), "Alice-s-phone");
        assert_eq!(file_name("Телефон"), "");
        assert_eq!(file_name(&"x".repeat(64)).len(), 32);
        assert_eq!(file_name("a\"; b\r\n"), "a-b");
    }
}
