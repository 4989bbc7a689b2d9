//! `/connections`: to anyone but their owner they do not exist.

mod form;

pub(crate) use form::CreateConnection;

use super::{List, members::Transfer, report::TestReport};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Paging, Path, Query},
    live::live,
    problem::ApiError,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use chrono::{DateTime, Utc};
use form::UpdateConnection;
use mycorr_domain::ConnectionId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConnectionKind {
    Postgresql,
    Supabase,
}

impl From<ConnectionKind> for mycorr_domain::ConnectionKind {
    fn from(kind: ConnectionKind) -> Self {
        match kind {
            ConnectionKind::Postgresql => Self::Postgresql,
            ConnectionKind::Supabase => Self::Supabase,
        }
    }
}

impl From<mycorr_domain::ConnectionKind> for ConnectionKind {
    fn from(kind: mycorr_domain::ConnectionKind) -> Self {
        match kind {
            mycorr_domain::ConnectionKind::Postgresql => Self::Postgresql,
            mycorr_domain::ConnectionKind::Supabase => Self::Supabase,
        }
    }
}

/// A saved connection. The password and the PEM never leave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Connection {
    id: Uuid,
    kind: ConnectionKind,
    name: String,
    host: String,
    port: u16,
    database: String,
    username: String,
    /// true: TLS as libpq's `verify-full`; false: in clear.
    encrypted: bool,
    #[schema(required)]
    ca_certificate: Option<CaCertificate>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    last_tested_at: Option<DateTime<Utc>>,
    #[schema(required)]
    last_test_ok: Option<bool>,
    /// As the server said at the last test that got so far.
    #[schema(required)]
    server_version: Option<String>,
    limits: Limits,
    sync_by: SyncBy,
    /// For how many days statements stay in the ledger.
    statements_retention_days: u64,
    /// How many connections one import may open: parts of a table are read side by side, under one snapshot.
    #[schema(minimum = 1, maximum = 8)]
    max_connections: u64,
    /// How many tables were imported through it.
    used_by: u64,
}

/// What Mycorr may ask of the database; null is no ceiling.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Fast enough to bring the largest table that was imported through the connection within `minutes`, or a day.
    #[schema(required, minimum = 10000)]
    bytes_per_second: Option<u64>,
    /// At a time.
    #[schema(required, minimum = 1, maximum = 64)]
    imports: Option<u64>,
    /// Of one import.
    #[schema(required, minimum = 1, maximum = 1440)]
    minutes: Option<u64>,
}

impl From<engine::Limits> for Limits {
    fn from(limits: engine::Limits) -> Self {
        let engine::Limits { bytes_per_second, imports, minutes } = limits;
        Self { bytes_per_second, imports, minutes }
    }
}

impl From<Limits> for engine::Limits {
    fn from(limits: Limits) -> Self {
        let Limits { bytes_per_second, imports, minutes } = limits;
        Self { bytes_per_second, imports, minutes }
    }
}

/// A table that was imported through a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DependentTable {
    id: Uuid,
    name: String,
    model_id: Uuid,
    model_name: String,
    source_schema: String,
    source_table: String,
    #[schema(required)]
    synced_at: Option<DateTime<Utc>>,
}

impl From<engine::Dependent> for DependentTable {
    fn from(table: engine::Dependent) -> Self {
        Self {
            id: *table.table.as_uuid(),
            name: table.name,
            model_id: *table.model.as_uuid(),
            model_name: table.model_name,
            source_schema: table.schema,
            source_table: table.source_table,
            synced_at: table.synced_at,
        }
    }
}

/// The first certificate of the PEM that was pasted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaCertificate {
    subject: String,
    not_after: DateTime<Utc>,
    /// In hexadecimal.
    sha256: String,
}

impl From<engine::Connection> for Connection {
    fn from(connection: engine::Connection) -> Self {
        let endpoint = connection.endpoint;
        Self {
            id: *connection.id.as_uuid(),
            kind: connection.kind.into(),
            name: connection.name,
            host: endpoint.host,
            port: endpoint.port.get(),
            database: endpoint.database.as_str().to_owned(),
            username: endpoint.username.as_str().to_owned(),
            encrypted: endpoint.encrypted,
            ca_certificate: connection.ca_certificate.map(|ca| CaCertificate {
                subject: ca.subject,
                not_after: ca.not_after,
                sha256: ca.sha256,
            }),
            created_at: connection.created_at,
            last_tested_at: connection.last_tested_at,
            last_test_ok: connection.last_test_ok,
            server_version: connection.server_version,
            limits: connection.limits.into(),
            sync_by: match connection.sync_by {
                engine::SyncBy::Owner => SyncBy::Owner,
                engine::SyncBy::Collaborators => SyncBy::Collaborators,
            },
            statements_retention_days: connection.statements_retention_days,
            max_connections: connection.max_connections,
            used_by: connection.used_by,
        }
    }
}

