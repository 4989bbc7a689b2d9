//! The ends of jobs that compare a version with its source.

use super::{
    end::{JobEnd, end_job},
    lease::{Lease, held_by},
};
use crate::{
    Meta, db,
    entity::{job, version},
    now,
    record::JobState,
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
        let json = to_json(receipt);
        version::Entity::update_many()
            .col_expr(version::Column::Receipt, Expr::value(json.clone()))
            .col_expr(version::Column::VerifiedAt, Expr::value(now().timestamp_micros()))
            .filter(version::Column::TableId.eq(row.table_id))
            .filter(version::Column::Version.eq(receipt.version))
            .exec(&transaction)
            .await
            .map_err(db)?;
        let compared = job::ActiveModel {
            id: Set(row.id),
            receipt: Set(Some(json)),
            source_checksums: Set(None),
            ..Default::default()
        };
        compared.update_without_returning(&transaction).await.map_err(db)?;
        let state = if problem.is_some() { JobState::Failed } else { JobState::Succeeded };
        end_job(&transaction, &row, JobEnd { state, version: None, rows: None, problem }).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }
}
