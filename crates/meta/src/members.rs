//! Who may see a Model or a table, besides its owner: people, teams, and who was invited.

use crate::{
    Meta, db,
    entity::{grant, invite, model, team, team_member, user},
    events::note_of_model,
    grants::{Grant, Own, Read, access, confirm},
    invites::{self, InviteLink},
    notices::tell_shared,
    now,
    record::{Access, Action, Member, User, Who},
};
use mycorr_domain::{Code, Email, InviteId, MemberId, ModelId, Problem, Result, TableId, TeamId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, sea_query::OnConflict,
};
use std::collections::HashMap;
use uuid::Uuid;

/// Whom something is shared with.
pub enum NewMember<'a> {
    /// Who has no account is invited, by the link.
    Email(&'a Email, InviteLink),
    Team(TeamId),
}

/// On what something is granted.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Model(ModelId),
    Table(TableId),
}

/// To whom.
#[derive(Clone, Copy)]
pub(crate) enum Whom {
    User(Uuid),
    Team(Uuid),
    Invite(Uuid),
}

impl Meta {
    /// Who may see a Model, the owner first.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn members(&self, of: &Grant<Read>) -> Result<Vec<Member>> {
        let owner = model::Entity::find_by_id(*of.on().as_uuid())
            .find_also_related(user::Entity)
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((_, Some(owner))) = owner else { return Err(Problem::not_found("Model")) };
        let owner = Member { id: None, who: Who::User(owner.into()), access: Access::Owner, via: None };
        let granted = self.granted(grant::Column::ModelId.eq(*of.on().as_uuid())).await?;
        self.through_teams(std::iter::once(owner).chain(granted).collect()).await
    }

    /// Who may see a table besides those who may see its Model.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn table_members(&self, of: &Grant<Read, TableId>) -> Result<Vec<Member>> {
        let granted = self.granted(grant::Column::TableId.eq(*of.on().as_uuid())).await?;
        self.through_teams(granted).await
    }

    /// Shares a Model, or changes what a member may do. Whether somebody was invited for it.
    ///
    /// # Errors
    /// `invalid` for the owner; `not_found` for a team that is not the caller's.
    pub async fn put_member(
        &self,
        by: &Grant<Own>,
        new: NewMember<'_>,
        access: Access,
    ) -> Result<(Member, bool)> {
        let transaction = self.write().await?;
        confirm(&transaction, by).await?;
        self.put(transaction, by.user(), by.on(), Place::Model(by.on()), new, access).await
    }

    /// Shows a table alone. `by` is the owner of its Model.
    ///
    /// # Errors
    /// As [`Meta::put_member`].
    pub async fn put_table_member(
        &self,
        by: &Grant<Own, TableId>,
        new: NewMember<'_>,
    ) -> Result<(Member, bool)> {
        let model = self.table_of_job(by.on()).await?.model;
        let transaction = self.write().await?;
        confirm(&transaction, by).await?;
        self.put(transaction, by.user(), model, Place::Table(by.on()), new, Access::Viewer).await
    }

    async fn put(
        &self,
        transaction: DatabaseTransaction,
        by: UserId,
        model: ModelId,
        place: Place,
        new: NewMember<'_>,
        rank: Access,
    ) -> Result<(Member, bool)> {
        let mut invited = false;
        let name = match &new {
            NewMember::Team(team) => format!("team {team}"),
            NewMember::Email(email, _) => email.as_str().to_owned(),
        };
        let whom = match new {
            NewMember::Team(team) => {
                access(&transaction, by, team).await?;
                Whom::Team(*team.as_uuid())
            }
            NewMember::Email(email, link) => match user_of(&transaction, email).await? {
                Some(user) => Whom::User(user.id),
                None => {
                    let (id, new) = invites::find_or_create(&transaction, by, email, link).await?;
                    invited = new;
                    Whom::Invite(id)
                }
            },
        };
        let owner = model::Entity::find_by_id(*model.as_uuid()).one(&transaction).await.map_err(db)?;
        if let (Whom::User(user), Some(owner)) = (whom, owner)
            && user == owner.owner_id
        {
            return Err(Problem::invalid("email", "This is the owner, who may do everything already."));
        }
        tell_shared(&transaction, by, model, place, whom).await?;
        let id = give(&transaction, place, whom, Some(rank)).await?;
        let what = match place {
            Place::Model(_) => rank.as_str(),
            Place::Table(_) => "viewer of one table",
        };
        let detail = format!("{name}: {what}");
        note_of_model(&transaction, by, Action::MemberAdded, model, detail).await?;
        transaction.commit().await.map_err(db)?;
        let member = self.granted(grant::Column::Id.eq(id)).await?.pop();
        Ok((member.ok_or_else(|| Problem::not_found("member"))?, invited))
    }

    /// Takes a member's access away; a person may take away their own.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for another's, unless `by` owns the Model.
    pub async fn delete_member(&self, by: &Grant<Read>, id: MemberId) -> Result<()> {
        let transaction = self.write().await?;
        let of = grant::Column::ModelId.eq(*by.on().as_uuid());
        let rank = access(&transaction, by.user(), by.on()).await?;
        delete(transaction, by.user(), rank, by.on(), id, of).await
    }

    /// The same of a table alone.
    ///
    /// # Errors
    /// As [`Meta::delete_member`].
    pub async fn delete_table_member(&self, by: &Grant<Read, TableId>, id: MemberId) -> Result<()> {
        let model = self.table_of_job(by.on()).await?.model;
        let transaction = self.write().await?;
        let of = grant::Column::TableId.eq(*by.on().as_uuid());
        let rank = access(&transaction, by.user(), by.on()).await?;
        delete(transaction, by.user(), rank, model, id, of).await
    }

    /// Adds what each person may do through the teams among `members`: to their own entry, or as another one.
    async fn through_teams(&self, mut members: Vec<Member>) -> Result<Vec<Member>> {
        let teams: HashMap<Uuid, (String, Access)> = members
            .iter()
            .filter_map(|member| match &member.who {
                Who::Team(id, name) => Some((*id.as_uuid(), (name.clone(), member.access))),
                Who::User(_) | Who::Invite(..) => None,
            })
            .collect();
        let people = team_member::Entity::find()
            .find_also_related(user::Entity)
            .filter(team_member::Column::TeamId.is_in(teams.keys().copied()))
            .order_by_asc(team_member::Column::CreatedAt)
            .order_by_asc(team_member::Column::UserId)
            .all(&self.db)
            .await
            .map_err(db)?;
        for (belongs, person) in people {
            let (Some((team, access)), Some(person)) = (teams.get(&belongs.team_id), person) else {
                continue;
            };
            let known = members
                .iter_mut()
                .find(|member| matches!(&member.who, Who::User(user) if *user.id.as_uuid() == person.id));
            match known {
                Some(known) if known.access >= *access => {}
                Some(known) => (known.access, known.via) = (*access, Some(team.clone())),
                None => members.push(Member {
                    id: None,
                    who: Who::User(person.into()),
                    access: *access,
                    via: Some(team.clone()),
                }),
            }
        }
        Ok(members)
    }

    async fn granted(&self, which: impl Into<sea_orm::Condition>) -> Result<Vec<Member>> {
        let which: sea_orm::Condition = which.into();
        let rows = grant::Entity::find()
            .filter(which)
            .order_by_asc(grant::Column::Id)
            .all(&self.db)
            .await
            .map_err(db)?;
        let ids = |of: fn(&grant::Model) -> Option<Uuid>| rows.iter().filter_map(of).collect::<Vec<_>>();
        let users: HashMap<Uuid, user::Model> = user::Entity::find()
            .filter(user::Column::Id.is_in(ids(|row| row.user_id)))
            .all(&self.db)
            .await
            .map_err(db)?
            .into_iter()
            .map(|user| (user.id, user))
            .collect();
        let teams: HashMap<Uuid, String> = team::Entity::find()
            .filter(team::Column::Id.is_in(ids(|row| row.team_id)))
            .all(&self.db)
            .await
            .map_err(db)?
            .into_iter()
            .map(|team| (team.id, team.name))
            .collect();
        let invites: HashMap<Uuid, String> = invite::Entity::find()
            .filter(invite::Column::Id.is_in(ids(|row| row.invite_id)))
            .filter(invite::Column::ExpiresAt.gt(now().timestamp_micros()))
            .all(&self.db)
            .await
            .map_err(db)?
            .into_iter()
            .map(|invite| (invite.id, invite.email))
            .collect();
        let member = |row: grant::Model| {
            let who = if let Some(id) = row.user_id {
                Who::User(User::from(users.get(&id)?.clone()))
            } else if let Some(id) = row.team_id {
                Who::Team(TeamId::from_uuid(id), teams.get(&id)?.clone())
            } else {
                let id = row.invite_id?;
                Who::Invite(InviteId::from_uuid(id), invites.get(&id)?.clone())
            };
            let id = Some(MemberId::from_uuid(row.id));
            Some(Member { id, who, access: Access::of_rank(row.access)?, via: None })
        };
        Ok(rows.into_iter().filter_map(member).collect())
    }
}