/// Who may sync tables that come through a connection: its owner alone, or who may change the table.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SyncBy {
    Owner,
    Collaborators,
}

/// Tests a connection and saves it. When the test fails nothing is stored, and the problem carries the steps.
///
/// With `Accept: text/event-stream` each step comes as an event `step` as soon as it is over, and the answer as
/// the last one: `connection`, or `problem`.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = CreateConnection,
    responses((status = CREATED, body = Connection)))]
pub(crate) async fn create_connection(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(form): Body<CreateConnection>,
) -> Result<Response, ApiError> {
    live(&headers, "connection", StatusCode::CREATED, |live| async move {
        Ok(Connection::from(app.engine.connections.create_connection(caller.id(), form.into(), live).await?))
    })
    .await
}

/// The caller's connections, newest first.
#[utoipa::path(get, path = "/connections", tag = "connections", params(Paging),
    responses((status = OK, body = List<Connection>)))]
pub(crate) async fn list_connections(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Connection>>, ApiError> {
    let connections =
        app.engine.connections.connections(caller.id(), paging.after(), paging.limit()?).await?;
    Ok(Json(connections.into()))
}

/// Tests a connection without storing anything.
///
/// With `Accept: text/event-stream` each step comes as an event `step` as soon as it is over, and the report as
/// the last one, called `report`.
#[utoipa::path(post, path = "/connections/test", tag = "connections", request_body = CreateConnection,
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_new_connection(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(form): Body<CreateConnection>,
) -> Result<Response, ApiError> {
    live(&headers, "report", StatusCode::OK, |live| async move {
        Ok(TestReport::from(app.engine.connections.test_form(caller.id(), form.into(), live).await?))
    })
    .await
}

/// A connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = Connection)))]
pub(crate) async fn get_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Connection>, ApiError> {
    Ok(Json(app.engine.connections.connection(caller.id(), id).await?.into()))
}

/// Renames it, changes its limits, or replaces its password or CA certificate after a test, which can be
/// followed as that of a new connection.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    request_body = UpdateConnection, responses((status = OK, body = Connection)))]
pub(crate) async fn update_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
    Body(form): Body<UpdateConnection>,
) -> Result<Response, ApiError> {
    let change = form.parse()?;
    live(&headers, "connection", StatusCode::OK, |live| async move {
        Ok(Connection::from(app.engine.connections.change_connection(caller.id(), id, change, live).await?))
    })
    .await
}

/// The tables that were imported through it and that the caller may see, newest first.
#[utoipa::path(get, path = "/connections/{id}/tables", tag = "connections",
    params(("id" = Uuid, Path), Paging), responses((status = OK, body = List<DependentTable>)))]
pub(crate) async fn list_dependents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<DependentTable>>, ApiError> {
    let tables = app.engine.connections.dependents(caller.id(), id, paging.after(), paging.limit()?).await?;
    Ok(Json(tables.into()))
}

/// Deletes it with its secrets and its ledger. Tables that came through it stay.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<StatusCode, ApiError> {
    app.engine.connections.delete_connection(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Offers a connection to another account, which takes it over with `accept`: for its owner, and for an administrator
/// where the owner is disabled. The secrets stay sealed and are shown to neither.
#[utoipa::path(post, path = "/connections/{id}/transfer", tag = "connections", params(("id" = Uuid, Path)),
    request_body = Transfer, responses((status = ACCEPTED)))]
pub(crate) async fn transfer_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Body(form): Body<Transfer>,
) -> Result<StatusCode, ApiError> {
    app.engine.connections.offer_connection(caller.id(), id, &form.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes a connection over that was offered to the caller.
#[utoipa::path(post, path = "/connections/{id}/accept", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = Connection)))]
pub(crate) async fn accept_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Connection>, ApiError> {
    Ok(Json(app.engine.connections.accept_connection(caller.id(), id).await?.into()))
}

/// Tests a saved connection; can be followed as that of a new one.
#[utoipa::path(post, path = "/connections/{id}/test", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    live(&headers, "report", StatusCode::OK, |live| async move {
        Ok(TestReport::from(app.engine.connections.test_connection(caller.id(), id, live).await?))
    })
    .await
}
