//! Every value, column and shape of a table comes back as it was written.

use super::{N, batch, columns, numbers, page, right, rows, snapshot, write};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use mycorr_domain::{
    Cell, Code, ColumnType, Filter, FilterGroup, Operator, RowQuery, Snapshot, Sort, TableId, TableStore,
};
use openssl::sha::sha256;
use std::sync::Arc;

pub async fn an_empty_table(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    for batches in [vec![], vec![numbers(&columns, [])]] {
        let committed = write(store, table, &columns, batches).await;
        assert_eq!(committed.rows, 0);
        let sort = vec![Sort { column: "n".into(), descending: true }];
        for query in [rows(0, 200), rows(7, 200), RowQuery { sort, ..rows(0, 200) }] {
            assert_eq!(page(store, &snapshot(table, committed, &columns), &query).await, (0, vec![]));
        }
    }
}

pub async fn rows_without_columns(store: &dyn TableStore) {
    let table = TableId::new();
    let committed = write(store, table, &[], [batch(&[], vec![], 3, &[]), batch(&[], vec![], 4, &[])]).await;
    assert_eq!(committed.rows, 7);
    let (total, got) = page(store, &snapshot(table, committed, &[]), &rows(5, 200)).await;
    assert_eq!((total, got), (7, vec![vec![]; 2]));
}

pub async fn very_many_columns(store: &dyn TableStore) {
    let names: Vec<String> = (0..1600).map(|n| format!("column {n}")).collect();
    let columns = columns(&names.iter().map(|name| (name.as_str(), ColumnType::Int32)).collect::<Vec<_>>());
    let arrays = (0..1600).map(|n| Arc::new(Int32Array::from(vec![n, -n])) as ArrayRef).collect();
    let table = TableId::new();
    let committed = write(store, table, &columns, [batch(&columns, arrays, 2, &[])]).await;
    let (_, got) = page(store, &snapshot(table, committed, &columns), &rows(1, 1)).await;
    assert_eq!(got, [(0..1600).map(|n: i32| (-n).to_string()).collect::<Vec<_>>()]);
}

pub async fn every_stored_type(store: &dyn TableStore) {
    use ColumnType::*;
    let text = |value: &str| Arc::new(StringArray::from(vec![Some(value), None])) as ArrayRef;
    let instant = || TimestampMicrosecondArray::from(vec![Some(-1), None]);
    let uuid = "00000000-0000-0000-0000-00000000000a";
    let decimal = Decimal128Array::from(vec![Some(-12345), None]).with_precision_and_scale(38, 4).unwrap();
    let of: Vec<(ColumnType, ArrayRef, &str)> = vec![
        (Boolean, Arc::new(BooleanArray::from(vec![Some(true), None])), "t"),
        (Int16, Arc::new(Int16Array::from(vec![Some(i16::MIN), None])), "-32768"),
        (Int32, Arc::new(Int32Array::from(vec![Some(i32::MAX), None])), "2147483647"),
        (Int64, Arc::new(Int64Array::from(vec![Some(i64::MIN), None])), "-9223372036854775808"),
        (Float32, Arc::new(Float32Array::from(vec![Some(-0.0), None])), "-0"),
        (Float64, Arc::new(Float64Array::from(vec![Some(f64::NAN), None])), "NaN"),
        (Decimal { precision: 38, scale: 4 }, Arc::new(decimal), "-1.2345"),
        (Date, Arc::new(Date32Array::from(vec![Some(-719_163), None])), "0001-12-31 BC"),
        (Timestamp, Arc::new(instant()), "1969-12-31 23:59:59.999999"),
        (TimestampTz, Arc::new(instant().with_timezone("UTC")), "1969-12-31 23:59:59.999999+00"),
        (Bytea, Arc::new(BinaryArray::from(vec![Some(b"\0\xff".as_slice()), None])), "\\x00ff"),
        (Text, text(""), ""),
        (Char, text("a   "), "a   "),
        (Uuid, text(uuid), uuid),
        (Numeric, text("1e-100"), "1e-100"),
        (Time, text("24:00:00"), "24:00:00"),
        (TimeTz, text("00:00:00+15:59"), "00:00:00+15:59"),
        (Interval, text("-1 mons +1 day"), "-1 mons +1 day"),
        (Other, text("{\"a\": 1}"), "{\"a\": 1}"),
    ];
    let names: Vec<String> = of.iter().map(|(stored, ..)| format!("{stored:?}")).collect();
    let columns = columns(&names.iter().zip(&of).map(|(name, of)| (name.as_str(), of.0)).collect::<Vec<_>>());
    let arrays = of.iter().map(|(_, array, _)| array.clone()).collect();
    let table = TableId::new();
    let committed = write(store, table, &columns, [batch(&columns, arrays, 2, &[])]).await;
    let at = snapshot(table, committed, &columns);
    let (_, got) = page(store, &at, &rows(0, 2)).await;
    assert_eq!(got[0], of.iter().map(|(.., want)| *want).collect::<Vec<_>>());
    assert_eq!(got[1], vec!["NULL"; of.len()]);
    for (name, (.., want)) in names.iter().zip(&of) {
        assert_eq!(
            store.cell(&at, &rows(0, 1), name).await.unwrap(),
            Some(want.as_bytes().to_vec()),
            "{name}"
        );
        assert_eq!(store.cell(&at, &rows(1, 1), name).await.unwrap(), None, "{name}");
    }
}

