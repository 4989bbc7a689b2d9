//! What comparisons with the source came to, and which imports are to be followed by one.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, boolean, text_null},
    sea_orm::DbErr,
};

pub(crate) struct Receipts;

impl MigrationName for Receipts {
    fn name(&self) -> &str {
        "m0027_receipts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Receipts {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("jobs", boolean("verify").default(false).take()),
            ("jobs", text_null("receipt")),
            ("versions", text_null("receipt")),
            ("versions", big_integer_null("verified_at")),
        ] {
            // An earlier attempt may have come so far.
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}
