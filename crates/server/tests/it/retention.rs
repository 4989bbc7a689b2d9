//! Which versions are kept.

use crate::{Answer, Caller, World, models::imported};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn name(caller: &Caller, version: &str, name: &str) -> Answer {
    let body = json!({"name": name});
    caller.send(caller.with_body(Method::PUT, &format!("{version}/checkpoint"), &body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_kept_and_other_old_versions_can_be_deleted() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int, b text, c text)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    for change in ["INSERT INTO t VALUES (2)", "ALTER TABLE t DROP b", "INSERT INTO t VALUES (4)"] {
        world.database.sql(change);
        let begun = ada.post(&format!("{path}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
        assert_eq!(ada.follow(&begun["job"]).await["state"], "succeeded");
    }
    let version = |number: i64| format!("{path}/versions/{number}");
    name(&bob, &version(2), "Mine").await.problem(StatusCode::NOT_FOUND, "not_found").await;
    bob.delete(&version(2)).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    name(&ada, &version(9), "None").await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.delete(&version(9)).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    name(&ada, &version(1), "").await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;

    name(&ada, &version(1), "Before").await.is(StatusCode::NO_CONTENT).await;
    name(&ada, &version(1), "At first").await.is(StatusCode::NO_CONTENT).await;
    let taken = name(&ada, &version(2), "At first").await.problem(StatusCode::CONFLICT, "conflict").await;
    assert_eq!(taken["fields"][0]["field"], "name");
    let kept = ada.delete(&version(1)).await.problem(StatusCode::CONFLICT, "conflict").await;
    assert!(kept["detail"].as_str().unwrap().contains("At first"), "{kept}");
    ada.delete(&version(4)).await.problem(StatusCode::CONFLICT, "conflict").await;

    ada.delete(&version(3)).await.is(StatusCode::NO_CONTENT).await;
    ada.delete(&version(3)).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.get(&format!("{path}/rows?version=3")).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let listed = ada.get(&format!("{path}/versions")).await.ok().await;
    let of = |name: &str| -> Vec<Value> {
        listed["items"].as_array().unwrap().iter().map(|version| version[name].clone()).collect()
    };
    assert_eq!(of("version"), [4, 2, 1]);
    assert_eq!(of("checkpoint"), [Value::Null, Value::Null, json!("At first")]);
    // Against the version that is before it now.
    assert_eq!(of("columns_removed"), [json!(["b"]), json!([]), json!([])]);
    let diff = ada.get(&format!("{path}/diff")).await.ok().await;
    assert_eq!((&diff["from"], &diff["to"], &diff["added"]), (&json!(2), &json!(4), &json!(1)));
    for (number, rows) in [(1, 0), (2, 1), (4, 2)] {
        let page = ada.get(&format!("{path}/rows?version={number}")).await.ok().await;
        assert_eq!(page["total"], rows);
    }
    ada.delete(&format!("{}/checkpoint", version(1))).await.is(StatusCode::NO_CONTENT).await;
    ada.delete(&version(1)).await.is(StatusCode::NO_CONTENT).await;
    let made =
        ada.post(&format!("{path}/restore"), json!({"version": 2})).await.is(StatusCode::CREATED).await;
    assert_eq!((&made["version"], &made["columns_added"]), (&json!(5), &json!(["b"])));
}
