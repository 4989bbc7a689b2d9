//! Files whose rows kept their place become part of the next version.

use crate::{batch, columns, files, numbers, open};
use arrow_array::{ArrayRef, BinaryArray, Date32Array, Int32Array, RecordBatch, StringArray};
use mycorr_domain::{Column, ColumnType, Committed, RowQuery, Section, Snapshot, TableId, TableStore};
use mycorr_tables::{DeltaStore, WriteOptions};
use mycorr_testkit::{
    Moto,
    store_suite::{self, right, snapshot, write},
};
use std::{collections::BTreeSet, path::Path, sync::Arc};

const ROWS: i32 = 60_000;

/// Files of some thousand rows.
fn small(store: DeltaStore) -> DeltaStore {
    store.with_write_options(WriteOptions { mean_file_bytes: 64 << 10, page_rows: 256, ..Default::default() })
}

fn batches(numbers: &[i32], rows: usize) -> Vec<RecordBatch> {
    numbers.chunks(rows).map(|chunk| batch(chunk.iter().copied())).collect()
}

/// Writes numbers as a new version, in batches of some size that no other version had.
async fn next(store: &DeltaStore, table: TableId, numbers: &[i32], rows: usize) -> Committed {
    write(store, table, &columns(), batches(numbers, rows)).await
}

async fn read(store: &DeltaStore, table: TableId, committed: Committed) -> Vec<i32> {
    numbers(store, &snapshot(table, committed, &columns())).await
}

fn parquet(folder: &Path) -> BTreeSet<String> {
    files(folder)
        .into_iter()
        .filter(|path| path.ends_with(".parquet") && !path.contains("_delta_log"))
        .collect()
}

/// What may happen to a table between two syncs, and the largest part of it that the sync may write.
fn changes(before: &[i32]) -> Vec<(&'static str, Vec<i32>, f64)> {
    let middle = before.len() / 2;
    let with = |change: &dyn Fn(&mut Vec<i32>)| {
        let mut after = before.to_vec();
        change(&mut after);
        after
    };
    vec![
        ("appended", with(&|rows| rows.extend(1_000_000..1_000_000 + ROWS / 100)), 0.05),
        ("one changed in the middle", with(&|rows| rows[middle] = -1), 0.3),
        ("one inserted at the front", with(&|rows| rows.insert(0, -2)), 0.3),
        ("one deleted", with(&|rows| drop(rows.drain(middle + 7..middle + 8))), 0.3),
        ("the first half deleted", with(&|rows| drop(rows.drain(..middle))), 0.2),
        ("moved to the end", with(&|rows| rows.rotate_left(middle)), 0.3),
        ("nothing", before.to_vec(), 0.0),
        ("everything", before.iter().map(|n| -n - 10).collect(), 1.5),
    ]
}

async fn each_change_writes_what_changed(store: &DeltaStore, count: usize) {
    let before: Vec<i32> = (0..ROWS).collect();
    for (at, (what, after, most)) in changes(&before).into_iter().take(count).enumerate() {
        let table = TableId::new();
        let first = next(store, table, &before, 1000).await;
        assert_eq!(first.bytes, first.size_bytes);
        let second = next(store, table, &after, 777 + at).await;
        let part = second.bytes as f64 / first.bytes as f64;
        assert!(part <= most, "{what}: {part}");
        assert_eq!(second.rows, after.len() as u64, "{what}");
        assert_eq!(read(store, table, first).await, before, "{what}");
        assert_eq!(read(store, table, second).await, after, "{what}");
        let stored = store.stored_bytes(table, &[first.version, second.version]).await.unwrap();
        assert_eq!(stored, first.bytes + second.bytes, "{what}");
        let added = store.added_bytes(table, &[first.version, second.version]).await.unwrap();
        assert_eq!(added, [first.bytes, second.bytes], "{what}");
        // And back: what is gone from the version before is written anew, once.
        let third = next(store, table, &before, 1234).await;
        assert_eq!(read(store, table, third).await, before, "{what}");
        store.sweep_all(right(table), &[]).await.unwrap();
        for (committed, rows) in [(first, &before), (second, &after), (third, &before)] {
            assert_eq!(read(store, table, committed).await, *rows, "{what}");
        }
        let removed = store.keep_only(right(table), &[third.version]).await.unwrap();
        assert_eq!(removed.bytes + third.size_bytes, stored + third.bytes, "{what}");
        assert_eq!(read(store, table, third).await, before, "{what}");
    }
}

#[tokio::test]
async fn sync_writes_only_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    each_change_writes_what_changed(&small(open(folder.path())), usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_writes_only_what_changed_in_a_bucket() {
    let Some(server) = Moto::shared() else { return };
    let store = DeltaStore::connect(&server.new_prefix(), server.variables()).await.unwrap();
    each_change_writes_what_changed(&small(store), 3).await;
}

#[tokio::test]
async fn many_small_additions_do_not_become_many_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let mut rows: Vec<i32> = (0..ROWS).collect();
    let mut last = next(&store, table, &rows, 1000).await;
    let size = last.bytes;
    for sync in 0..40 {
        rows.extend(ROWS + sync * 100..ROWS + (sync + 1) * 100);
        let made = next(&store, table, &rows, 900).await;
        assert!(made.bytes < size / 20, "{sync}: {}", made.bytes);
        last = made;
    }
    assert_eq!(read(&store, table, last).await, rows);
    store.keep_only(right(table), &[last.version]).await.unwrap();
    let left = parquet(folder.path()).len();
    assert!(left <= 80, "{left} files");
    assert_eq!(read(&store, table, last).await, rows);
}

