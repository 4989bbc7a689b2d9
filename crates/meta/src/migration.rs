//! The schema, for both back ends: steps are written with sea-query and the helpers below, and raw SQL only where both
//! take it. Every step can be run again after a crash in its middle; what is in a release never changes, later ones
//! add to it.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, boolean_null, integer, text, text_null, uuid, uuid_null,
    },
    sea_orm::DbErr,
};

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(First),
            Box::new(Trust),
            Box::new(Fences),
            Box::new(SourceRecords),
            Box::new(crate::ledger_migration::LedgerAhead),
            Box::new(Throttles),
            Box::new(crate::people_migration::People),
            Box::new(crate::sharing_migration::Sharing),
            Box::new(crate::events_migration::Events),
            Box::new(crate::connections_migration::SeveralConnections),
            Box::new(crate::checkpoint_migration::Checkpoints),
            Box::new(crate::schedules_migration::Schedules),
            Box::new(crate::outbox_migration::Outbox),
            Box::new(crate::identities_migration::Identities),
            Box::new(crate::selection_migration::Selections),
            Box::new(crate::receipt_migration::Receipts),
            Box::new(crate::nodes_migration::Nodes),
            Box::new(crate::node_limits_migration::NodeLimits),
            Box::new(crate::holds_migration::Holds),
            Box::new(crate::views_migration::SavedViews),
            Box::new(crate::sizes_migration::Sizes),
            Box::new(crate::source_checksums_migration::SourceChecksums),
            Box::new(crate::traces_migration::Traces),
            Box::new(crate::floor_migration::SchemaFloor),
            Box::new(crate::node_addresses_migration::NodeAddresses),
        ]
    }
}

struct First;

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

/// Courtesy limits and the role's passport.
struct Trust;

impl MigrationName for Trust {
    fn name(&self) -> &str {
        "m0002_trust"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Trust {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("connections", big_integer_null("limit_bytes_per_second")),
            ("connections", big_integer_null("limit_imports")),
            ("connections", big_integer_null("limit_minutes")),
            ("connections", text_null("passport")),
            ("jobs", text_null("held_back")),
        ] {
            // SQLite adds one column at a time; an earlier attempt may have come so far.
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        manager.create_index(index("jobs_connection_id", "jobs", &["connection_id", "state"])).await
    }
}

/// The right to write as a number that only grows, attempts apart from it, and a row to try a write on.
struct Fences;

impl MigrationName for Fences {
    fn name(&self) -> &str {
        "m0003_fences"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Fences {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let fences = vec![integer("id").primary_key().take(), big_integer("value")];
        manager.create_table(table("fences", fences)).await?;
        let checks = vec![integer("id").primary_key().take(), big_integer("at"), bytes_null("padding")];
        manager.create_table(table("write_checks", checks)).await?;
        let attempts = big_integer("attempts").default(0).take();
        if !manager.has_column("jobs", "attempts").await? {
            manager.alter_table(Table::alter().table("jobs").add_column(attempts).to_owned()).await?;
        }
        manager.create_index(index("jobs_requested_by", "jobs", &["requested_by", "state"])).await
    }
}

/// What an import remembers of its source.
struct SourceRecords;

impl MigrationName for SourceRecords {
    fn name(&self) -> &str {
        "m0004_source_records"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SourceRecords {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["versions", "jobs"] {
            if !manager.has_column(table, "source").await? {
                let column = text_null("source");
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}

/// Counters of what may be tried only so often.
struct Throttles;

impl MigrationName for Throttles {
    fn name(&self) -> &str {
        "m0006_throttles"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Throttles {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let throttles = vec![text("key").primary_key().take(), big_integer("until")];
        manager.create_table(table("throttles", throttles)).await?;
        manager.create_index(index("throttles_until", "throttles", &["until"])).await
    }
}

pub(crate) fn table(name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name).if_not_exists();
    for column in columns {
        table.col(column);
    }
    table
}

fn id() -> ColumnDef {
    uuid("id").primary_key().take()
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn bytes_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().null().take()
}

/// `from` refers to the id of `to`.
pub(crate) fn key(
    from: &'static str,
    to: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(from).to(to, "id").on_delete(on_delete).take()
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

pub(crate) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table).if_not_exists();
    for column in columns {
        index.col(*column);
    }
    index
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
