//! Lists of the read models: one implementation, described by each read model in a constant.

use chrono::{DateTime, Utc};
use nexavpn_domain::DomainError;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    ReadError,
    page::{COUNTED, Cursor, Limits, ListQuery, Page, SortKey},
    search::Search,
};

/// How a read model is listed. All of it is SQL of ours; what comes from outside is bound.
pub(crate) struct ListSpec {
    /// Whose checkpoint holds the total.
    pub(crate) projection: &'static str,
    pub(crate) columns: &'static str,
    /// The table, as `t`, with the column `t.id`.
    pub(crate) from: &'static str,
    /// Which rows count at all.
    pub(crate) listed: Option<&'static str>,
    pub(crate) sorts: &'static [Sort],
    pub(crate) default_sort: &'static str,
    /// The lower-case columns that `q` searches. Their words are in the column `t.words`.
    pub(crate) texts: &'static [&'static str],
    /// Expressions that `q` may equal.
    pub(crate) exact: &'static [&'static str],
    pub(crate) filters: &'static [Filter],
}

/// A column to sort by. It is never null.
pub(crate) struct Sort {
    name: &'static str,
    column: &'static str,
    kind: SortKind,
}

#[derive(Clone, Copy)]
enum SortKind {
    Text,
    Number,
    Time,
}

impl Sort {
    pub(crate) const fn text(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: SortKind::Text }
    }

    pub(crate) const fn number(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: SortKind::Number }
    }

    pub(crate) const fn time(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: SortKind::Time }
    }

    fn key(&self, row: &PgRow) -> Result<SortKey, sqlx::Error> {
        Ok(match self.kind {
            SortKind::Text => SortKey::Text(row.try_get("sort_key")?),
            SortKind::Number => SortKey::Number(row.try_get("sort_key")?),
            SortKind::Time => SortKey::Time(row.try_get::<DateTime<Utc>, _>("sort_key")?),
        })
    }

    const fn fits(&self, key: &SortKey) -> bool {
        matches!(
            (self.kind, key),
            (SortKind::Text, SortKey::Text(_))
                | (SortKind::Number, SortKey::Number(_))
                | (SortKind::Time, SortKey::Time(_))
        )
    }
}

/// A condition that a request can set: SQL, the value, more SQL.
pub(crate) struct Filter {
    name: &'static str,
    before: &'static str,
    after: &'static str,
    kind: FilterValue,
}

impl Filter {
    const fn new(name: &'static str, before: &'static str, kind: FilterValue) -> Self {
        Self { name, before, after: "", kind }
    }

    pub(crate) const fn id(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, FilterValue::Id)
    }

    pub(crate) const fn flag(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, FilterValue::Flag)
    }

    pub(crate) const fn word(
        name: &'static str,
        sql: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Self::new(name, sql, FilterValue::Word(words))
    }

    pub(crate) const fn text(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, FilterValue::Text)
    }

    pub(crate) const fn time(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, FilterValue::Time)
    }

    pub(crate) const fn closed(mut self, after: &'static str) -> Self {
        self.after = after;
        self
    }

    fn push<'q>(
        &self,
        sql: &mut QueryBuilder<'q, Postgres>,
        value: &'q str,
    ) -> Result<(), DomainError> {
        let bad = |message: String| DomainError::field(self.name, message);
        sql.push(self.before);
        match self.kind {
            FilterValue::Id => {
                let id: Uuid = value.parse().map_err(|_| bad("must be a UUID".into()))?;
                sql.push_bind(id);
            }
            FilterValue::Flag => {
                let on: bool = value.parse().map_err(|_| bad("must be true or false".into()))?;
                sql.push_bind(on);
            }
            FilterValue::Time => {
                let bad = |_| bad("must be a time: 2026-05-03T12:00:00Z".into());
                sql.push_bind(DateTime::parse_from_rfc3339(value).map_err(bad)?.to_utc());
            }
            FilterValue::Word(words) if !words.contains(&value) => {
                return Err(bad(format!("must be one of {}", words.join(", "))));
            }
            FilterValue::Word(_) | FilterValue::Text => {
                sql.push_bind(value);
            }
        }
        sql.push(self.after);
        Ok(())
    }
}