#[tokio::test]
async fn order_of_old_and_new_files_is_that_of_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let mut rows: Vec<i32> = (0..ROWS).collect();
    let mut made = vec![(next(&store, table, &rows, 1000).await, rows.clone())];
    // More commits than one checkpoint of the log holds.
    for round in 0..13 {
        let at = (round * 7919 + 13) % rows.len();
        rows.rotate_left(at);
        rows.insert(at / 2, -1 - round as i32);
        made.push((next(&store, table, &rows, 700).await, rows.clone()));
    }
    let restored = store.restore(right(table), made[3].0.version).await.unwrap();
    made.push((restored, made[3].1.clone()));
    rows.push(-99);
    made.push((next(&store, table, &rows, 700).await, rows));
    // Another process reads the same.
    let store = open(folder.path());
    for (version, (committed, rows)) in made.iter().enumerate() {
        assert_eq!(read(&store, table, *committed).await, *rows, "{version}");
        let at = snapshot(table, *committed, &columns());
        let query = RowQuery { offset: rows.len() as u64 / 2, limit: 1, ..RowQuery::default() };
        let cell = store.cell(&at, &query, "t").await.unwrap().unwrap();
        assert_eq!(cell, format!("number {}", rows[rows.len() / 2]).into_bytes());
    }
}

#[tokio::test]
async fn sections_share_the_files_of_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let rows: Vec<i32> = (0..ROWS).collect();
    let mut size = 0;
    for cut in [20_000, 20_000, 23_456, 50_000] {
        let mut writer = store.write(right(table), &columns()).await.unwrap();
        for (index, part) in [&rows[..cut], &rows[cut..]].into_iter().enumerate() {
            for batch in batches(part, 999) {
                writer.write_section(Section { index, of: 2 }, batch).await.unwrap();
            }
        }
        let made = writer.commit().await.unwrap();
        assert_eq!(read(&store, table, made).await, rows);
        assert!(size == 0 || made.bytes < size / 3, "{cut}: {} of {size}", made.bytes);
        size = made.size_bytes;
    }
}

#[tokio::test]
async fn what_is_staged_shares_files_and_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let mut rows: Vec<i32> = (0..ROWS).collect();
    let first = next(&store, table, &rows, 1000).await;
    rows.push(-1);
    let before = parquet(folder.path());
    let stage = async |rows: &[i32]| {
        let right = right(table);
        let mut writer = store.write(right, &columns()).await.unwrap();
        for batch in batches(rows, 800) {
            writer.write(batch).await.unwrap();
        }
        (right, writer.stage().await.unwrap())
    };
    let (discarded, staged) = stage(&rows).await;
    assert!(staged.bytes < first.bytes / 20 && staged.size_bytes > first.bytes, "{staged:?}");
    store.discard(discarded, staged.version).await.unwrap();
    assert_eq!(parquet(folder.path()), before);
    let (job, staged) = stage(&rows).await;
    // The version before goes, and what is staged still has its files.
    let other = next(&store, table, &[7; 10], 5).await;
    store.keep_only(right(table), &[other.version, staged.version]).await.unwrap();
    assert_eq!(read(&store, table, staged).await, rows);
    let accepted =
        store.commit_staged(store_suite::right_of(table, job.job()), staged.version).await.unwrap();
    assert_eq!((accepted.bytes, accepted.size_bytes), (staged.bytes, staged.size_bytes));
    assert_eq!(read(&store, table, accepted).await, rows);
}

/// How much of a version that follows one of `before` is written: 1 for all of it.
async fn written(before: (&[Column], Vec<RecordBatch>), after: (&[Column], Vec<RecordBatch>)) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    write(&store, table, before.0, before.1).await;
    let made = write(&store, table, after.0, after.1).await;
    made.bytes as f64 / made.size_bytes as f64
}

