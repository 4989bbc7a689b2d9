//! Sync policies, syncs that wait for a decision, and versions whose files are still to be removed.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text_null, uuid, uuid_null},
};

pub(crate) struct Holds;

impl MigrationName for Holds {
    fn name(&self) -> &str {
        "m0021_holds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Holds {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("tables", text_null("sync_policy")),
            ("jobs", text_null("held")),
            ("jobs", uuid_null("accepted_by")),
        ] {
            // An earlier attempt may have come so far.
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        let held = index("jobs_held", "jobs", &["table_id"])
            .unique()
            .and_where(Expr::col("state").eq("held"))
            .take();
        manager.create_index(held).await?;
        let dropped =
            table("dropped_versions", vec![uuid("table_id"), big_integer("store_version"), uuid("job_id")])
                .primary_key(Index::create().col("table_id").col("store_version"))
                .foreign_key(&mut key("table_id", "tables", ForeignKeyAction::Cascade))
                .take();
        manager.create_table(dropped).await
    }
}
