//! `/tables/{id}/views`: ways to look at a table that were given names, seen by all who see the table.

use super::List;
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{Look, TableId, ViewId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A saved view: what a request for rows asks for, and how wide the page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct View {
    id: Uuid,
    name: String,
    /// As `sort` of `rows`; empty for the order of the import.
    sort: String,
    /// As `filter` of `rows`.
    filters: Vec<String>,
    /// In their order; null for all.
    #[schema(required)]
    columns: Option<Vec<String>>,
    /// Of columns that were given one, in pixels.
    widths: BTreeMap<String, u32>,
    /// Columns that stay in sight.
    pinned: Vec<String>,
    /// Null where the account is gone.
    #[schema(required)]
    saved_by: Option<String>,
    saved_at: DateTime<Utc>,
}

impl From<mycorr_engine::StoredView> for View {
    fn from(stored: mycorr_engine::StoredView) -> Self {
        let Look { sort, filters, columns, widths, pinned } = stored.view.look;
        Self {
            id: *stored.id.as_uuid(),
            name: stored.view.name.as_str().to_owned(),
            sort,
            filters,
            columns,
            widths,
            pinned,
            saved_by: stored.saved_by,
            saved_at: stored.saved_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveView {
    /// A view of the table that has this name is replaced.
    #[schema(max_length = 100)]
    name: String,
    /// As `sort` of `rows`.
    #[serde(default)]
    #[schema(example = "-price,id")]
    sort: String,
    /// As `filter` of `rows`.
    #[serde(default)]
    #[schema(example = json!(["price.gte.10"]))]
    filters: Vec<String>,
    /// In their order; all when left out.
    columns: Option<Vec<String>>,
    /// In pixels, from 20 to 4,096.
    #[serde(default)]
    widths: BTreeMap<String, u32>,
    #[serde(default)]
    pinned: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedViewId {
    id: Uuid,
}

/// The saved views of a table, by their names.
#[utoipa::path(get, path = "/tables/{id}/views", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = List<View>)))]
pub(crate) async fn list_views(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Json<List<View>>, ApiError> {
    Ok(Json(List::all(app.engine.tables.saved_views(caller.id(), id).await?)))
}

/// Saves a view of a table under its name. A table has at most 100.
#[utoipa::path(put, path = "/tables/{id}/views", tag = "tables", params(("id" = Uuid, Path)), request_body = SaveView,
    responses((status = OK, body = SavedViewId)))]
pub(crate) async fn save_view(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(form): Body<SaveView>,
) -> Result<Json<SavedViewId>, ApiError> {
    let SaveView { name, sort, filters, columns, widths, pinned } = form;
    let look = Look { sort, filters, columns, widths, pinned };
    let view = app.engine.tables.save_view(caller.id(), id, &name, look).await?;
    Ok(Json(SavedViewId { id: *view.as_uuid() }))
}

/// Deletes a saved view. The table stays as it is.
#[utoipa::path(delete, path = "/tables/{id}/views/{view_id}", tag = "tables",
    params(("id" = Uuid, Path), ("view_id" = Uuid, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_view(
    State(app): State<App>,
    caller: Caller,
    Path((id, view)): Path<(TableId, ViewId)>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.delete_view(caller.id(), id, view).await?;
    Ok(StatusCode::NO_CONTENT)
}
