//! Pages, sorted and filtered as PostgreSQL would.

use super::{N, batch, columns, first, numbers, page, rows, snapshot, write};
use arrow_array::{ArrayRef, Int16Array, Int32Array, Int64Array, StringArray};
use mycorr_domain::{
    Code, ColumnType, ExportFormat, Filter, FilterGroup, Operator, Page, Result, RowQuery, Snapshot, Sort,
    StoreVersion, TableId, TableStore,
};
use std::sync::Arc;

pub async fn pages_keep_the_order_of_arrival(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let committed =
        write(store, table, &columns, [numbers(&columns, [3, 1, 2]), numbers(&columns, [9, 0])]).await;
    assert_eq!(committed.rows, 5);
    assert!(committed.bytes > 0);
    let at = snapshot(table, committed, &columns);
    for (offset, limit, want) in [
        (0, 200, &["3", "1", "2", "9", "0"][..]),
        (0, 2, &["3", "1"]),
        (2, 2, &["2", "9"]),
        (4, 9, &["0"]),
        (5, 9, &[]),
        (u64::MAX, 9, &[]),
        (0, 0, &[]),
    ] {
        let (total, got) = page(store, &at, &rows(offset, limit)).await;
        assert_eq!(
            (total, got.concat()),
            (5, want.iter().map(|&s| s.to_owned()).collect()),
            "{offset} {limit}"
        );
    }
}

pub async fn pages_across_many_batches(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    // Sizes without a pattern, so that no page begins where a batch does.
    let mut batches = Vec::new();
    let mut next = 0;
    for size in [1, 8192, 5, 0, 3000, 20_000, 7, 8191] {
        batches.push(numbers(&columns, next..next + size));
        next += size;
    }
    let at = snapshot(table, write(store, table, &columns, batches).await, &columns);
    for offset in [0, 1, 199, 8192, 8193, 8197, 8198, 11_197, 11_198, 31_000, 31_205, 39_395] {
        let (total, got) = page(store, &at, &rows(offset, 200)).await;
        assert_eq!(total, 39_396);
        let end = 39_396.min(offset + 200);
        assert_eq!(got.concat(), (offset..end).map(|n| n.to_string()).collect::<Vec<_>>(), "{offset}");
    }
}

/// Numbers and words, some of them null, none but null twice.
async fn shop(store: &dyn TableStore) -> Snapshot {
    let columns =
        columns(&[("id", ColumnType::Int32), ("price", ColumnType::Int64), ("word", ColumnType::Text)]);
    let rows = |ids: Vec<i32>, prices: Vec<Option<i64>>, words: Vec<Option<&str>>| {
        let rows = ids.len();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(ids)),
            Arc::new(Int64Array::from(prices)),
            Arc::new(StringArray::from(words)),
        ];
        batch(&columns, arrays, rows, &[])
    };
    let batches = [
        rows(vec![1, 2, 3], vec![Some(10), None, Some(-5)], vec![Some("b"), Some("B"), None]),
        rows(vec![4, 5], vec![Some(9), Some(100)], vec![Some("ä"), Some("")]),
    ];
    let table = TableId::new();
    snapshot(table, write(store, table, &columns, batches).await, &columns)
}

pub async fn sorting(store: &dyn TableStore) {
    let at = shop(store).await;
    for (sort, want) in [
        ("price", ["3", "4", "1", "5", "2"]),
        ("-price", ["2", "5", "1", "4", "3"]),
        ("word", ["5", "2", "1", "4", "3"]),
        ("-word", ["3", "4", "1", "2", "5"]),
        ("-id", ["5", "4", "3", "2", "1"]),
    ] {
        let sort = Sort::parse_list(sort).unwrap();
        let query = |offset, limit| RowQuery { sort: sort.clone(), ..rows(offset, limit) };
        assert_eq!(first(store, &at, &query(0, 9)).await, want, "{sort:?}");
        assert_eq!(first(store, &at, &query(1, 2)).await, want[1..3], "{sort:?}");
    }

    // Pages of a sorted view fit together, also where the sort does not decide.
    let (table, columns) =
        (TableId::new(), columns(&[("n", ColumnType::Int32), ("group", ColumnType::Int16)]));
    let groups = |from: i32, to: i32| {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new((from..to).map(Some).collect::<Int32Array>()),
            Arc::new((from..to).map(|n| Some((n % 3) as i16)).collect::<Int16Array>()),
        ];
        batch(&columns, arrays, (to - from) as usize, &[])
    };
    let at =
        snapshot(table, write(store, table, &columns, [groups(0, 700), groups(700, 1000)]).await, &columns);
    let sort = Sort::parse_list("-group").unwrap();
    let mut seen = Vec::new();
    for offset in (0..1000).step_by(90) {
        let (_, rows) = page(store, &at, &RowQuery { sort: sort.clone(), ..rows(offset, 90) }).await;
        seen.extend(rows.into_iter().map(|row| (row[1].clone(), row[0].parse::<i32>().unwrap())));
    }
    assert!(seen.is_sorted_by(|(a, _), (b, _)| a >= b));
    let mut all: Vec<i32> = seen.into_iter().map(|(_, n)| n).collect();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
}

