//! What all requests to go back have in common.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError, moment::Moment};

/// To which moment to go back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Restore)]
pub(super) struct RestoreBody {
    /// A time (RFC 3339), or the number of an event: right after it.
    at: At,
}

/// A moment as JSON has it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = RestoreAt)]
enum At {
    /// The number of an event.
    Idx(i64),
    /// A time, or a number as text.
    Text(String),
}

impl RestoreBody {
    /// The number of the last event before the moment.
    ///
    /// # Errors
    /// 400 where it is no moment, or has not come yet.
    pub(super) async fn idx(&self, app: &App) -> Result<i64, ApiError> {
        let text = match &self.at {
            At::Idx(idx) => idx.to_string(),
            At::Text(text) => text.clone(),
        };
        let moment = Moment::parse("at", Some(&text))?;
        let moment = moment
            .ok_or_else(|| ApiError::field("at", "must be a time or the number of an event"))?;
        Ok(app.as_of("at", moment).await?.idx)
    }
}
