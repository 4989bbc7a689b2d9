//! `/tables/{id}`.

use super::{List, jobs::Job};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{ConnectionId, Filter, TableId};
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The sync that waits for a decision, see `/tables/{id}/held`.
    #[schema(required)]
    held_job_id: Option<Uuid>,
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
    /// What rows are sorted and compared by. `type`: PostgreSQL's order of the type, with its collation. `bytes`:
    /// the same, but text by its bytes, because its collation can't be followed here. `text`: the bytes of what is
    /// shown, because the type has no order.
    #[schema(example = "type")]
    order: &'static str,
    /// The collation of a column of text at the source, as PostgreSQL names it.
    #[schema(required, example = "de-x-icu")]
    collation: Option<String>,
}

impl From<engine::Table> for Table {
    fn from(table: engine::Table) -> Self {
        let head = table.head.as_ref();
        Self {
            id: *table.id.as_uuid(),
            model_id: *table.model.as_uuid(),
            version: head.map(|head| head.version),
            rows: head.map_or(0, |head| head.rows),
            bytes: head.map_or(0, |head| head.size_bytes),
            columns: head.map_or_else(Vec::new, |head| head.columns.iter().map(Column::from).collect()),
            name: table.name,
            source: Some(TableSource {
                connection_id: table.source.connection.map(|id| *id.as_uuid()),
                has_connection: table.source.has_connection,
                schema: table.source.schema,
                table: table.source.table,
                filter: table.source.selection.filter.iter().map(ToString::to_string).collect(),
                masks: table
                    .source
                    .selection
                    .masks
                    .into_iter()
                    .map(|(name, mask)| (name, mask.into()))
                    .collect(),
                synced_at: table.synced_at,
            }),
            job_id: table.job.map(|id| *id.as_uuid()),
            held_job_id: table.held.map(|id| *id.as_uuid()),
            created_at: table.created_at,
        }
    }
}

impl From<&mycorr_domain::Column> for Column {
    fn from(column: &mycorr_domain::Column) -> Self {
        Self {
            name: column.name.clone(),
            position: column.position,
            pg_type: column.pg_type.clone(),
            r#type: column.stored.to_string(),
            nullable: column.nullable,
            order: column.order().as_str(),
            collation: column.collation().map(|collation| collation.name.clone()),
        }
    }
}

/// What is stored in place of a value. `hash`: HMAC-SHA-256 of its text under a key of the Model, in hexadecimal, so that
/// equal values stay equal throughout the Model. `redact`: `[redacted]`; the source is only asked whether there is a value.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mask {
    Hash,
    Redact,
}

impl From<engine::Mask> for Mask {
    fn from(mask: engine::Mask) -> Self {
        match mask {
            engine::Mask::Hash => Self::Hash,
            engine::Mask::Redact => Self::Redact,
        }
    }
}

impl From<Mask> for engine::Mask {
    fn from(mask: Mask) -> Self {
        match mask {
            Mask::Hash => Self::Hash,
            Mask::Redact => Self::Redact,
        }
    }
}

pub(super) fn masks(masks: BTreeMap<String, Mask>) -> BTreeMap<String, engine::Mask> {
    masks.into_iter().map(|(column, mask)| (column, mask.into())).collect()
}

/// Where a table comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableSource {
    /// null when the connection is gone or is not the caller's.
    #[schema(required)]
    connection_id: Option<Uuid>,
    /// Whether there is a connection, the caller's or another's: without one the table can't be synced.
    has_connection: bool,
    schema: String,
    table: String,
    /// When the content of the newest import or sync was read.
    #[schema(required)]
    synced_at: Option<DateTime<Utc>>,
    /// The conditions that its rows meet there.
    filter: Vec<String>,
    /// The columns that are masked, by their names there.
    masks: BTreeMap<String, Mask>,
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

/// The tables that were shown to the caller alone, without their Models, newest first.
#[utoipa::path(get, path = "/tables", tag = "tables", params(Paging),
    responses((status = OK, body = List<Table>)))]
pub(crate) async fn list_shown_tables(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Table>>, ApiError> {
    Ok(Json(app.engine.tables.shown(caller.id(), paging.after(), paging.limit()?).await?.into()))
}

/// A table.
#[utoipa::path(get, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = Table)))]
pub(crate) async fn get_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Json<Table>, ApiError> {
    Ok(Json(app.engine.tables.table(caller.id(), id).await?.into()))
}

/// Renames a table. The source's name stays what it is.
#[utoipa::path(patch, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    request_body = TableForm, responses((status = OK, body = Table)))]
pub(crate) async fn update_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(form): Body<TableForm>,
) -> Result<Json<Table>, ApiError> {
    Ok(Json(app.engine.tables.rename_table(caller.id(), id, &form.name).await?.into()))
}

/// Deletes a table with all its versions. The source is not touched.
#[utoipa::path(delete, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.delete_table(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Queues a sync: the source is read again and replaces the content in one step, or changes nothing.
#[utoipa::path(post, path = "/tables/{id}/sync", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = SyncStarted)))]
pub(crate) async fn sync_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<(StatusCode, Json<SyncStarted>), ApiError> {
    let job = app.engine.imports.sync(caller.id(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(SyncStarted { job: job.into() })))
}

/// Queues a comparison of the newest version with its source: the job's `receipt` says what it came to. A version whose
/// files are not what was written fails the job.
#[utoipa::path(post, path = "/tables/{id}/verify", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = SyncStarted)))]
pub(crate) async fn verify_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<(StatusCode, Json<SyncStarted>), ApiError> {
    let job = app.engine.imports.verify(caller.id(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(SyncStarted { job: job.into() })))
}

/// Another source for a table.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetSource {
    /// One of the caller's.
    connection_id: Uuid,
    /// As before when left out.
    schema: Option<String>,
    /// As before when left out.
    table: Option<String>,
    /// Only the rows that meet all of these conditions; as before when left out.
    filter: Option<Vec<String>>,
    /// What is stored in place of a column's values, by its name; as before when left out.
    masks: Option<BTreeMap<String, Mask>>,
}

/// Points a table at another connection of the caller's; the next sync reads there.
#[utoipa::path(put, path = "/tables/{id}/source", tag = "tables", params(("id" = Uuid, Path)),
    request_body = SetSource, responses((status = OK, body = Table)))]
pub(crate) async fn set_source(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(form): Body<SetSource>,
) -> Result<Json<Table>, ApiError> {
    let SetSource { connection_id, schema, table, filter, masks: masked } = form;
    let filter = filter.map(|filter| Filter::parse_list(&filter)).transpose()?;
    let connection = ConnectionId::from_uuid(connection_id);
    let source = engine::NewSource { connection, schema, table, filter, masks: masked.map(masks) };
    Ok(Json(app.engine.imports.set_source(caller.id(), id, source).await?.into()))
}
