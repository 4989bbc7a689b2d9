//! What queries keep for the next one, and share with those of the same moment.

use crate::{
    DeltaStore,
    admission::Admission,
    diff::Differences,
    options::QueryOptions,
    read_cache::{MAX_IDLE, ReadCache},
    row_file::RowFile,
    row_numbers::RowNumbers,
    table_location::TableLocation,
    version::{MetadataCache, Readers, Version, metadata_cache},
    views::ViewHead,
};
use moka::future::Cache;
use mycorr_domain::{FilterGroup, Result, Sort, StoreVersion, TableId};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// What queries keep and share.
#[derive(Clone)]
pub(crate) struct Queries {
    pub(crate) options: Arc<QueryOptions>,
    pub(crate) versions: Cache<(TableId, StoreVersion), Arc<Version>>,
    pub(crate) readers: Readers,
    pub(crate) metadata: MetadataCache,
    pub(crate) parts: Option<ReadCache>,
    pub(crate) indexes: Cache<IndexKey, Arc<RowNumbers>>,
    pub(crate) heads: Cache<IndexKey, Option<Arc<ViewHead>>>,
    /// Who may sort a view whose head is looked at.
    pub(crate) settling: Arc<Semaphore>,
    /// `None` for versions whose rows take too much.
    pub(crate) row_files: Cache<(TableId, StoreVersion), Option<Arc<RowFile>>>,
    /// Those that are being made.
    making: Arc<Mutex<HashSet<(TableId, StoreVersion)>>>,
    /// By the table and its two versions.
    pub(crate) diffs: Cache<(TableId, StoreVersion, StoreVersion), Arc<Differences>>,
    pub(crate) sorts: Admission,
    pub(crate) pages: Admission,
    pub(crate) exports: Admission,
}

/// What decides which rows a view has, and in which order.
pub(crate) type IndexKey = (TableId, StoreVersion, Vec<Sort>, Vec<FilterGroup>);

/// Files of all versions that are kept open: some hundred bytes each.
const MAX_OPEN_FILES: u64 = 50_000;
/// Heads of views that are kept: 8 kB each.
const MAX_HEADS: u64 = 500;
/// A sort waits for those before it; who asked for it may leave at any time.
const SORT_TIMEOUT: Duration = Duration::from_secs(600);
const PAGE_TIMEOUT: Duration = Duration::from_secs(120);
impl Queries {
    pub(crate) fn new(options: QueryOptions, place: &TableLocation) -> Result<Self> {
        options.empty_spill_folder()?;
        let (parts, index_bytes) = match options.spill_folder() {
            // Half of the disk for views.
            Some(folder) if place.is_remote() => {
                let bytes = options.index_bytes() / 2;
                (Some(ReadCache::new(folder.to_owned(), bytes)), bytes)
            }
            _ => (None, options.index_bytes()),
        };
        const KIB: u64 = 1 << 10;
        // A view takes a file, however small; and its key is kept in memory, which is dearer.
        let weigh = |key: &IndexKey, rows: &Arc<RowNumbers>| {
            let kib = (rows.bytes() / KIB).max(KIB).saturating_add(64 * key_bytes(key) / KIB);
            u32::try_from(kib).unwrap_or(u32::MAX)
        };
        Ok(Self {
            versions: Cache::builder()
                .max_capacity(MAX_OPEN_FILES)
                .weigher(|_, version: &Arc<Version>| {
                    u32::try_from(1 + version.files.len()).unwrap_or(u32::MAX)
                })
                .build(),
            readers: Readers::default(),
            metadata: metadata_cache(options.cache_memory()),
            parts,
            indexes: Cache::builder().max_capacity(index_bytes / KIB).weigher(weigh).build(),
            heads: Cache::builder().max_capacity(MAX_HEADS).build(),
            settling: Arc::new(Semaphore::new(1)),
            row_files: Cache::builder()
                .max_capacity(options.row_file_bytes() / KIB)
                .weigher(|_, file: &Option<Arc<RowFile>>| {
                    let bytes = file.as_ref().map_or(0, |file| file.bytes());
                    u32::try_from((bytes / KIB).max(16)).unwrap_or(u32::MAX)
                })
                .time_to_idle(MAX_IDLE)
                .build(),
            making: Arc::default(),
            diffs: Cache::builder()
                .max_capacity(index_bytes / 4 / KIB)
                .weigher(|_, found: &Arc<Differences>| {
                    u32::try_from((found.bytes() / KIB).max(16)).unwrap_or(u32::MAX)
                })
                .build(),
            sorts: Admission::new(options.sort_memory(), SORT_TIMEOUT),
            pages: Admission::new(options.page_memory(), PAGE_TIMEOUT),
            exports: Admission::new(options.export_memory(), PAGE_TIMEOUT),
            options: Arc::new(options),
        })
    }

    /// The versions whose row files are being made, and wanted.
    pub(crate) fn making(&self) -> MutexGuard<'_, HashSet<(TableId, StoreVersion)>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeltaStore {
    /// Lets go of what is kept of versions for the next query.
    pub(crate) async fn forget(&self, table: TableId, gone: impl Fn(StoreVersion) -> bool) {
        let Queries { versions, diffs, indexes, heads, parts, row_files, .. } = &self.queries;
        if let Some(parts) = parts {
            parts.forget(&self.place.folder(table)).await;
        }
        self.queries.making().retain(|&(of, version)| of != table || !gone(version));
        for (key, _) in row_files.iter().filter(|(key, _)| key.0 == table && gone(key.1)) {
            row_files.invalidate(&*key).await;
        }
        for (key, _) in versions.iter().filter(|(key, _)| key.0 == table && gone(key.1)) {
            versions.invalidate(&*key).await;
        }
        for (key, _) in diffs.iter().filter(|(key, _)| key.0 == table && (gone(key.1) || gone(key.2))) {
            diffs.invalidate(&*key).await;
        }
        for (key, _) in indexes.iter().filter(|(key, _)| key.0 == table && gone(key.1)) {
            indexes.invalidate(&*key).await;
        }
        for (key, _) in heads.iter().filter(|(key, _)| key.0 == table && gone(key.1)) {
            heads.invalidate(&*key).await;
        }
    }
}

fn key_bytes((_, _, sort, filters): &IndexKey) -> u64 {
    let sort = sort.iter().map(|sort| sort.column.len());
    let filters = filters.iter().flat_map(FilterGroup::filters).map(|filter| {
        filter.column.len()
            + filter.values.iter().map(|value| value.len() + size_of::<String>()).sum::<usize>()
    });
    sort.chain(filters).sum::<usize>() as u64
}
