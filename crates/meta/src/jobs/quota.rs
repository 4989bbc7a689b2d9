//! How many bytes a person may store, kept by all processes together.

use super::{
    holds,
    lease::{Lease, held_by},
};
use crate::{
    Meta, count, db,
    entity::{job, model, table, version},
    record::JobState,
};
use mycorr_domain::{ModelId, Problem, Result, UserId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

/// Of a version: its files are not those of another one, which counts them.
pub(crate) const COUNTS_ITSELF: &str = "NOT EXISTS (SELECT 1 FROM versions AS original \
    WHERE original.table_id = versions.table_id AND original.version = versions.restored_version)";

impl Meta {
    /// Bytes of all versions of the tables in a person's Models, and of what is held. What a restore shares with the version
    /// that it brought back counts once: with that version, and with the restore when that version is deleted.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn stored_bytes(&self, owner: UserId) -> Result<u64> {
        stored_bytes(&self.db, *owner.as_uuid()).await
    }

    /// Reserves room for what a job is about to commit, so that what is stored for the owner of its Model, and reserved by
    /// jobs that run, is `most` bytes at most. False if there is not so much. What is reserved is free again, or stored,
    /// when the job no longer runs.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn reserve_bytes(&self, lease: Lease, bytes: u64, most: u64) -> Result<bool> {
        let transaction = self.write().await?;
        // Who lost the lease commits nothing.
        let found = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(row) = found else { return Ok(true) };
        let model = model::Entity::find_by_id(row.model_id).one(&transaction).await.map_err(db)?;
        let owner = model.ok_or_else(|| Problem::not_found("Model"))?.owner_id;
        let reserved: Option<Option<i64>> = of_owner(job::Entity::find(), owner)
            .select_only()
            .expr_as(Expr::cust("CAST(SUM(jobs.reserved_bytes) AS bigint)"), "bytes")
            .filter(job::Column::State.eq(JobState::Running.as_str()))
            .filter(job::Column::Id.ne(row.id))
            .into_tuple()
            .one(&transaction)
            .await
            .map_err(db)?;
        let reserved = reserved.flatten().unwrap_or_default().max(0) as u64;
        let taken = stored_bytes(&transaction, owner).await?.saturating_add(reserved);
        if taken.saturating_add(bytes) > most {
            return Ok(false);
        }
        job::Entity::update_many()
            .col_expr(job::Column::ReservedBytes, Expr::value(count(bytes)))
            .filter(held_by(lease))
            .exec(&transaction)
            .await
            .map_err(db)?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// Whose storage a Model's tables take.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn model_owner(&self, id: ModelId) -> Result<UserId> {
        let row = model::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        Ok(UserId::from_uuid(row.ok_or_else(|| Problem::not_found("Model"))?.owner_id))
    }
}

fn of_owner(jobs: sea_orm::Select<job::Entity>, owner: Uuid) -> sea_orm::Select<job::Entity> {
    let model = job::Entity::belongs_to(model::Entity).from(job::Column::ModelId).to(model::Column::Id);
    jobs.join(JoinType::InnerJoin, model.into()).filter(model::Column::OwnerId.eq(owner))
}

async fn stored_bytes(on: &impl ConnectionTrait, owner: Uuid) -> Result<u64> {
    let sum: Option<Option<i64>> = version::Entity::find()
        .select_only()
        .expr_as(Expr::cust("CAST(SUM(versions.bytes) AS bigint)"), "bytes")
        .join(
            JoinType::InnerJoin,
            version::Entity::belongs_to(table::Entity)
                .from(version::Column::TableId)
                .to(table::Column::Id)
                .into(),
        )
        .join(
            JoinType::InnerJoin,
            table::Entity::belongs_to(model::Entity)
                .from(table::Column::ModelId)
                .to(model::Column::Id)
                .into(),
        )
        .filter(model::Column::OwnerId.eq(owner))
        .filter(Expr::cust(COUNTS_ITSELF))
        .into_tuple()
        .one(on)
        .await
        .map_err(db)?;
    let held: Vec<Option<String>> = of_owner(job::Entity::find(), owner)
        .select_only()
        .column(job::Column::Held)
        .filter(job::Column::State.eq(JobState::Held.as_str()))
        .into_tuple()
        .all(on)
        .await
        .map_err(db)?;
    Ok(sum.flatten().unwrap_or_default().max(0) as u64 + holds::bytes(&held)?)
}
