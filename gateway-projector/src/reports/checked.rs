//! A report whose texts and numbers are within bounds. It comes from another machine and goes
//! into tables that are kept.

use chrono::{DateTime, Utc};
use nexavpn_bundle::{StatusReport, validate};

use super::ReportError;

/// Integers above this have no exact form in a bundle.
const MAX_EXACT: i64 = (1 << 53) - 1;
const MAX_VERSION: usize = 64;
const MAX_CODE: usize = 32;
const MAX_REASON: usize = 500;
const MAX_FEATURES: usize = 32;

#[derive(Debug)]
pub(super) struct Checked {
    pub(super) agent_version: String,
    pub(super) reported_at: DateTime<Utc>,
    pub(super) applied: Option<(i64, i64, String)>,
    pub(super) rejected: Option<CheckedRejection>,
    pub(super) features: Vec<String>,
}

#[derive(Debug)]
pub(super) struct CheckedRejection {
    pub(super) epoch: Option<i64>,
    pub(super) revision: Option<i64>,
    pub(super) sha256: Option<String>,
    pub(super) code: String,
    pub(super) reason: String,
}

impl Checked {
    pub(super) fn new(report: &StatusReport) -> Result<Self, ReportError> {
        let StatusReport { agent_version, applied, rejected, reported_at, features, .. } = report;
        let applied = applied
            .as_ref()
            .map(|a| {
                let epoch = number("applied.epoch", a.epoch)?;
                let revision = number("applied.revision", a.revision)?;
                Ok::<_, ReportError>((epoch, revision, hash("applied.sha256", &a.sha256)?))
            })
            .transpose()?;
        let rejected = rejected
            .as_ref()
            .map(|r| {
                let reason_code = "rejected.reason_code";
                if !is_code(&r.reason_code) {
                    return Err(invalid(reason_code, "must be a short lower-case code"));
                }
                Ok(CheckedRejection {
                    epoch: r.epoch.map(|n| number("rejected.epoch", n)).transpose()?,
                    revision: r.revision.map(|n| number("rejected.revision", n)).transpose()?,
                    sha256: r
                        .sha256
                        .as_deref()
                        .map(|text| hash("rejected.sha256", text))
                        .transpose()?,
                    code: r.reason_code.clone(),
                    reason: plain(&r.reason, MAX_REASON),
                })
            })
            .transpose()?;
        let reported_at = validate::time(reported_at)
            .ok_or_else(|| invalid("reported_at", "must be an RFC 3339 time in UTC"))?;
        let agent_version = plain(agent_version, MAX_VERSION);
        // What is no name is none that we know.
        let features = features.iter().filter(|text| is_code(text)).take(MAX_FEATURES);
        let features = features.cloned().collect();
        Ok(Self { agent_version, reported_at, applied, rejected, features })
    }
}

fn is_code(text: &str) -> bool {
    (1..=MAX_CODE).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

const fn invalid(field: &'static str, problem: &'static str) -> ReportError {
    ReportError::Invalid { field, problem }
}

fn number(field: &'static str, number: i64) -> Result<i64, ReportError> {
    if (0..=MAX_EXACT).contains(&number) {
        Ok(number)
    } else {
        Err(invalid(field, "is out of range"))
    }
}

fn hash(field: &'static str, text: &str) -> Result<String, ReportError> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 64 && text.bytes().all(hex) {
        Ok(text.to_owned())
    } else {
        Err(invalid(field, "must be a SHA-256 in lower-case hexadecimal"))
    }
}

/// Text for people: cut rather than refused, since a report matters more than its wording.
/// PostgreSQL takes no NUL.
pub(super) fn plain(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}