pub async fn companions_hold_what_a_type_cannot(store: &dyn TableStore) {
    let columns = columns(&[("day", ColumnType::Date), ("word", ColumnType::Text)]);
    let arrays = |days: Vec<Option<i32>>, words: Vec<Option<&str>>| -> Vec<ArrayRef> {
        vec![Arc::new(Date32Array::from(days)), Arc::new(StringArray::from(words))]
    };
    // A companion comes when it is first needed, and then always.
    let infinity = || ("day", BinaryArray::from(vec![None, Some(b"infinity".as_slice())]));
    let latin = ("word", BinaryArray::from(vec![Some(b"gr\xfcn".as_slice()), None]));
    let batches = [
        batch(&columns, arrays(vec![Some(0), None], vec![None, Some("b")]), 2, &[]),
        batch(&columns, arrays(vec![None, None], vec![Some("c"), Some("d")]), 2, &[infinity()]),
        batch(&columns, arrays(vec![Some(1), None], vec![None, Some("f")]), 2, &[infinity(), latin]),
    ];
    let table = TableId::new();
    let committed = write(store, table, &columns, batches).await;
    let restored = store.restore(right(table), committed.version).await.unwrap();
    for at in [snapshot(table, committed, &columns), snapshot(table, restored, &columns)] {
        let page = store.page(&at, &rows(0, 200)).await.unwrap();
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(
            page.rows,
            [
                [text("1970-01-01"), Cell::Null],
                [Cell::Null, text("b")],
                [Cell::Null, text("c")],
                [text("infinity"), text("d")],
                [text("1970-01-02"), Cell::Bytes(b"gr\xfcn".to_vec())],
                [text("infinity"), text("f")],
            ]
        );
        assert_eq!(store.cell(&at, &rows(3, 1), "day").await.unwrap(), Some(b"infinity".to_vec()));
        assert_eq!(store.cell(&at, &rows(4, 1), "word").await.unwrap(), Some(b"gr\xfcn".to_vec()));
        assert_eq!(store.cell(&at, &rows(2, 1), "day").await.unwrap(), None);
    }
}

pub async fn large_cells(store: &dyn TableStore) {
    let columns = columns(&[("t", ColumnType::Text)]);
    let long = "ü".repeat(Cell::MAX_BYTES / 2 + 1);
    let values = StringArray::from(vec!["short", &long]);
    let table = TableId::new();
    let committed = write(store, table, &columns, [batch(&columns, vec![Arc::new(values)], 2, &[])]).await;
    let at = snapshot(table, committed, &columns);
    let page = store.page(&at, &rows(0, 2)).await.unwrap();
    assert!(matches!(&page.rows[1][0], Cell::Large(large) if large.length == long.len() as u64));
    assert_eq!(store.cell(&at, &rows(1, 1), "t").await.unwrap(), Some(long.into_bytes()));
}

/// Documents whose first bytes are their row's number.
fn document(row: i32, length: usize) -> String {
    format!("{row:04} {}", "x".repeat(length - 5))
}

/// A row whose number is the length of its document, over and over: the large ones in every order.
async fn documents(store: &dyn TableStore, lengths: &[usize]) -> Snapshot {
    let columns = columns(&[("n", ColumnType::Int32), ("document", ColumnType::Text)]);
    let batches = lengths.iter().zip(0..).map(|(&length, row)| {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![row])),
            Arc::new(StringArray::from(vec![document(row, length)])),
        ];
        batch(&columns, arrays, 1, &[])
    });
    let table = TableId::new();
    snapshot(table, write(store, table, &columns, batches).await, &columns)
}

