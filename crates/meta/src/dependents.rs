//! The tables that come through a connection.

use crate::{
    Listed, Meta, after, db,
    entity::{model, table},
    grants::is_visible,
    record::Dependent,
    time,
};
use mycorr_domain::{ConnectionId, ModelId, Result, TableId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use uuid::Uuid;

impl Meta {
    /// The tables that come through a connection and that its owner may see, newest first.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn dependents(
        &self,
        owner: UserId,
        id: ConnectionId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Dependent>> {
        self.owned(owner, id).await?;
        let mut query = table::Entity::find()
            .find_also_related(model::Entity)
            .filter(table::Column::ConnectionId.eq(*id.as_uuid()))
            .filter(table::Column::Head.is_not_null())
            .filter(is_visible(owner));
        if let Some(id) = after::<TableId>(from)? {
            query = query.filter(table::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(table::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let dependents = rows
            .into_iter()
            .filter_map(|(table, model)| {
                Some(Dependent {
                    table: TableId::from_uuid(table.id),
                    name: table.name,
                    model: ModelId::from_uuid(table.model_id),
                    model_name: model?.name,
                    schema: table.source_schema,
                    source_table: table.source_table,
                    synced_at: table.synced_at.map(time),
                })
            })
            .collect();
        Ok(Listed::new(dependents, limit, |dependent: &Dependent| dependent.table.to_string()))
    }

    pub(crate) async fn use_counts(&self, connections: Vec<Uuid>) -> Result<HashMap<Uuid, i64>> {
        let counts: Vec<(Uuid, i64)> = table::Entity::find()
            .select_only()
            .column(table::Column::ConnectionId)
            .column_as(table::Column::Id.count(), "tables")
            .filter(table::Column::ConnectionId.is_in(connections))
            .filter(table::Column::Head.is_not_null())
            .group_by(table::Column::ConnectionId)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(counts.into_iter().collect())
    }
}
