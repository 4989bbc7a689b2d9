//! Ways to look at a table that were given names: seen by all who see the table, changed by who may change it.

use crate::{
    Meta, db,
    entity::{saved_view, user},
    from_json,
    grants::{Grant, Read, Write, confirm},
    now, time, to_json,
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, Problem, Result, SavedView, TableId, ViewId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};

/// So many has a table at most.
pub const MAX_VIEWS: u64 = 100;

/// A view as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredView {
    pub id: ViewId,
    pub view: SavedView,
    /// Whose account it was, unless that is gone.
    pub saved_by: Option<String>,
    pub saved_at: DateTime<Utc>,
}

impl Meta {
    /// The views of a table, by their names.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn saved_views(&self, grant: &Grant<Read, TableId>) -> Result<Vec<StoredView>> {
        let rows = saved_view::Entity::find()
            .filter(saved_view::Column::TableId.eq(*grant.on().as_uuid()))
            .find_also_related(user::Entity)
            .order_by_asc(saved_view::Column::Name)
            .all(&self.db)
            .await
            .map_err(db)?;
        rows.into_iter()
            .map(|(row, user)| {
                Ok(StoredView {
                    id: ViewId::from_uuid(row.id),
                    view: SavedView::parse(&row.name, from_json(&row.look)?)?,
                    saved_by: user.map(|user| user.name),
                    saved_at: time(row.saved_at),
                })
            })
            .collect()
    }

    /// Saves a view under its name, in place of the one that has it.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` beyond [`MAX_VIEWS`]; `storage_full`, `storage_unavailable`.
    pub async fn save_view(&self, grant: &Grant<Write, TableId>, view: &SavedView) -> Result<ViewId> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let of_table =
            saved_view::Entity::find().filter(saved_view::Column::TableId.eq(*grant.on().as_uuid()));
        let named = of_table.clone().filter(saved_view::Column::Name.eq(view.name.as_str()));
        let old = named.one(&transaction).await.map_err(db)?;
        let id = old.as_ref().map_or_else(|| *ViewId::new().as_uuid(), |old| old.id);
        let row = saved_view::ActiveModel {
            id: Set(id),
            table_id: Set(*grant.on().as_uuid()),
            name: Set(view.name.as_str().to_owned()),
            look: Set(to_json(&view.look)),
            saved_by: Set(Some(*grant.user().as_uuid())),
            saved_at: Set(now().timestamp_micros()),
        };
        if old.is_some() {
            row.update_without_returning(&transaction).await.map_err(db)?;
        } else if of_table.count(&transaction).await.map_err(db)? >= MAX_VIEWS {
            let detail = format!("This table has {MAX_VIEWS} saved views, which is as many as it can have.");
            return Err(Problem::new(Code::Conflict, detail).fix("Delete one that nobody needs any more."));
        } else {
            saved_view::Entity::insert(row).exec_without_returning(&transaction).await.map_err(db)?;
        }
        transaction.commit().await.map_err(db)?;
        Ok(ViewId::from_uuid(id))
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_view(&self, grant: &Grant<Write, TableId>, id: ViewId) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let deleted = saved_view::Entity::delete_many()
            .filter(saved_view::Column::Id.eq(*id.as_uuid()))
            .filter(saved_view::Column::TableId.eq(*grant.on().as_uuid()))
            .exec(&transaction)
            .await
            .map_err(db)?;
        if deleted.rows_affected == 0 {
            return Err(Problem::not_found("view"));
        }
        transaction.commit().await.map_err(db)
    }
}
