//! Jobs: queued, claimed with a lease, kept alive, finished once. A job runs at least once; what it did is
//! recorded by who holds its lease, and by nobody else.
//!
//! A lease ends by the clock of the machines that take part: their clocks have to agree to a few seconds.

use crate::{
    Listed, Meta, after, count, db,
    entity::{job, table, version},
    from_json,
    models::remove_later,
    now,
    record::{Access, Job, JobKind, JobState, Source, StoredProblem, Table},
    tables::{pending, source},
    time, to_json,
};
use chrono::TimeDelta;
use mycorr_domain::{
    Code, Column, Committed, ConnectionId, JobId, ModelId, Problem, Result, TableId, TableName, UserId,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr, sea_query::Expr,
};
use std::collections::HashSet;

pub struct NewImport {
    pub connection: ConnectionId,
    pub schema: String,
    pub table: String,
    pub name: TableName,
    pub columns: Option<Vec<String>>,
}

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

/// What a job made.
pub struct NewVersion<'a> {
    pub columns: &'a [Column],
    pub committed: Committed,
    /// What is to be said although the job went well.
    pub warning: Option<&'a Problem>,
}

impl Meta {
    /// Queues the import of a table, and reserves its name in the Model; a number is added if it is taken.
    pub async fn queue_import(&self, user: UserId, model: ModelId, new: NewImport) -> Result<(Job, Table)> {
        let transaction = self.write().await?;
        let access = self.access_on(&transaction, user, model).await?;
        if access == Access::Viewer {
            return Err(Problem::new(Code::Forbidden, "You can look at this Model, but not import into it."));
        }
        let taken: HashSet<String> = table::Entity::find()
            .select_only()
            .column(table::Column::Name)
            .filter(table::Column::ModelId.eq(*model.as_uuid()))
            .into_tuple()
            .all(&transaction)
            .await
            .map_err(db)?
            .into_iter()
            .collect();
        let row = table::Model {
            id: *TableId::new().as_uuid(),
            model_id: *model.as_uuid(),
            name: free_name(new.name.as_str(), &taken),
            created_at: now().timestamp_micros(),
            head: None,
            connection_id: Some(*new.connection.as_uuid()),
            source_schema: new.schema,
            source_table: new.table,
            source_columns: new.columns.as_ref().map(to_json),
            synced_at: None,
        };
        table::Entity::insert(table::ActiveModel::from(row.clone()))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        let job = insert_job(&transaction, JobKind::Import, user, &row, None).await?;
        transaction.commit().await.map_err(db)?;
        Ok((job, self.table(user, TableId::from_uuid(row.id)).await?.0))
    }

    /// Queues a sync. `conflict` if a job of the table is pending already.
    pub async fn queue_sync(&self, user: UserId, id: TableId) -> Result<Job> {
        let transaction = self.write().await?;
        let row = self.writable(&transaction, user, id).await?;
        if row.connection_id.is_none() {
            return Err(Problem::new(
                Code::Conflict,
                "The connection that this table came through was deleted, so it can't be synced.",
            )
            .fix("Import the table again through another connection."));
        }
        let job = insert_job(&transaction, JobKind::Sync, user, &row, None).await?;
        transaction.commit().await.map_err(db)?;
        Ok(job)
    }

    /// Makes a job that restores `version`, claimed by the caller at once.
    pub async fn start_restore(
        &self,
        user: UserId,
        id: TableId,
        number: i64,
        lease: TimeDelta,
    ) -> Result<Work> {
        let transaction = self.write().await?;
        let row = self.writable(&transaction, user, id).await?;
        let exists = version::Entity::find_by_id((row.id, number)).one(&transaction).await.map_err(db)?;
        if exists.is_none() {
            return Err(Problem::not_found("version"));
        }
        let job = insert_job(&transaction, JobKind::Restore, user, &row, Some(number)).await?;
        let row = job_row(&transaction, job.id).await?.ok_or_else(|| Problem::bug("job just inserted"))?;
        let work = take(&transaction, row, lease).await?.ok_or_else(|| Problem::bug("job just inserted"))?;
        transaction.commit().await.map_err(db)?;
        Ok(work)
    }

