//! The main job, as its database's administrator hears it: SELECT and nothing else.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, Options, PgBouncer, Pgpool, PoolMode, Server, counted};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn fill(database: &Database<'_>) {
    database.sql(
        "CREATE TYPE public.state AS ENUM ('new', 'paid', 'sent'); \
         CREATE TABLE public.orders AS SELECT n AS id, (ARRAY['new', 'paid', 'sent'])[1 + n % 3]::public.state AS state, \
           (n * 7919 % 100000 / 100.0)::numeric(10, 2) AS price, '2024-01-01'::timestamptz + n * interval '1 min' AS at, \
           CASE WHEN n % 10 = 0 THEN NULL ELSE 'note ' || n END AS note FROM generate_series(1, 20000) n; \
         ALTER TABLE public.orders ADD PRIMARY KEY (id)",
    );
}

/// `own`: how the statements begin that a pooler in between says itself.
async fn journey(cluster: &Cluster, port: u16, own: &[&str]) {
    let database = Database::create(cluster);
    fill(&database);
    let mycorr = Mycorr::start().await;

    let report = mycorr.post("/connections/test", Mycorr::form(cluster, &database, port)).await;
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(mycorr.get("/connections").await["items"], json!([]), "a test stores nothing");
    let connection = mycorr.connect(cluster, &database, port).await;
    let schemas = mycorr.get(&format!("/connections/{connection}/schemas")).await;
    assert_eq!(schemas["items"], json!([{"name": "public", "tables": 1}]));
    let tables = mycorr.get(&format!("/connections/{connection}/schemas/public/tables?search=ORD")).await;
    assert_eq!(tables["items"][0]["name"], "orders");
    let path = format!("/connections/{connection}/schemas/public/tables/orders");
    let described = mycorr.get(&path).await;
    assert_eq!(described["columns"][0]["primary_key"], true, "{described:#}");
    assert_eq!(mycorr.get(&format!("{path}/preview")).await["rows"].as_array().unwrap().len(), 50);

    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "orders").await;
    assert_eq!(
        (&job["state"], &job["rows"], &job["version"]),
        (&json!("succeeded"), &json!(20000), &json!(1)),
        "{job:#}"
    );
    let table = job["table_id"].as_str().unwrap();
    let rows = mycorr.get(&format!("/tables/{table}/rows?offset=12344&limit=2")).await;
    assert_eq!(rows["total"], 20000);
    assert_eq!(rows["rows"][0], json!(["12345", "new", "600.55", "2024-01-09 13:45:00+00", "note 12345"]));
    let filtered = mycorr
        .get(&format!("/tables/{table}/rows?sort=-price,id&filter=price.gte.999.99&filter=note.is.not_null"))
        .await;
    let expected = database.sql(
        "SELECT id FROM public.orders WHERE price >= 999.99 AND note IS NOT NULL ORDER BY price DESC, id",
    );
    let ids: Vec<&str> =
        filtered["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(ids, expected.lines().collect::<Vec<_>>());

    database.sql("UPDATE public.orders SET price = 0 WHERE id = 1; DELETE FROM public.orders WHERE id > 15000; ALTER TABLE public.orders DROP note");
    let job = mycorr.sync(table).await;
    assert_eq!(
        (&job["state"], &job["rows"], &job["version"]),
        (&json!("succeeded"), &json!(15000), &json!(2)),
        "{job:#}"
    );
    let price = async |version: &str| {
        let page = mycorr.get(&format!("/tables/{table}/rows?filter=id.eq.1{version}")).await;
        (page["rows"][0][2].clone(), page["columns"].as_array().unwrap().len())
    };
    assert_eq!(price("").await, (json!("0.00"), 4));
    assert_eq!(price("&version=1").await, (json!("79.19"), 5));
    let restored = mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 1})).await;
    assert_eq!((&restored["version"], &restored["cause"]), (&json!(3), &json!("restore")));
    assert_eq!(price("").await, (json!("79.19"), 5));
    let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
    let rows: Vec<&Value> =
        versions["items"].as_array().unwrap().iter().map(|version| &version["rows"]).collect();
    assert_eq!(rows, [&json!(20000), &json!(15000), &json!(20000)]);

    // What the server heard, and what the ledger says that it heard. The first test was before there was a
    // connection to enter it under.
    let heard = database.log_statements().into_iter().map(|statement| statement.text);
    let heard: Vec<String> = heard.filter(|text| !own.iter().any(|own| text.starts_with(own))).collect();
    for statement in &heard {
        assert!(statement.starts_with("SELECT ") && !statement.contains(';'), "{statement}");
    }
    let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
    let mut entered: Vec<String> = ledger["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["statement"].as_str().unwrap().to_owned())
        .collect();
    entered.reverse();
    if own.len() < 2 {
        assert_eq!(entered, heard[heard.len() - entered.len()..]);
    } else {
        // Pgpool-II sends some twice, and asks questions of its own in between.
        let mut heard = heard;
        for statement in &entered {
            let at = heard.iter().position(|heard| heard == statement);
            heard.swap_remove(at.unwrap_or_else(|| panic!("in the ledger and not heard: {statement}")));
        }
    }
    assert!(ledger["items"].as_array().unwrap().iter().all(|entry| entry["outcome"] == "ok"));

    assert_eq!(
        mycorr.ask(Method::DELETE, &format!("/connections/{connection}"), None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(price("").await, (json!("79.19"), 5), "tables outlive their connection");
    let (status, problem) = mycorr.ask(Method::POST, &format!("/tables/{table}/sync"), Some(json!({}))).await;
    assert!(status.is_client_error() && problem["fix"].is_string(), "{problem:#}");
}

#[tokio::test]
async fn directly() {
    let cluster = Cluster::shared();
    journey(cluster, cluster.port(), &[]).await;
}

#[tokio::test]
async fn through_a_pooler_in_either_mode() {
    let cluster = Cluster::shared();
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        for pooler in PgBouncer::kinds(cluster, mode) {
            // Session mode cleans up between clients, which is its operator's choice.
            let own: &[&str] = if mode == PoolMode::Session { &["DISCARD ALL"] } else { &[] };
            journey(cluster, pooler.port(), own).await;
        }
    }
}

#[tokio::test]
async fn through_pgpool() {
    let cluster = Cluster::shared();
    let pooler = Pgpool::start(&[cluster]);
    // It asks the catalogue what the functions of a statement do.
    let own = ["DISCARD ALL", "SELECT version()", "SELECT count(*) FROM pg_catalog.pg_"];
    journey(cluster, pooler.port(), &own).await;
}

#[tokio::test]
async fn from_every_version_of_postgresql() {
    let servers = Server::installed();
    for server in &servers {
        let cluster = Cluster::start(&Options { server: Some(server), ..Options::default() });
        journey(&cluster, cluster.port(), &[]).await;
    }
    let majors: Vec<String> = servers.iter().map(|server| server.major().to_string()).collect();
    counted(&format!("the journey on {} versions of PostgreSQL ({})", majors.len(), majors.join(", ")));
}

/// A hot standby as a source breaks a sync off when it has to remove rows that are being read.
#[tokio::test]
async fn from_a_replica_that_breaks_off() {
    let primary = Cluster::start(&Options { settings: &[("autovacuum", "off")], ..Options::default() });
    let original = Database::create(&primary);
    // Slow while the gate is shut, so that the read lasts until the rows are gone.
    original.sql(
        "CREATE TABLE public.big AS SELECT n, repeat('x', 2000) AS t FROM generate_series(1, 20000) n; \
         CREATE TABLE public.gate AS SELECT true AS open; \
         CREATE VIEW public.slow AS SELECT n, t, pg_sleep(CASE WHEN (SELECT open FROM public.gate) THEN 0 ELSE 0.005 END)::text AS p FROM public.big",
    );
    let standby = primary.standby(&[("max_standby_streaming_delay", "0"), ("hot_standby_feedback", "off")]);
    let database = Database { cluster: &standby, ..original.clone() };
    standby.catch_up(&primary);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(&standby, &database, standby.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "slow").await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(20000)), "{job:#}");
    let table = job["table_id"].as_str().unwrap();

    // Written before it returns, so that there is something to catch up with.
    original.sql("SET synchronous_commit = on; UPDATE public.gate SET open = false");
    standby.catch_up(&primary);
    let started = mycorr.post(&format!("/tables/{table}/sync"), json!({})).await;
    let job = id(&started["job"]);
    while mycorr.get(&format!("/jobs/{job}")).await["rows"] == 0 {}
    original.sql("DELETE FROM public.big");
    original.sql("VACUUM public.big");
    let job = mycorr.finish(&job).await;
    assert_eq!(
        (&job["state"], &job["problem"]["code"]),
        (&json!("failed"), &json!("recovery_conflict")),
        "{job:#}"
    );
    let kept = mycorr.get(&format!("/tables/{table}")).await;
    assert_eq!((&kept["version"], &kept["rows"]), (&json!(1), &json!(20000)));
    assert_eq!(
        mycorr.get(&format!("/tables/{table}/rows?offset=19999&limit=1")).await["rows"][0][0],
        "20000"
    );
}
