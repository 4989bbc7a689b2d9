//! The right to do a job. It ends by the clock of the machines that take part: their clocks have to agree to a
//! few seconds.

use super::{cancelled, finish, job_row, record};
use crate::{
    Meta, count, db,
    entity::{connection, job, table, version},
    from_json, now,
    record::{HeldBack, Job, JobKind, JobState, StoredProblem},
    time, to_json,
};
use chrono::TimeDelta;
use mycorr_domain::{Code, Column, Committed, JobId, Problem, Result, SourceRecord};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use std::collections::HashMap;
use uuid::Uuid;

/// The right to do a job, until it ends or somebody else takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub job: JobId,
    /// Grows with every claim: who holds an old one has lost the job.
    pub fence: i64,
}

/// A job to be done now.
#[derive(Clone, Debug)]
pub struct Work {
    pub lease: Lease,
    pub job: Job,
    /// Which version a restore brings back.
    pub restored_version: Option<i64>,
    /// What an earlier run read the source into.
    pub columns: Option<Vec<Column>>,
    /// What it read, with them.
    pub source: Option<SourceRecord>,
}

/// What a worker learns when it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    Held,
    /// Somebody asked for the job to stop.
    Cancelled,
    /// The job is somebody else's, or gone: stop, and record nothing.
    Lost,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub rows: u64,
    pub bytes: u64,
    pub held_back: Option<HeldBack>,
}

/// What a job made.
pub struct NewVersion<'a> {
    pub columns: &'a [Column],
    pub source: Option<&'a SourceRecord>,
    pub committed: Committed,
    /// What is to be said although the job went well.
    pub warning: Option<&'a Problem>,
}

impl Meta {
    /// Takes the oldest job that waits, or whose worker has stopped reporting.
    /// One whose connection already has as many running as its owner allows is passed over, and says so.
    pub async fn claim(&self, lease: TimeDelta) -> Result<Option<Work>> {
        if self.candidates(&self.db, &[]).await?.is_empty() {
            return Ok(None);
        }
        // In one transaction, so that two workers don't both take the last place.
        let transaction = self.write().await?;
        let full = full_connections(&transaction).await?;
        let mut claimed = None;
        for row in self.candidates(&transaction, &full).await? {
            claimed = take(&transaction, row, lease).await?;
            if claimed.is_some() {
                break;
            }
        }
        hold_back(&transaction, &full).await?;
        transaction.commit().await.map_err(db)?;
        Ok(claimed)
    }

    /// The first jobs that can be claimed, `full` connections aside.
    async fn candidates(&self, on: &impl ConnectionTrait, full: &[Uuid]) -> Result<Vec<job::Model>> {
        let waiting = Condition::any().add(job::Column::State.eq(JobState::Queued.as_str())).add(
            Condition::all()
                .add(job::Column::State.eq(JobState::Running.as_str()))
                .add(job::Column::LeaseUntil.lt(now().timestamp_micros())),
        );
        let mut query = job::Entity::find().filter(waiting);
        if !full.is_empty() {
            // A restore asks nothing of the database.
            let free = Condition::any()
                .add(job::Column::ConnectionId.is_null())
                .add(job::Column::ConnectionId.is_not_in(full.iter().copied()))
                .add(job::Column::Kind.eq(JobKind::Restore.as_str()));
            query = query.filter(free);
        }
        query.order_by_asc(job::Column::Id).limit(8).all(on).await.map_err(db)
    }

    /// Keeps the lease, and tells how far the job is.
    pub async fn report(&self, lease: Lease, told: Told, keep: TimeDelta) -> Result<Beat> {
        let held = job::Entity::update_many()
            .col_expr(job::Column::LeaseUntil, Expr::value((now() + keep).timestamp_micros()))
            .col_expr(job::Column::Rows, Expr::value(count(told.rows)))
            .col_expr(job::Column::Bytes, Expr::value(count(told.bytes)))
            .col_expr(job::Column::HeldBack, Expr::value(told.held_back.map(HeldBack::as_str)))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        if held.rows_affected == 0 {
            return Ok(Beat::Lost);
        }
        let row = job_row(&self.db, lease.job).await?;
        Ok(match row {
            Some(row) if row.cancelled => Beat::Cancelled,
            Some(_) => Beat::Held,
            None => Beat::Lost,
        })
    }

    /// What the job is about to read. False if the lease is lost.
    pub async fn note_reading(
        &self,
        lease: Lease,
        columns: &[Column],
        source: &SourceRecord,
        estimated_rows: Option<u64>,
    ) -> Result<bool> {
        let noted = job::Entity::update_many()
            .col_expr(job::Column::Columns, Expr::value(to_json(&columns)))
            .col_expr(job::Column::Source, Expr::value(to_json(source)))
            .col_expr(job::Column::EstimatedRows, Expr::value(estimated_rows.map(count)))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(noted.rows_affected == 1)
    }

