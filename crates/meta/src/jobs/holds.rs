//! Syncs that are held: what they read is stored beside the table, and a person decides whether it becomes a version.

use super::{
    claim,
    end::{JobEnd, end_job},
    finish,
    insert::under_way,
    lease::{ClaimedJob, Lease, held_by},
    queue::writable,
};
use crate::{
    Meta, db,
    entity::{dropped, job, table, user},
    events::{About, note},
    from_json,
    grants::{Grant, Write},
    notices::tell_of_table,
    record::{Action, JobKind, JobState, NoticeKind, User, Version},
    tables::is_busy,
    time, to_json,
};
use chrono::TimeDelta;
use mycorr_domain::{Code, Committed, HoldReason, JobId, Problem, Result, StoreVersion, TableId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

/// What a job keeps of what it staged.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredHeld {
    pub(crate) version: i64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) reasons: Vec<HoldReason>,
}

/// A sync that waits for a decision.
#[derive(Clone, Debug)]
pub struct HeldSync {
    pub job: JobId,
    /// What would become the next version. Its number is [`Version::HELD`].
    pub version: Version,
    pub reasons: Vec<HoldReason>,
}

impl Meta {
    /// Lets a sync wait for a decision. False if the lease is lost or the table gone.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn hold(
        &self,
        lease: Lease,
        staged: Committed,
        reasons: &[HoldReason],
        warning: Option<&Problem>,
    ) -> Result<bool> {
        let transaction = self.write().await?;
        let row = job::Entity::find().filter(held_by(lease)).one(&transaction).await.map_err(db)?;
        let Some(mut row) = row else { return Ok(false) };
        let table = table::Entity::find_by_id(row.table_id).one(&transaction).await.map_err(db)?;
        let held = StoredHeld {
            version: staged.version.0,
            rows: staged.rows,
            bytes: staged.bytes,
            reasons: reasons.to_vec(),
        };
        row.held = Some(to_json(&held));
        let noted = job::ActiveModel { id: Set(row.id), held: Set(row.held.clone()), ..Default::default() };
        noted.update_without_returning(&transaction).await.map_err(db)?;
        let Some(table) = table.filter(|_| !row.cancelled) else {
            let gone = Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.");
            finish(&transaction, &row, JobState::Cancelled, &gone).await?;
            transaction.commit().await.map_err(db)?;
            return Ok(false);
        };
        let end = JobEnd { state: JobState::Held, version: None, rows: Some(staged.rows), problem: warning };
        end_job(&transaction, &row, end).await?;
        tell_of_table(&transaction, NoticeKind::SyncHeld, &row, None).await?;
        let actor = Some(UserId::from_uuid(row.requested_by));
        let detail: Vec<&str> = reasons.iter().map(|reason| reason.message.as_str()).collect();
        let about = About::Model(table.model_id, &table.name);
        note(&transaction, actor, Action::SyncHeld, about, shortened(detail.join(" "))).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// The sync of a table that waits for a decision.
    ///
    /// # Errors
    /// `not_found` if none does, `forbidden`; `storage_unavailable`.
    pub async fn held_sync(&self, grant: &Grant<Write, TableId>) -> Result<HeldSync> {
        let (row, held) = held_row(&self.db, grant.on()).await?;
        let creator = user::Entity::find_by_id(row.requested_by).one(&self.db).await.map_err(db)?;
        let missing = || Problem::bug("a held sync without the columns that it read");
        let columns: Vec<_> = from_json(row.columns.as_deref().ok_or_else(missing)?)?;
        let version = Version {
            table: grant.on(),
            version: Version::HELD,
            store: StoreVersion(held.version),
            columns: columns.into(),
            source: row.source.as_deref().map(from_json).transpose()?,
            rows: held.rows,
            bytes: held.bytes,
            size_bytes: held.bytes,
            cause: JobKind::parse(&row.kind)?,
            restored_version: None,
            created_by: creator.map(User::from),
            created_at: time(row.finished_at.unwrap_or(row.queued_at)),
            checkpoint: None,
            receipt: None,
        };
        Ok(HeldSync { job: JobId::from_uuid(row.id), version, reasons: held.reasons })
    }

    /// Decides that a held sync becomes the next version: its job is claimed again, by the caller, to do so.
    ///
    /// # Errors
    /// `not_found` if nothing is held, `forbidden`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn accept_held(&self, grant: &Grant<Write, TableId>, lease: TimeDelta) -> Result<ClaimedJob> {
        let transaction = self.write().await?;
        writable(&transaction, grant).await?;
        let (mut row, _) = held_row(&transaction, grant.on()).await?;
        if is_busy(&transaction, row.table_id).await? {
            return Err(under_way());
        }
        row.accepted_by = Some(*grant.user().as_uuid());
        row.traceparent = mycorr_traces::traceparent().or(row.traceparent);
        let accepted = job::ActiveModel {
            id: Set(row.id),
            accepted_by: Set(row.accepted_by),
            traceparent: Set(row.traceparent.clone()),
            ..Default::default()
        };
        accepted.update_without_returning(&transaction).await.map_err(db)?;
        let work =
            claim::take(&transaction, row, lease).await?.ok_or_else(|| Problem::bug("job just read"))?;
        transaction.commit().await.map_err(db)?;
        Ok(work)
    }

    /// Decides that a held sync becomes nothing. Its files are to be removed.
    ///
    /// # Errors
    /// `not_found` if nothing is held, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn discard_held(&self, grant: &Grant<Write, TableId>) -> Result<JobId> {
        let transaction = self.write().await?;
        let table = writable(&transaction, grant).await?;
        let (row, _) = held_row(&transaction, grant.on()).await?;
        let discarded =
            Problem::new(Code::Cancelled, "What this sync read was discarded. Nothing was changed.");
        finish(&transaction, &row, JobState::Cancelled, &discarded).await?;
        let about = About::Model(table.model_id, &table.name);
        note(&transaction, Some(grant.user()), Action::SyncDiscarded, about, "").await?;
        transaction.commit().await.map_err(db)?;
        Ok(JobId::from_uuid(row.id))
    }

    /// Lets a sync whose acceptance failed wait again. False if the lease is lost.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn hold_again(&self, lease: Lease) -> Result<bool> {
        let held = job::ActiveModel {
            state: Set(JobState::Held.as_str().to_owned()),
            accepted_by: Set(None),
            lease_until: Set(None),
            attempts: Set(0),
            ..Default::default()
        };
        let set = job::Entity::update_many().set(held).filter(held_by(lease));
        Ok(set.exec(&self.db).await.map_err(db)?.rows_affected == 1)
    }
}

