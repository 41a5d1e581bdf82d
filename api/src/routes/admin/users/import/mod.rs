//! `POST /admin/users/import`

mod file;

use std::time::Instant;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use nexavpn_commands::{ImportRow, Imported};
use nexavpn_domain::{DomainError, FieldError, ids::UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    auth::Caller,
    error::{ApiError, ErrorFields},
    extract::{Query, body_refused},
    routes::admin::bulk::{begin_within, not_tried},
};
use file::Fields;

/// The largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 5 * 1024 * 1024;
/// The most rows of a file.
const MAX_ROWS: usize = 5000;
/// The most rows with a password: hashing one takes a good part of a tenth of a second by design.
const MAX_PASSWORDS: usize = 200;
/// The most problems that a refusal lists.
const MAX_DETAILS: usize = 1000;

/// How to import.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Mode {
    /// Only look at the rows and report what is wrong with them.
    #[serde(default)]
    dry_run: bool,
    /// Import the good rows although others are wrong.
    #[serde(default)]
    partial: bool,
}

/// What became of the rows.
#[derive(Serialize, ToSchema)]
#[schema(as = UserImport)]
pub(super) struct Report {
    dry_run: bool,
    total: usize,
    /// How many users were created.
    created: usize,
    /// How many rows are wrong, failed or were not tried.
    failed: usize,
    rows: Vec<RowReport>,
}

/// What became of a row.
#[derive(Serialize, ToSchema)]
#[schema(as = UserImportRow)]
struct RowReport {
    /// In CSV as a spreadsheet numbers it, the header being row 1; in JSON from 1.
    row: u64,
    username: Option<String>,
    status: RowStatus,
    /// Of the user who was created.
    id: Option<UserId>,
    /// What is wrong with the row, or what went wrong.
    error: Option<ErrorFields>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserImportStatus)]
enum RowStatus {
    /// Can be imported (`dry_run`).
    Valid,
    /// Is wrong: correct it.
    Invalid,
    /// The user exists now.
    Created,
    /// Was right, but something came in between, such as another user of that name.
    Failed,
    /// Its turn did not come in time: send it again.
    NotTried,
}

/// A file of users.
pub(super) struct File(Vec<ImportRow>);

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let media = request.headers().get(header::CONTENT_TYPE).map(|value| {
            let essence = value.to_str().unwrap_or_default().split(';').next();
            essence.unwrap_or_default().trim().to_ascii_lowercase()
        });
        let read = match media.as_deref() {
            Some("text/csv") => file::csv,
            Some("application/json") | None => file::json,
            Some(_) => {
                return Err(ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported_media_type",
                    "send the users as text/csv or application/json",
                ));
            }
        };
        let bytes = Bytes::from_request(request, state).await.map_err(body_refused)?;
        read(&bytes).map(Self)
    }
}

/// Imports users from CSV (RFC 4180 in UTF-8, the first row naming the columns) or from a JSON
/// array of objects with the same fields. Columns: `username`, `display_name`, `email`, `role`,
/// `groups` (names, in CSV separated by `;`), `password`. Those that the export of users has
/// besides are passed over, so an export can be imported again. Blank cells count as left out.
/// With a password the user has to choose another one at the first login.
///
/// Where any row is wrong nothing is imported, and the answer (400) names each wrong field of each
/// row; `partial=true` imports the others. `dry_run=true` only looks. At most 5 MiB, 5,000 rows
/// and 200 passwords.
#[utoipa::path(
    post,
    path = "/admin/users/import",
    operation_id = "users_import",
    tag = "users",
    params(Mode),
    request_body(content(
        (Vec<Fields> = "application/json", example = json!([
            { "username": "alice", "display_name": "Alice", "groups": ["Finance"] },
            { "username": "bob", "role": "auditor", "email": "bob@example.com" },
        ])),
        (String = "text/csv", example = "username,display_name,groups\r\nalice,Alice,Finance\r\n"),
    )),
    responses((status = 200, description = "What became of each row.", body = Report)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(mode): Query<Mode>,
    File(rows): File,
) -> Result<Response, ApiError> {
    let last_begin = Instant::now() + begin_within(app.http.timeout);
    within_limits(&rows)?;
    let mut reports: Vec<RowReport> = rows.iter().map(RowReport::new).collect();
    let import = app.commands.check_import(&caller.request, rows).await?;
    for (report, problems) in reports.iter_mut().zip(import.problems()) {
        report.is_invalid(problems);
    }
    if mode.dry_run {
        return Ok(Json(Report::of(true, reports)).into_response());
    }
    if !mode.partial {
        refuse_invalid(&reports)?;
    }
    let done = app.commands.run_import(&caller.request, import, last_begin).await;
    for (report, outcome) in reports.iter_mut().zip(done.value) {
        report.became(outcome);
    }
    let settled = app.settle(done.position).await;
    Ok(settled.answer(Json(Report::of(false, reports))))
}

