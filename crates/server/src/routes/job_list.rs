//! `/jobs` of all Models.

use super::{
    List,
    jobs::{Job, JobState, events},
};
use crate::{
    App,
    authentication::Caller,
    extract::{Query, limit},
    problem::ApiError,
};
use axum::{Json, extract::State, response::IntoResponse};
use futures::StreamExt;
use mycorr_domain::ModelId;
use mycorr_engine as engine;
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsParams {
    /// Only jobs in one of these states.
    #[serde(default)]
    state: Vec<JobState>,
    /// Only those of this Model.
    model_id: Option<Uuid>,
    /// At most so many items.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// The imports and syncs of all Models that the caller may see, newest first.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(JobsParams),
    responses((status = OK, body = List<Job>)))]
pub(crate) async fn list_visible_jobs(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<JobsParams>,
) -> Result<Json<List<Job>>, ApiError> {
    let wanted = engine::JobQuery {
        states: params.state.into_iter().map(engine::JobState::from).collect(),
        model: params.model_id.map(ModelId::from_uuid),
    };
    let (after, limit) = (params.after.as_deref(), limit(params.limit)?);
    let jobs = app.engine.jobs.visible_jobs(caller.id(), &wanted, after, limit).await?;
    Ok(Json(jobs.into()))
}

impl From<JobState> for engine::JobState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Succeeded => Self::Succeeded,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
            JobState::Held => Self::Held,
        }
    }
}

/// A stream ends after this, and its client connects again: so nobody goes on watching whose session is over.
const MAX_STREAM_DURATION: Duration = Duration::from_secs(60);

/// All jobs that the caller may see as server-sent events: those that are not over at once, then each change, the
/// end of a job and new jobs included. The stream ends after a minute; a client that connects again is told what is
/// not over, and has to ask for a job that it knew and that is not among those.
#[utoipa::path(get, path = "/jobs/events", tag = "jobs",
    responses((status = OK, body = Job, content_type = "text/event-stream",
        description = "Each event is called `job`; its data is the job.")))]
pub(crate) async fn all_job_events(State(app): State<App>, caller: Caller) -> impl IntoResponse {
    let over = Box::pin(tokio::time::sleep(MAX_STREAM_DURATION));
    let revoked = caller.revoked(&app);
    events(app.engine.jobs.watch_jobs(caller.id()).take_until(over), revoked, app.stopping)
}