/// What a list takes beside its page, for the API's document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// The names of its orders.
    pub sorts: Vec<&'static str>,
    /// The order where none is asked for.
    pub default_sort: &'static str,
    /// Whether it takes `q`.
    pub searchable: bool,
    /// Its filters by name.
    pub filters: Vec<(&'static str, FilterValue)>,
}

/// What a filter's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterValue {
    /// A UUID.
    Id,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// A time, as RFC 3339 writes it.
    Time,
    /// Any text.
    Text,
}

/// A sort and its direction.
#[derive(Clone, Copy)]
struct Order {
    sort: &'static Sort,
    descending: bool,
}

impl Order {
    fn name(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort.name)
    }
}

impl ListSpec {
    pub(crate) fn options(&self) -> ListOptions {
        ListOptions {
            sorts: self.sorts.iter().map(|s| s.name).collect(),
            default_sort: self.default_sort,
            searchable: !(self.texts.is_empty() && self.exact.is_empty()),
            filters: self.filters.iter().map(|f| (f.name, f.kind)).collect(),
        }
    }

    pub(crate) async fn page<T>(
        &self,
        pool: &PgPool,
        query: &ListQuery,
    ) -> Result<Page<T>, ReadError>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        let limits = query.limits()?;
        let order = self.order(query)?;
        let after = query.after.as_deref().map(|a| Cursor::<Uuid>::decode(a, &order.name()));
        let after = after.transpose()?;
        let counted = self.count(pool, query).await?;
        let mut rows = self.rows(pool, query, limits, order, after, counted).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|n| n > limits.size);
        rows.truncate(usize::try_from(limits.size).unwrap_or(usize::MAX));
        let next = match rows.last().filter(|_| more) {
            Some(row) => {
                let key = order.sort.key(row)?;
                Cursor { order: order.name(), key, id: row.try_get::<Uuid, _>("id")? }.encode()
            }
            None => None,
        };
        let (total, total_capped) = match counted {
            _ if query.uncounted => (0, true),
            Some(counted) => counted,
            None => (self.whole_total(pool, rows.first()).await?, false),
        };
        let items = rows.iter().map(T::from_row).collect::<Result<_, _>>()?;
        let (page, page_size) = (query.page, query.page_size);
        Ok(Page { items, page, page_size, total, total_capped, next })
    }

    fn order(&self, query: &ListQuery) -> Result<Order, DomainError> {
        let text = query.sort.as_deref().unwrap_or(self.default_sort);
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |n| (n, true));
        let sort = self.sorts.iter().find(|s| s.name == name).ok_or_else(|| {
            let names: Vec<_> = self.sorts.iter().map(|s| s.name).collect();
            DomainError::field("sort", format!("must be one of {}", names.join(", ")))
        })?;
        Ok(Order { sort, descending })
    }

    async fn rows(
        &self,
        pool: &PgPool,
        query: &ListQuery,
        limits: Limits,
        order: Order,
        after: Option<Cursor<Uuid>>,
        counted: Option<(i64, bool)>,
    ) -> Result<Vec<PgRow>, ReadError> {
        let column = order.sort.column;
        // What a word matches cannot be foretold. Where that is few rows, they are looked up and
        // then sorted; otherwise the planner would often walk the whole order to find them.
        let look_up = query.q.is_some() && counted.is_some_and(|(_, capped)| !capped);
        let mut sql = QueryBuilder::new("");
        if look_up {
            sql.push("WITH found AS MATERIALIZED (SELECT t.* FROM ").push(self.from);
            self.conditions(&mut sql, query)?;
            sql.push(") ");
        }
        // The page first, then its columns, so that what they look up is looked up for its rows.
        sql.push("SELECT ")
            .push(self.columns)
            .push(", t.sort_key, t.list_total FROM (SELECT t.*, ");
        sql.push(column).push(" AS sort_key, ");
        // Read along, it costs no journey of its own.
        if query.is_whole() {
            sql.push("(SELECT c.total FROM read.projection_checkpoint c WHERE c.name = ");
            sql.push_bind(self.projection).push(") AS list_total FROM ");
        } else {
            sql.push("NULL::bigint AS list_total FROM ");
        }
        if look_up {
            sql.push("found t WHERE true");
        } else {
            sql.push(self.from);
            self.conditions(&mut sql, query)?;
        }
        if let Some(cursor) = after {
            if !order.sort.fits(&cursor.key) {
                return Err(DomainError::field("after", "does not belong to this order").into());
            }
            sql.push(" AND (").push(column).push(", t.id) ");
            sql.push(if order.descending { "< (" } else { "> (" });
            match cursor.key {
                SortKey::Text(key) => sql.push_bind(key),
                SortKey::Number(key) => sql.push_bind(key),
                SortKey::Time(key) => sql.push_bind(key),
            };
            sql.push(", ").push_bind(cursor.id).push(")");
        }
        let direction = if order.descending { " DESC" } else { "" };
        // The size as part of the text: the planner has to know how few rows are wanted.
        let size = limits.size + 1;
        sql.push(format!(" ORDER BY {column}{direction}, t.id{direction} LIMIT {size}"));
        if limits.offset > 0 {
            sql.push(" OFFSET ").push_bind(limits.offset);
        }
        sql.push(format!(") t ORDER BY t.sort_key{direction}, t.id{direction}"));
        // What a filter matches depends on its value: such a statement is planned each time.
        Ok(sql.build().persistent(query.is_whole()).fetch_all(pool).await?)
    }

    /// How many rows match; none without a filter, or where nobody asks and no search needs it.
    async fn count(
        &self,
        pool: &PgPool,
        query: &ListQuery,
    ) -> Result<Option<(i64, bool)>, ReadError> {
        if query.is_whole() || (query.uncounted && query.q.is_none()) {
            return Ok(None);
        }
        let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 FROM ");
        sql.push(self.from);
        self.conditions(&mut sql, query)?;
        sql.push(format!(" LIMIT {}) counted", COUNTED + 1));
        let counted = sql.build_query_scalar().persistent(false).fetch_one(pool).await?;
        Ok(Some(capped(counted)))
    }

    /// The total without a filter, which was read along with the rows if there are any.
    async fn whole_total(&self, pool: &PgPool, row: Option<&PgRow>) -> Result<i64, ReadError> {
        let total: Option<i64> = row.map(|r| r.try_get("list_total")).transpose()?.flatten();
        match total {
            Some(total) => Ok(total),
            None => maintained_total(pool, self.projection).await,
        }
    }

    fn conditions<'q>(
        &self,
        sql: &mut QueryBuilder<'q, Postgres>,
        query: &'q ListQuery,
    ) -> Result<(), DomainError> {
        sql.push(" WHERE ").push(self.listed.unwrap_or("true"));
        for (name, value) in &query.filters {
            let filter = self.filters.iter().find(|f| f.name == name);
            let Some(filter) = filter else {
                return Err(DomainError::field(name.as_str(), "is no filter of this list"));
            };
            sql.push(" AND ");
            filter.push(sql, value)?;
        }
        if let Some(q) = &query.q {
            self.search(sql, q)?;
        }
        Ok(())
    }

    fn search<'q>(
        &self,
        sql: &mut QueryBuilder<'q, Postgres>,
        q: &'q str,
    ) -> Result<(), DomainError> {
        if self.texts.is_empty() {
            return Err(DomainError::field("q", "this list cannot be searched"));
        }
        let search = Search::of(q)?;
        sql.push(" AND (");
        match search.words {
            None => sql.push("false"),
            Some(words) => {
                sql.push("t.words @@ to_tsquery('simple', ").push_bind(words).push(")");
                for literal in search.literals {
                    for (i, column) in self.texts.iter().enumerate() {
                        sql.push(if i == 0 { " AND (" } else { " OR " });
                        sql.push(*column).push(" LIKE ").push_bind(literal.clone());
                    }
                    sql.push(")");
                }
                &mut *sql
            }
        };
        for expression in self.exact {
            sql.push(" OR ").push(expression).push(" = ").push_bind(q.trim());
        }
        sql.push(")");
        Ok(())
    }
}

/// How many rows the list has without a filter, as the projection counts them.
pub(crate) async fn maintained_total(pool: &PgPool, projection: &str) -> Result<i64, ReadError> {
    let sql = "SELECT total FROM read.projection_checkpoint WHERE name = $1";
    let total = sqlx::query_scalar(sql).bind(projection).fetch_optional(pool).await?;
    Ok(total.unwrap_or(0))
}

/// The total as shown, and whether counting ended early.
pub(crate) const fn capped(counted: i64) -> (i64, bool) {
    if counted > COUNTED { (COUNTED, true) } else { (counted, false) }
}
