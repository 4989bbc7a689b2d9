//! `/connections`: to anyone but their owner they do not exist.

use super::List;
use crate::{
    App,
    extract::{Body, Paging, Path, Query, nullable},
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{ConnectionId, Secret};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConnectionKind {
    Postgresql,
    Supabase,
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
    /// How many tables were imported through it.
    used_by: u64,
}

/// The first certificate of the PEM that was pasted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaCertificate {
    subject: String,
    not_after: DateTime<Utc>,
    /// In hexadecimal.
    sha256: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateConnection {
    kind: ConnectionKind,
    #[schema(max_length = 100)]
    name: String,
    /// One public host name or IP address.
    host: String,
    #[schema(minimum = 1, maximum = 65535)]
    port: i64,
    database: String,
    username: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    #[serde(default = "encrypted")]
    #[schema(default = true)]
    encrypted: bool,
    /// PEM: replaces the public trust store for this connection.
    #[schema(value_type = Option<String>)]
    ca_certificate: Option<Secret>,
}

fn encrypted() -> bool {
    true
}

/// What can be changed. What a connection is (kind, host, port, database, username, encrypted) can't.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateConnection {
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Tested before it replaces the old one.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// Tested before it replaces the old one; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    ca_certificate: Option<Option<Secret>>,
    #[schema(ignore)]
    kind: Option<serde_json::Value>,
    #[schema(ignore)]
    host: Option<serde_json::Value>,
    #[schema(ignore)]
    port: Option<serde_json::Value>,
    #[schema(ignore)]
    database: Option<serde_json::Value>,
    #[schema(ignore)]
    username: Option<serde_json::Value>,
    #[schema(ignore)]
    encrypted: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepName {
    Address,
    Connect,
    Encrypt,
    Authenticate,
    Database,
    Privileges,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepOutcome {
    Passed,
    Warned,
    Failed,
    Skipped,
}

/// One step of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    step: StepName,
    outcome: StepOutcome,
    milliseconds: u64,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What the test learned of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerFacts {
    version: String,
    /// true on a hot standby.
    in_recovery: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pooler: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestReport {
    ok: bool,
    steps: Vec<Step>,
    #[schema(required)]
    server: Option<ServerFacts>,
    #[schema(required)]
    problem: Option<ProblemBody>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoleScriptParams {
    #[param(inline)]
    kind: Option<ConnectionKind>,
    #[param(example = "mycorr_reader")]
    username: Option<String>,
    #[param(example = "shop")]
    database: Option<String>,
    /// Separated by commas; `public` when left out.
    #[param(example = "public,sales")]
    schemas: Option<String>,
}

/// SQL that makes the read-only role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleScript {
    sql: String,
}

/// Tests a connection and saves it. When the test fails nothing is stored, and the problem carries the steps.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = CreateConnection,
    responses((status = CREATED, body = Connection)))]
pub(crate) async fn create_connection(
    State(app): State<App>,
    Body(_form): Body<CreateConnection>,
) -> Result<(StatusCode, Json<Connection>), ApiError> {
    app.later()
}

/// The caller's connections, newest first.
#[utoipa::path(get, path = "/connections", tag = "connections", params(Paging),
    responses((status = OK, body = List<Connection>)))]
pub(crate) async fn list_connections(
    State(app): State<App>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Connection>>, ApiError> {
    app.later()
}

/// Tests a connection without storing anything.
#[utoipa::path(post, path = "/connections/test", tag = "connections", request_body = CreateConnection,
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_new_connection(
    State(app): State<App>,
    Body(_form): Body<CreateConnection>,
) -> Result<Json<TestReport>, ApiError> {
    app.later()
}

/// The SQL that makes the read-only role.
#[utoipa::path(get, path = "/connections/role-script", tag = "connections", params(RoleScriptParams),
    responses((status = OK, body = RoleScript)))]
pub(crate) async fn get_role_script(
    State(app): State<App>,
    Query(_params): Query<RoleScriptParams>,
) -> Result<Json<RoleScript>, ApiError> {
    app.later()
}

/// A connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = Connection)))]
pub(crate) async fn get_connection(
    State(app): State<App>,
    Path(_id): Path<ConnectionId>,
) -> Result<Json<Connection>, ApiError> {
    app.later()
}

/// Renames it, or replaces its password or CA certificate after a test.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    request_body = UpdateConnection, responses((status = OK, body = Connection)))]
pub(crate) async fn update_connection(
    State(app): State<App>,
    Path(_id): Path<ConnectionId>,
    Body(_form): Body<UpdateConnection>,
) -> Result<Json<Connection>, ApiError> {
    app.later()
}

/// Deletes it with its secrets and its ledger. Tables that came through it stay.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_connection(
    State(app): State<App>,
    Path(_id): Path<ConnectionId>,
) -> Result<StatusCode, ApiError> {
    app.later()
}

/// Tests a saved connection.
#[utoipa::path(post, path = "/connections/{id}/test", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_connection(
    State(app): State<App>,
    Path(_id): Path<ConnectionId>,
) -> Result<Json<TestReport>, ApiError> {
    app.later()
}
