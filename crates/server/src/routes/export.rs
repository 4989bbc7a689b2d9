//! `/tables/{id}/export`.

use super::rows::query;
use crate::{
    App,
    authentication::Caller,
    download::{Download, RequestedRange},
    extract::{Path, Query},
    problem::ApiError,
    version_name::VersionName,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use mycorr_domain::{ExportFormat, RowQuery, TableId, parse_columns};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Copy, Debug, Deserialize, Hash, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Csv,
    Jsonl,
    Parquet,
    Arrow,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// `csv`: RFC 4180 as `COPY … (FORMAT csv, HEADER)` prints it; NULL is nothing, an empty text is `""`. `jsonl`: an object
    /// for each row, whose values are the texts of the cells. `parquet`, and `arrow` (a stream of the IPC format): the
    /// stored types; values that a type can't hold stand as text in a column `<name>__exact` beside it.
    #[param(inline)]
    format: Format,
    /// At most 16 columns separated by commas, with a minus sign before those that descend.
    #[param(example = "-price,id")]
    sort: Option<String>,
    /// As for `rows`.
    #[serde(default)]
    #[param(example = json!(["price.gte.10"]))]
    filter: Vec<String>,
    /// The columns that are wanted, separated by commas, in this order; all of them when left out.
    #[param(example = "id,price")]
    columns: Option<String>,
    /// The newest when left out.
    version: Option<VersionName>,
}

/// All rows of a version as a file. Parquet without sort and filter can be resumed (`Range`, `If-Range`).
#[utoipa::path(get, path = "/tables/{id}/export", tag = "tables", params(("id" = Uuid, Path), ExportParams),
    responses(
        (status = OK, content(
            (String = "text/csv"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.apache.parquet"), (Vec<u8> = "application/vnd.apache.arrow.stream"))),
        (status = PARTIAL_CONTENT, description = "The bytes of `Range`", content((Vec<u8> = "application/vnd.apache.parquet")))))]
pub(crate) async fn export_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<ExportParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let columns = params.columns.as_deref().map(parse_columns).transpose()?;
    let query = RowQuery { columns, ..query(0, usize::MAX, params.sort.as_deref(), &params.filter)? };
    let (format, content_type, extension) = match params.format {
        Format::Csv => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        Format::Jsonl => (ExportFormat::JsonLines, "application/x-ndjson", "jsonl"),
        Format::Parquet => (ExportFormat::Parquet, "application/vnd.apache.parquet", "parquet"),
        Format::Arrow => (ExportFormat::Arrow, "application/vnd.apache.arrow.stream", "arrows"),
    };
    let exported =
        app.engine.tables.export(caller.id(), id, params.version.map(|name| name.0), &query, format).await?;
    // A version never changes; how it is written may, from release to release.
    let mut hash = DefaultHasher::new();
    (query.columns, params.format, env!("CARGO_PKG_VERSION")).hash(&mut hash);
    let tag = format!("\"{id}-{}-{:016x}\"", exported.version.store.0, hash.finish());
    let name = format!("{}.{extension}", exported.name);
    let download = Download { file: exported.file, content_type, name, tag };
    Ok(download.answer(RequestedRange::of(&headers), caller.revoked_from_table(&app, id))?)
}
