//! A disk without room.

use crate::{batch, columns, numbers, open};
use arrow_array::StringArray;
use mycorr_domain::{Code, TableId, TableStore};
use mycorr_testkit::{
    SmallDisk,
    store_suite::{self, right, snapshot, write},
};
use std::sync::Arc;
use uuid::Uuid;

#[tokio::test]
async fn a_full_disk() {
    let Some(disk) = SmallDisk::mount("8m") else { return };
    let store = open(disk.path());
    let (table, columns) = (TableId::new(), columns());
    let at = snapshot(table, write(&store, table, &columns, [batch(0..10)]).await, &columns);

    // Nothing that could be compressed.
    let wide = store_suite::columns(&[("t", mycorr_domain::ColumnType::Text)]);
    let failed = right(table);
    let mut writer = store.write(failed, &wide).await.unwrap();
    let problem = loop {
        let text = StringArray::from_iter_values((0..20_000).map(|_| Uuid::new_v4().to_string()));
        let batch = store_suite::batch(&wide, vec![Arc::new(text)], 20_000, &[]);
        if let Err(problem) = writer.write(batch).await {
            break problem;
        }
        if writer.bytes() > 64 << 20 {
            break writer.commit().await.unwrap_err();
        }
    };
    assert_eq!(problem.code, Code::StorageFull, "{problem:?}");
    // What the writer that failed left behind may go away at any moment, and make room.
    let mut refused = None;
    for _ in 0..100 {
        disk.fill();
        refused = store.check_writable().await.err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused.unwrap().code, Code::StorageFull);
    disk.free();

    let store = open(disk.path());
    assert_eq!(numbers(&store, &at).await, (0..10).collect::<Vec<_>>());
    store.sweep(failed).await.unwrap();
    let next = write(&store, table, &columns, [batch(5..7)]).await;
    assert_eq!(numbers(&store, &snapshot(table, next, &columns)).await, [5, 6]);
    assert_eq!(numbers(&store, &at).await, (0..10).collect::<Vec<_>>());
}
