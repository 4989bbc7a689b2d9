//! Three nodes, with metadata in PostgreSQL and tables in a bucket, under people who look and import: one is killed,
//! another one stopped for longer than its jobs' leases, and goes on.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, Moto};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Unless `CLUSTER_VIEWERS` and `CLUSTER_IMPORTS` say otherwise.
const VIEWERS: u64 = 20;
const IMPORTS: u64 = 4;
/// Between two pages that a person looks at.
const THINKING: Duration = Duration::from_secs(4);
/// After it a client asks another node: one that is stopped takes connections and answers none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const MIDDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longer than a lease.
const STOPPED: Duration = Duration::from_secs(25);
const VIEWED_ROWS: u64 = 20_000;
const IMPORTED_ROWS: u64 = 200_000;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

fn chance(below: u64) -> u64 {
    RandomState::new().hash_one(below) % below
}

/// What a load balancer does: asks each node whether it is ready, and sends nobody to one that is not.
struct Balancer {
    client: Client,
    nodes: Vec<(u16, AtomicBool)>,
}

impl Balancer {
    async fn look(&self, node: usize) {
        let (port, ready) = &self.nodes[node];
        let url = format!("http://127.0.0.1:{port}/readyz");
        loop {
            let answer = self.client.get(&url).timeout(Duration::from_secs(5)).send().await;
            ready.store(answer.is_ok_and(|answer| answer.status().is_success()), Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// One that is ready, other than `not`.
    fn node(&self, not: Option<usize>) -> Option<usize> {
        let ready = |node: &usize| Some(*node) != not && self.nodes[*node].1.load(Relaxed);
        let ready: Vec<usize> = (0..self.nodes.len()).filter(ready).collect();
        Some(*ready.get(chance(ready.len().max(1) as u64) as usize)?)
    }

    async fn get(&self, node: usize, path: &str, token: &str) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/api/v1{path}", self.nodes[node].0);
        let answer = self.client.get(url).bearer_auth(token).timeout(ANSWER_TIMEOUT).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        if status.is_success() { Ok(serde_json::from_str(&text).unwrap()) } else { Err(text) }
    }
}

/// What the viewers saw.
#[derive(Default)]
struct Seen {
    retries: AtomicU64,
    errors: Mutex<Vec<String>>,
    milliseconds: Mutex<Vec<u64>>,
}

/// Looks at pages until `over`, and asks another node once where one fails.
async fn view(balancer: Arc<Balancer>, seen: Arc<Seen>, over: Arc<AtomicBool>, table: String, token: String) {
    tokio::time::sleep(THINKING.mul_f64(chance(1000) as f64 / 1000.0)).await;
    while !over.load(Relaxed) {
        let offset = chance(VIEWED_ROWS);
        let path = format!("/tables/{table}/rows?offset={offset}&limit=50");
        let begun = Instant::now();
        let first = balancer.node(None).unwrap_or_default();
        let mut page = balancer.get(first, &path, &token).await;
        if let Err(error) = &page {
            seen.retries.fetch_add(1, Relaxed);
            page = match balancer.node(Some(first)) {
                Some(other) => balancer
                    .get(other, &path, &token)
                    .await
                    .map_err(|again| format!("node {first}: {error}, then node {other}: {again}")),
                None => Err(format!("node {first}: {error}, and no other is ready")),
            };
        }
        match page {
            Ok(page) => assert_eq!(page["rows"][0][0], (offset + 1).to_string()),
            Err(error) => seen.errors.lock().unwrap().push(error),
        }
        seen.milliseconds.lock().unwrap().push(begun.elapsed().as_millis() as u64);
        tokio::time::sleep(THINKING.mul_f64(0.5 + chance(1000) as f64 / 1000.0)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_stopped_nodes_are_seen_by_nobody_and_every_job_ends_once() {
    let Some(server) = Moto::shared() else { return };
    let (viewers, imports) = (setting("CLUSTER_VIEWERS", VIEWERS), setting("CLUSTER_IMPORTS", IMPORTS));
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let fill = |table: &str, rows: u64| {
        database.sql(&format!(
            "CREATE TABLE public.{table} AS SELECT n AS id, repeat(md5(n::text), 4) AS text FROM generate_series(1, {rows}) n"
        ));
    };
    fill("viewed", VIEWED_ROWS);
    fill("imported", IMPORTED_ROWS);
    let mut environment = server.variables();
    environment.push(("MYCORR_STORAGE_URL".into(), server.new_prefix()));
    environment.push(("MYCORR_DATABASE_URL".into(), cluster.metadata_url("three_nodes")));
    let mycorr = Mycorr::start_with(&environment).await;
    let (killed, stopped) = (mycorr.second(&[]).await, mycorr.second(&[]).await);
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let viewed = mycorr.import(&model, &connection, "viewed").await["table_id"].as_str().unwrap().to_owned();

    let nodes = [mycorr.port(), killed.port, stopped.port].map(|port| (port, AtomicBool::new(false)));
    let balancer = Arc::new(Balancer { client: Client::new(), nodes: nodes.into() });
    let looks: Vec<_> = (0..3)
        .map(|node| {
            let balancer = balancer.clone();
            tokio::spawn(async move { balancer.look(node).await })
        })
        .collect();
    while !balancer.nodes.iter().all(|node| node.1.load(Relaxed)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (seen, over) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let looking: Vec<_> = (0..viewers)
        .map(|_| {
            let (seen, over) = (seen.clone(), over.clone());
            tokio::spawn(view(balancer.clone(), seen, over, viewed.clone(), mycorr.token().to_owned()))
        })
        .collect();

    let begun = Instant::now();
    let mut jobs = Vec::new();
    for number in 0..imports {
        let body = json!({"connection_id": connection, "schema": "public", "table": "imported", "name": format!("t{number}")});
        jobs.push(id(&mycorr.post(&format!("/models/{model}/imports"), body).await["job"]));
    }
    // Each of the three is in the middle of something.
    let claimed = "SELECT count(*) FROM jobs WHERE state = 'running' AND rows > 0";
    let mut in_progress = false;
    // On a busy machine some may be over before the others have begun.
    while !in_progress && begun.elapsed() < MIDDLE_TIMEOUT {
        tokio::time::sleep(Duration::from_millis(20)).await;
        in_progress =
            cluster.sql_async("three_nodes", claimed).await.parse::<u64>().unwrap() >= imports.min(4);
    }
    assert!(!killed.kill());
    // Who asks again once can't be helped where the other node goes before it has answered.
    while balancer.nodes[1].1.load(Relaxed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(ANSWER_TIMEOUT / 3).await;
    stopped.signal("STOP");
    tokio::time::sleep(STOPPED).await;
    stopped.signal("CONT");

    for job in &jobs {
        let job = mycorr.finish(job).await;
        assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(IMPORTED_ROWS)), "{job:#}");
        let table = job["table_id"].as_str().unwrap();
        let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
        assert_eq!(versions["items"].as_array().unwrap().len(), 1, "{versions:#}");
        let last = (IMPORTED_ROWS - 1).to_string();
        let page = mycorr.rows(table, &[("offset", &last), ("limit", "1")]).await;
        assert_eq!(
            (&page["total"], &page["rows"][0][0]),
            (&json!(IMPORTED_ROWS), &json!(IMPORTED_ROWS.to_string()))
        );
    }
    let attempts = "SELECT coalesce(sum(attempts - 1), 0) FROM jobs";
    let again = cluster.sql_async("three_nodes", attempts).await.parse::<u64>().unwrap();
    assert!(again > 0 || !in_progress, "a job was in progress on the node that was killed");
    let took = begun.elapsed();
    // Told once, whichever nodes began it.
    let activity = mycorr.get(&format!("/models/{model}/activity?limit=1000")).await;
    let mut told = BTreeMap::<&str, u64>::new();
    for item in activity["items"].as_array().unwrap() {
        *told.entry(item["action"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(told.get("table.imported"), Some(&(imports + 1)), "{told:?}");

    over.store(true, Relaxed);
    for viewer in looking {
        viewer.await.unwrap();
    }
    looks.iter().for_each(|look| look.abort());
    let errors = seen.errors.lock().unwrap();
    assert!(errors.is_empty(), "{} errors: {:?}", errors.len(), &errors[..errors.len().min(5)]);
    let mut milliseconds = seen.milliseconds.lock().unwrap().clone();
    milliseconds.sort_unstable();
    let quantile = |of: f64| milliseconds[((milliseconds.len() - 1) as f64 * of) as usize];
    println!(
        "{viewers} viewers saw {} pages, {} of them after one retry; p50 {} ms, p99 {} ms. {imports} imports of \
         {IMPORTED_ROWS} rows took {took:.1?}, begun again {again} times",
        milliseconds.len(),
        seen.retries.load(Relaxed),
        quantile(0.5),
        quantile(0.99),
    );
}
