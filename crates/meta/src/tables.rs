//! Tables and their versions: which version of Mycorr's is which of the store's.

use crate::{
    Listed, Meta, after, db,
    entity::{connection, job, removed, table, user, version},
    events::{About, note},
    from_json,
    grants::{Grant, Write, access, confirm},
    jobs::{cancel_pending, give, next_fence},
    models::remove_later,
    record::{Access, Action, JobKind, JobState, Source, Table, User, Version},
    retention::staged_versions,
    time,
};
use chrono::{DateTime, Utc};
use mycorr_domain::{
    Code, ConnectionId, JobId, ModelId, Problem, Result, StoreVersion, TableId, TableName, UserId, WriteRight,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    SqlErr,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};
use std::collections::HashMap;
use uuid::Uuid;

impl Meta {
    /// A table that `user` may see, and what they may do with it.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn table(&self, user: UserId, id: TableId) -> Result<(Table, Access)> {
        let access = access(&self.db, user, id).await?;
        let mut table = self.table_of_job(id).await?;
        self.hide_connections(user, [&mut table.source]).await?;
        Ok((table, access))
    }

    /// A table, for a job that was permitted.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn table_of_job(&self, id: TableId) -> Result<Table> {
        let row = table::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("table"))?;
        Ok(self.tables_from(vec![row]).await?.remove(0))
    }

    /// The tables of a Model that can be read, by name.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn tables(
        &self,
        user: UserId,
        model: ModelId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Table>> {
        self.access(user, model).await?;
        let mut query = table::Entity::find()
            .filter(table::Column::ModelId.eq(*model.as_uuid()))
            .filter(table::Column::Head.is_not_null());
        if let Some(name) = from {
            query = query.filter(table::Column::Name.gt(name));
        }
        let rows = query
            .order_by_asc(table::Column::Name)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let mut tables = self.tables_from(rows).await?;
        self.hide_connections(user, tables.iter_mut().map(|table| &mut table.source)).await?;
        Ok(Listed::new(tables, limit, |table: &Table| table.name.clone()))
    }

    /// # Errors
    /// `conflict` for a name that is taken, `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn rename_table(&self, grant: &Grant<Write, TableId>, name: &TableName) -> Result<Table> {
        let (transaction, id) = (self.write().await?, grant.on());
        confirm(&transaction, grant).await?;
        let before = table::Entity::find_by_id(*id.as_uuid()).one(&transaction).await.map_err(db)?;
        table::Entity::update_many()
            .col_expr(table::Column::Name, Expr::value(name.as_str()))
            .filter(table::Column::Id.eq(*id.as_uuid()))
            .exec(&transaction)
            .await
            .map_err(|error| match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    Problem::new(Code::Conflict, "Another table of this Model has this name.")
                        .field("name", "Taken by another table of this Model.")
                }
                _ => db(error),
            })?;
        if let Some(before) = before {
            let about = About::Model(before.model_id, name.as_str());
            let detail = format!("from {}", before.name);
            note(&transaction, Some(grant.user()), Action::TableRenamed, about, detail).await?;
        }
        transaction.commit().await.map_err(db)?;
        Ok(self.table(grant.user(), id).await?.0)
    }

    /// Deletes a table with its versions. A job that writes it is told to stop; the files are removed later.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_table(&self, grant: &Grant<Write, TableId>) -> Result<()> {
        let (transaction, id) = (self.write().await?, grant.on());
        confirm(&transaction, grant).await?;
        cancel_pending(&transaction, job::Column::TableId.eq(*id.as_uuid())).await?;
        let before = table::Entity::find_by_id(*id.as_uuid()).one(&transaction).await.map_err(db)?;
        table::Entity::delete_by_id(*id.as_uuid()).exec(&transaction).await.map_err(db)?;
        if let Some(before) = before {
            let about = About::Model(before.model_id, &before.name);
            note(&transaction, Some(grant.user()), Action::TableDeleted, about, "").await?;
            remove_later(&transaction, id).await?;
        }
        transaction.commit().await.map_err(db)
    }

    /// One version; the newest when `number` is `None`.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn version(&self, table: &Table, number: Option<i64>) -> Result<Version> {
        let missing = || Problem::not_found("version");
        let Some(number) = number else {
            return table.head.clone().ok_or_else(|| {
                Problem::new(Code::NotFound, "The first import of this table is not done yet.")
            });
        };
        let found = version::Entity::find_by_id((*table.id.as_uuid(), number))
            .find_also_related(user::Entity)
            .one(&self.db)
            .await
            .map_err(db)?;
        let (row, creator) = found.ok_or_else(missing)?;
        version_record(row, creator.map(User::from))
    }

    /// Newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn versions(&self, table: &Table, from: Option<&str>, limit: usize) -> Result<Listed<Version>> {
        let mut query = version::Entity::find()
            .find_also_related(user::Entity)
            .filter(version::Column::TableId.eq(*table.id.as_uuid()));
        if let Some(number) = after::<i64>(from)? {
            query = query.filter(version::Column::Version.lt(number));
        }
        let rows = query
            .order_by_desc(version::Column::Version)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let versions = rows
            .into_iter()
            .map(|(row, creator)| version_record(row, creator.map(User::from)))
            .collect::<Result<_>>()?;
        Ok(Listed::new(versions, limit, |version: &Version| version.version.to_string()))
    }

    /// The version that is kept under this name.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn version_of_checkpoint(&self, table: &Table, name: &str) -> Result<Option<Version>> {
        self.newest_version(table, version::Column::Checkpoint.eq(name)).await
    }

    /// The version that was the newest at a time, of those that are left.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn version_at(&self, table: &Table, time: DateTime<Utc>) -> Result<Option<Version>> {
        self.newest_version(table, version::Column::CreatedAt.lte(time.timestamp_micros())).await
    }

    async fn newest_version(&self, table: &Table, of: SimpleExpr) -> Result<Option<Version>> {
        let found = version::Entity::find()
            .find_also_related(user::Entity)
            .filter(version::Column::TableId.eq(*table.id.as_uuid()))
            .filter(of)
            .order_by_desc(version::Column::Version)
            .one(&self.db)
            .await
            .map_err(db)?;
        found.map(|(row, creator)| version_record(row, creator.map(User::from))).transpose()
    }

    /// The right to delete the files of tables that are gone, for those that are due at the moment `at`.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim_removed(&self, at: DateTime<Utc>) -> Result<Vec<WriteRight>> {
        let due =
            removed::Entity::find().filter(removed::Column::DueAt.lte(at.timestamp_micros())).limit(100);
        if due.clone().one(&self.db).await.map_err(db)?.is_none() {
            return Ok(Vec::new());
        }
        let transaction = self.write().await?;
        let mut rights = Vec::new();
        for row in due.all(&transaction).await.map_err(db)? {
            let fence = next_fence(&transaction).await?;
            rights.push(give(TableId::from_uuid(row.table_id), JobId::new(), fence));
        }
        transaction.commit().await.map_err(db)?;
        Ok(rights)
    }

    /// The right to sweep or delete what a store holds of `table`, and what is held beside it, or `None` where there is no
    /// such table; nothing while a job writes it or its files wait for their removal.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim_leftovers(
        &self,
        table: TableId,
    ) -> Result<Option<(WriteRight, Option<Vec<StoreVersion>>)>> {
        let transaction = self.write().await?;
        let id = *table.as_uuid();
        if is_busy(&transaction, id).await?
            || removed::Entity::find_by_id(id).one(&transaction).await.map_err(db)?.is_some()
        {
            return Ok(None);
        }
        let exists = table::Entity::find_by_id(id).one(&transaction).await.map_err(db)?.is_some();
        let staged = if exists { Some(staged_versions(&transaction, table).await?) } else { None };
        let right = give(table, JobId::new(), next_fence(&transaction).await?);
        transaction.commit().await.map_err(db)?;
        Ok(Some((right, staged)))
    }

    /// The files of a removed table are gone.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn forget_removed(&self, table: TableId) -> Result<()> {
        removed::Entity::delete_by_id(*table.as_uuid()).exec(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// A connection exists for its owner alone: to others, a table comes through one, and no more is said.
    pub(crate) async fn hide_connections(
        &self,
        user: UserId,
        sources: impl IntoIterator<Item = &mut Source>,
    ) -> Result<()> {
        let sources: Vec<_> = sources.into_iter().collect();
        let ids: Vec<Uuid> =
            sources.iter().filter_map(|source| source.connection.map(|id| *id.as_uuid())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let own: Vec<Uuid> = connection::Entity::find()
            .select_only()
            .column(connection::Column::Id)
            .filter(connection::Column::Id.is_in(ids))
            .filter(connection::Column::OwnerId.eq(*user.as_uuid()))
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        for source in sources {
            source.connection = source.connection.filter(|id| own.contains(id.as_uuid()));
        }
        Ok(())
    }

    pub(crate) async fn tables_from(&self, rows: Vec<table::Model>) -> Result<Vec<Table>> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let heads = version::Entity::find()
            .find_also_related(user::Entity)
            .join(
                JoinType::InnerJoin,
                version::Entity::belongs_to(table::Entity)
                    .from(version::Column::TableId)
                    .to(table::Column::Id)
                    .into(),
            )
            .filter(version::Column::TableId.is_in(ids.clone()))
            .filter(
                Expr::col((version::Entity, version::Column::Version))
                    .equals((table::Entity, table::Column::Head)),
            )
            .all(&self.db)
            .await
            .map_err(db)?;
        let mut heads: HashMap<Uuid, _> =
            heads.into_iter().map(|(row, user)| (row.table_id, (row, user))).collect();
        let held = JobState::Held.as_str();
        let jobs: Vec<(Uuid, Uuid, String)> = job::Entity::find()
            .select_only()
            .columns([job::Column::TableId, job::Column::Id, job::Column::State])
            .filter(job::Column::TableId.is_in(ids))
            .filter(pending().add(job::Column::State.eq(held)))
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        let jobs: HashMap<(Uuid, bool), Uuid> =
            jobs.into_iter().map(|(table, id, state)| ((table, state == held), id)).collect();
        rows.into_iter()
            .map(|row| {
                let head = heads
                    .remove(&row.id)
                    .map(|(version, creator)| version_record(version, creator.map(User::from)))
                    .transpose()?;
                Ok(Table {
                    id: TableId::from_uuid(row.id),
                    model: ModelId::from_uuid(row.model_id),
                    name: row.name,
                    created_at: time(row.created_at),
                    head,
                    source: source(
                        row.connection_id,
                        row.source_schema,
                        row.source_table,
                        row.source_columns,
                        row.source_selection,
                    )?,
                    synced_at: row.synced_at.map(time),
                    job: jobs.get(&(row.id, false)).map(|id| JobId::from_uuid(*id)),
                    held: jobs.get(&(row.id, true)).map(|id| JobId::from_uuid(*id)),
                    sync_policy: row.sync_policy.as_deref().map(from_json).transpose()?.unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// Whether a job of the table is queued or running.
pub(crate) async fn is_busy(on: &impl ConnectionTrait, table: Uuid) -> Result<bool> {
    let busy = job::Entity::find().filter(job::Column::TableId.eq(table)).filter(pending());
    Ok(busy.one(on).await.map_err(db)?.is_some())
}

/// Jobs that are queued or running.
pub(crate) fn pending() -> Condition {
    Condition::any()
        .add(job::Column::State.eq(JobState::Queued.as_str()))
        .add(job::Column::State.eq(JobState::Running.as_str()))
}

pub(crate) fn source(
    connection: Option<Uuid>,
    schema: String,
    table: String,
    columns: Option<String>,
    selection: Option<String>,
) -> Result<Source> {
    let columns = columns.as_deref().map(from_json).transpose()?;
    let selection = selection.as_deref().map(from_json).transpose()?.unwrap_or_default();
    let connection = connection.map(ConnectionId::from_uuid);
    Ok(Source { connection, has_connection: connection.is_some(), schema, table, columns, selection })
}

fn version_record(row: version::Model, created_by: Option<User>) -> Result<Version> {
    Ok(Version {
        table: TableId::from_uuid(row.table_id),
        version: row.version,
        store: StoreVersion(row.store_version),
        columns: from_json::<Vec<_>>(&row.columns)?.into(),
        source: row.source.as_deref().map(from_json).transpose()?,
        rows: row.rows as u64,
        bytes: row.bytes as u64,
        size_bytes: row.size_bytes.unwrap_or(row.bytes) as u64,
        cause: JobKind::parse(&row.cause)?,
        restored_version: row.restored_version,
        created_by,
        created_at: time(row.created_at),
        checkpoint: row.checkpoint,
        receipt: match (row.verified_at, row.receipt.as_deref()) {
            (Some(at), Some(receipt)) => Some((time(at), from_json(receipt)?)),
            _ => None,
        },
    })
}
