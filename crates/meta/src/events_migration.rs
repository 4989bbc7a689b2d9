//! Who did what: appended, never changed. And to whom a connection is offered.

use crate::migration::{index, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, uuid, uuid_null},
};

pub(crate) struct Events;

impl MigrationName for Events {
    fn name(&self) -> &str {
        "m0012_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Events {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without foreign keys: what was done to a thing outlives it.
        let events = vec![
            uuid("id").primary_key().take(),
            big_integer("at"),
            uuid_null("actor_id"),
            text("action"),
            uuid_null("model_id"),
            text("object"),
            text("detail"),
            boolean("audited"),
        ];
        manager.create_table(table("events", events)).await?;
        if !manager.has_column("connections", "transfer_to").await? {
            let column = uuid_null("transfer_to");
            manager.alter_table(Table::alter().table("connections").add_column(column).to_owned()).await?;
        }
        manager.create_index(index("events_model_id", "events", &["model_id", "id"])).await?;
        manager.create_index(index("events_audited", "events", &["audited", "id"])).await
    }
}
