//! The store on a real disk, and in `s3.rs` on an S3 server.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bounds;
mod crash;
mod export;
mod full;
mod oracle;
mod order;
mod row_file;
mod row_hashes;
mod s3;
mod sort;
mod suite;
mod taken_over;
mod versions;

use arrow_array::{Int32Array, RecordBatch, StringArray};
use mycorr_domain::{Cell, Column, ColumnType, Page, RowQuery, Snapshot, TableStore};
use mycorr_tables::DeltaStore;
use mycorr_testkit::store_suite;
use std::{path::Path, sync::Arc};

fn open(folder: &Path) -> DeltaStore {
    DeltaStore::open(folder.to_str().unwrap()).unwrap()
}

/// A number and a text that says the same.
fn columns() -> Vec<Column> {
    store_suite::columns(&[("n", ColumnType::Int32), ("t", ColumnType::Text)])
}

fn batch(numbers: impl Iterator<Item = i32> + Clone) -> RecordBatch {
    let texts = StringArray::from_iter_values(numbers.clone().map(|n| format!("number {n}")));
    let numbers = Int32Array::from_iter_values(numbers);
    let rows = arrow_array::Array::len(&numbers);
    store_suite::batch(&columns(), vec![Arc::new(numbers), Arc::new(texts)], rows, &[])
}

async fn rows(store: &DeltaStore, at: &Snapshot, offset: u64, limit: usize) -> Page {
    store.page(at, &RowQuery { offset, limit, ..RowQuery::default() }).await.unwrap()
}

/// The first column of all rows.
async fn numbers(store: &DeltaStore, at: &Snapshot) -> Vec<i32> {
    let page = rows(store, at, 0, usize::MAX).await;
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows
        .into_iter()
        .map(|row| match &row[0] {
            Cell::Text(text) => text.parse().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// All files below a folder, by their path within it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}
