//! `/tables/{id}/diff` and the rows of it.

use super::rows::{Cell, cell};
use crate::{
    App,
    authentication::Caller,
    download::{Download, RequestedRange},
    extract::{self, Path, Query},
    problem::ApiError,
    version_name::VersionName,
};
use axum::{extract::State, response::Response};
use mycorr_domain::{self as domain, DiffFormat, Problem, TableId};
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Removed,
    Added,
    /// A cell prints another text, in a column that both versions have.
    Changed,
}

impl From<domain::Change> for Change {
    fn from(change: domain::Change) -> Self {
        match change {
            domain::Change::Removed => Self::Removed,
            domain::Change::Added => Self::Added,
            domain::Change::Changed => Self::Changed,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnChange {
    Added,
    Removed,
    /// Another name, type, or both.
    Changed,
}

/// A column of either version. It is known by its place at the source, so a renamed one is the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffColumn {
    /// Its name in `to`; of one that is gone, in `from`.
    name: String,
    /// What happened to the column itself; null where nothing did.
    #[schema(required)]
    change: Option<ColumnChange>,
    /// Its name and its type in `from`; null for one that was added.
    #[schema(required)]
    name_before: Option<String>,
    #[schema(required)]
    pg_type_before: Option<String>,
    /// null for one that is gone.
    #[schema(required)]
    pg_type: Option<String>,
    /// In how many of the changed rows its cell is another one.
    changed_rows: u64,
}

/// A row that differs. Cells stand in the order of `columns`, null also for a column that the version lacks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffRow {
    change: Change,
    /// The cells that the row is known by; null where that is the whole row.
    #[schema(required)]
    key: Option<Vec<Option<Cell>>>,
    /// null for a row that was added.
    #[schema(required)]
    before: Option<Vec<Option<Cell>>>,
    /// null for a row that was removed.
    #[schema(required)]
    after: Option<Vec<Option<Cell>>>,
}

/// How two versions differ.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Diff {
    from: VersionName,
    to: VersionName,
    /// The columns that rows are known by: the primary key, or else a unique index of columns that are never null, if both
    /// versions had it. null: the whole row, as far as both versions have it; equal rows are counted.
    #[schema(required)]
    key: Option<Vec<String>>,
    removed: u64,
    added: u64,
    changed: u64,
    columns: Vec<DiffColumn>,
    /// A few rows of each kind.
    sample: Vec<DiffRow>,
}

/// Rows that differ: the removed in the order of `from`, then the added and the changed in that of `to`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffRows {
    from: VersionName,
    to: VersionName,
    /// How many there are of the kind that was asked for.
    total: u64,
    offset: u64,
    #[schema(required)]
    key: Option<Vec<String>>,
    columns: Vec<DiffColumn>,
    /// Fewer than asked for where they come to more than the 8 MiB of an answer.
    rows: Vec<DiffRow>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
    Parquet,
    Daff,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffParams {
    /// The version before `to` when left out.
    from: Option<VersionName>,
    /// The newest when left out.
    to: Option<VersionName>,
    /// `csv` and `parquet` are all rows that differ: the column `change` says `removed`, `added`, or of a changed row `before`
    /// and `after`. `daff` is the highlighter format of daff.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: Format,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffRowsParams {
    /// The version before `to` when left out.
    from: Option<VersionName>,
    /// The newest when left out.
    to: Option<VersionName>,
    /// All kinds when left out.
    #[param(inline)]
    change: Option<Change>,
    /// How many rows to pass over.
    #[serde(default)]
    #[param(default = 0)]
    offset: u64,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
}

/// Rows of each kind in a sample.
const SAMPLE_ROWS: usize = 5;

fn key(diff: &engine::Diff) -> Option<Vec<String>> {
    let name = |&at: &usize| diff.plan.column(at).1.map(|column| column.name.clone());
    diff.plan.key.as_ref().map(|key| key.iter().filter_map(name).collect())
}

fn columns(diff: &engine::Diff) -> Vec<DiffColumn> {
    let column = |(at, &changed_rows): (usize, &u64)| {
        let (before, after) = diff.plan.column(at);
        let change = match (before, after) {
            (None, _) => Some(ColumnChange::Added),
            (_, None) => Some(ColumnChange::Removed),
            (Some(a), Some(b)) => {
                (a.name != b.name || a.pg_type != b.pg_type).then_some(ColumnChange::Changed)
            }
        };
        DiffColumn {
            name: after.or(before).map(|column| column.name.clone()).unwrap_or_default(),
            change,
            name_before: before.map(|column| column.name.clone()),
            pg_type_before: before.map(|column| column.pg_type.clone()),
            pg_type: after.map(|column| column.pg_type.clone()),
            changed_rows,
        }
    };
    diff.counts.of_columns.iter().enumerate().map(column).collect()
}

