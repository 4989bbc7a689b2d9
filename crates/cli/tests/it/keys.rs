//! The master key can be changed while everything goes on.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database};
use serde_json::json;

#[tokio::test]
async fn rotation_changes_the_key_and_nothing_else() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let before = mycorr.keys();
    let test = format!("/connections/{connection}/test");

    let said = mycorr.command(&["keys", "rotate"]);
    assert!(said.starts_with("1 connection wrapped with the new key"), "{said}");
    let after = mycorr.keys();
    assert_eq!((before.lines().count(), after.lines().count()), (1, 1));
    assert_ne!(before, after);
    assert_eq!(mycorr.post(&test, json!({})).await["ok"], true, "the server goes on with the new key");

    // The old key is of no use any more, and says so.
    mycorr.put_keys(&before);
    let (status, problem) = mycorr.ask(reqwest::Method::POST, &test, Some(json!({}))).await;
    assert_eq!(problem["code"], "secret_unreadable", "{status} {problem:#}");
    assert!(!mycorr.command_fails(&["keys", "rotate"]).is_empty());
    assert!(mycorr.keys().contains(before.trim()), "a key that may still be needed stays");
    mycorr.put_keys(&after);
    assert_eq!(mycorr.post(&test, json!({})).await["ok"], true);
}
