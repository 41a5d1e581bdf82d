//! `GET` and `POST /admin/audit/pins`: checkpoints that auditors bring back.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::UserId;
use nexavpn_store::{PinError, Pinned};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{TreeView, all_base64, present};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Query},
};

/// The most pins of an answer.
const MOST: u32 = 200;

/// A checkpoint to pin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PinCreate)]
pub(super) struct Body {
    /// The signed note, whole and as it was kept.
    note: String,
}

/// Which pins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only pins of larger logs than this: the `next` of the answer before.
    after: Option<u64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    page_size: Option<u32>,
}

/// A checkpoint that somebody brought back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pin)]
pub(super) struct View {
    /// The tree that it is of.
    tree: TreeView,
    /// The signed note, as it was brought.
    note: String,
    /// Who brought it first.
    pinned_by: UserId,
    /// When.
    pinned_at: DateTime<Utc>,
    /// Whether the log still continues it. If not, the history was replaced.
    consistent: bool,
    /// The hashes that show it (RFC 9162, section 2.1.4.1), in base64; null where they cannot.
    hashes: Option<Vec<String>>,
}

impl From<Pinned> for View {
    fn from(Pinned { pin, proof }: Pinned) -> Self {
        Self {
            tree: TreeView::new(pin.size, pin.root),
            note: pin.note,
            pinned_by: pin.pinned_by,
            pinned_at: pin.pinned_at,
            consistent: proof.is_some(),
            hashes: proof.map(|hashes| all_base64(&hashes)),
        }
    }
}

/// Pins, and the checkpoint that they are compared with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pins)]
pub(super) struct All {
    /// The pins, those of the smallest logs first.
    items: Vec<View>,
    /// What to send as `after` for more.
    next: Option<u64>,
    /// The tree of the checkpoint.
    tree: TreeView,
    /// The newest checkpoint, signed: the pins' hashes lead to it.
    checkpoint: String,
}

/// The pinned checkpoints, each with the proof that the log still continues it.
#[utoipa::path(
    get,
    path = "/admin/audit/pins",
    operation_id = "audit_pins",
    tag = "proofs",
    params(Which),
    responses(
        (status = 200, description = "The pins.", body = All),
        (status = 409, description = "`history_changed`: the log does not continue a checkpoint that was signed before: `nexavpn verify` names the place"),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(Which { after, page_size }): Query<Which>,
) -> Result<axum::Json<All>, ApiError> {
    let limit = page_size.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::field("page_size", format!("must be from 1 to {MOST}")));
    }
    let (state, checkpoint) = present(&app).await?;
    let from = after.map_or(0, |after| after.saturating_add(1));
    let tree = app.commands.store().log_tree();
    let mut pins = tree.pins(from, limit + 1, state).await?;
    let more = pins.len() > limit as usize;
    pins.truncate(limit as usize);
    let next = pins.last().map(|pinned| pinned.pin.size).filter(|_| more);
    let items = pins.into_iter().map(View::from).collect();
    Ok(axum::Json(All { items, next, tree: state.into(), checkpoint }))
}

/// Pins a checkpoint, so that the server shows from then on that the log continues it. The same
/// checkpoint again changes nothing. Keep the note itself too: what is pinned here is only as safe
/// as this server.
#[utoipa::path(
    post,
    path = "/admin/audit/pins",
    operation_id = "audit_pin",
    tag = "proofs",
    request_body = Body,
    responses(
        (status = 201, description = "It is pinned.", body = View),
        (status = 409, description = "`history_replaced`: this log has signed the checkpoint, but does not continue it: its history was replaced"),
    ),
)]
pub(super) async fn pin(
    State(app): State<App>,
    caller: Caller,
    Json(Body { note }): Json<Body>,
) -> Result<(StatusCode, axum::Json<View>), ApiError> {
    let by = caller.user()?.user_id;
    let tree = app.commands.store().log_tree();
    let pin = tree.pin(&app.log_key, &note, by, app.commands.now()).await?;
    let (state, _) = present(&app).await?;
    let proof = tree.consistency(pin.size, state.size).await?;
    Ok((StatusCode::CREATED, axum::Json(Pinned { pin, proof: Some(proof) }.into())))
}

impl From<PinError> for ApiError {
    fn from(e: PinError) -> Self {
        let message = e.to_string();
        match e {
            PinError::NotOurs(_) => Self::field("note", message),
            PinError::Contradicts { .. } => {
                tracing::error!("{message}");
                Self::new(StatusCode::CONFLICT, "history_replaced", message)
            }
            PinError::Proof(e) => e.into(),
        }
    }
}
