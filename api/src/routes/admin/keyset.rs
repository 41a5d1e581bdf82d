//! Pages of answers that are no lists of a read model: each begins after a place in the answer.

use std::str::FromStr;

use nexavpn_domain::Problems;
use nexavpn_projections::{ListQuery, MAX_PAGE_SIZE};

use crate::error::ApiError;

/// Which page is asked for.
pub(super) struct KeysetPage<P> {
    /// The place where the page before ended.
    pub(super) after: Option<P>,
    /// How many items it may have.
    pub(super) size: u32,
}

impl<P: FromStr> KeysetPage<P> {
    /// Reads `after` and `page_size`; what was left blank is as good as left out.
    ///
    /// # Errors
    /// 400 naming what is wrong.
    pub(super) fn of(after: Option<&str>, page_size: Option<&str>) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|t| !t.is_empty()).map(String::from);
        let after = given(after).and_then(|text| {
            let why = |_| "must be the next of a page of this answer".to_owned();
            problems.check("after", text.parse().map_err(why))
        });
        let size = given(page_size).and_then(|text| {
            let size = text.parse().ok().filter(|size| (1..=MAX_PAGE_SIZE).contains(size));
            let why = || format!("must be between 1 and {MAX_PAGE_SIZE}");
            problems.check("page_size", size.ok_or_else(why))
        });
        problems.finish()?;
        Ok(Self { after, size: size.unwrap_or_else(|| ListQuery::default().page_size) })
    }

    /// How many to read, so that one too many tells of another page.
    pub(super) const fn and_one_more(&self) -> u32 {
        self.size + 1
    }

    /// Cuts off what was read too much, and answers where the next page begins.
    pub(super) fn cut<T>(
        &self,
        items: &mut Vec<T>,
        place: impl Fn(&T) -> String,
    ) -> Option<String> {
        let more = items.len() > self.size as usize;
        items.truncate(self.size as usize);
        items.last().filter(|_| more).map(place)
    }
}
