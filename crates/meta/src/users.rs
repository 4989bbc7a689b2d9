//! What administrators do with accounts, and everybody with their own.

use crate::{
    Listed, Meta, after, db,
    entity::{password_reset, session, user},
    events::{About, note},
    now,
    record::{Action, User},
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, PersonName, Problem, Result, SessionId, UserId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};

/// The right to manage accounts: what changes another's takes one. It opens nobody's Models or connections.
#[derive(Clone, Copy, Debug)]
pub struct Administrator(Option<UserId>);

impl Administrator {
    /// Who has the data directory.
    pub fn operator() -> Self {
        Self(None)
    }

    /// Whose right it is; `None` for the operator.
    pub fn user(&self) -> Option<UserId> {
        self.0
    }
}

/// What of an account is to be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChange {
    pub admin: Option<bool>,
    pub disabled: Option<bool>,
}

impl Meta {
    /// The right of `user` to manage accounts.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn administrator(&self, user: UserId) -> Result<Administrator> {
        let row = user::Entity::find_by_id(*user.as_uuid()).one(&self.db).await.map_err(db)?;
        match row {
            Some(row) if row.admin && row.disabled_at.is_none() => Ok(Administrator(Some(user))),
            _ => Err(Problem::new(Code::Forbidden, "Only an administrator can do that.")),
        }
    }

    /// All accounts whose name or e-mail address contains `search`, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn users(
        &self,
        _by: &Administrator,
        search: Option<&str>,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<User>> {
        let mut query = user::Entity::find();
        if let Some(search) = search {
            let like = contains(search);
            let matches = |column| Expr::expr(Func::lower(Expr::col(column))).like(like.clone());
            query = query
                .filter(Condition::any().add(matches(user::Column::Name)).add(matches(user::Column::Email)));
        }
        if let Some(id) = after::<UserId>(from)? {
            query = query.filter(user::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(user::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let users = rows.into_iter().map(User::from).collect();
        Ok(Listed::new(users, limit, |user: &User| user.id.to_string()))
    }

    /// Makes an administrator of an account, or disables it: its sessions end, its tokens are refused.
    ///
    /// # Errors
    /// `not_found`; `conflict` for the last administrator who is not disabled.
    pub async fn change_user(&self, by: &Administrator, id: UserId, change: UserChange) -> Result<User> {
        let transaction = self.write().await?;
        let row = user_row(&transaction, id).await?;
        let mut changed = user::ActiveModel { id: Set(row.id), ..Default::default() };
        if let Some(admin) = change.admin {
            changed.admin = Set(admin);
            if admin != row.admin {
                let action = if admin { Action::AdminGranted } else { Action::AdminRevoked };
                note(&transaction, by.user(), action, About::Other(&row.email), "").await?;
            }
        }
        if let Some(disabled) = change.disabled
            && disabled != row.disabled_at.is_some()
        {
            changed.disabled_at = Set(disabled.then(|| now().timestamp_micros()));
            let action = if disabled { Action::AccountDisabled } else { Action::AccountEnabled };
            note(&transaction, by.user(), action, About::Other(&row.email), "").await?;
            end_sessions(&transaction, id, None).await?;
            delete_resets(&transaction, id).await?;
        }
        if changed.is_changed() {
            changed.update_without_returning(&transaction).await.map_err(db)?;
        }
        let administrators = user::Entity::find()
            .filter(user::Column::Admin.eq(true))
            .filter(user::Column::DisabledAt.is_null())
            .count(&transaction)
            .await
            .map_err(db)?;
        if administrators == 0 {
            return Err(Problem::new(Code::Conflict, "This is the last administrator.")
                .fix("Make somebody else an administrator first."));
        }
        let row = user_row(&transaction, id).await?;
        transaction.commit().await.map_err(db)?;
        Ok(row.into())
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn user(&self, id: UserId) -> Result<User> {
        user_row(&self.db, id).await.map(User::from)
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn rename_user(&self, id: UserId, name: &PersonName) -> Result<User> {
        let named = user::ActiveModel {
            id: Set(*id.as_uuid()),
            name: Set(name.as_str().to_owned()),
            ..Default::default()
        };
        named.update_without_returning(&self.db).await.map_err(db)?;
        self.user(id).await
    }

    /// Replaces a password, and ends every session but `keep`. `by` is whoever does it, `None` for the operator.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn set_password(
        &self,
        by: Option<UserId>,
        id: UserId,
        hash: &str,
        keep: Option<SessionId>,
    ) -> Result<()> {
        let transaction = self.write().await?;
        set_password_on(&transaction, by, id, hash, keep).await?;
        transaction.commit().await.map_err(db)
    }

    /// Keeps a link to a new password; one that was made before for the same account is good no more.
    ///
    /// # Errors
    /// `not_found`; `conflict` for an account that is disabled.
    pub async fn create_password_reset(
        &self,
        by: &Administrator,
        id: UserId,
        hash: [u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let transaction = self.write().await?;
        let account = user_row(&transaction, id).await?;
        if account.disabled_at.is_some() {
            return Err(Problem::new(Code::Conflict, "This account is disabled.").fix("Enable it first."));
        }
        note(&transaction, by.user(), Action::PasswordResetMade, About::Other(&account.email), "").await?;
        delete_resets(&transaction, id).await?;
        let row = password_reset::Model {
            hash: hash.to_vec(),
            user_id: *id.as_uuid(),
            expires_at: expires_at.timestamp_micros(),
        };
        password_reset::Entity::insert(password_reset::ActiveModel::from(row))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Whether a link to a new password is good.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn has_password_reset(&self, hash: [u8; 32]) -> Result<bool> {
        Ok(reset_row(&self.db, hash).await?.is_some())
    }

    /// Replaces the password of the account that a link is for, once; every session ends. False if the link is not
    /// good.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn use_password_reset(&self, hash: [u8; 32], password_hash: &str) -> Result<bool> {
        let transaction = self.write().await?;
        let Some(row) = reset_row(&transaction, hash).await? else { return Ok(false) };
        let id = UserId::from_uuid(row.user_id);
        set_password_on(&transaction, Some(id), id, password_hash, None).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }
}

async fn user_row(on: &impl ConnectionTrait, id: UserId) -> Result<user::Model> {
    let row = user::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)?;
    row.ok_or_else(|| Problem::not_found("account"))
}

async fn reset_row(on: &impl ConnectionTrait, hash: [u8; 32]) -> Result<Option<password_reset::Model>> {
    password_reset::Entity::find_by_id(hash.to_vec())
        .filter(password_reset::Column::ExpiresAt.gt(now().timestamp_micros()))
        .one(on)
        .await
        .map_err(db)
}

async fn set_password_on(
    on: &DatabaseTransaction,
    by: Option<UserId>,
    id: UserId,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<()> {
    let changed = user::ActiveModel {
        id: Set(*id.as_uuid()),
        password_hash: Set(hash.to_owned()),
        ..Default::default()
    };
    changed.update_without_returning(on).await.map_err(db)?;
    let email = user_row(on, id).await?.email;
    note(on, by, Action::PasswordChanged, About::Other(&email), "").await?;
    end_sessions(on, id, keep).await?;
    delete_resets(on, id).await
}

async fn end_sessions(on: &DatabaseTransaction, id: UserId, keep: Option<SessionId>) -> Result<()> {
    let mut sessions = session::Entity::delete_many().filter(session::Column::UserId.eq(*id.as_uuid()));
    if let Some(keep) = keep {
        sessions = sessions.filter(session::Column::Id.ne(*keep.as_uuid()));
    }
    sessions.exec(on).await.map_err(db)?;
    Ok(())
}

async fn delete_resets(on: &DatabaseTransaction, id: UserId) -> Result<()> {
    password_reset::Entity::delete_many()
        .filter(password_reset::Column::UserId.eq(*id.as_uuid()))
        .exec(on)
        .await
        .map_err(db)?;
    Ok(())
}

/// Text as it is, wherever it stands.
fn contains(text: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}
