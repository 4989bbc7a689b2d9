//! `/connections/{id}/schemas…`: what a connection can see at the source, asked there each time.

use super::{List, rows::Cell, source_statistics::SourceStatistics};
use crate::{
    App,
    authentication::Caller,
    extract::{self, Paging, Path, Query},
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State};
use mycorr_domain::ConnectionId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schema {
    /// A byte that is no UTF-8 (in a `SQL_ASCII` database) is written `\\xHH`, here and in every name of a table or
    /// column; `\\x5c` is a backslash that stands before `x` and two hexadecimal digits. Names are taken in this form, too.
    name: String,
    /// How many tables it has that can be seen.
    tables: u64,
}

impl From<engine::SchemaEntry> for Schema {
    fn from(schema: engine::SchemaEntry) -> Self {
        Self { name: schema.name, tables: schema.tables }
    }
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceTableKind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
    PartitionedTable,
}

/// A table at the source. The figures are the database's own estimates: nothing is counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceTable {
    schema: String,
    name: String,
    kind: SourceTableKind,
    #[schema(required)]
    estimated_rows: Option<u64>,
    #[schema(required)]
    bytes: Option<u64>,
    readable: bool,
    /// Why it can't be read, with the GRANT that opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

impl From<engine::TableEntry> for SourceTable {
    fn from(table: engine::TableEntry) -> Self {
        Self {
            schema: table.schema,
            name: table.name,
            kind: match table.kind {
                engine::TableKind::Table => SourceTableKind::Table,
                engine::TableKind::View => SourceTableKind::View,
                engine::TableKind::MaterializedView => SourceTableKind::MaterializedView,
                engine::TableKind::ForeignTable => SourceTableKind::ForeignTable,
                engine::TableKind::PartitionedTable => SourceTableKind::PartitionedTable,
            },
            estimated_rows: table.estimated_rows,
            bytes: table.bytes,
            readable: table.readable,
            problem: table.problem.as_ref().map(ProblemBody::new),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceColumn {
    name: String,
    /// PostgreSQL's `attnum`: from 1, with gaps where columns were dropped.
    position: i16,
    #[schema(example = "numeric(12,2)")]
    pg_type: String,
    /// The stored type, as Delta Lake names it.
    #[schema(example = "decimal(12,2)")]
    r#type: String,
    nullable: bool,
    readable: bool,
    primary_key: bool,
}

impl From<engine::SourceColumn> for SourceColumn {
    fn from(column: engine::SourceColumn) -> Self {
        Self {
            name: column.name,
            position: column.position,
            pg_type: column.pg_type,
            r#type: column.stored.to_string(),
            nullable: column.nullable,
            readable: column.readable,
            primary_key: column.primary_key,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceTableDescription {
    #[serde(flatten)]
    table: SourceTable,
    columns: Vec<SourceColumn>,
    /// true: row-level security may hide rows from this role.
    row_security: bool,
    /// The SQL that lets the role read the columns that it can't; null where it can read all.
    #[schema(required)]
    grant: Option<String>,
    /// Parts of PostgreSQL's catalogue that the server keeps from the role, so that something here is unknown.
    denied: Vec<DeniedLookup>,
    /// How many seconds an import takes at the connection's `bytes_per_second`, and holds a snapshot at the source;
    /// null without a pace, or where the source has no estimate.
    #[schema(required)]
    read_seconds: Option<u64>,
    /// How many seconds an import through the connection may take, by its owner's limit or Mycorr's own.
    longest_read_seconds: u64,
    statistics: SourceStatistics,
}

/// A part of PostgreSQL's catalogue that an administrator took away from PUBLIC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeniedLookup {
    #[schema(example = "pg_catalog.pg_roles")]
    object: String,
    /// The SQL that gives it back.
    grant: String,
}

impl From<engine::DeniedLookup> for DeniedLookup {
    fn from(lookup: engine::DeniedLookup) -> Self {
        Self { object: lookup.object, grant: lookup.grant }
    }
}

impl SourceTableDescription {
    fn new(
        table: engine::TableDescription,
        statistics: engine::TableStatistics,
        limits: engine::Limits,
    ) -> Self {
        let read_seconds = table.entry.bytes.and_then(|bytes| engine::read_seconds(limits, bytes));
        Self {
            table: table.entry.into(),
            columns: table.columns.into_iter().map(SourceColumn::from).collect(),
            row_security: table.row_security,
            grant: table.grant,
            denied: table.denied.into_iter().map(DeniedLookup::from).collect(),
            read_seconds,
            longest_read_seconds: engine::longest_read_seconds(limits),
            statistics: statistics.into(),
        }
    }
}

/// The first rows of a table at the source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    columns: Vec<SourceColumn>,
    #[schema(value_type = Vec<Vec<Option<Cell>>>)]
    rows: Vec<Vec<Option<Cell>>>,
}

impl From<engine::Preview> for Preview {
    fn from(preview: engine::Preview) -> Self {
        Self {
            columns: preview.columns.into_iter().map(SourceColumn::from).collect(),
            rows: preview.rows.into_iter().map(super::rows::row).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SourceTablesParams {
    /// Only tables whose name contains this, in any case.
    search: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchParams {
    /// Only the tables of this schema.
    schema: Option<String>,
    /// What `schema.table`, or with `schema` the table's name, has to contain, in any case.
    search: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InSchema {
    id: ConnectionId,
    schema: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InTable {
    id: ConnectionId,
    schema: String,
    table: String,
}

/// A table by its name. Names travel as data here: in a path, `.` and `..` would not arrive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TableParams {
    schema: String,
    table: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DescribeParams {
    schema: String,
    table: String,
    /// true: the statistics come with the values that are found most, which are values of the table.
    most_common: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatisticsParams {
    /// true: the statistics come with the values that are found most, which are values of the table.
    most_common: Option<bool>,
}

/// The schemas that the role can see, by name.
#[utoipa::path(get, path = "/connections/{id}/schemas", tag = "connections", params(("id" = Uuid, Path), Paging),
    responses((status = OK, body = List<Schema>)))]
pub(crate) async fn list_schemas(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Schema>>, ApiError> {
    let after = paging.after().map(str::to_owned);
    let schemas = app.engine.connections.schemas(caller.id(), id, after, paging.limit()?).await?;
    Ok(Json(schemas.into()))
}

/// The tables of a schema, by name. `/source-tables?schema=` is the same for every name, `..` among them.
#[utoipa::path(get, path = "/connections/{id}/schemas/{schema}/tables", tag = "connections",
    params(("id" = Uuid, Path), ("schema" = String, Path), SourceTablesParams),
    responses((status = OK, body = List<SourceTable>)))]
pub(crate) async fn list_source_tables(
    State(app): State<App>,
    caller: Caller,
    Path(at): Path<InSchema>,
    Query(params): Query<SourceTablesParams>,
) -> Result<Json<List<SourceTable>>, ApiError> {
    let limit = extract::limit(params.limit)?;
    let SourceTablesParams { search, after, .. } = params;
    let tables =
        app.engine.connections.source_tables(caller.id(), at.id, at.schema, search, after, limit).await?;
    Ok(Json(tables.into()))
}

/// The tables of all schemas, or of one, that are called so, by schema and name: one statement.
#[utoipa::path(get, path = "/connections/{id}/source-tables", tag = "connections",
    params(("id" = Uuid, Path), SearchParams), responses((status = OK, body = List<SourceTable>)))]
pub(crate) async fn search_source_tables(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(params): Query<SearchParams>,
) -> Result<Json<List<SourceTable>>, ApiError> {
    let limit = extract::limit(params.limit)?;
    let SearchParams { schema, search, after, .. } = params;
    let tables = match schema {
        Some(schema) => {
            app.engine.connections.source_tables(caller.id(), id, schema, search, after, limit).await?
        }
        None => {
            app.engine
                .connections
                .search_tables(caller.id(), id, search.unwrap_or_default(), after, limit)
                .await?
        }
    };
    Ok(Json(tables.into()))
}

/// A table at the source, with its columns, whatever it is called.
#[utoipa::path(get, path = "/connections/{id}/source-table", tag = "connections",
    params(("id" = Uuid, Path), DescribeParams), responses((status = OK, body = SourceTableDescription)))]
pub(crate) async fn describe_named_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(named): Query<DescribeParams>,
) -> Result<Json<SourceTableDescription>, ApiError> {
    described(&app, &caller, id, named).await
}

async fn described(
    app: &App,
    caller: &Caller,
    id: ConnectionId,
    DescribeParams { schema, table, most_common }: DescribeParams,
) -> Result<Json<SourceTableDescription>, ApiError> {
    let connections = &app.engine.connections;
    let limits = connections.connection(caller.id(), id).await?.limits;
    let values = most_common.unwrap_or_default();
    let (table, statistics) = connections.describe(caller.id(), id, schema, table, values).await?;
    Ok(Json(SourceTableDescription::new(table, statistics, limits)))
}

/// The first 50 rows of a table at the source, whatever it is called.
#[utoipa::path(get, path = "/connections/{id}/source-table/preview", tag = "connections",
    params(("id" = Uuid, Path), TableParams), responses((status = OK, body = Preview)))]
pub(crate) async fn preview_named_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(named): Query<TableParams>,
) -> Result<Json<Preview>, ApiError> {
    Ok(Json(app.engine.connections.preview(caller.id(), id, named.schema, named.table).await?.into()))
}

