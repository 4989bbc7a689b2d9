//! Notices, and the outbox by which they leave.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, integer, integer_null, text, text_null, uuid, uuid_null,
    },
};

pub(crate) struct Outbox;

impl MigrationName for Outbox {
    fn name(&self) -> &str {
        "m0024_outbox"
    }
}

fn blob(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn blob_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().null().take()
}

#[async_trait::async_trait]
impl MigrationTrait for Outbox {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use ForeignKeyAction::Cascade;
        let id = || uuid("id").primary_key().take();
        for table in [
            // Without foreign keys but to people: what was told outlives its subject.
            table(
                "notices",
                vec![
                    id(),
                    big_integer("at"),
                    text("kind"),
                    uuid_null("model_id"),
                    text("model_name"),
                    uuid_null("table_id"),
                    text("table_name"),
                    uuid_null("job_id"),
                    text_null("code"),
                    text_null("actor"),
                ],
            ),
            table("notice_readers", vec![uuid("notice_id"), uuid("user_id"), big_integer_null("read_at")])
                .primary_key(Index::create().col("notice_id").col("user_id"))
                .foreign_key(&mut key("notice_id", "notices", Cascade))
                .foreign_key(&mut key("user_id", "users", Cascade))
                .take(),
            table(
                "sync_health",
                vec![uuid("table_id").primary_key().take(), boolean("failure_told"), boolean("stale_told")],
            )
            .foreign_key(&mut key("table_id", "tables", Cascade))
            .take(),
            table(
                "webhooks",
                vec![
                    uuid("model_id").primary_key().take(),
                    text("url"),
                    text_null("kinds"),
                    blob("data_key"),
                    blob("secret"),
                    big_integer("created_at"),
                ],
            )
            .foreign_key(&mut key("model_id", "models", Cascade))
            .take(),
            table(
                "deliveries",
                vec![
                    id(),
                    uuid_null("notice_id"),
                    text("channel"),
                    text("kind"),
                    uuid_null("model_id"),
                    text_null("address"),
                    text("body"),
                    blob_null("data_key"),
                    blob_null("sealed"),
                    text("state"),
                    integer("attempts"),
                    big_integer_null("next_at"),
                    integer_null("status"),
                    text_null("error"),
                    big_integer("created_at"),
                    big_integer_null("finished_at"),
                ],
            )
            .foreign_key(&mut key("model_id", "models", Cascade))
            .take(),
            table("outbox_settings", vec![integer("id").primary_key().take(), big_integer("mail_until")]),
        ] {
            manager.create_table(table).await?;
        }
        for index in [
            index("notices_at", "notices", &["at"]),
            index("notice_readers_user_id", "notice_readers", &["user_id", "notice_id"]),
            index("deliveries_next_at", "deliveries", &["next_at"]),
            index("deliveries_model_id", "deliveries", &["model_id", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
