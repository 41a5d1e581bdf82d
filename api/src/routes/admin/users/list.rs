//! `GET /admin/users`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;
use nexavpn_projections::{ListQuery, Page, groups, users};
use serde_json::Value;

use super::UserView;
use crate::{
    App,
    error::ApiError,
    moment::AsOf,
    routes::admin::{
        export::{self, Exported},
        listing::Listing,
        past,
    },
};

/// The users. Sorts: `username`, `display_name`, `created_at`. Filters: `role`, `status`, `group`.
/// `q`: for each word, how a word of the login name,
/// the shown name or the email begins.
#[utoipa::path(
    get,
    path = "/admin/users",
    operation_id = "users_list",
    tag = "users",
    responses((
        status = 200,
        description = "A page of the users. As CSV or NDJSON: all of them.",
        content((Page<UserView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    match listing.at(&app).await? {
        None => listing.answer(app, "users", page).await,
        // The file names the groups that they are in now.
        Some(_) if listing.file().is_some() => {
            Err(ApiError::field("format", "must be json where at is given"))
        }
        Some(at) => listing.answer(app, "users", move |app, query| past_page(app, at, query)).await,
    }
}

/// A page of users.
pub(in crate::routes::admin) async fn page(
    app: App,
    query: ListQuery,
) -> Result<Page<UserView>, ApiError> {
    Ok(users::list(&app.pool, &query).await?.map(UserView::from))
}

/// A page of those that there were at a moment.
async fn past_page(app: App, at: AsOf, query: ListQuery) -> Result<Page<UserView>, ApiError> {
    let fleet = app.fleet_as_of(at).await?;
    let (ids, page) = past::page::<_, UserView>(&past::users(&fleet, &query)?, &query, at)?;
    Ok(page.with(UserView::past(&app, at, &ids).await?))
}

impl Exported for UserView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "username",
        "display_name",
        "email",
        "role",
        "groups",
        "status",
        "must_change_password",
        "created_at",
        "updated_at",
    ];

    /// With the names of the groups, so that an import knows them again.
    async fn values(app: &App, rows: Vec<Self>) -> Result<Vec<Value>, ApiError> {
        let ids: Vec<UserId> = rows.iter().map(|user| user.id).collect();
        let mut groups = groups::names_of(&app.pool, &ids).await?;
        let mut values = export::values(&rows)?;
        for (value, id) in values.iter_mut().zip(ids) {
            if let Value::Object(fields) = value {
                fields.insert("groups".into(), groups.remove(&id).unwrap_or_default().into());
            }
        }
        Ok(values)
    }
}
