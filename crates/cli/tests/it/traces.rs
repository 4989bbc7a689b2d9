//! Traces, taken by a receiver that is not ours.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, HttpReceiver, METADATA_PASSWORD, OtlpReceiver};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// A value of a row, a column's and a table's name: none of them leaves with a trace.
const VALUE: &str = "v4lue-of-a-row";
const NAMES: [&str; 2] = ["secret_column", "secret_table"];

fn settings(url: &str, endpoint: &str) -> Vec<(String, String)> {
    [
        ("MYCORR_DATABASE_URL", url),
        ("MYCORR_OTLP_ENDPOINT", endpoint),
        // Instead of after five seconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn spans(receiver: &OtlpReceiver) -> Vec<Value> {
    // The last line may be in the middle of being written.
    receiver.spans().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The spans of a trace, once one of them has this name.
async fn trace(receiver: &OtlpReceiver, trace: &str, last: &str) -> Vec<Value> {
    loop {
        let found: Vec<Value> = spans(receiver).into_iter().filter(|span| span["trace"] == trace).collect();
        if found.iter().any(|span| span["name"] == last) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let mut found = spans.iter().filter(|span| span["name"] == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
    assert!(found.next().is_none(), "two {name} in {spans:#?}");
    span
}

/// What docs/operating.md names in its table of attributes.
fn documented() -> BTreeSet<String> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md");
    let text = fs::read_to_string(text).unwrap();
    let table = text.split_once("| attribute | of | meaning |\n").unwrap().1.split("\n\n").next().unwrap();
    let cells = table.lines().skip(1).map(|line| line.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_click_to_the_commit_on_another_node() {
    let Some(receiver) = OtlpReceiver::start() else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(&format!("CREATE TABLE public.secret_table AS SELECT '{VALUE}' AS secret_column"));
    let url = cluster.metadata_url("traced");
    let mut mycorr = Mycorr::start_with(&settings(&url, &receiver.url())).await;
    mycorr.stop();
    mycorr.start_again_with(&["--workers", "0"]).await;
    let worker = mycorr.spawn(&["work", "--workers", "1"]);
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;

    // A client that traces too.
    let (client, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let post = async |path: &str, body: Value, traceparent: &str| -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1{path}", mycorr.port());
        let request = Client::new().post(url).bearer_auth(mycorr.token()).header("traceparent", traceparent);
        let request = request.header("content-type", "application/json").body(body.to_string());
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    };
    let body =
        json!({"connection_id": connection, "schema": "public", "table": "secret_table", "verify": true});
    let imports = format!("/models/{model}/imports");
    let begun = post(&imports, body, &format!("00-{client}-{parent}-01")).await;
    let job = mycorr.finish(&id(&begun["job"])).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let found = trace(&receiver, client, "job import").await;
    let request = named(&found, "POST /api/v1/models/{id}/imports");
    assert_eq!((&request["parent"], &request["kind"]), (&json!(parent), &json!("SPAN_KIND_SERVER")));
    assert_eq!(request["attributes"]["http.response.status_code"], 202);
    assert_eq!(request["resource"]["mycorr.node.role"], "serve");
    let import = named(&found, "job import");
    assert_eq!((&import["parent"], &import["kind"]), (&request["id"], &json!("SPAN_KIND_CONSUMER")));
    assert_eq!(import["attributes"]["mycorr.job.id"], job["id"]);
    assert_eq!(import["resource"]["mycorr.node.role"], "work");
    assert_ne!(import["resource"]["service.instance.id"], request["resource"]["service.instance.id"]);
    for part in ["connect", "describe", "read", "write", "finish", "commit", "record"] {
        let part = named(&found, part);
        assert_eq!(part["parent"], import["id"], "{part:#}");
        assert!(part["nanoseconds"].as_u64() <= import["nanoseconds"].as_u64(), "{part:#} in {import:#}");
    }
    assert_eq!(named(&found, "read")["attributes"]["mycorr.rows"], 1);

    // A request without a trace begins one. What comes of it belongs to it: a job that fails, and its notice.
    let hook = HttpReceiver::start().await;
    let path = format!("/models/{model}/webhook");
    let (status, answer) = mycorr.ask(Method::PUT, &path, Some(json!({"url": hook.url("/hook")}))).await;
    assert!(status.is_success(), "{answer:#}");
    let table = job["table_id"].as_str().unwrap();
    // The comparison that the import is followed by.
    while spans(&receiver).iter().all(|span| span["name"] != "job verify") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    database.sql("DROP TABLE public.secret_table");
    for (header, continued) in
        [("not a trace", false), ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    {
        let sync = post(&format!("/tables/{table}/sync"), json!({}), header).await;
        let sync = mycorr.finish(&id(&sync["job"])).await;
        assert_eq!(sync["state"], "failed", "{sync:#}");
        let of_job = |span: &Value| span["attributes"]["mycorr.job.id"] == sync["id"];
        let of = loop {
            if let Some(span) = spans(&receiver).into_iter().find(of_job) {
                break span;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((&of["status"], &of["message"]), (&json!("STATUS_CODE_ERROR"), &json!("")));
        assert_eq!(of["attributes"]["error.type"], sync["problem"]["code"]);
        assert_eq!(of["trace"] == "0af7651916cd43dd8448eb211c80319c", continued);
        if !continued {
            // It is told of once.
            let failed = trace(&receiver, of["trace"].as_str().unwrap(), "deliver webhook").await;
            named(&failed, "POST /api/v1/tables/{id}/sync");
            let delivery = named(&failed, "deliver webhook");
            assert_eq!(delivery["attributes"]["http.response.status_code"], 204, "{delivery:#}");
        }
    }

    // What a node has not sent yet goes when it stops.
    drop(worker);
    mycorr.stop();
    let all = spans(&receiver);
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for span in &all {
        assert_eq!(span["events"], 0, "{span:#}");
        for (attribute, value) in span["attributes"].as_object().unwrap() {
            known.entry(attribute.clone()).or_default().insert(value.to_string());
        }
    }
    let (used, documented) = (known.keys().cloned().collect::<BTreeSet<_>>(), documented());
    assert_eq!(used, documented, "docs/operating.md, Traces");
    let said = receiver.spans();
    for secret in
        [VALUE, NAMES[0], NAMES[1], METADATA_PASSWORD, mycorr.token(), "ada@", "127.0.0.1", &database.role]
    {
        assert!(!said.contains(secret), "{secret} is in a trace");
    }
}

#[allow(clippy::disallowed_methods, reason = "the collector of the test")]
#[tokio::test(flavor = "multi_thread")]
async fn dead_collector_is_one_line_and_holds_nobody_up() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    // It takes connections and says nothing to the first, and to the others less.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            match counted.fetch_add(1, Relaxed) {
                0 => silent.push(stream),
                _ => drop(stream),
            }
        }
    });
    let url = cluster.metadata_url("untaken");
    let mut mycorr = Mycorr::start_with(&settings(&url, &endpoint)).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    assert_eq!(mycorr.import(&model, &connection, "t").await["state"], "succeeded");
    while asked.load(Relaxed) < 20 {
        mycorr.get("/models").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = mycorr.log().matches("the collector takes no traces").count();
    assert_eq!(told, 1, "{}", mycorr.log());
    mycorr.stop();
}

#[test]
fn endpoint_that_is_none_is_refused() {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_mycorr"))
        .args(["serve", "--otlp-endpoint", "localhost:4317"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("http://localhost:4318"));
}
