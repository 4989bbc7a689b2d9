//! The end of a job: the one place that every job passes when nothing happens to it by itself any more.

use super::{ended::note_end, holds::replace_held};
use crate::{
    count, db,
    entity::job,
    now,
    record::{JobKind, JobState, StoredProblem},
    to_json,
};
use mycorr_domain::{Problem, Result};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction};

/// How a job ends, or comes to rest until somebody decides.
pub(super) struct JobEnd<'a> {
    pub(super) state: JobState,
    /// The version that it made.
    pub(super) version: Option<i64>,
    /// Those of what it made.
    pub(super) rows: Option<u64>,
    pub(super) problem: Option<&'a Problem>,
}

/// Ends `row`'s job, in the transaction of all that its end changes.
pub(super) async fn end_job(on: &DatabaseTransaction, row: &job::Model, end: JobEnd<'_>) -> Result<()> {
    let (state, sync) = (end.state, row.kind == JobKind::Sync.as_str());
    if sync && matches!(state, JobState::Succeeded | JobState::Held) {
        replace_held(on, row).await?;
    }
    let mut ended = job::ActiveModel {
        id: Set(row.id),
        state: Set(state.as_str().to_owned()),
        version: Set(end.version),
        problem: Set(end.problem.map(|problem| to_json(&StoredProblem::from(problem)))),
        finished_at: Set(Some(now().timestamp_micros())),
        lease_until: Set(None),
        waiting_for: Set(None),
        ..Default::default()
    };
    if let Some(rows) = end.rows {
        ended.rows = Set(count(rows));
    }
    ended.update_without_returning(on).await.map_err(db)?;
    let failed = matches!(state, JobState::Failed | JobState::Cancelled);
    note_end(on, row, end.problem.filter(|_| failed)).await
}
