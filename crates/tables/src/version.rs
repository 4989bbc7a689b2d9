//! A version opened for reading. A version never changes, so everything here can be kept.

use crate::{
    log::LoggedFile,
    problem::storage,
    read_cache::{self, ReadCache},
    table_location::TableLocation,
};
use bytes::Bytes;
use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use moka::future::Cache;
use mycorr_domain::{Problem, Result, StoreVersion, TableId};
use object_store::{ObjectStore, path::Path};
use parquet::{
    arrow::{
        ParquetRecordBatchStreamBuilder,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
        async_reader::{AsyncFileReader, MetadataFetch},
    },
    errors::{ParquetError, Result as ParquetResult},
    file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The footers of files and where their pages lie, by the files' paths.
pub(crate) type MetadataCache = Cache<Path, ArrowReaderMetadata>;

/// A cache of so many bytes.
pub(crate) fn metadata_cache(bytes: usize) -> MetadataCache {
    Cache::builder()
        .max_capacity(bytes as u64)
        .weigher(|_, metadata: &ArrowReaderMetadata| {
            u32::try_from(metadata.metadata().memory_size()).unwrap_or(u32::MAX)
        })
        .build()
}

#[derive(Clone)]
pub(crate) struct Version {
    /// In the order of the rows.
    pub(crate) files: Arc<[DataFile]>,
    pub(crate) rows: u64,
    /// None for the one that is kept for the next reader.
    _reading: Option<Arc<Reading>>,
}

/// Which versions are being read in this process: their files stay until they no longer are.
#[derive(Clone, Default)]
pub(crate) struct Readers(Arc<Mutex<HashMap<(TableId, StoreVersion), usize>>>);

struct Reading(Readers, (TableId, StoreVersion));

impl Readers {
    fn lock(&self) -> MutexGuard<'_, HashMap<(TableId, StoreVersion), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a table that are being read.
    pub(crate) fn of(&self, table: TableId) -> Vec<StoreVersion> {
        self.lock().keys().filter(|key| key.0 == table).map(|key| key.1).collect()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut readers = self.0.lock();
        if let Some(count) = readers.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.1);
            }
        }
    }
}

/// Where rows of some files of a version are in all of it: the numbers of each file's first row, among these files and in
/// the version.
#[derive(Clone, Default)]
pub(crate) struct RowPlaces(Arc<[(u64, u64)]>);

impl RowPlaces {
    /// The number in the version. Rows are looked up in their order: `at` is 0 for the first of them.
    pub(crate) fn of(&self, row: u64, at: &mut usize) -> u64 {
        while self.0.get(*at + 1).is_some_and(|next| next.0 <= row) {
            *at += 1;
        }
        self.0.get(*at).map_or(row, |(first, in_version)| in_version + (row - first))
    }
}

pub(crate) struct DataFile {
    source: Source,
    /// The number of its first row in the version.
    pub(crate) first: u64,
    pub(crate) rows: u64,
    cache: MetadataCache,
}

impl Version {
    pub(crate) fn new(
        place: &TableLocation,
        table: TableId,
        logged: &[LoggedFile],
        cache: &MetadataCache,
        parts: Option<&ReadCache>,
    ) -> Self {
        let mut rows = 0;
        let files = logged
            .iter()
            .map(|file| {
                let first = rows;
                rows += file.rows;
                let path = place.folder(table).join(file.path.as_str());
                let (store, parts) = (place.store.clone(), parts.cloned());
                let source = Source { store, parts, path, bytes: file.bytes };
                DataFile { source, first, rows: file.rows, cache: cache.clone() }
            })
            .collect();
        Self { files, rows, _reading: None }
    }

    /// Its files that `other` does not hold, as a version, and the numbers that their rows have in this one.
    pub(crate) fn without_files_of(&self, other: &Self) -> (Self, RowPlaces) {
        let shared: HashSet<&Path> = other.files.iter().map(|file| &file.source.path).collect();
        let (mut rows, mut places) = (0, Vec::new());
        let own = self.files.iter().filter(|file| !shared.contains(&file.source.path));
        let files = own
            .map(|file| {
                let first = rows;
                rows += file.rows;
                places.push((first, file.first));
                let (source, cache) = (file.source.clone(), file.cache.clone());
                DataFile { source, first, rows: file.rows, cache }
            })
            .collect();
        (Self { files, rows, _reading: self._reading.clone() }, RowPlaces(places.into()))
    }

    /// The same, for somebody who reads it.
    pub(crate) fn read_by(&self, readers: &Readers, table: TableId, version: StoreVersion) -> Self {
        let key = (table, version);
        *readers.lock().entry(key).or_default() += 1;
        Self { _reading: Some(Arc::new(Reading(readers.clone(), key))), ..self.clone() }
    }

    /// Whether any file has a column of this name: companions come only where they are needed.
    pub(crate) async fn has_field(&self, name: &str) -> Result<bool> {
        for file in self.files.iter() {
            if file.metadata().await?.schema().column_with_name(name).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl DataFile {
    pub(crate) async fn metadata(&self) -> Result<ArrowReaderMetadata> {
        let load = self.source.load().map_err(storage);
        let metadata = self.cache.try_get_with_by_ref(&self.source.path, load).await;
        metadata.map_err(|problem: Arc<Problem>| (*problem).clone())
    }

    /// Bytes of the file as it is stored.
    pub(crate) async fn bytes(&self, range: Range<u64>) -> Result<Bytes> {
        self.source.range(range).await.map_err(storage)
    }

    pub(crate) async fn open(&self) -> Result<ParquetRecordBatchStreamBuilder<FileReader>> {
        let metadata = self.metadata().await?;
        let reader = FileReader { source: self.source.clone(), metadata: metadata.metadata().clone() };
        Ok(ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata))
    }
}

#[derive(Clone)]
struct Source {
    store: Arc<dyn ObjectStore>,
    /// For a store that is far away.
    parts: Option<ReadCache>,
    path: Path,
    bytes: u64,
}

impl Source {
    async fn range(&self, range: Range<u64>) -> object_store::Result<Bytes> {
        read_cache::range(self.parts.as_ref(), self.store.as_ref(), &self.path, range).await
    }

    /// The footer and where each page lies. The end of the file is fetched in one piece that holds both
    /// unless the file is large.
    async fn load(&self) -> ParquetResult<ArrowReaderMetadata> {
        let metadata = ParquetMetaDataReader::new()
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_prefetch_hint(Some(256 << 10))
            .load_and_finish(self, self.bytes)
            .await?;
        ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
    }
}

impl MetadataFetch for &Source {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.range(range).map_err(external).boxed()
    }
}

pub(crate) struct FileReader {
    source: Source,
    metadata: Arc<ParquetMetaData>,
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.source.range(range).map_err(external).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let Source { store, parts, path, .. } = &self.source;
            let read = match parts {
                Some(parts) => parts.ranges(store.as_ref(), path, &ranges).await,
                None => store.get_ranges(path, &ranges).await,
            };
            read.map_err(external)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let metadata = self.metadata.clone();
        async move { Ok(metadata) }.boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
