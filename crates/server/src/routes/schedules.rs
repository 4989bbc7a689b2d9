//! `/tables/{id}/schedule`.

use super::jobs::Job;
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::TableId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a table is synced without anybody asking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedule {
    /// Minute, hour, day of month, month, day of week.
    #[schema(example = "0 6 * * 1-5")]
    cron: String,
    /// What the expression says, in English.
    description: String,
    /// The clock that it goes by.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Runs begin up to so many seconds later; each table's always by the same.
    jitter_seconds: u32,
    paused: bool,
    #[schema(required)]
    paused_at: Option<DateTime<Utc>>,
    /// The failure that paused it, after five in a row that do not pass by themselves; null where a person did.
    #[schema(required)]
    paused_because: Option<ProblemBody>,
    /// The next run, or the retry of one that failed for a reason that passes by itself; null while it is paused.
    #[schema(required)]
    next_run_at: Option<DateTime<Utc>>,
    /// How often in a row the last run was tried again.
    retries: u32,
    #[schema(required)]
    last_run: Option<Job>,
}

impl From<engine::Schedule> for Schedule {
    fn from(schedule: engine::Schedule) -> Self {
        Self {
            cron: schedule.cron,
            description: schedule.description,
            time_zone: schedule.time_zone,
            jitter_seconds: schedule.jitter_seconds,
            paused: schedule.paused_at.is_some(),
            paused_at: schedule.paused_at,
            paused_because: schedule.pause_problem.as_ref().map(ProblemBody::new),
            next_run_at: schedule.next_run_at,
            retries: schedule.retries,
            last_run: schedule.last_run.map(Job::from),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetSchedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schema(example = "0 6 * * 1-5", max_length = 200)]
    cron: String,
    /// A name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    #[serde(default)]
    #[schema(maximum = 86400)]
    jitter_seconds: u32,
    #[serde(default)]
    paused: bool,
}

/// When a table is synced; 404 for one that is synced only when somebody asks.
#[utoipa::path(get, path = "/tables/{id}/schedule", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = Schedule)))]
pub(crate) async fn get_schedule(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(app.engine.imports.schedule(caller.id(), id).await?.into()))
}

/// Sets when a table is synced, in the caller's name. A run that was missed is made up for once, none begins while the
/// one before it goes on, and five failures in a row that do not pass by themselves pause it.
#[utoipa::path(put, path = "/tables/{id}/schedule", tag = "tables", params(("id" = Uuid, Path)),
    request_body = SetSchedule, responses((status = OK, body = Schedule)))]
pub(crate) async fn set_schedule(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(form): Body<SetSchedule>,
) -> Result<Json<Schedule>, ApiError> {
    let SetSchedule { cron, time_zone, jitter_seconds, paused } = form;
    let new = engine::NewSchedule { cron, time_zone, jitter_seconds, paused };
    Ok(Json(app.engine.imports.set_schedule(caller.id(), id, new).await?.into()))
}

/// From now on the table is synced only when somebody asks.
#[utoipa::path(delete, path = "/tables/{id}/schedule", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_schedule(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<StatusCode, ApiError> {
    app.engine.imports.delete_schedule(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
