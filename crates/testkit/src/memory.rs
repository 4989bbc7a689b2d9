//! Versioned tables in memory: the second implementation of the port, for tests of what lies above it.

mod query;
mod writer;

use arrow_array::{RecordBatch, cast::AsArray};
use async_trait::async_trait;
use bytes::Bytes;
use mycorr_domain::{
    AnswerBudget, Cell, Change, Checksums, Code, Column, ColumnProfile, Committed, DiffColumn, DiffCounts,
    DiffFormat, DiffPage, DiffPlan, DiffRow, Export, ExportFormat, JobId, Page, Problem, Profile, Removed,
    Result, RowQuery, Snapshot, StoreVersion, StoredChecksums, StoredColumn, TableId, TableStore,
    TableWriter, TextEncoder, TextHash, WriteRight,
};
use query::{bytes_of, rows};
use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
};
use writer::MemoryWriter;

/// Knows no order of types whose text does not sort by its bytes (numeric, times, intervals) and no patterns:
/// a query that needs them panics rather than answer wrongly.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<TableId, Table>>>);

#[derive(Default)]
struct Table {
    /// The highest that has written.
    fence: i64,
    versions: Vec<Version>,
    /// By its fence.
    staged: HashMap<i64, Version>,
}

impl Table {
    fn committed(&self, job: JobId) -> Option<Committed> {
        self.versions.iter().find(|version| version.job == job).map(|version| version.committed)
    }

    /// As Delta Lake's log refuses.
    fn admit(&self, right: WriteRight) -> Result<()> {
        let used_up = self.fence == right.fence() && self.committed(right.job()).is_some();
        match self.fence > right.fence() || used_up {
            true => Err(Problem::new(Code::StorageConflict, "Another job wrote this table in the meantime.")),
            false => Ok(()),
        }
    }
}

#[derive(Clone)]
struct Version {
    job: JobId,
    committed: Committed,
    batches: Arc<[RecordBatch]>,
    /// It is no longer kept.
    removed: bool,
}

/// A file that is all there.
struct Written(Bytes);

/// What is sent at a time, as a store on a disk does.
const PIECE_BYTES: usize = 64 << 10;

#[async_trait]
impl Export for Written {
    fn length(&self) -> Option<u64> {
        None
    }

    fn cut(&mut self, _: Range<u64>) {}

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.0.split_to(self.0.len().min(PIECE_BYTES));
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }
}

impl MemoryStore {
    fn version(&self, table: TableId, version: StoreVersion) -> Result<Version> {
        let tables = self.0.lock().unwrap();
        let found = tables.get(&table).and_then(|table| match version.staged_by() {
            Some(fence) => table.staged.get(&fence),
            None => table.versions.get(usize::try_from(version.0).ok()?),
        });
        let found = found.filter(|version| !version.removed);
        found.cloned().ok_or_else(|| Problem::new(Code::StorageUnavailable, "There is no such version."))
    }

    fn commit(&self, right: WriteRight, batches: Arc<[RecordBatch]>) -> Result<Committed> {
        let mut tables = self.0.lock().unwrap();
        let table = tables.entry(right.table()).or_default();
        table.admit(right)?;
        table.fence = right.fence();
        let committed = Committed {
            version: StoreVersion(table.versions.len() as i64),
            rows: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            bytes: bytes(&batches),
            size_bytes: bytes(&batches),
        };
        table.versions.push(Version { job: right.job(), committed, batches, removed: false });
        Ok(committed)
    }

    fn printed(&self, at: &Snapshot) -> Result<Vec<Vec<Cell>>> {
        let version = self.version(at.table, at.version)?;
        let mut budget = AnswerBudget::new(0);
        let mut cells = |(batch, row): (&RecordBatch, usize)| {
            let columns = at.columns.iter().enumerate();
            columns.map(|(n, column)| budget.cell(bytes_of(batch, n, column, row))).collect()
        };
        Ok(rows(&version, at, &RowQuery::default())?.into_iter().map(&mut cells).collect())
    }

