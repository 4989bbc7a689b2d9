//! `/models`.

use super::{
    List,
    accounts::Person,
    jobs::Job,
    tables::{Mask, Table, masks},
};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{ConnectionId, Filter, ModelId, Problem};
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody may do with a Model.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    Owner,
    Collaborator,
    Viewer,
}

impl From<engine::Access> for Access {
    fn from(access: engine::Access) -> Self {
        match access {
            engine::Access::Owner => Self::Owner,
            engine::Access::Collaborator => Self::Collaborator,
            engine::Access::Viewer => Self::Viewer,
        }
    }
}

impl From<Access> for engine::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::Owner => Self::Owner,
            Access::Collaborator => Self::Collaborator,
            Access::Viewer => Self::Viewer,
        }
    }
}

/// A workspace of tables.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    id: Uuid,
    name: String,
    owner: Person,
    access: Access,
    /// How many tables it has.
    tables: u64,
    created_at: DateTime<Utc>,
}

impl From<engine::Model> for Model {
    fn from(model: engine::Model) -> Self {
        Self {
            id: *model.id.as_uuid(),
            name: model.name,
            owner: model.owner.into(),
            access: model.access.into(),
            tables: model.tables,
            created_at: model.created_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelForm {
    #[schema(max_length = 100)]
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    connection_id: Uuid,
    /// As it is called at the source.
    schema: String,
    /// As it is called at the source.
    table: String,
    /// What the table is called in the Model; the source's name when left out.
    #[schema(max_length = 128)]
    name: Option<String>,
    /// Which columns; all that the role can read when left out.
    columns: Option<Vec<String>>,
    /// Only the rows that meet all of these conditions, each written as for `rows`; at most 32. The database compares,
    /// by the operators of the column's type.
    #[serde(default)]
    #[schema(example = json!(["placed_at.gte.2026-01-01"]))]
    filter: Vec<String>,
    /// What is stored in place of a column's values, by its name.
    #[serde(default)]
    #[schema(example = json!({"email": "hash"}))]
    masks: BTreeMap<String, Mask>,
}

impl TryFrom<Import> for engine::Import {
    type Error = Problem;

    fn try_from(import: Import) -> Result<Self, Problem> {
        Ok(Self {
            selection: engine::Selection {
                filter: Filter::parse_list(&import.filter)?,
                masks: masks(import.masks),
            },
            connection: ConnectionId::from_uuid(import.connection_id),
            schema: import.schema,
            table: import.table,
            name: import.name,
            columns: import.columns,
        })
    }
}

/// The job that imports, and the table that it will make. The table is listed once it has a version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportStarted {
    job: Job,
    table: Table,
}

/// Makes a Model.
#[utoipa::path(post, path = "/models", tag = "models", request_body = ModelForm,
    responses((status = CREATED, body = Model)))]
pub(crate) async fn create_model(
    State(app): State<App>,
    caller: Caller,
    Body(form): Body<ModelForm>,
) -> Result<(StatusCode, Json<Model>), ApiError> {
    let made = app.engine.models.create_model(caller.id(), &form.name).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// The Models that the caller may see, newest first.
#[utoipa::path(get, path = "/models", tag = "models", params(Paging),
    responses((status = OK, body = List<Model>)))]
pub(crate) async fn list_models(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Model>>, ApiError> {
    let models = app.engine.models.models(caller.id(), paging.after(), paging.limit()?).await?;
    Ok(Json(models.into()))
}

/// A Model.
#[utoipa::path(get, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    responses((status = OK, body = Model)))]
pub(crate) async fn get_model(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<Json<Model>, ApiError> {
    Ok(Json(app.engine.models.model(caller.id(), id).await?.into()))
}

/// Renames a Model.
#[utoipa::path(patch, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    request_body = ModelForm, responses((status = OK, body = Model)))]
pub(crate) async fn update_model(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(form): Body<ModelForm>,
) -> Result<Json<Model>, ApiError> {
    Ok(Json(app.engine.models.rename_model(caller.id(), id, &form.name).await?.into()))
}

/// Deletes a Model with its tables and all their versions.
#[utoipa::path(delete, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_model(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<StatusCode, ApiError> {
    app.engine.models.delete_model(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The tables of a Model that have a version, by name.
#[utoipa::path(get, path = "/models/{id}/tables", tag = "models", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Table>)))]
pub(crate) async fn list_tables(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Table>>, ApiError> {
    let tables = app.engine.tables.tables(caller.id(), id, paging.after(), paging.limit()?).await?;
    Ok(Json(tables.into()))
}

/// The imports and syncs of a Model, newest first.
#[utoipa::path(get, path = "/models/{id}/jobs", tag = "models", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Job>)))]
pub(crate) async fn list_jobs(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Job>>, ApiError> {
    let jobs = app.engine.jobs.jobs(caller.id(), id, paging.after(), paging.limit()?).await?;
    Ok(Json(jobs.into()))
}

/// Queues the import of a table from a connection of the caller.
#[utoipa::path(post, path = "/models/{id}/imports", tag = "models", params(("id" = Uuid, Path)),
    request_body = Import, responses((status = ACCEPTED, body = ImportStarted)))]
pub(crate) async fn create_import(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(form): Body<Import>,
) -> Result<(StatusCode, Json<ImportStarted>), ApiError> {
    let (job, table) = app.engine.imports.import(caller.id(), id, form.try_into()?).await?;
    Ok((StatusCode::ACCEPTED, Json(ImportStarted { job: job.into(), table: table.into() })))
}
