//! A local folder as an object store whose writes are durable when they return: what the log of a table
//! names must outlive a power cut, and `object_store`'s own local store never calls fsync.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, future::BoxFuture, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    local::LocalFileSystem, path::Path,
};
use std::{
    fmt,
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

/// Where unfinished files stand, beside the first folder of their path. Never listed by a reader.
pub(crate) const STAGING: &str = ".staging";

#[derive(Debug)]
pub(crate) struct Folder {
    inner: LocalFileSystem,
    root: PathBuf,
}

impl Folder {
    /// Makes the folder if it isn't there.
    pub(crate) fn open(root: &FilePath) -> Result<Self> {
        fs::create_dir_all(root).map_err(failed)?;
        let inner = LocalFileSystem::new_with_prefix(root)?.with_automatic_cleanup(true);
        Ok(Self { inner, root: fs::canonicalize(root).map_err(failed)? })
    }

    pub(crate) fn root(&self) -> &FilePath {
        &self.root
    }

    fn staged(&self, location: &Path) -> Result<Staged> {
        let target = self.inner.path_to_filesystem(location)?;
        let table = location.parts().next().filter(|_| location.parts().nth(1).is_some());
        let staging = match &table {
            Some(table) => self.root.join(table.as_ref()).join(STAGING),
            None => self.root.join(STAGING),
        };
        let name = location.filename().unwrap_or_default();
        Ok(Staged {
            path: staging.join(format!("{name}.{}", Uuid::new_v4())),
            target,
            root: self.root.clone(),
        })
    }
}

/// A file that is not yet at its place. Removed when it never gets there.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    target: PathBuf,
    root: PathBuf,
}

impl Staged {
    fn create(&self) -> io::Result<File> {
        make_folder(parent(&self.path), &self.root)?;
        File::options().write(true).create_new(true).open(&self.path)
    }

    /// Puts the written file at its place, so that a power cut leaves all of it or nothing.
    fn publish(&self, file: &File, mode: &PutMode) -> io::Result<()> {
        file.sync_all()?;
        let folder = parent(&self.target);
        make_folder(folder, &self.root)?;
        match mode {
            // Unlike a rename, a link never replaces what is there.
            PutMode::Create => fs::hard_link(&self.path, &self.target)?,
            _ => fs::rename(&self.path, &self.target)?,
        }
        sync_folder(folder)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = fs::remove_file(&self.path);
    }
}

fn parent(path: &FilePath) -> &FilePath {
    path.parent().expect("a file under the root has a parent")
}

fn sync_folder(folder: &FilePath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, durably.
fn make_folder(folder: &FilePath, root: &FilePath) -> io::Result<()> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    make_folder(parent(folder), root)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(parent(folder)),
    }
}

fn failed(source: io::Error) -> Error {
    Error::Generic { store: "folder", source: Box::new(source) }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| failed(io::Error::other(error)))?
}

/// By name, as cloud stores list: Delta Lake relies on it.
fn sorted(found: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    let sorted = async move {
        let mut found: Vec<_> = found.try_collect().await?;
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(futures::stream::iter(found.into_iter().map(Ok)))
    };
    sorted.try_flatten_stream().boxed()
}

/// The files below `folder` whose location is after `offset`; none if there is no such folder. `object_store`'s own local
/// store looks at each file of the folder, and a table's log keeps all that it ever had.
fn list_after(
    folder: &FilePath,
    prefix: &Path,
    offset: &Path,
    found: &mut Vec<ObjectMeta>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(location) = entry.file_name().to_str().map(|name| prefix.clone().join(name)) else {
            continue;
        };
        if entry.file_type()?.is_dir() {
            list_after(&entry.path(), &location, offset, found)?;
        } else if location > *offset {
            match fs::metadata(entry.path()) {
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(file) => found.push(ObjectMeta {
                    location,
                    last_modified: file.modified()?.into(),
                    size: file.len(),
                    e_tag: None,
                    version: None,
                }),
            }
        }
    }
    Ok(())
}

fn no_tag() -> PutResult {
    PutResult { e_tag: None, version: None }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return Err(Error::NotImplemented {
                operation: "conditional update".into(),
                implementer: self.to_string(),
            });
        }
        let staged = self.staged(location)?;
        let path = location.to_string();
        blocking(move || {
            let write = || {
                let file = staged.create()?;
                let mut at = 0;
                for bytes in payload.iter() {
                    file.write_all_at(bytes, at)?;
                    at += bytes.len() as u64;
                }
                staged.publish(&file, &options.mode)
            };
            match write() {
                Ok(()) => Ok(no_tag()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(Error::AlreadyExists { path, source: Box::new(error) })
                }
                Err(error) => Err(failed(error)),
            }
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let staged = self.staged(location)?;
        blocking(move || {
            let file = staged.create().map_err(failed)?;
            Ok(Box::new(Upload { file: Arc::new(file), staged: Some(staged), at: 0 }) as Box<_>)
        })
        .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned().unwrap_or_default(), offset.clone());
        let folder = prefix.parts().fold(self.root.clone(), |folder, part| folder.join(part.as_ref()));
        let found = blocking(move || {
            let mut found = Vec::new();
            list_after(&folder, &prefix, &offset, &mut found).map_err(failed)?;
            Ok(futures::stream::iter(found.into_iter().map(Ok)))
        });
        sorted(found.try_flatten_stream().boxed())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a local folder")
    }
}

#[derive(Debug)]
struct Upload {
    file: Arc<File>,
    /// None once it is complete or given up.
    staged: Option<Staged>,
    at: u64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let file = self.file.clone();
        let mut at = self.at;
        self.at += data.content_length() as u64;
        let part: BoxFuture<'static, Result<()>> = blocking(move || {
            for bytes in data.iter() {
                file.write_all_at(bytes, at).map_err(failed)?;
                at += bytes.len() as u64;
            }
            // Part by part, so that the disk works while the next part is being made, and a slow disk is
            // felt at once instead of at the end.
            file.sync_data().map_err(failed)
        })
        .boxed();
        part
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.staged.take().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let file = self.file.clone();
        blocking(move || staged.publish(&file, &PutMode::Overwrite).map(|()| no_tag()).map_err(failed)).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    #[tokio::test]
    async fn files_after_an_offset_are_those_that_the_inner_store_lists() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        for path in ["t/a", "t/b", "t/b1", "t/c/a", "t/c/b", "t/d", "u/z"] {
            folder.put(&Path::from(path), vec![0; path.len()].into()).await.unwrap();
        }
        for prefix in [None, Some("t"), Some("t/c"), Some("nothing")] {
            for offset in ["", "t/a", "t/b", "t/b0", "t/c", "t/c/a", "t/cc", "t/z", "z"] {
                let (prefix, offset) = (prefix.map(Path::from), Path::from(offset));
                let names = |found: Vec<ObjectMeta>| -> Vec<_> {
                    found.into_iter().map(|file| (file.location, file.size, file.last_modified)).collect()
                };
                let found = folder.list_with_offset(prefix.as_ref(), &offset).try_collect().await.unwrap();
                let inner = folder.inner.list_with_offset(prefix.as_ref(), &offset);
                let inner = sorted(inner).try_collect().await.unwrap();
                assert_eq!(names(found), names(inner), "{prefix:?} {offset:?}");
            }
        }
    }
}
