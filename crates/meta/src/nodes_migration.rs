//! Processes that share the metadata, and what they have to agree on.

use crate::migration::table;
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, text, uuid},
    sea_orm::DbBackend,
};

pub(crate) struct Nodes;

impl MigrationName for Nodes {
    fn name(&self) -> &str {
        "m0028_nodes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Nodes {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let nodes = vec![
            uuid("id").primary_key().take(),
            text("role"),
            text("host"),
            text("version"),
            big_integer("workers"),
            big_integer("started_at"),
            big_integer("seen_at"),
        ];
        manager.create_table(table("nodes", nodes)).await?;
        let keys = vec![integer("id").primary_key().take(), text("key_id")];
        manager.create_table(table("master_keys", keys)).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // As SQLite compares: lists go on after a name, in one order on every server.
            let bytewise = "ALTER TABLE tables ALTER COLUMN name TYPE text COLLATE \"C\"";
            manager.get_connection().execute_unprepared(bytewise).await?;
        }
        Ok(())
    }
}
