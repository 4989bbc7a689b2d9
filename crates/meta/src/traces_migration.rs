//! Which trace a job goes on with, on whichever node it runs.

use sea_orm_migration::{prelude::*, schema::text_null};

pub(crate) struct Traces;

impl MigrationName for Traces {
    fn name(&self) -> &str {
        "m0048_traces"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Traces {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An earlier attempt may have come so far.
        if !manager.has_column("jobs", "traceparent").await? {
            let column = text_null("traceparent");
            manager.alter_table(Table::alter().table("jobs").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
