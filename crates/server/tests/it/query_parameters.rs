//! What stands after the question mark is known or refused.

use crate::World;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_parameters_are_refused_and_the_known_ones_named() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let fields = |problem: &Value| -> Vec<Value> {
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].clone()).collect()
    };
    let path = "/models?limit=5&limt=5&afterr=x&limt=6";
    let answer = ada.get(path).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    assert_eq!(fields(&answer), ["limt", "afterr"]);
    assert_eq!(answer["fix"], "The parameters here are limit, after.");
    // Where there are none, whatever the method.
    let model = ada.post("/models", json!({"name": "Work"})).await.is(StatusCode::CREATED).await;
    let model = format!("/models/{}?verbose", model["id"].as_str().unwrap());
    for answer in
        [ada.get(&model).await, ada.patch(&model, json!({"name": "Other"})).await, ada.delete(&model).await]
    {
        let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(
            (fields(&problem), &problem["fix"]),
            (vec![json!("verbose")], &json!("It takes no parameters after the question mark."))
        );
    }
    // Nothing was done.
    assert_eq!(ada.get("/models?limit=5").await.ok().await["items"][0]["name"], "Work");
    // Very many are not all repeated.
    let many: String = (0..500).map(|n| format!("&p{n}=1")).collect();
    let answer = ada.get(&format!("/models?{many}")).await;
    let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    assert_eq!(fields(&problem).len(), 16);
    // Monitors append what they like.
    let health = world.nobody().client.get(format!("{}/healthz?verbose", world.url)).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}