fn row(diff: &engine::Diff, row: domain::DiffRow) -> DiffRow {
    let cells = |side: &Option<Vec<domain::Cell>>, place: fn(&domain::DiffColumn) -> Option<usize>| {
        let side = side.as_ref()?;
        let of = |column: &domain::DiffColumn| place(column).and_then(|at| cell(side[at].clone()));
        Some(diff.plan.columns.iter().map(of).collect::<Vec<_>>())
    };
    let key = diff.plan.key.as_ref().map(|key| {
        let of = |&at: &usize| match (&row.after, &row.before, diff.plan.columns[at]) {
            (Some(after), _, domain::DiffColumn { to: Some(at), .. }) => cell(after[at].clone()),
            (None, Some(before), domain::DiffColumn { from: Some(at), .. }) => cell(before[at].clone()),
            _ => None,
        };
        key.iter().map(of).collect()
    });
    DiffRow {
        change: row.change.into(),
        key,
        before: cells(&row.before, |column| column.from),
        after: cells(&row.after, |column| column.to),
    }
}

/// How two versions of a table differ, or all that differs as a file.
#[utoipa::path(get, path = "/tables/{id}/diff", tag = "tables", params(("id" = Uuid, Path), DiffParams),
    responses((status = OK, content(
        (Diff = "application/json"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")))))]
pub(crate) async fn get_diff(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<DiffParams>,
) -> Result<Response, ApiError> {
    let DiffParams { from, to, format } = params;
    let (from, to) = (from.map(|name| name.0), to.map(|name| name.0));
    let (format, content_type, extension) = match format {
        Format::Json => {
            let diff = app.engine.tables.diff(caller.id(), id, from, to).await?;
            let (answer, _held) = summary(&app, &diff).await?;
            let json = serde_json::to_vec(&answer).map_err(Problem::bug)?;
            return Ok(app.large_answers.answer("application/json", json).await?);
        }
        Format::Csv => (DiffFormat::Csv, "text/csv; charset=utf-8", "csv"),
        Format::Daff => (DiffFormat::Daff, "text/csv; charset=utf-8", "daff.csv"),
        Format::Parquet => (DiffFormat::Parquet, "application/vnd.apache.parquet", "parquet"),
    };
    let exported = app.engine.tables.export_diff(caller.id(), id, from, to, format).await?;
    let name = format!("{}.{extension}", exported.name);
    let download = Download { file: exported.file, content_type, name, tag: String::new() };
    Ok(download.answer(RequestedRange::default(), caller.revoked_from_table(&app, id))?)
}

/// The counts of a diff with a sample of its rows, which count as memory of the store until what comes with them is gone.
pub(super) async fn summary(
    app: &App,
    diff: &engine::Diff,
) -> Result<(Diff, Vec<Vec<domain::Held>>), Problem> {
    let (mut sample, mut held) = (Vec::new(), Vec::new());
    for change in domain::Change::ALL {
        let page = app.engine.tables.diff_rows(diff, Some(change), 0, SAMPLE_ROWS).await?;
        sample.extend(page.rows.into_iter().map(|found| row(diff, found)));
        held.push(page.held);
    }
    let domain::DiffCounts { removed, added, changed, .. } = diff.counts;
    let summary = Diff {
        from: VersionName::from(&diff.from),
        to: VersionName::from(&diff.to),
        key: key(diff),
        removed,
        added,
        changed,
        columns: columns(diff),
        sample,
    };
    Ok((summary, held))
}

/// The rows that differ between two versions, page by page.
#[utoipa::path(get, path = "/tables/{id}/diff/rows", tag = "tables", params(("id" = Uuid, Path), DiffRowsParams),
    responses((status = OK, body = DiffRows)))]
pub(crate) async fn list_diff_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<DiffRowsParams>,
) -> Result<Response, ApiError> {
    let limit = extract::limit(params.limit)?;
    let change = params.change.map(|change| match change {
        Change::Removed => domain::Change::Removed,
        Change::Added => domain::Change::Added,
        Change::Changed => domain::Change::Changed,
    });
    let diff = app
        .engine
        .tables
        .diff(caller.id(), id, params.from.map(|name| name.0), params.to.map(|name| name.0))
        .await?;
    let page = app.engine.tables.diff_rows(&diff, change, params.offset, limit).await?;
    let of = |kind: &domain::Change| change.is_none_or(|change| change == *kind);
    let answer = DiffRows {
        from: VersionName::from(&diff.from),
        to: VersionName::from(&diff.to),
        total: domain::Change::ALL.iter().filter(|kind| of(kind)).map(|kind| diff.counts.of(*kind)).sum(),
        offset: params.offset,
        key: key(&diff),
        columns: columns(&diff),
        rows: page.rows.into_iter().map(|found| row(&diff, found)).collect(),
    };
    let json = serde_json::to_vec(&answer).map_err(Problem::bug)?;
    drop((answer, page.held));
    Ok(app.large_answers.answer("application/json", json).await?)
}
