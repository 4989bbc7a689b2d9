//! Which step a binary has to know to use the database (`schema::FLOOR`).

use crate::migration::table;
use sea_orm_migration::{
    prelude::*,
    schema::{integer, text},
};

pub(crate) struct SchemaFloor;

impl MigrationName for SchemaFloor {
    fn name(&self) -> &str {
        "m0049_schema_floor"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SchemaFloor {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![integer("id").primary_key().take(), text("step")];
        manager.create_table(table("schema_floor", columns)).await
    }
}
