//! Versions: who wins, what stays, how they are cut into files.

use crate::{batch, columns, files, numbers, open, rows};
use arrow_array::{Array, ArrayRef, BinaryArray, Date32Array, Int32Array};
use mycorr_domain::{
    Cell, Code, ColumnType, ExportFormat, JobId, Removed, RowQuery, Sort, TableId, TableStore,
};
use mycorr_tables::WriteOptions;
use mycorr_testkit::store_suite::{self, right, right_of, snapshot, write};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    fs::{self, File},
    sync::Arc,
};

fn small() -> WriteOptions {
    WriteOptions { group_rows: 700, file_bytes: 4000, page_rows: 64, ..WriteOptions::default() }
}

#[tokio::test]
async fn many_files_and_row_groups_are_one_version() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).with_write_options(small());
    let (table, columns) = (TableId::new(), columns());
    let batches = (0..20).map(|n| batch(n * 501..(n + 1) * 501));
    let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
    assert!(files(folder.path()).iter().filter(|path| path.ends_with(".parquet")).count() > 3);
    assert_eq!(numbers(&store, &at).await, (0..10_020).collect::<Vec<_>>());
    for offset in (0..10_020).step_by(333) {
        let page = rows(&store, &at, offset, 50).await;
        assert_eq!(page.rows[0][0], Cell::Text(offset.to_string()));
        assert_eq!(page.rows.len() as u64, 50.min(10_020 - offset));
    }
    let sort = vec![Sort { column: "n".into(), descending: true }];
    let page =
        store.page(&at, &RowQuery { offset: 5000, limit: 3, sort, ..RowQuery::default() }).await.unwrap();
    let got: Vec<_> = page.rows.iter().map(|row| row[1].clone()).collect();
    assert_eq!(got, [5019, 5018, 5017].map(|n| Cell::Text(format!("number {n}"))));
}

#[tokio::test]
async fn a_companion_that_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).with_write_options(small());
    let (table, columns) = (TableId::new(), store_suite::columns(&[("d", ColumnType::Date)]));
    let plain = |days: std::ops::Range<i32>| {
        let array: ArrayRef = Arc::new(Date32Array::from_iter_values(days.clone()));
        store_suite::batch(&columns, vec![array], days.len(), &[])
    };
    let odd = |texts: &[&str]| {
        let nulls: ArrayRef = Arc::new(Date32Array::new_null(texts.len()));
        let exact = BinaryArray::from_iter_values(texts.iter().map(|text| text.as_bytes()));
        store_suite::batch(&columns, vec![nulls], texts.len(), &[("d", exact)])
    };
    let batches = [plain(0..800), odd(&["infinity", "-infinity"])];
    let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
    let text = |text: &str| vec![Cell::Text(text.to_owned())];
    assert_eq!(
        rows(&store, &at, 798, 9).await.rows[1..],
        [text("1972-03-10"), text("infinity"), text("-infinity")]
    );
    // Also where the version before had the companion and the next one has it not.
    let next = snapshot(table, write(&store, table, &columns, [plain(0..2)]).await, &columns);
    for (at, descending, want) in
        [(&at, false, "-infinity"), (&at, true, "infinity"), (&next, true, "1970-01-02")]
    {
        let sort = vec![Sort { column: "d".into(), descending }];
        let page = store.page(at, &RowQuery { limit: 1, sort, ..RowQuery::default() }).await.unwrap();
        assert_eq!(page.rows, [text(want)]);
    }
    let batch = || batch(0..1);
    let mut writer = store.write(right(table), &columns).await.unwrap();
    assert_eq!(writer.write(batch()).await.unwrap_err().code, Code::Internal);
}

#[tokio::test]
async fn restoring_what_is_there_and_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (table, columns) = (TableId::new(), columns());
    let first = write(&store, table, &columns, [batch(0..5)]).await;
    let other = store_suite::columns(&[("other", ColumnType::Int32)]);
    let array: ArrayRef = Arc::new(Int32Array::from(vec![7]));
    let second = write(&store, table, &other, [store_suite::batch(&other, vec![array], 1, &[])]).await;
    let parts = || files(folder.path()).iter().filter(|path| path.ends_with(".parquet")).count();
    assert_eq!(parts(), 2);
    let mut restored = vec![];
    for to in [second, first, first, second, first] {
        restored.push(store.restore(right(table), to.version).await.unwrap());
        store.sweep_all(right(table), &[]).await.unwrap();
    }
    assert_eq!(parts(), 2, "no file is written or lost by a restore");
    // Another process reads the same.
    let store = open(folder.path());
    for at in [first, restored[1], restored[2], restored[4]] {
        assert_eq!(numbers(&store, &snapshot(table, at, &columns)).await, [0, 1, 2, 3, 4]);
    }
    for at in [second, restored[0], restored[3]] {
        assert_eq!(numbers(&store, &snapshot(table, at, &other)).await, [7]);
    }
}