async fn delete(
    transaction: DatabaseTransaction,
    by: UserId,
    rank: Access,
    model: ModelId,
    id: MemberId,
    of: impl Into<sea_orm::Condition>,
) -> Result<()> {
    let of: sea_orm::Condition = of.into();
    let row = grant::Entity::find_by_id(*id.as_uuid()).filter(of).one(&transaction).await.map_err(db)?;
    let row = row.ok_or_else(|| Problem::not_found("member"))?;
    if rank != Access::Owner && row.user_id != Some(*by.as_uuid()) {
        return Err(Problem::new(Code::Forbidden, "Only the owner of this Model can do that."));
    }
    let name = name_of(&transaction, &row).await?;
    grant::Entity::delete_by_id(row.id).exec(&transaction).await.map_err(db)?;
    note_of_model(&transaction, by, Action::MemberRemoved, model, name).await?;
    transaction.commit().await.map_err(db)
}

/// As activity and audit call a member.
async fn name_of(on: &impl ConnectionTrait, row: &grant::Model) -> Result<String> {
    Ok(match (row.user_id, row.team_id, row.invite_id) {
        (Some(id), ..) => {
            let user = user::Entity::find_by_id(id).one(on).await.map_err(db)?;
            user.map(|user| user.email).unwrap_or_default()
        }
        (_, Some(id), _) => format!("team {id}"),
        (.., Some(id)) => {
            let invite = invite::Entity::find_by_id(id).one(on).await.map_err(db)?;
            invite.map(|invite| invite.email).unwrap_or_default()
        }
        _ => String::new(),
    })
}

