//! The sealed keys under which Models hash values.

use crate::{Meta, db, entity::mask_key};
use mycorr_domain::{ModelId, Result};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict};

/// A key as it is stored: the wrapped data key, and what is sealed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedMaskKey {
    pub data_key: Vec<u8>,
    pub sealed: Vec<u8>,
}

impl Meta {
    /// # Errors
    /// `storage_unavailable`.
    pub async fn mask_key(&self, model: ModelId) -> Result<Option<SealedMaskKey>> {
        let row = mask_key::Entity::find_by_id(*model.as_uuid()).one(&self.db).await.map_err(db)?;
        Ok(row.map(|row| SealedMaskKey { data_key: row.data_key, sealed: row.sealed }))
    }

    /// Keeps a key unless the Model has one: a key never changes.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn add_mask_key(&self, model: ModelId, key: SealedMaskKey) -> Result<()> {
        let row = mask_key::Model { model_id: *model.as_uuid(), data_key: key.data_key, sealed: key.sealed };
        mask_key::Entity::insert(mask_key::ActiveModel::from(row))
            .on_conflict(OnConflict::column(mask_key::Column::ModelId).do_nothing().to_owned())
            .exec_without_returning(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// The wrapped data keys after `after`, at most `limit`.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn mask_data_keys(
        &self,
        after: Option<ModelId>,
        limit: u64,
    ) -> Result<Vec<(ModelId, Vec<u8>)>> {
        let mut query = mask_key::Entity::find();
        if let Some(id) = after {
            query = query.filter(mask_key::Column::ModelId.gt(*id.as_uuid()));
        }
        let rows =
            query.order_by_asc(mask_key::Column::ModelId).limit(limit).all(&self.db).await.map_err(db)?;
        Ok(rows.into_iter().map(|row| (ModelId::from_uuid(row.model_id), row.data_key)).collect())
    }

    /// Replaces a wrapped data key if it still is the `old` one. Whether it was.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn replace_mask_data_key(&self, model: ModelId, old: Vec<u8>, new: Vec<u8>) -> Result<bool> {
        let replaced = mask_key::Entity::update_many()
            .col_expr(mask_key::Column::DataKey, new.into())
            .filter(mask_key::Column::ModelId.eq(*model.as_uuid()))
            .filter(mask_key::Column::DataKey.eq(old))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(replaced.rows_affected == 1)
    }
}