#[tokio::test]
async fn versions_beyond_a_checkpoint_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (table, columns) = (TableId::new(), columns());
    let job = JobId::new();
    let mut committed = Vec::new();
    for n in 0..105 {
        let job = if n == 3 { job } else { JobId::new() };
        let mut writer = store.write(right_of(table, job), &columns).await.unwrap();
        writer.write(batch(n..n + 2)).await.unwrap();
        committed.push(writer.commit().await.unwrap());
    }
    assert!(files(folder.path()).iter().any(|path| path.contains(".checkpoint.")));
    let store = open(folder.path());
    store.sweep_all(right(table), &[]).await.unwrap();
    for (n, committed) in (0..).zip(&committed) {
        assert_eq!(numbers(&store, &snapshot(table, *committed, &columns)).await, [n, n + 1]);
    }
    assert_eq!(store.committed(table, job).await.unwrap(), Some(committed[3]));
    // What each checkpoint says of applications is read by every commit: it does not grow with the jobs.
    let mut checkpoints = files(folder.path()).into_iter().filter(|path| path.contains(".checkpoint."));
    let file = File::open(folder.path().join(checkpoints.next_back().unwrap())).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let transactions = batches.map(|batch| {
        let column = batch.unwrap().column_by_name("txn").unwrap().clone();
        column.len() - column.null_count()
    });
    assert_eq!(transactions.sum::<usize>(), 1);
}

#[tokio::test]
async fn commit_that_names_its_job_by_a_transaction_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (table, columns, job) = (TableId::new(), columns(), JobId::new());
    write(&store, table, &columns, [batch(0..5)]).await;
    let mut writer = store.write(right_of(table, job), &columns).await.unwrap();
    writer.write(batch(0..7)).await.unwrap();
    let committed = writer.commit().await.unwrap();
    write(&store, table, &columns, [batch(0..9)]).await;
    let entry = folder.path().join(format!("{table}/_delta_log/{:020}.json", committed.version.0));
    let written = fs::read_to_string(&entry).unwrap();
    let named = format!("\"mycorr.job\":\"{job}\"");
    assert!(written.contains(&named), "{written}");
    let transaction = format!("{{\"txn\":{{\"appId\":\"{job}\",\"version\":{}}}}}\n", committed.version.0);
    let older = written.replace(&named, "\"other\":\"\"");
    fs::write(&entry, format!("{}\n{transaction}", older.trim_end())).unwrap();
    let store = open(folder.path());
    assert_eq!(store.committed(table, job).await.unwrap(), Some(committed));
    assert_eq!(store.take_over(right_of(table, job)).await.unwrap(), Some(committed));
}

#[tokio::test]
async fn version_that_is_read_keeps_its_files_until_it_no_longer_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).with_write_options(small());
    let (table, columns) = (TableId::new(), columns());
    let old = snapshot(
        table,
        write(&store, table, &columns, (0..40).map(|n| batch(n * 501..(n + 1) * 501))).await,
        &columns,
    );
    let newest = write(&store, table, &columns, [batch(0..10)]).await;
    let stored = files(folder.path()).len();
    let query = RowQuery::default();
    let mut export = store.export(&old, &query, ExportFormat::Parquet).await.unwrap();
    let mut read = export.next().await.unwrap().unwrap().len() as u64;
    let removed = store.keep_only(right(table), &[newest.version]).await.unwrap();
    assert_eq!(removed, Removed { bytes: 0, in_use: vec![old.version] });
    assert!(files(folder.path()).len() >= stored);
    while let Some(bytes) = export.next().await.unwrap() {
        read += bytes.len() as u64;
    }
    assert_eq!(Some(read), export.length());
    drop(export);
    let removed = store.keep_only(right(table), &[newest.version]).await.unwrap();
    assert!(removed.bytes > 0 && removed.in_use.is_empty(), "{removed:?}");
    assert!(store.page(&old, &RowQuery { limit: 1, ..query }).await.is_err());
}
