//! [`DeltaStore`]: the port's methods, each put together from the log, the writer and the readers.

use crate::{
    admission::Admission,
    checksums,
    diff::{self, Comparison, Differences},
    earlier_files::EarlierFiles,
    encode::{self, Encoder, Target, WriteOptions},
    export::{self, ExportRows},
    folder::STAGING,
    log::{Kind, Log, Logged, LoggedFile, NextVersion},
    options::QueryOptions,
    page,
    problem::storage,
    read_cache::{MAX_IDLE, ReadCache},
    row_file::RowFile,
    row_numbers::RowNumbers,
    staged::{self, Staged},
    table_location::TableLocation,
    version::{MetadataCache, Readers, Version, metadata_cache},
    views::ViewHead,
    workers::Workers,
    writer::{ActiveWriters, DeltaWriter, WriterId},
};
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};
use moka::future::Cache;
use mycorr_domain::{
    Change, Column, Committed, DiffCounts, DiffFormat, DiffPage, DiffPlan, DiffRow, Export, ExportFormat,
    FilterGroup, JobId, Page, Problem, Profile, Removed, Result, RowQuery, Snapshot, Sort, StoreVersion,
    StoredChecksums, TableId, TableStore, TableWriter, TextHash, WriteRight,
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use rayon::ThreadPool;
use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::Semaphore;

/// Versioned tables in Delta Lake: a folder per table, a file per some hundred megabytes of rows, and a log.
/// Files and log entries are durable before a version can be seen, and stay until the table is deleted.
#[derive(Clone)]
pub struct DeltaStore {
    place: TableLocation,
    pub(crate) options: WriteOptions,
    encoders: Arc<ThreadPool>,
    active_writers: ActiveWriters,
    pub(crate) workers: Workers,
    pub(crate) queries: Queries,
}

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
/// Exports that are made at the same time. A whole version as Parquet is only copied, and does not count.
const MAX_EXPORTS: u32 = 4;
/// A page of differences is put together from so many: removed, added, and both sides of the changed.
const DIFF_PARTS: usize = 4;

impl Queries {
    fn new(options: QueryOptions, place: &TableLocation) -> Result<Self> {
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
}

impl Queries {
    /// The versions whose row files are being made, and wanted.
    pub(crate) fn making(&self) -> MutexGuard<'_, HashSet<(TableId, StoreVersion)>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What is tried to be stored, to see whether anything can be.
const CHECK_BYTES: usize = 64 << 10;
/// An unfinished file that nobody can be writing any more.
const STAGING_KEPT: TimeDelta = TimeDelta::days(1);

impl DeltaStore {
    /// Opens the folder `location`, a path or a `file://` URL, and makes it if it isn't there.
    ///
    /// # Errors
    /// `storage_unavailable` or `storage_full` when the folder can't be made or written; `invalid` for another kind of URL.
    pub fn open(location: &str) -> Result<Self> {
        Self::at(TableLocation::open(location)?)
    }

    /// The same, or the bucket `s3://bucket/prefix`, with the settings of AWS among `variables`; other names are passed
    /// over.
    ///
    /// # Errors
    /// `storage_unavailable`, also for a server without conditional writes.
    pub async fn connect(
        location: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        Self::at(TableLocation::connect(location, variables).await?)
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        self.place.store.as_ref()
    }

    fn at(place: TableLocation) -> Result<Self> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let queries = Queries::new(QueryOptions::default(), &place)?;
        Ok(Self {
            place,
            options: WriteOptions::default(),
            encoders: encode::threads(cores)?,
            active_writers: ActiveWriters::default(),
            workers: Workers::start(QueryOptions::default().workers())?,
            queries,
        })
    }

    #[must_use]
    pub fn with_write_options(mut self, options: WriteOptions) -> Self {
        self.options = options;
        self
    }

    /// What queries may take. Empties the folder for temporary files.
    ///
    /// # Errors
    /// `storage_unavailable` when that folder can't be made.
    pub fn with_query_options(mut self, options: QueryOptions) -> Result<Self> {
        self.workers = Workers::start(options.workers())?;
        self.queries = Queries::new(options, &self.place)?;
        Ok(self)
    }

    pub(crate) async fn version(&self, table: TableId, version: StoreVersion) -> Result<Arc<Version>> {
        let load = async {
            let files = self.files(table, version).await?;
            Ok(Arc::new(Version::new(
                &self.place,
                table,
                &files,
                &self.queries.metadata,
                self.queries.parts.as_ref(),
            )))
        };
        let found = self.queries.versions.try_get_with((table, version), load).await;
        let found = found.map_err(|problem: Arc<Problem>| (*problem).clone())?;
        Ok(Arc::new(found.read_by(&self.queries.readers, table, version)))
    }

    async fn both(&self, plan: &DiffPlan) -> Result<(Arc<Version>, Arc<Version>)> {
        let (from, to) = (&plan.from, &plan.to);
        Ok((self.version(from.table, from.version).await?, self.version(to.table, to.version).await?))
    }

    /// What differs is found once for all who wait for it, and given up when nobody does.
    async fn differences(&self, plan: &DiffPlan) -> Result<Arc<Differences>> {
        let Queries { options, sorts, diffs, .. } = &self.queries;
        let find = async {
            let comparison = async {
                let (from, to) = self.both(plan).await?;
                Comparison::new(plan, from, to).await
            };
            let (comparison, options, sorts) = (comparison.await?, options.clone(), sorts.clone());
            let work = self.workers.run(async move {
                let memory = comparison.memory(sorts.bytes() / 4 * 3);
                let _permit = sorts.acquire(memory).await?;
                comparison.run(memory, &options).await
            });
            work.await.map(Arc::new)
        };
        let key = (plan.to.table, plan.from.version, plan.to.version);
        diffs.try_get_with(key, find).await.map_err(|problem: Arc<Problem>| (*problem).clone())
    }

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

    /// Lets go of what is kept of versions for the next query.
    async fn forget(&self, table: TableId, gone: impl Fn(StoreVersion) -> bool) {
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

    /// All files of a table, by their paths within its folder.
    pub(crate) async fn list(&self, table: TableId) -> Result<Vec<(String, ObjectMeta)>> {
        let folder = self.place.folder(table);
        let prefix = format!("{folder}/");
        let found: Vec<_> = self.place.store.list(Some(&folder)).try_collect().await.map_err(storage)?;
        let within =
            |object: ObjectMeta| Some((object.location.as_ref().strip_prefix(&prefix)?.to_owned(), object));
        Ok(found.into_iter().filter_map(within).collect())
    }

    async fn remove(&self, files: impl IntoIterator<Item = ObjectMeta>) -> Result<()> {
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

    /// What a job committed.
    async fn made_by(&self, job: JobId, table: TableId, version: StoreVersion) -> Result<Committed> {
        let made = staged::committed(version, &self.files(table, version).await?, job);
        // A restore writes no file.
        Ok(if made.bytes == 0 { Committed { bytes: made.size_bytes, ..made } } else { made })
    }

    /// Starts a version. `take_over` says whether files of the one before may become part of it.
    async fn writer(
        &self,
        right: WriteRight,
        columns: &[Column],
        take_over: bool,
    ) -> Result<Box<dyn TableWriter>> {
        let table = right.table();
        let log = Log::of(&self.place, table);
        let base = log.latest().await?;
        log.admit(base.as_ref(), right).await?;
        let earlier =
            base.as_ref().filter(|_| take_over).map(|base| EarlierFiles::new(&base.files, base.boundaries));
        let earlier = earlier.unwrap_or_default();
        let place = self.place.clone();
        let writer = WriterId::of(right);
        let target = Target {
            store: self.place.store.clone(),
            folder: self.place.folder(table),
            writer,
            runtime: tokio::runtime::Handle::current(),
            written: Arc::default(),
            begun: Arc::default(),
            earlier: Arc::new(earlier),
        };
        let written = target.written.clone();
        let (options, threads, native) = (self.options.clone(), self.encoders.clone(), columns.len());
        let encoder =
            move |section| Encoder::new(target.clone(), section, native, options.clone(), threads.clone());
        let active_writers = self.active_writers.enter(writer);
        Ok(Box::new(DeltaWriter::new(
            place,
            base,
            columns,
            right,
            Box::new(encoder),
            written,
            active_writers,
        )))
    }
}

#[async_trait]
impl TableStore for DeltaStore {
    async fn write(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>> {
        self.writer(right, columns, true).await
    }

    async fn write_anew(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>> {
        self.writer(right, columns, false).await
    }

    async fn committed(&self, table: TableId, job: JobId) -> Result<Option<Committed>> {
        match Log::of(&self.place, table).committed(job).await? {
            Some(version) => self.made_by(job, table, version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn take_over(&self, right: WriteRight) -> Result<Option<Committed>> {
        match Log::of(&self.place, right.table()).take_over(right).await? {
            Some(version) => self.made_by(right.job(), right.table(), version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn page(&self, at: &Snapshot, query: &RowQuery) -> Result<Page> {
        let version = self.version(at.table, at.version).await?;
        let columns = at.select(query)?;
        let range = query.offset..query.offset.saturating_add(query.limit as u64);
        let (total, ids) = self.numbers(at, &version, query, range).await?;
        let (rows, held) = match self.rows_of_file(at, &version, &columns, &ids).await? {
            Some(found) => found,
            None => page::rows(&version, &columns, ids, &self.workers, &self.queries.pages, 1).await?,
        };
        Ok(Page { total, rows, held })
    }

    async fn cell(&self, at: &Snapshot, query: &RowQuery, column: &str) -> Result<Option<Vec<u8>>> {
        let column =
            at.columns.iter().find(|known| known.name == column).ok_or_else(|| {
                Problem::invalid("column", format!("This version has no column {column:?}."))
            })?;
        let version = self.version(at.table, at.version).await?;
        let range = query.offset..query.offset.saturating_add(1);
        let (total, id) = self.numbers(at, &version, query, range).await?;
        match id.first() {
            Some(&id) => page::cell(&version, std::slice::from_ref(column), id, &self.queries.pages).await,
            None => Err(Problem::invalid("row", format!("There are {total} rows here, counted from 0."))),
        }
    }

    async fn export(&self, at: &Snapshot, query: &RowQuery, format: ExportFormat) -> Result<Box<dyn Export>> {
        let version = self.version(at.table, at.version).await?;
        let columns = at.select(query)?;
        let (sorted, filtered) = (!query.sort.is_empty(), !query.filters.is_empty());
        if format == ExportFormat::Parquet && !sorted && !filtered && !columns.is_empty() {
            let shape = export::Shape::new(&version, columns).await?;
            return Ok(Box::new(export::Splice::new(version, &shape).await?));
        }
        let Queries { exports, .. } = &self.queries;
        let memory = exports.share(MAX_EXPORTS);
        let rows = if sorted {
            let numbers = self.index(at, &version, query).await?;
            ExportRows::sorted(version, columns, numbers, memory).await?
        } else {
            ExportRows::in_arrival(version, &at.columns, columns, &query.filters).await?
        };
        let (permit, parallel) = (exports.acquire(memory).await?, self.workers.count());
        Ok(Box::new(export::Stream::start(&self.workers, permit, |sender| {
            export::encode(rows, format, parallel, sender)
        })?))
    }

    async fn diff(&self, plan: &DiffPlan) -> Result<DiffCounts> {
        Ok(self.differences(plan).await?.counts.clone())
    }

    async fn diff_rows(
        &self,
        plan: &DiffPlan,
        change: Option<Change>,
        offset: u64,
        limit: usize,
    ) -> Result<DiffPage> {
        let found = self.differences(plan).await?;
        let (from, to) = self.both(plan).await?;
        let mut page = DiffPage { rows: Vec::new(), held: Vec::new() };
        let mut skip = offset;
        for change in Change::ALL.into_iter().filter(|kind| change.is_none_or(|change| change == *kind)) {
            let total = found.counts.of(change);
            let range = skip.min(total)..skip.saturating_add((limit - page.rows.len()) as u64).min(total);
            skip = skip.saturating_sub(total);
            let wanted = page.rows.len() + (range.end - range.start) as usize;
            let mut sides = [None, None];
            let numbers = found.rows(change);
            let both = [(numbers.0, &from, &plan.from), (numbers.1, &to, &plan.to)];
            for (side, (numbers, version, at)) in sides.iter_mut().zip(both) {
                let Some(numbers) = numbers else { continue };
                let ids = numbers.slice(range.clone())?;
                let (rows, held) =
                    page::rows(version, &at.columns, ids, &self.workers, &self.queries.pages, DIFF_PARTS)
                        .await?;
                page.held.push(held);
                *side = Some(rows.into_iter());
            }
            let [mut before, mut after] = sides;
            loop {
                let (before, after) =
                    (before.as_mut().map(Iterator::next), after.as_mut().map(Iterator::next));
                // What an answer may hold is used up where one side has no more.
                if matches!(before, Some(None)) || matches!(after, Some(None)) {
                    break;
                }
                page.rows.push(DiffRow { change, before: before.flatten(), after: after.flatten() });
            }
            if page.rows.len() < wanted || page.rows.len() == limit {
                break;
            }
        }
        Ok(page)
    }

    async fn diff_export(&self, plan: &DiffPlan, format: DiffFormat) -> Result<Box<dyn Export>> {
        let found = self.differences(plan).await?;
        let (versions, plan) = (self.both(plan).await?, plan.clone());
        let exports = &self.queries.exports;
        let permit = exports.acquire(exports.share(MAX_EXPORTS)).await?;
        let stream = export::Stream::start(&self.workers, permit, |sender| {
            diff::write(plan, versions, found, format, sender)
        })?;
        Ok(Box::new(stream))
    }

    async fn profile(&self, at: &Snapshot) -> Result<Option<Profile>> {
        let profile = Log::of(&self.place, at.table).profile(at.version).await?;
        profile.map(|json| serde_json::from_str(&json).map_err(Problem::bug)).transpose()
    }

    async fn checksums(&self, at: &Snapshot, hash: TextHash) -> Result<StoredChecksums> {
        let log = Log::of(&self.place, at.table);
        // Footers are read anew as well: what is kept here says nothing about the files.
        let version =
            Version::new(&self.place, at.table, &log.at(at.version).await?.files, &metadata_cache(0), None);
        let (columns, exports) = (at.columns.clone(), self.queries.exports.clone());
        let read = self.workers.run(async move {
            let _permit = exports.acquire(exports.share(MAX_EXPORTS)).await?;
            checksums::checksums(Arc::new(version), columns, hash).await
        });
        let (checksums, content) = read.await?;
        let intact = log.content(at.version).await?.map(|written| Some(written) == content);
        Ok(StoredChecksums { checksums, intact })
    }

    async fn commit_staged(&self, right: WriteRight, staged: StoreVersion) -> Result<Committed> {
        let fence = staged.staged_by().ok_or_else(|| Problem::bug("this version was committed"))?;
        let (Staged { schema, files, boundaries, content, profile }, _) =
            Staged::load(&self.place, right.table(), fence).await?;
        let log = Log::of(&self.place, right.table());
        let base = log.latest().await?;
        let kind = Kind::Written(&schema);
        let next = NextVersion { base, files: &files, boundaries, kind, content: Some(content), profile };
        let version = log.commit(next, right).await?;
        Ok(staged::committed(version, &files, right.job()))
    }

    async fn discard(&self, right: WriteRight, staged: StoreVersion) -> Result<()> {
        let (table, Some(fence)) = (right.table(), staged.staged_by()) else { return Ok(()) };
        if Log::of(&self.place, table).committed(right.job()).await?.is_some() {
            return Err(Problem::bug("what was staged is a version by now"));
        }
        let mut files = self.list(table).await?;
        // First the files: as long as the list of them is there, it is known that something is left.
        files.retain(|(path, _)| WriterId::of_file(path) == Some(WriterId { fence, job: right.job() }));
        files.sort_by_key(|(path, _)| path.starts_with(staged::FOLDER));
        self.remove(files.into_iter().map(|(_, object)| object)).await?;
        self.forget(table, |version| version == staged).await;
        Ok(())
    }

    async fn restore(&self, right: WriteRight, to: StoreVersion) -> Result<Committed> {
        let log = Log::of(&self.place, right.table());
        let old = log.at(to).await?;
        let base = log.latest().await?;
        let (content, profile) = (log.content(to).await?, log.profile(to).await?);
        let (files, boundaries, kind) = (&old.files, old.boundaries, Kind::Restored(&old));
        let next = NextVersion { base, files, boundaries, kind, content, profile };
        let version = log.commit(next, right).await?;
        let made = staged::committed(version, &old.files, right.job());
        // It counts as the version that it brings back.
        Ok(Committed { bytes: made.size_bytes, ..made })
    }

    async fn delete(&self, right: WriteRight) -> Result<()> {
        let table = right.table();
        let log = Log::of(&self.place, table);
        // A log that can't be read any more keeps nobody from deleting the table.
        if let Ok(latest) = log.latest().await {
            log.admit(latest.as_ref(), right).await?;
        }
        let files = self.list(table).await?;
        self.remove(files.into_iter().map(|(_, object)| object)).await?;
        self.place.remove_folder(table).await?;
        self.forget(table, |_| true).await;
        Ok(())
    }

    async fn sweep(&self, right: WriteRight) -> Result<()> {
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

    async fn sweep_all(&self, right: WriteRight, staged: &[StoreVersion]) -> Result<()> {
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

    async fn keep_only(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<Removed> {
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

    async fn added_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<Vec<u64>> {
        let mut known = HashSet::new();
        let mut added = Vec::with_capacity(versions.len());
        for &version in versions {
            let files = self.files(table, version).await?;
            let new = files.iter().filter(|file| known.insert(file.path.clone()));
            added.push(new.map(|file| file.bytes).sum());
        }
        Ok(added)
    }

    async fn stored_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<u64> {
        Ok(self.held_files(table, versions).await?.values().sum())
    }

    async fn tables(&self) -> Result<Vec<TableId>> {
        let listed = self.place.store.list_with_delimiter(None).await.map_err(storage)?;
        Ok(listed.common_prefixes.iter().filter_map(|folder| folder.filename()?.parse().ok()).collect())
    }

    async fn check_writable(&self) -> Result<()> {
        let path = Path::from(format!("{STAGING}.check"));
        let bytes = vec![0_u8; CHECK_BYTES];
        self.place.store.put(&path, bytes.into()).await.map_err(storage)?;
        match self.place.store.delete(&path).await {
            // Another node tried at the same time.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(storage(error)),
        }
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        self.place.free_bytes().await
    }
}
