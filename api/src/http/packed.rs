//! Bodies that are sent more than once, and compressed once.

use std::{
    io::{self, Write as _},
    sync::{Arc, OnceLock},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::{PACKET, accept};

/// JSON, as it is and, once somebody takes it so, compressed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Packed(Arc<Forms>);

struct Forms {
    json: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Packed {
    pub(crate) fn new(json: Vec<u8>) -> Self {
        Self(Arc::new(Forms { json: json.into(), gzip: OnceLock::new() }))
    }

    /// The answer to a request with these headers: what the layer for all answers would make of it.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let Forms { json, gzip } = &*self.0;
        let worth_it = json.len() > usize::from(PACKET);
        let taken = worth_it && accept::names(headers, &header::ACCEPT_ENCODING, "gzip");
        let packed = taken.then(|| match gzip.get() {
            Some(packed) => Ok(packed.clone()),
            None => compressed(json).map(|packed| gzip.get_or_init(|| packed.into()).clone()),
        });
        let mut response = match packed {
            Some(Ok(packed)) => {
                let mut response = packed.into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
                response
            }
            _ => json.clone().into_response(),
        };
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

fn compressed(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}
