//! Tables in a bucket.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, Moto};

fn storage(server: &Moto, prefix: &str) -> Vec<(String, String)> {
    let mut environment = server.variables();
    environment.push(("MYCORR_STORAGE_URL".into(), prefix.into()));
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_journey_with_tables_in_a_bucket() {
    let Some(server) = Moto::shared() else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n AS id, md5(n::text) FROM generate_series(1, 300000) n");
    let mut environment = storage(server, &server.new_prefix());
    environment.push(("MYCORR_DATABASE_URL".into(), cluster.metadata_url("bucket")));
    let mut mycorr = Mycorr::start_with(&environment).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap().to_owned();
    mycorr.kill();
    mycorr.start_again().await;
    database.sql("DELETE FROM public.t WHERE id > 10");
    assert_eq!(mycorr.sync(&table).await["state"], "succeeded");
    let page = async |version, offset| {
        let page = mycorr.rows(&table, &[("version", version), ("offset", offset), ("limit", "1")]).await;
        (page["total"].clone(), page["rows"][0][0].clone())
    };
    assert_eq!(page("1", "299999").await, (300_000.into(), "300000".into()));
    assert_eq!(page("2", "9").await, (10.into(), "10".into()));
    let sorted = mycorr.rows(&table, &[("version", "1"), ("sort", "-id"), ("limit", "1")]).await;
    assert_eq!(sorted["rows"][0][0], "300000");
    assert_eq!(mycorr.readiness().await, 200);
    assert!(!mycorr.data().join("tables").exists(), "nothing is kept in the data directory");
    assert!(!mycorr.log().contains("s3-s3cret"), "the key is in no log");
    mycorr.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_tables_moves_an_installation_to_a_bucket() {
    let Some(server) = Moto::shared() else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n AS id FROM generate_series(1, 1000) n");
    let prefix = server.new_prefix();
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let table = mycorr.import(&model, &connection, "t").await["table_id"].as_str().unwrap().to_owned();
    let before = mycorr.rows(&table, &[]).await;
    mycorr.set_environment(&server.variables());
    assert!(mycorr.command_fails(&["copy-tables", "--to", &prefix]).contains("served by another process"));
    mycorr.stop();
    assert!(mycorr.command(&["copy-tables", "--to", &prefix]).contains("files with"));
    mycorr.set_environment(&storage(server, &prefix));
    std::fs::remove_dir_all(mycorr.data().join("tables")).unwrap();
    mycorr.start_again().await;
    assert_eq!(mycorr.rows(&table, &[]).await, before);
    database.sql("INSERT INTO public.t VALUES (1001)");
    assert_eq!(mycorr.sync(&table).await["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_without_conditional_writes_is_refused_at_the_start() {
    let Some(server) = Moto::without_conditional_writes() else { return };
    let mut mycorr = Mycorr::start().await;
    mycorr.stop();
    mycorr.set_environment(&storage(&server, &server.new_prefix()));
    let refused = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("does not know conditional writes"), "{refused}");
}
