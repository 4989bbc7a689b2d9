//! What a person says of a connection: to make one, and to change one.

use super::{ConnectionKind, Limits, SyncBy};
use crate::extract::nullable;
use mycorr_domain::{Code, Problem, Secret};
use mycorr_engine as engine;
use serde::Deserialize;
use utoipa::ToSchema;

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

impl CreateConnection {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
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
    limits: Option<Limits>,
    sync_by: Option<SyncBy>,
    #[schema(minimum = 1, maximum = 3650)]
    statements_retention_days: Option<u64>,
    /// How many connections one import may open, where the table and the server allow it.
    #[schema(minimum = 1, maximum = 8)]
    max_connections: Option<u64>,
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
    pub(super) fn parse(self) -> Result<engine::Change, Problem> {
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
        Ok(engine::Change {
            name: self.name,
            password: self.password,
            ca_certificate: self.ca_certificate,
            limits: self.limits.map(Into::into),
            sync_by: self.sync_by.map(|by| match by {
                SyncBy::Owner => engine::SyncBy::Owner,
                SyncBy::Collaborators => engine::SyncBy::Collaborators,
            }),
            statements_retention_days: self.statements_retention_days,
            max_connections: self.max_connections,
        })
    }
}
