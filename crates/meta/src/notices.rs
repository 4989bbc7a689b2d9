//! What people are told of without asking: written in the transaction of what it is about, with a delivery for each way
//! on which it leaves.

use crate::{
    Listed, Meta, after, db, deliveries,
    entity::{grant, job, model, notice, notice_reader, table, team_member, user},
    grants::is_visible,
    members::{Place, Whom},
    now,
    record::{Access, Notice, NoticeKind},
    time,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, JobId, ModelId, NoticeId, Problem, Result, TableId, UserId};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, sea_query::Expr,
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// How long notices are kept.
const RETENTION: TimeDelta = TimeDelta::days(90);
/// So many are removed in one transaction.
const PRUNE_ROWS: u64 = 500;

/// Tells all who may change the Model of a job's table, and its webhook.
pub(crate) async fn tell_of_table(
    on: &DatabaseTransaction,
    kind: NoticeKind,
    job: &job::Model,
    code: Option<Code>,
) -> Result<()> {
    let Some(model) = model::Entity::find_by_id(job.model_id).one(on).await.map_err(db)? else {
        return Ok(());
    };
    let notice = notice::Model {
        model_id: Some(model.id),
        model_name: model.name.clone(),
        table_id: Some(job.table_id),
        table_name: job.table_name.clone(),
        job_id: Some(job.id),
        code: code.map(|code| code.as_str().to_owned()),
        ..new(kind)
    };
    let people = may_change(on, &model).await?;
    tell(on, &notice, &people).await?;
    deliveries::send_webhook(on, &notice).await
}

/// Tells a person that a Model, or one table of it, is shared with them from now on.
pub(crate) async fn tell_shared(
    on: &DatabaseTransaction,
    by: UserId,
    model: ModelId,
    place: Place,
    whom: Whom,
) -> Result<()> {
    let Whom::User(to) = whom else { return Ok(()) };
    let known = match place {
        Place::Model(id) => grant::Column::ModelId.eq(*id.as_uuid()),
        Place::Table(id) => grant::Column::TableId.eq(*id.as_uuid()),
    };
    let known = grant::Entity::find().filter(known).filter(grant::Column::UserId.eq(to));
    if known.one(on).await.map_err(db)?.is_some() {
        return Ok(());
    }
    let notice = match place {
        Place::Model(_) => of_model(on, NoticeKind::Shared, model).await?,
        // Who sees one table alone does not learn the Model's name.
        Place::Table(id) => {
            let table = table::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)?;
            let table_name = table.map(|table| table.name).unwrap_or_default();
            notice::Model { table_id: Some(*id.as_uuid()), table_name, ..new(NoticeKind::Shared) }
        }
    };
    tell_person(on, notice, to, by).await
}

/// Tells a person that a Model is theirs from now on.
pub(crate) async fn tell_transferred(
    on: &DatabaseTransaction,
    to: Uuid,
    by: UserId,
    model: ModelId,
) -> Result<()> {
    let notice = of_model(on, NoticeKind::Transferred, model).await?;
    tell_person(on, notice, to, by).await
}

async fn of_model(on: &DatabaseTransaction, kind: NoticeKind, id: ModelId) -> Result<notice::Model> {
    let model = model::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)?;
    let model_name = model.map(|model| model.name).unwrap_or_default();
    Ok(notice::Model { model_id: Some(*id.as_uuid()), model_name, ..new(kind) })
}

async fn tell_person(on: &DatabaseTransaction, notice: notice::Model, to: Uuid, by: UserId) -> Result<()> {
    let by = user::Entity::find_by_id(*by.as_uuid()).one(on).await.map_err(db)?;
    let Some(to) = user::Entity::find_by_id(to).one(on).await.map_err(db)? else { return Ok(()) };
    tell(on, &notice::Model { actor: by.map(|by| by.name), ..notice }, &[to]).await
}

fn new(kind: NoticeKind) -> notice::Model {
    notice::Model {
        id: *NoticeId::new().as_uuid(),
        at: now().timestamp_micros(),
        kind: kind.as_str().to_owned(),
        model_id: None,
        model_name: String::new(),
        table_id: None,
        table_name: String::new(),
        job_id: None,
        code: None,
        actor: None,
    }
}

async fn tell(on: &DatabaseTransaction, notice: &notice::Model, people: &[user::Model]) -> Result<()> {
    let row = notice::ActiveModel::from(notice.clone());
    notice::Entity::insert(row).exec_without_returning(on).await.map_err(db)?;
    let readers: Vec<notice_reader::ActiveModel> = people
        .iter()
        .map(|person| notice_reader::Model { notice_id: notice.id, user_id: person.id, read_at: None }.into())
        .collect();
    if !readers.is_empty() {
        notice_reader::Entity::insert_many(readers).exec_without_returning(on).await.map_err(db)?;
    }
    deliveries::send_mails(on, notice, people).await
}

