//! What a source made of rows under the snapshot of their import, kept for the comparison that follows.

use sea_orm_migration::{prelude::*, schema::text_null};

pub(crate) struct SourceChecksums;

impl MigrationName for SourceChecksums {
    fn name(&self) -> &str {
        "m0060_source_checksums"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SourceChecksums {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if !manager.has_column("jobs", "source_checksums").await? {
            let column = text_null("source_checksums");
            manager.alter_table(Table::alter().table("jobs").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
