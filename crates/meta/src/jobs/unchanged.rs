//! Syncs that found nothing new.

use super::{
    end::{JobEnd, end_job},
    finish,
    lease::held_by,
    queue::follow_by_verify,
};
use crate::{
    Meta, db,
    entity::{job, table},
    events::{About, note},
    jobs::lease::Lease,
    now,
    record::{Action, JobState},
};
use mycorr_domain::{Code, Problem, Result, SourceChecksums, UserId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, QueryFilter};

impl Meta {
    /// Ends a sync that found the rows of the newest version: no version is made, and the table was read now. `checksums`
    /// are what the source made of them, for the comparison that follows. False if the lease is lost or the table gone.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn succeed_unchanged(
        &self,
        lease: Lease,
        warning: Option<&Problem>,
        checksums: Option<&SourceChecksums>,
    ) -> Result<bool> {
        let transaction = self.write().await?;
        let row = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(row) = row else { return Ok(false) };
        let table = table::Entity::find_by_id(row.table_id).one(&transaction).await.map_err(db)?;
        let at = now().timestamp_micros();
        let Some(table) = table else {
            let gone = Problem::new(Code::Cancelled, "The table was deleted meanwhile.");
            finish(&transaction, &row, JobState::Cancelled, &gone).await?;
            transaction.commit().await.map_err(db)?;
            return Ok(false);
        };
        let read =
            table::ActiveModel { id: Set(row.table_id), synced_at: Set(Some(at)), ..Default::default() };
        read.update_without_returning(&transaction).await.map_err(db)?;
        let end = JobEnd { state: JobState::Succeeded, version: None, rows: None, problem: warning };
        end_job(&transaction, &row, end).await?;
        if row.verify {
            follow_by_verify(&transaction, &row, checksums).await?;
        }
        let actor = Some(UserId::from_uuid(row.requested_by));
        let about = About::Model(table.model_id, &table.name);
        note(&transaction, actor, Action::TableSynced, about, "nothing new").await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }
}