/// The owner of a Model and its collaborators, also those of a team, but for disabled accounts.
async fn may_change(on: &DatabaseTransaction, model: &model::Model) -> Result<Vec<user::Model>> {
    let grants = grant::Entity::find()
        .filter(grant::Column::ModelId.eq(model.id))
        .filter(grant::Column::Access.gte(Access::Collaborator.rank()))
        .all(on)
        .await
        .map_err(db)?;
    let teams: Vec<Uuid> = grants.iter().filter_map(|grant| grant.team_id).collect();
    let mut people: BTreeSet<Uuid> = grants.iter().filter_map(|grant| grant.user_id).collect();
    people.insert(model.owner_id);
    if !teams.is_empty() {
        let members = team_member::Entity::find().filter(team_member::Column::TeamId.is_in(teams));
        people.extend(members.all(on).await.map_err(db)?.into_iter().map(|member| member.user_id));
    }
    user::Entity::find()
        .filter(user::Column::Id.is_in(people))
        .filter(user::Column::DisabledAt.is_null())
        .order_by_asc(user::Column::Id)
        .all(on)
        .await
        .map_err(db)
}

impl Meta {
    /// What `user` was told, newest first, of what they still may see.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn notices(&self, user: UserId, from: Option<&str>, limit: usize) -> Result<Listed<Notice>> {
        let mut query = told(user);
        if let Some(id) = after::<NoticeId>(from)? {
            query = query.filter(notice::Column::Id.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(notice::Column::Id)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let read: HashMap<Uuid, Option<i64>> = notice_reader::Entity::find()
            .filter(notice_reader::Column::UserId.eq(*user.as_uuid()))
            .filter(notice_reader::Column::NoticeId.is_in(ids))
            .all(&self.db)
            .await
            .map_err(db)?
            .into_iter()
            .map(|row| (row.notice_id, row.read_at))
            .collect();
        let notice = |row: notice::Model| {
            Ok(Notice {
                id: NoticeId::from_uuid(row.id),
                at: time(row.at),
                kind: NoticeKind::parse(&row.kind)?,
                model: row.model_id.map(ModelId::from_uuid),
                model_name: row.model_name,
                table: row.table_id.map(TableId::from_uuid),
                table_name: row.table_name,
                job: row.job_id.map(JobId::from_uuid),
                code: row.code.as_deref().and_then(Code::parse),
                actor: row.actor,
                read_at: read.get(&row.id).copied().flatten().map(time),
            })
        };
        let notices = rows.into_iter().map(notice).collect::<Result<_>>()?;
        Ok(Listed::new(notices, limit, |notice: &Notice| notice.id.to_string()))
    }

    /// How many of them were not read yet.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn unread_notices(&self, user: UserId) -> Result<u64> {
        told(user).filter(notice_reader::Column::ReadAt.is_null()).count(&self.db).await.map_err(db)
    }

    /// Marks one notice as read; all of them where none is named.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn read_notice(&self, user: UserId, id: Option<NoticeId>) -> Result<()> {
        let mut mine = Condition::all().add(notice_reader::Column::UserId.eq(*user.as_uuid()));
        if let Some(id) = id {
            mine = mine.add(notice_reader::Column::NoticeId.eq(*id.as_uuid()));
            let known = notice_reader::Entity::find().filter(mine.clone());
            known.one(&self.db).await.map_err(db)?.ok_or_else(|| Problem::not_found("notice"))?;
        }
        notice_reader::Entity::update_many()
            .col_expr(notice_reader::Column::ReadAt, Expr::value(now().timestamp_micros()))
            .filter(mine)
            .filter(notice_reader::Column::ReadAt.is_null())
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// Removes a slice of what is older at `at` than it is kept. False once nothing is.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn prune_notices(&self, at: DateTime<Utc>) -> Result<bool> {
        let old: Vec<Uuid> = notice::Entity::find()
            .select_only()
            .column(notice::Column::Id)
            .filter(notice::Column::At.lt((at - RETENTION).timestamp_micros()))
            .order_by_asc(notice::Column::Id)
            .limit(PRUNE_ROWS)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        if old.is_empty() {
            return self.prune_deliveries(at - RETENTION, PRUNE_ROWS).await;
        }
        notice::Entity::delete_many()
            .filter(notice::Column::Id.is_in(old))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(true)
    }
}

fn told(user: UserId) -> Select<notice::Entity> {
    let models = model::Entity::find().select_only().column(model::Column::Id).filter(is_visible(user));
    let reader = notice::Entity::belongs_to(notice_reader::Entity)
        .from(notice::Column::Id)
        .to(notice_reader::Column::NoticeId);
    notice::Entity::find()
        .join(JoinType::InnerJoin, reader.into())
        .filter(notice_reader::Column::UserId.eq(*user.as_uuid()))
        .filter(
            Condition::any()
                .add(notice::Column::ModelId.is_null())
                .add(notice::Column::ModelId.in_subquery(models.into_query())),
        )
}

/// Whether a process sends mail.
pub(crate) async fn has_mail(on: &impl ConnectionTrait) -> Result<bool> {
    let row = crate::entity::outbox_setting::Entity::find_by_id(1).one(on).await.map_err(db)?;
    Ok(row.is_some_and(|row| row.mail_until > now().timestamp_micros()))
}
