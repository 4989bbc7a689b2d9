//! Rows of a sorted view, once those of its version lie in a file one after the other.

use crate::{files, open};
use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int32Array, StringArray};
use mycorr_domain::{Cell, ColumnType, Committed, RowQuery, Snapshot, Sort, TableId, TableStore};
use mycorr_tables::{DeltaStore, QueryOptions};
use mycorr_testkit::store_suite;
use std::{path::Path, sync::Arc};

const ROWS: i32 = 120_000;

fn store(folder: &Path, disk: u64) -> DeltaStore {
    let spill_folder = Some(folder.join("spill"));
    open(&folder.join("tables"))
        .with_query_options(QueryOptions { disk, spill_folder, ..Default::default() })
        .unwrap()
}

/// `n` is in no order, `t` is null, empty, long or beyond an answer's limit here and there, `f` has values that are kept as
/// they were printed.
async fn table(store: &DeltaStore) -> Snapshot {
    let columns = store_suite::columns(&[
        ("n", ColumnType::Int32),
        ("t", ColumnType::Text),
        ("f", ColumnType::Float64),
    ]);
    let text = |n: i32| match n % 10 {
        0 => None,
        1 => Some(String::new()),
        2 if n < 10 => Some("é".repeat(200_000)),
        _ => Some(format!("row {n} ü")),
    };
    let batches = (0..ROWS).step_by(10_000).map(|from| {
        let rows = from..from + 10_000;
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(
                rows.clone().map(|n| (i64::from(n) * 7919 % i64::from(ROWS)) as i32),
            )),
            Arc::new(rows.clone().map(text).collect::<StringArray>()),
            Arc::new(
                rows.clone().map(|n| (n % 7 > 0).then_some(f64::from(n) / 3.0)).collect::<Float64Array>(),
            ),
        ];
        let exact = BinaryArray::from_iter(rows.map(|n| (n % 49 == 0).then_some(b"as printed")));
        store_suite::batch(&columns, arrays, 10_000, &[("f", exact)])
    });
    let id = TableId::new();
    let committed: Committed = store_suite::write(store, id, &columns, batches).await;
    store_suite::snapshot(id, committed, &columns)
}

async fn page(store: &DeltaStore, at: &Snapshot, offset: u64, columns: Option<&[&str]>) -> Vec<Vec<Cell>> {
    let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let query =
        RowQuery { offset, limit: 300, sort: Sort::parse_list("n").unwrap(), columns, ..Default::default() };
    store.page(at, &query).await.unwrap().rows
}

fn row_files(folder: &Path) -> usize {
    files(&folder.join("spill")).iter().filter(|name| name.ends_with(".cells")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_the_same_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (store(folder.path(), 1 << 30), store(&folder.path().join("other"), 1 << 10));
    let (at, other) = (table(&with).await, table(&without).await);
    let offsets = [0, 1, 2000, 55_555, 119_900];
    page(&with, &at, 2000, None).await;
    while row_files(folder.path()) < 2 || with.is_making_row_files() {
        tokio::task::yield_now().await;
    }
    for offset in offsets {
        for columns in [None, Some(&["f", "n"][..]), Some(&["t"])] {
            let found = page(&with, &at, offset, columns).await;
            assert!(!found.is_empty());
            assert_eq!(found, page(&without, &other, offset, columns).await, "{offset} {columns:?}");
        }
    }
    assert_eq!((row_files(folder.path()), row_files(&folder.path().join("other"))), (2, 0));
    // It is a copy: where it is gone, the version's own files have the rows.
    for name in files(&folder.path().join("spill")).iter().filter(|name| name.ends_with(".cells")) {
        std::fs::remove_file(folder.path().join("spill").join(name)).unwrap();
    }
    for offset in offsets {
        assert_eq!(page(&with, &at, offset, None).await, page(&without, &other, offset, None).await);
    }
    while with.is_making_row_files() {
        tokio::task::yield_now().await;
    }
    with.delete(store_suite::right(at.table)).await.unwrap();
    drop(with);
    assert_eq!(files(&folder.path().join("spill")), [""; 0]);
}