#[tokio::test]
async fn other_columns_share_no_file() {
    let rows: Vec<i32> = (0..ROWS).collect();
    let of = |columns: &[Column]| -> Vec<RecordBatch> {
        let arrays = |chunk: &[i32]| -> Vec<ArrayRef> {
            let n: ArrayRef = Arc::new(Int32Array::from(chunk.to_vec()));
            let t: ArrayRef = Arc::new(StringArray::from_iter_values(chunk.iter().map(|n| format!("{n}"))));
            vec![n, t.clone(), t]
        };
        let batch = |chunk: &[i32]| {
            let mut arrays = arrays(chunk);
            arrays.truncate(columns.len());
            store_suite::batch(columns, arrays, chunk.len(), &[])
        };
        rows.chunks(1000).map(batch).collect()
    };
    let plain = store_suite::columns(&[("n", ColumnType::Int32), ("t", ColumnType::Text)]);
    let renamed = store_suite::columns(&[("n", ColumnType::Int32), ("u", ColumnType::Text)]);
    let more =
        store_suite::columns(&[("n", ColumnType::Int32), ("t", ColumnType::Text), ("u", ColumnType::Text)]);
    let mut retyped = plain.clone();
    retyped[1].pg_type = "character varying(9)".into();
    assert_eq!(written((&plain, of(&plain)), (&plain, of(&plain))).await, 0.0);
    for other in [&renamed, &more, &retyped] {
        assert_eq!(written((&plain, of(&plain)), (other, of(other))).await, 1.0);
        assert_eq!(written((other, of(other)), (&plain, of(&plain))).await, 1.0);
    }
}

#[tokio::test]
async fn companion_that_comes_late_costs_only_its_file() {
    let columns = store_suite::columns(&[("d", ColumnType::Date)]);
    let plain = |days: std::ops::Range<i32>| {
        let array: ArrayRef = Arc::new(Date32Array::from_iter_values(days.clone()));
        store_suite::batch(&columns, vec![array], days.len(), &[])
    };
    let with = |days: std::ops::Range<i32>, infinite: bool| {
        let values = days.clone().map(|day| (!infinite || day != days.start).then_some(day));
        let exact = days.clone().map(|day| (infinite && day == days.start).then_some(b"infinity".as_slice()));
        let array: ArrayRef = Arc::new(values.collect::<Date32Array>());
        store_suite::batch(&columns, vec![array], days.len(), &[("d", exact.collect::<BinaryArray>())])
    };
    let starts = || (0..60).map(|n| n * 5000..(n + 1) * 5000);
    let all_plain: Vec<_> = starts().map(plain).collect();
    // One cell in the first batch: every later batch has the companion, empty.
    let one: Vec<_> = starts().enumerate().map(|(at, days)| with(days, at == 0)).collect();
    let part = written((&columns, all_plain.clone()), (&columns, one.clone())).await;
    assert!(part > 0.0 && part < 0.3, "{part}");
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let mut cells = Vec::new();
    for batches in [all_plain, one] {
        let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
        cells.push(cell(&store, &at, 0).await);
        assert_eq!(cell(&store, &at, 5000).await, "1983-09-10");
    }
    assert_eq!(cells, ["1970-01-01", "infinity"]);
}

async fn cell(store: &DeltaStore, at: &Snapshot, row: u64) -> String {
    let query = RowQuery { offset: row, limit: 1, ..RowQuery::default() };
    String::from_utf8(store.cell(at, &query, "d").await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn rows_that_are_all_the_same_and_no_columns() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let mut rows = vec![7; ROWS as usize];
    for change in [0, 1, -1, 100] {
        rows.resize((rows.len() as i64 + change) as usize, 7);
        let made = next(&store, table, &rows, 1001).await;
        assert_eq!(read(&store, table, made).await, rows);
    }
    let table = TableId::new();
    for count in [100_000, 100_000, 100_001, 5] {
        let empty = store_suite::batch(&[], vec![], count, &[]);
        let made = write(&store, table, &[], [empty]).await;
        let at = snapshot(table, made, &[]);
        let page = store.page(&at, &RowQuery { limit: 1, ..RowQuery::default() }).await.unwrap();
        assert_eq!(page.total, count as u64);
    }
}

#[tokio::test]
async fn damaged_table_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let rows: Vec<i32> = (0..ROWS).collect();
    let first = next(&store, table, &rows, 1000).await;
    let mut writer = store.write_anew(right(table), &columns()).await.unwrap();
    for batch in batches(&rows, 1000) {
        writer.write(batch).await.unwrap();
    }
    let second = writer.commit().await.unwrap();
    assert_eq!((second.bytes, second.size_bytes), (first.bytes, first.bytes));
    assert_eq!(read(&store, table, second).await, rows);
}

#[tokio::test]
async fn commit_after_another_one_of_a_lower_fence_keeps_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(open(folder.path()));
    let table = TableId::new();
    let rows: Vec<i32> = (0..ROWS).collect();
    next(&store, table, &rows, 1000).await;
    let (lower, higher) = (right(table), right(table));
    let mut after = rows.clone();
    after.push(-1);
    let mut late = store.write(higher, &columns()).await.unwrap();
    for batch in batches(&after, 900) {
        late.write(batch).await.unwrap();
    }
    let mut early = store.write(lower, &columns()).await.unwrap();
    early.write(batch(0..5)).await.unwrap();
    let early = early.commit().await.unwrap();
    // The version before this one holds none of the files that are taken over.
    let made = late.commit().await.unwrap();
    assert_eq!(read(&store, table, early).await, [0, 1, 2, 3, 4]);
    assert_eq!(read(&store, table, made).await, after);
    store.sweep_all(right(table), &[]).await.unwrap();
    store.keep_only(right(table), &[made.version]).await.unwrap();
    assert_eq!(read(&store, table, made).await, after);
}
