//! Names of versions that are kept.

use sea_orm_migration::{prelude::*, schema::text_null};

pub(crate) struct Checkpoints;

impl MigrationName for Checkpoints {
    fn name(&self) -> &str {
        "m0020_checkpoints"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Checkpoints {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if !manager.has_column("versions", "checkpoint").await? {
            let column = text_null("checkpoint");
            manager.alter_table(Table::alter().table("versions").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
