//! Versions come all at once, never change, and belong to the job that made them.

use super::{N, batch, columns, first, numbers, page, rows, snapshot, write};
use arrow_array::{ArrayRef, Int64Array, StringArray};
use mycorr_domain::{ColumnType, JobId, StoreVersion, TableId, TableStore};
use std::sync::Arc;

pub async fn nothing_is_seen_before_the_commit(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let at = snapshot(table, write(store, table, &columns, [numbers(&columns, [1])]).await, &columns);
    let job = JobId::new();
    let mut writer = store.write(table, &columns, job).await.unwrap();
    writer.write(numbers(&columns, 0..10_000)).await.unwrap();
    assert_eq!(first(store, &at, &rows(0, 9)).await, ["1"]);
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    drop(writer);
    store.sweep(table).await.unwrap();
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    assert_eq!(first(store, &at, &rows(0, 9)).await, ["1"]);
    let next = write(store, table, &columns, [numbers(&columns, [2])]).await;
    assert!(next.version > at.version);
    assert_eq!(first(store, &snapshot(table, next, &columns), &rows(0, 9)).await, ["2"]);
}

pub async fn a_version_never_changes(store: &dyn TableStore) {
    let table = TableId::new();
    let one = columns(&[("n", ColumnType::Int32)]);
    let old = snapshot(table, write(store, table, &one, [numbers(&one, [1, 2])]).await, &one);
    // The next version has other columns, one of the same name but another type.
    let two = columns(&[("m", ColumnType::Int64), ("n", ColumnType::Text)]);
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![7])), Arc::new(StringArray::from(vec!["seven"]))];
    let new = snapshot(table, write(store, table, &two, [batch(&two, arrays, 1, &[])]).await, &two);
    assert!(new.version > old.version);
    store.sweep(table).await.unwrap();
    assert_eq!(page(store, &new, &rows(0, 9)).await, (1, vec![vec!["7".to_owned(), "seven".to_owned()]]));
    assert_eq!(first(store, &old, &rows(0, 9)).await, ["1", "2"]);
    assert_eq!(store.cell(&old, 1, "n").await.unwrap(), Some(b"2".to_vec()));
}

pub async fn restoring(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let first_one = write(store, table, &columns, [numbers(&columns, 0..5000), numbers(&columns, [7])]).await;
    let second = write(store, table, &columns, [numbers(&columns, [2])]).await;
    let job = JobId::new();
    let restored = store.restore(table, first_one.version, job).await.unwrap();
    assert!(restored.version > second.version);
    assert_eq!(restored.rows, 5001);
    assert_eq!(store.committed(table, job).await.unwrap(), Some(restored));
    store.sweep(table).await.unwrap();
    for committed in [first_one, restored] {
        let at = snapshot(table, committed, &columns);
        assert_eq!(first(store, &at, &rows(4999, 9)).await, ["4999", "7"]);
    }
    assert_eq!(first(store, &snapshot(table, second, &columns), &rows(0, 9)).await, ["2"]);
    assert!(store.restore(table, StoreVersion(99), JobId::new()).await.is_err());
    assert!(store.restore(TableId::new(), StoreVersion(0), JobId::new()).await.is_err());
}

pub async fn jobs_find_their_work_done(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let job = JobId::new();
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    let mut writer = store.write(table, &columns, job).await.unwrap();
    writer.write(numbers(&columns, [1, 2, 3])).await.unwrap();
    let committed = writer.commit().await.unwrap();
    // Also when others have committed since.
    let other = write(store, table, &columns, [numbers(&columns, [1])]).await;
    assert_ne!(other.version, committed.version);
    assert_eq!(store.committed(table, job).await.unwrap(), Some(committed));
    assert_eq!(store.committed(table, JobId::new()).await.unwrap(), None);
    assert_eq!(store.committed(TableId::new(), job).await.unwrap(), None);
}

pub async fn deleting(store: &dyn TableStore) {
    let (table, other, columns) = (TableId::new(), TableId::new(), columns(N));
    let at = snapshot(table, write(store, table, &columns, [numbers(&columns, [1])]).await, &columns);
    let kept = snapshot(other, write(store, other, &columns, [numbers(&columns, [5])]).await, &columns);
    store.delete(table).await.unwrap();
    assert!(store.page(&at, &rows(0, 9)).await.is_err());
    store.delete(table).await.unwrap();
    store.sweep(table).await.unwrap();
    assert_eq!(first(store, &kept, &rows(0, 9)).await, ["5"]);
    let again = snapshot(table, write(store, table, &columns, [numbers(&columns, [2])]).await, &columns);
    assert_eq!(first(store, &again, &rows(0, 9)).await, ["2"]);
}
