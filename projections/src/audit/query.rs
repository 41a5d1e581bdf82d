//! What the audit log can be asked, as conditions on its index.

use std::net::IpAddr;

use nexavpn_domain::{DomainError, ids::UserId};
use nexavpn_store::Log;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    ReadError,
    list::{FilterValue, ListOptions},
    page::ListQuery,
    search::Search,
};

/// What of the audit log is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Page, size and `after`; sort, `q` and filters have been taken out of it.
    pub list: ListQuery,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
    /// `device.enrolled`, …
    pub event_type: Option<String>,
    /// `user`, `device`, …
    pub entity_type: Option<String>,
    /// Whose events.
    pub entity_id: Option<String>,
    /// `user`, `gateway`, `system` or `anonymous`.
    pub actor_type: Option<String>,
    /// Who acted.
    pub actor_id: Option<String>,
    /// `success` or `failure`.
    pub status: Option<String>,
    /// The request that caused it.
    pub request_id: Option<Uuid>,
    /// The user whom it concerns.
    pub about: Option<UserId>,
    /// The user who acted or whom it concerns.
    pub involves: Option<UserId>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The first number.
    pub from: Option<i64>,
    /// The last number.
    pub to: Option<i64>,
    /// What words of it begin with, or of the names of those who acted or to whom it happened.
    pub q: Option<String>,
}

const STATUSES: &[&str] = &["success", "failure"];
const ACTORS: &[&str] = &["user", "gateway", "system", "anonymous"];
/// The order: of the events.
const SORT: &str = "idx";

/// What the log takes.
#[must_use]
pub fn list_options() -> ListOptions {
    let text = |name| (name, FilterValue::Text);
    ListOptions {
        sorts: vec![SORT],
        default_sort: "-idx",
        searchable: true,
        filters: vec![
            text("event_type"),
            text("entity_type"),
            text("entity_id"),
            ("actor_type", FilterValue::Word(ACTORS)),
            text("actor_id"),
            ("status", FilterValue::Word(STATUSES)),
            ("request_id", FilterValue::Id),
            ("user", FilterValue::Id),
            text("address"),
            text("from"),
            text("to"),
        ],
    }
}

impl AuditQuery {
    /// Takes sort, `q` and filters out of what a list is asked for.
    ///
    /// # Errors
    /// `validation_error` naming what is unknown or malformed.
    pub fn of(mut list: ListQuery) -> Result<Self, DomainError> {
        let filters = std::mem::take(&mut list.filters);
        let q = list.q.take();
        let oldest_first = match list.sort.take().as_deref() {
            None | Some("-idx") => false,
            Some(SORT) => true,
            Some(_) => return Err(DomainError::field("sort", "must be idx or -idx")),
        };
        let mut query = Self { list, q, oldest_first, ..Self::default() };
        for (name, value) in filters {
            query.filter(&name, value)?;
        }
        Ok(query)
    }

    fn filter(&mut self, name: &str, value: String) -> Result<(), DomainError> {
        match name {
            "event_type" => self.event_type = Some(value),
            "entity_type" => self.entity_type = Some(value),
            "entity_id" => self.entity_id = Some(value),
            "actor_type" => self.actor_type = Some(word(name, value, ACTORS)?),
            "actor_id" => self.actor_id = Some(value),
            "status" => self.status = Some(word(name, value, STATUSES)?),
            "request_id" => self.request_id = Some(id(name, &value)?),
            "user" => self.about = Some(UserId(id(name, &value)?)),
            "address" => {
                let bad = |_| DomainError::field(name, "must be an IP address");
                self.address = Some(value.parse().map_err(bad)?);
            }
            "from" => self.from = Some(number(name, &value)?),
            "to" => self.to = Some(number(name, &value)?),
            _ => return Err(DomainError::field(name, "is no filter of this list")),
        }
        Ok(())
    }

    /// What all that are equal in this share: the name of the order in cursors.
    pub(super) const fn order(&self) -> &'static str {
        if self.oldest_first { "audit" } else { "-audit" }
    }

    /// Refuses what no entry can ever match.
    ///
    /// # Errors
    /// `validation_error` naming what is malformed.
    pub(super) fn check(&self) -> Result<(), DomainError> {
        match &self.status {
            Some(status) => word("status", status.clone(), STATUSES).map(drop),
            None => Ok(()),
        }
    }

    /// Finds out what has to be known before rows can be chosen.
    pub(super) async fn resolve<'q>(
        &'q self,
        pool: &PgPool,
        log: &Log,
    ) -> Result<Conditions<'q>, ReadError> {
        let search = self.q.as_deref().map(Search::of).transpose()?;
        let named = match search.as_ref().and_then(|s| s.words.as_deref()) {
            Some(words) => named(pool, words).await?,
            None => vec![],
        };
        let origin = self.address.map(|address| log.origin(&address.to_string()));
        Ok(Conditions { query: self, search, named, origin })
    }
}

