//! Where nodes send one another parts of queries.

use sea_orm_migration::{prelude::*, schema::text_null, sea_orm::DbErr};

pub(crate) struct NodeAddresses;

impl MigrationName for NodeAddresses {
    fn name(&self) -> &str {
        "m0061_node_addresses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for NodeAddresses {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if manager.has_column("nodes", "query_address").await? {
            return Ok(());
        }
        let mut address = text_null("query_address");
        manager.alter_table(Table::alter().table("nodes").add_column(&mut address).to_owned()).await
    }
}
