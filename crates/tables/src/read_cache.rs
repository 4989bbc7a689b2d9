//! What was read of files in a bucket, kept on this machine's disk: pages of the grid ask for the same parts of a file
//! again and again, and a bucket answers slowly. A file of rows never changes, so nothing here is ever stale. Whatever
//! can't be kept or read here is read from the bucket.

use crate::row_numbers::OwnedFile;
use bytes::Bytes;
use moka::future::Cache;
use object_store::{ObjectStore, ObjectStoreExt, Result, path::Path};
use std::{
    fs::{self, File},
    io::{self, Write},
    ops::Range,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// A larger part is one of a scan, which comes by once.
const MAX_PART_BYTES: u64 = 2 << 20;
/// What a file takes at least.
const BLOCK_BYTES: u64 = 4 << 10;
/// Of a table that was deleted on another node, nothing is left here after this.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(24 * 3600);

/// A part of a file.
type Key = (Path, u64, u64);

#[derive(Clone)]
pub(crate) struct ReadCache {
    folder: PathBuf,
    parts: Cache<Key, Arc<OwnedFile>>,
}

impl ReadCache {
    /// Of so many bytes at most, in a folder that is there and is emptied at every start.
    pub(crate) fn new(folder: PathBuf, bytes: u64) -> Self {
        let weigh = |(_, start, end): &Key, _: &Arc<OwnedFile>| {
            u32::try_from((end - start).max(BLOCK_BYTES)).unwrap_or(u32::MAX)
        };
        Self {
            folder,
            parts: Cache::builder().max_capacity(bytes).weigher(weigh).time_to_idle(MAX_IDLE).build(),
        }
    }

    /// Parts of a file, in the order of `ranges`.
    pub(crate) async fn ranges(
        &self,
        store: &dyn ObjectStore,
        path: &Path,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let mut parts: Vec<Option<Bytes>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            parts.push(self.kept(path, range).await);
        }
        let is_missing = |(range, part): (&Range<u64>, &Option<Bytes>)| part.is_none().then(|| range.clone());
        let missing: Vec<_> = ranges.iter().zip(&parts).filter_map(is_missing).collect();
        if !missing.is_empty() {
            let mut read = store.get_ranges(path, &missing).await?.into_iter();
            for (range, part) in ranges.iter().zip(&mut parts).filter(|(_, part)| part.is_none()) {
                let bytes = read.next().unwrap_or_default();
                self.keep(path, range, bytes.clone());
                *part = Some(bytes);
            }
        }
        Ok(parts.into_iter().flatten().collect())
    }

    async fn kept(&self, path: &Path, range: &Range<u64>) -> Option<Bytes> {
        let file = self.parts.get(&(path.clone(), range.start, range.end)).await?;
        let read = spawn_blocking(move || fs::read(&file.0)).await.ok()?.ok()?;
        (read.len() as u64 == range.end - range.start).then(|| read.into())
    }

    /// Nobody waits for it.
    fn keep(&self, path: &Path, range: &Range<u64>, bytes: Bytes) {
        let length = range.end - range.start;
        if length > MAX_PART_BYTES || bytes.len() as u64 != length {
            return;
        }
        let (this, key) = (self.clone(), (path.clone(), range.start, range.end));
        tokio::spawn(async move {
            let file = this.folder.join(format!("{}.part", Uuid::new_v4()));
            let write = move || -> io::Result<OwnedFile> {
                let owned = OwnedFile(file);
                File::options().write(true).create_new(true).mode(0o600).open(&owned.0)?.write_all(&bytes)?;
                Ok(owned)
            };
            if let Ok(Ok(owned)) = spawn_blocking(write).await {
                this.parts.insert(key, Arc::new(owned)).await;
            }
        });
    }

    /// Lets go of all that is kept of files below `folder`.
    pub(crate) async fn forget(&self, folder: &Path) {
        for (key, _) in self.parts.iter().filter(|(key, _)| key.0.prefix_matches(folder)) {
            self.parts.invalidate(&*key).await;
        }
    }
}

/// A part of a file, from the cache where there is one.
pub(crate) async fn range(
    cache: Option<&ReadCache>,
    store: &dyn ObjectStore,
    path: &Path,
    range: Range<u64>,
) -> Result<Bytes> {
    match cache {
        Some(cache) => {
            Ok(cache.ranges(store, path, std::slice::from_ref(&range)).await?.pop().unwrap_or_default())
        }
        None => store.get_range(path, range).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use std::slice;

    fn files(folder: &tempfile::TempDir) -> Vec<PathBuf> {
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Parts are kept a moment after they were read.
    async fn become_files(cache: &ReadCache, folder: &tempfile::TempDir, is: impl Fn(usize) -> bool) {
        loop {
            cache.parts.run_pending_tasks().await;
            let (files, parts) = (files(folder).len(), cache.parts.entry_count());
            if is(files) && parts == files as u64 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn parts_are_read_once_within_the_budget_and_whatever_happens_to_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = (InMemory::new(), Path::from("table/part"));
        let bytes: Bytes = (0..200_000_u32).map(|n| n as u8).collect::<Vec<_>>().into();
        store.put(&path, bytes.clone().into()).await.unwrap();
        let cache = ReadCache::new(folder.path().to_owned(), 5 * BLOCK_BYTES);
        let ranges = [100..200, 5000..9000];
        let expected =
            ranges.clone().map(|range: Range<u64>| bytes.slice(range.start as usize..range.end as usize));
        let read = async || cache.ranges(&store, &path, &ranges).await.unwrap();
        assert_eq!(read().await, expected);
        become_files(&cache, &folder, |files| files == 2).await;
        // Without the store.
        store.delete(&path).await.unwrap();
        assert_eq!(read().await, expected);
        assert!(cache.ranges(&store, &path, slice::from_ref(&(100..201))).await.is_err());
        store.put(&path, bytes.clone().into()).await.unwrap();
        // A file that was cut off or is gone.
        for file in files(&folder) {
            if fs::metadata(&file).unwrap().len() == 100 {
                fs::write(file, "short").unwrap()
            } else {
                fs::remove_file(file).unwrap()
            }
        }
        assert_eq!(read().await, expected);
        // Others push them out.
        for start in 0..40 {
            cache.ranges(&store, &path, slice::from_ref(&(start * 5000..start * 5000 + 4096))).await.unwrap();
            tokio::task::yield_now().await;
        }
        become_files(&cache, &folder, |files| (1..=5).contains(&files)).await;
        cache.forget(&Path::from("other")).await;
        become_files(&cache, &folder, |files| (1..=5).contains(&files)).await;
        cache.forget(&Path::from("table")).await;
        become_files(&cache, &folder, |files| files == 0).await;
        // What a scan reads is not kept.
        let large = Path::from("large");
        store.put(&large, vec![1; 3 << 20].into()).await.unwrap();
        cache.ranges(&store, &large, slice::from_ref(&(0..3 << 20))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(files(&folder).is_empty());
    }
}
