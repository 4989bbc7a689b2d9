//! Accounts, sessions and tokens. Of a session or a token only the SHA-256 is kept.

use crate::{
    Listed, Meta, after, db,
    entity::{founder, session, token, user},
    now,
    record::{Token, User},
    time,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, Email, PersonName, Problem, ResourceName, Result, SessionId, TokenId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, SqlErr, TryInsertResult, sea_query::Expr,
};

pub struct NewUser<'a> {
    pub name: &'a PersonName,
    pub email: &'a Email,
    /// In the PHC string format.
    pub password_hash: &'a str,
    pub admin: bool,
}

/// A session that is still good, and whose it is.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: User,
}

impl From<user::Model> for User {
    fn from(user: user::Model) -> Self {
        Self {
            id: UserId::from_uuid(user.id),
            name: user.name,
            email: user.email,
            admin: user.admin,
            created_at: time(user.created_at),
        }
    }
}

impl From<token::Model> for Token {
    fn from(token: token::Model) -> Self {
        Self {
            id: TokenId::from_uuid(token.id),
            name: token.name,
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            last_used_at: token.last_used_at.map(time),
        }
    }
}

impl Meta {
    /// Whether no account was ever made.
    pub async fn is_new(&self) -> Result<bool> {
        Ok(founder::Entity::find().count(&self.db).await.map_err(db)? == 0)
    }

    /// Makes an account; the first one is the administrator's. Unless `anyone` may sign up, only the first is
    /// made, and others end in `sign_up_closed`.
    pub async fn create_user(&self, new: NewUser<'_>, anyone: bool) -> Result<User> {
        let transaction = self.write().await?;
        let at = now();
        let founded =
            founder::Entity::insert(founder::ActiveModel { id: Set(1), at: Set(at.timestamp_micros()) })
                .on_conflict_do_nothing_on([founder::Column::Id])
                .exec_without_returning(&transaction)
                .await
                .map_err(db)?;
        let first = matches!(founded, TryInsertResult::Inserted(1));
        if !first && !anyone {
            return Err(Problem::new(Code::SignUpClosed, "Nobody can sign up here without an invitation.")
                .fix("Ask the operator of this server for an account."));
        }
        let row = user::Model {
            id: *UserId::new().as_uuid(),
            email: new.email.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            password_hash: new.password_hash.to_owned(),
            admin: new.admin || first,
            created_at: at.timestamp_micros(),
        };
        user::Entity::insert(user::ActiveModel::from(row.clone()))
            .exec_without_returning(&transaction)
            .await
            .map_err(|error| match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    Problem::new(Code::EmailTaken, "There is an account with this e-mail address already.")
                        .field("email", "Taken. Sign in instead?")
                }
                _ => db(error),
            })?;
        transaction.commit().await.map_err(db)?;
        Ok(row.into())
    }

    /// The account of an address, with the password's hash.
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<(User, String)>> {
        let found = user::Entity::find()
            .filter(user::Column::Email.eq(email.as_str()))
            .one(&self.db)
            .await
            .map_err(db)?;
        Ok(found.map(|user| {
            let hash = user.password_hash.clone();
            (user.into(), hash)
        }))
    }

    pub async fn create_session(
        &self,
        user: UserId,
        hash: [u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<SessionId> {
        let (id, at) = (SessionId::new(), now());
        let expired = session::Column::ExpiresAt.lt(at.timestamp_micros());
        session::Entity::delete_many().filter(expired).exec(&self.db).await.map_err(db)?;
        let row = session::Model {
            id: *id.as_uuid(),
            hash: hash.to_vec(),
            user_id: *user.as_uuid(),
            created_at: at.timestamp_micros(),
            expires_at: expires_at.timestamp_micros(),
        };
        session::Entity::insert(session::ActiveModel::from(row))
            .exec_without_returning(&self.db)
            .await
            .map_err(db)?;
        Ok(id)
    }

    /// The session whose token has this hash, unless it is over.
    pub async fn session(&self, hash: [u8; 32]) -> Result<Option<Session>> {
        let found = session::Entity::find()
            .find_also_related(user::Entity)
            .filter(session::Column::Hash.eq(hash.to_vec()))
            .filter(session::Column::ExpiresAt.gt(now().timestamp_micros()))
            .one(&self.db)
            .await
            .map_err(db)?;
        Ok(found.and_then(|(session, user)| {
            Some(Session { id: SessionId::from_uuid(session.id), user: user?.into() })
        }))
    }

    pub async fn delete_session(&self, id: SessionId) -> Result<()> {
        session::Entity::delete_by_id(*id.as_uuid()).exec(&self.db).await.map_err(db)?;
        Ok(())
    }

    pub async fn create_token(
        &self,
        user: UserId,
        name: &ResourceName,
        hash: [u8; 32],
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<TokenId> {
        let id = TokenId::new();
        let row = token::Model {
            id: *id.as_uuid(),
            hash: hash.to_vec(),
            user_id: *user.as_uuid(),
            name: name.as_str().to_owned(),
            created_at: now().timestamp_micros(),
            expires_at: expires_at.map(|at| at.timestamp_micros()),
            last_used_at: None,
        };
        token::Entity::insert(token::ActiveModel::from(row))
            .exec_without_returning(&self.db)
            .await
            .map_err(db)?;
        Ok(id)
    }

    /// Newest first.
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

    pub async fn delete_token(&self, user: UserId, id: TokenId) -> Result<()> {
        let deleted = token::Entity::delete_many()
            .filter(token::Column::Id.eq(*id.as_uuid()))
            .filter(token::Column::UserId.eq(*user.as_uuid()))
            .exec(&self.db)
            .await
            .map_err(db)?;
        if deleted.rows_affected == 0 { Err(Problem::not_found("token")) } else { Ok(()) }
    }

    /// Whose token has this hash, unless it has expired. Notes the use, to the minute.
    pub async fn user_by_token(&self, hash: [u8; 32]) -> Result<Option<User>> {
        let at = now();
        let found = token::Entity::find()
            .find_also_related(user::Entity)
            .filter(token::Column::Hash.eq(hash.to_vec()))
            .filter(
                Condition::any()
                    .add(token::Column::ExpiresAt.is_null())
                    .add(token::Column::ExpiresAt.gt(at.timestamp_micros())),
            )
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((token, Some(user))) = found else { return Ok(None) };
        if token.last_used_at.is_none_or(|last| at - time(last) > TimeDelta::minutes(1)) {
            token::Entity::update_many()
                .col_expr(token::Column::LastUsedAt, Expr::value(at.timestamp_micros()))
                .filter(token::Column::Id.eq(token.id))
                .exec(&self.db)
                .await
                .map_err(db)?;
        }
        Ok(Some(user.into()))
    }
}
