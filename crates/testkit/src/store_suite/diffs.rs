//! What differs between two versions.

use super::{batch, columns, right, snapshot, write};
use arrow_array::{ArrayRef, BinaryArray, Date32Array, Int32Array, Int64Array, StringArray};
use mycorr_domain::{Cell, Change, ColumnType, DiffCounts, DiffPlan, DiffRow, Snapshot, TableId, TableStore};
use std::sync::Arc;

/// Rows as `change: before > after`.
async fn rows(store: &dyn TableStore, plan: &DiffPlan, change: Option<Change>) -> Vec<String> {
    let text = |cells: &Option<Vec<Cell>>| {
        let text = |cell: &Cell| match cell {
            Cell::Null => "NULL".to_owned(),
            Cell::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        cells.as_ref().map_or(String::new(), |cells| cells.iter().map(text).collect::<Vec<_>>().join(" "))
    };
    let line = |row: &DiffRow| format!("{:?}: {} > {}", row.change, text(&row.before), text(&row.after));
    let all = store.diff_rows(plan, change, 0, 1000).await.unwrap().rows;
    // Pages of any size fit together.
    let mut paged = Vec::new();
    while let page @ [_, ..] = &store.diff_rows(plan, change, paged.len() as u64, 2).await.unwrap().rows[..] {
        paged.extend(page.to_vec());
    }
    assert_eq!(paged, all);
    all.iter().map(line).collect()
}

pub async fn differences_by_key(store: &dyn TableStore) {
    let table = TableId::new();
    let one = columns(&[
        ("id", ColumnType::Int32),
        ("day", ColumnType::Date),
        ("word", ColumnType::Text),
        ("gone", ColumnType::Text),
    ]);
    let infinity = |at: usize, rows: usize| {
        BinaryArray::from_iter((0..rows).map(|row| (row == at).then_some(b"infinity")))
    };
    let words = |words: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(words)) };
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5, 6])),
        Arc::new(Date32Array::from(vec![Some(0), Some(1), None, None, None, Some(9)])),
        words(vec![Some("a"), Some("b"), Some("c"), None, Some(""), Some("f")]),
        words(vec![Some("x"); 6]),
    ];
    let from = snapshot(
        table,
        write(store, table, &one, [batch(&one, arrays, 6, &[("day", infinity(2, 6))])]).await,
        &one,
    );
    // The key is of another type and prints the same; a column is renamed, one is gone, one is new; rows lie elsewhere.
    let mut two = columns(&[
        ("word2", ColumnType::Text),
        ("id", ColumnType::Int64),
        ("day", ColumnType::Date),
        ("new", ColumnType::Int32),
    ]);
    for (column, position) in two.iter_mut().zip([3, 1, 2, 7]) {
        column.position = position;
    }
    let arrays: Vec<ArrayRef> = vec![
        words(vec![Some("f"), None, Some(""), Some("c"), Some("g"), Some("B")]),
        Arc::new(Int64Array::from(vec![6, 5, 4, 3, 9, 2])),
        Arc::new(Date32Array::from(vec![Some(9), None, None, None, Some(5), Some(1)])),
        Arc::new(Int32Array::from(vec![7; 6])),
    ];
    let to = snapshot(
        table,
        write(store, table, &two, [batch(&two, arrays, 6, &[("day", infinity(3, 6))])]).await,
        &two,
    );
    let mut plan = DiffPlan::new((from.clone(), None), (to.clone(), None));
    plan.key = Some(vec![1]);
    let counts = store.diff(&plan).await.unwrap();
    assert_eq!(counts, DiffCounts { removed: 1, added: 1, changed: 3, of_columns: vec![3, 0, 0, 0, 0] });
    let removed = ["Removed: 1 1970-01-01 a x > "];
    let added = ["Added:  > g 9 1970-01-06 7"];
    let changed = [
        "Changed: 5 NULL  x > NULL 5 NULL 7",
        "Changed: 4 NULL NULL x >  4 NULL 7",
        "Changed: 2 1970-01-02 b x > B 2 1970-01-02 7",
    ];
    assert_eq!(rows(store, &plan, Some(Change::Removed)).await, removed);
    assert_eq!(rows(store, &plan, Some(Change::Added)).await, added);
    assert_eq!(rows(store, &plan, Some(Change::Changed)).await, changed);
    assert_eq!(rows(store, &plan, None).await, [&removed[..], &added, &changed].concat());
    // The other way round, and a version with itself.
    let mut back = DiffPlan::new((to.clone(), None), (from.clone(), None));
    back.key = Some(vec![0]);
    let counts = store.diff(&back).await.unwrap();
    assert_eq!((counts.removed, counts.added, counts.changed), (1, 1, 3));
    let same = DiffPlan::new((to.clone(), None), (to, None));
    assert_eq!(
        store.diff(&same).await.unwrap(),
        DiffCounts { of_columns: vec![0; 4], ..DiffCounts::default() }
    );
    assert!(rows(store, &same, None).await.is_empty());
}

