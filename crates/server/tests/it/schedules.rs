//! Schedules of tables, on real syncs.

use crate::{Answer, Caller, World, models::imported};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn put(caller: &Caller, path: &str, body: Value) -> Answer {
    caller.send(caller.with_body(Method::PUT, &format!("{path}/schedule"), &body)).await
}

/// The schedule, once it looks like this.
async fn seen(caller: &Caller, path: &str, looks: impl Fn(&Value) -> bool) -> Value {
    loop {
        let schedule = caller.get(&format!("{path}/schedule")).await.ok().await;
        if looks(&schedule) {
            return schedule;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// It is due now.
async fn make_due(world: &World) {
    world.metadata("UPDATE schedules SET next_at = computed_at").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn table_is_synced_when_it_is_due() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let get = async |who: &Caller| who.get(&format!("{path}/schedule")).await;

    get(&ada).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let fine = json!({"cron": "0 6 * * 1-5", "time_zone": "Europe/Berlin"});
    put(&bob, &path, fine.clone()).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let wrong = json!({"cron": "0 6 * *", "time_zone": "Berlin", "jitter_seconds": 86_401});
    let wrong = put(&ada, &path, wrong).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    let fields: Vec<_> = wrong["fields"].as_array().unwrap().iter().map(|field| &field["field"]).collect();
    assert_eq!(fields, ["cron", "time_zone", "jitter_seconds"]);
    for bad in [
        json!({"cron": "0 6 * * *"}),
        json!({"cron": "0 6 * * *", "time_zone": "UTC", "jitter_seconds": -1}),
        json!({"cron": 6, "time_zone": "UTC"}),
        json!({"cron": "0 6 * * *", "time_zone": "UTC", "every": 1}),
    ] {
        put(&ada, &path, bad).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    }
    let schedule = put(&ada, &path, fine).await.ok().await;
    assert_eq!(
        (&schedule["paused"], &schedule["last_run"], &schedule["jitter_seconds"]),
        (&json!(false), &Value::Null, &json!(0))
    );
    assert!(schedule["next_run_at"].is_string() && !schedule["description"].as_str().unwrap().is_empty());

    world.database.sql("INSERT INTO t VALUES (7)");
    make_due(&world).await;
    let ran = seen(&ada, &path, |schedule| schedule["last_run"]["finished_at"].is_string()).await;
    assert_eq!((&ran["last_run"]["state"], &ran["last_run"]["version"]), (&json!("succeeded"), &json!(2)));
    assert_eq!(ran["next_run_at"], schedule["next_run_at"]);

    let paused = json!({"cron": "0 6 * * 1-5", "time_zone": "Europe/Berlin", "paused": true});
    let paused = put(&ada, &path, paused).await.ok().await;
    assert_eq!((&paused["paused"], &paused["next_run_at"]), (&json!(true), &Value::Null));
    assert_eq!(paused["paused_because"], Value::Null);
    ada.delete(&format!("{path}/schedule")).await.is(StatusCode::NO_CONTENT).await;
    get(&ada).await.problem(StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_schedule_pauses_and_goes_on_when_the_connection_works() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int)");
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let table = ada.get(&path).await.ok().await;
    put(&ada, &path, json!({"cron": "0 0 1 1 *", "time_zone": "UTC"})).await.ok().await;
    world.database.sql("DROP TABLE t");
    let mut last = Value::Null;
    for _ in 0..5 {
        make_due(&world).await;
        let over = |schedule: &Value| {
            schedule["last_run"]["finished_at"].is_string() && schedule["last_run"]["id"] != last
        };
        let schedule = seen(&ada, &path, over).await;
        assert_eq!(schedule["last_run"]["problem"]["code"], "table_not_found");
        last = schedule["last_run"]["id"].clone();
    }
    let paused = ada.get(&format!("{path}/schedule")).await.ok().await;
    assert_eq!(paused["paused"], json!(true));
    assert_eq!(paused["paused_because"]["code"], "table_not_found");
    assert!(paused["paused_because"]["detail"].as_str().unwrap().contains("public.t"), "{paused}");

    world.database.sql("CREATE TABLE t (a int)");
    let connection = table["source"]["connection_id"].as_str().unwrap();
    ada.post(&format!("/connections/{connection}/test"), json!({})).await.ok().await;
    let resumed = seen(&ada, &path, |schedule| {
        schedule["last_run"]["finished_at"].is_string() && schedule["last_run"]["id"] != last
    })
    .await;
    assert_eq!((&resumed["paused"], &resumed["last_run"]["state"]), (&json!(false), &json!("succeeded")));
    let activity =
        ada.get(&format!("/models/{}/activity", table["model_id"].as_str().unwrap())).await.ok().await;
    let actions: Vec<_> = activity["items"].as_array().unwrap().iter().map(|item| &item["action"]).collect();
    assert!(
        actions.contains(&&json!("table.schedule_paused")) && actions.contains(&&json!("table.schedule_set"))
    );
}
