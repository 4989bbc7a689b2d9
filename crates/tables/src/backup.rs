//! Files of tables, as a backup copies them and a restore brings them back.

use crate::{DeltaStore, copy::upload, problem::storage};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use mycorr_domain::{Committed, Result, StoreVersion, TableId, TableStore};
use object_store::{ObjectStoreExt, path::Path};
use std::{collections::BTreeMap, io};

const LOG: &str = "_delta_log/";

/// A file, by its path within the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub path: String,
    pub bytes: u64,
    /// When it was written, in microseconds since 1970.
    pub modified: i64,
    /// Whether it holds rows: no other file ever gets its name. An entry of the log may, where a backup is restored.
    pub has_rows: bool,
}

impl DeltaStore {
    /// The files that these versions of a table need, staged ones among them: those of their rows, and the log up to the
    /// newest of them. What is written meanwhile is not among them.
    ///
    /// # Errors
    /// `storage_unavailable`, also when a version was deleted meanwhile.
    pub async fn files_of(&self, table: TableId, versions: &[StoreVersion]) -> Result<Vec<StoredFile>> {
        let newest = versions.iter().filter(|version| version.staged_by().is_none()).max();
        let mut needed = self.held_files(table, versions).await?;
        let is_logged = |path: &str| {
            let number = log_version(path);
            number.is_some_and(|number| newest.is_some_and(|newest| number <= newest.0))
        };
        let found: Vec<_> = self
            .list(table)
            .await?
            .into_iter()
            .filter(|(path, _)| needed.remove(path).is_some() || is_logged(path))
            .map(|(path, object)| StoredFile {
                has_rows: !path.starts_with(LOG),
                path: format!("{table}/{path}"),
                bytes: object.size,
                modified: object.last_modified.timestamp_micros(),
            })
            .collect();
        match needed.keys().next() {
            None => Ok(found),
            Some(gone) => Err(storage(io::Error::new(io::ErrorKind::NotFound, format!("{table}/{gone}")))),
        }
    }

    /// The bytes of a file, piece by piece.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn read_file(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let found = self.objects().get(&Path::from(path)).await.map_err(storage)?;
        Ok(found.into_stream().map_err(storage).boxed())
    }

    /// Stores a file of a backup.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn write_file(&self, path: &str, bytes: BoxStream<'_, Result<Bytes>>) -> Result<()> {
        upload(self.objects(), &Path::from(path), bytes).await
    }

    /// The sizes of all files of all tables, by their paths.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn all_files(&self) -> Result<BTreeMap<String, u64>> {
        let mut files = BTreeMap::new();
        for table in self.tables().await? {
            let listed = self.list(table).await?;
            files.extend(listed.into_iter().map(|(path, object)| (format!("{table}/{path}"), object.size)));
        }
        Ok(files)
    }

    /// Rows and bytes of a version, as its log or its list has them.
    ///
    /// # Errors
    /// `storage_unavailable`, also for one that is not there.
    pub async fn logged_version(&self, table: TableId, version: StoreVersion) -> Result<Committed> {
        Ok(crate::staged::committed(version, &self.files(table, version).await?))
    }
}

/// Of an entry or a checkpoint. `_last_checkpoint` is none: without it the log is listed (PROTOCOL.md, "Last Checkpoint
/// File").
fn log_version(path: &str) -> Option<i64> {
    path.strip_prefix(LOG)?.split('.').next().filter(|number| number.len() == 20)?.parse().ok()
}
