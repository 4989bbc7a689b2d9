//! The files of a table: which a version is made of, and which nobody needs any more.

use crate::{
    DeltaStore,
    folder::STAGING,
    log::{Log, Logged, LoggedFile},
    problem::storage,
    staged::Staged,
    writer::WriterId,
};
use chrono::{TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};
use mycorr_domain::{Removed, Result, StoreVersion, TableId, WriteRight};
use object_store::{ObjectMeta, ObjectStore};
use std::collections::HashMap;

/// An unfinished file that nobody can be writing any more.
const STAGING_KEPT: TimeDelta = TimeDelta::days(1);

impl DeltaStore {
    /// The files of a version, committed or staged, in the order of its rows.
    pub(crate) async fn files(&self, table: TableId, version: StoreVersion) -> Result<Vec<LoggedFile>> {
        match version.staged_by() {
            Some(fence) => Ok(Staged::load(&self.place, table, fence).await?.0.files),
            None => Ok(Log::of(&self.place, table).at(version).await?.files),
        }
    }

    /// The files that any of these versions holds, by their paths, with their sizes in bytes; and the lists of those that
    /// are staged.
    pub(crate) async fn held_files(
        &self,
        table: TableId,
        versions: &[StoreVersion],
    ) -> Result<HashMap<String, u64>> {
        let (staged, committed): (Vec<StoreVersion>, Vec<_>) =
            versions.iter().partition(|version| version.staged_by().is_some());
        let mut held = Log::of(&self.place, table).files_of(&committed).await?;
        for fence in staged.iter().filter_map(|version| version.staged_by()) {
            let (staged, list) = Staged::load(&self.place, table, fence).await?;
            held.insert(list, 0);
            held.extend(staged.files.into_iter().map(|file| (file.path, file.bytes)));
        }
        Ok(held)
    }

    /// All files of a table, by their paths within its folder.
    pub(crate) async fn list(&self, table: TableId) -> Result<Vec<(String, ObjectMeta)>> {
        let folder = self.place.folder(table);
        let prefix = format!("{folder}/");
        let found: Vec<_> = self.place.store.list(Some(&folder)).try_collect().await.map_err(storage)?;
        let within =
            |object: ObjectMeta| Some((object.location.as_ref().strip_prefix(&prefix)?.to_owned(), object));
        Ok(found.into_iter().filter_map(within).collect())
    }

    pub(crate) async fn remove(&self, files: impl IntoIterator<Item = ObjectMeta>) -> Result<()> {
        let paths: Vec<_> = files.into_iter().map(|object| Ok(object.location)).collect();
        self.place
            .store
            .delete_stream(futures::stream::iter(paths).boxed())
            .try_for_each(|_| async { Ok(()) })
            .await
            .or_else(|error| match error {
                object_store::Error::NotFound { .. } => Ok(()),
                error => Err(storage(error)),
            })
    }

    /// What earlier runs of the job left, and what this one wrote and did not commit.
    pub(crate) async fn remove_leftovers_of(&self, right: WriteRight) -> Result<()> {
        let mut left = self.list(right.table()).await?;
        left.retain(|(path, _)| {
            WriterId::of_file(path).is_some_and(|writer| {
                writer.job == right.job()
                    && writer.fence <= right.fence()
                    && !self.active_writers.contains(writer)
            })
        });
        if left.is_empty() {
            return Ok(());
        }
        let log = Log::of(&self.place, right.table());
        // An earlier run may only be paused: first it is kept from a commit of what is removed here.
        let earlier = left
            .iter()
            .any(|(path, _)| WriterId::of_file(path).is_some_and(|writer| writer.fence < right.fence()));
        let committed =
            if earlier { log.take_over(right).await? } else { log.committed(right.job()).await? };
        if let Some(version) = committed {
            let kept = log.at(version).await?.files;
            left.retain(|(path, _)| kept.iter().all(|file| file.path != *path));
        }
        self.remove(left.into_iter().map(|(_, object)| object)).await
    }

    /// What lower fences left that no version holds.
    pub(crate) async fn remove_leftovers(&self, right: WriteRight, staged: &[StoreVersion]) -> Result<()> {
        let old = Utc::now() - STAGING_KEPT;
        let held = self.held_files(right.table(), staged).await?;
        let mut left = self.list(right.table()).await?;
        left.retain(|(path, _)| !held.contains_key(path));
        left.retain(|(path, object)| match WriterId::of_file(path) {
            Some(writer) => writer.fence < right.fence(),
            None if path.starts_with(STAGING) => object.last_modified < old,
            None => !path.starts_with("_delta_log/"),
        });
        let log = Log::of(&self.place, right.table());
        if left.iter().any(|(path, _)| !path.starts_with(STAGING)) {
            let kept = log.all_files().await?;
            left.retain(|(path, _)| !kept.contains(path));
        }
        if left.is_empty() {
            return Ok(());
        }
        log.take_over(right).await?;
        let kept = log.all_files().await?;
        left.retain(|(path, _)| !kept.contains(path));
        self.remove(left.into_iter().map(|(_, object)| object)).await
    }

    /// What lower fences left that none of these versions holds.
    pub(crate) async fn remove_all_but(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<Removed> {
        let log = Log::of(&self.place, right.table());
        // Nobody of a lower fence may bring back what is removed here.
        log.take_over(right).await?;
        self.forget(right.table(), |version| !kept.contains(&version)).await;
        let mut in_use = self.queries.readers.of(right.table());
        in_use.retain(|version| version.staged_by().is_none() && !kept.contains(version));
        // The next version may take over files of the newest in the log, whether or not anybody has noted it.
        let newest: Vec<_> = log.latest().await?.iter().map(Logged::version).collect();
        let held = self.held_files(right.table(), &[kept, &in_use, &newest].concat()).await?;
        let mut left = self.list(right.table()).await?;
        left.retain(|(path, _)| match WriterId::of_file(path) {
            Some(writer) => writer.fence < right.fence() && !held.contains_key(path),
            None => path.starts_with("part-") && !held.contains_key(path),
        });
        let bytes = left.iter().map(|(_, object)| object.size).sum();
        self.remove(left.into_iter().map(|(_, object)| object)).await?;
        Ok(Removed { bytes, in_use })
    }
}
