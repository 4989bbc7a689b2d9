//! Writers that don't come to their end: a reader sees the version before, and a sweep clears up.

use crate::{batch, columns, files, numbers, open};
use mycorr_domain::{StoreVersion, TableId, TableStore};
use mycorr_testkit::store_suite::{right, snapshot, write};
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

#[tokio::test]
async fn what_a_dropped_writer_wrote_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (table, columns) = (TableId::new(), columns());
    let at = snapshot(table, write(&store, table, &columns, [batch(0..10)]).await, &columns);
    let before = files(folder.path());

    let right = right(table);
    let mut writer = store.write(right, &columns).await.unwrap();
    writer.write(batch(0..100_000)).await.unwrap();
    while files(folder.path()) == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // A writer that is still at work keeps its files.
    store.sweep(right).await.unwrap();
    assert_ne!(files(folder.path()), before);

    drop(writer);
    while files(folder.path()) != before {
        store.sweep(right).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(numbers(&store, &at).await, (0..10).collect::<Vec<_>>());
}

/// Not a test of its own: what [`killed_writers`] starts and kills. Commits versions without end; all the
/// rows of version v hold v.
#[tokio::test]
#[ignore = "is started by another test"]
async fn child() {
    let Ok(folder) = std::env::var("MYCORR_TEST_FOLDER") else { return };
    let table: TableId = std::env::var("MYCORR_TEST_TABLE").unwrap().parse().unwrap();
    let store = open(Path::new(&folder));
    for _ in 0.. {
        let next = newest(&store, table).await.map_or(0, |version| version.0 + 1);
        let mut writer = store.write(right(table), &columns()).await.unwrap();
        for _ in 0..20 {
            writer.write(batch(std::iter::repeat_n(next as i32, 1000))).await.unwrap();
        }
        let committed = writer.commit().await.unwrap();
        assert_eq!(committed.version.0, next);
    }
}

async fn newest(store: &impl TableStore, table: TableId) -> Option<StoreVersion> {
    let mut newest = None;
    for version in 0.. {
        let at = mycorr_domain::Snapshot { table, version: StoreVersion(version), columns: columns().into() };
        match store.page(&at, &mycorr_domain::RowQuery { limit: 1, ..Default::default() }).await {
            Ok(_) => newest = Some(StoreVersion(version)),
            Err(_) => break,
        }
    }
    newest
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn killed_writers() {
    let folder = tempfile::tempdir().unwrap();
    let table = TableId::new();
    let mut seen = None;
    let mut contents = BTreeSet::new();
    for round in 0..40u64 {
        // On a busy machine no child may have come as far as a commit by then.
        if round >= 4 && !contents.is_empty() {
            break;
        }
        let before = files(folder.path());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::child", "--exact", "--ignored"])
            .env("MYCORR_TEST_FOLDER", folder.path())
            .env("MYCORR_TEST_TABLE", table.to_string())
            .stdout(std::process::Stdio::null())
            .spawn();
        let child = Killed(child.unwrap());
        while files(folder.path()) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Some moment of some commit.
        tokio::time::sleep(Duration::from_millis(40 + 37 * round)).await;
        drop(child);

        let store = open(folder.path());
        let newest = newest(&store, table).await;
        assert!(newest >= seen);
        for version in 0..newest.map_or(0, |version| version.0 + 1) {
            let at =
                mycorr_domain::Snapshot { table, version: StoreVersion(version), columns: columns().into() };
            // Whole, or the empty one that keeps a dead writer out of a new table.
            let rows = numbers(&store, &at).await;
            if let Some(&number) = rows.first() {
                assert_eq!(rows, vec![number; 20_000]);
                contents.insert(number);
            }
        }
        store.sweep_all(right(table), &[]).await.unwrap();
        let left = files(folder.path());
        let data = left.iter().filter(|path| path.contains(".parquet")).count();
        assert_eq!(data, contents.len(), "{left:?}");
        seen = newest;
    }
    assert!(!contents.is_empty(), "no child lived long enough to commit");
}
