//! Sorted and filtered views: which rows they have, in which order, computed once for all who look.

use crate::{
    DeltaStore,
    head::{HEAD_ROWS, Head},
    index::View,
    queries::{IndexKey, Queries},
    row_file::RowFile,
    row_numbers::RowNumbers,
    version::Version,
};
use mycorr_domain::{AnswerBudget, Cell, Code, Column, Held, Problem, Result, RowQuery, Snapshot};
use std::{
    collections::HashSet,
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The head of a view, and who looks at it.
pub(crate) struct ViewHead {
    head: Head,
    used: Mutex<Instant>,
    is_settling: AtomicBool,
}

/// In a smaller version, rows that lie apart are few pages to decode; and so are rows that do not lie far apart.
const MIN_ROWS_OF_FILE: u64 = 100_000;
const MIN_PAGES: usize = 16;

/// A view of which nobody has asked for rows for so long is not sorted any more.
const UNUSED: Duration = Duration::from_secs(30);

impl ViewHead {
    fn new(head: Head) -> Self {
        Self { head, used: Mutex::new(Instant::now()), is_settling: AtomicBool::new(false) }
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn unused(&self) {
        loop {
            let until = *self.used.lock().unwrap_or_else(PoisonError::into_inner) + UNUSED;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

impl DeltaStore {
    /// How many rows a query has, and the numbers of those in `range`, which is cut to them.
    pub(crate) async fn numbers(
        &self,
        at: &Snapshot,
        version: &Arc<Version>,
        query: &RowQuery,
        range: Range<u64>,
    ) -> Result<(u64, Vec<u64>)> {
        let cut = |total: u64| range.start.min(total)..range.end.min(total);
        if query.sort.is_empty() && query.filters.is_empty() {
            return Ok((version.rows, cut(version.rows).collect()));
        }
        if range.end <= HEAD_ROWS as u64
            && let Some(found) = self.head(at, version, query).await?
        {
            let range = cut(found.head.total);
            return Ok((
                found.head.total,
                found.head.rows[range.start as usize..range.end as usize].to_vec(),
            ));
        }
        let rows = self.index(at, version, query).await?;
        let (total, range) = (rows.len(), cut(rows.len()));
        let numbers =
            tokio::task::spawn_blocking(move || rows.slice(range)).await.map_err(Problem::bug)??;
        Ok((total, numbers))
    }

    /// The first rows of a sorted view, where they are found sooner than by sorting all. The whole order is then made
    /// in the background, as long as somebody looks at the view.
    async fn head(
        &self,
        at: &Snapshot,
        version: &Arc<Version>,
        query: &RowQuery,
    ) -> Result<Option<Arc<ViewHead>>> {
        let key: IndexKey = (at.table, at.version, query.sort.clone(), query.filters.clone());
        let Queries { sorts, heads, indexes, .. } = &self.queries;
        if query.sort.is_empty() || version.rows <= HEAD_ROWS as u64 || indexes.contains_key(&key) {
            return Ok(None);
        }
        let find = async {
            let (version, columns, (_, _, sort, filters)) =
                (version.clone(), at.columns.clone(), key.clone());
            let (sorts, parallel) = (sorts.clone(), self.workers.count());
            let head = self.workers.run(async move {
                let view = View::new(version, &columns, &sort, &filters).await?;
                let memory = view.head_memory(parallel);
                // Of large values the order is made by the sort, which can spill.
                if memory > sorts.bytes() / 2 {
                    return Ok(None);
                }
                let _permit = sorts.acquire(memory).await?;
                view.head(parallel).await.map(Some)
            });
            Ok(head.await?.map(|head| Arc::new(ViewHead::new(head))))
        };
        let found = heads.try_get_with(key.clone(), find).await;
        let found = found.map_err(|problem: Arc<Problem>| (*problem).clone())?;
        if let Some(found) = &found {
            found.touch();
            if !found.is_settling.swap(true, Ordering::Relaxed) {
                self.settle(at, version, query, found.clone());
            }
        }
        Ok(found)
    }

    fn settle(&self, at: &Snapshot, version: &Arc<Version>, query: &RowQuery, head: Arc<ViewHead>) {
        let (store, at, version, query) = (self.clone(), at.clone(), version.clone(), query.clone());
        tokio::spawn(async move {
            let sorted = async {
                let _turn = store.queries.settling.acquire().await;
                // Whoever needs the order asks for it, and is told of the problem.
                let _ = store.index(&at, &version, &query).await;
            };
            tokio::select! {
                () = sorted => {}
                () = head.unused() => {}
            }
            head.is_settling.store(false, Ordering::Relaxed);
        });
    }

    /// Rows that lie apart from the file of the version's rows. Where there is none yet, it is made in the background, for
    /// the next pages.
    pub(crate) async fn rows_of_file(
        &self,
        at: &Snapshot,
        version: &Arc<Version>,
        columns: &Arc<[Column]>,
        ids: &[u64],
    ) -> Result<Option<(Vec<Vec<Cell>>, Held)>> {
        let page = |id: &u64| id / self.options.page_rows as u64;
        if version.rows < MIN_ROWS_OF_FILE
            || columns.is_empty()
            || ids.iter().map(page).collect::<HashSet<_>>().len() < MIN_PAGES
        {
            return Ok(None);
        }
        let key = (at.table, at.version);
        let file = match self.queries.row_files.get(&key).await {
            Some(Some(file)) => file,
            Some(None) => return Ok(None),
            None => {
                self.make_row_file(at, version);
                return Ok(None);
            }
        };
        match self.read_row_file(file, columns.clone(), ids.to_vec()).await {
            Ok(found) => Ok(Some(found)),
            Err(problem) if problem.code == Code::TooBusy => Err(problem),
            // The version's own files have the rows, too.
            Err(problem) => {
                tracing::warn!(table = %at.table, cause = problem.internal, "a file of rows could not be read");
                self.queries.row_files.invalidate(&key).await;
                Ok(None)
            }
        }
    }

    async fn read_row_file(
        &self,
        file: Arc<RowFile>,
        columns: Arc<[Column]>,
        ids: Vec<u64>,
    ) -> Result<(Vec<Vec<Cell>>, Held)> {
        let places = file.clone();
        let places =
            tokio::task::spawn_blocking(move || places.places(&ids)).await.map_err(Problem::bug)??;
        let lengths = places.iter().map(|place| (place.end - place.start) as usize);
        let longest = lengths.clone().max().unwrap_or(0);
        let all = lengths.sum::<usize>() + places.len() * columns.len() * size_of::<Cell>();
        // The page and its encoding, beside the row that is read.
        let permit = self.queries.pages.acquire(2 * all.min(AnswerBudget::BYTES) + longest).await?;
        let mut budget = AnswerBudget::new(places.len() * columns.len());
        let rows = tokio::task::spawn_blocking(move || file.read(&columns, &places, &mut budget));
        Ok((rows.await.map_err(Problem::bug)??, Some(Arc::new(permit))))
    }

    /// Whether files of rows are on their way; for tests.
    #[doc(hidden)]
    pub fn is_making_row_files(&self) -> bool {
        !self.queries.making().is_empty()
    }

    fn make_row_file(&self, at: &Snapshot, version: &Arc<Version>) {
        let key = (at.table, at.version);
        let Some(folder) = self.queries.options.spill_folder().map(Path::to_owned) else { return };
        if !self.queries.making().insert(key) {
            return;
        }
        let (store, version, columns) = (self.clone(), version.clone(), at.columns.clone());
        tokio::spawn(async move {
            let _turn = store.queries.settling.acquire().await;
            let most = store.queries.options.row_file_bytes();
            let build = async move { RowFile::build(version, columns, most, &folder).await };
            let made = store.workers.run(build).await.unwrap_or_else(|problem| {
                tracing::warn!(table = %key.0, cause = problem.internal, "the rows of a version could not be put into a file");
                None
            });
            // It may have been deleted meanwhile.
            if store.queries.making().contains(&key) {
                store.queries.row_files.insert(key, made.map(Arc::new)).await;
            }
            store.queries.making().remove(&key);
        });
    }

    /// The row numbers of a sorted or filtered view. It is computed once for all who wait for it, and given up
    /// when nobody does.
    pub(crate) async fn index(
        &self,
        at: &Snapshot,
        version: &Arc<Version>,
        query: &RowQuery,
    ) -> Result<Arc<RowNumbers>> {
        let key = (at.table, at.version, query.sort.clone(), query.filters.clone());
        let Queries { options, sorts, indexes, .. } = &self.queries;
        let build = async {
            let (version, columns, (_, _, sort, filters)) =
                (version.clone(), at.columns.clone(), key.clone());
            let (options, sorts, parallel) = (options.clone(), sorts.clone(), self.workers.count());
            let rows = self.workers.run(async move {
                let view = View::new(version, &columns, &sort, &filters).await?;
                // The largest sort leaves room for small ones beside it.
                let memory = view.memory(sorts.bytes() / 4 * 3, parallel);
                let _permit = sorts.acquire(memory).await?;
                view.rows(memory, &options, parallel).await
            });
            rows.await.map(Arc::new)
        };
        indexes.try_get_with(key.clone(), build).await.map_err(|problem: Arc<Problem>| (*problem).clone())
    }
}
