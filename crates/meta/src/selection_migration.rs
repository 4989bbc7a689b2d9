//! Which rows of a source are wanted, which columns are masked, and the keys for that.

use crate::migration::{key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{blob, text_null, uuid},
    sea_orm::DbErr,
};

pub(crate) struct Selections;

impl MigrationName for Selections {
    fn name(&self) -> &str {
        "m0026_selections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Selections {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tables", "jobs"] {
            // An earlier attempt may have come so far.
            if !manager.has_column(table, "source_selection").await? {
                let column = text_null("source_selection");
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        let keys = vec![uuid("model_id").primary_key().take(), blob("data_key"), blob("sealed")];
        let mut keys = table("mask_keys", keys);
        manager
            .create_table(keys.foreign_key(&mut key("model_id", "models", ForeignKeyAction::Cascade)).take())
            .await
    }
}
