//! Tables that were shown to a person alone, without their Models.

use crate::{
    Listed, Meta, after, db,
    entity::{model, table},
    grants::{access_of, is_visible},
    record::Table,
};
use mycorr_domain::{Result, TableId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::ExprTrait};

impl Meta {
    /// The tables that `user` may see although they may not see the Model, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn shown_tables(
        &self,
        user: UserId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Table>> {
        let mut query = table::Entity::find()
            .inner_join(model::Entity)
            .filter(table::Column::Head.is_not_null())
            .filter(access_of(user, true).gt(0))
            .filter(is_visible(user).not());
        if let Some(id) = after::<TableId>(from)? {
            query = query.filter(table::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(table::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let mut tables = self.tables_from(rows).await?;
        self.hide_connections(user, tables.iter_mut().map(|table| &mut table.source)).await?;
        Ok(Listed::new(tables, limit, |table: &Table| table.id.to_string()))
    }
}
