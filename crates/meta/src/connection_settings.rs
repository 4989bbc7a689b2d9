//! What the owner of a connection says of its use, and what is known of its role and its reads.

use crate::{
    Meta, count, db,
    entity::{connection, job},
    record::{JobState, Limits, SyncBy},
};
use mycorr_domain::{ConnectionId, Problem, Result, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

impl Meta {
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn set_limits(&self, owner: UserId, id: ConnectionId, limits: Limits) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let row = connection::ActiveModel {
            id: Set(row.id),
            limit_bytes_per_second: Set(limits.bytes_per_second.map(count)),
            limit_imports: Set(limits.imports.map(count)),
            limit_minutes: Set(limits.minutes.map(count)),
            ..Default::default()
        };
        row.update_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn set_sync_by(&self, owner: UserId, id: ConnectionId, sync_by: SyncBy) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let row = connection::ActiveModel {
            id: Set(row.id),
            sync_by: Set(Some(sync_by.as_str().to_owned())),
            ..Default::default()
        };
        row.update_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn set_statements_retention(&self, owner: UserId, id: ConnectionId, days: u64) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let row = connection::ActiveModel {
            id: Set(row.id),
            statements_retention_days: Set(count(days)),
            ..Default::default()
        };
        row.update_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn set_max_connections(&self, owner: UserId, id: ConnectionId, most: u64) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let row = connection::ActiveModel {
            id: Set(row.id),
            max_connections: Set(count(most)),
            ..Default::default()
        };
        row.update_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// The largest import or sync that succeeded through a connection, in bytes received.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn largest_read_bytes(&self, id: ConnectionId) -> Result<u64> {
        let largest: Option<i64> = job::Entity::find()
            .select_only()
            .column(job::Column::Bytes)
            .filter(job::Column::ConnectionId.eq(*id.as_uuid()))
            .filter(job::Column::State.eq(JobState::Succeeded.as_str()))
            .order_by_desc(job::Column::Bytes)
            .limit(1)
            .into_tuple()
            .one(&self.db)
            .await
            .map_err(db)?;
        Ok(largest.unwrap_or_default() as u64)
    }

    /// The role's passport as it was stored last, if ever.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn passport(&self, id: ConnectionId) -> Result<Option<String>> {
        let row = connection::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        Ok(row.ok_or_else(|| Problem::not_found("connection"))?.passport)
    }

    /// Replaces the stored passport if it still is the `old` one. Whether it was.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn replace_passport(&self, id: ConnectionId, old: Option<String>, new: String) -> Result<bool> {
        let same = match old {
            Some(old) => connection::Column::Passport.eq(old),
            None => connection::Column::Passport.is_null(),
        };
        let replaced = connection::Entity::update_many()
            .col_expr(connection::Column::Passport, new.into())
            .filter(connection::Column::Id.eq(*id.as_uuid()))
            .filter(same)
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(replaced.rows_affected == 1)
    }
}