    /// Takes the oldest job that waits, or whose worker has stopped reporting.
    pub async fn claim(&self, lease: TimeDelta) -> Result<Option<Work>> {
        let waiting = Condition::any().add(job::Column::State.eq(JobState::Queued.as_str())).add(
            Condition::all()
                .add(job::Column::State.eq(JobState::Running.as_str()))
                .add(job::Column::LeaseUntil.lt(now().timestamp_micros())),
        );
        let candidates = job::Entity::find()
            .filter(waiting)
            .order_by_asc(job::Column::Id)
            .limit(8)
            .all(&self.db)
            .await
            .map_err(db)?;
        for row in candidates {
            if let Some(work) = take(&self.db, row, lease).await? {
                return Ok(Some(work));
            }
        }
        Ok(None)
    }

    /// Keeps the lease, and tells how far the job is.
    pub async fn report(&self, lease: Lease, rows: u64, bytes: u64, keep: TimeDelta) -> Result<Beat> {
        let held = job::Entity::update_many()
            .col_expr(job::Column::LeaseUntil, Expr::value((now() + keep).timestamp_micros()))
            .col_expr(job::Column::Rows, Expr::value(count(rows)))
            .col_expr(job::Column::Bytes, Expr::value(count(bytes)))
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
        estimated_rows: Option<u64>,
    ) -> Result<bool> {
        let noted = job::Entity::update_many()
            .col_expr(job::Column::Columns, Expr::value(to_json(&columns)))
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

    /// Asks a job to stop: at once if it still waits, soon if it runs, not at all if it is over.
    pub async fn cancel_job(&self, user: UserId, id: JobId) -> Result<Job> {
        let found = self.job(user, id).await?;
        let access = self.access(user, found.model).await?;
        if access == Access::Viewer {
            return Err(Problem::new(
                Code::Forbidden,
                "You can look at this Model, but not cancel its jobs.",
            ));
        }
        let transaction = self.write().await?;
        cancel_pending(&transaction, job::Column::Id.eq(*id.as_uuid())).await?;
        transaction.commit().await.map_err(db)?;
        self.job(user, id).await
    }

    pub async fn job(&self, user: UserId, id: JobId) -> Result<Job> {
        let row = job_row(&self.db, id).await?.ok_or_else(|| Problem::not_found("job"))?;
        self.access(user, ModelId::from_uuid(row.model_id)).await.map_err(|_| Problem::not_found("job"))?;
        record(row)
    }

    /// The imports and syncs of a Model, newest first.
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
        let jobs = rows.into_iter().map(record).collect::<Result<_>>()?;
        Ok(Listed::new(jobs, limit, |job: &Job| job.id.to_string()))
    }

    /// How many jobs are in each state.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64)>> {
        let counts: Vec<(String, i64)> = job::Entity::find()
            .select_only()
            .column(job::Column::State)
            .column_as(job::Column::Id.count(), "jobs")
            .group_by(job::Column::State)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(counts.into_iter().map(|(state, jobs)| (state, jobs as u64)).collect())
    }

    async fn writable(&self, on: &DatabaseTransaction, user: UserId, id: TableId) -> Result<table::Model> {
        let row = table::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("table"))?;
        let access = self.access_on(on, user, ModelId::from_uuid(row.model_id)).await;
        match access.map_err(|_| Problem::not_found("table"))? {
            Access::Viewer => {
                Err(Problem::new(Code::Forbidden, "You can look at this table, but not change it."))
            }
            Access::Owner | Access::Collaborator => Ok(row),
        }
    }
}

/// The problem of a job that somebody stopped.
fn cancelled() -> Problem {
    Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.")
}

fn held_by(lease: Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(*lease.job.as_uuid()))
        .add(job::Column::Fence.eq(lease.fence))
        .add(job::Column::State.eq(JobState::Running.as_str()))
}

async fn job_row(on: &impl sea_orm::ConnectionTrait, id: JobId) -> Result<Option<job::Model>> {
    job::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)
}

