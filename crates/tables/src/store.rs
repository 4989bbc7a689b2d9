//! [`DeltaStore`]: the port's methods, each put together from the log, the writer and the readers.

use crate::{
    checksums, diff,
    earlier_files::EarlierFiles,
    encode::{self, Encoder, Target, WriteOptions},
    export::{self, ExportRows},
    folder::STAGING,
    log::{Kind, Log, NextVersion},
    options::QueryOptions,
    page,
    problem::storage,
    queries::Queries,
    staged::{self, Staged},
    table_location::TableLocation,
    version::{Version, metadata_cache},
    workers::Workers,
    writer::{ActiveWriters, DeltaWriter, WriterId},
};
use async_trait::async_trait;
use mycorr_domain::{
    Change, Column, Committed, DiffCounts, DiffFormat, DiffPage, DiffPlan, Export, ExportFormat, JobId, Page,
    Problem, Profile, Removed, Result, RowQuery, Snapshot, StoreVersion, StoredChecksums, TableId,
    TableStore, TableWriter, TextHash, WriteRight,
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use rayon::ThreadPool;
use std::{collections::HashSet, num::NonZeroUsize, sync::Arc, thread};

/// Versioned tables in Delta Lake: a folder per table, a file per some hundred megabytes of rows, and a log.
/// Files and log entries are durable before a version can be seen, and stay until the table is deleted.
#[derive(Clone)]
pub struct DeltaStore {
    pub(crate) place: TableLocation,
    pub(crate) options: WriteOptions,
    encoders: Arc<ThreadPool>,
    pub(crate) active_writers: ActiveWriters,
    pub(crate) workers: Workers,
    pub(crate) queries: Queries,
}

/// Exports that are made at the same time. A whole version as Parquet is only copied, and does not count.
const MAX_EXPORTS: u32 = 4;

/// What is tried to be stored, to see whether anything can be.
const CHECK_BYTES: usize = 64 << 10;
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
        self.differing_rows(plan, change, offset, limit).await
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
        let written = log.content(at.version).await?.filter(|written| diff::is_comparable(written));
        let intact = written.map(|written| Some(written) == content);
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
        self.remove_leftovers_of(right).await
    }

    async fn sweep_all(&self, right: WriteRight, staged: &[StoreVersion]) -> Result<()> {
        self.remove_leftovers(right, staged).await
    }

    async fn keep_only(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<Removed> {
        self.remove_all_but(right, kept).await
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