    /// Each row is compared with each: good enough for a few.
    fn differences(&self, plan: &DiffPlan) -> Result<(DiffCounts, Vec<DiffRow>)> {
        let (before, after) = (self.printed(&plan.from)?, self.printed(&plan.to)?);
        let common: Vec<usize> = (0..plan.columns.len()).filter(|&at| plan.is_common(at)).collect();
        let differs = |old: &[Cell], new: &[Cell], at: usize| {
            let DiffColumn { from, to } = plan.columns[at];
            from.map(|at| &old[at]) != to.map(|at| &new[at])
        };
        let known_by = plan.key.as_ref().unwrap_or(&common);
        let mut left: Vec<Option<&Vec<Cell>>> = before.iter().map(Some).collect();
        let mut counts = DiffCounts { of_columns: vec![0; plan.columns.len()], ..DiffCounts::default() };
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for new in &after {
            let same = |old: &Option<&Vec<Cell>>| {
                old.is_some_and(|old| known_by.iter().all(|&at| !differs(old, new, at)))
            };
            let Some(old) = left.iter().position(same).and_then(|at| left[at].take()) else {
                let after = Some(new.clone());
                added.push(DiffRow { change: Change::Added, before: None, after });
                continue;
            };
            let columns: Vec<_> = common.iter().filter(|&&at| differs(old, new, at)).collect();
            columns.iter().for_each(|&&at| counts.of_columns[at] += 1);
            if !columns.is_empty() {
                let (before, after) = (Some(old.clone()), Some(new.clone()));
                changed.push(DiffRow { change: Change::Changed, before, after });
            }
        }
        let removed =
            |old: &Vec<Cell>| DiffRow { change: Change::Removed, before: Some(old.clone()), after: None };
        let mut rows: Vec<_> = left.into_iter().flatten().map(removed).collect();
        counts = DiffCounts {
            removed: rows.len() as u64,
            added: added.len() as u64,
            changed: changed.len() as u64,
            ..counts
        };
        rows.extend(added);
        rows.extend(changed);
        Ok((counts, rows))
    }

    /// Whether the table takes this right.
    fn admit(&self, right: WriteRight) -> Result<()> {
        self.0.lock().unwrap().get(&right.table()).map_or(Ok(()), |table| table.admit(right))
    }
}

fn bytes(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
}

#[async_trait]
impl TableStore for MemoryStore {
    async fn write(&self, right: WriteRight, columns: &[Column]) -> Result<Box<dyn TableWriter>> {
        self.admit(right)?;
        let (store, columns) = (self.clone(), columns.to_vec());
        Ok(Box::new(MemoryWriter { store, right, columns, sections: Vec::new() }))
    }

    async fn committed(&self, table: TableId, job: JobId) -> Result<Option<Committed>> {
        Ok(self.0.lock().unwrap().get(&table).and_then(|table| table.committed(job)))
    }

    async fn take_over(&self, right: WriteRight) -> Result<Option<Committed>> {
        let mut tables = self.0.lock().unwrap();
        let table = tables.entry(right.table()).or_default();
        if let Some(committed) = table.committed(right.job()) {
            return Ok(Some(committed));
        }
        table.admit(right)?;
        table.fence = right.fence();
        Ok(None)
    }

    async fn page(&self, at: &Snapshot, query: &RowQuery) -> Result<Page> {
        let version = self.version(at.table, at.version)?;
        let rows = rows(&version, at, query)?;
        let (total, offset) = (rows.len() as u64, usize::try_from(query.offset).unwrap_or(usize::MAX));
        let wanted = rows.into_iter().skip(offset).take(query.limit);
        let columns = at.select(query)?;
        let place = |column: &Column| at.columns.iter().position(|known| known.name == column.name);
        let mut budget = AnswerBudget::new(wanted.len() * columns.len());
        let mut page = Page { total, rows: Vec::new(), held: None };
        for (batch, row) in wanted {
            if budget.is_spent() {
                break;
            }
            let mut cell = |column: &Column| {
                let n = place(column).expect("it was selected from these");
                budget.cell(bytes_of(batch, n, column, row))
            };
            page.rows.push(columns.iter().map(&mut cell).collect());
        }
        Ok(page)
    }