fn word(field: &str, value: String, words: &[&str]) -> Result<String, DomainError> {
    if words.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(DomainError::field(field, format!("must be one of {}", words.join(", "))))
}

fn number(field: &str, value: &str) -> Result<i64, DomainError> {
    value.parse().map_err(|_| DomainError::field(field, "must be a number"))
}

fn id(field: &str, value: &str) -> Result<Uuid, DomainError> {
    value.parse().map_err(|_| DomainError::field(field, "must be a UUID"))
}

/// How many of a kind are looked for by what they are called.
const NAMESAKES: i64 = 100;

/// What is called so at present.
async fn named(pool: &PgPool, words: &str) -> Result<Vec<String>, sqlx::Error> {
    let of = |table: &str| {
        let there = if table == "devices" { "" } else { " AND deleted_at IS NULL" };
        format!(
            "(SELECT id::text FROM read.{table} WHERE words @@ to_tsquery('simple', $1){there}
              LIMIT {NAMESAKES})"
        )
    };
    let tables = ["users", "devices", "groups", "policies", "gateways"];
    let sql = tables.map(of).join(" UNION ALL ");
    sqlx::query_scalar(&sql).bind(words).persistent(false).fetch_all(pool).await
}

/// A query whose range and names are known.
pub(super) struct Conditions<'q> {
    query: &'q AuditQuery,
    search: Option<Search>,
    named: Vec<String>,
    /// What the index has of the address.
    origin: Option<String>,
}

impl<'q> Conditions<'q> {
    /// Whether anything but all entries is asked for.
    pub(super) const fn is_filtered(&self) -> bool {
        let q = self.query;
        q.event_type.is_some()
            || q.entity_type.is_some()
            || q.entity_id.is_some()
            || q.actor_type.is_some()
            || q.actor_id.is_some()
            || q.status.is_some()
            || q.request_id.is_some()
            || q.about.is_some()
            || q.involves.is_some()
            || q.address.is_some()
            || q.from.is_some()
            || q.to.is_some()
            || self.search.is_some()
    }

    /// Adds the conditions, of which the first is always true.
    pub(super) fn push(&'q self, sql: &mut QueryBuilder<'q, Postgres>) {
        let query = self.query;
        sql.push(" WHERE true");
        for (column, value) in [
            ("event_type", &query.event_type),
            ("entity_type", &query.entity_type),
            ("entity_id", &query.entity_id),
            ("actor_type", &query.actor_type),
            ("actor_id", &query.actor_id),
            ("status", &query.status),
        ] {
            if let Some(value) = value {
                sql.push(" AND ").push(column).push(" = ").push_bind(value.as_str());
            }
        }
        if let Some(id) = query.request_id {
            sql.push(" AND request_id = ").push_bind(id.to_string());
        }
        if let Some(user) = query.about {
            sql.push(" AND about = ").push_bind(user.0);
        }
        if let Some(user) = query.involves {
            sql.push(" AND (about = ").push_bind(user.0);
            sql.push(" OR actor_id = ").push_bind(user.to_string()).push(")");
        }
        if let Some(address) = query.address {
            sql.push(" AND (origin = ").push_bind(self.origin.clone());
            sql.push(" OR network >>= ").push_bind(address.to_string()).push("::inet)");
        }
        for (comparison, number) in [(" AND idx >= ", query.from), (" AND idx <= ", query.to)] {
            if let Some(number) = number {
                sql.push(comparison).push_bind(number);
            }
        }
        if let Some(search) = &self.search {
            // A search for nothing but punctuation finds nothing.
            sql.push(" AND (words @@ to_tsquery('simple', ");
            sql.push_bind(search.words.as_deref().unwrap_or("")).push(")");
            if !self.named.is_empty() {
                sql.push(" OR entity_id = ANY (").push_bind(&self.named);
                sql.push(") OR actor_id = ANY (").push_bind(&self.named).push(")");
            }
            sql.push(")");
        }
    }
}