pub async fn pages_within_the_budget_of_an_answer(store: &dyn TableStore) {
    let at = documents(store, &[900_000; 40]).await;
    let sort = vec![Sort { column: "n".into(), descending: true }];
    let filters = vec![FilterGroup::parse("n.gte.0").unwrap()];
    for query in [rows(0, 200), RowQuery { sort, ..rows(0, 200) }, RowQuery { filters, ..rows(0, 200) }] {
        let page = store.page(&at, &query).await.unwrap();
        assert_eq!((page.total, page.rows.len()), (40, 40));
        let mut whole = 0;
        for (row, place) in page.rows.iter().zip(0..) {
            let n = if query.sort.is_empty() { place } else { 39 - place };
            assert_eq!(row[0], Cell::Text(n.to_string()));
            let document = document(n, 900_000);
            match &row[1] {
                Cell::Text(text) => {
                    assert_eq!(*text, document);
                    whole += 1;
                }
                Cell::Large(large) => {
                    assert_eq!((large.length, &*large.preview), (900_000, &document[..256]));
                    assert_eq!(large.sha256, sha256(document.as_bytes()));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(whole, 9);
    }
}

pub async fn wide_pages_within_the_budget_of_an_answer(store: &dyn TableStore) {
    let names: Vec<String> = (0..1600).map(|n| format!("column {n}")).collect();
    let columns = columns(&names.iter().map(|name| (name.as_str(), ColumnType::Text)).collect::<Vec<_>>());
    let numbers: ArrayRef = Arc::new(StringArray::from_iter_values((0..1000).map(|n| format!("{n:030}"))));
    let table = TableId::new();
    let batch = batch(&columns, vec![numbers; 1600], 1000, &[]);
    let at = snapshot(table, write(store, table, &columns, [batch]).await, &columns);
    let sort = vec![Sort { column: "column 0".into(), descending: false }];
    for query in [rows(0, 1000), RowQuery { sort, ..rows(0, 1000) }] {
        let page = store.page(&at, &query).await.unwrap();
        assert_eq!(page.total, 1000);
        let count = page.rows.len();
        assert!((100..300).contains(&count), "{count}");
        // What is missing is had from there on.
        let next = RowQuery { offset: count as u64, limit: 1, ..query };
        assert_eq!(store.page(&at, &next).await.unwrap().rows[0][7], Cell::Text(format!("{count:030}")));
    }
}

pub async fn cells_of_any_view(store: &dyn TableStore) {
    let at = documents(store, &[10, 2_000_000, 20, 3_000_000]).await;
    let sort = vec![Sort { column: "n".into(), descending: true }];
    let filters = vec![FilterGroup::parse("n.in.(1,2,3)").unwrap()];
    for (query, row, length) in [
        (rows(1, 1), 1, 2_000_000),
        (RowQuery { sort: sort.clone(), ..rows(0, 1) }, 3, 3_000_000),
        (RowQuery { filters: filters.clone(), ..rows(1, 1) }, 2, 20),
        (RowQuery { sort, filters, ..rows(2, 1) }, 1, 2_000_000),
    ] {
        let cell = store.cell(&at, &query, "document").await.unwrap();
        assert!(cell == Some(document(row, length).into_bytes()), "{query:?}");
        let beyond = RowQuery { offset: 4, ..query };
        assert_eq!(store.cell(&at, &beyond, "n").await.unwrap_err().code, Code::Invalid);
    }
}

pub async fn odd_column_names(store: &dyn TableStore) {
    let names = ["größe", "a.b\"c'd", "", "Case", "case", "select", "x\ny", "c2", "__row", "🐘"];
    let columns = columns(&names.map(|name| (name, ColumnType::Int32)));
    let arrays = (0..).take(names.len()).map(|n| Arc::new(Int32Array::from(vec![n, 100 - n])) as ArrayRef);
    let table = TableId::new();
    let committed = write(store, table, &columns, [batch(&columns, arrays.collect(), 2, &[])]).await;
    let at = snapshot(table, committed, &columns);
    for (n, name) in names.into_iter().enumerate() {
        let sort = vec![Sort { column: name.into(), descending: true }];
        let query = RowQuery { sort, limit: 9, ..RowQuery::default() };
        let (_, got) = page(store, &at, &query).await;
        assert_eq!(got[0][n], (100 - n).to_string(), "{name:?}");
        let filter = Filter { column: name.into(), operator: Operator::Lt, values: vec!["50".into()] };
        let filters = vec![filter.into()];
        assert_eq!(page(store, &at, &RowQuery { filters, ..rows(0, 9) }).await.0, 1, "{name:?}");
        assert_eq!(
            store.cell(&at, &rows(0, 1), name).await.unwrap(),
            Some(n.to_string().into_bytes()),
            "{name:?}"
        );
    }
}
