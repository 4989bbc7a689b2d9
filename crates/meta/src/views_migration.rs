//! Ways to look at a table that were given names.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, uuid, uuid_null},
};

pub(crate) struct SavedViews;

impl MigrationName for SavedViews {
    fn name(&self) -> &str {
        "m0033_page_saved_views"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SavedViews {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![
            uuid("id").primary_key().take(),
            uuid("table_id"),
            text("name"),
            text("look"),
            uuid_null("saved_by"),
            big_integer("saved_at"),
        ];
        let mut views = table("saved_views", columns);
        views.foreign_key(&mut key("table_id", "tables", ForeignKeyAction::Cascade));
        views.foreign_key(&mut key("saved_by", "users", ForeignKeyAction::SetNull));
        manager.create_table(views).await?;
        let name = index("saved_views_name", "saved_views", &["table_id", "name"]).unique().take();
        manager.create_index(name).await
    }
}
