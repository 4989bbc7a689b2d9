//! [`DeltaStore`]: the port's methods, each put together from the log, the writer and the readers.

use crate::{
    encode::{self, Encoder, Target, WriteOptions},
    folder::STAGING,
    index::{self, Rows},
    log::{Content, Log, NextVersion},
    page,
    place::Place,
    problem::storage,
    version::Version,
    workers::Workers,
    writer::{AtWork, DeltaWriter, WriterId},
};
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt};
use moka::future::Cache;
use mycorr_domain::{
    Column, Committed, Filter, JobId, Page, Problem, Result, RowQuery, Snapshot, Sort, StoreVersion, TableId,
    TableStore, TableWriter, WriteRight,
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use rayon::ThreadPool;
use std::{num::NonZeroUsize, sync::Arc, thread};

/// Versioned tables in Delta Lake: a folder per table, a file per some hundred megabytes of rows, and a log.
/// Files and log entries are durable before a version can be seen, and stay until the table is deleted.
#[derive(Clone)]
pub struct DeltaStore {
    place: Place,
    options: WriteOptions,
    encoders: Arc<ThreadPool>,
    at_work: AtWork,
    versions: Cache<(TableId, StoreVersion), Arc<Version>>,
    indexes: Cache<IndexKey, Arc<Rows>>,
    environment: Arc<RuntimeEnv>,
    workers: Workers,
}

/// What decides which rows a view has, and in which order.
type IndexKey = (TableId, StoreVersion, Vec<Sort>, Vec<Filter>);

/// Versions that are kept open. One takes a few hundred kilobytes per million rows.
const OPEN_VERSIONS: u64 = 64;
/// For the row numbers of sorted and filtered views, 4 bytes per row each.
const INDEX_MEMORY: u64 = 256 << 20;
/// For all sorts that run; what is more goes to temporary files.
const SORT_MEMORY: usize = 512 << 20;

/// What is tried to be stored, to see whether anything can be.
const CHECK_BYTES: usize = 64 << 10;
/// An unfinished file that nobody can be writing any more.
const STAGING_KEPT: TimeDelta = TimeDelta::days(1);

impl DeltaStore {
    /// Opens the folder `location`, a path or a `file://` URL, and makes it if it isn't there.
    pub fn open(location: &str) -> Result<Self> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            place: Place::open(location)?,
            options: WriteOptions::default(),
            encoders: encode::threads(cores)?,
            at_work: AtWork::default(),
            versions: Cache::new(OPEN_VERSIONS),
            indexes: Cache::builder()
                .max_capacity(INDEX_MEMORY)
                .weigher(|_, rows: &Arc<Rows>| u32::try_from(rows.bytes()).unwrap_or(u32::MAX))
                .build(),
            environment: index::environment(SORT_MEMORY)?,
            workers: Workers::start(cores)?,
        })
    }

    #[must_use]
    pub fn with_write_options(mut self, options: WriteOptions) -> Self {
        self.options = options;
        self
    }

    /// Memory that all sorts together may take before they use temporary files.
    pub fn with_sort_memory(mut self, bytes: usize) -> Result<Self> {
        self.environment = index::environment(bytes)?;
        Ok(self)
    }

    async fn version(&self, table: TableId, version: StoreVersion) -> Result<Arc<Version>> {
        let load = async {
            let logged = Log::of(&self.place, table).at(version).await?;
            Ok(Arc::new(Version::new(&self.place, table, &logged)))
        };
        self.versions
            .try_get_with((table, version), load)
            .await
            .map_err(|problem: Arc<Problem>| (*problem).clone())
    }

    async fn index(&self, at: &Snapshot, version: &Arc<Version>, query: &RowQuery) -> Result<Arc<Rows>> {
        let build = async {
            let (version, columns) = (version.clone(), at.columns.clone());
            let (sort, filters) = (query.sort.clone(), query.filters.clone());
            let (environment, parallel) = (self.environment.clone(), self.workers.count());
            let rows = self.workers.run(async move {
                index::build(version, &columns, &sort, &filters, environment, parallel).await
            });
            rows.await.map(Arc::new)
        };
        let key = (at.table, at.version, query.sort.clone(), query.filters.clone());
        self.indexes.try_get_with(key, build).await.map_err(|problem: Arc<Problem>| (*problem).clone())
    }

    /// All files of a table, by their paths within its folder.
    async fn list(&self, table: TableId) -> Result<Vec<(String, ObjectMeta)>> {
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

    async fn sized(&self, table: TableId, version: StoreVersion) -> Result<Committed> {
        let opened = self.version(table, version).await?;
        Ok(Committed { version, rows: opened.rows, bytes: opened.bytes })
    }
}

