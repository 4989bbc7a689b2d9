//! The schema, for both back ends: steps are written with sea-query and the helpers below, and raw SQL only where both
//! take it. Every step can be run again after a crash in its middle; what is in a release never changes, later ones
//! add to it.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, text, text_null},
    sea_orm::DbErr,
};

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::first_migration::First),
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

pub(crate) fn bytes_null(name: &'static str) -> ColumnDef {
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