    async fn cell(&self, at: &Snapshot, query: &RowQuery, column: &str) -> Result<Option<Vec<u8>>> {
        let version = self.version(at.table, at.version)?;
        let n = at.columns.iter().position(|c| c.name == column);
        let n = n.ok_or_else(|| Problem::new(Code::Invalid, "There is no such column."))?;
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        match rows(&version, at, query)?.get(offset) {
            Some(&(batch, row)) => Ok(bytes_of(batch, n, &at.columns[n], row).map(Into::into)),
            None => Err(Problem::new(Code::Invalid, "There is no such row.")),
        }
    }

    async fn export(&self, at: &Snapshot, query: &RowQuery, format: ExportFormat) -> Result<Box<dyn Export>> {
        let version = self.version(at.table, at.version)?;
        let columns = at.select(query)?;
        let encoder = TextEncoder::new(format, columns.iter().map(|column| column.name.as_str()));
        let encoder = encoder.expect("the store in memory writes text only");
        let mut out = encoder.header().to_vec();
        for (batch, row) in rows(&version, at, query)? {
            let place = |column: &Column| at.columns.iter().position(|known| known.name == column.name);
            let stored = |column| StoredColumn {
                column,
                native: batch.column(place(column).expect("it was selected from these")),
                exact: batch.column_by_name(&column.exact_name()).map(|exact| exact.as_binary::<i32>()),
            };
            encoder.rows(&mut out, &columns.iter().map(stored).collect::<Vec<_>>(), row..row + 1);
        }
        Ok(Box::new(Written(out.into())))
    }

    async fn profile(&self, at: &Snapshot) -> Result<Option<Profile>> {
        let rows = self.printed(at)?;
        let column = |at: usize| {
            let values: Vec<&Cell> =
                rows.iter().map(|row| &row[at]).filter(|cell| **cell != Cell::Null).collect();
            let different = values.iter().enumerate().filter(|(n, value)| !values[..*n].contains(value));
            let (nulls, distinct) = ((rows.len() - values.len()) as u64, different.count() as u64);
            ColumnProfile { nulls, distinct, distinct_is_exact: true, ..ColumnProfile::default() }
        };
        Ok(Some(Profile { rows: rows.len() as u64, columns: (0..at.columns.len()).map(column).collect() }))
    }

    async fn checksums(&self, at: &Snapshot, hash: TextHash) -> Result<StoredChecksums> {
        let version = self.version(at.table, at.version)?;
        let mut checksums = Checksums::new(at.columns.len());
        for batch in &*version.batches {
            let columns = at.columns.iter().zip(batch.columns()).map(|(column, native)| StoredColumn {
                column,
                native,
                exact: batch.column_by_name(&column.exact_name()).map(|exact| exact.as_binary()),
            });
            checksums.add(&columns.collect::<Vec<_>>(), batch.num_rows(), hash);
        }
        Ok(StoredChecksums { checksums, intact: None })
    }

    async fn diff(&self, plan: &DiffPlan) -> Result<DiffCounts> {
        Ok(self.differences(plan)?.0)
    }

    async fn diff_rows(
        &self,
        plan: &DiffPlan,
        change: Option<Change>,
        offset: u64,
        limit: usize,
    ) -> Result<DiffPage> {
        let rows = self.differences(plan)?.1.into_iter();
        let wanted = rows.filter(|row| change.is_none_or(|change| change == row.change));
        Ok(DiffPage { rows: wanted.skip(offset as usize).take(limit).collect(), held: Vec::new() })
    }

