//! Whatever breaks in the middle: nothing is torn, nothing is lost, and the process lives on.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Large enough that something can happen in the middle of it.
fn fill(database: &Database<'_>, table: &str, rows: u32) {
    database.sql(&format!(
        "CREATE TABLE public.{table} AS SELECT n AS id, repeat(md5(n::text), 8) AS text FROM generate_series(1, {rows}) n"
    ));
}

/// Waits until a job has read something and is not over.
async fn in_the_middle(mycorr: &Mycorr, job: &str) {
    for _ in 0..2000 {
        let seen = mycorr.get(&format!("/jobs/{job}")).await;
        if seen["rows"].as_u64() > Some(0) {
            assert_eq!(seen["state"], "running");
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the job does not begin to read");
}

async fn begin(mycorr: &Mycorr, path: &str, body: Value) -> String {
    id(&mycorr.post(path, body).await["job"])
}

async fn total(mycorr: &Mycorr, table: &str) -> Value {
    mycorr.get(&format!("/tables/{table}/rows?limit=1")).await["total"].clone()
}

#[tokio::test]
async fn a_sync_that_breaks_leaves_the_version_before_it() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database, "t", 1000);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap();
    database
        .sql("INSERT INTO public.t SELECT n, repeat(md5(n::text), 8) FROM generate_series(1001, 1500000) n");

    // The server ends the connection.
    let job = begin(&mycorr, &format!("/tables/{table}/sync"), json!({})).await;
    in_the_middle(&mycorr, &job).await;
    assert!(database.kill_backends() > 0);
    let job = mycorr.finish(&job).await;
    assert_eq!(job["state"], "failed");
    assert!(
        matches!(job["problem"]["code"].as_str(), Some("connection_lost" | "server_shutting_down")),
        "{job:#}"
    );
    assert_eq!(total(&mycorr, table).await, 1000);

    // A person cancels: the server is told to stop.
    let job = begin(&mycorr, &format!("/tables/{table}/sync"), json!({})).await;
    in_the_middle(&mycorr, &job).await;
    mycorr.post(&format!("/jobs/{job}/cancel"), json!({})).await;
    assert_eq!(mycorr.finish(&job).await["state"], "cancelled");
    assert_eq!(total(&mycorr, table).await, 1000);
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'",
        database.role
    );
    for _ in 0..100 {
        if database.sql(&running).trim() == "0" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(database.sql(&running).trim(), "0");

    // The table is gone.
    database.sql("CREATE TABLE public.elsewhere AS TABLE public.t; DROP TABLE public.t");
    let job = mycorr.sync(table).await;
    assert_eq!((&job["state"], &job["problem"]["code"]), (&json!("failed"), &json!("table_not_found")));
    assert_eq!(total(&mycorr, table).await, 1000);
    database.sql("ALTER TABLE public.elsewhere RENAME TO t");

    let job = mycorr.sync(table).await;
    assert_eq!((&job["state"], &job["version"]), (&json!("succeeded"), &json!(2)));
    assert_eq!(total(&mycorr, table).await, 1500000);
}

#[tokio::test]
async fn kill_9_in_the_middle_is_made_good_after_the_next_start() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database, "small", 1000);
    fill(&database, "big", 1_500_000);
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let small = mycorr.import(&model, &connection, "small").await;
    let small = small["table_id"].as_str().unwrap();

    let body = json!({"connection_id": connection, "schema": "public", "table": "big"});
    let job = begin(&mycorr, &format!("/models/{model}/imports"), body).await;
    in_the_middle(&mycorr, &job).await;
    mycorr.kill();
    mycorr.start_again().await;
    assert_eq!(total(&mycorr, small).await, 1000);
    // The lease of the process that died has to run out first.
    let job = mycorr.finish(&job).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(1_500_000)), "{job:#}");
    let versions = mycorr.get(&format!("/tables/{}/versions", job["table_id"].as_str().unwrap())).await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 1);
    mycorr.stop();
}

#[tokio::test]
async fn what_fails_is_said_and_changes_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t (id int, secret int); CREATE TABLE public.shut (id int)");
    database.sql(&format!(
        "REVOKE SELECT ON public.t, public.shut FROM \"{0}\"; GRANT SELECT (id) ON public.t TO \"{0}\"",
        database.role
    ));
    let mycorr = Mycorr::start().await;
    let good = Mycorr::form(cluster, &database, cluster.port());
    for (field, value, code) in [
        ("password", json!("wrong"), "authentication_failed"),
        ("database", json!("Nothing"), "database_not_found"),
        ("port", json!(1), "connection_refused"),
        ("host", json!("10.0.0.1"), "private_address"),
        ("host", json!("db.invalid"), "host_not_found"),
        ("ca_certificate", Value::Null, "certificate_untrusted"),
        ("ca_certificate", json!("no PEM"), "ca_certificate_invalid"),
    ] {
        let mut form = good.clone();
        form[field] = value;
        let (status, problem) = mycorr.ask(Method::POST, "/connections", Some(form)).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!(code)), "{problem:#}");
        assert!(problem["detail"].is_string() && problem["fix"].is_string(), "{problem:#}");
    }
    assert_eq!(mycorr.get("/connections").await["items"], json!([]));

    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "shut").await;
    let fix = format!("GRANT SELECT ON public.shut TO {};", database.role);
    assert_eq!(
        (&job["problem"]["code"], &job["problem"]["fix"]),
        (&json!("table_permission_denied"), &json!(fix)),
        "{job:#}"
    );
    let body =
        json!({"connection_id": connection, "schema": "public", "table": "t", "columns": ["id", "secret"]});
    let job = begin(&mycorr, &format!("/models/{model}/imports"), body).await;
    assert_eq!(mycorr.finish(&job).await["problem"]["code"], "column_permission_denied");
    assert_eq!(
        mycorr.get(&format!("/models/{model}/tables")).await["items"],
        json!([]),
        "a failed import leaves no table"
    );
    // What may be read is, and the column that may not is left out.
    let job = mycorr.import(&model, &connection, "t").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = mycorr.get(&format!("/tables/{}", job["table_id"].as_str().unwrap())).await;
    assert_eq!(table["columns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn kill_9_during_a_query_leaves_an_interrupted_entry_and_no_query() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE VIEW public.stuck AS SELECT pg_sleep(3600)::text AS t");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let body = json!({"connection_id": connection, "schema": "public", "table": "stuck"});
    let job = begin(&mycorr, &format!("/models/{model}/imports"), body).await;
    let sleeping = |count: u32| {
        format!(
            "SELECT count(*) = {count} FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'PgSleep'",
            database.role
        )
    };
    cluster.wait_for(&sleeping(1));
    let of_select = async |mycorr: &Mycorr| -> Vec<Value> {
        let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
        let entries = ledger["items"].as_array().unwrap().iter();
        entries.filter(|entry| entry["template"] == "select").map(|entry| entry["outcome"].clone()).collect()
    };
    assert_eq!(of_select(&mycorr).await, ["running"]);
    mycorr.kill();
    // The server looks by itself whether its client is there.
    cluster.wait_for(&sleeping(0));
    mycorr.start_again().await;
    // The entries of the process that died are closed once its heartbeat is missed.
    for _ in 0..1200 {
        if of_select(&mycorr).await.contains(&json!("interrupted")) {
            mycorr.post(&format!("/jobs/{job}/cancel"), json!({})).await;
            assert_eq!(mycorr.finish(&job).await["state"], "cancelled");
            cluster.wait_for(&sleeping(0));
            mycorr.stop();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never interrupted: {:?}", of_select(&mycorr).await);
}
