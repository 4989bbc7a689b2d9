//! `/connections/{id}/statements`: the ledger.

use super::List;
use crate::{
    App,
    extract::{Path, Query},
    problem::ApiError,
};
use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use mycorr_domain::ConnectionId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    Test,
    Browse,
    Preview,
    Import,
    Sync,
}

/// A statement that was sent to the source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statement {
    id: Uuid,
    at: DateTime<Utc>,
    /// The template's name in the documentation.
    template: String,
    statement: String,
    parameters: Vec<String>,
    purpose: Purpose,
    /// The e-mail address of who asked for it; null when the account is gone.
    #[schema(required)]
    actor: Option<String>,
    #[schema(required)]
    job_id: Option<Uuid>,
    rows: u64,
    bytes: u64,
    milliseconds: u64,
    /// `ok`, PostgreSQL's SQLSTATE, or a code of ours.
    outcome: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatementsFormat {
    #[default]
    Json,
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementsParams {
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
    /// `csv` downloads the whole ledger.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: StatementsFormat,
}

/// Every statement that was ever sent through the connection, newest first.
#[utoipa::path(get, path = "/connections/{id}/statements", tag = "connections",
    params(("id" = Uuid, Path), StatementsParams),
    responses((status = OK, content((List<Statement> = "application/json"), (String = "text/csv")))))]
pub(crate) async fn list_statements(
    State(app): State<App>,
    Path(_id): Path<ConnectionId>,
    Query(_params): Query<StatementsParams>,
) -> Result<Response, ApiError> {
    app.later()
}
