//! When tables are synced without anybody asking.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, text, text_null, uuid},
};

pub(crate) struct Schedules;

impl MigrationName for Schedules {
    fn name(&self) -> &str {
        "m0023_schedules"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Schedules {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schedules = table(
            "schedules",
            vec![
                uuid("table_id").primary_key().take(),
                text("cron"),
                text("time_zone"),
                integer("jitter_seconds"),
                uuid("set_by"),
                big_integer_null("next_at"),
                big_integer("computed_at"),
                big_integer_null("paused_at"),
                text_null("pause_problem"),
                integer("failures"),
                integer("retries"),
            ],
        )
        .foreign_key(&mut key("table_id", "tables", ForeignKeyAction::Cascade))
        .take();
        manager.create_table(schedules).await?;
        manager.create_index(index("schedules_next_at", "schedules", &["next_at"])).await?;
        manager.create_index(index("schedules_computed_at", "schedules", &["computed_at"])).await?;
        if !manager.has_column("jobs", "scheduled_for").await? {
            let column = big_integer_null("scheduled_for");
            manager.alter_table(Table::alter().table("jobs").add_column(column).to_owned()).await?;
        }
        // What was due at one moment is done once, whoever begins it and however clocks jump.
        let once = index("jobs_scheduled_for", "jobs", &["table_id", "scheduled_for"]).unique().take();
        manager.create_index(once).await
    }
}
