//! The ends of jobs that compare a version with its source.

use super::lease::{Lease, held_by};
use crate::{
    Meta, db,
    entity::{job, version},
    now,
    record::{JobState, StoredProblem},
    to_json,
};
use mycorr_domain::{Problem, Receipt, Result};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

impl Meta {
    /// Keeps the receipt with the job and with its version, and ends the job; with a problem, it failed. False if the lease
    /// is lost.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn end_verified(
        &self,
        lease: Lease,
        receipt: &Receipt,
        problem: Option<&Problem>,
    ) -> Result<bool> {
        let transaction = self.write().await?;
        let row = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(row) = row else { return Ok(false) };
        let (at, json) = (now().timestamp_micros(), to_json(receipt));
        version::Entity::update_many()
            .col_expr(version::Column::Receipt, Expr::value(json.clone()))
            .col_expr(version::Column::VerifiedAt, Expr::value(at))
            .filter(version::Column::TableId.eq(row.table_id))
            .filter(version::Column::Version.eq(receipt.version))
            .exec(&transaction)
            .await
            .map_err(db)?;
        let state = if problem.is_some() { JobState::Failed } else { JobState::Succeeded };
        let done = job::ActiveModel {
            id: Set(row.id),
            state: Set(state.as_str().to_owned()),
            problem: Set(problem.map(|problem| to_json(&StoredProblem::from(problem)))),
            receipt: Set(Some(json)),
            finished_at: Set(Some(at)),
            lease_until: Set(None),
            waiting_for: Set(None),
            ..Default::default()
        };
        done.update_without_returning(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }
}
