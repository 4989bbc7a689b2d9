//! `/connections`: to anyone but their owner they do not exist.

use super::List;
use crate::{
    App,
    caller::Caller,
    extract::{Body, Paging, Path, Query, nullable},
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, Problem};
use mycorr_domain::{ConnectionId, Secret};
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
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
            used_by: connection.used_by,
        }
    }
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

impl From<CreateConnection> for engine::ConnectionForm {
    fn from(form: CreateConnection) -> Self {
        Self {
            kind: form.kind.into(),
            name: form.name,
            host: form.host,
            port: form.port,
            database: form.database,
            username: form.username,
            password: form.password,
            encrypted: form.encrypted,
            ca_certificate: form.ca_certificate,
        }
    }
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

impl UpdateConnection {
    fn parse(self) -> Result<engine::Change, Problem> {
        let fixed = [
            ("kind", self.kind),
            ("host", self.host),
            ("port", self.port),
            ("database", self.database),
            ("username", self.username),
            ("encrypted", self.encrypted),
        ];
        let mut named =
            fixed.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).peekable();
        if named.peek().is_some() {
            let problem = Problem::new(
                Code::ImmutableField,
                "What a connection is can't be changed once it is saved: it would be another one.",
            )
            .fix("Make a new connection. Name, password and CA certificate can be changed.");
            return Err(named.fold(problem, |problem, name| problem.field(name, "This can't be changed.")));
        }
        let Self { name, password, ca_certificate, .. } = self;
        Ok(engine::Change { name, password, ca_certificate })
    }
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

impl From<engine::Step> for Step {
    fn from(step: engine::Step) -> Self {
        Self {
            step: match step.step {
                engine::StepName::Address => StepName::Address,
                engine::StepName::Connect => StepName::Connect,
                engine::StepName::Encrypt => StepName::Encrypt,
                engine::StepName::Authenticate => StepName::Authenticate,
                engine::StepName::Database => StepName::Database,
                engine::StepName::Privileges => StepName::Privileges,
            },
            outcome: match step.outcome {
                engine::StepOutcome::Passed => StepOutcome::Passed,
                engine::StepOutcome::Warned => StepOutcome::Warned,
                engine::StepOutcome::Failed => StepOutcome::Failed,
                engine::StepOutcome::Skipped => StepOutcome::Skipped,
            },
            milliseconds: step.milliseconds,
            message: step.message,
            fix: step.fix,
        }
    }
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

impl From<engine::Report> for TestReport {
    fn from(report: engine::Report) -> Self {
        Self {
            ok: report.ok(),
            problem: report.problem.as_ref().map(ProblemBody::new),
            steps: report.steps.into_iter().map(Step::from).collect(),
            server: report.server.map(|server| ServerFacts {
                version: server.version,
                in_recovery: server.in_recovery,
                pooler: server.pooler,
            }),
        }
    }
}

impl From<engine::Refused> for ApiError {
    fn from(refused: engine::Refused) -> Self {
        if refused.steps.is_empty() {
            return refused.problem.into();
        }
        Self::with_steps(refused.problem, refused.steps.into_iter().map(Step::from).collect())
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoleScriptParams {
    /// The same for both.
    #[param(inline)]
    #[allow(dead_code)]
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
    caller: Caller,
    Body(form): Body<CreateConnection>,
) -> Result<(StatusCode, Json<Connection>), ApiError> {
    let made = app.engine.create_connection(caller.id(), form.into()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// The caller's connections, newest first.
#[utoipa::path(get, path = "/connections", tag = "connections", params(Paging),
    responses((status = OK, body = List<Connection>)))]
pub(crate) async fn list_connections(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Connection>>, ApiError> {
    let connections = app.engine.connections(caller.id(), paging.after(), paging.limit()?).await?;
    Ok(Json(connections.into()))
}

/// Tests a connection without storing anything.
#[utoipa::path(post, path = "/connections/test", tag = "connections", request_body = CreateConnection,
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_new_connection(
    State(app): State<App>,
    caller: Caller,
    Body(form): Body<CreateConnection>,
) -> Result<Json<TestReport>, ApiError> {
    Ok(Json(app.engine.test_form(caller.id(), form.into()).await?.into()))
}

/// The SQL that makes the read-only role.
#[utoipa::path(get, path = "/connections/role-script", tag = "connections", params(RoleScriptParams),
    responses((status = OK, body = RoleScript)))]
pub(crate) async fn get_role_script(
    _caller: Caller,
    Query(params): Query<RoleScriptParams>,
) -> Json<RoleScript> {
    let filled = |text: Option<String>, default: &str| {
        text.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let schemas: Vec<String> =
        filled(params.schemas, "public").split(',').map(|s| s.trim().to_owned()).collect();
    let username = filled(params.username, "mycorr_reader");
    let database = filled(params.database, "your_db");
    Json(RoleScript { sql: engine::role_script(&username, &database, &schemas, None) })
}

/// A connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = Connection)))]
pub(crate) async fn get_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Connection>, ApiError> {
    Ok(Json(app.engine.connection(caller.id(), id).await?.into()))
}

/// Renames it, or replaces its password or CA certificate after a test.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    request_body = UpdateConnection, responses((status = OK, body = Connection)))]
pub(crate) async fn update_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Body(form): Body<UpdateConnection>,
) -> Result<Json<Connection>, ApiError> {
    let changed = app.engine.change_connection(caller.id(), id, form.parse()?).await?;
    Ok(Json(changed.into()))
}

/// Deletes it with its secrets and its ledger. Tables that came through it stay.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<StatusCode, ApiError> {
    app.engine.delete_connection(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tests a saved connection.
#[utoipa::path(post, path = "/connections/{id}/test", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = TestReport)))]
pub(crate) async fn test_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<TestReport>, ApiError> {
    Ok(Json(app.engine.test_connection(caller.id(), id).await?.into()))
}
