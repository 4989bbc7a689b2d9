//! `/tables/{id}/versions` and `/tables/{id}/restore`.

use super::{List, accounts::Person};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::TableId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    Import,
    Sync,
    Restore,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceChange {
    Renamed,
    AnotherTable,
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
    /// Whether the source was renamed since the version before, or is another table under the same name; null where it
    /// is neither.
    #[schema(required)]
    source_change: Option<SourceChange>,
    /// Names of columns, against the version before; a column is known by its place at the source, or, in another table,
    /// by its name.
    columns_added: Vec<String>,
    columns_removed: Vec<String>,
    /// Renamed or of another type.
    columns_changed: Vec<String>,
    /// The name that somebody gave to this version, under which it is kept.
    #[schema(required)]
    checkpoint: Option<String>,
    /// The newest comparison with its source.
    #[schema(required)]
    verified: Option<Verified>,
}

/// How the newest comparison of a version with its source ended; its job has the whole receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verified {
    at: DateTime<Utc>,
    equal: bool,
    /// Whether the source computed its side under the snapshot of the read that made the version, or that found it still to
    /// hold.
    snapshot: bool,
    /// null where it can't be told.
    #[schema(required)]
    source_changed: Option<bool>,
}

impl From<(engine::Version, engine::ColumnChanges)> for Version {
    fn from((version, changes): (engine::Version, engine::ColumnChanges)) -> Self {
        let change = version.source.as_ref().and_then(|source| source.change);
        Self {
            version: version.version,
            created_at: version.created_at,
            created_by: version.created_by.map(Person::from),
            cause: match version.cause {
                engine::JobKind::Import => Cause::Import,
                // A comparison makes none.
                engine::JobKind::Sync | engine::JobKind::Verify => Cause::Sync,
                engine::JobKind::Restore => Cause::Restore,
            },
            restored_version: version.restored_version,
            rows: version.rows,
            bytes: version.bytes,
            source_change: change.map(|change| match change {
                engine::SourceChange::Renamed => SourceChange::Renamed,
                engine::SourceChange::AnotherTable => SourceChange::AnotherTable,
            }),
            columns_added: changes.added,
            columns_removed: changes.removed,
            columns_changed: changes.changed,
            checkpoint: version.checkpoint,
            verified: version.receipt.map(|(at, receipt)| Verified {
                at,
                equal: receipt.equal,
                snapshot: receipt.snapshot,
                source_changed: receipt.source_changed,
            }),
        }
    }
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
    caller: Caller,
    Path(id): Path<TableId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Version>>, ApiError> {
    let versions = app.engine.tables.versions(caller.id(), id, paging.after(), paging.limit()?).await?;
    Ok(Json(versions.into()))
}

/// Makes a new version with the content of an old one.
#[utoipa::path(post, path = "/tables/{id}/restore", tag = "tables", params(("id" = Uuid, Path)),
    request_body = Restore, responses((status = CREATED, body = Version)))]
pub(crate) async fn restore_version(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(form): Body<Restore>,
) -> Result<(StatusCode, Json<Version>), ApiError> {
    let made = app.engine.tables.restore(caller.id(), id, form.version).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
