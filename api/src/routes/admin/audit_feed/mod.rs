//! The audit log as it grows, for machines: asked for again and again (`feed`), or pushed
//! (`stream`).

mod feed;
mod reader;
mod stream;

use nexavpn_projections::audit::{AuditQuery, Wanted};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, error::ApiError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(feed::handle)).routes(routes!(stream::handle))
}

/// The most types of one request.
const TYPES: usize = 50;

/// Which entries are wanted.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// What happened: types, separated by commas. `device.*` stands for all that begin so.
    event_type: Option<String>,
    /// To what kind of thing it happened: `user`, `device`, …
    entity_type: Option<String>,
    /// To which one it happened.
    entity_id: Option<String>,
    /// Who acted.
    actor_id: Option<String>,
    /// `success` or `failure`.
    status: Option<String>,
}

/// The parameters of a request that are numbers, by their names.
struct Numbers(Vec<(String, i64)>);

impl Numbers {
    fn get(&self, name: &str) -> Option<i64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, number)| *number)
    }
}

impl Filter {
    /// Takes a query apart. What is neither a filter nor one of these numbers is refused, so that
    /// a mistyped filter never lets everything through.
    fn take(pairs: Vec<(String, String)>, numbers: &[&str]) -> Result<(Self, Numbers), ApiError> {
        let mut filter = Self::default();
        let mut found: Vec<(String, i64)> = vec![];
        for (name, value) in pairs {
            if numbers.contains(&name.as_str()) {
                let Some(number) = value.parse().ok().filter(|n: &i64| *n >= 0) else {
                    return Err(ApiError::field(name, "must be a whole number from 0"));
                };
                if found.iter().any(|(n, _)| *n == name) {
                    return Err(ApiError::field(name, "is given twice"));
                }
                found.push((name, number));
                continue;
            }
            let field = match name.as_str() {
                "event_type" => &mut filter.event_type,
                "entity_type" => &mut filter.entity_type,
                "entity_id" => &mut filter.entity_id,
                "actor_id" => &mut filter.actor_id,
                "status" => &mut filter.status,
                _ => return Err(ApiError::field(name, "is no parameter of this route")),
            };
            if field.is_some() {
                return Err(ApiError::field(name, "is given twice"));
            }
            // A form sends what was left blank, too.
            *field = Some(value).filter(|value| !value.trim().is_empty());
        }
        Ok((filter, Numbers(found)))
    }

    fn wanted(self) -> Result<Wanted, ApiError> {
        let all = [
            ("event_type", &self.event_type),
            ("entity_type", &self.entity_type),
            ("entity_id", &self.entity_id),
            ("actor_id", &self.actor_id),
        ];
        // PostgreSQL's texts cannot hold it.
        let bad = all.iter().find(|(_, v)| v.as_deref().is_some_and(|v| v.contains('\0')));
        if let Some((name, _)) = bad {
            return Err(ApiError::field(*name, "must not contain control characters"));
        }
        let types = self.event_type.unwrap_or_default();
        let types = types.split(',').map(str::trim).filter(|t| !t.is_empty());
        let types: Vec<String> = types.map(ToOwned::to_owned).collect();
        if types.len() > TYPES {
            return Err(ApiError::field("event_type", format!("must name at most {TYPES} types")));
        }
        let query = AuditQuery {
            entity_type: self.entity_type,
            entity_id: self.entity_id,
            actor_id: self.actor_id,
            status: self.status,
            ..AuditQuery::default()
        };
        let wanted = Wanted { query, types };
        wanted.check()?;
        Ok(wanted)
    }
}
