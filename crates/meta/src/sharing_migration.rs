//! Teams, invitations, and what is granted to people, teams and invitations.

use crate::migration::{index, key, table};
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, text, text_null, uuid, uuid_null},
};

pub(crate) struct Sharing;

impl MigrationName for Sharing {
    fn name(&self) -> &str {
        "m0011_sharing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sharing {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = || uuid("id").primary_key().take();
        let cascade = |from, to| key(from, to, ForeignKeyAction::Cascade);
        manager.create_table(table("teams", vec![id(), text("name"), big_integer("created_at")])).await?;
        let members = vec![uuid("team_id"), uuid("user_id"), text("role"), big_integer("created_at")];
        let members = table("team_members", members)
            .primary_key(Index::create().col("team_id").col("user_id"))
            .foreign_key(&mut cascade("team_id", "teams"))
            .foreign_key(&mut cascade("user_id", "users"))
            .take();
        manager.create_table(members).await?;
        let hash = ColumnDef::new("hash").blob().not_null().unique_key().take();
        let invites = vec![
            id(),
            hash,
            text("email").unique_key().take(),
            uuid("invited_by"),
            big_integer("created_at"),
            big_integer("expires_at"),
        ];
        let invites = table("invites", invites).foreign_key(&mut cascade("invited_by", "users")).take();
        manager.create_table(invites).await?;
        let teams = vec![uuid("invite_id"), uuid("team_id"), text("role")];
        let teams = table("invite_teams", teams)
            .primary_key(Index::create().col("invite_id").col("team_id"))
            .foreign_key(&mut cascade("invite_id", "invites"))
            .foreign_key(&mut cascade("team_id", "teams"))
            .take();
        manager.create_table(teams).await?;
        let grants = vec![
            id(),
            uuid_null("model_id"),
            uuid_null("table_id"),
            uuid_null("user_id"),
            uuid_null("team_id"),
            uuid_null("invite_id"),
            integer("access"),
            big_integer("created_at"),
        ];
        let grants = table("grants", grants)
            .foreign_key(&mut cascade("model_id", "models"))
            .foreign_key(&mut cascade("table_id", "tables"))
            .foreign_key(&mut cascade("user_id", "users"))
            .foreign_key(&mut cascade("team_id", "teams"))
            .foreign_key(&mut cascade("invite_id", "invites"))
            .take();
        manager.create_table(grants).await?;
        for (name, on, to) in [
            ("grants_model_user", "model_id", "user_id"),
            ("grants_model_team", "model_id", "team_id"),
            ("grants_model_invite", "model_id", "invite_id"),
            ("grants_table_user", "table_id", "user_id"),
            ("grants_table_team", "table_id", "team_id"),
            ("grants_table_invite", "table_id", "invite_id"),
        ] {
            // NULLs are all different: each index counts only the grants of its kind.
            manager.create_index(index(name, "grants", &[on, to]).unique().take()).await?;
        }
        manager.create_index(index("team_members_user_id", "team_members", &["user_id"])).await?;
        if !manager.has_column("connections", "sync_by").await? {
            let column = text_null("sync_by");
            manager.alter_table(Table::alter().table("connections").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
