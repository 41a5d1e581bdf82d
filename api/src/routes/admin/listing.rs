//! What all lists take: `page`, `page_size`, `after`, `sort`, `q` and filters.

use axum::{extract::FromRequestParts, http::request::Parts};
use nexavpn_domain::DomainError;
use nexavpn_projections::ListQuery;

use crate::{error::ApiError, extract::Query};

/// A list's query. What is none of the common parameters is a filter; the list refuses those that
/// it does not know, so that a mistyped filter never shows everything.
pub(super) struct Listing(pub(super) ListQuery);

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        Ok(Self(parse(pairs)?))
    }
}

impl Listing {
    /// Renames filters that the contract calls otherwise than the read model.
    pub(super) fn renamed(mut self, from: &str, to: &str) -> ListQuery {
        for (name, _) in &mut self.0.filters {
            if name == from {
                to.clone_into(name);
            }
        }
        self.0
    }
}

fn parse(pairs: Vec<(String, String)>) -> Result<ListQuery, DomainError> {
    let mut query = ListQuery::default();
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
        if value.is_empty() {
            continue;
        }
        match name.as_str() {
            "page" => query.page = number("page", &value)?,
            "page_size" => query.page_size = number("page_size", &value)?,
            "after" => query.after = Some(value),
            "sort" => query.sort = Some(value),
            "q" => query.q = Some(value),
            _ => query.filters.push((name, value)),
        }
    }
    Ok(query)
}

fn number(field: &'static str, value: &str) -> Result<u32, DomainError> {
    value.parse().map_err(|_| DomainError::field(field, "must be a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<ListQuery, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        parse(pairs.iter().map(own).collect()).map_err(|e| e.to_string())
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