    async fn diff_export(&self, _: &DiffPlan, _: DiffFormat) -> Result<Box<dyn Export>> {
        panic!("the store in memory writes no differences")
    }

    async fn commit_staged(&self, right: WriteRight, staged: StoreVersion) -> Result<Committed> {
        let batches = self.version(right.table(), staged)?.batches;
        self.commit(right, batches)
    }

    async fn discard(&self, right: WriteRight, staged: StoreVersion) -> Result<()> {
        let mut tables = self.0.lock().unwrap();
        let Some(table) = tables.get_mut(&right.table()) else { return Ok(()) };
        if table.committed(right.job()).is_some() {
            return Err(Problem::bug("what was staged is a version by now"));
        }
        table.staged.retain(|fence, _| Some(*fence) != staged.staged_by());
        Ok(())
    }

    async fn restore(&self, right: WriteRight, to: StoreVersion) -> Result<Committed> {
        let old = self.version(right.table(), to)?;
        self.commit(right, old.batches)
    }

    async fn delete(&self, right: WriteRight) -> Result<()> {
        self.admit(right)?;
        self.0.lock().unwrap().remove(&right.table());
        Ok(())
    }

    // A writer keeps its batches to itself until it commits: only what is staged can be left over.
    async fn sweep(&self, right: WriteRight) -> Result<()> {
        let mut tables = self.0.lock().unwrap();
        if let Some(table) = tables.get_mut(&right.table()) {
            table.staged.retain(|fence, staged| staged.job != right.job() || *fence > right.fence());
        }
        Ok(())
    }

    async fn sweep_all(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<()> {
        let mut tables = self.0.lock().unwrap();
        if let Some(table) = tables.get_mut(&right.table()) {
            let kept = |fence| kept.contains(&StoreVersion::staged(fence));
            table.staged.retain(|fence, _| kept(*fence) || *fence >= right.fence());
        }
        Ok(())
    }

    async fn keep_only(&self, right: WriteRight, kept: &[StoreVersion]) -> Result<Removed> {
        self.admit(right)?;
        let mut tables = self.0.lock().unwrap();
        let Some(table) = tables.get_mut(&right.table()) else { return Ok(Removed::default()) };
        table.fence = right.fence();
        table.staged.retain(|fence, _| kept.contains(&StoreVersion::staged(*fence)));
        let held = kept.iter().filter_map(|kept| table.versions.get(usize::try_from(kept.0).ok()?));
        let held: Vec<_> = held.map(|version| version.batches.clone()).collect();
        let mut freed = 0;
        for (at, version) in table.versions.iter_mut().enumerate() {
            if !version.removed && !kept.contains(&StoreVersion(at as i64)) {
                if !held.iter().any(|held| Arc::ptr_eq(held, &version.batches)) {
                    freed += version.committed.bytes;
                }
                version.removed = true;
            }
        }
        Ok(Removed { bytes: freed, in_use: Vec::new() })
    }

    async fn added_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<Vec<u64>> {
        let mut added = Vec::with_capacity(versions.len());
        for at in 0..versions.len() {
            let before = self.stored_bytes(table, &versions[..at]).await?;
            added.push(self.stored_bytes(table, &versions[..=at]).await? - before);
        }
        Ok(added)
    }

    async fn stored_bytes(&self, table: TableId, versions: &[StoreVersion]) -> Result<u64> {
        let found = versions.iter().map(|version| self.version(table, *version));
        let mut found = found.collect::<Result<Vec<_>>>()?;
        found.sort_by_key(|version| Arc::as_ptr(&version.batches).cast::<()>());
        found.dedup_by(|a, b| Arc::ptr_eq(&a.batches, &b.batches));
        Ok(found.iter().map(|version| version.committed.bytes).sum())
    }

    async fn tables(&self) -> Result<Vec<TableId>> {
        Ok(self.0.lock().unwrap().keys().copied().collect())
    }

    async fn check_writable(&self) -> Result<()> {
        Ok(())
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}
