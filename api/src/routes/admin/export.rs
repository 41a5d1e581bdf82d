//! Lists as files: all of their pages, as they are read.

use std::{future::Future, io};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use futures::{Stream, stream};
use nexavpn_projections::{ListQuery, MAX_PAGE_SIZE, Page};
use serde::Serialize;
use serde_json::Value;

use crate::{App, cells, error::ApiError};

/// What a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// A row for each item, after a row with the names of the columns.
    Csv,
    /// The JSON form of each item on a line of its own.
    Ndjson,
}

impl FileFormat {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    fn header(self, columns: &[&str]) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv => cells::rows([columns.to_vec()]).map_err(io::Error::other),
            Self::Ndjson => Ok(vec![]),
        }
    }

    fn rows(self, values: &[Value], columns: &[&str]) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv => {
                cells::rows(values.iter().map(|v| row(v, columns))).map_err(io::Error::other)
            }
            Self::Ndjson => {
                let mut lines = Vec::new();
                for value in values {
                    serde_json::to_writer(&mut lines, value)?;
                    lines.push(b'\n');
                }
                Ok(lines)
            }
        }
    }
}

/// What a list shows and can be written to a file.
pub(in crate::routes) trait Exported: Serialize + Send + Sized + 'static {
    /// The columns in their order, which clients rely on: new ones go to the end. Each is a field
    /// of the JSON form, a dot leading into an object. Never a secret.
    const COLUMNS: &'static [&'static str];

    /// The rows as JSON. A list that shows more in a file adds it here.
    fn values(
        app: &App,
        rows: Vec<Self>,
    ) -> impl Future<Output = Result<Vec<Value>, ApiError>> + Send {
        let _ = app;
        async move { values(&rows) }
    }
}

/// The JSON form of each.
pub(super) fn values(rows: &[impl Serialize]) -> Result<Vec<Value>, ApiError> {
    let values: Result<_, _> = rows.iter().map(serde_json::to_value).collect();
    values.map_err(|e| ApiError::internal(&e))
}

/// Answers a list as a file. The first page is read before the answer begins, so that what is wrong
/// with the request is told. Each page is read as it is then: a row that changes its place in the
/// order meanwhile can be missing or appear twice.
///
/// # Errors
/// Those of the list.
pub(super) async fn answer<T, F, Fut>(
    app: App,
    format: FileFormat,
    name: &'static str,
    query: ListQuery,
    page: F,
) -> Result<Response, ApiError>
where
    T: Exported,
    F: Fn(App, ListQuery) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T>, ApiError>> + Send + 'static,
{
    let all =
        ListQuery { page: 1, page_size: MAX_PAGE_SIZE, after: None, uncounted: true, ..query };
    let first = page(app.clone(), all.clone()).await?;
    let body = Body::from_stream(chunks(app, format, all, first, page));
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

/// What is still to be sent.
enum Rest<T> {
    Header(Page<T>),
    Rows(Page<T>),
    After(String),
    Nothing,
}

/// The header, then each page's rows. An error cuts the answer off, which the client notices.
fn chunks<T, F, Fut>(
    app: App,
    format: FileFormat,
    query: ListQuery,
    first: Page<T>,
    page: F,
) -> impl Stream<Item = io::Result<Vec<u8>>> + Send
where
    T: Exported,
    F: Fn(App, ListQuery) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T>, ApiError>> + Send + 'static,
{
    let start = (app, query, page, Rest::Header(first));
    stream::try_unfold(start, move |(app, query, page, rest)| async move {
        let page_to_write = match rest {
            Rest::Nothing => return Ok(None),
            Rest::Header(first) => {
                let header = format.header(T::COLUMNS)?;
                return Ok(Some((header, (app, query, page, Rest::Rows(first)))));
            }
            Rest::Rows(page) => page,
            Rest::After(next) => {
                let query = ListQuery { after: Some(next), ..query.clone() };
                page(app.clone(), query).await.map_err(|e| cut_off(&e))?
            }
        };
        let (rows, page_left) = page_to_write.take();
        let values = T::values(&app, rows).await.map_err(|e| cut_off(&e))?;
        let bytes = format.rows(&values, T::COLUMNS)?;
        let rest = page_left.next.map_or(Rest::Nothing, Rest::After);
        Ok(Some((bytes, (app, query, page, rest))))
    })
}

fn row(value: &Value, columns: &[&str]) -> Vec<String> {
    let cell = |column: &&str| {
        let found = column.split('.').try_fold(value, |value, name| value.get(name));
        found.map(cells::cell).unwrap_or_default()
    };
    columns.iter().map(cell).collect()
}

fn cut_off(error: &ApiError) -> io::Error {
    tracing::error!(code = error.code(), "an export was cut off");
    io::Error::other("the export was cut off")
}
