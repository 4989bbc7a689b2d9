//! Sorts by several columns, and sorts that don't fit into memory.

use crate::open;
use arrow_array::{ArrayRef, Float64Array, Int32Array, StringArray};
use futures::future::try_join_all;
use mycorr_domain::{Cell, Column, ColumnType, FilterGroup, RowQuery, Sort, TableId, TableStore};
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

/// What one part of a sort gives back in order to merge must not be taken by another part or another sort.
#[tokio::test(flavor = "multi_thread")]
async fn many_sorts_at_once_whose_parts_spill_and_merge() {
    const ROWS: usize = 400_000;
    let folder = tempfile::tempdir().unwrap();
    let columns = store_suite::columns(&[
        ("wide", ColumnType::Text),
        ("narrow", ColumnType::Text),
        ("n", ColumnType::Int32),
    ]);
    let id = TableId::new();
    let batches = (0..ROWS).step_by(10_000).map(|from| {
        let rows = from as i32..(from + 10_000) as i32;
        let wide = rows.clone().map(|_| Uuid::new_v4().simple().to_string());
        let narrow = rows.clone().map(|n| ["NONE", "COLLECT COD", "TAKE BACK RETURN"][n as usize % 3]);
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(wide)),
            Arc::new(StringArray::from_iter_values(narrow)),
            Arc::new(Int32Array::from_iter_values(rows)),
        ];
        store_suite::batch(&columns, arrays, 10_000, &[])
    });
    let committed = store_suite::write(&open(folder.path()), id, &columns, batches).await;
    let at = store_suite::snapshot(id, committed, &columns);
    for megabytes in [40, 56] {
        let spill_folder = Some(folder.path().join("spill"));
        let options = QueryOptions { memory: megabytes << 20, spill_folder, ..Default::default() };
        let store = open(folder.path()).with_query_options(options).unwrap();
        let sorts = ["wide", "narrow,wide", "-narrow,n", "n,narrow", "wide,n", "narrow"];
        let page = async |text: &str| {
            let sort = Sort::parse_list(text).unwrap();
            store.page(&at, &RowQuery { limit: 2, sort, ..RowQuery::default() }).await
        };
        let pages = try_join_all(sorts.map(page)).await.unwrap();
        assert_eq!(pages[3].rows[1][2], Cell::Text("1".to_owned()), "{megabytes} MB");
        let narrow = |row: usize| pages[5].rows[row][1..].to_vec();
        let want = |n: &str| vec![Cell::Text("COLLECT COD".to_owned()), Cell::Text(n.to_owned())];
        assert_eq!([narrow(0), narrow(1)], [want("1"), want("4")], "{megabytes} MB");
    }
}

/// The head of a view is found without sorting the rest, and is the same.
#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_view_is_that_of_its_whole_order() {
    const ROWS: i32 = 9_000;
    let folder = tempfile::tempdir().unwrap();
    let columns = store_suite::columns(&[
        ("n", ColumnType::Int32),
        ("few", ColumnType::Text),
        ("number", ColumnType::Numeric),
        ("real", ColumnType::Float64),
    ]);
    let id = TableId::new();
    let batches = (0..ROWS).step_by(1_000).map(|from| {
        // All rows of the first files are behind those of the last.
        let rows = from..from + 1_000;
        let few = rows.clone().map(|n| match n % 7 {
            0 => None,
            1 => Some("a\0b".to_owned()),
            digit => Some("x".repeat((n % 50) as usize) + &digit.to_string()),
        });
        let number =
            rows.clone().map(|n| (n % 11 > 0).then(|| format!("{}.{}", (n * 7919) % 5000 - 2500, n % 10)));
        let real = rows.clone().map(|n| match n % 13 {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(-0.0),
            _ => Some(f64::from((n * 31) % 1000) / 8.0),
        });
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter(rows.clone().map(|n| (n % 17 > 0).then_some(-n)))),
            Arc::new(StringArray::from_iter(few)),
            Arc::new(StringArray::from_iter(number)),
            Arc::new(Float64Array::from_iter(real)),
        ];
        store_suite::batch(&columns, arrays, 1_000, &[])
    });
    let committed = store_suite::write(&open(folder.path()), id, &columns, batches).await;
    let at = store_suite::snapshot(id, committed, &columns);
    let sorts = [
        "n",
        "-n",
        "few",
        "-few,n",
        "few,-number",
        "number",
        "-number,few",
        "real,few",
        "-real",
        "-few,-real,n",
    ];
    for (sort, filter) in
        sorts.iter().flat_map(|sort| [(sort, None), (sort, Some("n.lt.-100")), (sort, Some("n.lt.-8500"))])
    {
        let query = |offset, limit| RowQuery {
            offset,
            limit,
            sort: Sort::parse_list(sort).unwrap(),
            filters: filter.into_iter().map(|text| FilterGroup::parse(text).unwrap()).collect(),
            ..RowQuery::default()
        };
        // Nobody has asked this store for anything yet, so that it has no order.
        let head = open(folder.path());
        let whole = open(folder.path());
        whole.page(&at, &query(1_000, 1)).await.unwrap();
        for (offset, limit) in [(0, 500), (500, 500), (0, 3)] {
            let found = head.page(&at, &query(offset, limit)).await.unwrap();
            let want = whole.page(&at, &query(offset, limit)).await.unwrap();
            assert_eq!((found.total, found.rows), (want.total, want.rows), "{sort} {filter:?} {offset}");
        }
    }
}
