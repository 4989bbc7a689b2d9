//! What every [`TableStore`] does. Each function is a case; [`store_suite!`](crate::store_suite!) makes a
//! test of each of them.

mod diffs;
mod queries;
mod values;
mod versions;

pub use diffs::*;
pub use queries::*;
pub use values::*;
pub use versions::*;

use arrow_array::{ArrayRef, BinaryArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use mycorr_domain::{
    Cell, Column, ColumnType, Committed, JobId, RowQuery, Snapshot, TableId, TableStore, WriteRight,
    column::field_names,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::SystemTime,
};

/// Makes a test of every case of the suite. The expression is a future that gives a new store and whatever
/// must live as long, such as its folder: `store_suite!(async { (MemoryStore::default(), ()) });`
#[macro_export]
macro_rules! store_suite {
    ($make:expr) => {
        $crate::store_suite!(
            $make;
            pages_keep_the_order_of_arrival
            pages_across_many_batches
            nothing_is_seen_before_the_commit
            an_empty_table
            rows_without_columns
            very_many_columns
            every_stored_type
            companions_hold_what_a_type_cannot
            large_cells
            pages_within_the_budget_of_an_answer
            wide_pages_within_the_budget_of_an_answer
            cells_of_any_view
            odd_column_names
            a_version_never_changes
            restoring
            only_some_versions_are_kept
            staged_version_is_seen_only_by_its_name
            jobs_find_their_work_done
            late_writer_is_refused
            sections_lie_in_their_order
            paused_run_of_a_job_cannot_commit_after_its_successor
            successor_finds_what_the_paused_run_committed
            sweep_spares_another_writer
            deleting
            sorting
            filtering
            any_number_of_conditions
            only_the_columns_asked_for
            exporting_as_text
            differences_by_key
            differences_of_whole_rows
            writer_knows_the_rows_of_a_version
            what_is_not_there
        );
    };
    ($make:expr; $($case:ident)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (store, _guard) = $make.await;
                $crate::store_suite::$case(&store).await;
            }
        )+
    };
}

/// Columns of these names and types.
pub fn columns(of: &[(&str, ColumnType)]) -> Vec<Column> {
    let fields = field_names(of.iter().map(|(name, _)| *name));
    of.iter()
        .zip(fields)
        .zip(1..)
        .map(|((&(name, stored), field), position)| Column {
            name: name.to_owned(),
            position,
            pg_type: "text".to_owned(),
            stored,
            nullable: true,
            field,
            tree: None,
        })
        .collect()
}

/// A batch as [`mycorr_domain::TableWriter::write`] takes it: the columns, then the companions of those named.
pub fn batch(
    columns: &[Column],
    arrays: Vec<ArrayRef>,
    rows: usize,
    companions: &[(&str, BinaryArray)],
) -> RecordBatch {
    let mut fields: Vec<_> = columns.iter().map(Column::arrow_field).collect();
    let mut arrays = arrays;
    for (name, values) in companions {
        fields.push(columns.iter().find(|column| column.name == *name).unwrap().exact_field());
        arrays.push(Arc::new(values.clone()));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

/// The right to write a table for a job: each one with a higher fence than all before, in other processes too.
#[allow(clippy::disallowed_methods, reason = "tests have no metadata that gives rights")]
pub fn right_of(table: TableId, job: JobId) -> WriteRight {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let micros = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
    let next = |last: i64| (last + 1).max(micros);
    let last = LAST.fetch_update(SeqCst, SeqCst, |last| Some(next(last))).unwrap();
    WriteRight::from_claim(table, job, next(last))
}

/// The same for a job of its own.
pub fn right(table: TableId) -> WriteRight {
    right_of(table, JobId::new())
}

/// A table's version, read as these columns.
pub fn snapshot(table: TableId, committed: Committed, columns: &[Column]) -> Snapshot {
    Snapshot { table, version: committed.version, columns: columns.into() }
}

/// Writes batches as a new version of a table.
pub async fn write(
    store: &dyn TableStore,
    table: TableId,
    columns: &[Column],
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Committed {
    let mut writer = store.write(right(table), columns).await.unwrap();
    for batch in batches {
        writer.write(batch).await.unwrap();
    }
    writer.commit().await.unwrap()
}

fn rows(offset: u64, limit: usize) -> RowQuery {
    RowQuery { offset, limit, ..RowQuery::default() }
}

/// The total and the cells of a page, `NULL` for null.
async fn page(store: &dyn TableStore, at: &Snapshot, query: &RowQuery) -> (u64, Vec<Vec<String>>) {
    let page = store.page(at, query).await.unwrap();
    let text = |cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) => text,
        other => format!("{other:?}"),
    };
    (page.total, page.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

/// The first column of a page.
async fn first(store: &dyn TableStore, at: &Snapshot, query: &RowQuery) -> Vec<String> {
    page(store, at, query).await.1.into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// A table of one column of integers.
fn numbers(columns: &[Column], values: impl IntoIterator<Item = i32>) -> RecordBatch {
    let values: Int32Array = values.into_iter().map(Some).collect();
    let rows = values.len();
    batch(columns, vec![Arc::new(values)], rows, &[])
}

const N: &[(&str, ColumnType)] = &[("n", ColumnType::Int32)];
