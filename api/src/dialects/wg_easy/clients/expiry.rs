//! `PUT /api/wireguard/client/{id}/expireDate`

use axum::{extract::State, response::Response};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use nexavpn_commands::DeviceChange;
use serde::Deserialize;

use super::{
    super::{WgEasy, admission::Guest, body::Body, error::DialectError},
    ClientId, change,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ExpireDate {
    expire_date: Option<String>,
}

/// Sets the day at whose end a client is out, or that there is none.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    guest: Guest,
    id: ClientId,
    Body(ExpireDate { expire_date }): Body<ExpireDate>,
) -> Result<Response, DialectError> {
    let expires_at = end_of_day("expireDate", expire_date.as_deref().unwrap_or_default())?;
    let wish = DeviceChange { expires_at: Some(expires_at), ..DeviceChange::default() };
    change(&dialect, &guest, id, wish).await
}

/// The end of a day as version 14 has it: of the day named, or of the day of a time; none for
/// nothing.
pub(super) fn end_of_day(field: &str, text: &str) -> Result<Option<DateTime<Utc>>, DialectError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = text.parse::<NaiveDate>().ok().or_else(|| {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Some(at.with_timezone(&Utc).date_naive())
    });
    let last = NaiveTime::from_hms_opt(23, 59, 59);
    match day.zip(last) {
        Some((day, last)) => Ok(Some(day.and_time(last).and_utc())),
        None => Err(DialectError::invalid(format!("{field} must be a day, such as 2025-11-30"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_as_version_14_has_it() {
        let end = |text| end_of_day("expireDate", text).map(|at| at.map(|at| at.to_rfc3339()));
        let last = Some("2025-11-30T23:59:59+00:00".to_owned());
        assert_eq!(end("2025-11-30").unwrap(), last);
        assert_eq!(end("2025-11-30T08:00:00.000Z").unwrap(), last);
        assert_eq!(end("").unwrap(), None);
        assert!(end("tomorrow").is_err());
        assert!(end("2025-02-30").is_err());
    }
}
