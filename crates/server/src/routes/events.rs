//! `/models/{id}/activity` and `/audit`.

use super::{List, accounts::Person};
use crate::{
    App,
    authentication::Caller,
    extract::{Paging, Path, Query, limit},
    problem::ApiError,
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use mycorr_domain::ModelId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    id: Uuid,
    at: DateTime<Utc>,
    /// null for the operator, from the shell, and when the account is gone.
    #[schema(required)]
    actor: Option<Person>,
    #[schema(example = "table.synced")]
    action: String,
    /// To what: its name; in the audit, the id of a Model, a team, a connection or a token.
    object: String,
    #[schema(example = "version 3, 1000 rows")]
    detail: String,
}

impl From<mycorr_engine::Event> for Event {
    fn from(event: mycorr_engine::Event) -> Self {
        let mycorr_engine::Event { id, at, actor, action, object, detail } = event;
        let action = action.as_str().to_owned();
        Self { id: *id.as_uuid(), at, actor: actor.map(Person::from), action, object, detail }
    }
}

/// What was done in a Model, newest first: imports, syncs, restores, renames, deletions, sharing.
#[utoipa::path(get, path = "/models/{id}/activity", tag = "models", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Event>)))]
pub(crate) async fn list_activity(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Event>>, ApiError> {
    Ok(Json(app.engine.models.activity(caller.id(), id, paging.after(), paging.limit()?).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Only what this person did: an id or an e-mail address.
    actor: Option<String>,
    /// Only this kind of act.
    #[param(example = "account.disabled")]
    action: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// What was done with accounts, connections and grants, newest first, without secrets and without names of what is in
/// Models. Administrators only.
#[utoipa::path(get, path = "/audit", tag = "accounts", params(AuditParams),
    responses((status = OK, body = List<Event>)))]
pub(crate) async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<AuditParams>,
) -> Result<Json<List<Event>>, ApiError> {
    let AuditParams { actor, action, limit: asked, after } = params;
    let (actor, action, after) = (actor.as_deref(), action.as_deref(), after.as_deref());
    Ok(Json(app.engine.accounts.audit(caller.id(), actor, action, after, limit(asked)?).await?.into()))
}
