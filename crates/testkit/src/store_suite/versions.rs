//! Versions come all at once, never change, and belong to the job that made them.

use super::{N, batch, columns, first, numbers, page, right, right_of, rows, snapshot, write};
use arrow_array::{ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use mycorr_domain::{
    Code, ColumnType, Committed, DiffPlan, JobId, Section, StoreVersion, TableId, TableStore,
};
use std::sync::Arc;

pub async fn nothing_is_seen_before_the_commit(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let at = snapshot(table, write(store, table, &columns, [numbers(&columns, [1])]).await, &columns);
    let job = JobId::new();
    let right = right_of(table, job);
    let mut writer = store.write(right, &columns).await.unwrap();
    writer.write(numbers(&columns, 0..10_000)).await.unwrap();
    assert_eq!(first(store, &at, &rows(0, 9)).await, ["1"]);
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    drop(writer);
    store.sweep(right).await.unwrap();
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    assert_eq!(first(store, &at, &rows(0, 9)).await, ["1"]);
    let next = write(store, table, &columns, [numbers(&columns, [2])]).await;
    assert!(next.version > at.version);
    assert_eq!(first(store, &snapshot(table, next, &columns), &rows(0, 9)).await, ["2"]);
}

pub async fn sections_lie_in_their_order(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let section = |index| Section { index, of: 4 };
    let with_companion = |value: i32| {
        let native = Int32Array::from(vec![Some(value), None]);
        let exact = BinaryArray::from(vec![None, Some(b"odd".as_slice())]);
        batch(&columns, vec![Arc::new(native)], 2, &[("n", exact)])
    };
    let mut writer = store.write(right(table), &columns).await.unwrap();
    // A companion that one section needs is none of another's; a section may stay without a row.
    writer.write_section(section(3), numbers(&columns, [30])).await.unwrap();
    writer.write_section(section(0), numbers(&columns, 0..3000)).await.unwrap();
    writer.write_section(section(2), with_companion(20)).await.unwrap();
    writer.write_section(section(3), with_companion(31)).await.unwrap();
    writer.write_section(section(0), numbers(&columns, [3000])).await.unwrap();
    let at = snapshot(table, writer.commit().await.unwrap(), &columns);
    assert_eq!(page(store, &at, &rows(0, 0)).await.0, 3006);
    assert_eq!(first(store, &at, &rows(2999, 9)).await, ["2999", "3000", "20", "odd", "30", "31", "odd"]);
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
    store.sweep_all(right(table), &[]).await.unwrap();
    assert_eq!(page(store, &new, &rows(0, 9)).await, (1, vec![vec!["7".to_owned(), "seven".to_owned()]]));
    assert_eq!(first(store, &old, &rows(0, 9)).await, ["1", "2"]);
    assert_eq!(store.cell(&old, &super::rows(1, 1), "n").await.unwrap(), Some(b"2".to_vec()));
}

pub async fn restoring(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let first_one = write(store, table, &columns, [numbers(&columns, 0..5000), numbers(&columns, [7])]).await;
    let second = write(store, table, &columns, [numbers(&columns, [2])]).await;
    let job = JobId::new();
    let restored = store.restore(right_of(table, job), first_one.version).await.unwrap();
    assert!(restored.version > second.version);
    assert_eq!(restored.rows, 5001);
    assert_eq!(store.committed(table, job).await.unwrap(), Some(restored));
    store.sweep_all(right(table), &[]).await.unwrap();
    for committed in [first_one, restored] {
        let at = snapshot(table, committed, &columns);
        assert_eq!(first(store, &at, &rows(4999, 9)).await, ["4999", "7"]);
    }
    assert_eq!(first(store, &snapshot(table, second, &columns), &rows(0, 9)).await, ["2"]);
    assert!(store.restore(right(table), StoreVersion(99)).await.is_err());
    assert!(store.restore(right(TableId::new()), StoreVersion(0)).await.is_err());
}

pub async fn only_some_versions_are_kept(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let old = write(store, table, &columns, [numbers(&columns, 0..5000)]).await;
    let gone = write(store, table, &columns, [numbers(&columns, 0..6000)]).await;
    let paused = right(table);
    let mut late = store.write(paused, &columns).await.unwrap();
    late.write(numbers(&columns, [8])).await.unwrap();
    let restored = store.restore(right(table), old.version).await.unwrap();
    // What a kept version holds stays, whoever else held it.
    let freed = store.keep_only(right(table), &[restored.version]).await.unwrap().bytes;
    assert!(freed >= gone.bytes && freed < gone.bytes + old.bytes, "{freed}");
    let at = |committed| snapshot(table, committed, &columns);
    assert_eq!(first(store, &at(restored), &rows(4999, 9)).await, ["4999"]);
    // Its first rows may lie in a file that a kept version shares.
    assert!(store.page(&at(gone), &rows(5999, 9)).await.is_err());
    // Who came before can neither commit nor restore any more.
    assert!(late.commit().await.is_err());
    assert_eq!(store.restore(paused, restored.version).await.unwrap_err().code, Code::StorageConflict);
    assert_eq!(store.keep_only(paused, &[]).await.unwrap_err().code, Code::StorageConflict);
    // Where unfinished files can't be removed, it may have finished one since then.
    store.sweep(paused).await.unwrap();
    let next = write(store, table, &columns, [numbers(&columns, [2])]).await;
    assert_eq!(first(store, &at(next), &rows(0, 9)).await, ["2"]);
    assert_eq!(store.keep_only(right(table), &[next.version, restored.version]).await.unwrap().bytes, 0);
    store.sweep_all(right(table), &[]).await.unwrap();
    assert_eq!(first(store, &at(restored), &rows(4999, 9)).await, ["4999"]);
}

pub async fn staged_version_is_seen_only_by_its_name(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let before = write(store, table, &columns, [numbers(&columns, [1])]).await;
    let at = |committed: Committed| snapshot(table, committed, &columns);
    let stage = async |job, numbers: Vec<RecordBatch>| {
        let mut writer = store.write(right_of(table, job), &columns).await.unwrap();
        for batch in numbers {
            writer.write(batch).await.unwrap();
        }
        writer.stage().await.unwrap()
    };
    let (job, other, third) = (JobId::new(), JobId::new(), JobId::new());
    let staged = stage(job, vec![numbers(&columns, 0..5000)]).await;
    let empty = stage(other, Vec::new()).await;
    let lost = stage(third, vec![numbers(&columns, [9])]).await;
    assert_eq!((staged.rows, empty.rows), (5000, 0));
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    // It is read and compared as any version, and no sweep touches it.
    let next = write(store, table, &columns, [numbers(&columns, [1, 2])]).await;
    store.sweep_all(right(table), &[staged.version, empty.version]).await.unwrap();
    store
        .keep_only(right(table), &[before.version, next.version, staged.version, empty.version])
        .await
        .unwrap();
    assert!(store.page(&at(lost), &rows(0, 1)).await.is_err());
    assert_eq!(first(store, &at(staged), &rows(4998, 9)).await, ["4998", "4999"]);
    assert_eq!(page(store, &at(empty), &rows(0, 9)).await.0, 0);
    let plan = DiffPlan::new((at(next), None), (at(staged), None));
    let counts = store.diff(&plan).await.unwrap();
    assert_eq!((counts.added, counts.removed), (4998, 0));
    // One is taken, once, by a later claim of its job; the other is thrown away.
    let taking = right_of(table, job);
    let taken = store.commit_staged(taking, staged.version).await.unwrap();
    assert!(taken.version > next.version);
    assert_eq!(store.commit_staged(taking, staged.version).await.unwrap_err().code, Code::StorageConflict);
    assert_eq!(store.take_over(right_of(table, job)).await.unwrap(), Some(taken));
    assert!(store.discard(right_of(table, job), staged.version).await.is_err());
    store.sweep(right_of(table, job)).await.unwrap();
    store.discard(right_of(table, other), empty.version).await.unwrap();
    store.discard(right_of(table, other), empty.version).await.unwrap();
    assert!(store.page(&at(empty), &rows(0, 9)).await.is_err());
    store.sweep_all(right(table), &[]).await.unwrap();
    assert_eq!(first(store, &at(taken), &rows(4999, 9)).await, ["4999"]);
    assert_eq!(first(store, &at(before), &rows(0, 9)).await, ["1"]);
}

pub async fn jobs_find_their_work_done(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let job = JobId::new();
    assert_eq!(store.committed(table, job).await.unwrap(), None);
    let mut writer = store.write(right_of(table, job), &columns).await.unwrap();
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
    store.delete(right(table)).await.unwrap();
    assert!(store.page(&at, &rows(0, 9)).await.is_err());
    store.delete(right(table)).await.unwrap();
    store.sweep_all(right(table), &[]).await.unwrap();
    assert_eq!(first(store, &kept, &rows(0, 9)).await, ["5"]);
    let again = snapshot(table, write(store, table, &columns, [numbers(&columns, [2])]).await, &columns);
    assert_eq!(first(store, &again, &rows(0, 9)).await, ["2"]);
}

pub async fn late_writer_is_refused(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    for _ in 0..2 {
        let (early, late) = (right(table), right(table));
        let mut slow = store.write(early, &columns).await.unwrap();
        slow.write(numbers(&columns, [1])).await.unwrap();
        let mut fast = store.write(late, &columns).await.unwrap();
        fast.write(numbers(&columns, [2])).await.unwrap();
        let at = snapshot(table, fast.commit().await.unwrap(), &columns);
        assert_eq!(slow.commit().await.unwrap_err().code, Code::StorageConflict);
        assert_eq!(store.committed(table, early.job()).await.unwrap(), None);
        assert_eq!(store.restore(early, at.version).await.unwrap_err().code, Code::StorageConflict);
        assert_eq!(store.delete(early).await.unwrap_err().code, Code::StorageConflict);
        assert!(store.write(early, &columns).await.is_err());
        assert!(store.take_over(early).await.is_err());
        store.sweep(early).await.unwrap();
        assert_eq!(first(store, &at, &rows(0, 9)).await, ["2"]);
        // A right is used once.
        assert_eq!(store.restore(late, at.version).await.unwrap_err().code, Code::StorageConflict);
    }
    // In the other order both are versions, and the higher fence is the newest.
    let mut writers = [right(table), right(table)].map(|right| (right, None));
    for (n, (right, writer)) in (0..).zip(&mut writers) {
        let mut started = store.write(*right, &columns).await.unwrap();
        started.write(numbers(&columns, [n])).await.unwrap();
        *writer = Some(started);
    }
    let mut seen = Vec::new();
    for (_, writer) in writers {
        seen.push(snapshot(table, writer.unwrap().commit().await.unwrap(), &columns));
    }
    assert!(seen[0].version < seen[1].version);
    for (n, at) in seen.iter().enumerate() {
        assert_eq!(first(store, at, &rows(0, 9)).await, [n.to_string()]);
    }
}

pub async fn paused_run_of_a_job_cannot_commit_after_its_successor(store: &dyn TableStore) {
    let columns = columns(N);
    for exists in [false, true] {
        let table = TableId::new();
        if exists {
            write(store, table, &columns, [numbers(&columns, [0])]).await;
        }
        let job = JobId::new();
        let (paused, next) = (right_of(table, job), right_of(table, job));
        let mut writer = store.write(paused, &columns).await.unwrap();
        writer.write(numbers(&columns, [1])).await.unwrap();
        assert_eq!(store.take_over(next).await.unwrap(), None);
        store.sweep(next).await.unwrap();
        assert_eq!(writer.commit().await.unwrap_err().code, Code::StorageConflict);
        let mut writer = store.write(next, &columns).await.unwrap();
        writer.write(numbers(&columns, [2])).await.unwrap();
        let committed = writer.commit().await.unwrap();
        assert_eq!(store.committed(table, job).await.unwrap(), Some(committed));
        assert_eq!(first(store, &snapshot(table, committed, &columns), &rows(0, 9)).await, ["2"]);
    }
}

pub async fn successor_finds_what_the_paused_run_committed(store: &dyn TableStore) {
    let (table, columns, job) = (TableId::new(), columns(N), JobId::new());
    let (paused, next) = (right_of(table, job), right_of(table, job));
    let mut writer = store.write(paused, &columns).await.unwrap();
    writer.write(numbers(&columns, [1])).await.unwrap();
    let committed = writer.commit().await.unwrap();
    assert_eq!(store.take_over(next).await.unwrap(), Some(committed));
    store.sweep(next).await.unwrap();
    store.sweep_all(right(table), &[]).await.unwrap();
    assert_eq!(first(store, &snapshot(table, committed, &columns), &rows(0, 9)).await, ["1"]);
}

pub async fn sweep_spares_another_writer(store: &dyn TableStore) {
    let (table, columns) = (TableId::new(), columns(N));
    let sweeping = [right(table), right(table)];
    let writing = right(table);
    let mut writer = store.write(writing, &columns).await.unwrap();
    writer.write(numbers(&columns, 0..50_000)).await.unwrap();
    store.sweep(sweeping[0]).await.unwrap();
    store.sweep_all(sweeping[1], &[]).await.unwrap();
    writer.write(numbers(&columns, [7])).await.unwrap();
    let at = snapshot(table, writer.commit().await.unwrap(), &columns);
    assert_eq!(first(store, &at, &rows(49_999, 9)).await, ["49999", "7"]);
}
