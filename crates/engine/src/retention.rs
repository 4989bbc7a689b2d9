//! Which versions of a table are kept, and what is left of those that are gone.

use crate::{Tables, runner::Runner, spawn_uncancellable};
use mycorr_domain::{Keep, Removed, ResourceName, Result, TableId, UserId};

/// What would go, and what it would free.
pub struct Freed {
    /// The versions that would be deleted, newest first.
    pub versions: Vec<i64>,
    /// Of files that only they have.
    pub bytes: u64,
    /// Of the files of all versions, as it is.
    pub stored_bytes: u64,
}

impl Tables {
    /// Gives a version a name, under which it is kept; `None` takes it away.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn set_checkpoint(
        &self,
        user: UserId,
        table: TableId,
        version: i64,
        name: Option<&str>,
    ) -> Result<()> {
        let name = name.map(|name| ResourceName::parse("name", name)).transpose()?;
        self.meta.set_checkpoint(&self.meta.grant(user, table).await?, version, name.as_ref()).await
    }

    /// Deletes a version, and the files that only it has.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn delete_version(&self, user: UserId, table: TableId, version: i64) -> Result<()> {
        let grant = self.meta.grant(user, table).await?;
        let runner = self.runner.clone();
        spawn_uncancellable(async move {
            runner.meta.delete_version(&grant, version).await?;
            runner.remove_dropped(table).await;
            Ok(())
        })
        .await
    }

    /// What the deletion of a version would free, or of all that `keep` does not keep.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_unavailable`.
    pub async fn freed_by(
        &self,
        user: UserId,
        table: TableId,
        version: Option<i64>,
        keep: Keep,
    ) -> Result<Freed> {
        self.meta.grant::<mycorr_meta::Write, _>(user, table).await?;
        let mut expired = self.meta.expiring(table, keep).await?;
        if let Some(version) = version {
            let (table, _) = self.meta.table(user, table).await?;
            let found = self.meta.version(&table, Some(version)).await?;
            expired.kept.extend(std::mem::take(&mut expired.gone));
            expired.kept.retain(|kept| *kept != found.store);
            (expired.versions, expired.gone) = (vec![version], vec![found.store]);
        }
        let kept = self.store.stored_bytes(table, &expired.kept).await?;
        expired.kept.extend(&expired.gone);
        let stored_bytes = self.store.stored_bytes(table, &expired.kept).await?;
        Ok(Freed { versions: expired.versions, bytes: stored_bytes - kept, stored_bytes })
    }
}

impl Runner {
    /// Deletes the versions of a table that its policy does not keep, and removes what is left of all that are gone. What
    /// fails is tried again by the daily task.
    pub(crate) async fn apply_retention(&self, table: TableId) {
        match self.meta.expire_versions(table).await {
            Ok(versions) if versions.is_empty() => {}
            Ok(versions) => tracing::info!(%table, ?versions, "versions deleted by policy"),
            Err(problem) => {
                tracing::warn!(%table, cause = problem.internal, "old versions could not be deleted");
            }
        }
        self.remove_dropped(table).await;
    }

    /// Removes the files of versions that were deleted and of syncs that were discarded.
    pub(crate) async fn remove_dropped(&self, table: TableId) {
        let removed = async {
            let dropped = self.meta.claim_dropped(table).await?;
            for (right, staged) in dropped.staged {
                self.store.discard(right, staged).await?;
                self.meta.forget_dropped(table, &[staged]).await?;
            }
            if let Some((right, mut gone, kept)) = dropped.committed {
                let Removed { bytes, in_use } = self.store.keep_only(right, &kept).await?;
                let added = self.store.added_bytes(table, &kept).await?;
                let added: Vec<_> = kept.into_iter().zip(added).collect();
                self.meta.note_added_bytes(table, &added).await?;
                // What is being read goes the next time.
                gone.retain(|version| !in_use.contains(version));
                self.meta.forget_dropped(table, &gone).await?;
                tracing::info!(%table, versions = gone.len(), bytes, "files of deleted versions removed");
            }
            Ok::<_, mycorr_domain::Problem>(())
        };
        if let Err(problem) = removed.await {
            tracing::warn!(%table, cause = problem.internal, "files of deleted versions remain for now");
        }
    }

    /// Once a day: what policies no longer keep, and what could not be removed before.
    pub(crate) async fn apply_policies(&self) {
        let tables = async {
            let mut tables = self.meta.tables_with_policy().await?;
            tables.extend(self.meta.tables_with_dropped().await?);
            Ok::<_, mycorr_domain::Problem>(tables)
        };
        match tables.await {
            Ok(tables) => {
                for table in tables {
                    self.apply_retention(table).await;
                }
            }
            Err(problem) => tracing::warn!(cause = problem.internal, "policies of tables can't be read"),
        }
    }
}
