//! How a job gets into the queue: within what one person and one connection may have waiting, and one of a table at a time.

use super::record;
use crate::{
    db,
    entity::{job, table},
    from_json, now,
    record::{Job, JobKind, JobState},
    tables::pending,
};
use mycorr_domain::{Code, JobId, Problem, Result, SyncPolicy, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, SqlErr,
    sea_query::{OnConflict, SimpleExpr},
};

/// Jobs that wait or run, of one person and through one connection.
const MAX_PENDING_PER_USER: u64 = 200;
const MAX_PENDING_PER_CONNECTION: u64 = 200;

pub(super) async fn insert_job(
    on: &DatabaseTransaction,
    kind: JobKind,
    user: UserId,
    table: &table::Model,
    restored_version: Option<i64>,
) -> Result<Job> {
    let pending_of = async |which: SimpleExpr| {
        let asked_for = job::Column::ScheduledFor.is_null();
        job::Entity::find().filter(which).filter(pending()).filter(asked_for).count(on).await.map_err(db)
    };
    if kind != JobKind::Restore {
        let through = table.connection_id.map(|id| job::Column::ConnectionId.eq(id));
        if pending_of(job::Column::RequestedBy.eq(*user.as_uuid())).await? >= MAX_PENDING_PER_USER {
            return Err(too_many_pending("You have"));
        }
        if let Some(through) = through
            && pending_of(through).await? >= MAX_PENDING_PER_CONNECTION
        {
            return Err(too_many_pending("This connection has"));
        }
    }
    let row = new_row(kind, user, table, restored_version);
    job::Entity::insert(job::ActiveModel::from(row.clone())).exec_without_returning(on).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => under_way(),
            _ => db(error),
        },
    )?;
    record(row)
}

/// Queues a sync that was due at `due_at`. `None` if it was queued before, or a job of the table is not over.
pub(crate) async fn insert_scheduled(
    on: &DatabaseTransaction,
    user: UserId,
    table: &table::Model,
    due_at: i64,
) -> Result<Option<JobId>> {
    let row = new_row(JobKind::Sync, user, table, None);
    let id = JobId::from_uuid(row.id);
    let row = job::ActiveModel { scheduled_for: Set(Some(due_at)), ..row.into() };
    let known = OnConflict::new().do_nothing().to_owned();
    match job::Entity::insert(row).on_conflict(known).exec_without_returning(on).await {
        Ok(0) | Err(DbErr::RecordNotInserted) => Ok(None),
        Ok(_) => Ok(Some(id)),
        Err(error) => Err(db(error)),
    }
}

fn new_row(kind: JobKind, user: UserId, table: &table::Model, restored_version: Option<i64>) -> job::Model {
    job::Model {
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
        source_selection: table.source_selection.clone(),
        restored_version,
        requested_by: *user.as_uuid(),
        queued_at: now().timestamp_micros(),
        started_at: None,
        finished_at: None,
        estimated_rows: None,
        columns: None,
        source: None,
        rows: 0,
        bytes: 0,
        version: None,
        problem: None,
        cancelled: false,
        lease_until: None,
        fence: 0,
        attempts: 0,
        waiting_for: None,
        connections: None,
        connections_note: None,
        scheduled_for: None,
        verify: kind == JobKind::Sync && is_verified(table),
        receipt: None,
        held: None,
        accepted_by: None,
        source_checksums: None,
        reserved_bytes: None,
        traceparent: mycorr_traces::traceparent(),
    }
}

/// Whether the table's policy has each sync compared with the source.
fn is_verified(table: &table::Model) -> bool {
    let policy = table.sync_policy.as_deref().map(from_json::<SyncPolicy>);
    policy.is_some_and(|policy| policy.is_ok_and(|policy| policy.verify))
}

fn too_many_pending(who: &str) -> Problem {
    Problem::new(
        Code::TooManyRequests,
        format!("{who} {MAX_PENDING_PER_USER} imports and syncs that wait or run, and no more are taken."),
    )
    .fix("Wait until some are done, or cancel some.")
}

pub(super) fn under_way() -> Problem {
    Problem::new(Code::Conflict, "An import, sync or restore of this table is under way.")
        .fix("Wait until it is done, or cancel it.")
}
