//! Accounts and their sessions. Of a session only the SHA-256 is kept.

use crate::{
    Listed, Meta, after, db,
    entity::{first_admin, session, user},
    events::{About, note},
    invites, now,
    record::{Action, SessionInfo, User},
    time,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, Email, PersonName, Problem, Result, SessionId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, SqlErr, TryInsertResult, sea_query::Expr,
};
use std::net::IpAddr;

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
            disabled: user.disabled_at.is_some(),
        }
    }
}

impl From<session::Model> for SessionInfo {
    fn from(session: session::Model) -> Self {
        Self {
            id: SessionId::from_uuid(session.id),
            created_at: time(session.created_at),
            last_seen_at: time(session.last_seen_at.unwrap_or(session.created_at)),
            address: session.address,
            agent: session.agent,
        }
    }
}

/// Where a person uses a session.
#[derive(Clone, Debug)]
pub struct Browser {
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: Option<String>,
}

impl From<IpAddr> for Browser {
    fn from(address: IpAddr) -> Self {
        Self { address, agent: None }
    }
}

/// How often a use is noted.
pub(crate) const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

impl Meta {
    /// Whether no account was ever made.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn is_new(&self) -> Result<bool> {
        Ok(first_admin::Entity::find().count(&self.db).await.map_err(db)? == 0)
    }

    /// Makes an account; the first one is the administrator's. Unless `anyone` may sign up, others need an invitation.
    ///
    /// # Errors
    /// `sign_up_closed`, `email_taken`; `not_found` for an invitation that is not good, `invalid` for another's.
    pub async fn create_user(
        &self,
        new: NewUser<'_>,
        anyone: bool,
        invite: Option<[u8; 32]>,
    ) -> Result<User> {
        let transaction = self.write().await?;
        let at = now();
        let founded = first_admin::Entity::insert(first_admin::ActiveModel {
            id: Set(1),
            at: Set(at.timestamp_micros()),
        })
        .on_conflict_do_nothing_on([first_admin::Column::Id])
        .exec_without_returning(&transaction)
        .await
        .map_err(db)?;
        let first = matches!(founded, TryInsertResult::Inserted(1));
        if !first && !anyone && invite.is_none() {
            return Err(Problem::new(Code::SignUpClosed, "Nobody can sign up here without an invitation.")
                .fix("Ask the operator of this server for an account."));
        }
        let row = insert_user(&transaction, new, first).await?;
        if let Some(invite) = invite.filter(|_| !first) {
            invites::take(&transaction, invite, UserId::from_uuid(row.id), &row.email).await?;
        }
        transaction.commit().await.map_err(db)?;
        Ok(row.into())
    }

    /// The account of an address, with the password's hash.
    ///
    /// # Errors
    /// `storage_unavailable`.
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

    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn create_session(
        &self,
        user: UserId,
        hash: [u8; 32],
        expires_at: DateTime<Utc>,
        browser: &Browser,
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
            last_seen_at: Some(at.timestamp_micros()),
            address: Some(browser.address.to_string()),
            agent: browser.agent.clone(),
        };
        session::Entity::insert(session::ActiveModel::from(row))
            .exec_without_returning(&self.db)
            .await
            .map_err(db)?;
        Ok(id)
    }

    /// The session whose token has this hash, unless it is over or the account disabled. Notes the use, to the minute.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn session(&self, hash: [u8; 32], from: Option<IpAddr>) -> Result<Option<Session>> {
        let at = now();
        let found = session::Entity::find()
            .find_also_related(user::Entity)
            .filter(session::Column::Hash.eq(hash.to_vec()))
            .filter(session::Column::ExpiresAt.gt(at.timestamp_micros()))
            .filter(user::Column::DisabledAt.is_null())
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((session, Some(user))) = found else { return Ok(None) };
        if session.last_seen_at.is_none_or(|last| at - time(last) > USE_NOTED) {
            let mut seen = session::Entity::update_many()
                .col_expr(session::Column::LastSeenAt, Expr::value(at.timestamp_micros()))
                .filter(session::Column::Id.eq(session.id));
            if let Some(from) = from {
                seen = seen.col_expr(session::Column::Address, Expr::value(from.to_string()));
            }
            seen.exec(&self.db).await.map_err(db)?;
        }
        Ok(Some(Session { id: SessionId::from_uuid(session.id), user: user.into() }))
    }

    /// Whether a session goes on: neither over nor ended, and its account not disabled.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn session_stands(&self, id: SessionId) -> Result<bool> {
        let count = session::Entity::find_by_id(*id.as_uuid())
            .find_also_related(user::Entity)
            .filter(session::Column::ExpiresAt.gt(now().timestamp_micros()))
            .filter(user::Column::DisabledAt.is_null())
            .one(&self.db)
            .await
            .map_err(db)?;
        Ok(count.is_some())
    }

    /// Where a person is signed in, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn sessions(
        &self,
        user: UserId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<SessionInfo>> {
        let mut query = session::Entity::find()
            .filter(session::Column::UserId.eq(*user.as_uuid()))
            .filter(session::Column::ExpiresAt.gt(now().timestamp_micros()));
        if let Some(id) = after::<SessionId>(from)? {
            query = query.filter(session::Column::Id.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(session::Column::Id)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let sessions = rows.into_iter().map(SessionInfo::from).collect();
        Ok(Listed::new(sessions, limit, |session: &SessionInfo| session.id.to_string()))
    }

    /// Ends a session of `user`.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_session(&self, user: UserId, id: SessionId) -> Result<()> {
        let deleted = session::Entity::delete_many()
            .filter(session::Column::Id.eq(*id.as_uuid()))
            .filter(session::Column::UserId.eq(*user.as_uuid()))
            .exec(&self.db)
            .await
            .map_err(db)?;
        if deleted.rows_affected == 0 { Err(Problem::not_found("session")) } else { Ok(()) }
    }
}

/// # Errors
/// `email_taken`.
pub(crate) async fn insert_user(
    on: &impl ConnectionTrait,
    new: NewUser<'_>,
    first: bool,
) -> Result<user::Model> {
    let row = user::Model {
        id: *UserId::new().as_uuid(),
        email: new.email.as_str().to_owned(),
        name: new.name.as_str().to_owned(),
        password_hash: new.password_hash.to_owned(),
        admin: new.admin || first,
        created_at: now().timestamp_micros(),
        disabled_at: None,
    };
    user::Entity::insert(user::ActiveModel::from(row.clone())).exec_without_returning(on).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Problem::new(Code::EmailTaken, "There is an account with this e-mail address already.")
                    .field("email", "Taken. Sign in instead?")
            }
            _ => db(error),
        },
    )?;
    let id = UserId::from_uuid(row.id);
    note(on, Some(id), Action::AccountCreated, About::Other(&row.email), "").await?;
    Ok(row)
}
