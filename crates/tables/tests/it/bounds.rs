//! What queries take of the machine, however many there are.

use crate::{batch, columns, files, numbers, open};
use arrow_array::{ArrayRef, Int32Array, StringArray};
use futures::future::join_all;
use mycorr_domain::{Cell, Code, ColumnType, FilterGroup, RowQuery, Snapshot, Sort, TableId, TableStore};
use mycorr_tables::{DeltaStore, QueryOptions};
use mycorr_testkit::store_suite::{self, snapshot, write};
use std::{fs, path::Path, sync::Arc};

/// A store with as little memory as it can be given.
fn small(folder: &Path) -> DeltaStore {
    let spill_folder = Some(folder.join("spill"));
    let memory = QueryOptions::MIN_MEMORY_BYTES;
    let options = QueryOptions { memory, spill_folder, ..QueryOptions::default() };
    open(&folder.join("tables")).with_query_options(options).unwrap()
}

fn sort(text: &str) -> RowQuery {
    RowQuery { sort: Sort::parse_list(text).unwrap(), limit: 3, ..RowQuery::default() }
}

async fn first(store: &DeltaStore, at: &Snapshot, query: &RowQuery) -> Vec<String> {
    let page = store.page(at, query).await.unwrap();
    let text = |row: Vec<Cell>| match &row[0] {
        Cell::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    page.rows.into_iter().map(text).collect()
}

const ROWS: i32 = 300_000;

async fn large(store: &DeltaStore) -> Snapshot {
    let batches = (0..ROWS / 10_000).map(|n| batch(n * 10_000..(n + 1) * 10_000));
    let table = TableId::new();
    snapshot(table, write(store, table, &columns(), batches).await, &columns())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_different_sorts_at_once_all_end_well() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let at = large(&store).await;
    let queries: Vec<RowQuery> = (0..12)
        .map(|n| {
            let order = ["-n", "n", "-t", "t,n"][n % 4];
            let filters = vec![FilterGroup::parse(&format!("n.gte.{n}")).unwrap()];
            RowQuery { filters, ..sort(order) }
        })
        .collect();
    let found = join_all(queries.iter().map(|query| first(&store, &at, query))).await;
    for (n, found) in found.iter().enumerate() {
        let largest = [ROWS - 1, ROWS - 2, ROWS - 3].map(|n| n.to_string());
        match n % 4 {
            0 => assert_eq!(*found, largest),
            1 => assert_eq!(*found, [n, n + 1, n + 2].map(|n| n.to_string())),
            2 => assert_eq!(*found, ["99999", "99998", "99997"]),
            _ => assert!(found[0].starts_with(['0', '1'])),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_numbers_of_a_view_are_in_a_file_until_it_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let spill = folder.path().join("spill");
    fs::create_dir(&spill).unwrap();
    fs::write(spill.join("left by a killed process"), "x").unwrap();
    let store = small(folder.path());
    assert_eq!(files(&spill), [""; 0]);
    let at = large(&store).await;
    for offset in [0, 7, i64::from(ROWS) - 1] {
        let query = RowQuery { offset: offset as u64, limit: 1, ..sort("-n") };
        assert_eq!(first(&store, &at, &query).await, [(i64::from(ROWS) - 1 - offset).to_string()]);
    }
    let kept = files(&spill);
    assert_eq!(kept.len(), 1, "one view is one file, made once: {kept:?}");
    assert_eq!(fs::metadata(spill.join(&kept[0])).unwrap().len(), 4 * ROWS as u64);
    store.delete(store_suite::right(at.table)).await.unwrap();
    drop(store);
    assert_eq!(files(&spill), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn view_that_nobody_waits_for_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let at = large(&store).await;
    // All of them are begun, and left at once.
    for n in 0..50 {
        let query =
            RowQuery { filters: vec![FilterGroup::parse(&format!("n.neq.{n}")).unwrap()], ..sort("t") };
        let mut left = std::pin::pin!(store.page(&at, &query));
        for _ in 0..20 {
            let _ = futures::poll!(&mut left);
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(first(&store, &at, &sort("-n")).await[0], (ROWS - 1).to_string());
    let spill = folder.path().join("spill");
    while files(&spill).len() > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sort_beyond_the_room_for_temporary_files_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let spill_folder = Some(folder.path().join("spill"));
    let options = QueryOptions { memory: QueryOptions::MIN_MEMORY_BYTES, disk: 1 << 20, spill_folder };
    let store = open(&folder.path().join("tables")).with_query_options(options).unwrap();
    let text = store_suite::columns(&[("t", ColumnType::Text)]);
    let batches = (0..60).map(|n| {
        let texts = (0..10_000).map(|row| format!("{:0200}", (row * 7919 + n * 104_729) % 600_000));
        store_suite::batch(
            &text,
            vec![Arc::new(StringArray::from_iter_values(texts)) as ArrayRef],
            10_000,
            &[],
        )
    });
    let table = TableId::new();
    let at = snapshot(table, write(&store, table, &text, batches).await, &text);
    let problem = store.page(&at, &sort("t")).await.unwrap_err();
    assert!(problem.fix.as_ref().is_some_and(|fix| fix.contains("MYCORR_QUERY_DISK")), "{problem:?}");
    // What it took is given back.
    let few = RowQuery { filters: vec![FilterGroup::parse("t.eq.x").unwrap()], ..sort("t") };
    assert_eq!(store.page(&at, &few).await.unwrap().total, 0);
}

/// A dictionary makes few bytes of many equal values: what they take when they are decoded is what counts.
#[tokio::test(flavor = "multi_thread")]
async fn equal_large_values_are_decoded_few_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let columns = store_suite::columns(&[("n", ColumnType::Int32), ("t", ColumnType::Text)]);
    let text = "x".repeat(60_000);
    let batches = (0..20).map(|n| {
        let numbers = Int32Array::from_iter_values(n * 1000..(n + 1) * 1000);
        let arrays: Vec<ArrayRef> =
            vec![Arc::new(numbers), Arc::new(StringArray::from_iter_values((0..1000).map(|_| &text)))];
        store_suite::batch(&columns, arrays, 1000, &[])
    });
    let table = TableId::new();
    // 1.2 GB in a file of some kilobytes.
    let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
    for query in
        [sort("-n"), RowQuery { filters: vec![FilterGroup::parse("t.like.x*").unwrap()], ..sort("-n") }]
    {
        assert_eq!(first(&store, &at, &query).await, ["19999", "19998", "19997"]);
    }
    let page = store.page(&at, &RowQuery { limit: 1000, ..sort("-n") }).await.unwrap();
    assert_eq!(page.rows.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_of_any_length_is_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let table = TableId::new();
    let at = snapshot(table, write(&store, table, &columns(), [batch(0..10)]).await, &columns());
    for (pattern, refused) in [("n*b*r 7", false), (&"*n".repeat(30_000), true), (&"_".repeat(60_000), true)]
    {
        let filters = vec![FilterGroup::parse(&format!("t.ilike.{pattern}")).unwrap()];
        match store.page(&at, &RowQuery { filters, ..RowQuery::default() }).await {
            Ok(page) => assert_eq!((page.total, refused), (u64::from(!refused), false)),
            Err(problem) => assert_eq!((problem.code, refused), (Code::Invalid, true), "{problem:?}"),
        }
    }
}

#[tokio::test]
async fn file_metadata_is_read_again_when_the_cache_is_too_small_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = QueryOptions { memory: 0, ..QueryOptions::default() };
    let store = open(folder.path()).with_query_options(options).unwrap();
    let table = TableId::new();
    let at = snapshot(table, write(&store, table, &columns(), [batch(0..10)]).await, &columns());
    assert_eq!(numbers(&store, &at).await, (0..10).collect::<Vec<_>>());
    assert_eq!(first(&store, &at, &sort("-n")).await, ["9", "8", "7"]);
}
