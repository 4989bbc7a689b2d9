//! The main job, as its database's administrator hears it: SELECT and nothing else.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, PgBouncer, PoolMode};
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

async fn journey(cluster: &Cluster, port: u16) {
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
    let heard: Vec<String> = database.log_statements().into_iter().map(|statement| statement.text).collect();
    for statement in &heard {
        let selects = statement.starts_with("SELECT ") || statement.starts_with("WITH RECURSIVE base(");
        assert!(selects && !statement.contains(';'), "{statement}");
    }
    let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
    let mut entered: Vec<String> = ledger["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["statement"].as_str().unwrap().to_owned())
        .collect();
    entered.reverse();
    assert_eq!(entered, heard[heard.len() - entered.len()..]);
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
    journey(cluster, cluster.port()).await;
}

#[tokio::test]
async fn through_a_pooler_in_transaction_mode() {
    let cluster = Cluster::shared();
    let pooler = PgBouncer::start(cluster, PoolMode::Transaction, &[]);
    journey(cluster, pooler.port()).await;
}
