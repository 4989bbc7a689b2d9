//! `/tables/{id}/rows` and `/tables/{id}/cell`.

use super::tables::Column;
use crate::{
    App,
    authentication::Caller,
    extract::{self, Path, Query},
    problem::ApiError,
    version_name::VersionName,
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mycorr_domain::{FilterGroup, Problem, RowQuery, Sort, TableId, parse_columns};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A value that is not null: the text that PostgreSQL's output function prints, or what stands for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Cell {
    Text(String),
    /// Bytes that are not valid UTF-8.
    Hex {
        hex: String,
    },
    /// Over 1 MiB, or over what is left of the 8 MiB of an answer: its digest, its length in bytes and its
    /// beginning. The whole is at `/tables/{id}/cell`.
    Large {
        sha256: String,
        length: u64,
        preview: String,
    },
}

/// A row's cells as they are told; null for NULL.
pub(crate) fn row(cells: Vec<mycorr_domain::Cell>) -> Vec<Option<Cell>> {
    cells.into_iter().map(cell).collect()
}

pub(super) fn cell(cell: mycorr_domain::Cell) -> Option<Cell> {
    match cell {
        mycorr_domain::Cell::Null => None,
        mycorr_domain::Cell::Text(text) => Some(Cell::Text(text)),
        mycorr_domain::Cell::Bytes(bytes) => Some(Cell::Hex { hex: hex::encode(bytes) }),
        mycorr_domain::Cell::Large(large) => Some(Cell::Large {
            sha256: hex::encode(large.sha256),
            length: large.length,
            preview: large.preview,
        }),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rows {
    version: VersionName,
    /// How many rows there are after the filters.
    total: u64,
    offset: u64,
    columns: Vec<Column>,
    /// One list of cells per row, in the order of the columns. An answer has a budget of 8 MiB: where even small
    /// cells come to more, these are fewer rows than asked for, and the next ones are had from `offset` plus their
    /// number on.
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
    /// At most 16 columns separated by commas, with a minus sign before those that descend.
    #[param(example = "-price,id")]
    sort: Option<String>,
    /// `column.operator.value`; all of them must hold, at most 32. Values are read and compared as the column's type does.
    /// The operators: `eq` (equal), `neq` (another value, not null), `gt`, `gte`, `lt`, `lte` (greater, less, or equal),
    /// `like` and `ilike` (a pattern, the latter in any case: `*` or `%` is any text, `_` one character, `\` before either
    /// is itself), `in` (one of at most 1,000 values: `id.in.(1,2,"a,b")`), `is` (`null`, `not_null`, `true`, `false`).
    /// Alternatives, of which one must hold, are one filter: `or.(status.eq.open,total.gte.100)`, where one that holds a
    /// comma stands in double quotes. A column whose name holds a dot stands in double quotes: `"a.b".eq.1`.
    #[serde(default)]
    #[param(example = json!(["price.gte.10"]))]
    filter: Vec<String>,
    /// The columns that are wanted, separated by commas, in this order; all of them when left out.
    #[param(example = "id,price")]
    columns: Option<String>,
    /// The newest when left out.
    version: Option<VersionName>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CellParams {
    /// The row's number from 0, in the order of `sort` among the rows that pass `filter`; without them, in the order
    /// of the import.
    row: u64,
    /// The column's name.
    column: String,
    /// As for `rows`.
    #[param(example = "-price,id")]
    sort: Option<String>,
    /// As for `rows`.
    #[serde(default)]
    #[param(example = json!(["price.gte.10"]))]
    filter: Vec<String>,
    /// The newest when left out.
    version: Option<VersionName>,
}

pub(super) fn query(
    offset: u64,
    limit: usize,
    sort: Option<&str>,
    filter: &[String],
) -> Result<RowQuery, Problem> {
    let sort = Sort::parse_list(sort.unwrap_or_default())?;
    Ok(RowQuery { offset, limit, sort, filters: FilterGroup::parse_list(filter)?, columns: None })
}

/// A page of rows. Without `sort` their order is that of the import and never changes within a version.
#[utoipa::path(get, path = "/tables/{id}/rows", tag = "tables", params(("id" = Uuid, Path), RowsParams),
    responses((status = OK, body = Rows)))]
pub(crate) async fn list_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<RowsParams>,
) -> Result<Response, ApiError> {
    let limit = extract::limit(params.limit)?;
    let columns = params.columns.as_deref().map(parse_columns).transpose()?;
    let query = query(params.offset, limit, params.sort.as_deref(), &params.filter)?;
    let query = RowQuery { columns, ..query };
    let rows = app.engine.tables.rows(caller.id(), id, params.version.map(|name| name.0), query).await?;
    // Until it is encoded, the page counts as memory of the store.
    let _held = rows.page.held;
    let rows = Rows {
        version: VersionName::from(&rows.version),
        total: rows.page.total,
        offset: rows.offset,
        columns: rows.columns.iter().map(Column::from).collect(),
        rows: rows.page.rows.into_iter().map(row).collect(),
    };
    let json = serde_json::to_vec(&rows).map_err(Problem::bug)?;
    drop(rows);
    Ok(app.large_answers.answer("application/json", json).await?)
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
    let query = query(params.row, 1, params.sort.as_deref(), &params.filter)?;
    let cell = app
        .engine
        .tables
        .cell(caller.id(), id, params.version.map(|name| name.0), query, &params.column)
        .await?;
    Ok(match cell {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(bytes) => {
            let content_type = match std::str::from_utf8(&bytes) {
                Ok(_) => "text/plain; charset=utf-8",
                Err(_) => "application/octet-stream",
            };
            app.large_answers.answer(content_type, bytes).await?
        }
    })
}
