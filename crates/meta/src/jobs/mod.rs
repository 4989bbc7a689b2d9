//! Jobs: queued, claimed with a lease, kept alive, finished once. A job runs at least once; what it did is
//! recorded by who holds its lease, and by nobody else.

mod claim;
mod end;
mod ended;
mod holds;
mod insert;
mod lease;
mod list;
mod permission;
mod queue;
mod quota;
mod receipt;
mod right;
mod unchanged;

pub(crate) use claim::SeenLeases;
pub use holds::HeldSync;
pub(crate) use holds::StoredHeld;
pub(crate) use insert::insert_scheduled;
pub(crate) use lease::next_fence;
pub use lease::{ClaimedJob, JobProgress, Lease, LeaseStatus, NewVersion};
pub use list::JobQuery;
pub use queue::{NewImport, NewSource};
pub(crate) use queue::{cancel_pending, check_sync_by, writable};
pub(crate) use quota::COUNTS_ITSELF;
pub(crate) use right::give;

use crate::{
    Listed, Meta, after, db,
    entity::{job, table},
    from_json,
    models::remove_later,
    record::{Job, JobKind, JobState, Source, StoredProblem, WaitingFor},
    tables::source,
    time,
};
use mycorr_domain::{Code, JobId, ModelId, Problem, Result, TableId, UserId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

impl Meta {
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn job(&self, user: UserId, id: JobId) -> Result<Job> {
        let row = job_row(&self.db, id).await?.ok_or_else(|| Problem::not_found("job"))?;
        self.access(user, ModelId::from_uuid(row.model_id)).await.map_err(|_| Problem::not_found("job"))?;
        Ok(self.shown(user, vec![row]).await?.remove(0))
    }

    /// The imports and syncs of a Model, newest first.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn jobs(
        &self,
        user: UserId,
        model: ModelId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Job>> {
        self.access(user, model).await?;
        let mut query = job::Entity::find()
            .filter(job::Column::ModelId.eq(*model.as_uuid()))
            .filter(job::Column::Kind.ne(JobKind::Restore.as_str()));
        if let Some(id) = after::<JobId>(from)? {
            query = query.filter(job::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(job::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let jobs = self.shown(user, rows).await?;
        Ok(Listed::new(jobs, limit, |job: &Job| job.id.to_string()))
    }

    /// Jobs as `user` may see them. A failure may name the host, the role or the certificate of the source: only the
    /// connection's owner reads it.
    pub(crate) async fn shown(&self, user: UserId, rows: Vec<job::Model>) -> Result<Vec<Job>> {
        let mut jobs = rows.into_iter().map(record).collect::<Result<Vec<_>>>()?;
        self.hide_connections(user, jobs.iter_mut().map(|job| &mut job.source)).await?;
        for job in &mut jobs {
            if job.source.connection.is_none()
                && let Some(problem) = job.problem.take_if(|problem| !is_ours(problem.code))
            {
                let detail = format!("{}. The owner of the connection can read why.", problem.code.title());
                job.problem = Some(Problem::new(problem.code, detail));
            }
        }
        Ok(jobs)
    }

    /// Lets all jobs that wait say that they wait for room, or no longer.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn wait_for_storage(&self, waiting: bool) -> Result<()> {
        let storage = WaitingFor::Storage.as_str();
        let mut update = job::Entity::update_many()
            .col_expr(job::Column::WaitingFor, Expr::value(waiting.then_some(storage)))
            .filter(job::Column::State.eq(JobState::Queued.as_str()));
        if !waiting {
            update = update.filter(job::Column::WaitingFor.eq(storage));
        }
        let transaction = self.write().await?;
        update.exec(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// How many jobs wait and run: those that are over are only ever more, and not counted here.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64)>> {
        let counts: Vec<(String, i64)> = job::Entity::find()
            .select_only()
            .column(job::Column::State)
            .column_as(job::Column::Id.count(), "jobs")
            .filter(crate::tables::pending())
            .group_by(job::Column::State)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(counts.into_iter().map(|(state, jobs)| (state, jobs as u64)).collect())
    }
}

/// Whether a problem's words are about Mycorr and the names of tables, and never about the source.
fn is_ours(code: Code) -> bool {
    matches!(
        code,
        Code::Cancelled
            | Code::Forbidden
            | Code::NotFound
            | Code::QuotaExceeded
            | Code::StorageFull
            | Code::StorageUnavailable
            | Code::StorageConflict
            | Code::Internal
    )
}

/// The problem of a job that somebody stopped.
fn cancelled() -> Problem {
    Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.")
}

async fn job_row(on: &impl ConnectionTrait, id: JobId) -> Result<Option<job::Model>> {
    job::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)
}

/// Ends a job without a version; the table of a first import is removed, and its name is free again.
async fn finish(
    on: &DatabaseTransaction,
    row: &job::Model,
    state: JobState,
    problem: &Problem,
) -> Result<()> {
    holds::drop_staged(on, row).await?;
    let end = end::JobEnd { state, version: None, rows: None, problem: Some(problem) };
    end::end_job(on, row, end).await?;
    if row.kind == JobKind::Import.as_str() {
        let removed = table::Entity::delete_many()
            .filter(table::Column::Id.eq(row.table_id))
            .filter(table::Column::Head.is_null())
            .exec(on)
            .await
            .map_err(db)?;
        if removed.rows_affected == 1 {
            remove_later(on, TableId::from_uuid(row.table_id)).await?;
        }
    }
    Ok(())
}

fn record(row: job::Model) -> Result<Job> {
    let source: Source = source(
        row.connection_id,
        row.source_schema,
        row.source_table,
        row.source_columns,
        row.source_selection,
    )?;
    let problem = row.problem.as_deref().map(from_json::<StoredProblem>).transpose()?.map(Problem::from);
    Ok(Job {
        id: JobId::from_uuid(row.id),
        kind: JobKind::parse(&row.kind)?,
        state: JobState::parse(&row.state)?,
        model: ModelId::from_uuid(row.model_id),
        table: TableId::from_uuid(row.table_id),
        table_name: row.table_name,
        source,
        requested_by: UserId::from_uuid(row.requested_by),
        queued_at: time(row.queued_at),
        started_at: row.started_at.map(time),
        finished_at: row.finished_at.map(time),
        estimated_rows: row.estimated_rows.map(|rows| rows as u64),
        rows: row.rows as u64,
        bytes: row.bytes as u64,
        waiting_for: row.waiting_for.as_deref().map(WaitingFor::parse).transpose()?,
        connections: row.connections.map(|connections| connections as u64),
        connections_note: row.connections_note,
        version: row.version,
        receipt: row.receipt.as_deref().map(from_json).transpose()?,
        problem,
    })
}
