//! `/jobs`.

use crate::{
    App,
    authentication::Caller,
    extract::Path,
    problem::{ApiError, ProblemBody},
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, future};
use mycorr_domain::JobId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use tokio::sync::watch;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobKind {
    Import,
    Sync,
    /// Never listed: a restore is over when it is answered.
    Restore,
    /// Compares the newest version with its source.
    Verify,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// What it read breaks something, and waits for a decision: see `/tables/{id}/held`.
    Held,
}

/// A limit of a connection, or room where tables are stored.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaitingFor {
    BytesPerSecond,
    Imports,
    Storage,
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
    /// Which of the connection's limits it waits for.
    #[schema(required)]
    waiting_for: Option<WaitingFor>,
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
    /// How many connections it reads through; null before it reads.
    #[schema(required)]
    connections: Option<u64>,
    /// Why not through as many as the connection's `max_connections` allows.
    #[schema(required)]
    connections_note: Option<String>,
    /// The version that it made.
    #[schema(required)]
    version: Option<i64>,
    /// A sync that found the rows of the newest version: it succeeded and made none.
    unchanged: bool,
    /// What a comparison came to.
    #[schema(required)]
    receipt: Option<Receipt>,
    /// Why it failed; of one that succeeded, what has to be said all the same.
    #[schema(required)]
    problem: Option<ProblemBody>,
}

/// A version beside its source: how many rows, and for each column how many values that are not null and the sum of the
/// hashes of their texts, as the database computes them and as they are read from what is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    version: i64,
    /// Rows and all columns are equal, and what is stored is what was written.
    equal: bool,
    /// Whether the source computed its side under the snapshot of the read that made the version, or that found it still to
    /// hold.
    snapshot: bool,
    rows: BothSides,
    columns: Vec<ColumnReceipt>,
    /// Whether the source changed since the version was read; null where that can't be told.
    #[schema(required)]
    source_changed: Option<bool>,
    /// Whether what is stored is what was written; null for versions that were made before that was kept.
    #[schema(required)]
    intact: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnReceipt {
    name: String,
    equal: bool,
    /// How many are not null.
    values: BothSides,
    /// Whether the values' texts were compared too: those of a masked column can't be.
    texts: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BothSides {
    source: u64,
    stored: u64,
}

impl From<engine::BothSides> for BothSides {
    fn from(engine::BothSides { source, stored }: engine::BothSides) -> Self {
        Self { source, stored }
    }
}

impl From<engine::Receipt> for Receipt {
    fn from(receipt: engine::Receipt) -> Self {
        let columns = receipt.columns.into_iter().map(|column| ColumnReceipt {
            name: column.name,
            equal: column.equal,
            values: column.values.into(),
            texts: column.texts,
        });
        Self {
            version: receipt.version,
            equal: receipt.equal,
            snapshot: receipt.snapshot,
            rows: receipt.rows.into(),
            columns: columns.collect(),
            source_changed: receipt.source_changed,
            intact: receipt.intact,
        }
    }
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

impl From<engine::Job> for Job {
    fn from(job: engine::Job) -> Self {
        Self {
            id: *job.id.as_uuid(),
            kind: match job.kind {
                engine::JobKind::Import => JobKind::Import,
                engine::JobKind::Sync => JobKind::Sync,
                engine::JobKind::Restore => JobKind::Restore,
                engine::JobKind::Verify => JobKind::Verify,
            },
            state: match job.state {
                engine::JobState::Queued => JobState::Queued,
                engine::JobState::Running => JobState::Running,
                engine::JobState::Succeeded => JobState::Succeeded,
                engine::JobState::Failed => JobState::Failed,
                engine::JobState::Cancelled => JobState::Cancelled,
                engine::JobState::Held => JobState::Held,
            },
            rows: job.rows,
            bytes: job.bytes,
            estimated_rows: job.estimated_rows,
            waiting_for: job.waiting_for.map(|limit| match limit {
                engine::WaitingFor::BytesPerSecond => WaitingFor::BytesPerSecond,
                engine::WaitingFor::Imports => WaitingFor::Imports,
                engine::WaitingFor::Storage => WaitingFor::Storage,
            }),
            queued_at: job.queued_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            model_id: *job.model.as_uuid(),
            table_id: *job.table.as_uuid(),
            table_name: job.table_name,
            source: JobSource {
                connection_id: job.source.connection.map(|id| *id.as_uuid()),
                schema: job.source.schema,
                table: job.source.table,
            },
            connections: job.connections,
            connections_note: job.connections_note,
            version: job.version,
            unchanged: matches!((job.kind, job.state), (engine::JobKind::Sync, engine::JobState::Succeeded))
                && job.version.is_none(),
            receipt: job.receipt.map(Receipt::from),
            problem: job.problem.as_ref().map(ProblemBody::new),
        }
    }
}

/// A job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job)))]
pub(crate) async fn get_job(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(app.engine.jobs.job(caller.id(), id).await?.into()))
}

/// The job as server-sent events, one at each change, until it ends.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job, content_type = "text/event-stream",
        description = "Each event is called `job`; its data is the job.")))]
pub(crate) async fn job_events(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<impl IntoResponse, ApiError> {
    // Whether there is such a job is answered before the stream begins.
    app.engine.jobs.job(caller.id(), id).await?;
    let jobs = app.engine.jobs.watch_job(caller.id(), id);
    let revoked = caller.revoked(&app);
    Ok(events(jobs, revoked, app.stopping))
}

/// Jobs as server-sent events, until one fails, the caller may see nothing any more, or the server stops.
pub(crate) fn events(
    jobs: impl Stream<Item = mycorr_domain::Result<engine::Job>> + Send + 'static,
    revoked: impl Future<Output = ()> + Send + 'static,
    mut stopping: watch::Receiver<bool>,
) -> impl IntoResponse {
    let stopped = async move { stopping.wait_for(|stopping| *stopping).await.is_ok() };
    let events = jobs
        .take_until(Box::pin(stopped))
        .take_until(Box::pin(revoked))
        .take_while(|job| future::ready(job.is_ok()))
        .filter_map(|job| future::ready(job.ok()))
        .map(|job| {
            let data = serde_json::to_string(&Job::from(job)).expect("a job is plain JSON");
            Ok::<_, Infallible>(Event::default().event("job").data(data))
        });
    // Proxies that collect answers would hold the events back.
    let headers = [("x-accel-buffering", "no")];
    (headers, Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Asks a job to stop. The table stays as it was. Fine if the job is over.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = Job)))]
pub(crate) async fn cancel_job(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let job = app.engine.jobs.cancel_job(caller.id(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}