pub(crate) async fn user_of(on: &impl ConnectionTrait, email: &Email) -> Result<Option<user::Model>> {
    user::Entity::find().filter(user::Column::Email.eq(email.as_str())).one(on).await.map_err(db)
}

/// Sets what somebody may do; `None` takes it away. The id of the grant.
pub(crate) async fn give(
    on: &DatabaseTransaction,
    place: Place,
    whom: Whom,
    access: Option<Access>,
) -> Result<Uuid> {
    let (place_column, model_id, table_id) = match place {
        Place::Model(id) => (grant::Column::ModelId, Some(*id.as_uuid()), None),
        Place::Table(id) => (grant::Column::TableId, None, Some(*id.as_uuid())),
    };
    let (whom_column, user_id, team_id, invite_id) = match whom {
        Whom::User(id) => (grant::Column::UserId, Some(id), None, None),
        Whom::Team(id) => (grant::Column::TeamId, None, Some(id), None),
        Whom::Invite(id) => (grant::Column::InviteId, None, None, Some(id)),
    };
    let same = sea_orm::Condition::all()
        .add(place_column.eq(model_id.or(table_id)))
        .add(whom_column.eq(user_id.or(team_id).or(invite_id)));
    let Some(access) = access else {
        grant::Entity::delete_many().filter(same).exec(on).await.map_err(db)?;
        return Ok(Uuid::nil());
    };
    let row = grant::ActiveModel {
        id: Set(*MemberId::new().as_uuid()),
        model_id: Set(model_id),
        table_id: Set(table_id),
        user_id: Set(user_id),
        team_id: Set(team_id),
        invite_id: Set(invite_id),
        access: Set(access.rank()),
        created_at: Set(now().timestamp_micros()),
    };
    let known =
        OnConflict::columns([place_column, whom_column]).update_column(grant::Column::Access).to_owned();
    grant::Entity::insert(row).on_conflict(known).exec_without_returning(on).await.map_err(db)?;
    let row = grant::Entity::find().filter(same).one(on).await.map_err(db)?;
    row.map(|row| row.id).ok_or_else(|| Problem::bug("the grant just written is not there"))
}
