//! Lists as CSV: all of their pages, as they are read.

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

/// What a list shows and can be written as CSV.
pub(super) trait Exported: Serialize + Send + Sized + 'static {
    /// The columns in their order, which clients rely on: new ones go to the end. Each is a field
    /// of the JSON form, a dot leading into an object. Never a secret.
    const COLUMNS: &'static [&'static str];

    /// The rows as JSON. A list that shows more in CSV adds it here.
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

/// Answers a list as CSV. The first page is read before the answer begins, so that what is wrong
/// with the request is told. Each page is read as it is then: a row that changes its place in the
/// order meanwhile can be missing or appear twice.
///
/// # Errors
/// Those of the list.
pub(super) async fn answer<T, F, Fut>(
    app: App,
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
    let body = Body::from_stream(chunks(app, all, first, page));
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
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
    query: ListQuery,
    first: Page<T>,
    page: F,
) -> impl Stream<Item = io::Result<Vec<u8>>> + Send
where
    T: Exported,
    F: Fn(App, ListQuery) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T>, ApiError>> + Send + 'static,
{
    stream::try_unfold((app, query, page, Rest::Header(first)), |(app, query, page, rest)| async {
        let page_to_write = match rest {
            Rest::Nothing => return Ok(None),
            Rest::Header(first) => {
                let header = cells::rows([T::COLUMNS.to_vec()]).map_err(io::Error::other)?;
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
        let rows = values.iter().map(|value| row(value, T::COLUMNS));
        let bytes = cells::rows(rows).map_err(io::Error::other)?;
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
