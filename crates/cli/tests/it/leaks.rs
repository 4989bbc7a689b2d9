//! No secret in clear in what is kept, and none in what is said, whatever the log's level.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn secrets_are_in_no_file_and_in_no_log() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    mycorr.sync(job["table_id"].as_str().unwrap()).await;
    // The rest of the journey, and a form that is pasted.
    let url = format!("postgres://{}:pasted-and-s3cret@db.example.com/shop", database.role);
    mycorr.post("/connections/parse", json!({ "text": url })).await;
    mycorr.post(&format!("/connections/{connection}/test"), json!({})).await;
    mycorr.post(&format!("/connections/{connection}/passport"), json!({})).await;
    mycorr.get(&format!("/connections/{connection}/schemas/public/tables/t/preview")).await;
    mycorr.post("/connections/test", Mycorr::form(cluster, &database, cluster.port())).await;
    // A password that is wrong is somebody's all the same.
    let wrong = json!({"password": "s3cret-but-wrong"});
    mycorr.ask(Method::PATCH, &format!("/connections/{connection}"), Some(wrong)).await;
    let shown = mycorr.get(&format!("/connections/{connection}")).await.to_string();
    let token = mycorr.token().to_owned();
    // With all that waits in the write-ahead log, which goes when the program stops.
    let running = mycorr.metadata();
    assert!(running.iter().any(|(path, bytes)| path.ends_with("mycorr.db-wal") && !bytes.is_empty()));
    mycorr.stop();

    let pem = cluster.authority().pem();
    let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let secrets = [
        database.password.as_str(),
        "s3cret-but-wrong",
        "pasted-and-s3cret",
        &token,
        body[1],
        "correct horse battery staple",
    ];
    for secret in secrets {
        assert!(secret.len() > 10);
        let found = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        for (path, bytes) in running.iter().chain(&mycorr.metadata()) {
            assert!(!found(bytes), "{secret} stands in {}", path.display());
        }
        assert!(!found(mycorr.log().as_bytes()), "{secret} was logged");
        assert!(!found(shown.as_bytes()), "{secret} is shown");
    }
    assert!(mycorr.log().contains("TRACE"), "the log was not at its fullest");
}

#[tokio::test]
async fn no_value_of_a_row_is_in_the_log() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let value = "4111-1111-1111-1111";
    database.sql(&format!(
        "CREATE TABLE public.cards AS SELECT n AS id, '{value}'::text AS card FROM generate_series(1, 3) n; \
         CREATE VIEW public.cast_fails AS SELECT id, card::int FROM public.cards; \
         CREATE FUNCTION public.complain(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no %', t \
           USING ERRCODE = '42501'; END$$; \
         CREATE VIEW public.raises AS SELECT id, public.complain(card) FROM public.cards"
    ));
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "cards").await;
    for view in ["cast_fails", "raises"] {
        assert_eq!(mycorr.import(&model, &connection, view).await["state"], "failed");
        let preview = format!("/connections/{connection}/schemas/public/tables/{view}/preview");
        assert!(!mycorr.ask(Method::GET, &preview, None).await.0.is_success());
    }
    let table = job["table_id"].as_str().unwrap();
    let rows =
        mycorr.rows(table, &[("sort", "-card"), ("filter", "card.like.4111*"), ("filter", "id.gt.1")]).await;
    assert_eq!(rows["rows"][0][1], value);
    mycorr.stop();
    let log = mycorr.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("4111-1111")).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}
