//! Models.

use crate::{
    Listed, Meta, after, db,
    entity::{model, removed, table, user},
    events::note_of_model,
    grants::{Grant, Own, access_of, confirm, is_visible},
    members::{Place, Whom, give},
    notices::tell_transferred,
    now,
    record::{Access, Action, Model},
    time,
};
use mycorr_domain::{Email, ModelId, Problem, ResourceName, Result, TableId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use std::collections::HashMap;
use uuid::Uuid;

impl Meta {
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn create_model(&self, user: UserId, name: &ResourceName) -> Result<Model> {
        let id = ModelId::new();
        let row = model::Model {
            id: *id.as_uuid(),
            owner_id: *user.as_uuid(),
            name: name.as_str().to_owned(),
            created_at: now().timestamp_micros(),
        };
        let transaction = self.write().await?;
        model::Entity::insert(model::ActiveModel::from(row))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        note_of_model(&transaction, user, Action::ModelCreated, id, "").await?;
        transaction.commit().await.map_err(db)?;
        self.model(user, id).await
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn model(&self, user: UserId, id: ModelId) -> Result<Model> {
        let access = self.access(user, id).await?;
        let found = model::Entity::find_by_id(*id.as_uuid())
            .find_also_related(user::Entity)
            .one(&self.db)
            .await
            .map_err(db)?;
        let Some((model, Some(owner))) = found else { return Err(Problem::not_found("Model")) };
        let tables = self.table_counts(vec![model.id]).await?;
        Ok(record(model, owner, access, &tables))
    }

    /// The Models that `user` may see, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn models(&self, user: UserId, from: Option<&str>, limit: usize) -> Result<Listed<Model>> {
        let mut query = model::Entity::find().find_also_related(user::Entity).filter(is_visible(user));
        if let Some(id) = after::<ModelId>(from)? {
            query = query.filter(model::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(model::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let ids: Vec<Uuid> = rows.iter().map(|(model, _)| model.id).collect();
        let accesses = self.accesses(user, &ids).await?;
        let tables = self.table_counts(ids).await?;
        let models = rows
            .into_iter()
            .filter_map(|(model, owner)| {
                let access = *accesses.get(&model.id)?;
                Some(record(model, owner?, access, &tables))
            })
            .collect();
        Ok(Listed::new(models, limit, |model: &Model| model.id.to_string()))
    }

    /// Hands a Model over: who owned it stays as a collaborator.
    ///
    /// # Errors
    /// `not_found` for an account that is not there or disabled.
    pub async fn transfer_model(&self, grant: &Grant<Own>, to: &Email) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let heir = user::Entity::find()
            .filter(user::Column::Email.eq(to.as_str()))
            .filter(user::Column::DisabledAt.is_null())
            .one(&transaction)
            .await
            .map_err(db)?;
        let heir =
            heir.ok_or_else(|| Problem::invalid("email", "Nobody has an account with this address."))?;
        if heir.id == *grant.user().as_uuid() {
            return Err(Problem::invalid("email", "You own this Model already."));
        }
        let model = *grant.on().as_uuid();
        model::Entity::update_many()
            .col_expr(model::Column::OwnerId, Expr::value(heir.id))
            .filter(model::Column::Id.eq(model))
            .exec(&transaction)
            .await
            .map_err(db)?;
        give(&transaction, Place::Model(grant.on()), Whom::User(heir.id), None).await?;
        give(
            &transaction,
            Place::Model(grant.on()),
            Whom::User(*grant.user().as_uuid()),
            Some(Access::Collaborator),
        )
        .await?;
        tell_transferred(&transaction, heir.id, grant.user(), grant.on()).await?;
        let detail = format!("to {}", to.as_str());
        note_of_model(&transaction, grant.user(), Action::ModelTransferred, grant.on(), detail).await?;
        transaction.commit().await.map_err(db)
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn rename_model(&self, grant: &Grant<Own>, name: &ResourceName) -> Result<Model> {
        let (transaction, id) = (self.write().await?, grant.on());
        confirm(&transaction, grant).await?;
        model::Entity::update_many()
            .col_expr(model::Column::Name, Expr::value(name.as_str()))
            .filter(model::Column::Id.eq(*id.as_uuid()))
            .exec(&transaction)
            .await
            .map_err(db)?;
        note_of_model(&transaction, grant.user(), Action::ModelRenamed, id, "").await?;
        transaction.commit().await.map_err(db)?;
        self.model(grant.user(), id).await
    }

    /// Deletes a Model with its tables and jobs. A worker that still writes one of its tables finds its lease
    /// gone; the files are removed later (see [`Meta::pending_deletions`]).
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_model(&self, grant: &Grant<Own>) -> Result<()> {
        let (transaction, id) = (self.write().await?, grant.on());
        confirm(&transaction, grant).await?;
        let tables: Vec<Uuid> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .filter(table::Column::ModelId.eq(*id.as_uuid()))
            .into_tuple()
            .all(&transaction)
            .await
            .map_err(db)?;
        for table in tables {
            remove_later(&transaction, TableId::from_uuid(table)).await?;
        }
        note_of_model(&transaction, grant.user(), Action::ModelDeleted, id, "").await?;
        model::Entity::delete_by_id(*id.as_uuid()).exec(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    async fn accesses(&self, user: UserId, models: &[Uuid]) -> Result<HashMap<Uuid, Access>> {
        let ranks: Vec<(Uuid, i32)> = model::Entity::find()
            .select_only()
            .column(model::Column::Id)
            .expr_as(access_of(user, false), "access")
            .filter(model::Column::Id.is_in(models.iter().copied()))
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(ranks.into_iter().filter_map(|(id, rank)| Some((id, Access::of_rank(rank)?))).collect())
    }

    async fn table_counts(&self, models: Vec<Uuid>) -> Result<HashMap<Uuid, i64>> {
        let counts: Vec<(Uuid, i64)> = table::Entity::find()
            .select_only()
            .column(table::Column::ModelId)
            .column_as(table::Column::Id.count(), "tables")
            .filter(table::Column::ModelId.is_in(models))
            .filter(table::Column::Head.is_not_null())
            .group_by(table::Column::ModelId)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(counts.into_iter().collect())
    }
}

fn record(model: model::Model, owner: user::Model, access: Access, tables: &HashMap<Uuid, i64>) -> Model {
    Model {
        id: ModelId::from_uuid(model.id),
        name: model.name,
        owner: owner.into(),
        access,
        tables: tables.get(&model.id).copied().unwrap_or_default() as u64,
        created_at: time(model.created_at),
    }
}

/// How long after its removal a table's files are deleted: by then a worker that was writing them has seen
/// that its lease is gone.
const REMOVAL_DELAY: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// Notes that the files of a table are to be deleted.
pub(crate) async fn remove_later(on: &impl ConnectionTrait, table: TableId) -> Result<()> {
    let due_at = (now() + REMOVAL_DELAY).timestamp_micros();
    removed::Entity::insert(removed::ActiveModel { table_id: Set(*table.as_uuid()), due_at: Set(due_at) })
        .exec_without_returning(on)
        .await
        .map_err(db)?;
    Ok(())
}
