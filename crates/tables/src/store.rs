//! [`DeltaStore`]: the port's methods, each put together from the log, the writer and the readers.

use crate::{
    encode::{self, Encoder, Target, WriteOptions},
    index::{self, Rows},
    log::{Content, Log, NextVersion},
    page,
    place::Place,
    problem::storage,
    version::Version,
    workers::Workers,
    writer::{AtWork, DeltaWriter},
};
use async_trait::async_trait;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt};
use moka::future::Cache;
use mycorr_domain::{
    Column, Committed, Filter, JobId, Page, Problem, Result, RowQuery, Snapshot, Sort, StoreVersion, TableId,
    TableStore, TableWriter,
};
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

    async fn remove(&self, table: TableId, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        let folder = self.place.folder(table);
        let prefix = format!("{folder}/");
        let found: Vec<_> = self.place.store.list(Some(&folder)).try_collect().await.map_err(storage)?;
        let unwanted: Vec<_> = found
            .into_iter()
            .map(|object| object.location)
            .filter(|path| path.as_ref().strip_prefix(&prefix).is_some_and(&unwanted))
            .map(Ok)
            .collect();
        self.place
            .store
            .delete_stream(futures::stream::iter(unwanted).boxed())
            .try_for_each(|_| async { Ok(()) })
            .await
            .or_else(|error| match error {
                object_store::Error::NotFound { .. } => Ok(()),
                error => Err(storage(error)),
            })
    }
}

#[async_trait]
impl TableStore for DeltaStore {
    async fn write(&self, table: TableId, columns: &[Column], job: JobId) -> Result<Box<dyn TableWriter>> {
        let log = Log::of(&self.place, table);
        let base = log.latest().await?;
        let writer = uuid::Uuid::now_v7();
        let target = Target {
            store: self.place.store.clone(),
            folder: self.place.folder(table),
            writer,
            runtime: tokio::runtime::Handle::current(),
            written: Arc::default(),
        };
        let encoder = Encoder::new(target, self.options.clone(), self.encoders.clone());
        Ok(Box::new(DeltaWriter::start(log, base, columns, job, encoder, self.at_work.enter(writer))))
    }

    async fn committed(&self, table: TableId, job: JobId) -> Result<Option<Committed>> {
        let Some(version) = Log::of(&self.place, table).committed(job).await? else { return Ok(None) };
        let opened = self.version(table, version).await?;
        Ok(Some(Committed { version, rows: opened.rows, bytes: opened.bytes }))
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

    async fn restore(&self, table: TableId, to: StoreVersion, job: JobId) -> Result<Committed> {
        let log = Log::of(&self.place, table);
        let old = log.at(to).await?;
        let base = log.latest().await?;
        let next = NextVersion { base: base.as_ref(), files: &old.files, content: Content::Restored(&old) };
        let version = log.commit(next, job).await?;
        Ok(Committed {
            version,
            rows: old.files.iter().map(|file| file.rows).sum(),
            bytes: old.files.iter().map(|file| file.bytes).sum(),
        })
    }

    async fn delete(&self, table: TableId) -> Result<()> {
        self.remove(table, |_| true).await?;
        for (key, _) in self.versions.iter().filter(|(key, _)| key.0 == table) {
            self.versions.invalidate(&*key).await;
        }
        for (key, _) in self.indexes.iter().filter(|(key, _)| key.0 == table) {
            self.indexes.invalidate(&*key).await;
        }
        Ok(())
    }

    async fn sweep(&self, table: TableId) -> Result<()> {
        let kept = Log::of(&self.place, table).all_files().await?;
        self.remove(table, |path| {
            !path.starts_with("_delta_log/") && !kept.contains(path) && !self.at_work.wrote(path)
        })
        .await
    }
}
