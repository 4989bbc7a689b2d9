//! `/tables/{id}/versions/{version}` and `/tables/{id}/freed-space`.

use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use mycorr_domain::{Keep, TableId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    #[schema(max_length = 100)]
    name: String,
}

/// Gives a version a name. It is kept until the name is taken away.
#[utoipa::path(put, path = "/tables/{id}/versions/{version}/checkpoint", tag = "tables",
    params(("id" = Uuid, Path), ("version" = i64, Path)), request_body = Checkpoint,
    responses((status = NO_CONTENT)))]
pub(crate) async fn set_checkpoint(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(TableId, i64)>,
    Body(form): Body<Checkpoint>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.set_checkpoint(caller.id(), id, version, Some(&form.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a version's name away.
#[utoipa::path(delete, path = "/tables/{id}/versions/{version}/checkpoint", tag = "tables",
    params(("id" = Uuid, Path), ("version" = i64, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_checkpoint(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(TableId, i64)>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.set_checkpoint(caller.id(), id, version, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a version that is neither the newest nor a checkpoint, and frees what only it has taken.
#[utoipa::path(delete, path = "/tables/{id}/versions/{version}", tag = "tables",
    params(("id" = Uuid, Path), ("version" = i64, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_version(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(TableId, i64)>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.delete_version(caller.id(), id, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FreedSpaceParams {
    /// A version that would be deleted.
    version: Option<i64>,
    /// `keep.versions` of a policy that would be set.
    #[param(minimum = 1)]
    keep_versions: Option<u32>,
    /// `keep.days` of a policy that would be set.
    #[param(minimum = 1)]
    keep_days: Option<u32>,
}

/// What a deletion would free.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FreedSpace {
    /// Those that would be deleted, newest first.
    versions: Vec<i64>,
    /// Bytes of files that only they have.
    freed_bytes: u64,
    /// Bytes of the files of all versions, and of what is held, as it is now.
    stored_bytes: u64,
}

/// What the deletion of one version would free, or a policy. Nothing is changed.
#[utoipa::path(get, path = "/tables/{id}/freed-space", tag = "tables", params(("id" = Uuid, Path), FreedSpaceParams),
    responses((status = OK, body = FreedSpace)))]
pub(crate) async fn get_freed_space(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<FreedSpaceParams>,
) -> Result<Json<FreedSpace>, ApiError> {
    let keep = Keep { versions: params.keep_versions, days: params.keep_days };
    let freed = app.engine.tables.freed_by(caller.id(), id, params.version, keep).await?;
    Ok(Json(FreedSpace {
        versions: freed.versions,
        freed_bytes: freed.bytes,
        stored_bytes: freed.stored_bytes,
    }))
}
