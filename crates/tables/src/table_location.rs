//! Where tables are kept: an object store, and within it a folder per table.

use crate::{folder::Folder, problem::storage, s3};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use mycorr_domain::{Problem, Result, TableId};
use object_store::{ObjectStore, path::Path, prefix::PrefixStore};
use std::{path::PathBuf, sync::Arc};
use url::Url;

#[derive(Clone)]
pub(crate) struct TableLocation {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Of a local folder.
    root: Option<PathBuf>,
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
        Ok(Self { root: Some(store.root().to_owned()), store: Arc::new(store) })
    }

    /// The same, or a bucket named by an `s3:` URL, whose server is tried. `variables` are those of AWS.
    pub(crate) async fn connect(
        location: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        match Url::parse(location) {
            Ok(url) if url.scheme() == "s3" => {
                let store = s3::open(&url, variables)?;
                s3::probe(store.as_ref()).await?;
                Ok(Self { store, root: None })
            }
            _ => Self::open(location),
        }
    }

    /// Whether reading takes a way over the network.
    pub(crate) fn is_remote(&self) -> bool {
        self.root.is_none()
    }

    /// Room on the file system; a bucket does not tell.
    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>> {
        let Some(root) = self.root.clone() else { return Ok(None) };
        let found = tokio::task::spawn_blocking(move || rustix::fs::statvfs(root)).await;
        let found = found.map_err(Problem::bug)?.map_err(|error| storage(std::io::Error::from(error)))?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    /// Removes the folders of a table that have no files any more.
    pub(crate) async fn remove_folder(&self, table: TableId) -> Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        match tokio::fs::remove_dir_all(root.join(table.to_string())).await {
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
        .fix("Name a folder, as a path or as a file:// URL, or a bucket, as s3://bucket/prefix.")
}
