//! The right to do a job, kept by reports and ended by their absence.

use super::{
    cancelled,
    end::{JobEnd, end_job},
    finish, job_row,
    queue::{follow_by_verify, selection},
};
use crate::{
    Meta, count, db,
    entity::{fence, job, table, version},
    events::{About, note},
    now,
    record::{Action, Job, JobKind, JobState, WaitingFor},
    to_json,
};
use chrono::TimeDelta;
use mycorr_domain::{
    Code, Column, Committed, JobId, Problem, Result, SourceChecksums, SourceRecord, StoreVersion, UserId,
    WriteRight,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

/// The right to do a job, until it ends or somebody else takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub job: JobId,
    /// Grows with every claim: who holds an old one has lost the job.
    pub fence: i64,
}

/// A job to be done now.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    pub lease: Lease,
    pub right: WriteRight,
    /// This one included; those that ended gracefully are not counted.
    pub attempts: i64,
    /// Whether it was begun before, however that ended.
    pub again: bool,
    pub job: Job,
    /// Which version a restore brings back.
    pub restored_version: Option<i64>,
    /// What an earlier run read the source into.
    pub columns: Option<Vec<Column>>,
    /// What it read, with them.
    pub source: Option<SourceRecord>,
    /// What an earlier run staged, once a person has decided that it becomes the next version.
    pub accepted: Option<StoreVersion>,
    /// Whether a comparison follows.
    pub verify: bool,
    /// Of a comparison: what the source made of the rows under the snapshot of their import.
    pub checksums: Option<SourceChecksums>,
}

/// What a worker learns when it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStatus {
    /// Go on.
    Held,
    /// Somebody asked for the job to stop.
    Cancelled,
    /// The job is somebody else's, or gone: stop, and record nothing.
    Lost,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    pub rows: u64,
    pub bytes: u64,
    pub waiting_for: Option<WaitingFor>,
}

/// What a job made.
pub struct NewVersion<'a> {
    pub columns: &'a [Column],
    pub source: Option<&'a SourceRecord>,
    pub committed: Committed,
    /// What is to be said although the job went well.
    pub warning: Option<&'a Problem>,
    /// What the source made of the rows, for the comparison that follows.
    pub checksums: Option<&'a SourceChecksums>,
}

impl Meta {
    /// Keeps the lease, and tells how far the job is.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn report(&self, lease: Lease, told: JobProgress, keep: TimeDelta) -> Result<LeaseStatus> {
        let held = job::Entity::update_many()
            .col_expr(job::Column::LeaseUntil, Expr::value((now() + keep).timestamp_micros()))
            .col_expr(job::Column::Rows, Expr::value(count(told.rows)))
            .col_expr(job::Column::Bytes, Expr::value(count(told.bytes)))
            .col_expr(job::Column::WaitingFor, Expr::value(told.waiting_for.map(WaitingFor::as_str)))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        if held.rows_affected == 0 {
            return Ok(LeaseStatus::Lost);
        }
        let row = job_row(&self.db, lease.job).await?;
        Ok(match row {
            Some(row) if row.cancelled => LeaseStatus::Cancelled,
            Some(_) => LeaseStatus::Held,
            None => LeaseStatus::Lost,
        })
    }

    /// What the job is about to read. False if the lease is lost.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
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

    /// Notes through how many connections a job reads, and why not through as many as it may.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn note_connections(&self, lease: Lease, connections: usize, note: Option<&str>) -> Result<()> {
        job::Entity::update_many()
            .col_expr(job::Column::Connections, Expr::value(count(connections as u64)))
            .col_expr(job::Column::ConnectionsNote, Expr::value(note.map(str::to_owned)))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// Records the version that a job made, and ends it. `None` if the lease is lost or the table gone.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
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
            checkpoint: None,
            receipt: None,
            verified_at: None,
            size_bytes: Some(count(new.committed.size_bytes)),
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
                head.source_selection = Set(selection(&source.selection()));
            }
        }
        head.update_without_returning(&transaction).await.map_err(db)?;
        let end = JobEnd {
            state: JobState::Succeeded,
            version: Some(number),
            rows: Some(new.committed.rows),
            problem: new.warning,
        };
        end_job(&transaction, &row, end).await?;
        let action = match JobKind::parse(&row.kind)? {
            _ if row.accepted_by.is_some() => Action::SyncAccepted,
            JobKind::Import => Action::TableImported,
            JobKind::Sync => Action::TableSynced,
            JobKind::Restore => Action::TableRestored,
            JobKind::Verify => return Err(Problem::bug("a comparison makes no version")),
        };
        let actor = Some(UserId::from_uuid(row.accepted_by.unwrap_or(row.requested_by)));
        let about = About::Model(table.model_id, &table.name);
        let detail = format!("version {number}, {} rows", new.committed.rows);
        note(&transaction, actor, action, about, detail).await?;
        if row.verify {
            follow_by_verify(&transaction, &row, new.checksums).await?;
        }
        transaction.commit().await.map_err(db)?;
        Ok(Some(number))
    }

    /// Ends a job that made nothing. The table of a first import goes with it. False if the lease is lost.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn fail(&self, lease: Lease, problem: &Problem) -> Result<bool> {
        let transaction = self.write().await?;
        let row = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(row) = row else { return Ok(false) };
        let state = if problem.code == Code::Cancelled { JobState::Cancelled } else { JobState::Failed };
        finish(&transaction, &row, state, problem).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// Gives a job back to the queue, for the next worker: this one is shutting down, which is no failed attempt.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn release(&self, lease: Lease) -> Result<()> {
        job::Entity::update_many()
            .col_expr(job::Column::State, Expr::value(JobState::Queued.as_str()))
            .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
            .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).sub(1))
            .filter(held_by(lease))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }
}

/// A fence that is higher than all before. A moment in microseconds, so that metadata that was restored from a copy
/// does not give fences again that the tables have seen since.
pub(crate) async fn next_fence(on: &DatabaseTransaction) -> Result<i64> {
    let now = now().timestamp_micros();
    on.execute_unprepared(&format!(
        "INSERT INTO fences (id, value) VALUES (1, {now}) ON CONFLICT (id) DO UPDATE SET value = \
         CASE WHEN fences.value < {now} THEN {now} ELSE fences.value + 1 END"
    ))
    .await
    .map_err(db)?;
    let row = fence::Entity::find_by_id(1).one(on).await.map_err(db)?;
    row.map(|row| row.value).ok_or_else(|| Problem::bug("the fence just written is not there"))
}

pub(super) fn held_by(lease: Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(*lease.job.as_uuid()))
        .add(job::Column::Fence.eq(lease.fence))
        .add(job::Column::State.eq(JobState::Running.as_str()))
}
