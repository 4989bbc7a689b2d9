//! Diffs by the hashes of rows that files hold.

use crate::{columns, files, open};
use arrow_array::{ArrayRef, Int32Array, StringArray};
use mycorr_domain::{Cell, Change, DiffPlan, TableId, TableStore};
use mycorr_tables::WriteOptions;
use mycorr_testkit::store_suite::{self, snapshot, write};
use std::sync::Arc;

/// A text that nothing makes much smaller.
fn noise(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    (0..8).map(|_| word()).collect()
}

#[tokio::test]
async fn diff_by_the_hashes_of_rows_is_what_the_rows_say() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path())
        .with_write_options(WriteOptions { mean_file_bytes: 256 << 10, ..WriteOptions::default() });
    let table = TableId::new();
    let batch = |rows: &[(i32, u64)]| {
        let ids: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int32Array>());
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| noise(row.1))));
        store_suite::batch(&columns(), vec![ids, texts], rows.len(), &[])
    };
    let version = async |rows: &[(i32, u64)]| {
        let made = write(&store, table, &columns(), rows.chunks(900).map(batch)).await;
        snapshot(table, made, &columns())
    };
    let before: Vec<(i32, u64)> = (0..12_000).map(|id| (id, id as u64)).collect();
    let mut after = before.clone();
    for at in [5, 4000, 4001, 11_999] {
        after[at].1 += 1_000_000;
    }
    after.drain(7000..7010);
    after.insert(100, (-1, 7));
    // A row that is there twice.
    after.push((3, 3));
    after.rotate_left(2500);
    let all: Vec<(i32, u64)> = before.iter().map(|(id, text)| (*id, text + 5_000_000)).collect();
    let versions = [version(&before).await, version(&after).await, version(&all).await];
    let kept = files(folder.path()).into_iter().filter(|path| path.ends_with(".parquet"));
    for path in kept {
        let bytes = std::fs::read(folder.path().join(&path)).unwrap();
        assert!(bytes.windows(17).any(|window| window == b"mycorr.row_hashes"), "{path} has no hashes");
    }
    for (from, to, key, removed, added, changed) in [
        (0, 1, Some(vec![0]), 10, 2, 4),
        (1, 0, Some(vec![0]), 2, 10, 4),
        (0, 1, None, 14, 6, 0),
        (0, 2, Some(vec![0]), 0, 0, 12_000),
        (0, 2, None, 12_000, 12_000, 0),
        (0, 0, Some(vec![0]), 0, 0, 0),
    ] {
        let mut plan = DiffPlan::new((versions[from].clone(), None), (versions[to].clone(), None));
        plan.key = key;
        // What was found once is kept.
        let store = open(folder.path());
        let counts = store.diff(&plan).await.unwrap();
        assert_eq!((counts.removed, counts.added, counts.changed), (removed, added, changed), "{from} {to}");
        assert_eq!(counts.of_columns, [0, changed], "{from} {to}");
        if (from, to) == (0, 1) && plan.key.is_some() {
            let rows = store.diff_rows(&plan, Some(Change::Changed), 0, 10).await.unwrap().rows;
            let cells = rows.iter().map(|row| (row.before.as_ref().unwrap()[0].clone(), row.after.clone()));
            for (id, row) in cells {
                let Cell::Text(id) = id else { panic!("{id:?}") };
                let now = noise(id.parse::<u64>().unwrap() + 1_000_000);
                assert_eq!(row.unwrap(), [Cell::Text(id), Cell::Text(now)]);
            }
        }
    }
}
