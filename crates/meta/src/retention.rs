//! Which versions are kept: checkpoints, and the deletion of one version.

use crate::{
    Meta, db,
    entity::{job, table, version},
    grants::{Grant, Write, confirm},
    jobs::{give, next_fence},
    tables::pending,
};
use mycorr_domain::{Code, JobId, Problem, ResourceName, Result, StoreVersion, TableId, WriteRight};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect,
};

impl Meta {
    /// Gives a version a name, under which it is kept, or takes it away.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn set_checkpoint(
        &self,
        grant: &Grant<Write, TableId>,
        number: i64,
        name: Option<&ResourceName>,
    ) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = found(&transaction, grant.on(), number).await?;
        if let Some(name) = name {
            let taken = version::Entity::find()
                .filter(version::Column::TableId.eq(row.table_id))
                .filter(version::Column::Checkpoint.eq(name.as_str()))
                .filter(version::Column::Version.ne(number));
            if let Some(taken) = taken.one(&transaction).await.map_err(db)? {
                let detail = format!("Version {} of this table has this name.", taken.version);
                return Err(Problem::new(Code::Conflict, detail).field("name", "Taken by another version."));
            }
        }
        let named = version::ActiveModel {
            table_id: Set(row.table_id),
            version: Set(number),
            checkpoint: Set(name.map(|name| name.as_str().to_owned())),
            ..Default::default()
        };
        named.update_without_returning(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Deletes a version that is neither the newest nor a checkpoint. Returns the right to remove its files, and the
    /// versions whose files stay.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn delete_version(
        &self,
        grant: &Grant<Write, TableId>,
        number: i64,
    ) -> Result<(WriteRight, Vec<StoreVersion>)> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = found(&transaction, grant.on(), number).await?;
        let conflict = |detail: &str, fix: &str| Err(Problem::new(Code::Conflict, detail).fix(fix));
        if let Some(name) = row.checkpoint {
            let detail = format!("This version is the checkpoint {name:?} and is kept.");
            return conflict(&detail, "Remove the checkpoint first.");
        }
        let head = table::Entity::find_by_id(row.table_id).one(&transaction).await.map_err(db)?;
        if head.and_then(|table| table.head) == Some(number) {
            return conflict(
                "This is the table's newest version.",
                "Restore another version first, or delete the table.",
            );
        }
        // A restore may need the version, and what a sync has committed may not stand here yet.
        let busy = job::Entity::find().filter(job::Column::TableId.eq(row.table_id)).filter(pending());
        if busy.one(&transaction).await.map_err(db)?.is_some() {
            return conflict("A job is writing this table.", "Try again when it has ended.");
        }
        version::Entity::delete_by_id((row.table_id, row.version)).exec(&transaction).await.map_err(db)?;
        let kept: Vec<i64> = version::Entity::find()
            .select_only()
            .column(version::Column::StoreVersion)
            .filter(version::Column::TableId.eq(row.table_id))
            .into_tuple()
            .all(&transaction)
            .await
            .map_err(db)?;
        let right = give(grant.on(), JobId::new(), next_fence(&transaction).await?);
        transaction.commit().await.map_err(db)?;
        Ok((right, kept.into_iter().map(StoreVersion).collect()))
    }
}

async fn found(on: &DatabaseTransaction, table: TableId, number: i64) -> Result<version::Model> {
    let row = version::Entity::find_by_id((*table.as_uuid(), number)).one(on).await.map_err(db)?;
    row.ok_or_else(|| Problem::not_found("version"))
}
