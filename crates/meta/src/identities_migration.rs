//! Who people are to the providers at which they sign in.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text, text_null, uuid},
};

pub(crate) struct Identities;

impl MigrationName for Identities {
    fn name(&self) -> &str {
        "m0025_identities"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Identities {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![
            uuid("id").primary_key().take(),
            uuid("user_id"),
            text("issuer"),
            text("subject"),
            text_null("email"),
            big_integer("created_at"),
            big_integer_null("last_used_at"),
        ];
        let identities = table("identities", columns)
            .foreign_key(&mut key("user_id", "users", ForeignKeyAction::Cascade))
            .take();
        manager.create_table(identities).await?;
        let one = index("identities_issuer_subject", "identities", &["issuer", "subject"]).unique().take();
        manager.create_index(one).await?;
        manager.create_index(index("identities_user_id", "identities", &["user_id"])).await
    }
}
