//! Syncs that find nothing new.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use serde_json::{Value, json};

async fn versions(mycorr: &Mycorr, table: &str) -> usize {
    mycorr.get(&format!("/tables/{table}/versions")).await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn sync_that_finds_nothing_new_makes_no_version_and_stores_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t (n int PRIMARY KEY, d date, x numeric, b text); \
         INSERT INTO t SELECT n, CASE n % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN '2020-01-01'::date END, n / 7.0, md5(n::text) \
         FROM generate_series(1, 30000) n",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    assert_eq!((&job["state"], &job["unchanged"]), (&json!("succeeded"), &json!(false)), "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    let files = mycorr.parquet_files();
    let first = mycorr.get(&format!("/tables/{table}")).await["source"]["synced_at"].clone();

    // Nothing happened; then rows only moved.
    for moved in [
        "SELECT",
        "UPDATE t SET b = b WHERE n % 2 = 0; CLUSTER t USING t_pkey; UPDATE t SET b = b WHERE n < 100; VACUUM FULL t",
    ] {
        moved.split(';').for_each(|statement| drop(database.sql(statement)));
        let job = mycorr.sync(table).await;
        let end = (&job["state"], &job["unchanged"], &job["version"], &job["problem"]);
        assert_eq!(end, (&json!("succeeded"), &json!(true), &Value::Null, &Value::Null), "{job:#}");
        assert_eq!(job["rows"], 30_000);
        assert_eq!((versions(&mycorr, table).await, mycorr.parquet_files()), (1, files));
    }
    let state = mycorr.get(&format!("/tables/{table}")).await;
    assert_eq!((&state["version"], &state["job_id"]), (&json!(1), &Value::Null));
    assert!(state["source"]["synced_at"].as_str() > first.as_str());
    // Who reads the activity learns that somebody synced.
    let activity = mycorr.get(&format!("/models/{}/activity", state["model_id"].as_str().unwrap())).await;
    for event in &activity["items"].as_array().unwrap()[..2] {
        let told = (&event["action"], &event["object"], &event["detail"]);
        assert_eq!(told, (&json!("table.synced"), &json!("t"), &json!("nothing new")));
    }

    // The smallest changes are new: one cell, one row more, one less, a name, a type, a key.
    for (at, change) in [
        "UPDATE t SET d = '-infinity' WHERE n = 3",
        "INSERT INTO t VALUES (0, NULL, NULL, NULL)",
        "UPDATE t SET b = '' WHERE n = 0",
        "UPDATE t SET x = '1.0' WHERE n = 0",
        "UPDATE t SET x = '1.00' WHERE n = 0",
        "DELETE FROM t WHERE n = 0",
        "ALTER TABLE t RENAME b TO c",
        "ALTER TABLE t ALTER n TYPE bigint",
        "ALTER TABLE t ADD UNIQUE (c)",
        "ALTER TABLE t RENAME TO u",
    ]
    .into_iter()
    .enumerate()
    {
        database.sql(change);
        let job = mycorr.sync(table).await;
        assert_eq!(
            (&job["unchanged"], &job["version"]),
            (&json!(false), &json!(at + 2)),
            "{change}: {job:#}"
        );
        let again = mycorr.sync(table).await;
        assert_eq!(
            (&again["unchanged"], &again["version"]),
            (&json!(true), &Value::Null),
            "{change}: {again:#}"
        );
    }
    // What was restored is the newest version: a sync brings the source back, once.
    let made = versions(&mycorr, table).await as i64;
    mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 1})).await;
    assert_eq!(mycorr.sync(table).await["version"], made + 2);
    let started = mycorr.post(&format!("/tables/{table}/sync"), json!({})).await;
    let last = mycorr.finish(&id(&started["job"])).await;
    assert_eq!(last["unchanged"], true);
    assert_eq!(versions(&mycorr, table).await as i64, made + 2);
}
