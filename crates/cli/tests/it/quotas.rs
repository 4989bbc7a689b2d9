//! What a person may store, and what is kept free.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn no_job_begins_below_the_floor_of_free_space() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let mut mycorr = Mycorr::start().await;
    mycorr.stop();
    // No disk has so much.
    mycorr.start_again_with(&["--min-free-bytes", "1000000000000000"]).await;
    let (connection, model) =
        (mycorr.connect(cluster, &database, cluster.port()).await, mycorr.model().await);
    let body = json!({"connection_id": connection, "schema": "public", "table": "t"});
    let queued = mycorr.post(&format!("/models/{model}/imports"), body).await;
    let job = id(&queued["job"]);
    loop {
        let job = mycorr.get(&format!("/jobs/{job}")).await;
        assert_eq!(job["state"], "queued");
        if job["waiting_for"] == "storage" {
            break;
        }
    }
    mycorr.stop();
    mycorr.start_again().await;
    assert_eq!(mycorr.finish(&job).await["state"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stores_more_than_the_quota() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    // Some 64 bytes a row that can't be compressed to less than half.
    database.sql(
        "CREATE TABLE public.small AS SELECT md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 8000) n; \
         CREATE TABLE public.large AS SELECT md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 80000) n",
    );
    let mut mycorr = Mycorr::start().await;
    mycorr.stop();
    mycorr.start_again_with(&["--max-bytes-per-user", "1000000"]).await;
    let (connection, model) =
        (mycorr.connect(cluster, &database, cluster.port()).await, mycorr.model().await);
    let failed = mycorr.import(&model, &connection, "large").await;
    assert_eq!((&failed["state"], &failed["problem"]["code"]), (&json!("failed"), &json!("quota_exceeded")));
    assert_eq!(mycorr.parquet_files(), 0);

    // Together they are too much, and each of them begins while there is room.
    let mut jobs = Vec::new();
    for number in 0..8 {
        let body = json!({"connection_id": connection, "schema": "public", "table": "small", "name": format!("t{number}")});
        jobs.push(id(&mycorr.post(&format!("/models/{model}/imports"), body).await["job"]));
    }
    let mut stored = Vec::new();
    for job in &jobs {
        let job = mycorr.finish(job).await;
        match job["state"].as_str() {
            Some("succeeded") => stored.push(job["table_id"].as_str().unwrap().to_owned()),
            _ => assert_eq!(job["problem"]["code"], "quota_exceeded", "{job:#}"),
        }
    }
    let mut bytes = 0;
    for table in &stored {
        bytes += mycorr.get(&format!("/tables/{table}")).await["bytes"].as_u64().unwrap();
    }
    assert!(bytes > 0 && bytes <= 1_000_000 && stored.len() < 8, "{bytes} bytes in {} tables", stored.len());

    // What is deleted makes room.
    for table in &stored {
        mycorr.ask(reqwest::Method::DELETE, &format!("/tables/{table}"), None).await;
    }
    assert_eq!(mycorr.import(&model, &connection, "small").await["state"], "succeeded");
}
