use crate::{url, user};
use mycorr_meta::Meta;

#[tokio::test]
async fn a_second_start_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let first = Meta::open(&url(&folder)).await.unwrap();
    user(&first, "ada@example.org").await;
    first.close().await.unwrap();
    let second = Meta::open(&url(&folder)).await.unwrap();
    assert!(!second.is_new().await.unwrap());
    second.check_writable().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_start_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let starts = (0..4).map(|_| {
            let url = url(&folder);
            tokio::spawn(async move { Meta::open(&url).await.map(|_| ()) })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap().unwrap();
        }
    }
}
