//! Versions as files, read by the formats' own readers.

use crate::{batch, columns, open};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Date32Array, Int32Array, RecordBatch, StringArray, cast::AsArray,
    types::Int32Type,
};
use datafusion::arrow::ipc::reader::StreamReader;
use mycorr_domain::{
    Column, ColumnType, Export, ExportFormat, RowQuery, Snapshot, Sort, TableId, TableStore,
};
use mycorr_tables::{DeltaStore, QueryOptions, WriteOptions};
use mycorr_testkit::store_suite::{self, exported, snapshot, write};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{path::Path, sync::Arc};

const ROWS: i32 = 40_000;

/// Several files, whose row groups are small; some have the companion of `day`, some do not.
async fn days(folder: &Path) -> (DeltaStore, Snapshot, Vec<Column>) {
    let options = WriteOptions { group_rows: 3000, file_bytes: 60 << 10, ..WriteOptions::default() };
    let store = open(folder).with_write_options(options);
    let columns = store_suite::columns(&[
        ("the number", ColumnType::Int32),
        ("day", ColumnType::Date),
        ("t", ColumnType::Text),
    ]);
    let part = |from: i32, exact: bool| {
        let numbers = Int32Array::from_iter_values(from..from + ROWS / 4);
        let days: Date32Array = (from..from + ROWS / 4).map(|n| (n % 5 != 0).then_some(n)).collect();
        let texts = StringArray::from_iter_values(
            (from..from + ROWS / 4).map(|n| format!("text {}", n * 7919 % 10_007)),
        );
        let exacts: BinaryArray =
            (from..from + ROWS / 4).map(|n| (n % 10 == 0).then_some(b"infinity".as_slice())).collect();
        let arrays: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(days), Arc::new(texts)];
        let companions: &[(&str, BinaryArray)] = &[("day", exacts)];
        store_suite::batch(&columns, arrays, (ROWS / 4) as usize, if exact { companions } else { &[] })
    };
    let parts = (0..4).map(|n| part(n * ROWS / 4, n >= 2));
    let table = TableId::new();
    let at = snapshot(table, write(&store, table, &columns, parts).await, &columns);
    (store, at, columns)
}

/// The rows of a file: the number, the day and what stands for it, the text.
fn rows(batches: impl Iterator<Item = RecordBatch>) -> Vec<(i32, Option<i32>, Option<String>, String)> {
    let mut rows = Vec::new();
    for batch in batches {
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["the number", "day", "day__exact", "t"]);
        let (number, day) = (
            batch.column(0).as_primitive::<Int32Type>(),
            batch.column(1).as_primitive::<arrow_array::types::Date32Type>(),
        );
        let (exact, text) = (batch.column(2).as_binary::<i32>(), batch.column(3).as_string::<i32>());
        for row in 0..batch.num_rows() {
            rows.push((
                number.value(row),
                day.is_valid(row).then(|| day.value(row)),
                exact.is_valid(row).then(|| String::from_utf8(exact.value(row).to_vec()).unwrap()),
                text.value(row).to_owned(),
            ));
        }
    }
    rows
}

fn expected(n: i32) -> (i32, Option<i32>, Option<String>, String) {
    let exact = (n >= ROWS / 2 && n % 10 == 0).then(|| "infinity".to_owned());
    (n, (n % 5 != 0).then_some(n), exact, format!("text {}", n * 7919 % 10_007))
}

