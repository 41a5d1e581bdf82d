//! The UI's files, apart from its page.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rust_embed::EmbeddedFile;

use super::{
    super::{AsItIs, accept},
    ASSETS, Dist, page,
};

/// What the build compresses: the encoding, and the end of the compressed file's name. The first one
/// that the client takes is sent.
const ENCODINGS: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

/// The file that a path names; none where it names none.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = name(path)?;
    let file = Dist::get(name)?;
    let kind = HeaderValue::from_str(file.metadata.mimetype()).ok()?;
    let compressed = ENCODINGS
        .iter()
        .filter_map(|(encoding, end)| Some((*encoding, Dist::get(&format!("{name}{end}"))?)));
    let compressed: Vec<(&str, EmbeddedFile)> = compressed.collect();
    let varies = !compressed.is_empty();
    let taken = compressed
        .into_iter()
        .find(|(encoding, _)| accept::names(headers, &header::ACCEPT_ENCODING, encoding));
    let (encoding, file) = taken.map_or((None, file), |(encoding, file)| (Some(encoding), file));

    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Body::from(file.data).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        }
        response
    };
    let lasting = path.starts_with(ASSETS);
    let kept = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut add = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    add(header::CACHE_CONTROL, kept);
    if varies {
        add(header::VARY, "accept-encoding");
    }
    // Base64 is always a header's value.
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.extensions_mut().insert(AsItIs);
    Some(response)
}

/// The name of a file that is served as it is. Nothing in it leads elsewhere.
fn name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let plain = name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let variant = ENCODINGS.iter().any(|(_, end)| name.ends_with(end));
    (plain && !variant && name != page::FILE).then_some(name)
}

/// Whether the client has these very bytes.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let tags = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    tags.map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name_ in ["favicon.svg", "assets/index-a1B2.js"] {
            assert_eq!(name(&format!("/{name_}")), Some(name_));
        }
        for path in [
            "/",
            "//etc/passwd",
            "/assets/",
            "/assets/../index.html",
            "/../Cargo.toml",
            "/./favicon.svg",
            "/.vite/manifest.json",
            "/index.html",
            "/assets/index-a1B2.js.br",
            "/assets/index-a1B2.js.gz",
            "*",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
