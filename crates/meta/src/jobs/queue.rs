//! Who asks for jobs, and who takes it back.

use super::{
    cancelled, claim, finish,
    insert::{insert_job, under_way},
    job_row, lease,
};
use crate::{
    Meta,
    connections::owned_on,
    db,
    entity::{connection, job, table, version},
    events::{About, note},
    from_json,
    grants::{Grant, Write, confirm},
    now,
    record::{Action, Job, JobKind, JobState, SyncBy, Table},
    tables::{is_busy, pending},
    to_json,
};
use chrono::TimeDelta;
use mycorr_domain::{
    Code, ConnectionId, Filter, JobId, Mask, Problem, Result, Selection, SourceChecksums, TableId, TableName,
    UserId,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{ExprTrait, IntoCondition},
};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

pub struct NewImport {
    pub connection: ConnectionId,
    pub schema: String,
    pub table: String,
    pub name: TableName,
    pub columns: Option<Vec<String>>,
    pub selection: Selection,
    /// Whether the version is compared with its source afterwards.
    pub verify: bool,
}

/// Where a table is to come from; its schema and name stay when left out.
pub struct NewSource {
    pub connection: ConnectionId,
    pub schema: Option<String>,
    pub table: Option<String>,
    /// Conditions and masks; as before when left out.
    pub filter: Option<Vec<Filter>>,
    pub masks: Option<BTreeMap<String, Mask>>,
}

impl Meta {
    /// Queues the import of a table, and reserves its name in the Model; a number is added if it is taken.
    /// It reads through a connection of the same person.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn queue_import(&self, grant: &Grant<Write>, new: NewImport) -> Result<(Job, Table)> {
        let (user, model) = (grant.user(), grant.on());
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        owned_on(&transaction, user, new.connection).await?;
        let taken: HashSet<String> = table::Entity::find()
            .select_only()
            .column(table::Column::Name)
            .filter(table::Column::ModelId.eq(*model.as_uuid()))
            .into_tuple()
            .all(&transaction)
            .await
            .map_err(db)?
            .into_iter()
            .collect();
        let row = table::Model {
            id: *TableId::new().as_uuid(),
            model_id: *model.as_uuid(),
            name: free_name(new.name.as_str(), &taken),
            created_at: now().timestamp_micros(),
            head: None,
            connection_id: Some(*new.connection.as_uuid()),
            source_schema: new.schema,
            source_table: new.table,
            source_columns: new.columns.as_ref().map(to_json),
            source_selection: selection(&new.selection),
            synced_at: None,
            sync_policy: None,
        };
        table::Entity::insert(table::ActiveModel::from(row.clone()))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        let job = insert_job(&transaction, JobKind::Import, user, &row, None).await?;
        if new.verify {
            let asked =
                job::ActiveModel { id: Set(*job.id.as_uuid()), verify: Set(true), ..Default::default() };
            asked.update_without_returning(&transaction).await.map_err(db)?;
        }
        transaction.commit().await.map_err(db)?;
        Ok((job, self.table(user, TableId::from_uuid(row.id)).await?.0))
    }

    /// Queues a comparison of the newest version with its source.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending or where there is no version or no connection,
    /// `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn queue_verify(&self, grant: &Grant<Write, TableId>) -> Result<Job> {
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        check_sync_by(&transaction, grant.user(), row.connection_id).await?;
        if row.head.is_none() || row.connection_id.is_none() {
            return Err(Problem::new(
                Code::Conflict,
                "There is nothing to compare: the table has no version yet, or its connection was deleted.",
            )
            .fix(
                "Point the table at another connection of yours (Use another connection), then try again.",
            ));
        }
        let job = insert_job(&transaction, JobKind::Verify, grant.user(), &row, None).await?;
        transaction.commit().await.map_err(db)?;
        self.job(grant.user(), job.id).await
    }

    /// Queues a sync. `conflict` if a job of the table is pending already.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending or where there is no connection, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn queue_sync(&self, grant: &Grant<Write, TableId>) -> Result<Job> {
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        check_sync_by(&transaction, grant.user(), row.connection_id).await?;
        if row.connection_id.is_none() {
            return Err(Problem::new(
                Code::Conflict,
                "The connection that this table came through was deleted, so it can't be synced.",
            )
            .fix(
                "Point the table at another connection of yours (Use another connection), then sync again.",
            ));
        }
        let job = insert_job(&transaction, JobKind::Sync, grant.user(), &row, None).await?;
        transaction.commit().await.map_err(db)?;
        self.job(grant.user(), job.id).await
    }

    /// Points a table at another source, through a connection of the same person; the next sync reads there.
    /// `conflict` while a job of the table is pending.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn set_source(&self, grant: &Grant<Write, TableId>, source: NewSource) -> Result<Table> {
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        owned_on(&transaction, grant.user(), source.connection).await?;
        if is_busy(&transaction, row.id).await? {
            return Err(under_way());
        }
        let mut wanted: Selection =
            row.source_selection.as_deref().map(from_json).transpose()?.unwrap_or_default();
        wanted.filter = source.filter.unwrap_or(wanted.filter);
        wanted.masks = source.masks.unwrap_or(wanted.masks);
        let chosen: Option<Vec<String>> = row.source_columns.as_deref().map(from_json).transpose()?;
        wanted.check(chosen.as_deref())?;
        let changed = table::ActiveModel {
            id: Set(row.id),
            source_selection: Set(selection(&wanted)),
            connection_id: Set(Some(*source.connection.as_uuid())),
            source_schema: Set(source.schema.unwrap_or(row.source_schema)),
            source_table: Set(source.table.unwrap_or(row.source_table)),
            ..Default::default()
        };
        let (model, name) = (row.model_id, row.name);
        changed.update_without_returning(&transaction).await.map_err(db)?;
        let about = About::Model(model, &name);
        note(&transaction, Some(grant.user()), Action::SourceChanged, about, "").await?;
        transaction.commit().await.map_err(db)?;
        Ok(self.table(grant.user(), grant.on()).await?.0)
    }

    /// Makes a job that restores `version`, claimed by the caller at once.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn start_restore(
        &self,
        grant: &Grant<Write, TableId>,
        number: i64,
        lease: TimeDelta,
    ) -> Result<lease::ClaimedJob> {
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        let exists = version::Entity::find_by_id((row.id, number)).one(&transaction).await.map_err(db)?;
        if exists.is_none() {
            return Err(Problem::not_found("version"));
        }
        let job = insert_job(&transaction, JobKind::Restore, grant.user(), &row, Some(number)).await?;
        let row = job_row(&transaction, job.id).await?.ok_or_else(|| Problem::bug("job just inserted"))?;
        let work =
            claim::take(&transaction, row, lease).await?.ok_or_else(|| Problem::bug("job just inserted"))?;
        transaction.commit().await.map_err(db)?;
        Ok(work)
    }

    /// Asks a job to stop: at once if it still waits, soon if it runs, not at all if it is over.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn cancel_job(&self, grant: &Grant<Write>, id: JobId) -> Result<Job> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let of_model = job::Column::ModelId.eq(*grant.on().as_uuid());
        cancel_pending(&transaction, job::Column::Id.eq(*id.as_uuid()).and(of_model)).await?;
        transaction.commit().await.map_err(db)?;
        self.job(grant.user(), id).await
    }
}

