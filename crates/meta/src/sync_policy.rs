//! What a table's syncs may change without asking.

use crate::{
    Meta, db,
    entity::table,
    events::{About, note},
    grants::{Grant, Write, confirm},
    record::Action,
    to_json,
};
use mycorr_domain::{Problem, Result, SyncPolicy, TableId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};

impl Meta {
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn set_sync_policy(&self, grant: &Grant<Write, TableId>, policy: SyncPolicy) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = table::Entity::find_by_id(*grant.on().as_uuid()).one(&transaction).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("table"))?;
        let changed = table::ActiveModel {
            id: Set(row.id),
            sync_policy: Set(Some(to_json(&policy))),
            ..Default::default()
        };
        changed.update_without_returning(&transaction).await.map_err(db)?;
        let about = About::Model(row.model_id, &row.name);
        note(&transaction, Some(grant.user()), Action::SyncPolicyChanged, about, "").await?;
        transaction.commit().await.map_err(db)
    }
}