pub async fn writer_knows_the_rows_of_a_version(store: &dyn TableStore) {
    let table = TableId::new();
    let columns = columns(&[("a", ColumnType::Int32), ("day", ColumnType::Date)]);
    let part = |rows: &[(i32, Option<&[u8]>)]| {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(rows.iter().map(|row| row.1.is_none().then_some(row.0)).collect::<Date32Array>()),
        ];
        let exact = BinaryArray::from_iter(rows.iter().map(|row| row.1));
        let companions: &[(&str, BinaryArray)] = &[("day", exact)];
        let any = rows.iter().any(|row| row.1.is_some());
        batch(&columns, arrays, rows.len(), if any { companions } else { &[] })
    };
    let infinity = Some(b"infinity".as_slice());
    let minus = Some(b"-infinity".as_slice());
    let first =
        write(store, table, &columns, [part(&[(1, None), (1, None)]), part(&[(2, infinity), (3, None)])])
            .await;
    let at = snapshot(table, first, &columns);
    let restored = snapshot(table, store.restore(right(table), first.version).await.unwrap(), &columns);
    for (parts, same) in [
        (vec![part(&[(3, None)]), part(&[(1, None), (2, infinity), (1, None)])], true),
        (vec![part(&[(1, None), (3, None)]), part(&[(2, infinity)])], false),
        (vec![part(&[(1, None), (1, None), (3, None)]), part(&[(2, minus)])], false),
        (vec![part(&[(1, None), (3, None), (3, None)]), part(&[(2, infinity)])], false),
        (vec![], false),
    ] {
        let mut writer = store.write(right(table), &columns).await.unwrap();
        for part in parts {
            writer.write(part).await.unwrap();
        }
        for at in [&at, &restored] {
            assert_eq!(writer.has_rows_of(at).await.unwrap(), same);
        }
    }
}

pub async fn differences_of_whole_rows(store: &dyn TableStore) {
    let table = TableId::new();
    let columns = columns(&[("a", ColumnType::Int32), ("b", ColumnType::Text)]);
    let part = |rows: &[(Option<i32>, &str)]| {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>()),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
        ];
        batch(&columns, arrays, rows.len(), &[])
    };
    let old = part(&[(Some(1), "x"), (Some(1), "x"), (Some(1), "x"), (None, ""), (Some(2), "y")]);
    let new = part(&[(Some(2), "y"), (Some(1), "x"), (None, ""), (None, ""), (Some(3), "z")]);
    let version =
        async |part| -> Snapshot { snapshot(table, write(store, table, &columns, [part]).await, &columns) };
    let plan = DiffPlan::new((version(old).await, None), (version(new).await, None));
    let counts = store.diff(&plan).await.unwrap();
    assert_eq!((counts.removed, counts.added, counts.changed), (2, 2, 0));
    assert_eq!(
        rows(store, &plan, None).await,
        ["Removed: 1 x > ", "Removed: 1 x > ", "Added:  > NULL ", "Added:  > 3 z"]
    );
}
