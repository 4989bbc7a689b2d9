use crate::World;
use chrono::Utc;
use mycorr_domain::ConnectionId;
use mycorr_meta::{NewStatement, Purpose};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_says_how_long_the_ledger_is_kept() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    assert_eq!(saved["statements_retention_days"], 400);
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let changed = ada.patch(&path, json!({"statements_retention_days": 30})).await.ok().await;
    assert_eq!(changed["statements_retention_days"], 30);
    let refused = ada.patch(&path, json!({"statements_retention_days": 0})).await;
    let problem = refused.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    assert_eq!(problem["fields"][0]["field"], "statements_retention_days");
}

/// Prints how long the download takes: `cargo test -p mycorr-server --test it csv_of -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn csv_of_100_000_statements() {
    const ENTRIES: usize = 100_000;
    let world = World::new().await;
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let id: ConnectionId = saved["id"].as_str().unwrap().parse().unwrap();
    let meta = world.meta().await;
    let actor = meta.connection_of_job(id).await.unwrap().unwrap().owner;
    // As long as that of the settings.
    let text = &format!("SELECT {}", "pg_catalog.set_config('a','b',true), ".repeat(35));
    for _ in 0..ENTRIES / 1000 {
        let many = (0..1000).map(|at| NewStatement {
            at: Utc::now(),
            template: "settings".into(),
            statement: if at % 2 == 0 {
                text.into()
            } else {
                format!("SELECT \"id\" FROM \"public\".\"t{at}\"")
            },
            parameters: vec!["30000".into(), "5000".into(), "mycorr-0123456789abcdef".into()],
            purpose: Purpose::Sync,
            actor,
            job: None,
            rows: 1,
            bytes: 120,
            milliseconds: 4,
            outcome: "ok".into(),
        });
        meta.record_statements(id, many.collect()).await.unwrap();
    }
    let start = Instant::now();
    let csv = ada.get(&format!("/connections/{id}/statements?format=csv")).await;
    let lines = csv.response.text().await.unwrap().matches("\r\n").count();
    println!("{lines} lines of CSV in {:.2} s", start.elapsed().as_secs_f64());
    assert!(lines > ENTRIES);

    let start = Instant::now();
    const PIPELINES: u32 = 100;
    for _ in 0..PIPELINES {
        let pipeline = |text: &str| NewStatement {
            at: Utc::now(),
            template: "tables".into(),
            statement: text.into(),
            parameters: vec![],
            purpose: Purpose::Browse,
            actor,
            job: None,
            rows: 0,
            bytes: 0,
            milliseconds: 0,
            outcome: "running".into(),
        };
        let sent = vec![pipeline(text), pipeline("SELECT 1")];
        meta.enter_statements(id, sent, chrono::TimeDelta::seconds(20)).await.unwrap();
    }
    println!(
        "{:.2} ms to enter a pipeline durably",
        start.elapsed().as_secs_f64() * 1000.0 / f64::from(PIPELINES)
    );
}