pub async fn filtering(store: &dyn TableStore) {
    let at = shop(store).await;
    for (filters, want) in [
        (&["price.eq.10"][..], &["1"][..]),
        (&["price.neq.10"], &["3", "4", "5"]),
        (&["price.gt.9"], &["1", "5"]),
        (&["price.gte.9"], &["1", "4", "5"]),
        (&["price.lt.9"], &["3"]),
        (&["price.lte.9"], &["3", "4"]),
        (&["price.in.(9,100,7)"], &["4", "5"]),
        (&["price.in.()"], &[]),
        (&["price.is.null"], &["2"]),
        (&["price.is.not_null"], &["1", "3", "4", "5"]),
        (&["word.eq.b"], &["1"]),
        (&["word.eq."], &["5"]),
        (&["word.gt.b"], &["4"]),
        (&["word.in.(B,\"ä\")"], &["2", "4"]),
        (&["price.gte.9", "word.is.not_null", "id.lt.5"], &["1", "4"]),
        (&["or.(price.is.null,price.lt.9)"], &["2", "3"]),
        // Unknown of one alternative, true of another.
        (&["or.(price.neq.10,word.eq.B)", "id.lt.5"], &["2", "3", "4"]),
        (&["or.(price.eq.1,price.eq.2)"], &[]),
    ] {
        let parsed = FilterGroup::parse_list(filters).unwrap();
        let query = RowQuery { filters: parsed.clone(), ..rows(0, 200) };
        assert_eq!(first(store, &at, &query).await, want, "{filters:?}");
        let query = RowQuery { filters: parsed, ..rows(1, 1) };
        let (total, got) = page(store, &at, &query).await;
        assert_eq!((total, got.len()), (want.len() as u64, usize::from(want.len() > 1)), "{filters:?}");
    }
    let query = RowQuery {
        filters: vec![FilterGroup::parse("price.gte.9").unwrap()],
        sort: Sort::parse_list("-price").unwrap(),
        ..rows(0, 200)
    };
    assert_eq!(first(store, &at, &query).await, ["5", "1", "4"]);
}

/// Far more than a request may ask for: the door is not what keeps the store alive.
pub async fn any_number_of_conditions(store: &dyn TableStore) {
    let at = shop(store).await;
    let many = |text: &str, count| vec![Filter::parse(text).unwrap(); count];
    let value = |n: usize| n.to_string();
    let list = |from: usize, to: usize| Filter {
        column: "price".into(),
        operator: Operator::In,
        values: (from..to).map(value).collect(),
    };
    for (filters, want) in [
        (many("price.gte.9", 5000), &["1", "4", "5"][..]),
        ([many("price.gte.9", 5000), many("id.neq.1", 5000)].concat(), &["4", "5"]),
        ((0..5000).map(|n| Filter::parse(&format!("id.neq.{}", n + 2)).unwrap()).collect(), &["1"]),
        (vec![list(10, 100_000)], &["1", "5"]),
        ((0..100).map(|n| list(n / 10, 1000)).collect(), &["1", "4", "5"]),
        (vec![list(11, 100)], &[]),
    ] {
        let alone: Vec<FilterGroup> = filters.iter().cloned().map(FilterGroup::from).collect();
        let query = RowQuery { filters: alone.clone(), ..rows(0, 200) };
        assert_eq!(first(store, &at, &query).await, want, "{} {:?}", filters.len(), filters[0].operator);
        let sort = Sort::parse_list("-id").unwrap();
        let descending: Vec<_> = want.iter().rev().copied().collect();
        assert_eq!(first(store, &at, &RowQuery { sort, ..query }).await, descending);
    }
    // A sort by very many columns: the first decides.
    let sort = |column: &str| Sort { column: column.into(), descending: false };
    let query = RowQuery { sort: vec![sort("price"); 10_000], ..rows(0, 200) };
    assert_eq!(first(store, &at, &query).await, ["3", "4", "1", "5", "2"]);
}