fn within_limits(rows: &[ImportRow]) -> Result<(), ApiError> {
    if rows.is_empty() {
        return Err(ApiError::field("body", "has no rows: name at least one user"));
    }
    if rows.len() > MAX_ROWS {
        let message =
            format!("must have at most {MAX_ROWS} rows, has {}: split the file", rows.len());
        return Err(ApiError::field("body", message));
    }
    let passwords = rows.iter().filter(|row| row.user.password.is_some()).count();
    if passwords > MAX_PASSWORDS {
        let message = format!(
            "may be given for at most {MAX_PASSWORDS} users of a file, because hashing them takes \
             time; this one has {passwords}: split the file"
        );
        return Err(ApiError::field("password", message));
    }
    Ok(())
}

/// Refuses an import where any row is wrong, naming each field of each row.
fn refuse_invalid(reports: &[RowReport]) -> Result<(), ApiError> {
    let invalid = || reports.iter().filter(|report| report.status == RowStatus::Invalid);
    let wrong = invalid().count();
    if wrong == 0 {
        return Ok(());
    }
    let details = invalid().flat_map(|report| {
        let error = report.error.iter();
        error.flat_map(|error| &error.details).map(|detail| {
            let field = format!("rows[{}].{}", report.row, detail.field);
            FieldError::new(field, detail.message.clone())
        })
    });
    let message = format!(
        "{wrong} of {} rows are wrong, so nothing was imported: correct them, or import the \
         others with partial=true",
        reports.len()
    );
    Err(ApiError::invalid(message, details.take(MAX_DETAILS).collect()))
}

impl RowReport {
    fn new(row: &ImportRow) -> Self {
        let username = Some(row.user.username.clone()).filter(|name| !name.is_empty());
        Self { row: row.number, username, status: RowStatus::Valid, id: None, error: None }
    }

    fn is_invalid(&mut self, problems: &[FieldError]) {
        if !problems.is_empty() {
            self.status = RowStatus::Invalid;
            let error = ApiError::from(DomainError::Validation(problems.to_vec()));
            self.error = Some(error.into_fields());
        }
    }

    fn became(&mut self, outcome: Imported) {
        match outcome {
            Imported::Created(id) => {
                self.status = RowStatus::Created;
                self.id = Some(id);
            }
            Imported::Bad(problems) => self.is_invalid(&problems),
            Imported::Failed(error) => {
                self.status = RowStatus::Failed;
                self.error = Some(ApiError::from(error).into_fields());
            }
            Imported::NotTried => {
                self.status = RowStatus::NotTried;
                self.error = Some(not_tried().into_fields());
            }
        }
    }
}

impl Report {
    fn of(dry_run: bool, rows: Vec<RowReport>) -> Self {
        let created = rows.iter().filter(|row| row.status == RowStatus::Created).count();
        let failed = rows.iter().filter(|row| row.error.is_some()).count();
        Self { dry_run, total: rows.len(), created, failed, rows }
    }
}
