//! Bodies as wg-easy's clients send them: JSON, whatever they call it.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

use super::error::DialectError;
use crate::extract::{body_refused, parse};

/// A JSON body. Fields that we do not know are for versions that we are not.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = DialectError;

    async fn from_request(request: Request, state: &S) -> Result<Self, DialectError> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_refused)?;
        Ok(Self(parse(&bytes)?))
    }
}
