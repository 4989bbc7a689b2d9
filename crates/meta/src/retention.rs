//! Which versions are kept: checkpoints, a table's policy, the deletion of one version; and what is left of those that are
//! gone.

use crate::{
    Meta, db,
    entity::{dropped, job, table, version},
    events::{About, note},
    from_json,
    grants::{Grant, Write, confirm},
    jobs::{COUNTS_ITSELF, StoredHeld, give, next_fence},
    now,
    record::{Action, JobState},
    tables::{is_busy, pending},
};
use chrono::TimeDelta;
use mycorr_domain::{
    Code, JobId, Keep, Problem, ResourceName, Result, StoreVersion, SyncPolicy, TableId, UserId, WriteRight,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

impl Meta {
    /// Gives a version a name, under which it is kept, or takes it away.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn set_checkpoint(
        &self,
        grant: &Grant<Write, TableId>,
        number: i64,
        name: Option<&ResourceName>,
    ) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = found(&transaction, grant.on(), number).await?;
        if let Some(name) = name {
            let taken = version::Entity::find()
                .filter(version::Column::TableId.eq(row.table_id))
                .filter(version::Column::Checkpoint.eq(name.as_str()))
                .filter(version::Column::Version.ne(number));
            if let Some(taken) = taken.one(&transaction).await.map_err(db)? {
                let detail = format!("Version {} of this table has this name.", taken.version);
                return Err(Problem::new(Code::Conflict, detail).field("name", "Taken by another version."));
            }
        }
        let named = version::ActiveModel {
            table_id: Set(row.table_id),
            version: Set(number),
            checkpoint: Set(name.map(|name| name.as_str().to_owned())),
            ..Default::default()
        };
        named.update_without_returning(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Deletes a version that is neither the newest nor a checkpoint. Its files are to be removed.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn delete_version(&self, grant: &Grant<Write, TableId>, number: i64) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = found(&transaction, grant.on(), number).await?;
        let conflict = |detail: &str, fix: &str| Err(Problem::new(Code::Conflict, detail).fix(fix));
        if let Some(name) = row.checkpoint {
            let detail = format!("This version is the checkpoint {name:?} and is kept.");
            return conflict(&detail, "Remove the checkpoint first.");
        }
        let table = table::Entity::find_by_id(row.table_id).one(&transaction).await.map_err(db)?;
        let table = table.ok_or_else(|| Problem::not_found("table"))?;
        if table.head == Some(number) {
            return conflict(
                "This is the table's newest version.",
                "Restore another version first, or delete the table.",
            );
        }
        // A restore may need the version, and what a sync has committed may not stand here yet.
        if is_busy(&transaction, row.table_id).await? {
            return conflict("A job is writing this table.", "Try again when it has ended.");
        }
        delete(&transaction, &table, vec![row], Some(grant.user())).await?;
        transaction.commit().await.map_err(db)
    }

    /// Which versions a policy would not keep now, and those that stay.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn expiring(&self, table: TableId, keep: Keep) -> Result<Expired> {
        let row = table::Entity::find_by_id(*table.as_uuid()).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("table"))?;
        let (gone, kept) = expired(&self.db, &row, keep).await?;
        let stored =
            |rows: &[version::Model]| rows.iter().map(|row| StoreVersion(row.store_version)).collect();
        let mut kept: Vec<StoreVersion> = stored(&kept);
        kept.extend(staged_versions(&self.db, table).await?);
        Ok(Expired { versions: gone.iter().map(|row| row.version).collect(), gone: stored(&gone), kept })
    }

    /// Deletes the versions of a table that its policy does not keep; none while a job writes the table. Their files are to
    /// be removed. Returns their numbers.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn expire_versions(&self, table: TableId) -> Result<Vec<i64>> {
        let keep = |row: &table::Model| -> Result<Keep> {
            Ok(row.sync_policy.as_deref().map(from_json::<SyncPolicy>).transpose()?.unwrap_or_default().keep)
        };
        let find = table::Entity::find_by_id(*table.as_uuid());
        let Some(row) = find.clone().one(&self.db).await.map_err(db)? else { return Ok(Vec::new()) };
        // Every job asks this. Without a limit no version is looked at, however many there are, and nothing is written
        // where nothing is to be deleted, which is what is found nearly always.
        if keep(&row)? == Keep::default() || expired(&self.db, &row, keep(&row)?).await?.0.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.write().await?;
        let Some(row) = find.one(&transaction).await.map_err(db)? else { return Ok(Vec::new()) };
        if is_busy(&transaction, row.id).await? {
            return Ok(Vec::new());
        }
        let (gone, _) = expired(&transaction, &row, keep(&row)?).await?;
        let numbers = gone.iter().map(|row| row.version).collect();
        delete(&transaction, &row, gone, None).await?;
        transaction.commit().await.map_err(db)?;
        Ok(numbers)
    }

    /// Tables that have a policy about how their syncs are done.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn tables_with_policy(&self) -> Result<Vec<TableId>> {
        let ids: Vec<Uuid> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .filter(table::Column::SyncPolicy.is_not_null())
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(ids.into_iter().map(TableId::from_uuid).collect())
    }

    /// Tables of which files of deleted versions are left.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn tables_with_dropped(&self) -> Result<Vec<TableId>> {
        let ids: Vec<Uuid> = dropped::Entity::find()
            .select_only()
            .column(dropped::Column::TableId)
            .distinct()
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(ids.into_iter().map(TableId::from_uuid).collect())
    }

    /// The rights to remove what is left of deleted versions of a table, and of syncs that were discarded.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim_dropped(&self, table: TableId) -> Result<Dropped> {
        let mut found = Dropped::default();
        let of_table = dropped::Entity::find().filter(dropped::Column::TableId.eq(*table.as_uuid()));
        if of_table.clone().one(&self.db).await.map_err(db)?.is_none() {
            return Ok(found);
        }
        let transaction = self.write().await?;
        let (staged, committed): (Vec<_>, Vec<_>) = of_table
            .all(&transaction)
            .await
            .map_err(db)?
            .into_iter()
            .partition(|row| StoreVersion(row.store_version).staged_by().is_some());
        for row in staged {
            let right = give(table, JobId::from_uuid(row.job_id), next_fence(&transaction).await?);
            found.staged.push((right, StoreVersion(row.store_version)));
        }
        // A right to remove files of versions closes the table to all who came before.
        if !committed.is_empty() && !is_busy(&transaction, *table.as_uuid()).await? {
            let kept: Vec<i64> = version::Entity::find()
                .select_only()
                .column(version::Column::StoreVersion)
                .filter(version::Column::TableId.eq(*table.as_uuid()))
                .into_tuple()
                .all(&transaction)
                .await
                .map_err(db)?;
            let mut kept: Vec<_> = kept.into_iter().map(StoreVersion).collect();
            kept.sort_unstable();
            kept.extend(staged_versions(&transaction, table).await?);
            let gone = committed.iter().map(|row| StoreVersion(row.store_version)).collect();
            let right = give(table, JobId::new(), next_fence(&transaction).await?);
            found.committed = Some((right, gone, kept));
        }
        transaction.commit().await.map_err(db)?;
        Ok(found)
    }

    /// What versions added to those before them, now that others are gone: what they shared with these counts with them. A
    /// restore counts as long as the version that it brought back does not.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn note_added_bytes(&self, table: TableId, added: &[(StoreVersion, u64)]) -> Result<()> {
        let transaction = self.write().await?;
        for (version, bytes) in added {
            version::Entity::update_many()
                .col_expr(version::Column::Bytes, Expr::value(i64::try_from(*bytes).unwrap_or(i64::MAX)))
                .filter(version::Column::TableId.eq(*table.as_uuid()))
                .filter(version::Column::StoreVersion.eq(version.0))
                .filter(Expr::cust(COUNTS_ITSELF))
                .exec(&transaction)
                .await
                .map_err(db)?;
        }
        transaction.commit().await.map_err(db)
    }

    /// The files of these versions are gone.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn forget_dropped(&self, table: TableId, versions: &[StoreVersion]) -> Result<()> {
        dropped::Entity::delete_many()
            .filter(dropped::Column::TableId.eq(*table.as_uuid()))
            .filter(dropped::Column::StoreVersion.is_in(versions.iter().map(|version| version.0)))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }
}

