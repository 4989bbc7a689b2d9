//! Sorts by several columns, and sorts that don't fit into memory.

use crate::open;
use arrow_array::{ArrayRef, Int32Array, StringArray};
use mycorr_domain::{Cell, Column, ColumnType, RowQuery, Sort, TableId, TableStore};
use mycorr_tables::QueryOptions;
use mycorr_testkit::store_suite;
use std::sync::Arc;
use uuid::Uuid;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test]
async fn several_columns() {
    let columns: Vec<Column> = store_suite::columns(&[
        ("a", ColumnType::Text),
        ("b", ColumnType::Numeric),
        ("row", ColumnType::Int32),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        texts(&[Some("x"), Some("x\0"), Some("x"), None, Some("x\u{1}"), None, Some("x")]),
        texts(&[Some("2"), Some("1"), Some("10"), Some("1"), Some("1"), None, Some("2.0")]),
        Arc::new(Int32Array::from_iter_values(0..7)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = TableId::new();
    let committed =
        store_suite::write(&store, id, &columns, [store_suite::batch(&columns, arrays, 7, &[])]).await;
    let at = store_suite::snapshot(id, committed, &columns);
    for (sort, want) in [
        ("a,b", ["0", "6", "2", "1", "4", "3", "5"]),
        ("a,-b", ["2", "0", "6", "1", "4", "5", "3"]),
        ("-a,b", ["3", "5", "4", "1", "0", "6", "2"]),
        ("-b,-a", ["5", "2", "0", "6", "3", "4", "1"]),
    ] {
        let sort = Sort::parse_list(sort).unwrap();
        let page =
            store.page(&at, &RowQuery { limit: 9, sort: sort.clone(), ..RowQuery::default() }).await.unwrap();
        let got: Vec<_> = page.rows.into_iter().map(|mut row| row.remove(2)).collect();
        assert_eq!(got, want.map(|row| Cell::Text(row.to_owned())), "{sort:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_memory_for_sorts() {
    const ROWS: usize = 500_000;
    let folder = tempfile::tempdir().unwrap();
    let spill = folder.path().join("spill");
    let options = QueryOptions { memory: 48 << 20, spill_folder: Some(spill.clone()), ..Default::default() };
    let store = open(folder.path()).with_query_options(options).unwrap();
    let columns = store_suite::columns(&[("t", ColumnType::Text)]);
    let mut all: Vec<String> = (0..ROWS).map(|_| Uuid::new_v4().simple().to_string().repeat(4)).collect();
    let id = TableId::new();
    let batches = all.chunks(10_000).map(|chunk| {
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(chunk));
        store_suite::batch(&columns, vec![array], chunk.len(), &[])
    });
    let committed = store_suite::write(&store, id, &columns, batches).await;
    let at = store_suite::snapshot(id, committed, &columns);
    all.sort_unstable();
    for offset in [0, ROWS / 3, ROWS - 5] {
        let sort = Sort::parse_list("t").unwrap();
        let query = RowQuery { offset: offset as u64, limit: 5, sort, ..RowQuery::default() };
        let page = store.page(&at, &query).await.unwrap();
        let want: Vec<_> =
            all[offset..offset + 5].iter().map(|text| vec![Cell::Text(text.clone())]).collect();
        assert_eq!(page.rows, want);
    }
}
