//! The schema of the first release.

use crate::migration::{bytes_null, index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, boolean_null, integer, text, text_null, uuid, uuid_null,
    },
};

pub(crate) struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn id() -> ColumnDef {
    uuid("id").primary_key().take()
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn tables() -> Vec<TableCreateStatement> {
    use ForeignKeyAction::{Cascade, SetNull};
    vec![
        table("founder", vec![integer("id").primary_key().take(), big_integer("at")]),
        table(
            "users",
            vec![
                id(),
                text("email").unique_key().take(),
                text("name"),
                text("password_hash"),
                boolean("admin"),
                big_integer("created_at"),
            ],
        ),
        table(
            "sessions",
            vec![
                id(),
                bytes("hash").unique_key().take(),
                uuid("user_id"),
                big_integer("created_at"),
                big_integer("expires_at"),
            ],
        )
        .foreign_key(&mut key("user_id", "users", Cascade))
        .take(),
        table(
            "tokens",
            vec![
                id(),
                bytes("hash").unique_key().take(),
                uuid("user_id"),
                text("name"),
                big_integer("created_at"),
                big_integer_null("expires_at"),
                big_integer_null("last_used_at"),
            ],
        )
        .foreign_key(&mut key("user_id", "users", Cascade))
        .take(),
        table("models", vec![id(), uuid("owner_id"), text("name"), big_integer("created_at")])
            .foreign_key(&mut key("owner_id", "users", Cascade))
            .take(),
        table(
            "connections",
            vec![
                id(),
                uuid("owner_id"),
                text("kind"),
                text("name"),
                text("host"),
                integer("port"),
                text("database"),
                text("username"),
                boolean("encrypted"),
                bytes("data_key"),
                bytes("password"),
                bytes_null("ca_certificate"),
                text_null("ca_subject"),
                big_integer_null("ca_not_after"),
                text_null("ca_sha256"),
                big_integer("created_at"),
                big_integer_null("last_tested_at"),
                boolean_null("last_test_ok"),
                text_null("server_version"),
            ],
        )
        .foreign_key(&mut key("owner_id", "users", Cascade))
        .take(),
        table(
            "tables",
            vec![
                id(),
                uuid("model_id"),
                text("name"),
                big_integer("created_at"),
                big_integer_null("head"),
                uuid_null("connection_id"),
                text("source_schema"),
                text("source_table"),
                text_null("source_columns"),
                big_integer_null("synced_at"),
            ],
        )
        .foreign_key(&mut key("model_id", "models", Cascade))
        .foreign_key(&mut key("connection_id", "connections", SetNull))
        .take(),
        table(
            "versions",
            vec![
                uuid("table_id"),
                big_integer("version"),
                big_integer("store_version"),
                text("columns"),
                big_integer("rows"),
                big_integer("bytes"),
                text("cause"),
                big_integer_null("restored_version"),
                uuid("job_id"),
                uuid_null("created_by"),
                big_integer("created_at"),
            ],
        )
        .primary_key(Index::create().col("table_id").col("version"))
        .foreign_key(&mut key("table_id", "tables", Cascade))
        .foreign_key(&mut key("created_by", "users", SetNull))
        .take(),
        table("removed_tables", vec![uuid("table_id").primary_key().take(), big_integer("due_at")]),
        table(
            "jobs",
            vec![
                id(),
                text("kind"),
                text("state"),
                uuid("model_id"),
                uuid("table_id"),
                text("table_name"),
                uuid_null("connection_id"),
                text("source_schema"),
                text("source_table"),
                text_null("source_columns"),
                big_integer_null("restored_version"),
                uuid("requested_by"),
                big_integer("queued_at"),
                big_integer_null("started_at"),
                big_integer_null("finished_at"),
                big_integer_null("estimated_rows"),
                text_null("columns"),
                big_integer("rows"),
                big_integer("bytes"),
                big_integer_null("version"),
                text_null("problem"),
                boolean("cancelled"),
                big_integer_null("lease_until"),
                big_integer("fence"),
            ],
        )
        .foreign_key(&mut key("model_id", "models", Cascade))
        .foreign_key(&mut key("connection_id", "connections", SetNull))
        .take(),
        table(
            "statements",
            vec![
                id(),
                uuid("connection_id"),
                big_integer("at"),
                text("template"),
                text("statement"),
                text("parameters"),
                text("purpose"),
                uuid("actor_id"),
                uuid_null("job_id"),
                big_integer("rows"),
                big_integer("bytes"),
                big_integer("milliseconds"),
                text("outcome"),
            ],
        )
        .foreign_key(&mut key("connection_id", "connections", Cascade))
        .take(),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("sessions_expires_at", "sessions", &["expires_at"]),
        index("tokens_user_id", "tokens", &["user_id", "id"]),
        index("models_owner_id", "models", &["owner_id", "id"]),
        index("connections_owner_id", "connections", &["owner_id", "id"]),
        index("tables_name", "tables", &["model_id", "name"]).unique().take(),
        index("tables_connection_id", "tables", &["connection_id"]),
        index("versions_job_id", "versions", &["table_id", "job_id"]).unique().take(),
        index("jobs_model_id", "jobs", &["model_id", "id"]),
        index("jobs_state", "jobs", &["state", "id"]),
        // The right to write a table belongs to one job at a time.
        index("jobs_pending", "jobs", &["table_id"])
            .unique()
            .and_where(Expr::col("state").is_in(["queued", "running"]))
            .take(),
        index("statements_connection_id", "statements", &["connection_id", "id"]),
    ]
}
