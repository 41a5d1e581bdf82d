//! `POST /admin/policies/bulk`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::PolicyPatch;
use nexavpn_domain::ids::PolicyId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Json,
    routes::admin::bulk::{Answer, IN_TURN, Ids, Outcome},
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyBulk)]
pub(in crate::routes::admin) struct Bulk {
    action: Action,
    /// At most 1,000 policies.
    ids: Vec<PolicyId>,
}

/// What to do with each.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PolicyBulkAction)]
enum Action {
    Enable,
    Disable,
}

/// Enables or disables many policies. Answers 200 with a result for each id; one that fails does
/// not stop the others, and sending the same again does no harm.
#[utoipa::path(
    post,
    path = "/admin/policies/bulk",
    operation_id = "policies_bulk",
    tag = "policies",
    request_body = Bulk,
    responses((status = 200, description = "A result for each id.", body = Answer<PolicyId>)),
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
    ) -> Result<(Ids<PolicyId>, Outcome), ApiError> {
        let ids = Ids::of(caller, self.ids)?;
        let enabled = Some(self.action == Action::Enable);
        // Which rules are in force in between, and so how often a device gets another profile, depends
        // on the order: it is that of the request, as the preview says.
        let outcome = ids
            .each(IN_TURN, app, caller, StatusCode::OK, |part, id| {
                let patch = PolicyPatch { enabled, ..PolicyPatch::default() };
                let commands = &app.commands;
                async move { commands.change_policy(&part, id, patch).await }
            })
            .await;
        Ok((ids, outcome))
    }
}
