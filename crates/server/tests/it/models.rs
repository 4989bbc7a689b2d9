use crate::{Caller, World};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn made_listed_renamed_deleted_by_the_owner_only() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let made = ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await;
    assert_eq!((&made["access"], &made["tables"]), (&json!("owner"), &json!(0)));
    assert_eq!(made["owner"]["email"], "ada@example.org");
    ada.post("/models", json!({"name": "Second"})).await.is(StatusCode::CREATED).await;
    let first = ada.get("/models?limit=1").await.ok().await;
    assert_eq!(first["items"][0]["name"], "Second", "newest first");
    let after = first["next"].as_str().unwrap();
    let rest = ada.get(&format!("/models?limit=1&after={after}")).await.ok().await;
    assert_eq!((&rest["items"][0], &rest["next"]), (&made, &Value::Null));

    let path = format!("/models/{}", made["id"].as_str().unwrap());
    for beneath in ["", "/tables", "/jobs"] {
        let answer = bob.get(&format!("{path}{beneath}")).await;
        answer.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
    bob.patch(&path, json!({"name": "x"})).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    bob.delete(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    assert_eq!(ada.patch(&path, json!({"name": " Store "})).await.ok().await["name"], "Store");
    ada.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    ada.get(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.get("/models/no-id").await.problem(StatusCode::NOT_FOUND, "not_found").await;
    for limit in ["0", "1001"] {
        let answer = ada.get(&format!("/models?limit={limit}")).await;
        let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], "limit");
    }
}

/// A connection, a Model, and the import of `table` done.
pub(crate) async fn imported(world: &World, ada: &Caller, table: &str) -> Value {
    let connection = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let model = ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await;
    let import = json!({"connection_id": connection["id"], "schema": "public", "table": table});
    let path = format!("/models/{}/imports", model["id"].as_str().unwrap());
    let begun = ada.post(&path, import).await.is(StatusCode::ACCEPTED).await;
    assert_eq!((&begun["job"]["kind"], &begun["table"]["version"]), (&json!("import"), &Value::Null));
    let job = ada.follow(&begun["job"]).await;
    assert_eq!((&job["state"], &job["version"]), (&json!("succeeded"), &json!(1)), "{job}");
    begun
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_its_job() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let job = format!("/jobs/{}", begun["job"]["id"].as_str().unwrap());
    let told = ada.get(&job).await.ok().await;
    assert_eq!((&told["rows"], &told["table_id"]), (&json!(3), &begun["table"]["id"]));
    assert_eq!(told["source"]["table"], "t");
    for path in [job.clone(), format!("{job}/events")] {
        bob.get(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
    let over = ada.post(&format!("{job}/cancel"), json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(over["state"], "succeeded", "a job that is over stays as it is");
    let model = begun["table"]["model_id"].as_str().unwrap();
    let tables = ada.get(&format!("/models/{model}/tables")).await.ok().await;
    assert_eq!(tables["items"][0]["name"], "t");
    let jobs = ada.get(&format!("/models/{model}/jobs")).await.ok().await;
    assert_eq!(jobs["items"], json!([told]));

    let import =
        json!({"connection_id": begun["job"]["source"]["connection_id"], "schema": "public", "table": "x"});
    let begun = ada.post(&format!("/models/{model}/imports"), import).await.is(StatusCode::ACCEPTED).await;
    let job = ada.follow(&begun["job"]).await;
    assert_eq!((&job["state"], &job["problem"]["code"]), (&json!("failed"), &json!("table_not_found")));
}
