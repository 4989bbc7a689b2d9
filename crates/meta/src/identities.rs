//! Who a person is to a provider at which they sign in: an issuer and a subject, and nothing else (OpenID Connect
//! Core, section 5.7).

use crate::{
    Meta,
    accounts::{NewUser, insert_user},
    db,
    entity::{first_admin, identity, invite, user},
    events::{About, note},
    invites,
    members::user_of,
    now,
    record::{Action, LinkedIdentity, User},
    time,
};
use mycorr_domain::{Code, Email, IdentityId, PersonName, Problem, Result, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, SqlErr,
};

/// What stands in the place of a password's hash where there is none: no password has it.
const NO_PASSWORD: &str = "!";

/// Who somebody is to a provider.
#[derive(Clone, Copy, Debug)]
pub struct NewIdentity<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    /// As the provider says, to be told apart by people.
    pub email: Option<&'a str>,
}

impl From<identity::Model> for LinkedIdentity {
    fn from(row: identity::Model) -> Self {
        Self {
            id: IdentityId::from_uuid(row.id),
            issuer: row.issuer,
            email: row.email,
            created_at: time(row.created_at),
            last_used_at: row.last_used_at.map(time),
        }
    }
}

impl Meta {
    /// The account of who is this to a provider. Notes the use.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn user_by_identity(&self, who: NewIdentity<'_>) -> Result<Option<User>> {
        let found = identity::Entity::find()
            .find_also_related(user::Entity)
            .filter(identity::Column::Issuer.eq(who.issuer))
            .filter(identity::Column::Subject.eq(who.subject))
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((row, Some(user))) = found else { return Ok(None) };
        let used = identity::ActiveModel {
            id: Set(row.id),
            email: Set(who.email.map(str::to_owned)),
            last_used_at: Set(Some(now().timestamp_micros())),
            ..Default::default()
        };
        used.update_without_returning(&self.db).await.map_err(db)?;
        Ok(Some(user.into()))
    }

    /// Makes an account for somebody whose address a provider knows to be theirs, with all that waits for it in
    /// invitations. Unless `anyone` may sign up, one has to.
    ///
    /// # Errors
    /// `sign_up_closed`; `email_taken` where there is an account with the address, which is joined by its own person only.
    pub async fn create_user_by_identity(
        &self,
        name: &PersonName,
        email: &Email,
        who: NewIdentity<'_>,
        anyone: bool,
    ) -> Result<User> {
        let transaction = self.write().await?;
        let waiting = invite::Entity::find()
            .filter(invite::Column::Email.eq(email.as_str()))
            .filter(invite::Column::ExpiresAt.gt(now().timestamp_micros()))
            .all(&transaction)
            .await
            .map_err(db)?;
        if user_of(&transaction, email).await?.is_some() {
            return Err(Problem::new(
                Code::EmailTaken,
                "There is an account with your e-mail address already, and the address alone does not make it yours.",
            )
            .fix("Sign in with its password, then add this way to sign in on the page Account."));
        }
        // The first account is made with a password: it has to open even where the provider does not.
        let first = first_admin::Entity::find().count(&transaction).await.map_err(db)? == 0;
        if first || (waiting.is_empty() && !anyone) {
            return Err(Problem::new(Code::SignUpClosed, "Nobody can sign up here without an invitation.")
                .fix("Ask the operator of this server to invite your e-mail address, then sign in again."));
        }
        let new = NewUser { name, email, password_hash: NO_PASSWORD, admin: false };
        let row = insert_user(&transaction, new, false).await?;
        let id = UserId::from_uuid(row.id);
        insert(&transaction, id, who).await?;
        for invite in waiting {
            let hash = invite.hash.try_into().map_err(|_| Problem::bug("a hash of another length"))?;
            invites::take(&transaction, hash, id, email.as_str()).await?;
        }
        transaction.commit().await.map_err(db)?;
        Ok(row.into())
    }

    /// Adds a way to sign in to an account.
    ///
    /// # Errors
    /// `conflict` where it leads to another account.
    pub async fn add_identity(&self, user: UserId, who: NewIdentity<'_>) -> Result<()> {
        if let Some(known) = self.user_by_identity(who).await? {
            return if known.id == user { Ok(()) } else { Err(taken()) };
        }
        let transaction = self.write().await?;
        insert(&transaction, user, who).await?;
        transaction.commit().await.map_err(db)
    }

    /// The ways to sign in that a person has besides a password, oldest first.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn identities(&self, user: UserId) -> Result<Vec<LinkedIdentity>> {
        let rows = identity::Entity::find()
            .filter(identity::Column::UserId.eq(*user.as_uuid()))
            .order_by_asc(identity::Column::Id)
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(rows.into_iter().map(LinkedIdentity::from).collect())
    }

    /// Takes a way to sign in away.
    ///
    /// # Errors
    /// `not_found`; `conflict` for the last one of an account without a password.
    pub async fn delete_identity(&self, user: UserId, id: IdentityId) -> Result<()> {
        let transaction = self.write().await?;
        let own = || identity::Entity::find().filter(identity::Column::UserId.eq(*user.as_uuid()));
        let row = own().filter(identity::Column::Id.eq(*id.as_uuid())).one(&transaction).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("way to sign in"))?;
        let account = user::Entity::find_by_id(*user.as_uuid()).one(&transaction).await.map_err(db)?;
        let account = account.ok_or_else(|| Problem::not_found("account"))?;
        if account.password_hash == NO_PASSWORD && own().count(&transaction).await.map_err(db)? == 1 {
            return Err(Problem::new(Code::Conflict, "This is the only way to sign in to your account.")
                .fix("Set a password first: an administrator can make a link to one."));
        }
        identity::Entity::delete_by_id(row.id).exec(&transaction).await.map_err(db)?;
        note(&transaction, Some(user), Action::IdentityRemoved, About::Other(&account.email), row.issuer)
            .await?;
        transaction.commit().await.map_err(db)
    }
}

async fn insert(on: &impl ConnectionTrait, user: UserId, who: NewIdentity<'_>) -> Result<()> {
    let row = identity::Model {
        id: *IdentityId::new().as_uuid(),
        user_id: *user.as_uuid(),
        issuer: who.issuer.to_owned(),
        subject: who.subject.to_owned(),
        email: who.email.map(str::to_owned),
        created_at: now().timestamp_micros(),
        last_used_at: Some(now().timestamp_micros()),
    };
    identity::Entity::insert(identity::ActiveModel::from(row)).exec_without_returning(on).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => taken(),
            _ => db(error),
        },
    )?;
    let account = user::Entity::find_by_id(*user.as_uuid()).one(on).await.map_err(db)?;
    let account = account.ok_or_else(|| Problem::not_found("account"))?;
    note(on, Some(user), Action::IdentityAdded, About::Other(&account.email), who.issuer).await
}

fn taken() -> Problem {
    Problem::new(Code::Conflict, "Somebody else signs in this way already.")
        .fix("Sign in to the other account and take this way from it, or sign in to the provider as somebody else.")
}
