//! A moment of the history, as requests name it: `at=`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nexavpn_domain::fleet::Fleet;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{App, error::ApiError};

/// A moment as a request names it: a time (RFC 3339), or the number of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Right after the event with this number; 0 is before the first one.
    Idx(i64),
    /// Right after the last event whose effective time is not later.
    Time(DateTime<Utc>),
}

/// For requests that can be about the past and take nothing else.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct At {
    /// The moment that is asked about: a time, or the number of an event. The present where it is
    /// left out.
    #[param(value_type = Option<String>)]
    at: Option<String>,
}

impl At {
    /// The moment, where one is named.
    ///
    /// # Errors
    /// 400 where it is none, or has not come yet.
    pub(crate) async fn find(&self, app: &App) -> Result<Option<AsOf>, ApiError> {
        app.as_of_field("at", self.at.as_deref()).await
    }
}

/// A moment in the log: the events up to `idx` had happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AsOf {
    /// The number of the last event that had happened; 0 before the first.
    pub(crate) idx: i64,
    /// When that event took effect; none before the first.
    pub(crate) time: Option<DateTime<Utc>>,
    /// The moment itself: what gateways did by then counts.
    pub(crate) asked: DateTime<Utc>,
}

/// A moment, as answers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Moment)]
pub(crate) struct MomentView {
    /// The number of the last event that had happened; 0 before the first.
    pub(crate) idx: i64,
    /// When that event took effect; null before the first.
    pub(crate) time: Option<DateTime<Utc>>,
}

impl From<AsOf> for MomentView {
    fn from(at: AsOf) -> Self {
        Self { idx: at.idx, time: at.time }
    }
}

impl Moment {
    /// Reads a parameter; nothing where it is left out or blank.
    ///
    /// # Errors
    /// 400 naming the field.
    pub(crate) fn parse(field: &str, text: Option<&str>) -> Result<Option<Self>, ApiError> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let bad = || {
            let message = "must be a time (2026-05-03T12:00:00Z) or the number of an event";
            ApiError::field(field, message)
        };
        if let Ok(idx) = text.parse::<i64>() {
            return if idx >= 0 { Ok(Some(Self::Idx(idx))) } else { Err(bad()) };
        }
        // A plus that nobody encoded arrives as a space.
        let time = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")));
        // Beyond these PostgreSQL has no times.
        let years = "0001-01-01T00:00:00Z"..="9999-12-31T23:59:59Z";
        let time = time.map_err(|_| bad())?.with_timezone(&Utc);
        let written = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        if years.contains(&written.as_str()) { Ok(Some(Self::Time(time))) } else { Err(bad()) }
    }
}

impl App {
    /// Finds a moment in the log.
    ///
    /// # Errors
    /// 400 naming the field, where the moment has not come yet; where the database fails.
    pub(crate) async fn as_of(&self, field: &str, moment: Moment) -> Result<AsOf, ApiError> {
        let log = self.commands.store().log();
        let head = log.head().await?.idx;
        let idx = match moment {
            Moment::Idx(idx) if idx > head => {
                let message =
                    format!("names event {idx}, which has not happened: the last one is {head}");
                return Err(ApiError::field(field, message));
            }
            Moment::Idx(idx) => idx,
            Moment::Time(time) => {
                // The database's clock may be ahead of ours.
                let newest = log.time_of(head).await?.unwrap_or_default();
                if time > newest.max(self.commands.now()) {
                    let message = "must not be in the future: leave it out for the present";
                    return Err(ApiError::field(field, message));
                }
                log.idx_at(time).await?
            }
        };
        let time = log.time_of(idx).await?;
        let asked = match moment {
            Moment::Time(asked) => asked,
            Moment::Idx(_) => time.unwrap_or_default(),
        };
        Ok(AsOf { idx, time, asked })
    }

    /// The moment that a request names, if it names one.
    ///
    /// # Errors
    /// As [`as_of`](Self::as_of); 400 where it is no moment.
    pub(crate) async fn as_of_field(
        &self,
        field: &str,
        text: Option<&str>,
    ) -> Result<Option<AsOf>, ApiError> {
        match Moment::parse(field, text)? {
            Some(moment) => Ok(Some(self.as_of(field, moment).await?)),
            None => Ok(None),
        }
    }

    /// Who could reach what at a moment.
    ///
    /// # Errors
    /// Where the log cannot be read or folded.
    pub(crate) async fn fleet_as_of(&self, at: AsOf) -> Result<Arc<Fleet>, ApiError> {
        Ok(self.fleet.past(at.idx).await?)
    }

    /// Looks at the fleet as it was at a moment, or as it is; says which moment that is.
    ///
    /// # Errors
    /// As [`fleet_as_of`](Self::fleet_as_of).
    pub(crate) async fn look<T>(
        &self,
        at: Option<AsOf>,
        look: impl FnOnce(&Fleet) -> T,
    ) -> Result<(AsOf, T), ApiError> {
        if let Some(at) = at {
            let fleet = self.fleet_as_of(at).await?;
            return Ok((at, look(&fleet)));
        }
        let (idx, seen) = self.fleet.read(|fleet| (fleet.idx(), look(fleet)));
        let time = self.commands.store().log().time_of(idx).await?;
        Ok((AsOf { idx, time, asked: self.commands.now() }, seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_number() {
        let at = |text| Moment::parse("at", Some(text)).map_err(|e| e.code());
        let noon = DateTime::parse_from_rfc3339("2026-05-03T12:00:00Z").unwrap().to_utc();
        assert_eq!(at("17"), Ok(Some(Moment::Idx(17))));
        assert_eq!(at(" 0 "), Ok(Some(Moment::Idx(0))));
        assert_eq!(at(""), Ok(None));
        for text in
            ["2026-05-03T12:00:00Z", "2026-05-03T14:00:00+02:00", "2026-05-03T14:00:00 02:00"]
        {
            assert_eq!(at(text), Ok(Some(Moment::Time(noon))), "{text}");
        }
        for text in
            ["-1", "now", "2026-05-03", "1e3", "99999999999999999999", "0000-01-01T00:00:00Z"]
        {
            assert_eq!(at(text), Err("validation_error"), "{text}");
        }
    }
}
