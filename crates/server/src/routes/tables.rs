//! `/tables/{id}`.

use super::jobs::Job;
use crate::{
    App,
    extract::{Body, Path},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::TableId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A table of a Model, as of its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Table {
    id: Uuid,
    model_id: Uuid,
    name: String,
    /// The newest version; null until the first import is done.
    #[schema(required)]
    version: Option<i64>,
    rows: u64,
    /// In the store.
    bytes: u64,
    columns: Vec<Column>,
    #[schema(required)]
    source: Option<TableSource>,
    /// The import or sync that is queued or running.
    #[schema(required)]
    job_id: Option<Uuid>,
    created_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Column {
    name: String,
    /// PostgreSQL's `attnum`: from 1, with gaps where columns were dropped.
    position: i16,
    #[schema(example = "numeric(12,2)")]
    pg_type: String,
    /// The stored type, as Delta Lake names it.
    #[schema(example = "decimal(12,2)")]
    r#type: String,
    nullable: bool,
}

/// Where a table comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableSource {
    /// null when the connection is gone or is not the caller's.
    #[schema(required)]
    connection_id: Option<Uuid>,
    schema: String,
    table: String,
    /// When the content of the newest import or sync was read.
    #[schema(required)]
    synced_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableForm {
    #[schema(max_length = 128)]
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncStarted {
    job: Job,
}

/// A table.
#[utoipa::path(get, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = Table)))]
pub(crate) async fn get_table(
    State(app): State<App>,
    Path(_id): Path<TableId>,
) -> Result<Json<Table>, ApiError> {
    app.later()
}

/// Renames a table. The source's name stays what it is.
#[utoipa::path(patch, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    request_body = TableForm, responses((status = OK, body = Table)))]
pub(crate) async fn update_table(
    State(app): State<App>,
    Path(_id): Path<TableId>,
    Body(_form): Body<TableForm>,
) -> Result<Json<Table>, ApiError> {
    app.later()
}

/// Deletes a table with all its versions. The source is not touched.
#[utoipa::path(delete, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_table(
    State(app): State<App>,
    Path(_id): Path<TableId>,
) -> Result<StatusCode, ApiError> {
    app.later()
}

/// Queues a sync: the source is read again and replaces the content in one step, or changes nothing.
#[utoipa::path(post, path = "/tables/{id}/sync", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = SyncStarted)))]
pub(crate) async fn sync_table(
    State(app): State<App>,
    Path(_id): Path<TableId>,
) -> Result<(StatusCode, Json<SyncStarted>), ApiError> {
    app.later()
}
