//! `/tables/{id}/rows` and `/tables/{id}/cell`.

use super::tables::Column;
use crate::{
    App,
    caller::Caller,
    extract::{self, Path, Query},
    problem::ApiError,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use mycorr_domain::{Filter, RowQuery, Sort, TableId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// A row's cells as they are told; null for NULL.
pub(crate) fn row(cells: Vec<mycorr_domain::Cell>) -> Vec<Option<Cell>> {
    let told = cells.into_iter().map(|cell| match cell {
        mycorr_domain::Cell::Null => None,
        mycorr_domain::Cell::Text(text) => Some(Cell::Text(text)),
        mycorr_domain::Cell::Bytes(bytes) => Some(Cell::Hex { hex: hex::encode(bytes) }),
        mycorr_domain::Cell::Large { sha256, length } => {
            Some(Cell::Large { sha256: hex::encode(sha256), length })
        }
    });
    told.collect()
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
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<RowsParams>,
) -> Result<Json<Rows>, ApiError> {
    let query = RowQuery {
        offset: params.offset,
        limit: extract::limit(params.limit)?,
        sort: Sort::parse_list(params.sort.as_deref().unwrap_or_default())?,
        filters: params.filter.iter().map(|text| Filter::parse(text)).collect::<Result<_, _>>()?,
    };
    let rows = app.engine.rows(caller.id(), id, params.version, query).await?;
    Ok(Json(Rows {
        version: rows.version.version,
        total: rows.page.total,
        offset: rows.offset,
        columns: rows.version.columns.iter().map(Column::from).collect(),
        rows: rows.page.rows.into_iter().map(row).collect(),
    }))
}

/// The whole of one cell, however large.
#[utoipa::path(get, path = "/tables/{id}/cell", tag = "tables", params(("id" = Uuid, Path), CellParams),
    responses(
        (status = OK, content((String = "text/plain"), (Vec<u8> = "application/octet-stream")),
            description = "The text; bytes where it is no UTF-8"),
        (status = NO_CONTENT, description = "The cell is null")))]
pub(crate) async fn get_cell(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<CellParams>,
) -> Result<Response, ApiError> {
    let CellParams { row, column, version } = params;
    Ok(match app.engine.cell(caller.id(), id, version, row, &column).await?.map(String::from_utf8) {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Ok(text)) => text.into_response(),
        Some(Err(bytes)) => {
            ([(header::CONTENT_TYPE, "application/octet-stream")], bytes.into_bytes()).into_response()
        }
    })
}