/// Which versions a policy does not keep.
#[derive(Clone, Debug, Default)]
pub struct Expired {
    /// Their numbers.
    pub versions: Vec<i64>,
    pub gone: Vec<StoreVersion>,
    /// What stays, held syncs included.
    pub kept: Vec<StoreVersion>,
}

/// What is left of versions that are gone for everybody.
#[derive(Clone, Debug, Default)]
pub struct Dropped {
    /// Of syncs that were discarded.
    pub staged: Vec<(WriteRight, StoreVersion)>,
    /// The versions that are gone, and those whose files stay.
    pub committed: Option<(WriteRight, Vec<StoreVersion>, Vec<StoreVersion>)>,
}

/// The versions that `keep` does not keep, and those that stay.
async fn expired(
    on: &impl ConnectionTrait,
    table: &table::Model,
    keep: Keep,
) -> Result<(Vec<version::Model>, Vec<version::Model>)> {
    let rows = version::Entity::find()
        .filter(version::Column::TableId.eq(table.id))
        .order_by_desc(version::Column::Version)
        .all(on)
        .await
        .map_err(db)?;
    let oldest = keep.days.map(|days| (now() - TimeDelta::days(days.into())).timestamp_micros());
    let mut number = 0;
    Ok(rows.into_iter().partition(|row| {
        number += 1;
        let named = row.checkpoint.is_some() || table.head == Some(row.version);
        let counted = keep.versions.is_some_and(|versions| number <= versions);
        let young = oldest.is_some_and(|oldest| row.created_at >= oldest);
        let all = keep == Keep::default();
        !(named || counted || young || all)
    }))
}

