//! Invitations: the way to an account where sign-up is closed. One address has one at a time, with all that it carries.

use crate::{
    Listed, Meta, after, db,
    entity::{grant, invite, invite_team, team_member},
    grants::{Grant, Own},
    members::{Place, Whom, give, user_of},
    now,
    record::{Access, Invite, TeamRole},
    time,
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, Email, InviteId, Problem, Result, TeamId, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

/// The link of an invitation, of which only the SHA-256 is kept.
#[derive(Clone, Copy)]
pub struct InviteLink {
    pub hash: [u8; 32],
    pub expires_at: DateTime<Utc>,
}

/// What an invitation brings besides an account.
pub enum InviteWith {
    Model(Grant<Own>, Access),
    Team(Grant<Own, TeamId>, TeamRole),
}

impl From<invite::Model> for Invite {
    fn from(row: invite::Model) -> Self {
        Self {
            id: InviteId::from_uuid(row.id),
            email: row.email,
            created_at: time(row.created_at),
            expires_at: time(row.expires_at),
        }
    }
}

impl Meta {
    /// Invites somebody. Their earlier invitation goes on under the new link.
    ///
    /// # Errors
    /// `email_taken` for who has an account.
    pub async fn create_invite(
        &self,
        by: UserId,
        email: &Email,
        link: InviteLink,
        with: &[InviteWith],
    ) -> Result<Invite> {
        let transaction = self.write().await?;
        if user_of(&transaction, email).await?.is_some() {
            return Err(Problem::new(
                Code::EmailTaken,
                "There is an account with this e-mail address already.",
            )
            .field("email", "Has an account. Share with it instead."));
        }
        let (id, new) = find_or_create(&transaction, by, email, link).await?;
        if !new {
            invite::Entity::update_many()
                .col_expr(invite::Column::Hash, Expr::value(link.hash.to_vec()))
                .col_expr(invite::Column::InvitedBy, Expr::value(*by.as_uuid()))
                .col_expr(invite::Column::ExpiresAt, Expr::value(link.expires_at.timestamp_micros()))
                .filter(invite::Column::Id.eq(id))
                .exec(&transaction)
                .await
                .map_err(db)?;
        }
        for with in with {
            match with {
                InviteWith::Model(grant, access) => {
                    give(&transaction, Place::Model(grant.on()), Whom::Invite(id), Some(*access)).await?;
                }
                InviteWith::Team(grant, role) => invite_to_team(&transaction, id, grant.on(), *role).await?,
            }
        }
        let row = invite::Entity::find_by_id(id).one(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)?;
        row.map(Invite::from).ok_or_else(|| Problem::not_found("invitation"))
    }

    /// The invitations that `user` made and that are neither taken nor over, newest first; all of them for an
    /// administrator.
    pub async fn invites(&self, user: UserId, from: Option<&str>, limit: usize) -> Result<Listed<Invite>> {
        let mut query = invite::Entity::find().filter(invite::Column::ExpiresAt.gt(now().timestamp_micros()));
        if self.administrator(user).await.is_err() {
            query = query.filter(invite::Column::InvitedBy.eq(*user.as_uuid()));
        }
        if let Some(id) = after::<InviteId>(from)? {
            query = query.filter(invite::Column::Id.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(invite::Column::Id)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let invites = rows.into_iter().map(Invite::from).collect();
        Ok(Listed::new(invites, limit, |invite: &Invite| invite.id.to_string()))
    }

    /// Takes an invitation back, with all that it carries.
    ///
    /// # Errors
    /// `not_found`, also for another's, unless `user` is an administrator.
    pub async fn delete_invite(&self, user: UserId, id: InviteId) -> Result<()> {
        let mut query = invite::Entity::delete_many().filter(invite::Column::Id.eq(*id.as_uuid()));
        if self.administrator(user).await.is_err() {
            query = query.filter(invite::Column::InvitedBy.eq(*user.as_uuid()));
        }
        let deleted = query.exec(&self.db).await.map_err(db)?;
        if deleted.rows_affected == 0 { Err(Problem::not_found("invitation")) } else { Ok(()) }
    }

    /// The invitation that a link is for.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn invite(&self, hash: [u8; 32]) -> Result<Invite> {
        row(&self.db, hash).await?.map(Invite::from).ok_or_else(not_good)
    }
}

async fn row(on: &impl ConnectionTrait, hash: [u8; 32]) -> Result<Option<invite::Model>> {
    invite::Entity::find()
        .filter(invite::Column::Hash.eq(hash.to_vec()))
        .filter(invite::Column::ExpiresAt.gt(now().timestamp_micros()))
        .one(on)
        .await
        .map_err(db)
}

/// Of several people who share with one address, the first one's link is good. Whether it was made now.
pub(crate) async fn find_or_create(
    on: &DatabaseTransaction,
    by: UserId,
    email: &Email,
    link: InviteLink,
) -> Result<(Uuid, bool)> {
    let at = now().timestamp_micros();
    // What it carried ends with it.
    invite::Entity::delete_many().filter(invite::Column::ExpiresAt.lte(at)).exec(on).await.map_err(db)?;
    let known = invite::Entity::find().filter(invite::Column::Email.eq(email.as_str()));
    if let Some(known) = known.one(on).await.map_err(db)? {
        return Ok((known.id, false));
    }
    let row = invite::Model {
        id: *InviteId::new().as_uuid(),
        hash: link.hash.to_vec(),
        email: email.as_str().to_owned(),
        invited_by: *by.as_uuid(),
        created_at: at,
        expires_at: link.expires_at.timestamp_micros(),
    };
    let id = row.id;
    invite::Entity::insert(invite::ActiveModel::from(row)).exec_without_returning(on).await.map_err(db)?;
    Ok((id, true))
}

/// Who takes the invitation will belong to the team.
pub(crate) async fn invite_to_team(
    on: &DatabaseTransaction,
    invite: Uuid,
    team: TeamId,
    role: TeamRole,
) -> Result<()> {
    let row = invite_team::ActiveModel {
        invite_id: Set(invite),
        team_id: Set(*team.as_uuid()),
        role: Set(role.as_str().to_owned()),
    };
    let known = OnConflict::columns([invite_team::Column::InviteId, invite_team::Column::TeamId])
        .update_column(invite_team::Column::Role)
        .to_owned();
    invite_team::Entity::insert(row).on_conflict(known).exec_without_returning(on).await.map_err(db)?;
    Ok(())
}

/// Gives a new account what its invitation carries; the invitation is over.
///
/// # Errors
/// `not_found` for a link that is not good, `invalid` for another address than the one that was invited.
pub(crate) async fn take(on: &DatabaseTransaction, hash: [u8; 32], user: UserId, email: &str) -> Result<()> {
    let invite = row(on, hash).await?.ok_or_else(not_good)?;
    if invite.email != email {
        return Err(Problem::invalid("email", "This invitation is for another e-mail address."));
    }
    let id = *user.as_uuid();
    grant::Entity::update_many()
        .col_expr(grant::Column::UserId, Expr::value(id))
        .col_expr(grant::Column::InviteId, Expr::value(Option::<Uuid>::None))
        .filter(grant::Column::InviteId.eq(invite.id))
        .exec(on)
        .await
        .map_err(db)?;
    let teams = invite_team::Entity::find()
        .filter(invite_team::Column::InviteId.eq(invite.id))
        .all(on)
        .await
        .map_err(db)?;
    for team in teams {
        let member = team_member::ActiveModel {
            team_id: Set(team.team_id),
            user_id: Set(id),
            role: Set(team.role),
            created_at: Set(now().timestamp_micros()),
        };
        team_member::Entity::insert(member).exec_without_returning(on).await.map_err(db)?;
    }
    invite::Entity::delete_by_id(invite.id).exec(on).await.map_err(db)?;
    Ok(())
}

fn not_good() -> Problem {
    Problem::new(Code::NotFound, "This invitation is not valid: it was used, taken back, or it expired.")
        .fix("Ask who invited you for a new one.")
}
