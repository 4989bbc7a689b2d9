//! What the end of a job means beside the job itself, in the transaction that records it.

use crate::{entity::job, now, schedules};
use mycorr_domain::{Problem, Result};
use sea_orm::DatabaseTransaction;

/// `problem` is why it failed or was cancelled; `None` for one that went well.
pub(super) async fn note_end(
    on: &DatabaseTransaction,
    job: &job::Model,
    problem: Option<&Problem>,
) -> Result<()> {
    schedules::note_end(on, job, problem, now()).await?;
    Ok(())
}
