//! What a planner of queries needs of this store: the rows of a version, and a share of the machine.

use crate::{
    DeltaStore,
    order::SortColumn,
    scan::{Group, Scan},
    sizes,
    sort_pool::SortPool,
    version::Version,
};
use arrow_array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::Stream;
use mycorr_domain::{Column, Problem, Result, Snapshot};
use std::{sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, task::JoinSet};

/// Queries that run at the same time, beside sorts, with whose memory they make do.
const MAX_CONCURRENT: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// What is decoded at a time.
const BATCH_BYTES: usize = 1 << 20;

/// A version that is open for reading: its files stay as long as this is kept.
#[derive(Clone)]
pub struct StoredRows {
    version: Arc<Version>,
    columns: Arc<[Column]>,
}

impl DeltaStore {
    /// # Errors
    /// `storage_unavailable`.
    pub async fn stored_rows(&self, at: &Snapshot) -> Result<StoredRows> {
        let version = self.version(at.table, at.version).await?;
        Ok(StoredRows { version, columns: at.columns.clone() })
    }

    /// Waits in line for what a query takes.
    ///
    /// # Errors
    /// `too_busy` when the wait is over.
    pub async fn admit_query(&self) -> Result<AdmittedQuery> {
        self.admit_query_within(ACQUIRE_TIMEOUT).await
    }

    /// Bytes of memory of one query.
    pub fn query_memory(&self) -> usize {
        self.queries.sorts.share(MAX_CONCURRENT)
    }

    /// Starts work on the threads for queries. It is given up when the set is dropped.
    ///
    /// # Errors
    /// `internal` while the store is closing.
    pub fn spawn_query(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<JoinSet<()>> {
        self.workers.spawn(work)
    }

    /// [`Self::admit_query`] with another longest wait.
    ///
    /// # Errors
    /// `too_busy` when the wait is over.
    pub async fn admit_query_within(&self, longest: Duration) -> Result<AdmittedQuery> {
        let admission = self.queries.sorts.with_timeout(longest);
        let memory = admission.share(MAX_CONCURRENT);
        let permit = admission.acquire(memory).await?;
        let options = &self.queries.options;
        let disk = options.spill_bytes() / u64::from(MAX_CONCURRENT);
        let environment = options.environment(Arc::new(SortPool::new(memory)), disk)?;
        Ok(AdmittedQuery { environment, _permit: permit })
    }
}

impl StoredRows {
    /// Rows of the version.
    pub fn rows(&self) -> u64 {
        self.version.rows
    }

    /// For each column, whether some of its values stand in a companion, exactly as PostgreSQL printed them.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn companions(&self) -> Result<Vec<bool>> {
        let mut companions = Vec::with_capacity(self.columns.len());
        for column in &*self.columns {
            companions.push(self.version.has_field(&column.exact_name()).await?);
        }
        Ok(companions)
    }

    /// About how many bytes these columns of all rows take when they are decoded.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn decoded_bytes(&self, columns: &[usize]) -> Result<u64> {
        let mut wanted = Vec::with_capacity(columns.len());
        for &at in columns {
            wanted.push(self.columns.get(at).cloned().ok_or_else(|| Problem::bug("no such column"))?);
        }
        let mut bytes = 0;
        for file in self.version.files.iter() {
            let metadata = file.metadata().await?;
            for (group, rows) in metadata.metadata().row_groups().iter().enumerate() {
                let row = sizes::row_bytes(&metadata, &wanted, [group]) as u64;
                bytes += row * rows.num_rows().max(0) as u64;
            }
        }
        Ok(bytes)
    }

    /// All rows, cut into about `parallel` parts that lie in their order: of each column, by its place, the stored field
    /// and its companion if it has one.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn parts(&self, columns: &[usize], parallel: usize) -> Result<Vec<RowsPart>> {
        let mut used = Vec::with_capacity(columns.len());
        for &at in columns {
            let column = self.columns.get(at).ok_or_else(|| Problem::bug("no such column"))?;
            let companion = self.version.has_field(&column.exact_name()).await?;
            used.push(SortColumn::new(column.clone(), companion));
        }
        let scan = Arc::new(Scan::new(self.version.clone(), &used).await?);
        let parts = scan.partitions(parallel).into_iter();
        Ok(parts.map(|groups| RowsPart { scan: scan.clone(), groups }).collect())
    }
}

/// Some rows of a version, one after the other.
#[derive(Clone)]
pub struct RowsPart {
    scan: Arc<Scan>,
    groups: Vec<Group>,
}

impl RowsPart {
    /// Batches whose fields are called as they are stored. More fields may follow.
    pub fn batches(&self) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
        self.scan.clone().batches(self.groups.clone(), BATCH_BYTES)
    }
}

/// What one query may take of the machine, until this is dropped.
pub struct AdmittedQuery {
    environment: Arc<RuntimeEnv>,
    _permit: OwnedSemaphorePermit,
}

impl AdmittedQuery {
    /// Memory and temporary files.
    pub fn environment(&self) -> &Arc<RuntimeEnv> {
        &self.environment
    }
}