/// The job of `table` that is held, and what it staged.
async fn held_row(on: &impl ConnectionTrait, table: TableId) -> Result<(job::Model, StoredHeld)> {
    let row = held_job(on, *table.as_uuid()).await?;
    let row =
        row.ok_or_else(|| Problem::new(Code::NotFound, "No sync of this table waits for a decision."))?;
    let held = row.held.as_deref().ok_or_else(|| Problem::bug("a held job without what it holds"))?;
    let held = from_json(held)?;
    Ok((row, held))
}

async fn held_job(on: &impl ConnectionTrait, table: uuid::Uuid) -> Result<Option<job::Model>> {
    job::Entity::find()
        .filter(job::Column::TableId.eq(table))
        .filter(job::Column::State.eq(JobState::Held.as_str()))
        .one(on)
        .await
        .map_err(db)
}

/// A later sync of the same table leaves nothing to decide about an earlier one.
pub(super) async fn replace_held(on: &DatabaseTransaction, by: &job::Model) -> Result<()> {
    let Some(row) = held_job(on, by.table_id).await? else { return Ok(()) };
    let replaced = Problem::new(
        Code::Cancelled,
        "A later sync took the place of this one before anybody decided about it. Nothing was changed by it.",
    );
    // Not its end again: that is what calls this.
    drop_staged(on, &row).await?;
    let end = job::ActiveModel {
        id: Set(row.id),
        state: Set(JobState::Cancelled.as_str().to_owned()),
        problem: Set(Some(to_json(&crate::record::StoredProblem::from(&replaced)))),
        ..Default::default()
    };
    end.update_without_returning(on).await.map_err(db)?;
    Ok(())
}

/// Remembers that what a job staged is to be removed.
pub(super) async fn drop_staged(on: &DatabaseTransaction, row: &job::Model) -> Result<()> {
    let Some(held) = row.held.as_deref().map(from_json::<StoredHeld>).transpose()? else { return Ok(()) };
    if table::Entity::find_by_id(row.table_id).one(on).await.map_err(db)?.is_none() {
        return Ok(());
    }
    let dropped = dropped::Model { table_id: row.table_id, store_version: held.version, job_id: row.id };
    dropped::Entity::insert(dropped::ActiveModel::from(dropped))
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(on)
        .await
        .map_err(db)?;
    Ok(())
}

/// Bytes that held syncs take.
pub(super) fn bytes(held: &[Option<String>]) -> Result<u64> {
    let held = held.iter().flatten().map(|held| Ok(from_json::<StoredHeld>(held)?.bytes));
    held.sum()
}

/// An activity's detail in a line.
fn shortened(text: String) -> String {
    const MAX_CHARS: usize = 300;
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// What of a job is staged, while it is.
pub(super) fn staged(row: &job::Model) -> Result<Option<StoreVersion>> {
    let held = row.held.as_deref().map(from_json::<StoredHeld>).transpose()?;
    Ok(held.map(|held| StoreVersion(held.version)))
}