/// A table at the source, with its columns.
#[utoipa::path(get, path = "/connections/{id}/schemas/{schema}/tables/{table}", tag = "connections",
    params(("id" = Uuid, Path), ("schema" = String, Path), ("table" = String, Path), StatisticsParams),
    responses((status = OK, body = SourceTableDescription)))]
pub(crate) async fn describe_source_table(
    State(app): State<App>,
    caller: Caller,
    Path(at): Path<InTable>,
    Query(StatisticsParams { most_common }): Query<StatisticsParams>,
) -> Result<Json<SourceTableDescription>, ApiError> {
    let InTable { id, schema, table } = at;
    described(&app, &caller, id, DescribeParams { schema, table, most_common }).await
}

/// The first 50 rows of a table at the source.
#[utoipa::path(get, path = "/connections/{id}/schemas/{schema}/tables/{table}/preview", tag = "connections",
    params(("id" = Uuid, Path), ("schema" = String, Path), ("table" = String, Path)),
    responses((status = OK, body = Preview)))]
pub(crate) async fn preview_source_table(
    State(app): State<App>,
    caller: Caller,
    Path(at): Path<InTable>,
) -> Result<Json<Preview>, ApiError> {
    Ok(Json(app.engine.connections.preview(caller.id(), at.id, at.schema, at.table).await?.into()))
}
