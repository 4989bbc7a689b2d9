//! What nodes have to know of one another's jobs to keep a person's quota together.

use sea_orm_migration::{prelude::*, schema::big_integer_null, sea_orm::DbErr};

pub(crate) struct NodeLimits;

impl MigrationName for NodeLimits {
    fn name(&self) -> &str {
        "m0040_node_limits"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for NodeLimits {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if manager.has_column("jobs", "reserved_bytes").await? {
            return Ok(());
        }
        let mut reserved = big_integer_null("reserved_bytes");
        manager.alter_table(Table::alter().table("jobs").add_column(&mut reserved).to_owned()).await
    }
}
