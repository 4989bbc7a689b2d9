//! What all files of a version take, beside what it added: versions share files.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

pub(crate) struct Sizes;

impl MigrationName for Sizes {
    fn name(&self) -> &str {
        "m0045_sizes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sizes {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if !manager.has_column("versions", "size_bytes").await? {
            let column = big_integer_null("size_bytes");
            manager.alter_table(Table::alter().table("versions").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
