//! Deleted versions give their room back.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn deleted_version_frees_its_files_and_spares_those_of_others() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE t AS SELECT n, md5(n::text) AS h FROM generate_series(1, 1000) n");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap().to_owned();
    for change in ["DELETE FROM t WHERE n = 1", "DELETE FROM t WHERE n = 2"] {
        database.sql(change);
        assert_eq!(mycorr.sync(&table).await["state"], "succeeded");
    }
    // Version 4 has the files of version 1.
    mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 1})).await;
    assert_eq!(mycorr.parquet_files(), 3);
    for (version, files) in [(1, 3), (2, 2)] {
        let (status, _) =
            mycorr.ask(Method::DELETE, &format!("/tables/{table}/versions/{version}"), None).await;
        assert_eq!((status, mycorr.parquet_files()), (StatusCode::NO_CONTENT, files), "{version}");
    }
    mycorr.stop();
    mycorr.start_again().await;
    for (version, rows) in [("3", 998), ("4", 1000)] {
        let page = mycorr.rows(&table, &[("version", version), ("sort", "-n"), ("limit", "1")]).await;
        assert_eq!((&page["total"], &page["rows"][0][0]), (&json!(rows), &json!("1000")));
    }
    // The next versions are made and compared as ever.
    database.sql("DELETE FROM t WHERE n = 3");
    assert_eq!(mycorr.sync(&table).await["version"], 5);
    let diff = mycorr.get(&format!("/tables/{table}/diff?from=3")).await;
    assert_eq!((&diff["removed"], &diff["added"]), (&json!(1), &json!(0)));
    let (status, _) = mycorr.ask(Method::DELETE, &format!("/tables/{table}/versions/4"), None).await;
    assert_eq!((status, mycorr.parquet_files()), (StatusCode::NO_CONTENT, 2));
}