pub async fn only_the_columns_asked_for(store: &dyn TableStore) {
    let at = shop(store).await;
    for (columns, sort, filter, want) in [
        (&["word", "id"][..], "", "", &["b 1", "B 2", "NULL 3", "ä 4", " 5"][..]),
        (&["id"], "-price", "", &["2", "5", "1", "4", "3"]),
        (&["price"], "-id", "id.lte.2", &["NULL", "10"]),
    ] {
        let query = RowQuery {
            sort: Sort::parse_list(sort).unwrap(),
            filters: (!filter.is_empty()).then(|| FilterGroup::parse(filter).unwrap()).into_iter().collect(),
            columns: Some(columns.iter().map(|&name| name.to_owned()).collect()),
            ..rows(0, 200)
        };
        let (_, got) = page(store, &at, &query).await;
        assert_eq!(got.iter().map(|row| row.join(" ")).collect::<Vec<_>>(), want, "{columns:?}");
    }
}

/// The whole of an export.
pub async fn exported(
    store: &dyn TableStore,
    at: &Snapshot,
    query: &RowQuery,
    format: ExportFormat,
) -> Result<Vec<u8>> {
    let mut file = store.export(at, query, format).await?;
    let mut all = Vec::new();
    while let Some(bytes) = file.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

pub async fn exporting_as_text(store: &dyn TableStore) {
    let at = shop(store).await;
    let all = RowQuery::default();
    let some = RowQuery {
        sort: Sort::parse_list("-price").unwrap(),
        filters: vec![FilterGroup::parse("id.gte.2").unwrap()],
        columns: Some(vec!["word".to_owned(), "id".to_owned()]),
        // A file has all rows.
        ..rows(1, 1)
    };
    let filtered = RowQuery { sort: Vec::new(), ..some.clone() };
    let csv = |query: RowQuery| {
        let at = at.clone();
        async move { String::from_utf8(exported(store, &at, &query, ExportFormat::Csv).await.unwrap()).unwrap() }
    };
    assert_eq!(csv(all).await, "id,price,word\n1,10,b\n2,,B\n3,-5,\n4,9,ä\n5,100,\"\"\n");
    assert_eq!(csv(some.clone()).await, "word,id\nB,2\n\"\",5\nä,4\n,3\n");
    assert_eq!(csv(filtered).await, "word,id\nB,2\n,3\nä,4\n\"\",5\n");
    let lines = exported(store, &at, &some, ExportFormat::JsonLines).await.unwrap();
    let want = r#"{"word":"B","id":"2"} {"word":"","id":"5"} {"word":"ä","id":"4"} {"word":null,"id":"3"} "#;
    assert_eq!(String::from_utf8(lines).unwrap(), want.replace("} ", "}\n"));
    for query in [
        RowQuery { columns: Some(vec!["nothing".to_owned()]), ..RowQuery::default() },
        RowQuery { sort: Sort::parse_list("nothing").unwrap(), ..RowQuery::default() },
        RowQuery { filters: vec![FilterGroup::parse("nothing.eq.1").unwrap()], ..RowQuery::default() },
    ] {
        let refused = exported(store, &at, &query, ExportFormat::Csv).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid);
    }
}

pub async fn what_is_not_there(store: &dyn TableStore) {
    let at = shop(store).await;
    let invalid = |result: Result<Page>| result.unwrap_err().code == Code::Invalid;
    let sort = Sort::parse_list("nothing").unwrap();
    assert!(invalid(store.page(&at, &RowQuery { sort, ..rows(0, 9) }).await));
    for filter in ["nothing.eq.1", "price.eq.many"] {
        let filters = vec![FilterGroup::parse(filter).unwrap()];
        assert!(invalid(store.page(&at, &RowQuery { filters, ..rows(0, 9) }).await), "{filter}");
    }
    let columns = Some(vec!["id".to_owned(), "nothing".to_owned()]);
    assert!(invalid(store.page(&at, &RowQuery { columns, ..rows(0, 9) }).await));
    for (row, column) in [(0, "nothing"), (5, "id"), (u64::MAX, "id")] {
        assert_eq!(
            store.cell(&at, &rows(row, 1), column).await.unwrap_err().code,
            Code::Invalid,
            "{row} {column}"
        );
    }
    let later = Snapshot { version: StoreVersion(at.version.0 + 99), ..at.clone() };
    assert!(store.page(&later, &rows(0, 9)).await.is_err());
    assert!(store.page(&Snapshot { table: TableId::new(), ..at }, &rows(0, 9)).await.is_err());
}