    /// Records the version that a job made, and ends it. `None` if the lease is lost or the table gone.
    pub async fn succeed(&self, lease: Lease, new: NewVersion<'_>) -> Result<Option<i64>> {
        let transaction = self.write().await?;
        let Some(row) = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?
        else {
            return Ok(None);
        };
        let Some(table) = table::Entity::find_by_id(row.table_id).one(&transaction).await.map_err(db)? else {
            finish(&transaction, &row, JobState::Cancelled, &cancelled()).await?;
            transaction.commit().await.map_err(db)?;
            return Ok(None);
        };
        let (at, number) = (now().timestamp_micros(), table.head.unwrap_or(0) + 1);
        let made = version::Model {
            table_id: table.id,
            version: number,
            store_version: new.committed.version.0,
            columns: to_json(&new.columns),
            source: new.source.map(to_json),
            rows: count(new.committed.rows),
            bytes: count(new.committed.bytes),
            cause: row.kind.clone(),
            restored_version: row.restored_version,
            job_id: row.id,
            created_by: Some(row.requested_by),
            created_at: at,
        };
        version::Entity::insert(version::ActiveModel::from(made))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        let mut head =
            table::ActiveModel { id: Set(table.id), head: Set(Some(number)), ..Default::default() };
        if row.kind != JobKind::Restore.as_str() {
            head.synced_at = Set(Some(at));
            // Where the table and its columns are called otherwise by now, that is where the next sync looks.
            if let Some(source) = new.source
                && (&table.source_schema, &table.source_table) == (&row.source_schema, &row.source_table)
            {
                head.source_schema = Set(source.schema.clone());
                head.source_table = Set(source.table.clone());
                head.source_columns = Set(source.chosen.as_ref().map(to_json));
            }
        }
        head.update_without_returning(&transaction).await.map_err(db)?;
        let done = job::ActiveModel {
            id: Set(row.id),
            state: Set(JobState::Succeeded.as_str().to_owned()),
            version: Set(Some(number)),
            problem: Set(new.warning.map(|problem| to_json(&StoredProblem::from(problem)))),
            rows: Set(count(new.committed.rows)),
            finished_at: Set(Some(at)),
            lease_until: Set(None),
            held_back: Set(None),
            ..Default::default()
        };
        done.update_without_returning(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)?;
        Ok(Some(number))
    }

    /// Ends a job that made nothing. The table of a first import goes with it. False if the lease is lost.
    pub async fn fail(&self, lease: Lease, problem: &Problem) -> Result<bool> {
        let transaction = self.write().await?;
        let row = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(row) = row else { return Ok(false) };
        let state = if problem.code == Code::Cancelled { JobState::Cancelled } else { JobState::Failed };
        finish(&transaction, &row, state, problem).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// Gives a job back to the queue, for the next worker: this one is shutting down.
    pub async fn release(&self, lease: Lease) -> Result<()> {
        job::Entity::update_many()
            .col_expr(job::Column::State, Expr::value(JobState::Queued.as_str()))
            .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }
}

/// Connections that have as many jobs running as their owners allow.
async fn full_connections(on: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    let limited: Vec<(Uuid, i64)> = connection::Entity::find()
        .select_only()
        .column(connection::Column::Id)
        .column(connection::Column::LimitImports)
        .filter(connection::Column::LimitImports.is_not_null())
        .into_tuple()
        .all(on)
        .await
        .map_err(db)?;
    if limited.is_empty() {
        return Ok(Vec::new());
    }
    let running: Vec<(Uuid, i64)> = job::Entity::find()
        .select_only()
        .column(job::Column::ConnectionId)
        .column_as(job::Column::Id.count(), "jobs")
        .filter(job::Column::ConnectionId.is_in(limited.iter().map(|(id, _)| *id)))
        .filter(job::Column::State.eq(JobState::Running.as_str()))
        .filter(job::Column::Kind.ne(JobKind::Restore.as_str()))
        .filter(job::Column::LeaseUntil.gte(now().timestamp_micros()))
        .group_by(job::Column::ConnectionId)
        .into_tuple()
        .all(on)
        .await
        .map_err(db)?;
    let running: HashMap<Uuid, i64> = running.into_iter().collect();
    Ok(limited
        .into_iter()
        .filter(|(id, most)| running.get(id).is_some_and(|jobs| jobs >= most))
        .map(|(id, _)| id)
        .collect())
}

/// Lets the jobs that wait for their connection's turn say so.
async fn hold_back(on: &impl ConnectionTrait, full: &[Uuid]) -> Result<()> {
    if full.is_empty() {
        return Ok(());
    }
    job::Entity::update_many()
        .col_expr(job::Column::HeldBack, Expr::value(HeldBack::Imports.as_str()))
        .filter(job::Column::ConnectionId.is_in(full.iter().copied()))
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .filter(job::Column::HeldBack.is_null())
        .exec(on)
        .await
        .map_err(db)?;
    Ok(())
}

fn held_by(lease: Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(*lease.job.as_uuid()))
        .add(job::Column::Fence.eq(lease.fence))
        .add(job::Column::State.eq(JobState::Running.as_str()))
}

/// Claims `row` unless somebody else was faster.
pub(super) async fn take(
    on: &impl ConnectionTrait,
    row: job::Model,
    lease: TimeDelta,
) -> Result<Option<Work>> {
    let (at, fence) = (now(), row.fence + 1);
    let started_at = row.started_at.unwrap_or(at.timestamp_micros());
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(job::Column::Fence, Expr::value(fence))
        .col_expr(job::Column::LeaseUntil, Expr::value((at + lease).timestamp_micros()))
        .col_expr(job::Column::StartedAt, Expr::value(started_at))
        .col_expr(job::Column::HeldBack, Expr::value(Option::<String>::None))
        .filter(job::Column::Id.eq(row.id))
        .filter(job::Column::Fence.eq(row.fence))
        .filter(job::Column::State.eq(&row.state))
        .exec(on)
        .await
        .map_err(db)?;
    if claimed.rows_affected == 0 {
        return Ok(None);
    }
    let columns = row.columns.as_deref().map(from_json).transpose()?;
    let source = row.source.as_deref().map(from_json).transpose()?;
    let restored_version = row.restored_version;
    let mut job = record(row)?;
    job.state = JobState::Running;
    job.held_back = None;
    job.started_at = Some(time(started_at));
    Ok(Some(Work { lease: Lease { job: job.id, fence }, job, restored_version, columns, source }))
}
