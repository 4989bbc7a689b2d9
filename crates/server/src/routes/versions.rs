//! `/tables/{id}/versions` and `/tables/{id}/restore`.

use super::{List, accounts::Person};
use crate::{
    App,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::TableId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    Import,
    Sync,
    Restore,
}

/// A version of a table. It never changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// From 1.
    version: i64,
    created_at: DateTime<Utc>,
    /// null when the account is gone.
    #[schema(required)]
    created_by: Option<Person>,
    cause: Cause,
    /// Which version a restore brought back.
    #[schema(required)]
    restored_version: Option<i64>,
    rows: u64,
    bytes: u64,
    /// Names of columns, against the version before; a column is known by its place at the source.
    columns_added: Vec<String>,
    columns_removed: Vec<String>,
    /// Renamed or of another type.
    columns_changed: Vec<String>,
    /// The name that somebody gave to this version.
    #[schema(required)]
    checkpoint: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    version: i64,
}

/// The versions of a table, newest first.
#[utoipa::path(get, path = "/tables/{id}/versions", tag = "tables", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Version>)))]
pub(crate) async fn list_versions(
    State(app): State<App>,
    Path(_id): Path<TableId>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Version>>, ApiError> {
    app.later()
}

/// Makes a new version with the content of an old one.
#[utoipa::path(post, path = "/tables/{id}/restore", tag = "tables", params(("id" = Uuid, Path)),
    request_body = Restore, responses((status = CREATED, body = Version)))]
pub(crate) async fn restore_version(
    State(app): State<App>,
    Path(_id): Path<TableId>,
    Body(_form): Body<Restore>,
) -> Result<(StatusCode, Json<Version>), ApiError> {
    app.later()
}
