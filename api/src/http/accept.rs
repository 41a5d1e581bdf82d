//! What a client says that it takes.

use axum::http::{HeaderMap, HeaderName};

/// Whether a header such as `Accept` names this value itself, and does not exclude it.
pub(in crate::http) fn names(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|first| first.eq_ignore_ascii_case(value));
        named && !parts.any(is_zero)
    })
}

/// `q=0`, with any number of decimals.
fn is_zero(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn gzip(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        names(&headers, &header::ACCEPT_ENCODING, "gzip")
    }

    #[test]
    fn a_value_counts_where_it_is_named_and_not_excluded() {
        for lines in [
            &["gzip"][..],
            &["deflate, gzip;q=0.1, br"],
            &["br", "GZIP ; q=1.0"],
            &["gzip;level=0"],
            &["gzip;q=0.001"],
        ] {
            assert!(gzip(lines), "{lines:?}");
        }
        for lines in
            [&[][..], &["*"], &["gzipped, x-gzip"], &["gzip;q=0"], &["br, gzip; Q=0.000"], &[""]]
        {
            assert!(!gzip(lines), "{lines:?}");
        }
    }
}
