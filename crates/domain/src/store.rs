//! The port behind which versioned tables are kept. `tables` keeps them in Delta Lake, `testkit` in memory.

use crate::{
    cell::Cell,
    checksum::{Checksums, TextHash},
    column::Column,
    diff::{Change, DiffCounts, DiffFormat, DiffPage, DiffPlan},
    export::{Export, ExportFormat},
    id::{JobId, TableId},
    problem::{Problem, Result},
    profile::Profile,
    query::RowQuery,
    right::WriteRight,
};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use std::{any::Any, collections::HashMap, sync::Arc};

/// The store's own number of a version (Delta's). `meta` knows which version of Mycorr's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreVersion(pub i64);

impl StoreVersion {
    /// What a run staged beside its table, by its fence: below all that were committed.
    pub const fn staged(fence: i64) -> Self {
        Self(-fence)
    }

    /// The fence of the run that staged it; `None` for a committed one.
    pub const fn staged_by(self) -> Option<i64> {
        if self.0 < 0 { Some(-self.0) } else { None }
    }
}

/// A version that can be read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub table: TableId,
    pub version: StoreVersion,
    /// The columns of that version, in PostgreSQL's order.
    pub columns: Arc<[Column]>,
}

impl Snapshot {
    /// The columns that a query wants, in its order.
    ///
    /// # Errors
    /// `invalid` for a name that this version does not have.
    pub fn select(&self, query: &RowQuery) -> Result<Arc<[Column]>> {
        let Some(names) = &query.columns else { return Ok(self.columns.clone()) };
        let known: HashMap<&str, &Column> =
            self.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let find = |name: &String| {
            known.get(name.as_str()).map(|column| (*column).clone()).ok_or_else(|| {
                Problem::invalid("columns", format!("This version of the table has no column {name:?}."))
            })
        };
        names.iter().map(find).collect()
    }
}

/// What a commit made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub version: StoreVersion,
    pub rows: u64,
    /// Bytes of the files that it added. A restore adds none, and counts as the version that it brings back.
    pub bytes: u64,
    /// Bytes of all files that hold its rows, those that it shares with earlier versions included.
    pub size_bytes: u64,
}

/// What is stored of a version, read once more.
#[derive(Clone, Debug)]
pub struct StoredChecksums {
    pub checksums: Checksums,
    /// Whether it is what was written; `None` where the commit does not say.
    pub intact: Option<bool>,
}

/// What a removal freed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub bytes: u64,
    /// Versions that somebody is reading: their files are there still.
    pub in_use: Vec<StoreVersion>,
}

/// Rows of a version, and how many there are after the filters. Fewer rows than asked for when they come to
/// more than an answer may hold ([`AnswerBudget`](crate::AnswerBudget)).
#[derive(Clone, Debug)]
pub struct Page {
    pub total: u64,
    pub rows: Vec<Vec<Cell>>,
    /// The store's permit for the memory of this page. To be kept until the rows are gone.
    pub held: Held,
}

/// Whatever a store gives back to itself when it is dropped.
pub type Held = Option<Arc<dyn Any + Send + Sync>>;

