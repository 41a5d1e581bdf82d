//! What lists are asked for and answer (design, section 6).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use nexavpn_domain::DomainError;
use serde::{Deserialize, Serialize};

/// Beyond this many rows nothing is counted, and pages are reached by `after` only.
pub const COUNTED: i64 = 10_000;
/// The largest page.
pub const MAX_PAGE_SIZE: u32 = 200;

/// What a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// From 1. Of no effect with `after`.
    pub page: u32,
    /// At most [`MAX_PAGE_SIZE`].
    pub page_size: u32,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// A field's name, with `-` before it for the reverse order.
    pub sort: Option<String>,
    /// What words of the names begin with.
    pub q: Option<String>,
    /// Names and values; each list says which it knows.
    pub filters: Vec<(String, String)>,
    /// Whoever walks all pages needs no total: it is then 0 and counts as capped.
    pub uncounted: bool,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 50,
            after: None,
            sort: None,
            q: None,
            filters: vec![],
            uncounted: false,
        }
    }
}

impl ListQuery {
    /// Also demands that the field has this value.
    #[must_use]
    pub fn filter(mut self, name: &str, value: impl ToString) -> Self {
        self.filters.push((name.to_owned(), value.to_string()));
        self
    }

    /// Whether it asks for all rows of the list, page by page.
    pub(crate) const fn is_whole(&self) -> bool {
        self.filters.is_empty() && self.q.is_none()
    }

    pub(crate) fn limits(&self) -> Result<Limits, DomainError> {
        if self.page_size == 0 || self.page_size > MAX_PAGE_SIZE {
            return Err(DomainError::field("page_size", "must be between 1 and 200"));
        }
        if self.page == 0 {
            return Err(DomainError::field("page", "must be at least 1"));
        }
        let size = i64::from(self.page_size);
        let offset = if self.after.is_some() { 0 } else { i64::from(self.page - 1) * size };
        if offset >= COUNTED {
            let message = "reaches past 10000 rows: use after=<next of the page before> instead";
            return Err(DomainError::field("page", message));
        }
        Ok(Limits { size, offset })
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) size: i64,
    pub(crate) offset: i64,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Its number, as asked for.
    pub page: u32,
    /// How many rows a page has.
    pub page_size: u32,
    /// How many rows there are, or 10,000 where there are more than that and a filter.
    pub total: i64,
    /// Whether counting ended early.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_capped: bool,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of a list that is at hand, in an order of this name: what is on it, and the page
    /// without that.
    ///
    /// # Errors
    /// `validation_error` for a bad page or `after`.
    pub fn of_known<I>(
        all: &[I],
        query: &ListQuery,
        order: &str,
    ) -> Result<(Vec<I>, Self), DomainError>
    where
        I: Copy + PartialEq + Serialize + for<'de> Deserialize<'de>,
    {
        let limits = query.limits()?;
        let begin = match &query.after {
            None => usize::try_from(limits.offset).unwrap_or(usize::MAX),
            Some(after) => {
                let cursor = Cursor::<I>::decode(after, order)?;
                all.iter().position(|id| *id == cursor.id).map_or(all.len(), |at| at + 1)
            }
        };
        let size = usize::try_from(limits.size).unwrap_or(usize::MAX);
        let rest = all.get(begin..).unwrap_or_default();
        let shown: Vec<I> = rest.iter().take(size).copied().collect();
        let next = shown.last().filter(|_| rest.len() > size).and_then(|id| {
            Cursor { order: order.to_owned(), key: SortKey::Number(0), id: *id }.encode()
        });
        let page = Self {
            items: vec![],
            page: query.page,
            page_size: query.page_size,
            total: i64::try_from(all.len()).unwrap_or(i64::MAX),
            total_capped: false,
            next,
        };
        Ok((shown, page))
    }

    /// The same page with each item made into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        let (items, page) = self.take();
        page.with(items.into_iter().map(f).collect())
    }

    /// The items, and the page without them.
    #[must_use]
    pub fn take(self) -> (Vec<T>, Page<T>) {
        (self.items, Page { items: vec![], ..self })
    }

    /// The same page with other items.
    #[must_use]
    pub fn with<U>(self, items: Vec<U>) -> Page<U> {
        Page {
            items,
            page: self.page,
            page_size: self.page_size,
            total: self.total,
            total_capped: self.total_capped,
            next: self.next,
        }
    }
}

/// The value of the sort column in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SortKey {
    #[serde(rename = "s")]
    Text(String),
    #[serde(rename = "n")]
    Number(i64),
    #[serde(rename = "t")]
    Time(DateTime<Utc>),
}

/// Where a page ended: opaque to clients. It belongs to the order that it was made in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor<I> {
    #[serde(rename = "o")]
    pub(crate) order: String,
    #[serde(rename = "k")]
    pub(crate) key: SortKey,
    #[serde(rename = "i")]
    pub(crate) id: I,
}

impl<I: Serialize + for<'de> Deserialize<'de>> Cursor<I> {
    pub(crate) fn encode(&self) -> Option<String> {
        // Strings, numbers and ids always have a JSON form.
        serde_json::to_vec(self).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }

    pub(crate) fn decode(text: &str, order: &str) -> Result<Self, DomainError> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|json| serde_json::from_slice::<Self>(&json).ok())
            .filter(|cursor| cursor.order == order)
            .ok_or_else(|| {
                DomainError::field("after", "must be the next of a page of this list and order")
            })
    }
}
