//! `/jobs`.

use crate::{
    App,
    extract::Path,
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State, response::Response};
use chrono::{DateTime, Utc};
use mycorr_domain::JobId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobKind {
    Import,
    Sync,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// An import or a sync.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Job {
    id: Uuid,
    kind: JobKind,
    state: JobState,
    /// Read so far.
    rows: u64,
    /// Read from the source so far.
    bytes: u64,
    /// The source's own estimate; nothing is counted.
    #[schema(required)]
    estimated_rows: Option<u64>,
    queued_at: DateTime<Utc>,
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    #[schema(required)]
    finished_at: Option<DateTime<Utc>>,
    model_id: Uuid,
    /// The table of a first import that failed is gone.
    table_id: Uuid,
    table_name: String,
    source: JobSource,
    /// The version that it made.
    #[schema(required)]
    version: Option<i64>,
    #[schema(required)]
    problem: Option<ProblemBody>,
}

/// Where a job reads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobSource {
    /// null when the connection is gone.
    #[schema(required)]
    connection_id: Option<Uuid>,
    schema: String,
    table: String,
}

/// A job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job)))]
pub(crate) async fn get_job(State(app): State<App>, Path(_id): Path<JobId>) -> Result<Json<Job>, ApiError> {
    app.later()
}

/// The job as server-sent events, one at each change, until it ends.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job, content_type = "text/event-stream",
        description = "Each event is called `job`; its data is the job.")))]
pub(crate) async fn job_events(State(app): State<App>, Path(_id): Path<JobId>) -> Result<Response, ApiError> {
    app.later()
}

/// Asks a job to stop. The table stays as it was. Fine if the job is over.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = Job)))]
pub(crate) async fn cancel_job(State(app): State<App>, Path(_id): Path<JobId>) -> Result<Response, ApiError> {
    app.later()
}