#[async_trait]
impl TableStore for DeltaStore {
    async fn write(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>> {
        let table = right.table();
        let log = Log::of(&self.place, table);
        let base = log.latest().await?;
        log.admit(base.as_ref(), right).await?;
        let writer = WriterId::of(right);
        let target = Target {
            store: self.place.store.clone(),
            folder: self.place.folder(table),
            writer,
            runtime: tokio::runtime::Handle::current(),
            written: Arc::default(),
        };
        let encoder = Encoder::new(target, self.options.clone(), self.encoders.clone());
        Ok(Box::new(DeltaWriter::start(log, base, columns, right, encoder, self.at_work.enter(writer))))
    }

    async fn committed(&self, table: TableId, job: JobId) -> Result<Option<Committed>> {
        match Log::of(&self.place, table).committed(job).await? {
            Some(version) => self.sized(table, version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn take_over(&self, right: WriteRight) -> Result<Option<Committed>> {
        match Log::of(&self.place, right.table()).take_over(right).await? {
            Some(version) => self.sized(right.table(), version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn page(&self, at: &Snapshot, query: &RowQuery) -> Result<Page> {
        let version = self.version(at.table, at.version).await?;
        let range = |total: u64| {
            let start = query.offset.min(total);
            start..start.saturating_add(query.limit as u64).min(total)
        };
        let (total, ids) = if query.sort.is_empty() && query.filters.is_empty() {
            (version.rows, range(version.rows).collect())
        } else {
            let rows = self.index(at, &version, query).await?;
            let range = range(rows.len());
            (rows.len(), rows.slice(range.start as usize..range.end as usize))
        };
        Ok(Page { total, rows: page::rows(&version, &at.columns, ids, &self.workers).await? })
    }

    async fn cell(&self, at: &Snapshot, row: u64, column: &str) -> Result<Option<Vec<u8>>> {
        let column =
            at.columns.iter().find(|known| known.name == column).ok_or_else(|| {
                Problem::invalid("column", format!("This version has no column {column:?}."))
            })?;
        let version = self.version(at.table, at.version).await?;
        page::cell(&version, column, row).await
    }

    async fn restore(&self, right: WriteRight, to: StoreVersion) -> Result<Committed> {
        let log = Log::of(&self.place, right.table());
        let old = log.at(to).await?;
        let base = log.latest().await?;
        let next = NextVersion { base, files: &old.files, content: Content::Restored(&old) };
        let version = log.commit(next, right).await?;
        Ok(Committed {
            version,
            rows: old.files.iter().map(|file| file.rows).sum(),
            bytes: old.files.iter().map(|file| file.bytes).sum(),
        })
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
        for (key, _) in self.versions.iter().filter(|(key, _)| key.0 == table) {
            self.versions.invalidate(&*key).await;
        }
        for (key, _) in self.indexes.iter().filter(|(key, _)| key.0 == table) {
            self.indexes.invalidate(&*key).await;
        }
        Ok(())
    }

    async fn sweep(&self, right: WriteRight) -> Result<()> {
        let mut left = self.list(right.table()).await?;
        left.retain(|(path, _)| {
            WriterId::of_file(path).is_some_and(|writer| {
                writer.job == right.job() && writer.fence <= right.fence() && !self.at_work.contains(writer)
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

    async fn sweep_all(&self, right: WriteRight) -> Result<()> {
        let old = Utc::now() - STAGING_KEPT;
        let mut left = self.list(right.table()).await?;
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

    async fn tables(&self) -> Result<Vec<TableId>> {
        let listed = self.place.store.list_with_delimiter(None).await.map_err(storage)?;
        Ok(listed.common_prefixes.iter().filter_map(|folder| folder.filename()?.parse().ok()).collect())
    }

    async fn check_writable(&self) -> Result<()> {
        let path = Path::from(format!("{STAGING}.check"));
        let bytes = vec![0_u8; CHECK_BYTES];
        self.place.store.put(&path, bytes.into()).await.map_err(storage)?;
        self.place.store.delete(&path).await.map_err(storage)
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        self.place.free_bytes().await
    }
}