/// As it is stored: nothing for nothing.
pub(super) fn selection(selection: &Selection) -> Option<String> {
    (!selection.is_empty()).then(|| to_json(selection))
}

/// The owner of a connection may keep syncs through it to themself.
///
/// # Errors
/// `forbidden`.
pub(crate) async fn check_sync_by(
    on: &impl ConnectionTrait,
    user: UserId,
    connection: Option<Uuid>,
) -> Result<()> {
    let Some(id) = connection else { return Ok(()) };
    let row = connection::Entity::find_by_id(id).one(on).await.map_err(db)?;
    let owners_alone = row.is_some_and(|row| {
        row.owner_id != *user.as_uuid() && row.sync_by.as_deref() == Some(SyncBy::Owner.as_str())
    });
    if owners_alone {
        return Err(Problem::new(
            Code::Forbidden,
            "Only the owner of the connection that this table comes through may sync it.",
        )
        .fix("Ask them to sync it, or to let collaborators do so."));
    }
    Ok(())
}

/// Queues the comparison that was asked for with a job which has just ended, with what the source made of the rows under
/// the snapshot that they were read under, if it is known.
pub(super) async fn follow_by_verify(
    on: &DatabaseTransaction,
    ended: &job::Model,
    checksums: Option<&SourceChecksums>,
) -> Result<()> {
    let table = table::Entity::find_by_id(ended.table_id).one(on).await.map_err(db)?;
    let table = table.ok_or_else(|| Problem::not_found("table"))?;
    match insert_job(on, JobKind::Verify, UserId::from_uuid(ended.requested_by), &table, None).await {
        // The version stands all the same.
        Err(problem) if problem.code == Code::TooManyRequests => Ok(()),
        Err(problem) => Err(problem),
        Ok(job) => {
            if let Some(checksums) = checksums {
                let known = job::ActiveModel {
                    id: Set(*job.id.as_uuid()),
                    source_checksums: Set(Some(to_json(checksums))),
                    ..Default::default()
                };
                known.update_without_returning(on).await.map_err(db)?;
            }
            Ok(())
        }
    }
}

pub(crate) async fn writable(
    on: &DatabaseTransaction,
    grant: &Grant<Write, TableId>,
) -> Result<table::Model> {
    confirm(on, grant).await?;
    let row = table::Entity::find_by_id(*grant.on().as_uuid()).one(on).await.map_err(db)?;
    row.ok_or_else(|| Problem::not_found("table"))
}

/// Ends the jobs that wait, for a worker or for a decision, and asks those that run to stop.
pub(crate) async fn cancel_pending(on: &DatabaseTransaction, which: impl IntoCondition) -> Result<()> {
    let held = job::Column::State.eq(JobState::Held.as_str());
    let rows = job::Entity::find().filter(which).filter(pending().add(held)).all(on).await.map_err(db)?;
    for row in rows {
        if row.state != JobState::Running.as_str() {
            finish(on, &row, JobState::Cancelled, &cancelled()).await?;
        } else {
            let asked = job::ActiveModel { id: Set(row.id), cancelled: Set(true), ..Default::default() };
            asked.update_without_returning(on).await.map_err(db)?;
        }
    }
    Ok(())
}

/// `name`, or `name_2`, `name_3` … if that is taken.
fn free_name(name: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    (2..)
        .map(|number| {
            let suffix = format!("_{number}");
            let kept: String = name.chars().take(TableName::MAX_CHARS - suffix.len()).collect();
            kept + &suffix
        })
        .find(|candidate| !taken.contains(candidate))
        .expect("there are more numbers than tables")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken: HashSet<String> = ["a", "a_2", &"x".repeat(128)].map(String::from).into();
        assert_eq!(free_name("b", &taken), "b");
        assert_eq!(free_name("a", &taken), "a_3");
        assert_eq!(free_name(&"x".repeat(128), &taken), format!("{}_2", "x".repeat(126)));
    }
}
