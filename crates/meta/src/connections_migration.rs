//! How many connections one import may open, and how many it did.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null},
    sea_orm::DbErr,
};

pub(crate) struct SeveralConnections;

impl MigrationName for SeveralConnections {
    fn name(&self) -> &str {
        "m0012_several_connections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SeveralConnections {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("connections", big_integer("max_connections").default(1).take()),
            ("jobs", big_integer_null("connections")),
            ("jobs", text_null("connections_note")),
        ] {
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}
