use crate::World;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_so() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    ada.get("/nothing").await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let answer = ada.send(ada.request(Method::PUT, "/models")).await;
    assert!(answer.header("allow").contains("POST"));
    answer.problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    let answer = ada.send(ada.with_body(Method::POST, "/models", &json!([1]))).await;
    answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded() {
    let world = World::new().await;
    let answer = world.nobody().get("/me").await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

/// Whoever is still writing when the answer is decided reads it all the same, and not of a broken pipe.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_before_the_body_is_read() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let large = || "x".repeat(6 << 20);
    for _ in 0..5 {
        let answer = ada.post("/models", json!(large())).await;
        answer.problem(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large").await;
        let answer = ada.send(ada.request(Method::POST, "/models").body(large())).await;
        answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").await;
        let answer = world.nobody().post("/models", json!(large())).await;
        answer.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
        let answer = ada.post("/nothing", json!(large())).await;
        answer.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operating() {
    let world = World::new().await;
    for (path, text) in [("healthz", "ok\n"), ("readyz", "ready\n")] {
        let answer = reqwest::get(format!("{}/{path}", world.url)).await.unwrap();
        assert_eq!(answer.text().await.unwrap(), text);
    }
    let metrics = reqwest::get(format!("{}/metrics", world.url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("mycorr_http_answers_total{status=\"2xx\"} 2"), "{metrics}");
    let served = reqwest::get(format!("{}/api/openapi.json", world.url)).await.unwrap();
    assert_eq!(served.text().await.unwrap(), mycorr_server::openapi());
}
