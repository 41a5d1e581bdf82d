//! What all lists take: `page`, `page_size`, `after`, `sort`, `q` and filters.

use std::future::Future;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use nexavpn_domain::DomainError;
use nexavpn_projections::{ListQuery, Page};

use super::export::{self, Exported, FileFormat};
use crate::{App, error::ApiError, extract::Query, moment::AsOf};

/// A list's query. What is none of the common parameters is a filter; the list refuses those that
/// it does not know, so that a mistyped filter never shows everything.
pub(in crate::routes) struct Listing {
    query: ListQuery,
    format: Format,
    at: Option<String>,
}

/// What the list is wanted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// One page.
    Json,
    /// All pages.
    File(FileFormat),
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let (query, format, at) = parse(pairs)?;
        let format = format.unwrap_or_else(|| accepted(&parts.headers));
        Ok(Self { query, format, at })
    }
}

impl Listing {
    /// Renames filters that the contract calls otherwise than the read model.
    pub(super) fn renamed(mut self, from: &str, to: &str) -> Self {
        for (name, _) in &mut self.query.filters {
            if name == from {
                to.clone_into(name);
            }
        }
        self
    }

    /// The moment that a list is wanted of which can be about the past.
    ///
    /// # Errors
    /// 400 where it is none, or has not come yet.
    pub(super) async fn at(&mut self, app: &App) -> Result<Option<AsOf>, ApiError> {
        let at = self.at.take();
        app.as_of_field("at", at.as_deref()).await
    }

    /// The list of what belongs to something, which is a filter that the request itself cannot set.
    ///
    /// # Errors
    /// 400 where it tries to.
    pub(in crate::routes) fn within(
        mut self,
        filter: &str,
        id: impl ToString,
    ) -> Result<Self, ApiError> {
        if self.query.filters.iter().any(|(name, _)| name == filter) {
            return Err(ApiError::field(filter, "is no filter of this list"));
        }
        self.query = self.query.filter(filter, id);
        Ok(self)
    }

    /// Answers the list that `page` reads: one page of it as JSON, or the whole as a file under
    /// the name of the list.
    ///
    /// # Errors
    /// Those of `page`.
    pub(in crate::routes) async fn answer<T, F, Fut>(
        self,
        app: App,
        name: &'static str,
        page: F,
    ) -> Result<Response, ApiError>
    where
        T: Exported,
        F: Fn(App, ListQuery) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Page<T>, ApiError>> + Send + 'static,
    {
        self.of_the_present()?;
        match self.format {
            Format::Json => Ok(axum::Json(page(app, self.query).await?).into_response()),
            Format::File(format) => export::answer(app, format, name, self.query, page).await,
        }
    }

    /// What it is wanted as, where that is a file.
    pub(super) const fn file(&self) -> Option<FileFormat> {
        match self.format {
            Format::Json => None,
            Format::File(format) => Some(format),
        }
    }

    /// The value of a filter.
    pub(super) fn filter(&self, name: &str) -> Option<&str> {
        let found = self.query.filters.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Gives a filter another value.
    pub(super) fn set(&mut self, name: &str, value: impl ToString) {
        self.query.filters.retain(|(n, _)| n != name);
        self.query.filters.push((name.to_owned(), value.to_string()));
    }

    /// What was asked for.
    ///
    /// # Errors
    /// 400 where the list was wanted as of a moment, which nobody has looked at.
    pub(super) fn into_query(self) -> Result<ListQuery, ApiError> {
        self.of_the_present()?;
        Ok(self.query)
    }

    fn of_the_present(&self) -> Result<(), ApiError> {
        match self.at {
            None => Ok(()),
            Some(_) => Err(ApiError::field("at", "is not taken by this list")),
        }
    }
}

/// What the client would rather have. Whoever speaks of no file gets JSON.
fn accepted(headers: &HeaderMap) -> Format {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let (mut csv, mut ndjson, mut json) = (0.0, 0.0, 0.0);
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        match media.as_str() {
            "text/csv" | "text/*" => csv = quality.max(csv),
            "application/x-ndjson" | "application/ndjson" => ndjson = quality.max(ndjson),
            "application/json" | "application/*" | "*/*" => json = quality.max(json),
            _ => {}
        }
    }
    match () {
        () if ndjson > 0.0 && ndjson >= json && ndjson >= csv => Format::File(FileFormat::Ndjson),
        () if csv > 0.0 && csv >= json => Format::File(FileFormat::Csv),
        () => Format::Json,
    }
}

