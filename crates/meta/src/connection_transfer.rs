//! A connection that goes to another owner.

use crate::{
    Meta, db,
    entity::{connection, user},
    events::{About, note},
    members::user_of,
    record::{Action, Connection},
};
use mycorr_domain::{ConnectionId, Email, Problem, Result, UserId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

impl Meta {
    /// Offers a connection to another account, which takes it over when it accepts: by its owner, or by an
    /// administrator for an owner who is disabled.
    ///
    /// # Errors
    /// `not_found`; `invalid` for an address without an account.
    pub async fn offer_connection(&self, by: UserId, id: ConnectionId, to: &Email) -> Result<()> {
        let is_administrator = self.administrator(by).await.is_ok();
        let transaction = self.write().await?;
        let missing = || Problem::not_found("connection");
        let row = connection::Entity::find_by_id(*id.as_uuid()).one(&transaction).await.map_err(db)?;
        let row = row.ok_or_else(missing)?;
        if row.owner_id != *by.as_uuid() {
            let owner = user::Entity::find_by_id(row.owner_id).one(&transaction).await.map_err(db)?;
            let is_orphaned = owner.is_none_or(|owner| owner.disabled_at.is_some());
            if !is_orphaned || !is_administrator {
                return Err(missing());
            }
        }
        let heir = user_of(&transaction, to).await?.filter(|heir| heir.disabled_at.is_none());
        let heir =
            heir.ok_or_else(|| Problem::invalid("email", "Nobody has an account with this address."))?;
        if heir.id == row.owner_id {
            return Err(Problem::invalid("email", "This is the owner already."));
        }
        let offered = connection::ActiveModel {
            id: Set(row.id),
            transfer_to: Set(Some(heir.id)),
            ..Default::default()
        };
        offered.update_without_returning(&transaction).await.map_err(db)?;
        let (about, detail) = (id.to_string(), format!("to {}", to.as_str()));
        note(&transaction, Some(by), Action::ConnectionOffered, About::Other(&about), detail).await?;
        transaction.commit().await.map_err(db)
    }

    /// Takes a connection over that was offered. Its secrets stay as they are sealed.
    ///
    /// # Errors
    /// `not_found` for one that was not.
    pub async fn accept_connection(&self, user: UserId, id: ConnectionId) -> Result<Connection> {
        let transaction = self.write().await?;
        let taken = connection::Entity::update_many()
            .col_expr(connection::Column::OwnerId, Expr::value(*user.as_uuid()))
            .col_expr(connection::Column::TransferTo, Expr::value(Option::<Uuid>::None))
            .filter(connection::Column::Id.eq(*id.as_uuid()))
            .filter(connection::Column::TransferTo.eq(*user.as_uuid()))
            .exec(&transaction)
            .await
            .map_err(db)?;
        if taken.rows_affected == 0 {
            return Err(Problem::not_found("connection"));
        }
        let about = id.to_string();
        note(&transaction, Some(user), Action::ConnectionTransferred, About::Other(&about), "").await?;
        transaction.commit().await.map_err(db)?;
        self.connection(user, id).await
    }
}
