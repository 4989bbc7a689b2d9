//! The store in a bucket: what every store does, and what is S3's own.

use crate::{batch, columns, numbers, open, rows};
use mycorr_domain::{Cell, Code, RowQuery, TableId, TableStore, TextHash};
use mycorr_tables::{Copied, DeltaStore, QueryOptions, WriteOptions};
use mycorr_testkit::{
    Moto,
    store_suite::{right, snapshot, write},
};

async fn bucket() -> Option<DeltaStore> {
    let server = Moto::shared()?;
    Some(DeltaStore::connect(&server.new_prefix(), server.variables()).await.unwrap())
}

mod suite {
    // Where the server is not installed, the folder stands in and the output says so.
    mycorr_testkit::store_suite!(async {
        let folder = tempfile::tempdir().unwrap();
        let store = match super::bucket().await {
            Some(store) => store,
            None => super::open(folder.path()),
        };
        (store, folder)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_up_in_parts_and_are_swept_by_listing() {
    let Some(store) = bucket().await else { return };
    let store = store.with_write_options(WriteOptions { file_bytes: 12 << 20, ..WriteOptions::default() });
    let (table, columns) = (TableId::new(), columns());
    let batches = (0..30).map(|n| batch(n * 50_000..(n + 1) * 50_000));
    let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
    let whole = async || {
        for offset in [0, 500_000, 1_499_999] {
            let page = rows(&store, &at, offset, 1).await;
            assert_eq!(page.total, 1_500_000);
            assert!(matches!(&page.rows[0][0], Cell::Text(text) if *text == offset.to_string()));
        }
    };
    whole().await;
    // A writer that never committed leaves files, and the next one removes them.
    let lost = right(table);
    let mut writer = store.write(lost, &columns).await.unwrap();
    writer.write(batch(0..100_000)).await.unwrap();
    writer.finish().await.unwrap();
    drop(writer);
    store.sweep_all(right(table), &[]).await.unwrap();
    whole().await;
    store.delete(right(table)).await.unwrap();
    assert!(store.tables().await.unwrap().is_empty());
    assert_eq!(store.free_bytes().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commits_from_one_base_one_wins() {
    let Some(server) = Moto::shared() else { return };
    let prefix = server.new_prefix();
    let one = DeltaStore::connect(&prefix, server.variables()).await.unwrap();
    let other = DeltaStore::connect(&prefix, server.variables()).await.unwrap();
    let (table, columns) = (TableId::new(), columns());
    write(&one, table, &columns, [batch(0..1)]).await;
    for _ in 0..10 {
        let (lower, higher) = (right(table), right(table));
        let (mut first, mut second) =
            (one.write(lower, &columns).await.unwrap(), other.write(higher, &columns).await.unwrap());
        first.write(batch(1..2)).await.unwrap();
        second.write(batch(2..3)).await.unwrap();
        let (first, second) = tokio::join!(first.commit(), second.commit());
        // The higher fence stands, whoever came first; the lower one is before it, or refused.
        let second = second.unwrap();
        match first {
            Ok(first) => assert!(first.version < second.version),
            Err(problem) => assert_eq!(problem.code, Code::StorageConflict),
        }
        assert_eq!(numbers(&one, &snapshot(table, second, &columns)).await, [2]);
    }
}

#[tokio::test]
async fn server_without_conditional_writes_is_refused() {
    let Some(server) = Moto::without_conditional_writes() else { return };
    let refused = DeltaStore::connect(&server.new_prefix(), server.variables()).await.err().unwrap();
    assert_eq!(refused.code, Code::StorageUnavailable);
    assert!(refused.detail.contains("conditional writes"), "{refused:?}");
}

#[tokio::test]
async fn bucket_that_is_not_there_is_refused() {
    // s3s-fs makes it.
    let Some(server) = Moto::alone() else { return };
    let refused = DeltaStore::connect("s3://nowhere/tables", server.variables()).await.err().unwrap();
    assert_eq!(refused.code, Code::StorageUnavailable);
    assert!(refused.internal.unwrap().contains("nowhere"));
    assert!(DeltaStore::connect("s3:///tables", server.variables()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_move_between_a_folder_and_a_bucket() {
    let Some(bucket) = bucket().await else { return };
    let (folder, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    let (table, columns) = (TableId::new(), columns());
    let first = snapshot(table, write(&store, table, &columns, [batch(0..1000)]).await, &columns);
    let second = snapshot(table, write(&store, table, &columns, [batch(5..7)]).await, &columns);
    let copied = store.copy_to(&bucket).await.unwrap();
    assert!(copied.files >= 4 && copied.kept == 0, "{copied:?}");
    assert_eq!(store.copy_to(&bucket).await.unwrap(), Copied { files: 0, bytes: 0, kept: copied.files });
    assert_eq!(numbers(&bucket, &first).await.len(), 1000);
    // It goes on there, and comes back.
    let third = snapshot(table, write(&bucket, table, &columns, [batch(7..9)]).await, &columns);
    assert_eq!(store.copy_to(&bucket).await.unwrap_err().code, Code::Conflict);
    let back = open(back.path());
    bucket.copy_to(&back).await.unwrap();
    for (at, rows) in [(second, vec![5, 6]), (third, vec![7, 8])] {
        assert_eq!(numbers(&back, &at).await, rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_were_read_are_kept_on_this_machine() {
    let Some(server) = Moto::alone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let spill_folder = Some(folder.path().join("spill"));
    let store = DeltaStore::connect(&server.new_prefix(), server.variables()).await.unwrap();
    let store = store.with_query_options(QueryOptions { spill_folder, ..QueryOptions::default() }).unwrap();
    let (table, columns) = (TableId::new(), columns());
    let batches = (0..10).map(|n| batch(n * 50_000..(n + 1) * 50_000));
    let at = snapshot(table, write(&store, table, &columns, batches).await, &columns);
    let first = async |offset| {
        let query = RowQuery { offset, limit: 50, ..RowQuery::default() };
        store.page(&at, &query).await.map(|page| format!("{:?}", page.rows[0][0]))
    };
    let before = first(123_456).await.unwrap();
    while std::fs::read_dir(folder.path().join("spill")).unwrap().count() < columns.len() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(server);
    // What was written just now may not be known yet.
    let mut after = first(123_456).await;
    for _ in 0..5 {
        if after.is_err() {
            after = first(123_456).await;
        }
    }
    assert_eq!(after.unwrap(), before);
    // Beside it are the rows of the same page of the file. A sum over what is stored asks the bucket all the same.
    assert!(first(123_500).await.unwrap().contains("123500"));
    let sums = store.checksums(&at, TextHash::Md5).await;
    assert_eq!(sums.unwrap_err().code, Code::StorageUnavailable);
}