async fn insert_job(
    on: &DatabaseTransaction,
    kind: JobKind,
    user: UserId,
    table: &table::Model,
    restored_version: Option<i64>,
) -> Result<Job> {
    let row = job::Model {
        id: *JobId::new().as_uuid(),
        kind: kind.as_str().to_owned(),
        state: JobState::Queued.as_str().to_owned(),
        model_id: table.model_id,
        table_id: table.id,
        table_name: table.name.clone(),
        connection_id: table.connection_id,
        source_schema: table.source_schema.clone(),
        source_table: table.source_table.clone(),
        source_columns: table.source_columns.clone(),
        restored_version,
        requested_by: *user.as_uuid(),
        queued_at: now().timestamp_micros(),
        started_at: None,
        finished_at: None,
        estimated_rows: None,
        columns: None,
        rows: 0,
        bytes: 0,
        version: None,
        problem: None,
        cancelled: false,
        lease_until: None,
        fence: 0,
    };
    job::Entity::insert(job::ActiveModel::from(row.clone())).exec_without_returning(on).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Problem::new(Code::Conflict, "An import, sync or restore of this table is under way.")
                    .fix("Wait until it is done, or cancel it.")
            }
            _ => db(error),
        },
    )?;
    record(row)
}

/// Claims `row` unless somebody else was faster.
async fn take(on: &impl sea_orm::ConnectionTrait, row: job::Model, lease: TimeDelta) -> Result<Option<Work>> {
    let (at, fence) = (now(), row.fence + 1);
    let started_at = row.started_at.unwrap_or(at.timestamp_micros());
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(job::Column::Fence, Expr::value(fence))
        .col_expr(job::Column::LeaseUntil, Expr::value((at + lease).timestamp_micros()))
        .col_expr(job::Column::StartedAt, Expr::value(started_at))
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
    let restored_version = row.restored_version;
    let mut job = record(row)?;
    job.state = JobState::Running;
    job.started_at = Some(time(started_at));
    Ok(Some(Work { lease: Lease { job: job.id, fence }, job, restored_version, columns }))
}

/// Ends a job without a version; the table of a first import is removed, and its name is free again.
async fn finish(
    on: &DatabaseTransaction,
    row: &job::Model,
    state: JobState,
    problem: &Problem,
) -> Result<()> {
    let ended = job::ActiveModel {
        id: Set(row.id),
        state: Set(state.as_str().to_owned()),
        problem: Set(Some(to_json(&StoredProblem::from(problem)))),
        finished_at: Set(Some(now().timestamp_micros())),
        lease_until: Set(None),
        ..Default::default()
    };
    ended.update_without_returning(on).await.map_err(db)?;
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

/// Ends the jobs that wait, and asks those that run to stop.
pub(crate) async fn cancel_pending(
    on: &DatabaseTransaction,
    which: impl sea_orm::sea_query::IntoCondition,
) -> Result<()> {
    let rows = job::Entity::find().filter(which).filter(pending()).all(on).await.map_err(db)?;
    for row in rows {
        if row.state == JobState::Queued.as_str() {
            finish(on, &row, JobState::Cancelled, &cancelled()).await?;
        } else {
            let asked = job::ActiveModel { id: Set(row.id), cancelled: Set(true), ..Default::default() };
            asked.update_without_returning(on).await.map_err(db)?;
        }
    }
    Ok(())
}

/// `name`, or `name_2`, `name_3` … if that is taken.
fn free_name(name: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    (2..)
        .map(|number| {
            let suffix = format!("_{number}");
            let kept: String = name.chars().take(TableName::LONGEST - suffix.len()).collect();
            kept + &suffix
        })
        .find(|candidate| !taken.contains(candidate))
        .expect("there are more numbers than tables")
}

fn record(row: job::Model) -> Result<Job> {
    let source: Source = source(row.connection_id, row.source_schema, row.source_table, row.source_columns)?;
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
        version: row.version,
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken: HashSet<String> = ["a", "a_2", &"x".repeat(128)].map(String::from).into();
        assert_eq!(free_name("b", &taken), "b");
        assert_eq!(free_name("a", &taken), "a_3");
        assert_eq!(free_name(&"x".repeat(128), &taken), format!("{}_2", "x".repeat(126)));
    }
}
