//! Teams: people who are shared with together. Its admins own a team.

use crate::{
    Listed, Meta, after, db,
    entity::{invite, invite_team, team, team_member, user},
    grants::{Grant, Own, Read, confirm},
    invites::{self, InviteLink, invite_to_team},
    members::user_of,
    now,
    record::{Team, TeamMember, TeamRole, User, Who},
    time,
};
use mycorr_domain::{Code, Email, InviteId, Problem, ResourceName, Result, TeamId, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

impl Meta {
    /// Makes a team with one member, its admin.
    pub async fn create_team(&self, user: UserId, name: &ResourceName) -> Result<Team> {
        let transaction = self.write().await?;
        let (id, at) = (TeamId::new(), now().timestamp_micros());
        let row = team::Model { id: *id.as_uuid(), name: name.as_str().to_owned(), created_at: at };
        team::Entity::insert(team::ActiveModel::from(row))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        put(&transaction, id, user, TeamRole::Admin).await?;
        transaction.commit().await.map_err(db)?;
        self.team(&self.grant(user, id).await?).await
    }

    /// The teams of `user`, newest first.
    pub async fn teams(&self, user: UserId, from: Option<&str>, limit: usize) -> Result<Listed<Team>> {
        let mut query = team_member::Entity::find().filter(team_member::Column::UserId.eq(*user.as_uuid()));
        if let Some(id) = after::<TeamId>(from)? {
            query = query.filter(team_member::Column::TeamId.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(team_member::Column::TeamId)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let listed = Listed::new(rows, limit, |row: &team_member::Model| row.team_id.to_string());
        let mut items = Vec::new();
        for row in listed.items {
            items.push(self.team(&self.grant(user, TeamId::from_uuid(row.team_id)).await?).await?);
        }
        Ok(Listed { items, next: listed.next })
    }

    pub async fn team(&self, of: &Grant<Read, TeamId>) -> Result<Team> {
        let id = *of.on().as_uuid();
        let row = team::Entity::find_by_id(id).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("team"))?;
        let own = team_member::Entity::find_by_id((id, *of.user().as_uuid()));
        let own = own.one(&self.db).await.map_err(db)?.ok_or_else(|| Problem::not_found("team"))?;
        let members = team_member::Entity::find().filter(team_member::Column::TeamId.eq(id));
        let members = members.count(&self.db).await.map_err(db)?;
        let role = TeamRole::parse(&own.role)?;
        Ok(Team { id: of.on(), name: row.name, role, members, created_at: time(row.created_at) })
    }

    pub async fn rename_team(&self, by: &Grant<Own, TeamId>, name: &ResourceName) -> Result<()> {
        team::Entity::update_many()
            .col_expr(team::Column::Name, Expr::value(name.as_str()))
            .filter(team::Column::Id.eq(*by.on().as_uuid()))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// Deletes a team; what was granted to it is granted to nobody.
    pub async fn delete_team(&self, by: &Grant<Own, TeamId>) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, by).await?;
        team::Entity::delete_by_id(*by.on().as_uuid()).exec(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Who belongs to a team, and who was invited to it.
    pub async fn team_members(&self, of: &Grant<Read, TeamId>) -> Result<Vec<TeamMember>> {
        let id = *of.on().as_uuid();
        let people = team_member::Entity::find()
            .find_also_related(user::Entity)
            .filter(team_member::Column::TeamId.eq(id))
            .order_by_asc(team_member::Column::UserId)
            .all(&self.db)
            .await
            .map_err(db)?;
        let invited = invite_team::Entity::find()
            .find_also_related(invite::Entity)
            .filter(invite_team::Column::TeamId.eq(id))
            .filter(invite::Column::ExpiresAt.gt(now().timestamp_micros()))
            .order_by_asc(invite_team::Column::InviteId)
            .all(&self.db)
            .await
            .map_err(db)?;
        let people = people.into_iter().filter_map(|(row, user)| {
            let who = Who::User(User::from(user?));
            Some(TeamRole::parse(&row.role).map(|role| TeamMember { who, role }))
        });
        let invited = invited.into_iter().filter_map(|(row, invite)| {
            let who = Who::Invite(InviteId::from_uuid(row.invite_id), invite?.email);
            Some(TeamRole::parse(&row.role).map(|role| TeamMember { who, role }))
        });
        people.chain(invited).collect()
    }

    /// Takes somebody into a team, or changes their role; who has no account is invited. Whether they were.
    ///
    /// # Errors
    /// `conflict` for the last admin.
    pub async fn put_team_member(
        &self,
        by: &Grant<Own, TeamId>,
        email: &Email,
        role: TeamRole,
        link: InviteLink,
    ) -> Result<(TeamMember, bool)> {
        let transaction = self.write().await?;
        confirm(&transaction, by).await?;
        let (who, invited) = match user_of(&transaction, email).await? {
            Some(user) => {
                put(&transaction, by.on(), UserId::from_uuid(user.id), role).await?;
                keep_an_admin(&transaction, by.on()).await?;
                (Who::User(user.into()), false)
            }
            None => {
                let (id, new) = invites::find_or_create(&transaction, by.user(), email, link).await?;
                invite_to_team(&transaction, id, by.on(), role).await?;
                (Who::Invite(InviteId::from_uuid(id), email.as_str().to_owned()), new)
            }
        };
        transaction.commit().await.map_err(db)?;
        Ok((TeamMember { who, role }, invited))
    }

    /// Takes a person out of a team: themself, or anybody for an admin. An admin may take an invitation back as well.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `conflict` for the last admin.
    pub async fn delete_team_member(&self, by: &Grant<Read, TeamId>, user: UserId) -> Result<()> {
        let transaction = self.write().await?;
        let id = *by.on().as_uuid();
        if user != by.user() {
            let own = Grant::<Own, TeamId>::of(by);
            confirm(&transaction, &own).await?;
        }
        let gone = team_member::Entity::delete_by_id((id, *user.as_uuid()));
        let mut gone = gone.exec(&transaction).await.map_err(db)?.rows_affected;
        if gone == 0 {
            let invited = invite_team::Entity::delete_by_id((*user.as_uuid(), id));
            gone = invited.exec(&transaction).await.map_err(db)?.rows_affected;
        }
        if gone == 0 {
            return Err(Problem::not_found("member"));
        }
        keep_an_admin(&transaction, by.on()).await?;
        transaction.commit().await.map_err(db)
    }
}

async fn put(on: &DatabaseTransaction, team: TeamId, user: UserId, role: TeamRole) -> Result<()> {
    let row = team_member::ActiveModel {
        team_id: Set(*team.as_uuid()),
        user_id: Set(*user.as_uuid()),
        role: Set(role.as_str().to_owned()),
        created_at: Set(now().timestamp_micros()),
    };
    let known = OnConflict::columns([team_member::Column::TeamId, team_member::Column::UserId])
        .update_column(team_member::Column::Role)
        .to_owned();
    team_member::Entity::insert(row).on_conflict(known).exec_without_returning(on).await.map_err(db)?;
    Ok(())
}

async fn keep_an_admin(on: &DatabaseTransaction, team: TeamId) -> Result<()> {
    let admins = team_member::Entity::find()
        .filter(team_member::Column::TeamId.eq(*team.as_uuid()))
        .filter(team_member::Column::Role.eq(TeamRole::Admin.as_str()))
        .count(on)
        .await
        .map_err(db)?;
    if admins == 0 {
        return Err(Problem::new(Code::Conflict, "This is the last admin of the team.")
            .fix("Make somebody else an admin first, or delete the team."));
    }
    Ok(())
}
