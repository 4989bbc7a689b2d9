//! What the end of a job means beside the job itself, in the transaction that records it: for the table's schedule, and
//! for who is told.

use crate::{
    db,
    entity::{job, sync_health, table},
    notices::tell_of_table,
    now,
    record::{JobKind, NoticeKind},
    schedules::{self, RunEnd},
};
use mycorr_domain::{Code, Problem, Result};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait, sea_query::OnConflict};

/// `problem` is why it failed or was cancelled; `None` for one that went well.
pub(super) async fn note_end(
    on: &DatabaseTransaction,
    job: &job::Model,
    problem: Option<&Problem>,
) -> Result<()> {
    if job.kind != JobKind::Sync.as_str() || problem.is_some_and(|problem| problem.code == Code::Cancelled) {
        return Ok(());
    }
    let table = table::Entity::find_by_id(job.table_id).one(on).await.map_err(db)?;
    let Some(table) = table else { return Ok(()) };
    let run = schedules::note_end(on, job, problem, table.synced_at, now()).await?;
    let health = sync_health::Entity::find_by_id(job.table_id).one(on).await.map_err(db)?;
    match problem {
        None => recovered(on, job, health).await,
        Some(problem) => failed(on, job, health, problem, run).await,
    }
}

async fn recovered(
    on: &DatabaseTransaction,
    job: &job::Model,
    health: Option<sync_health::Model>,
) -> Result<()> {
    let Some(health) = health else { return Ok(()) };
    sync_health::Entity::delete_by_id(health.table_id).exec(on).await.map_err(db)?;
    tell_of_table(on, NoticeKind::SyncRecovered, job, None).await
}

/// Told once until it works again: the first failure that does not pass by itself soon, and that the table has become
/// stale.
async fn failed(
    on: &DatabaseTransaction,
    job: &job::Model,
    health: Option<sync_health::Model>,
    problem: &Problem,
    run: RunEnd,
) -> Result<()> {
    let before = health.unwrap_or(sync_health::Model {
        table_id: job.table_id,
        failure_told: false,
        stale_told: false,
    });
    let (failure, stale) = (!before.failure_told && !run.retrying, !before.stale_told && run.stale);
    if !failure && !stale {
        return Ok(());
    }
    let told = sync_health::ActiveModel {
        table_id: Set(job.table_id),
        failure_told: Set(before.failure_told || failure),
        stale_told: Set(before.stale_told || stale),
    };
    let known = OnConflict::column(sync_health::Column::TableId)
        .update_columns([sync_health::Column::FailureTold, sync_health::Column::StaleTold])
        .to_owned();
    sync_health::Entity::insert(told).on_conflict(known).exec_without_returning(on).await.map_err(db)?;
    if failure {
        tell_of_table(on, NoticeKind::SyncFailed, job, Some(problem.code)).await?;
    }
    if stale {
        tell_of_table(on, NoticeKind::TableStale, job, Some(problem.code)).await?;
    }
    Ok(())
}