/// Deletes versions of a table, and remembers that their files are to be removed.
async fn delete(
    on: &DatabaseTransaction,
    table: &table::Model,
    rows: Vec<version::Model>,
    actor: Option<UserId>,
) -> Result<()> {
    let numbers: Vec<String> = rows.iter().map(|row| row.version.to_string()).collect();
    for row in rows {
        version::Entity::delete_by_id((row.table_id, row.version)).exec(on).await.map_err(db)?;
        let dropped =
            dropped::Model { table_id: row.table_id, store_version: row.store_version, job_id: row.job_id };
        dropped::Entity::insert(dropped::ActiveModel::from(dropped))
            .exec_without_returning(on)
            .await
            .map_err(db)?;
    }
    let about = About::Model(table.model_id, &table.name);
    let by = if actor.is_none() { ", which the table's policy does not keep" } else { "" };
    let detail = match numbers.as_slice() {
        [number] => format!("version {number}{by}"),
        [first, .., last] => format!("{} versions between {last} and {first}{by}", numbers.len()),
        [] => return Ok(()),
    };
    note(on, actor, Action::VersionsDeleted, about, detail).await
}

/// What is held beside a table, and what an accepted sync is about to commit.
pub(crate) async fn staged_versions(on: &impl ConnectionTrait, table: TableId) -> Result<Vec<StoreVersion>> {
    let held: Vec<Option<String>> = job::Entity::find()
        .select_only()
        .column(job::Column::Held)
        .filter(job::Column::TableId.eq(*table.as_uuid()))
        .filter(pending().add(job::Column::State.eq(JobState::Held.as_str())))
        .into_tuple()
        .all(on)
        .await
        .map_err(db)?;
    let held = held.iter().flatten().map(|held| Ok(StoreVersion(from_json::<StoredHeld>(held)?.version)));
    held.collect()
}

async fn found(on: &DatabaseTransaction, table: TableId, number: i64) -> Result<version::Model> {
    let row = version::Entity::find_by_id((*table.as_uuid(), number)).one(on).await.map_err(db)?;
    row.ok_or_else(|| Problem::not_found("version"))
}
