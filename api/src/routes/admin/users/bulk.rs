//! `POST /admin/users/bulk`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::{CommandError, Membership};
use nexavpn_domain::{
    DomainError,
    ids::{GroupId, UserId},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, required},
    routes::admin::bulk::{Answer, Ids, Outcome, TOGETHER},
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserBulk)]
pub(in crate::routes::admin) struct Bulk {
    action: Action,
    /// At most 1,000 users.
    ids: Vec<UserId>,
    /// For `add_to_group` and `remove_from_group`.
    group_id: Option<GroupId>,
}

/// What to do with each.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserBulkAction)]
enum Action {
    Enable,
    Disable,
    Delete,
    AddToGroup,
    RemoveFromGroup,
}

/// Enables, disables or deletes many users, or changes their membership in a group. Answers 200
/// with a result for each id; one that fails does not stop the others, and sending the same again
/// does no harm. Changes of membership are recorded together.
#[utoipa::path(
    post,
    path = "/admin/users/bulk",
    operation_id = "users_bulk",
    tag = "users",
    request_body = Bulk,
    responses((status = 200, description = "A result for each id.", body = Answer<UserId>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(bulk): Json<Bulk>,
) -> Result<Response, ApiError> {
    let (ids, outcome) = bulk.run(&app, &caller).await?;
    Ok(ids.answer(&app, outcome).await)
}

impl Bulk {
    /// Does it, or rehearses it: as the caller's request says.
    pub(in crate::routes::admin) async fn run(
        self,
        app: &App,
        caller: &Caller,
    ) -> Result<(Ids<UserId>, Outcome), ApiError> {
        let Self { action, ids, group_id } = self;
        let ids = Ids::of(caller, ids)?;
        let membership = match action {
            Action::AddToGroup => Some(Membership::Add),
            Action::RemoveFromGroup => Some(Membership::Remove),
            Action::Enable | Action::Disable | Action::Delete => None,
        };
        if membership.is_none() && group_id.is_some() {
            let message = "is for add_to_group and remove_from_group only";
            return Err(ApiError::field("group_id", message));
        }
        let commands = &app.commands;
        let (ok, gone) = (StatusCode::OK, StatusCode::NO_CONTENT);
        let outcome = match (action, membership) {
            (_, Some(membership)) => {
                let group = group_id.ok_or_else(|| required("group_id"))?;
                in_group(app, caller, group, membership, &ids).await?
            }
            (Action::Disable, _) => {
                let disable = |part, id| async move { commands.disable_user(&part, id).await };
                ids.each(TOGETHER, app, caller, ok, disable).await
            }
            (Action::Delete, _) => {
                let delete = |part, id| async move { commands.delete_user(&part, id).await };
                ids.each(TOGETHER, app, caller, gone, delete).await
            }
            (_, None) => {
                let enable = |part, id| async move { commands.enable_user(&part, id).await };
                ids.each(TOGETHER, app, caller, ok, enable).await
            }
        };
        Ok((ids, outcome))
    }
}

async fn in_group(
    app: &App,
    caller: &Caller,
    group: GroupId,
    membership: Membership,
    ids: &Ids<UserId>,
) -> Result<Outcome, ApiError> {
    let users = ids.distinct();
    let done = app.commands.change_members(&caller.request, group, membership, &users).await;
    let done = done.map_err(|e| match e {
        CommandError::Domain(DomainError::NotFound { .. }) => {
            ApiError::field("group_id", format!("there is no group {group}"))
        }
        other => other.into(),
    })?;
    let status = match membership {
        Membership::Add => StatusCode::OK,
        Membership::Remove => StatusCode::NO_CONTENT,
    };
    let results = done.value.into_iter().map(|r| r.map(|()| status).map_err(Into::into));
    Ok(Outcome::new(results.collect(), done.position))
}