fn parquet(bytes: Vec<u8>) -> impl Iterator<Item = RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    reader.build().unwrap().map(Result::unwrap)
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_version_is_one_parquet_file_that_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, at, _) = days(folder.path()).await;
    let all = RowQuery::default();
    let whole = exported(&store, &at, &all, ExportFormat::Parquet).await.unwrap();
    let want: Vec<_> = (0..ROWS).map(expected).collect();
    assert!(rows(parquet(whole.clone())) == want);
    let file = || async { store.export(&at, &all, ExportFormat::Parquet).await.unwrap() };
    assert_eq!(file().await.length(), Some(whole.len() as u64));
    let length = whole.len() as u64;
    for range in [0..length, 0..1, 3..length - 3, length / 3..length / 2, length - 9..length, 7..8] {
        let mut part = file().await;
        part.cut(range.clone());
        let mut bytes = Vec::new();
        while let Some(piece) = part.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        assert!(bytes == whole[range.start as usize..range.end as usize], "{range:?}");
    }
    // Few columns, in another order; a version without rows.
    let wanted = Some(vec!["t".to_owned(), "the number".to_owned()]);
    let some = exported(&store, &at, &RowQuery { columns: wanted, ..all.clone() }, ExportFormat::Parquet)
        .await
        .unwrap();
    assert!(some.len() < whole.len());
    let first = parquet(some).next().unwrap();
    assert_eq!((first.num_columns(), first.column(0).as_string::<i32>().value(1)), (2, "text 7919"));
    let table = TableId::new();
    let empty = snapshot(table, write(&store, table, &columns(), []).await, &columns());
    let file = exported(&store, &empty, &all, ExportFormat::Parquet).await.unwrap();
    assert_eq!(parquet(file).map(|batch| batch.num_rows()).sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn arrow_and_sorted_parquet_hold_the_same_cells() {
    let folder = tempfile::tempdir().unwrap();
    let (store, at, _) = days(folder.path()).await;
    let arrow = exported(&store, &at, &RowQuery::default(), ExportFormat::Arrow).await.unwrap();
    let read = rows(StreamReader::try_new(&arrow[..], None).unwrap().map(Result::unwrap));
    assert!(read == (0..ROWS).map(expected).collect::<Vec<_>>());

    let sort = Sort::parse_list("-t,the number").unwrap();
    let filters = vec![mycorr_domain::FilterGroup::parse("\"the number\".gte.100").unwrap()];
    let query = RowQuery { sort, filters, ..RowQuery::default() };
    let mut want: Vec<_> = (100..ROWS).map(expected).collect();
    want.sort_by(|a, b| b.3.cmp(&a.3).then(a.0.cmp(&b.0)));
    let file = exported(&store, &at, &query, ExportFormat::Parquet).await.unwrap();
    assert!(rows(parquet(file)) == want);
    // A sorted export that does not fit into its share of memory, several times.
    let memory = QueryOptions {
        memory: 4 << 20,
        spill_folder: Some(folder.path().join("spill")),
        ..QueryOptions::default()
    };
    let store = open(folder.path()).with_query_options(memory).unwrap();
    let file = exported(&store, &at, &query, ExportFormat::Arrow).await.unwrap();
    assert!(rows(StreamReader::try_new(&file[..], None).unwrap().map(Result::unwrap)) == want);
}

#[tokio::test(flavor = "multi_thread")]
async fn export_that_nobody_reads_any_more_gives_its_memory_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let table = TableId::new();
    let parts = (0..20).map(|n| batch(n * 10_000..(n + 1) * 10_000));
    let at = snapshot(table, write(&store, table, &columns(), parts).await, &columns());
    let query = RowQuery::default();
    let start = || store.export(&at, &query, ExportFormat::Csv);
    let mut held: Vec<Box<dyn Export>> = Vec::new();
    for _ in 0..4 {
        let mut file = start().await.unwrap();
        assert!(file.next().await.unwrap().is_some());
        held.push(file);
    }
    // What was begun and not read waits, and so does the next one.
    let mut fifth = std::pin::pin!(start());
    assert!(futures::poll!(&mut fifth).is_pending());
    held.pop();
    let mut fifth = fifth.await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = fifth.next().await.unwrap() {
        bytes += piece.len();
    }
    let lines: usize = (0..200_000).map(|n| format!("{n},number {n}\n").len()).sum();
    assert_eq!(bytes, lines + "n,t\n".len());
}
