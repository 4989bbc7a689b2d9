//! Several nodes share the metadata: what a person may do is counted for all of them together, and what one of them does
//! is seen on the others.

use crate::product::{Mycorr, Second, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A node that serves and does no jobs, and one that does one at a time.
async fn nodes(name: &str, more: &[&str]) -> (Mycorr, Second) {
    let url = Cluster::shared().metadata_url(name);
    let mut mycorr = Mycorr::start_with(&[("MYCORR_DATABASE_URL".to_owned(), url)]).await;
    mycorr.stop();
    mycorr.start_again_with(&[&["--workers", "0"], more].concat()).await;
    let worker = mycorr.spawn(&[&["work", "--workers", "1"], more].concat());
    (mycorr, worker)
}

/// 1,000 bytes a row, none of which can be left out on the way.
fn fill(database: &Database<'_>, table: &str, rows: u32) {
    database.sql(&format!(
        "CREATE TABLE public.{table} AS SELECT n AS id, repeat(chr(65 + n % 26), 1000) AS text FROM generate_series(1, {rows}) n"
    ));
}

async fn pace(mycorr: &Mycorr, connection: &str, bytes_per_second: u32) {
    let body = json!({"limits": {"bytes_per_second": bytes_per_second}});
    let (status, answer) = mycorr.ask(Method::PATCH, &format!("/connections/{connection}"), Some(body)).await;
    assert!(status.is_success(), "{answer:#}");
}

async fn begin(mycorr: &Mycorr, model: &str, connection: &str, table: &str, name: &str) -> String {
    let body = json!({"connection_id": connection, "schema": "public", "table": table, "name": name});
    id(&mycorr.post(&format!("/models/{model}/imports"), body).await["job"])
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_on_one_node_is_followed_on_another() {
    /// Three batches' worth.
    const ROWS: u32 = 6000;
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database, "t", ROWS);
    let (mycorr, _worker) = nodes("followed", &[]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    pace(&mycorr, &connection, 1_000_000).await;
    let model = mycorr.model().await;
    let job = begin(&mycorr, &model, &connection, "t", "t").await;
    let url = format!("http://127.0.0.1:{}/api/v1/jobs/{job}/events", mycorr.port());
    let stream =
        Client::new().get(url).bearer_auth(mycorr.token()).send().await.unwrap().text().await.unwrap();
    let events: Vec<Value> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|event| serde_json::from_str(event.trim()).unwrap())
        .collect();
    let in_the_middle = |event: &&Value| {
        event["state"] == "running"
            && event["rows"].as_u64().is_some_and(|rows| rows > 0 && rows < ROWS.into())
    };
    assert!(events.iter().any(|event| in_the_middle(&event)), "{stream}");
    let last = events.last().unwrap();
    assert_eq!((&last["state"], &last["rows"]), (&json!("succeeded"), &json!(ROWS)), "{stream}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_and_pace_count_for_all_nodes_together() {
    const QUOTA_BYTES: u64 = 1_000_000;
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database, "t", 1000);
    // Some 64 bytes a row that can't be compressed to less than half.
    database.sql(
        "CREATE TABLE public.small AS SELECT md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 8000) n",
    );
    let quota = QUOTA_BYTES.to_string();
    let (mycorr, _one) = nodes("together", &["--max-bytes-per-user", &quota]).await;
    let _other = mycorr.spawn(&["work", "--workers", "1", "--max-bytes-per-user", &quota]);
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;

    // A megabyte each, by two nodes at the same time: alone each would take two seconds.
    pace(&mycorr, &connection, 500_000).await;
    let begun = Instant::now();
    let mut jobs = Vec::new();
    for name in ["first", "second"] {
        jobs.push(begin(&mycorr, &model, &connection, "t", name).await);
    }
    for job in &jobs {
        assert_eq!(mycorr.finish(job).await["state"], "succeeded");
    }
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    let body = json!({"limits": {"bytes_per_second": null}});
    mycorr.ask(Method::PATCH, &format!("/connections/{connection}"), Some(body)).await;

    let mut jobs = Vec::new();
    for number in 0..8 {
        jobs.push(begin(&mycorr, &model, &connection, "small", &format!("t{number}")).await);
    }
    let (mut stored, mut refused) = (0, 0);
    for job in &jobs {
        let job = mycorr.finish(job).await;
        match job["state"].as_str() {
            Some("succeeded") => stored += 1,
            _ => {
                assert_eq!(job["problem"]["code"], "quota_exceeded", "{job:#}");
                refused += 1;
            }
        }
    }
    let tables = mycorr.get(&format!("/models/{model}/tables")).await;
    let bytes: u64 =
        tables["items"].as_array().unwrap().iter().map(|table| table["bytes"].as_u64().unwrap()).sum();
    assert!(
        stored > 0 && refused > 0 && bytes <= QUOTA_BYTES,
        "{stored} stored, {refused} refused, {bytes} bytes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_person_are_bounded_for_all_nodes_together() {
    /// `engine::source_concurrency`'s.
    const MAX_PER_USER: usize = 8;
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE VIEW public.slow AS SELECT 1 AS a FROM pg_sleep(1)");
    let (mycorr, _worker) = nodes("bounded", &[]).await;
    let second = mycorr.second(&["--workers", "0"]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let client = Client::new();
    let ready = format!("http://127.0.0.1:{}/readyz", second.port);
    while !client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let path = format!("/api/v1/connections/{connection}/schemas/public/tables/slow/preview");
    let requests = (0..16).map(|number| {
        let port = [mycorr.port(), second.port][number % 2];
        let request = client.get(format!("http://127.0.0.1:{port}{path}")).bearer_auth(mycorr.token());
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    });
    let requests: Vec<_> = requests.collect();
    // A process that has answered is gone a moment after its client, at times after the next one has come.
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'",
        database.role
    );
    let mut most = 0;
    while requests.iter().any(|request| !request.is_finished()) {
        most = most.max(cluster.sql_async("postgres", &open).await.parse::<usize>().unwrap());
    }
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert!((2..=MAX_PER_USER).contains(&most), "{most} connections at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn older_node_goes_on_beside_a_newer_one() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let (mut mycorr, _worker) = nodes("older", &[]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let imported = mycorr.import(&model, &connection, "t").await;
    let (table, kept) = (imported["table_id"].as_str().unwrap(), imported["id"].as_str().unwrap());
    // What a newer node does when it starts, and a job of a kind that only its like know.
    cluster.sql_in(
        "older",
        "ALTER TABLE jobs ADD COLUMN future bigint NOT NULL DEFAULT 7;
         CREATE TABLE futures (id bigint PRIMARY KEY, job_id uuid REFERENCES jobs (id));
         INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9000_future', 0)",
    );
    let future = format!(
        "INSERT INTO jobs (id, kind, state, model_id, table_id, table_name, source_schema, source_table, requested_by, \
         queued_at, rows, bytes, cancelled, fence, attempts, verify) \
         SELECT gen_random_uuid(), 'foretell', 'queued', model_id, gen_random_uuid(), table_name, source_schema, \
         source_table, requested_by, 0, 0, 0, false, 0, 0, false FROM jobs WHERE id = '{kept}'"
    );
    cluster.sql_in("older", &future);
    assert_eq!(mycorr.sync(table).await["state"], "succeeded");
    // It may have to start again.
    mycorr.kill();
    mycorr.start_again_with(&["--workers", "0"]).await;
    database.sql("INSERT INTO public.t VALUES (2)");
    assert_eq!(mycorr.sync(table).await["version"], 2);
    assert_eq!(mycorr.rows(table, &[]).await["total"], 2);
    let waits = cluster.sql_in("older", "SELECT state FROM jobs WHERE kind = 'foretell'");
    assert_eq!(waits, "queued", "it is another's");

    // A step that it would have to know.
    cluster.sql_in("older", "UPDATE schema_floor SET step = 'm9000_future'");
    assert_eq!(mycorr.sync(table).await["state"], "succeeded");
    let refused = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("made by a newer version of Mycorr"), "{refused}");
}
