//! Where tables are kept: an object store, and within it a folder per table.

use crate::{folder::Folder, problem::storage};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use mycorr_domain::{Problem, Result, TableId};
use object_store::{ObjectStore, path::Path, prefix::PrefixStore};
use std::{path::PathBuf, sync::Arc};
use url::Url;

#[derive(Clone)]
pub(crate) struct TableLocation {
    pub(crate) store: Arc<dyn ObjectStore>,
    root: PathBuf,
}

impl TableLocation {
    /// Opens a folder, named by its path or by a `file:` URL.
    pub(crate) fn open(location: &str) -> Result<Self> {
        let folder = match Url::parse(location) {
            Ok(url) if url.scheme() == "file" => url.to_file_path().map_err(|()| unknown(location))?,
            Ok(url) if location.contains("://") => return Err(unknown(url.scheme())),
            _ => PathBuf::from(location),
        };
        let store = Folder::open(&folder).map_err(storage)?;
        Ok(Self { root: store.root().to_owned(), store: Arc::new(store) })
    }

    /// Room on the file system.
    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>> {
        let root = self.root.clone();
        let found = tokio::task::spawn_blocking(move || rustix::fs::statvfs(root)).await;
        let found = found.map_err(Problem::bug)?.map_err(|error| storage(std::io::Error::from(error)))?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    /// Removes the folders of a table that have no files any more.
    pub(crate) async fn remove_folder(&self, table: TableId) -> Result<()> {
        match tokio::fs::remove_dir_all(self.root.join(table.to_string())).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(storage(error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn folder(&self, table: TableId) -> Path {
        Path::from(table.to_string())
    }

    /// The table's Delta log. Its URL is of a scheme of our own, whatever the store: so Delta Lake asks this
    /// store, and doesn't look for another one by the URL.
    pub(crate) fn log(&self, table: TableId) -> LogStoreRef {
        let folder = PrefixStore::new(self.store.clone(), self.folder(table));
        let url = Url::parse(&format!("mycorr:///{table}/")).expect("a UUID is good in a URL");
        default_logstore(Arc::new(folder), self.store.clone(), &url, &StorageConfig::default())
    }
}

fn unknown(what: &str) -> Problem {
    Problem::invalid("storage_url", format!("Tables can't be stored at {what:?}."))
        .fix("Name a folder, as a path or as a file:// URL.")
}
