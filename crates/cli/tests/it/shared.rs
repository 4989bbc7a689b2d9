//! Metadata on PostgreSQL: one node, several, and the move there.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, METADATA_PASSWORD};
use serde_json::{Value, json};
use std::{fs, time::Duration};

fn source(cluster: &Cluster) -> Database<'_> {
    let database = Database::create(cluster);
    database
        .sql("CREATE TABLE public.t AS SELECT n AS id, md5(n::text) AS text FROM generate_series(1, 1000) n");
    database
}

async fn first_row(mycorr: &Mycorr, table: &str) -> Value {
    mycorr.rows(table, &[("limit", "1")]).await["rows"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_journey_with_metadata_on_postgresql() {
    let cluster = Cluster::shared();
    let database = source(cluster);
    let mut mycorr = Mycorr::start_with_metadata_at(&cluster.metadata_url("journey")).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap().to_owned();
    let before = first_row(&mycorr, &table).await;

    mycorr.kill();
    mycorr.start_again().await;
    assert_eq!(first_row(&mycorr, &table).await, before);
    // Every connection that the server ends is replaced, without an error that anybody sees.
    assert!(cluster.kill_backends("journey") > 0);
    assert_eq!(mycorr.sync(&table).await["state"], "succeeded");
    assert_eq!(mycorr.readiness().await, 200);
    assert!(!mycorr.data().join("mycorr.db").exists(), "nothing is kept in SQLite");
    assert!(!mycorr.log().contains(METADATA_PASSWORD), "the URL's password is in no log");
    mycorr.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_metadata_keys_and_work() {
    let cluster = Cluster::shared();
    let database = source(cluster);
    let url = cluster.metadata_url("sharing");
    let mut mycorr = Mycorr::start_with_metadata_at(&url).await;
    mycorr.stop();
    mycorr.start_again_with(&["--workers", "0"]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let body = json!({"connection_id": connection, "schema": "public", "table": "t"});
    let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
    let job = id(&started["job"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(mycorr.get(&format!("/jobs/{job}")).await["state"], "queued", "it has no workers");

    // Another process does it, with what the first one sealed; no lock of the folder stands in its way.
    let worker = mycorr.spawn(&["work", "--workers", "1"]);
    let job = mycorr.finish(&job).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    assert_eq!(first_row(&mycorr, table).await[0][0], "1");
    let second = mycorr.second(&[]).await;
    let nodes = "SELECT string_agg(role, ',' ORDER BY role) FROM nodes";
    for _ in 0..200 {
        if cluster.sql_async("sharing", nodes).await == "serve,serve,work" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cluster.sql_async("sharing", nodes).await, "serve,serve,work");
    drop((worker, second));

    // One whose key is another would seal what these can't open.
    let other = tempfile::tempdir().unwrap();
    let key = other.path().join("master.key");
    let key = key.to_str().unwrap();
    mycorr.command(&["keys", "new", "--master-key-file", key]);
    let refused =
        mycorr.command_fails(&["user", "disable", "--email", "x@example.org", "--master-key-file", key]);
    assert!(refused.contains("not the one that the other nodes use"), "{refused}");
    let missing = other.path().join("missing.key");
    let missing = missing.to_str().unwrap();
    let refused =
        mycorr.command_fails(&["user", "disable", "--email", "x@example.org", "--master-key-file", missing]);
    assert!(refused.contains("the master key is missing"), "{refused}");
    // After a rotation the new one is agreed on.
    mycorr.command(&["keys", "rotate"]);
    mycorr.command(&["token", "create", "--email", "ada@example.org", "--name", "again"]);
    let _worker = mycorr.spawn(&["work"]);
    assert_eq!(mycorr.sync(table).await["state"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_metadata_moves_an_installation() {
    let cluster = Cluster::shared();
    let database = source(cluster);
    let url = cluster.metadata_url("migrated");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let table = mycorr.import(&model, &connection, "t").await["table_id"].as_str().unwrap().to_owned();
    let statements = mycorr.get(&format!("/connections/{connection}/statements")).await;
    let before = first_row(&mycorr, &table).await;

    let migrate = ["migrate-metadata", "--database-url", &url];
    assert!(mycorr.command_fails(&migrate).contains("served by another process"));
    assert!(mycorr.command_fails(&["migrate-metadata"]).contains("MYCORR_DATABASE_URL"));
    mycorr.stop();
    assert!(mycorr.command(&migrate).contains("rows are in PostgreSQL now"));
    assert!(mycorr.data().join("mycorr.db.migrated").exists());
    assert!(mycorr.command_fails(&migrate).contains("there is no"));
    // Who forgets the URL does not start beside the tables as new.
    assert!(mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]).contains("the database is empty"));
    let migrated = format!("sqlite:{}", mycorr.data().join("mycorr.db.migrated").display());
    let again = mycorr.command_fails(&["migrate-metadata", "--from", &migrated, "--database-url", &url]);
    assert!(again.contains("holds an installation of Mycorr already"), "{again}");

    mycorr.move_metadata_to(&url);
    fs::remove_file(mycorr.data().join("mycorr.db")).unwrap();
    mycorr.start_again().await;
    // The session, the rows, the ledger, and the secrets as they were sealed.
    assert_eq!(first_row(&mycorr, &table).await, before);
    assert_eq!(mycorr.get(&format!("/connections/{connection}/statements")).await, statements);
    database.sql("INSERT INTO public.t VALUES (1001, 'more')");
    let job = mycorr.sync(&table).await;
    assert_eq!((job["state"].as_str(), job["version"].as_i64()), (Some("succeeded"), Some(2)), "{job:#}");
}
