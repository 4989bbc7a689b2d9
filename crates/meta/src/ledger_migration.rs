//! The ledger that is written ahead: entries that refer to their text, which is kept once for each connection.

use crate::{
    migration::{index, table},
    statements::text_hash,
};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text, uuid, uuid_null},
    sea_orm::{DbErr, FromQueryResult, Statement},
};
use uuid::Uuid;

pub(crate) struct LedgerAhead;

impl MigrationName for LedgerAhead {
    fn name(&self) -> &str {
        "m0005_ledger_ahead"
    }
}

#[derive(FromQueryResult)]
struct Text {
    connection_id: Uuid,
    statement: String,
}

#[async_trait::async_trait]
impl MigrationTrait for LedgerAhead {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No foreign keys: what a deleted connection leaves here is removed afterwards, in slices.
        let texts = table("statement_texts", vec![uuid("connection_id"), uuid("hash"), text("text")])
            .primary_key(Index::create().col("connection_id").col("hash"))
            .take();
        manager.create_table(texts).await?;
        let ledger = vec![
            uuid("id").primary_key().take(),
            uuid("connection_id"),
            big_integer("at"),
            text("template"),
            uuid("text_hash"),
            text("parameters"),
            text("purpose"),
            uuid("actor_id"),
            uuid_null("job_id"),
            big_integer("rows"),
            big_integer("bytes"),
            big_integer("milliseconds"),
            text("outcome"),
            big_integer_null("open_until"),
        ];
        manager.create_table(table("ledger", ledger)).await?;
        manager
            .create_table(table("removed_ledgers", vec![uuid("connection_id").primary_key().take()]))
            .await?;
        manager.create_index(index("ledger_connection_id", "ledger", &["connection_id", "id"])).await?;
        let open = index("ledger_open_until", "ledger", &["open_until"])
            .and_where(Expr::col("open_until").is_not_null())
            .take();
        manager.create_index(open).await?;
        if !manager.has_column("connections", "statements_retention_days").await? {
            let days =
                ColumnDef::new("statements_retention_days").big_integer().not_null().default(400).take();
            manager.alter_table(Table::alter().table("connections").add_column(days).to_owned()).await?;
        }
        if manager.has_table("statements").await? {
            move_entries(manager).await?;
        }
        Ok(())
    }
}

async fn move_entries(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let on = manager.get_connection();
    let backend = manager.get_database_backend();
    let texts = Text::find_by_statement(Statement::from_string(
        backend,
        "SELECT DISTINCT connection_id, statement FROM statements",
    ))
    .all(on)
    .await?;
    for Text { connection_id, statement } in texts {
        let insert = Query::insert()
            .into_table("statement_texts")
            .columns(["connection_id", "hash", "text"])
            .values_panic([connection_id.into(), text_hash(&statement).into(), statement.into()])
            .on_conflict(OnConflict::columns(["connection_id", "hash"]).do_nothing().to_owned())
            .to_owned();
        manager.exec_stmt(insert).await?;
    }
    on.execute_unprepared(
        "INSERT INTO ledger (id, connection_id, at, template, text_hash, parameters, purpose, actor_id, job_id, \
           rows, bytes, milliseconds, outcome) \
         SELECT s.id, s.connection_id, s.at, s.template, t.hash, s.parameters, s.purpose, s.actor_id, s.job_id, \
           s.rows, s.bytes, s.milliseconds, s.outcome \
         FROM statements s JOIN statement_texts t ON t.connection_id = s.connection_id AND t.text = s.statement",
    )
    .await?;
    manager.drop_table(Table::drop().table("statements").to_owned()).await
}
