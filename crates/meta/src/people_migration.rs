//! Accounts that can be disabled, sessions that can be told apart, tokens that may do less, and links to a new password.

use crate::migration::{key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null, uuid, uuid_null},
};

pub(crate) struct People;

impl MigrationName for People {
    fn name(&self) -> &str {
        "m0010_people"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for People {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("users", big_integer_null("disabled_at")),
            ("sessions", big_integer_null("last_seen_at")),
            ("sessions", text_null("address")),
            ("sessions", text_null("agent")),
            ("tokens", text_null("access")),
            ("tokens", uuid_null("model_id")),
        ] {
            // SQLite adds one column at a time; an earlier attempt may have come so far.
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        let hash = ColumnDef::new("hash").blob().not_null().primary_key().take();
        let resets = vec![hash, uuid("user_id"), big_integer("expires_at")];
        let resets = table("password_resets", resets)
            .foreign_key(&mut key("user_id", "users", ForeignKeyAction::Cascade))
            .take();
        manager.create_table(resets).await
    }
}
