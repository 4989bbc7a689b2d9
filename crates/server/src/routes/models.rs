//! `/models`.

use super::{List, accounts::Person, jobs::Job, tables::Table};
use crate::{
    App,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::ModelId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What the caller may do with a Model.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    Owner,
    Collaborator,
    Viewer,
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
    Body(_form): Body<ModelForm>,
) -> Result<(StatusCode, Json<Model>), ApiError> {
    app.later()
}

/// The Models that the caller may see, newest first.
#[utoipa::path(get, path = "/models", tag = "models", params(Paging),
    responses((status = OK, body = List<Model>)))]
pub(crate) async fn list_models(
    State(app): State<App>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Model>>, ApiError> {
    app.later()
}

/// A Model.
#[utoipa::path(get, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    responses((status = OK, body = Model)))]
pub(crate) async fn get_model(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
) -> Result<Json<Model>, ApiError> {
    app.later()
}

/// Renames a Model.
#[utoipa::path(patch, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    request_body = ModelForm, responses((status = OK, body = Model)))]
pub(crate) async fn update_model(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
    Body(_form): Body<ModelForm>,
) -> Result<Json<Model>, ApiError> {
    app.later()
}

/// Deletes a Model with its tables and all their versions.
#[utoipa::path(delete, path = "/models/{id}", tag = "models", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_model(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
) -> Result<StatusCode, ApiError> {
    app.later()
}

/// The tables of a Model that have a version, by name.
#[utoipa::path(get, path = "/models/{id}/tables", tag = "models", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Table>)))]
pub(crate) async fn list_tables(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Table>>, ApiError> {
    app.later()
}

/// The imports and syncs of a Model, newest first.
#[utoipa::path(get, path = "/models/{id}/jobs", tag = "models", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Job>)))]
pub(crate) async fn list_jobs(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Job>>, ApiError> {
    app.later()
}

/// Queues the import of a table from a connection of the caller.
#[utoipa::path(post, path = "/models/{id}/imports", tag = "models", params(("id" = Uuid, Path)),
    request_body = Import, responses((status = ACCEPTED, body = ImportStarted)))]
pub(crate) async fn create_import(
    State(app): State<App>,
    Path(_id): Path<ModelId>,
    Body(_form): Body<Import>,
) -> Result<(StatusCode, Json<ImportStarted>), ApiError> {
    app.later()
}
