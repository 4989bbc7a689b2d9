//! Tokens of accounts. Of a token only the SHA-256 is kept.

use crate::{
    Listed, Meta,
    accounts::USE_NOTED,
    after, db,
    entity::{token, user},
    events::{About, note},
    now,
    record::{Action, Token, TokenAccess, TokenScope, User},
    time,
};
use chrono::{DateTime, Utc};
use mycorr_domain::{ModelId, Problem, ResourceName, Result, TokenId, UserId};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

impl From<token::Model> for Token {
    fn from(token: token::Model) -> Self {
        let scope = scope(&token);
        Self {
            id: TokenId::from_uuid(token.id),
            name: token.name,
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            last_used_at: token.last_used_at.map(time),
            scope,
        }
    }
}

fn scope(token: &token::Model) -> TokenScope {
    // What is not known to be more is less.
    let access = match token.access.as_deref() {
        None => TokenAccess::Write,
        Some(text) => TokenAccess::parse(text).unwrap_or(TokenAccess::Read),
    };
    TokenScope { access, model: token.model_id.map(ModelId::from_uuid) }
}

pub struct NewToken<'a> {
    pub name: &'a ResourceName,
    pub hash: [u8; 32],
    pub expires_at: Option<DateTime<Utc>>,
    pub scope: TokenScope,
}

/// Who showed a token, and what it is good for.
#[derive(Clone, Debug)]
pub struct TokenHolder {
    pub id: TokenId,
    pub user: User,
    pub scope: TokenScope,
}

impl Meta {
    /// Whether a token is good still.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn token_stands(&self, id: TokenId) -> Result<bool> {
        let found = token::Entity::find_by_id(*id.as_uuid())
            .find_also_related(user::Entity)
            .filter(unexpired())
            .filter(user::Column::DisabledAt.is_null())
            .one(&self.db)
            .await
            .map_err(db)?;
        Ok(found.is_some())
    }

    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn create_token(&self, user: UserId, new: NewToken<'_>) -> Result<TokenId> {
        let id = TokenId::new();
        let row = token::Model {
            id: *id.as_uuid(),
            hash: new.hash.to_vec(),
            user_id: *user.as_uuid(),
            name: new.name.as_str().to_owned(),
            created_at: now().timestamp_micros(),
            expires_at: new.expires_at.map(|at| at.timestamp_micros()),
            last_used_at: None,
            access: Some(new.scope.access.as_str().to_owned()),
            model_id: new.scope.model.map(|id| *id.as_uuid()),
        };
        let transaction = self.write().await?;
        token::Entity::insert(token::ActiveModel::from(row))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        note(
            &transaction,
            Some(user),
            Action::TokenCreated,
            About::Other(&id.to_string()),
            new.name.as_str(),
        )
        .await?;
        transaction.commit().await.map_err(db)?;
        Ok(id)
    }

    /// Newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn tokens(&self, user: UserId, from: Option<&str>, limit: usize) -> Result<Listed<Token>> {
        let mut query = token::Entity::find().filter(token::Column::UserId.eq(*user.as_uuid()));
        if let Some(id) = after::<TokenId>(from)? {
            query = query.filter(token::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(token::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let tokens = rows.into_iter().map(Token::from).collect();
        Ok(Listed::new(tokens, limit, |token: &Token| token.id.to_string()))
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn delete_token(&self, user: UserId, id: TokenId) -> Result<()> {
        let transaction = self.write().await?;
        let deleted = token::Entity::delete_many()
            .filter(token::Column::Id.eq(*id.as_uuid()))
            .filter(token::Column::UserId.eq(*user.as_uuid()))
            .exec(&transaction)
            .await
            .map_err(db)?;
        if deleted.rows_affected == 0 {
            return Err(Problem::not_found("token"));
        }
        note(&transaction, Some(user), Action::TokenDeleted, About::Other(&id.to_string()), "").await?;
        transaction.commit().await.map_err(db)
    }

    /// Whose token has this hash, unless it has expired or the account is disabled. Notes the use, to the minute.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn token_holder(&self, hash: [u8; 32]) -> Result<Option<TokenHolder>> {
        let at = now();
        let found = token::Entity::find()
            .find_also_related(user::Entity)
            .filter(token::Column::Hash.eq(hash.to_vec()))
            .filter(unexpired())
            .filter(user::Column::DisabledAt.is_null())
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((token, Some(user))) = found else { return Ok(None) };
        if token.last_used_at.is_none_or(|last| at - time(last) > USE_NOTED) {
            token::Entity::update_many()
                .col_expr(token::Column::LastUsedAt, Expr::value(at.timestamp_micros()))
                .filter(token::Column::Id.eq(token.id))
                .exec(&self.db)
                .await
                .map_err(db)?;
        }
        Ok(Some(TokenHolder { id: TokenId::from_uuid(token.id), scope: scope(&token), user: user.into() }))
    }
}

fn unexpired() -> Condition {
    Condition::any()
        .add(token::Column::ExpiresAt.is_null())
        .add(token::Column::ExpiresAt.gt(now().timestamp_micros()))
}
