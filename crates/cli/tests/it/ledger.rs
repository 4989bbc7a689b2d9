//! The ledger of a connection and the server's own log tell the same story: the same statements with the same
//! parameters, in the same order, none missing, also where something fails or is broken off.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, counted};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn the_ledger_is_what_the_server_heard() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE TABLE public.orders AS SELECT n AS id, 'it''s ' || n AS note FROM generate_series(1, 5000) n; \
         CREATE TABLE public.closed (id int); REVOKE ALL ON public.closed FROM {role}; \
         CREATE TABLE public.hidden (id int); ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY; \
         CREATE VIEW public.broken AS SELECT 1 / (n - 3000) AS one FROM generate_series(1, 5000) n; \
         CREATE VIEW public.lost AS SELECT id FROM public.orders; \
         CREATE VIEW public.endless AS SELECT i, repeat('x', 60000) AS pad, pg_sleep(0.002)::text AS pause FROM generate_series(1, 100000) AS i"
    ));
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let path = format!("/connections/{connection}");
    let ok = async |method: Method, path: &str, body: Option<Value>| {
        let (status, answer) = mycorr.ask(method, path, body).await;
        assert!(status.is_success(), "{path}: {answer:#}");
        answer
    };
    // Test, passport, browse, preview, with names that need care.
    ok(Method::POST, &format!("{path}/test"), None).await;
    ok(Method::POST, &format!("{path}/passport"), None).await;
    for path in [
        "schemas",
        "schemas/public/tables",
        "schemas/public/tables?search=it's%20%24%31%2C%20%5C%22",
        "schemas/it's/tables?after=a%2Cb",
        "source-tables?search=ord",
        "schemas/public/tables/orders",
        "schemas/public/tables/orders/preview",
        "schemas/public/tables/hidden/preview",
    ] {
        ok(Method::GET, &format!("/connections/{connection}/{path}"), None).await;
    }
    // What fails: no such table, no right, a view that breaks, a table that goes.
    for path in [
        "schemas/public/tables/nothing",
        "schemas/public/tables/closed/preview",
        "schemas/public/tables/broken/preview",
    ] {
        let (status, _) = mycorr.ask(Method::GET, &format!("/connections/{connection}/{path}"), None).await;
        assert!(status == StatusCode::OK || status == StatusCode::UNPROCESSABLE_ENTITY, "{path}: {status}");
    }
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "orders").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let orders = job["table_id"].as_str().unwrap().to_owned();
    for table in ["broken", "nothing", "closed"] {
        assert_eq!(mycorr.import(&model, &connection, table).await["state"], "failed", "{table}");
    }
    let lost = mycorr.import(&model, &connection, "lost").await;
    database.sql("ALTER TABLE public.orders RENAME id TO number");
    assert_eq!(mycorr.sync(&orders).await["state"], "succeeded");
    database.sql("DROP VIEW public.lost");
    assert_eq!(mycorr.sync(lost["table_id"].as_str().unwrap()).await["state"], "failed");
    // One that is broken off in its middle.
    let body = json!({"connection_id": connection, "schema": "public", "table": "endless"});
    let job = id(&mycorr.post(&format!("/models/{model}/imports"), body).await["job"]);
    while mycorr.get(&format!("/jobs/{job}")).await["rows"] == 0 {}
    ok(Method::POST, &format!("/jobs/{job}/cancel"), None).await;
    assert_eq!(mycorr.finish(&job).await["state"], "cancelled");
    ok(Method::GET, &format!("/connections/{connection}/schemas"), None).await;

    let heard: Vec<(String, Vec<String>)> =
        database.received_statements().into_iter().map(|heard| (heard.text, heard.parameters)).collect();
    let ledger = ledger(&mycorr, &connection).await;
    let entered: Vec<(String, Vec<String>)> = ledger.iter().map(entered).collect();
    for (at, (heard, entered)) in heard.iter().zip(&entered).enumerate() {
        assert_eq!(heard, entered, "statement {at}");
    }
    assert_eq!(heard.len(), entered.len());

    // Each entry says what it was for, who asked, and what came of it.
    let of = |field: &str| ledger.iter().filter_map(|entry| entry[field].as_str()).collect::<BTreeSet<_>>();
    for purpose in ["test", "browse", "preview", "import", "sync"] {
        assert!(of("purpose").contains(purpose), "{:?}", of("purpose"));
    }
    for template in ["settings", "server", "rights", "schemas", "tables", "describe", "preview", "select"] {
        assert!(of("template").contains(template), "{:?}", of("template"));
    }
    assert_eq!(of("actor"), BTreeSet::from(["ada@example.org"]));
    assert!(of("outcome").contains("ok") && of("outcome").contains("22012"), "{:?}", of("outcome"));
    for entry in &ledger {
        let job = matches!(entry["purpose"].as_str(), Some("import" | "sync"));
        assert_eq!(entry["job_id"].is_string(), job, "{entry:#}");
    }
    // The page and the download hold the same.
    let (status, csv) = mycorr.ask(Method::GET, &format!("{path}/statements?format=csv"), None).await;
    assert_eq!(status, StatusCode::OK);
    let csv = csv.as_str().unwrap();
    assert_eq!(csv.matches("\r\n").count(), ledger.len() + 1);
    counted(&format!("{} statements in the ledger and in the server's log", ledger.len()));
}

fn entered(entry: &Value) -> (String, Vec<String>) {
    let parameters =
        entry["parameters"].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned());
    (entry["statement"].as_str().unwrap().to_owned(), parameters.collect())
}

/// All of it, oldest first.
async fn ledger(mycorr: &Mycorr, connection: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = mycorr.get(&format!("/connections/{connection}/statements?limit=50{after}")).await;
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    all.reverse();
    all
}