type Parsed = (ListQuery, Option<Format>, Option<String>);

fn parse(pairs: Vec<(String, String)>) -> Result<Parsed, DomainError> {
    let mut query = ListQuery::default();
    let (mut format, mut at) = (None, None);
    let mut seen: Vec<String> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        if seen.contains(&name) {
            return Err(DomainError::field(name, "is given twice"));
        }
        seen.push(name.clone());
        // PostgreSQL's texts cannot hold it.
        if value.contains('\0') {
            return Err(DomainError::field(name, "must not contain control characters"));
        }
        // A form sends what was left blank, too.
        if value.trim().is_empty() {
            continue;
        }
        match name.as_str() {
            "page" => query.page = number("page", &value)?,
            "page_size" => query.page_size = number("page_size", &value)?,
            "after" => query.after = Some(value),
            "sort" => query.sort = Some(value),
            "q" => query.q = Some(value),
            "at" => at = Some(value),
            "format" => {
                format = Some(match value.as_str() {
                    "json" => Format::Json,
                    "csv" => Format::File(FileFormat::Csv),
                    "ndjson" => Format::File(FileFormat::Ndjson),
                    _ => return Err(DomainError::field("format", "must be json, csv or ndjson")),
                });
            }
            _ => query.filters.push((name, value)),
        }
    }
    Ok((query, format, at))
}

fn number(field: &'static str, value: &str) -> Result<u32, DomainError> {
    value.parse().map_err(|_| DomainError::field(field, "must be a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<ListQuery, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parsed = parse(pairs.iter().map(own).collect());
        parsed.map(|(query, ..)| query).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_common_is_a_filter() {
        let query = parsed(&[("page", "2"), ("role", "admin"), ("q", ""), ("sort", "-name")]);
        let query = query.unwrap();
        assert_eq!((query.page, query.page_size), (2, ListQuery::default().page_size));
        assert_eq!((query.q, query.sort.as_deref()), (None, Some("-name")));
        assert_eq!(query.filters, [("role".to_owned(), "admin".to_owned())]);
    }

    #[test]
    fn files_are_for_those_who_ask_for_them() {
        let format = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            accepted(&headers)
        };
        for csv in ["text/csv", "text/csv, */*;q=0.1", "Text/CSV; q=0.9, application/json;q=0.9"] {
            assert_eq!(format(csv), Format::File(FileFormat::Csv), "{csv}");
        }
        for lines in ["application/x-ndjson", "application/ndjson, application/json;q=0.5"] {
            assert_eq!(format(lines), Format::File(FileFormat::Ndjson), "{lines}");
        }
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for json in ["*/*", browser, "application/json, text/csv;q=0.5", "text/csv;q=0", ""] {
            assert_eq!(format(json), Format::Json, "{json}");
        }
        assert!(parsed(&[("format", "xml")]).unwrap_err().starts_with("format"));
    }

    #[test]
    fn doubtful_parameters_are_named() {
        for pairs in [
            &[("page", "x")][..],
            &[("page", "-1")],
            &[("page", "1"), ("page", "2")],
            &[("page", "4294967296")],
        ] {
            assert!(parsed(pairs).unwrap_err().starts_with("page"), "{pairs:?}");
        }
        assert!(parsed(&[("q", "a\0b")]).unwrap_err().starts_with("q"));
    }
}
