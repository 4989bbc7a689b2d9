//! `/tables/{id}/versions/{version}`.

use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::ApiError,
};
use axum::{extract::State, http::StatusCode};
use mycorr_domain::TableId;
use serde::Deserialize;
use utoipa::ToSchema;

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