/// Versioned tables. Failures are `storage_full`, `storage_unavailable`, `conflict` for a right that is overtaken, or
/// `invalid` for a query that names what is not there. A version never changes once it is committed.
#[async_trait]
pub trait TableStore: Send + Sync + 'static {
    /// Starts to write the whole content of a table's next version; the first one makes the table.
    /// Nothing can be seen of it until [`TableWriter::commit`]. The right is kept with the commit. Files of the newest version
    /// whose rows come again in the same order may become part of the next one, instead of being written again.
    async fn write(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>>;

    /// The same without taking anything over: for a table whose files are known to be damaged.
    async fn write_anew(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>> {
        self.write(right, columns).await
    }

    /// What `job` committed to `table`, if it did.
    async fn committed(&self, table: TableId, job: JobId) -> Result<Option<Committed>>;

    /// For a job that is begun again: what an earlier run of it committed, or else closes the table to every lower
    /// fence, so that an earlier run that is only paused can't commit any more.
    async fn take_over(&self, right: WriteRight) -> Result<Option<Committed>>;

    async fn page(&self, at: &Snapshot, query: &RowQuery) -> Result<Page>;

    /// The whole bytes of one cell's text, `None` for null: of the first row of `query`, which has the
    /// number `query.offset` in its order.
    async fn cell(&self, at: &Snapshot, query: &RowQuery, column: &str) -> Result<Option<Vec<u8>>>;

    /// All rows of a query (whose `offset` and `limit` count for nothing) as a file.
    async fn export(&self, at: &Snapshot, query: &RowQuery, format: ExportFormat) -> Result<Box<dyn Export>>;

    /// What the columns of a version hold; `None` where that was not kept.
    async fn profile(&self, _at: &Snapshot) -> Result<Option<Profile>> {
        Ok(None)
    }

    /// What a version comes to, read anew from what is stored.
    async fn checksums(&self, at: &Snapshot, hash: TextHash) -> Result<StoredChecksums>;

    /// How many rows of two versions differ, and in which columns.
    async fn diff(&self, plan: &DiffPlan) -> Result<DiffCounts>;

    /// Rows that differ: those of `change`, or the removed, then the added, then the changed; the removed in the order of
    /// `from`, the others in that of `to`.
    async fn diff_rows(
        &self,
        plan: &DiffPlan,
        change: Option<Change>,
        offset: u64,
        limit: usize,
    ) -> Result<DiffPage>;

    /// All rows that differ, as a file.
    async fn diff_export(&self, plan: &DiffPlan, format: DiffFormat) -> Result<Box<dyn Export>>;

    /// Makes what was staged ([`TableWriter::stage`]) the next version.
    async fn commit_staged(&self, right: WriteRight, staged: StoreVersion) -> Result<Committed>;

    /// Removes what the right's job staged and nobody committed; fine if there is nothing. Others may be writing the table.
    async fn discard(&self, right: WriteRight, staged: StoreVersion) -> Result<()>;

    /// A new version with the content of an old one.
    async fn restore(&self, right: WriteRight, to: StoreVersion) -> Result<Committed>;

    /// Removes a table with all its versions; fine if there is none.
    async fn delete(&self, right: WriteRight) -> Result<()>;

    /// Removes what earlier runs of the job left, and what this one wrote and did not commit. Reads no more than a list of
    /// the table's files when there is nothing of the kind.
    async fn sweep(&self, right: WriteRight) -> Result<()>;

    /// Removes all files of lower fences that no version holds, whoever left them; what is staged stays where it is in `staged`.
    async fn sweep_all(&self, right: WriteRight, staged: &[StoreVersion]) -> Result<()>;

    /// Removes all files of lower fences that none of these versions holds, staged ones among them; other versions can't be
    /// read any more, but by who is reading them now.
    async fn keep_only(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<Removed>;

    /// For each of these versions, bytes of its files that none of those before it in this list holds.
    async fn added_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<Vec<u64>>;

    /// Bytes of the files that any of these versions holds; what several share counts once.
    async fn stored_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<u64>;

    /// Every table of which there is anything.
    async fn tables(&self) -> Result<Vec<TableId>>;

    /// Whether something can be stored: it is tried.
    async fn check_writable(&self) -> Result<()>;

    /// Room that is left, where the store knows.
    async fn free_bytes(&self) -> Result<Option<u64>>;
}

/// A stretch of a version's rows: the sections of a version lie in it one after the other, and are written side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// From 0 on.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Section {
    pub const WHOLE: Self = Self { index: 0, of: 1 };
}

/// A version in the making.
#[async_trait]
pub trait TableWriter: Send {
    /// Takes a batch whose columns are the arrow fields of the table's columns, in their order, followed by
    /// those companions ([`Column::exact_field`]) that were needed so far; a companion that came once comes
    /// with every later batch. Waits while the writer is behind. After an error the writer is of no more use.
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.write_section(Section::WHOLE, batch).await
    }

    /// As [`TableWriter::write`], for one of several sections. What is said there of batches before and after holds
    /// within a section.
    async fn write_section(&mut self, section: Section, batch: RecordBatch) -> Result<()>;

    /// Writes what is left, after which no batch is taken any more. Returns how many bytes the version adds.
    async fn finish(&mut self) -> Result<u64>;

    /// Whether the rows that were written are those of `at`, which has the same columns, in whatever order. Finishes first
    /// if need be. False where `at` was made before this was kept.
    async fn has_rows_of(&mut self, at: &Snapshot) -> Result<bool>;

    /// Makes the version seen, all at once; finishes it first if need be. A writer that is dropped instead leaves nothing behind that
    /// can be seen; its files are removed by [`TableStore::sweep`].
    async fn commit(self: Box<Self>) -> Result<Committed>;

    /// Stores the version beside the table: it can be read, and is not among the table's versions until
    /// [`TableStore::commit_staged`]. Finishes it first if need be.
    async fn stage(self: Box<Self>) -> Result<Committed>;

    /// Bytes written to the store so far.
    fn bytes(&self) -> u64;
}
