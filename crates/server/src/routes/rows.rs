//! `/tables/{id}/rows` and `/tables/{id}/cell`.

use super::tables::Column;
use crate::{
    App,
    extract::{Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, response::Response};
use mycorr_domain::TableId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A value that is not null: the text that PostgreSQL's output function prints, or what stands for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Cell {
    Text(String),
    /// Bytes that are no UTF-8.
    Hex {
        hex: String,
    },
    /// Over 1 MiB: the whole is at `/tables/{id}/cell`.
    Large {
        sha256: String,
        length: u64,
    },
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rows {
    version: i64,
    /// How many rows there are after the filters.
    total: u64,
    offset: u64,
    columns: Vec<Column>,
    /// One list of cells per row, in the order of the columns.
    rows: Vec<Vec<Option<Cell>>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowsParams {
    /// How many rows to pass over.
    #[serde(default)]
    #[param(default = 0)]
    offset: u64,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// Columns separated by commas, with a minus sign before those that descend.
    #[param(example = "-price,id")]
    sort: Option<String>,
    /// `column.operator.value`; several must all hold.
    #[serde(default)]
    #[param(example = json!(["price.gte.10"]))]
    filter: Vec<String>,
    /// The newest when left out.
    version: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CellParams {
    /// The row's number from 0, in the order of the import.
    row: u64,
    /// The column's name.
    column: String,
    /// The newest when left out.
    version: Option<i64>,
}

/// A page of rows. Without `sort` their order is that of the import and never changes within a version.
#[utoipa::path(get, path = "/tables/{id}/rows", tag = "tables", params(("id" = Uuid, Path), RowsParams),
    responses((status = OK, body = Rows)))]
pub(crate) async fn list_rows(
    State(app): State<App>,
    Path(_id): Path<TableId>,
    Query(_params): Query<RowsParams>,
) -> Result<Json<Rows>, ApiError> {
    app.later()
}

/// The whole of one cell, however large.
#[utoipa::path(get, path = "/tables/{id}/cell", tag = "tables", params(("id" = Uuid, Path), CellParams),
    responses(
        (status = OK, content((String = "text/plain"), (Vec<u8> = "application/octet-stream")),
            description = "The text; bytes where it is no UTF-8"),
        (status = NO_CONTENT, description = "The cell is null")))]
pub(crate) async fn get_cell(
    State(app): State<App>,
    Path(_id): Path<TableId>,
    Query(_params): Query<CellParams>,
) -> Result<Response, ApiError> {
    app.later()
}
